// The gated recurrent unit.

import BloxTrace

/// The state of a ``GRU``.
public struct GRUState: TensorTree, Sendable {
  /// The last outputs, `[batch, hidden]`.
  public var hidden: Tensor

  /// Makes a state.
  public init(hidden: Tensor) { self.hidden = hidden }

  /// Visits the outputs.
  public mutating func visitTensors(_ visitor: inout TensorVisitor) throws { try visitor.visit(&hidden, "hidden") }
}

/// A gated recurrent unit (Cho et al., 2014): for inputs x and last outputs h
///
/// ```text
/// z = sigmoid(Wz [x, h] + bz)              r = sigmoid(Wr [x, h] + br)
/// documented:  n = tanh(Wn x + bn + r * (Un h + cn))     h' = (1 - z) * n + z * h
/// released:    n = tanh(Wn [x, r * h] + bn)              h' = (1 - z) * h + z * n
/// ```
///
/// jax-blox documents the first form and has the second one in its release 0.1.6: use ``Variant/released`` for
/// parameters that it trained.
///
/// Children: the ``Linear`` layers `gates`, `[in + hidden, 2 * hidden]` with the gates in the order z, r, and
/// `candidate`, `[in, hidden]`, with `recurrent`, `[hidden, hidden]`; or in the released form `candidate` alone,
/// `[in + hidden, hidden]`.
public final class GRU: Module, Recurrence {
  /// The form of the candidate and of what the update gate means.
  public enum Variant: String, Sendable {
    /// That of jax-blox's documentation.
    case documented
    /// That of jax-blox 0.1.6.
    case released
  }

  /// The size of outputs.
  public let hiddenSize: Int
  /// The form.
  public let variant: Variant
  /// Whether sequences are processed in a Swift loop.
  public var isStatic: Bool
  /// The projection to both gates.
  public let gates: Linear
  /// The projection to the candidate.
  public let candidate: Linear
  /// The projection of the last outputs to the candidate; `nil` in the released form.
  public let recurrent: Linear?

  /// Makes a layer; its input size is taken from the first inputs it meets.
  ///
  /// - Parameter isStatic: See ``Recurrence/isStatic``.
  /// - Throws: ``BloxError/Code/invalidShape`` for a size that is negative or too large.
  public init(
    _ graph: Graph, hiddenSize: Int, variant: Variant = .documented, rng: Rng? = nil, isStatic: Bool = false
  ) throws {
    self.hiddenSize = hiddenSize
    self.isStatic = isStatic
    self.variant = variant
    gates = try Linear(graph.child("gates"), outputSize: try width(2, of: hiddenSize, graph, "GRU"), rng: rng)
    candidate = try Linear(graph.child("candidate"), outputSize: hiddenSize, rng: rng)
    switch variant {
    case .documented: recurrent = try Linear(graph.child("recurrent"), outputSize: hiddenSize, rng: rng)
    case .released: recurrent = nil
    }
    try super.init(graph)
  }

  /// Zeros.
  ///
  /// - Parameter inputs: A step or a sequence, whose axis 0 is the batch.
  /// - Throws: ``BloxError/Code/scalarInput``.
  public func initialState(_ params: Params, _ inputs: Tensor) throws -> (GRUState, Params) {
    (GRUState(hidden: try Tensor.zeros([try batchSize(inputs), hiddenSize])), params)
  }

  /// One step: inputs `[batch, in]` to outputs `[batch, hidden]`.
  ///
  /// - Throws: ``BloxError/Code/shapeMismatch`` when inputs and state do not fit.
  public func callAsFunction(
    _ params: Params, _ inputs: Tensor, _ state: GRUState, isReset: Tensor? = nil, isTraining: Bool = true
  ) throws -> (Tensor, GRUState, Params) {
    try scoped {
      let last = try maybeResetState(params, state, inputs, isReset: isReset).hidden
      var (gated, params) = try gates(params, try concatenate([inputs, last], axis: -1))
      gated = try sigmoid(gated)
      let update = try gated.slice(0..<hiddenSize, axis: -1)
      let reset = try gated.slice(hiddenSize..<2 * hiddenSize, axis: -1)
      let hidden: Tensor
      if let recurrent {
        var (fresh, fromLast): (Tensor, Tensor)
        (fresh, params) = try candidate(params, inputs)
        (fromLast, params) = try recurrent(params, last)
        fresh = try tanh(fresh + reset * fromLast)
        hidden = try (1 - update) * fresh + update * last
      } else {
        let fresh: Tensor
        (fresh, params) = try candidate(params, try concatenate([inputs, reset * last], axis: -1))
        hidden = try (1 - update) * last + update * tanh(fresh)
      }
      return (hidden, GRUState(hidden: hidden), params)
    }
  }
}
