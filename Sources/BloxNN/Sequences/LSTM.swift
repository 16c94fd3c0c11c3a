// The long short-term memory.

import BloxTrace

/// The state of an ``LSTM``.
public struct LSTMState: TensorTree, Sendable {
  /// The last outputs, `[batch, hidden]`.
  public var hidden: Tensor
  /// The memory, `[batch, hidden]`.
  public var cell: Tensor

  /// Makes a state.
  public init(hidden: Tensor, cell: Tensor) {
    self.hidden = hidden
    self.cell = cell
  }

  /// Visits the outputs and the memory.
  public mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&hidden, "hidden")
    try visitor.visit(&cell, "cell")
  }
}

/// A long short-term memory (Hochreiter and Schmidhuber, 1997): for inputs x, last outputs h and memory c
///
/// ```text
/// i = sigmoid(Wi [x, h] + bi)    f = sigmoid(Wf [x, h] + bf)
/// g = tanh(Wg [x, h] + bg)       o = sigmoid(Wo [x, h] + bo)
/// c' = f * c + i * g             h' = o * tanh(c')
/// ```
///
/// Child: the ``Linear`` layer `gates`, `[in + hidden, 4 * hidden]`, with the gates in the order i, g, f, o.
///
/// ```swift
/// let lstm = try LSTM(graph.child("lstm"), hiddenSize: 128, rng: rng)
/// let (outputs, state, params) = try lstm.apply(params, sequence)        // [batch, time, features]
/// ```
public final class LSTM: Module, Recurrence {
  /// The size of outputs and memory.
  public let hiddenSize: Int
  /// Whether sequences are processed in a Swift loop.
  public var isStatic: Bool
  /// The projection to all gates.
  public let gates: Linear

  /// Makes a layer; its input size is taken from the first inputs it meets.
  ///
  /// - Parameter isStatic: See ``Recurrence/isStatic``.
  /// - Throws: ``BloxError/Code/invalidShape`` for a size that is negative or too large.
  public init(_ graph: Graph, hiddenSize: Int, rng: Rng? = nil, isStatic: Bool = false) throws {
    self.hiddenSize = hiddenSize
    self.isStatic = isStatic
    gates = try Linear(graph.child("gates"), outputSize: try width(4, of: hiddenSize, graph, "LSTM"), rng: rng)
    try super.init(graph)
  }

  /// Zeros.
  ///
  /// - Parameter inputs: A step or a sequence, whose axis 0 is the batch.
  /// - Throws: ``BloxError/Code/scalarInput``.
  public func initialState(_ params: Params, _ inputs: Tensor) throws -> (LSTMState, Params) {
    let shape = [try batchSize(inputs), hiddenSize]
    return (LSTMState(hidden: try Tensor.zeros(shape), cell: try Tensor.zeros(shape)), params)
  }

  /// One step: inputs `[batch, in]` to outputs `[batch, hidden]`.
  ///
  /// - Throws: ``BloxError/Code/shapeMismatch`` when inputs and state do not fit.
  public func callAsFunction(
    _ params: Params, _ inputs: Tensor, _ state: LSTMState, isReset: Tensor? = nil, isTraining: Bool = true
  ) throws -> (Tensor, LSTMState, Params) {
    try scoped {
      let state = try maybeResetState(params, state, inputs, isReset: isReset)
      let (gated, params) = try gates(params, try concatenate([inputs, state.hidden], axis: -1))
      let parts = try (0..<4).map { try gated.slice($0 * hiddenSize..<($0 + 1) * hiddenSize, axis: -1) }
      let cell = try sigmoid(parts[2]) * state.cell + sigmoid(parts[0]) * tanh(parts[1])
      let hidden = try sigmoid(parts[3]) * tanh(cell)
      return (hidden, LSTMState(hidden: hidden, cell: cell), params)
    }
  }
}

extension Module {
  /// The size of axis 0.
  func batchSize(_ inputs: Tensor) throws -> Int {
    guard let size = inputs.shape.first else {
      throw BloxError(.scalarInput, "\(type(of: self)) '\(path)': inputs need a batch axis; got \(inputs.type)")
    }
    return size
  }
}

/// A number of gates of a size, side by side.
func width(_ count: Int, of size: Int, _ graph: Graph, _ layer: String) throws -> Int {
  let (width, overflow) = size.multipliedReportingOverflow(by: count)
  guard size >= 0, !overflow else {
    throw BloxError(.invalidShape, "\(layer) '\(graph.path)': a hidden size of \(size) is negative or too large")
  }
  return width
}
