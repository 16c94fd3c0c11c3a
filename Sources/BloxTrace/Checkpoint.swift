// Functions whose derivatives compute values again instead of keeping them.

import BloxIR
import BloxPasses

/// A function that takes less memory under `grad`: its derivative keeps what the policy says, by default its inputs
/// alone, and computes the other values again when it needs them (JAX's `checkpoint`, or rematerialisation).
///
/// ```swift
/// let block = checkpoint(policy: .dots) { (params: Params, x: Tensor) in try transformer(params, x) }
/// ```
///
/// Values and gradients are those of the function. Without differentiation nothing changes. It may read any tensor
/// around it.
///
/// - Parameters:
///   - policy: Which values are kept; see ``checkpointName(_:_:)`` for names.
///   - function: The function.
public func checkpoint<Output, each Input: TensorTree>(
  policy: CheckpointPolicy = .nothing, file: String = #fileID, line: Int = #line,
  _ function: TensorFunction<Output, repeat each Input>
) -> TensorFunction<Output, repeat each Input> {
  TensorFunction(name: function.name, shape: function.shape) { (input: repeat each Input) in
    // Outside of any trace there is nothing to be differentiated.
    guard Trace.current != nil else { return try function.body(repeat each input) }
    let arguments = try TensorFunction<Output, repeat each Input>.flatten(repeat each input)
    let body = try ControlBody(function.name, arguments.tensors.map(\.type), function.shape) { tensors in
      try TensorFunction<Output, repeat each Input>.rebuild(
        repeat each input, tensors: tensors, call: function.body)
    }
    let region = Op.Checkpoint(body: try body.region(capturesFirst: false), policy: policy)
    let results = try applyControl(
      .checkpoint(region), arguments.tensors + body.captures, SourceLocation(file: file, line: line))
    return try function.shape.rebuild(body.traced.prototype, results)
  }
}

/// A closure of one output that takes less memory under `grad`; see ``checkpoint(policy:file:line:_:)``.
public func checkpoint<Output: TensorTree, each Input: TensorTree>(
  policy: CheckpointPolicy = .nothing, file: String = #fileID, line: Int = #line,
  _ function: @escaping (repeat each Input) throws -> Output
) -> TensorFunction<Output, repeat each Input> {
  checkpoint(policy: policy, file: file, line: line, TensorFunction(function))
}

/// A closure of two outputs that takes less memory under `grad`; see ``checkpoint(policy:file:line:_:)``.
public func checkpoint<A: TensorTree, B: TensorTree, each Input: TensorTree>(
  policy: CheckpointPolicy = .nothing, file: String = #fileID, line: Int = #line,
  _ function: @escaping (repeat each Input) throws -> (A, B)
) -> TensorFunction<(A, B), repeat each Input> {
  checkpoint(policy: policy, file: file, line: line, TensorFunction(function))
}

/// A closure of three outputs that takes less memory under `grad`; see ``checkpoint(policy:file:line:_:)``.
public func checkpoint<A: TensorTree, B: TensorTree, C: TensorTree, each Input: TensorTree>(
  policy: CheckpointPolicy = .nothing, file: String = #fileID, line: Int = #line,
  _ function: @escaping (repeat each Input) throws -> (A, B, C)
) -> TensorFunction<(A, B, C), repeat each Input> {
  checkpoint(policy: policy, file: file, line: line, TensorFunction(function))
}

/// The tensors of a tree under a name, by which a checkpoint's policy `.names` keeps them.
public func checkpointName<Tree: TensorTree>(
  _ tree: Tree, _ name: String, file: String = #fileID, line: Int = #line
) throws -> Tree {
  guard Trace.current != nil else { return tree }
  return try treeMap(tree) {
    try Tensor.apply(.checkpointName(name), $0, location: SourceLocation(file: file, line: line))
  }
}
