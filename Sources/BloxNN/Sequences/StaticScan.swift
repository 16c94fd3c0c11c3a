// Steps over a sequence as a Swift loop.

import BloxTrace

/// One step after another over axis 1, in a Swift loop: while tracing, the program holds each step.
///
/// For initialization, short sequences, and steps that look at values. Parameters go from step to step like the state,
/// so that random state and running statistics advance within the sequence.
///
/// ```swift
/// let (outputs, state, params) = try staticScan(params, inputs, start) { params, x, state, _, _ in
///   let (y, params) = try layer(params, x)
///   return (try y + state, try state + x, params)
/// }
/// ```
///
/// - Parameters:
///   - inputs: `[batch, time, …]`; all tensors have the same number of steps.
///   - state: The state before the first step.
///   - isReset: `[batch, time]`; each step gets its part.
///   - isTraining: What each step gets.
///   - step: A step: parameters, inputs `[batch, …]`, state, reset signal and flag to outputs, state and parameters.
/// - Returns: The outputs of all steps, `[batch, time, …]`, the last state, and the last parameters.
/// - Throws: ``BloxError/Code/invalidArgument`` for inputs without tensors or without steps,
///   ``BloxError/Code/invalidShape`` for a tensor without axis 1, ``BloxError/Code/shapeMismatch`` for different
///   numbers of steps, ``BloxError/Code/structureMismatch`` when steps give different trees.
public func staticScan<Inputs: TensorTree, State: TensorTree, Outputs: TensorTree, Reset: TensorTree>(
  _ params: Params, _ inputs: Inputs, _ state: State, isReset: Reset?, isTraining: Bool = true,
  step: (Params, Inputs, State, Reset?, Bool) throws -> (Outputs, State, Params)
) throws -> (Outputs, State, Params) {
  let count = try stepCount(inputs, isReset, for: "staticScan")
  return try steps(params, inputs, state, isReset, isTraining, count: count, name: "staticScan", step)
}

/// The steps as a Swift loop.
func steps<Inputs: TensorTree, State: TensorTree, Outputs: TensorTree, Reset: TensorTree>(
  _ params: Params, _ inputs: Inputs, _ state: State, _ isReset: Reset?, _ isTraining: Bool, count: Int, name: String,
  _ step: (Params, Inputs, State, Reset?, Bool) throws -> (Outputs, State, Params)
) throws -> (Outputs, State, Params) {
  var (state, params) = (state, params)
  var outputs: [Outputs] = []
  for time in 0..<count {
    let output: Outputs
    (output, state, params) = try step(
      params, try treeMap(inputs) { try $0.at(time, axis: 1) }, state,
      try isReset.map { try treeMap($0) { try $0.at(time, axis: 1) } }, isTraining)
    outputs.append(output)
  }
  return (try stacked(outputs, name), state, params)
}

/// One step after another over axis 1 without a reset signal; see
/// ``staticScan(_:_:_:isReset:isTraining:step:)``.
public func staticScan<Inputs: TensorTree, State: TensorTree, Outputs: TensorTree>(
  _ params: Params, _ inputs: Inputs, _ state: State, isTraining: Bool = true,
  step: (Params, Inputs, State, Tensor?, Bool) throws -> (Outputs, State, Params)
) throws -> (Outputs, State, Params) {
  try staticScan(params, inputs, state, isReset: Tensor?.none, isTraining: isTraining, step: step)
}

/// The number of steps of a sequence, which all of its tensors share.
func stepCount<Inputs: TensorTree, Reset: TensorTree>(
  _ inputs: Inputs, _ isReset: Reset?, for operation: String
) throws -> Int {
  let leaves = try inputs.namedTensors()
  guard let first = leaves.first else {
    throw BloxError(.invalidArgument, "\(operation): the input tree cannot be empty")
  }
  func name(_ path: String) -> String { path.isEmpty ? "" : " '\(path)'" }
  let signals = try isReset?.namedTensors() ?? []
  for (what, part) in [("input", leaves), ("isReset", signals)] {
    for (path, tensor) in part {
      guard tensor.rank >= 2 else {
        throw BloxError(
          .invalidShape,
          "\(operation): \(what) leaves must have rank >= 2, [batch, time, ...], got \(tensor.rank):\(name(path))"
            + " \(tensor.type)")
      }
      guard tensor.shape[1] == first.tensor.shape[1] else {
        throw BloxError(
          .shapeMismatch,
          "\(operation): all leaves must have the same number of steps: input\(name(first.path)) is"
            + " \(first.tensor.type), \(what)\(name(path)) \(tensor.type)")
      }
    }
  }
  guard first.tensor.shape[1] > 0 else {
    throw BloxError(
      .invalidArgument,
      "\(operation): the inputs \(first.tensor.type) have no steps, so that nothing says what outputs are")
  }
  return first.tensor.shape[1]
}

/// The outputs of steps, joined along a new axis 1.
private func stacked<Outputs: TensorTree>(_ outputs: [Outputs], _ name: String) throws -> Outputs {
  guard let first = outputs.first else { preconditionFailure("there are steps") }
  let structure = try first.structure()
  guard try outputs.allSatisfy({ try $0.structure() == structure }) else {
    throw BloxError(
      .structureMismatch, "\(name): the outputs of all steps must have the structure of the first step's")
  }
  let columns = try outputs.map { try $0.tensors() }
  var index = 0
  return try treeMap(first) { _ in
    defer { index += 1 }
    let column = columns.map { $0[index] }
    try expectBatch(column[0], name)
    return try stack(column, axis: 1)
  }
}

/// Throws for an output of a step that has no batch axis, behind which that of time would be.
func expectBatch(_ output: Tensor, _ name: String) throws {
  guard output.rank == 0 else { return }
  throw BloxError(
    .invalidShape, "\(name): the outputs of a step need a batch axis, [batch, ...]; got \(output.type)")
}
