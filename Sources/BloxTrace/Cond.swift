// Choices between functions.

import BloxIR
import BloxPasses

/// Runs one of two functions.
///
/// ```swift
/// let y = try cond(loss.isFinite().all(), x) { x in try x - step } else: { x in x }
/// ```
///
/// Unlike `select` it runs only the function that is chosen, and only that one counts for gradients. Unlike a Swift `if`
/// it works on traced tensors. Both functions are traced; they may read any tensor around them. Under `vmap` with a
/// predicate that differs between lanes both run, and `select` chooses.
///
/// - Parameters:
///   - predicate: A `bool[]`.
///   - operands: What the functions are given.
///   - onTrue: Runs when the predicate holds.
///   - onFalse: Runs when it does not; its output has the same structure and types.
/// - Throws: ``BloxError/Code/structureMismatch`` when the outputs differ, with the parts that do;
///   ``BloxError/Code/dtypeMismatch`` or ``BloxError/Code/shapeMismatch`` for a predicate that is no bool scalar; or
///   what the functions throw.
public func cond<Output: TensorTree, each Operand: TensorTree>(
  _ predicate: Tensor, _ operands: repeat each Operand, file: String = #fileID, line: Int = #line,
  then onTrue: (repeat each Operand) throws -> Output, else onFalse: (repeat each Operand) throws -> Output
) throws -> Output {
  let location = SourceLocation(file: file, line: line)
  try predicate.expectPredicate("cond: the predicate", location)
  if runsControlFlowInSwift {
    return try predicate.item() != 0 ? onTrue(repeat each operands) : onFalse(repeat each operands)
  }
  let arguments = try TensorFunction<Output, repeat each Operand>.flatten(repeat each operands)
  let types = arguments.tensors.map(\.type)
  let whenTrue = try ControlBody("cond (then)", types, OutputShape<Output>()) { tensors in
    try TensorFunction<Output, repeat each Operand>.rebuild(repeat each operands, tensors: tensors, call: onTrue)
  }
  let whenFalse = try ControlBody("cond (else)", types, OutputShape<Output>()) { tensors in
    try TensorFunction<Output, repeat each Operand>.rebuild(repeat each operands, tensors: tensors, call: onFalse)
  }
  let branches = [whenTrue, whenFalse]
  try expectSameTypes(
    branches[0].traced.prototype, branches[1].traced.prototype, root: "out",
    "cond: both functions must return the same structure and types", first: "if true", second: "if false", location)
  return try choose(branches, predicate, arguments.tensors, isPredicate: true, location)
}

/// Runs the function at an index.
///
/// ```swift
/// let y = try switchCase(layerKind, [relu, silu, { try tanh($0) }], x)
/// ```
///
/// As ``cond(_:_:file:line:then:else:)``, with any number of functions.
///
/// - Parameters:
///   - index: An integer scalar. Below 0 it means the first function, beyond the last one the last.
///   - branches: The functions, at least one.
///   - operand: What the function is given.
/// - Throws: ``BloxError/Code/structureMismatch`` when the outputs differ, with the parts that do;
///   ``BloxError/Code/invalidArgument`` for no functions; ``BloxError/Code/dtypeMismatch`` for an index that is no
///   integer scalar; or what the functions throw.
public func switchCase<Output: TensorTree, Operand: TensorTree>(
  _ index: Tensor, _ branches: [(Operand) throws -> Output], _ operand: Operand, file: String = #fileID,
  line: Int = #line
) throws -> Output {
  try runSwitch(index, branches.count, try operand.tensors(), SourceLocation(file: file, line: line)) {
    var rest = $1[...]
    return try branches[$0](try operand.taking(from: &rest))
  }
}

/// Runs the function of two arguments at an index; see the version for one.
public func switchCase<Output: TensorTree, A: TensorTree, B: TensorTree>(
  _ index: Tensor, _ branches: [(A, B) throws -> Output], _ a: A, _ b: B, file: String = #fileID, line: Int = #line
) throws -> Output {
  let operands = try a.tensors() + b.tensors()
  return try runSwitch(index, branches.count, operands, SourceLocation(file: file, line: line)) {
    var rest = $1[...]
    return try branches[$0](try a.taking(from: &rest), try b.taking(from: &rest))
  }
}

/// Runs the function without arguments at an index; see the version for one.
public func switchCase<Output: TensorTree>(
  _ index: Tensor, _ branches: [() throws -> Output], file: String = #fileID, line: Int = #line
) throws -> Output {
  try runSwitch(index, branches.count, [], SourceLocation(file: file, line: line)) { position, _ in
    try branches[position]()
  }
}

private func runSwitch<Output: TensorTree>(
  _ index: Tensor, _ count: Int, _ operands: [Tensor], _ location: SourceLocation,
  _ branch: (Int, [Tensor]) throws -> Output
) throws -> Output {
  guard index.type.isScalar, index.dtype.isInteger else {
    throw BloxError(
      .dtypeMismatch, "switchCase: the index must be an integer scalar; got \(index.type)", location: location)
  }
  guard count > 0 else {
    throw BloxError(.invalidArgument, "switchCase: there are no functions to choose from", location: location)
  }
  if runsControlFlowInSwift {
    return try branch(Int(Swift.min(Swift.max(try index.item(), 0), Double(count - 1))), operands)
  }
  var traced: [ControlBody<Output>] = []
  for position in 0..<count {
    traced.append(
      try ControlBody("switchCase (function \(position))", operands.map(\.type), OutputShape<Output>()) {
        try branch(position, $0)
      })
    try expectSameTypes(
      traced[0].traced.prototype, traced[position].traced.prototype, root: "out",
      "switchCase: all functions must return the same structure and types", first: "from function 0",
      second: "from function \(position)", location)
  }
  return try choose(traced, try index.clampedToInt32(below: count), operands, isPredicate: false, location)
}

extension Tensor {
  /// An index as `i32`; clamped first where its dtype holds more.
  fileprivate func clampedToInt32(below count: Int) throws -> Tensor {
    if dtype == .i32 { return self }
    if dtype.bitWidth < 32 { return try cast(to: .i32) }
    let last = try Tensor(count - 1).cast(to: dtype)
    let upper = try select(self .> last, last, self)
    return try (dtype.kind == .unsigned ? upper : select(upper .< 0, try Tensor.zeros(like: self), upper)).cast(
      to: .i32)
  }
}

/// The output of the branch that a tensor chooses.
private func choose<Output: TensorTree>(
  _ branches: [ControlBody<Output>], _ selector: Tensor, _ operands: [Tensor], isPredicate: Bool,
  _ location: SourceLocation
) throws -> Output {
  let captures = branches.map { $0.captures.map(\.type) }
  var programs: [Program] = []
  for (index, branch) in branches.enumerated() {
    programs.append(
      try branch.region(
        captured: captures[..<index].flatMap { $0 }, behind: captures[(index + 1)...].flatMap { $0 }))
  }
  let results = try applyControl(
    .cond(Op.Cond(branches: programs, isPredicate: isPredicate)),
    [selector] + branches.flatMap(\.captures) + operands, location)
  return try OutputShape<Output>().rebuild(branches[0].traced.prototype, results)
}
