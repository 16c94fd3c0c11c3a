// Steps over a sequence as a loop of the program.

import BloxTrace

/// One step after another over axis 1, as a ``scan(_:_:length:reverse:unroll:file:line:_:)``: the program holds one
/// step, whatever the length of the sequence.
///
/// Parameters go from step to step like the state, so that random state and running statistics advance within the
/// sequence; parameters that no step changes are not copied. Values and gradients are those of
/// ``staticScan(_:_:_:isReset:isTraining:step:)``.
///
/// ```swift
/// let (outputs, state, params) = try dynamicScan(params.locked(), inputs, start) { params, x, state, _, _ in
///   let (y, params) = try layer(params, x)
///   return (try y + state, try state + x, params)
/// }
/// ```
///
/// A loop cannot create parameters, since every iteration is given what the last one returned: with unlocked parameters
/// the steps run in a Swift loop, which creates what is missing in the first one.
///
/// - Parameters:
///   - inputs: `[batch, time, …]`; all tensors have the same number of steps.
///   - state: The state before the first step.
///   - isReset: `[batch, time]`; each step gets its part.
///   - isTraining: What each step gets.
///   - step: A step: parameters, inputs `[batch, …]`, state, reset signal and flag to outputs, state and parameters.
///     State and parameters keep their structure and types.
/// - Returns: The outputs of all steps, `[batch, time, …]`, the last state, and the last parameters, in order of paths.
/// - Throws: ``BloxError/Code/structureMismatch`` when a step returns another state or other parameters than it is
///   given, with the parts that differ, and otherwise what ``staticScan(_:_:_:isReset:isTraining:step:)`` throws.
public func dynamicScan<Inputs: TensorTree, State: TensorTree, Outputs: TensorTree, Reset: TensorTree>(
  _ params: Params, _ inputs: Inputs, _ state: State, isReset: Reset?, isTraining: Bool = true,
  file: String = #fileID, line: Int = #line,
  step: (Params, Inputs, State, Reset?, Bool) throws -> (Outputs, State, Params)
) throws -> (Outputs, State, Params) {
  let count = try stepCount(inputs, isReset, for: "dynamicScan")
  guard params.isLocked else {
    return try steps(params, inputs, state, isReset, isTraining, count: count, name: "dynamicScan", step)
  }
  let sequence = try treeMap(StepInputs(inputs: inputs, isReset: isReset)) { try $0.swapAxes(0, 1) }
  let (last, outputs) = try scan(StepCarry(state: state, params: params), sequence, file: file, line: line) {
    carry, x in
    let (outputs, next, after) = try step(carry.params, x.inputs, carry.state, x.isReset, isTraining)
    for output in try outputs.tensors() { try expectBatch(output, "dynamicScan") }
    return (StepCarry(state: next, params: after), outputs)
  }
  return (try treeMap(outputs) { try $0.swapAxes(0, 1) }, last.state, last.params)
}

/// One step after another over axis 1 without a reset signal; see
/// ``dynamicScan(_:_:_:isReset:isTraining:file:line:step:)``.
public func dynamicScan<Inputs: TensorTree, State: TensorTree, Outputs: TensorTree>(
  _ params: Params, _ inputs: Inputs, _ state: State, isTraining: Bool = true, file: String = #fileID,
  line: Int = #line, step: (Params, Inputs, State, Tensor?, Bool) throws -> (Outputs, State, Params)
) throws -> (Outputs, State, Params) {
  try dynamicScan(
    params, inputs, state, isReset: Tensor?.none, isTraining: isTraining, file: file, line: line, step: step)
}

/// What a loop over steps reads: inputs and reset signal.
private struct StepInputs<Inputs: TensorTree, Reset: TensorTree>: TensorTree {
  var inputs: Inputs
  var isReset: Reset?

  mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&inputs, "inputs")
    try visitor.visit(&isReset, "isReset")
  }
}

/// What a loop over steps carries.
private struct StepCarry<State: TensorTree>: TensorTree {
  var state: State
  var params: Params

  mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&state, "state")
    try visitor.visit(&params, "params")
  }
}
