// Loops whose length is known only while they run.

import BloxIR
import BloxPasses

/// Runs a body as long as a condition holds.
///
/// ```swift
/// let root = try whileLoop(x) { s in try abs(s * s - x) .> 1e-4 } body: { s in try (s + x / s) * 0.5 }
/// ```
///
/// Under `vmap`, lanes for which the condition no longer holds keep their state until the last lane has ended.
///
/// - Parameters:
///   - initial: The state that the condition and the body are given first.
///   - condition: Whether the body runs (once more), a `bool[]`.
///   - body: The next state, of the same structure and types.
/// - Returns: The first state for which the condition does not hold. The loop does not end if there is none.
/// - Throws: ``BloxError/Code/structureMismatch`` when the body returns another state than it is given, with the parts
///   that differ; ``BloxError/Code/dtypeMismatch`` or ``BloxError/Code/shapeMismatch`` for a condition that is no bool
///   scalar; ``BloxError/Code/notDifferentiable`` in reverse mode (grad, vjp); or what the closures throw.
public func whileLoop<State: TensorTree>(
  _ initial: State, file: String = #fileID, line: Int = #line, while condition: (State) throws -> Tensor,
  body: (State) throws -> State
) throws -> State {
  try runLoop(initial, "whileLoop", SourceLocation(file: file, line: line), condition, body)
}

/// Runs a body for each index from one tensor to another, with a state carried from one to the next.
///
/// How often it runs may depend on what is computed. So it has a derivative in forward mode only; a range of Swift
/// integers makes a loop that has both.
///
/// - Parameters:
///   - start: The first index, an integer scalar.
///   - end: The index before which the loop ends, of the same dtype.
///   - initial: The state that the first iteration is given.
///   - body: Given the index and the state, returns the next state.
/// - Throws: As ``whileLoop(_:file:line:while:body:)``; ``BloxError/Code/dtypeMismatch`` for bounds that are no integer
///   scalars of one dtype.
public func forLoop<State: TensorTree>(
  from start: Tensor, to end: Tensor, _ initial: State, file: String = #fileID, line: Int = #line,
  _ body: (Tensor, State) throws -> State
) throws -> State {
  let location = SourceLocation(file: file, line: line)
  guard start.type == end.type, start.type.isScalar, start.dtype.isInteger else {
    throw BloxError(
      .dtypeMismatch, "forLoop: the bounds must be integer scalars of one dtype; got \(start.type) and \(end.type)",
      location: location)
  }
  let state = LoopState(index: start, state: initial)
  return try runLoop(state, "forLoop", location, { try $0.index .< end }) { state in
    LoopState(index: try state.index + 1, state: try body(state.index, state.state))
  }.state
}

/// An index beside a state.
private struct LoopState<State: TensorTree>: TensorTree {
  var index: Tensor
  var state: State

  mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&index, "index")
    try visitor.visit(&state, .transparent)
  }
}

private func runLoop<State: TensorTree>(
  _ initial: State, _ name: String, _ location: SourceLocation, _ condition: (State) throws -> Tensor,
  _ body: (State) throws -> State
) throws -> State {
  let start = try initial.tensors()
  let types = start.map(\.type)
  guard !types.isEmpty else {
    throw BloxError(
      .invalidArgument, "\(name): the state has no tensors, so the loop would end at once or never",
      location: location)
  }
  if runsControlFlowInSwift {
    var state = initial
    while true {
      let isOpen = try condition(state)
      try isOpen.expectPredicate("\(name): the condition", location)
      guard try isOpen.item() != 0 else { return state }
      let next = try body(state)
      try expectCarry(state, next, name, location)
      state = next
    }
  }
  let test = try ControlBody("the condition of \(name)", types, OutputShape<Tensor>()) { tensors in
    var rest = tensors[...]
    let result = try condition(try initial.taking(from: &rest))
    try result.expectPredicate("\(name): the condition", location)
    return result
  }
  let step = try ControlBody("the body of \(name)", types, OutputShape<State>()) { tensors in
    var rest = tensors[...]
    let result = try body(try initial.taking(from: &rest))
    try expectCarry(initial, result, name, location)
    return result
  }
  let loop = Op.Loop(
    condition: try test.region(capturesFirst: true), body: try step.region(capturesFirst: true),
    conditionConstCount: test.captures.count, bodyConstCount: step.captures.count)
  var results = try applyControl(.loop(loop), test.captures + step.captures + start, location)[...]
  return try initial.taking(from: &results)
}
