// What modules that process sequences have in common, and recurrences, which do it step by step.

import BloxTrace

/// A module that processes sequences: `[batch, time, …]` in, `[batch, time, …]` out, with a state in between.
///
/// Inputs, states, outputs and reset signals are trees of tensors. A call processes one step, ``apply`` a sequence:
///
/// ```swift
/// let (outputs, state, params) = try lstm(params, x, state)              // x: [batch, features]
/// let (outputs, state, params) = try lstm.apply(params, sequence)        // sequence: [batch, time, features]
/// ```
public protocol SequenceModule: Module {
  /// The inputs of a step, `[batch, …]`.
  associatedtype Inputs: TensorTree
  /// What a step hands to the next one, `[batch, …]`.
  associatedtype State: TensorTree
  /// The outputs of a step, `[batch, …]`.
  associatedtype Outputs: TensorTree
  /// Which sequences start anew, `bool[batch]` for all of the state or for each of its tensors.
  associatedtype Reset: TensorTree = Tensor

  /// The state before the first step.
  ///
  /// - Parameter inputs: A step or a sequence, for the size of the batch.
  func initialState(_ params: Params, _ inputs: Inputs) throws -> (State, Params)

  /// One step.
  ///
  /// - Parameters:
  ///   - inputs: `[batch, …]`.
  ///   - state: The state after the step before.
  ///   - isReset: Where the state is replaced by the initial one before the step.
  ///   - isTraining: Whether layers such as dropout act as in training.
  func callAsFunction(
    _ params: Params, _ inputs: Inputs, _ state: State, isReset: Reset?, isTraining: Bool
  ) throws -> (Outputs, State, Params)

  /// A sequence.
  ///
  /// - Parameters:
  ///   - inputs: `[batch, time, …]`.
  ///   - state: The state before the first step; ``initialState(_:_:)`` without it.
  ///   - isReset: `bool[batch, time]`, where the state is replaced by the initial one before a step.
  ///   - isTraining: Whether layers such as dropout act as in training.
  /// - Returns: The outputs of all steps, `[batch, time, …]`, and the state after the last one.
  func apply(
    _ params: Params, _ inputs: Inputs, state: State?, isReset: Reset?, isTraining: Bool
  ) throws -> (Outputs, State, Params)
}

/// A sequence module that processes sequences step by step.
///
/// A class of your own stores ``isStatic``: `var isStatic = false`.
public protocol Recurrence: SequenceModule {
  /// Whether ``apply(_:_:state:isReset:isTraining:)`` is a Swift loop, ``staticScan(_:_:_:isReset:isTraining:step:)``,
  /// rather than a loop of the program, ``dynamicScan(_:_:_:isReset:isTraining:file:line:step:)``.
  ///
  /// The program of a Swift loop holds every step: it takes longer to compile, and steps may look at values outside of
  /// ``jit(name:arguments:donating:donation:staleness:cacheLimit:file:line:_:)``. What is compiled already stays as it
  /// is when the property changes.
  var isStatic: Bool { get set }
}

extension Recurrence {
  /// One step after another by the module's call.
  ///
  /// With unlocked parameters, and when ``isStatic`` says so, in a Swift loop, of which the first step creates
  /// parameters that are missing; otherwise as a loop of the program.
  ///
  /// - Throws: What ``dynamicScan(_:_:_:isReset:isTraining:file:line:step:)`` and the steps throw.
  public func apply(
    _ params: Params, _ inputs: Inputs, state: State? = nil, isReset: Reset? = nil, isTraining: Bool = true
  ) throws -> (Outputs, State, Params) {
    try scoped {
      var (start, params) = (state, params)
      if start == nil { (start, params) = try initialState(params, inputs) }
      guard let start else { preconditionFailure("the initial state is there") }
      let step = { (params: Params, x: Inputs, state: State, isReset: Reset?, isTraining: Bool) in
        try self(params, x, state, isReset: isReset, isTraining: isTraining)
      }
      if isStatic {
        return try staticScan(params, inputs, start, isReset: isReset, isTraining: isTraining, step: step)
      }
      return try dynamicScan(params, inputs, start, isReset: isReset, isTraining: isTraining, step: step)
    }
  }

  /// The state with the initial one in the rows that a signal names; the state itself without a signal.
  ///
  /// - Parameters:
  ///   - state: The state, of which each tensor is `[batch, …]`.
  ///   - inputs: The inputs of the step, for the initial state.
  ///   - isReset: `bool[batch]`, or a tree with one of these for each tensor of the state.
  /// - Throws: ``BloxError/Code/dtypeMismatch``, ``BloxError/Code/shapeMismatch``,
  ///   ``BloxError/Code/structureMismatch`` when the signal does not fit the state.
  public func maybeResetState(
    _ params: Params, _ state: State, _ inputs: Inputs, isReset: Reset?
  ) throws -> State {
    guard let isReset else { return state }
    let (initial, _) = try initialState(params, inputs)
    let signals = try isReset.tensors()
    let count = try state.tensors().count
    guard signals.count == 1 || signals.count == count else {
      throw BloxError(
        .structureMismatch,
        "isReset has \(signals.count) tensors; it needs one for the whole state, or one for each of its \(count)")
    }
    var index = 0
    return try treeMap(state, initial) { current, fresh in
      defer { index += 1 }
      let signal = signals[signals.count == 1 ? 0 : index]
      // Rows are meant, so the signal's axes stand first, and not last as broadcasting would have them.
      return try select(rows(signal, of: current), fresh.cast(to: current.dtype), current)
    }
  }

  /// A signal with an axis of size 1 for each axis of a state's tensor that it does not have.
  private func rows(_ signal: Tensor, of state: Tensor) throws -> Tensor {
    guard signal.dtype == .bool else {
      throw BloxError(.dtypeMismatch, "isReset must be bool; got \(signal.type)")
    }
    guard signal.rank <= state.rank, zip(signal.shape, state.shape).allSatisfy({ $0 == $1 || $0 == 1 }) else {
      throw BloxError(
        .shapeMismatch,
        "isReset \(signal.type) does not fit the state \(state.type): it needs a value for each sequence of the batch,"
          + " bool[\(state.shape.first ?? 1)]")
    }
    return try signal.reshape(signal.shape + [Int](repeating: 1, count: state.rank - signal.rank))
  }
}
