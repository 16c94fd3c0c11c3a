// The transformer block and its feed-forward part.

import BloxTrace

/// Two projections with an activation between them, over the last axis.
///
/// Children: the ``Linear`` layers `gate` (SwiGLU only), `up` and `down`.
public final class FeedForward: Module, Layer {
  /// What is between the projections.
  public enum Activation: String, Sendable {
    /// `down(gelu(up(x)))`.
    case gelu
    /// `down(relu(up(x)))`.
    case relu
    /// `down(silu(gate(x)) * up(x))` (Shazeer, 2020).
    case swiGLU
  }

  /// The size between the projections.
  public let hiddenSize: Int
  /// What is between the projections.
  public let activation: Activation
  /// The projection that gates; `nil` unless the activation does.
  public let gate: Linear?
  /// The projection to the hidden size.
  public let up: Linear
  /// The projection to the outputs.
  public let down: Linear

  /// Makes a layer.
  public init(
    _ graph: Graph, features: Int, hiddenSize: Int, activation: Activation = .gelu, useBias: Bool = true,
    kernelInitializer: Initializer = .lecunNormal, rng: Rng? = nil
  ) throws {
    func projection(_ name: String, _ outputSize: Int) throws -> Linear {
      try Linear(
        graph.child(name), outputSize: outputSize, rng: rng, useBias: useBias, kernelInitializer: kernelInitializer)
    }
    self.hiddenSize = hiddenSize
    self.activation = activation
    gate = activation == .swiGLU ? try projection("gate", hiddenSize) : nil
    up = try projection("up", hiddenSize)
    down = try projection("down", features)
    try super.init(graph)
  }

  /// Maps `[…, in]` to `[…, features]`.
  public func callAsFunction(_ params: Params, _ inputs: Tensor) throws -> (Tensor, Params) {
    try scoped {
      var (gated, params): (Tensor?, Params) = (nil, params)
      if let gate { (gated, params) = try gate(params, inputs) }
      var hidden: Tensor
      (hidden, params) = try up(params, inputs)
      switch activation {
      case .gelu: hidden = try gelu(hidden)
      case .relu: hidden = try relu(hidden)
      case .swiGLU: if let gated { hidden = try silu(gated) * hidden }
      }
      return try down(params, hidden)
    }
  }
}

/// A block of a transformer, with norms before its parts: `x + attention(norm(x))`, then `x + feedForward(norm(x))`.
///
/// Children: `attention_norm`, `attention`, `dropout` (with a rate), `feed_forward_norm` and `feed_forward`.
///
/// ```swift
/// let block = try TransformerBlock(
///   graph.child("block0"), features: 128, headCount: 4, isCausal: true, rotaryBase: 10_000, rng: rng)
/// let (y, params) = try block(params, x, isTraining: true)       // x: [batch, time, 128]
/// ```
public final class TransformerBlock: Module, Layer {
  /// The norm of a block.
  public enum Norm: String, Sendable {
    /// ``LayerNorm``.
    case layerNorm
    /// ``RMSNorm``.
    case rmsNorm
  }

  /// The norm before the attention.
  public let attentionNorm: any Layer
  /// The attention.
  public let attention: MultiHeadAttention
  /// The norm before the feed-forward part.
  public let feedForwardNorm: any Layer
  /// The feed-forward part.
  public let feedForward: FeedForward
  /// What is applied to both parts before they are added; `nil` for a rate of 0.
  public let dropout: Dropout?

  /// Makes a block.
  ///
  /// - Parameters:
  ///   - hiddenSize: The size within the feed-forward part; 4 times the features by default.
  ///   - dropoutRate: How much of both parts' outputs is dropped while training; needs an rng.
  /// - Throws: ``BloxError/Code/invalidArgument``, ``BloxError/Code/dropoutRate``, ``BloxError/Code/missingRng`` for a
  ///   dropout rate without rng.
  public init(
    _ graph: Graph, features: Int, headCount: Int, keyValueHeadCount: Int? = nil, hiddenSize: Int? = nil,
    norm: Norm = .layerNorm, activation: FeedForward.Activation = .gelu, isCausal: Bool = false,
    rotaryBase: Double? = nil, useBias: Bool = true, dropoutRate: Double = 0,
    kernelInitializer: Initializer = .lecunNormal, rng: Rng? = nil
  ) throws {
    func makeNorm(_ name: String) throws -> any Layer {
      switch norm {
      case .layerNorm: try LayerNorm(graph.child(name), useBias: useBias)
      case .rmsNorm: try RMSNorm(graph.child(name))
      }
    }
    let (wide, overflow) = features.multipliedReportingOverflow(by: 4)
    guard !overflow else {
      throw BloxError(.invalidArgument, "TransformerBlock '\(graph.path)': \(features) features are too many")
    }
    attentionNorm = try makeNorm("attention_norm")
    attention = try MultiHeadAttention(
      graph.child("attention"), features: features, headCount: headCount, keyValueHeadCount: keyValueHeadCount,
      isCausal: isCausal, rotaryBase: rotaryBase, useBias: useBias, kernelInitializer: kernelInitializer, rng: rng)
    if dropoutRate != 0 {
      guard let rng else {
        throw BloxError(
          .missingRng,
          "TransformerBlock '\(graph.path)': a dropout rate of \(dropoutRate) needs random keys; give the"
            + " block an rng")
      }
      dropout = try Dropout(graph.child("dropout"), rate: dropoutRate, rng: rng)
    } else {
      dropout = nil
    }
    feedForwardNorm = try makeNorm("feed_forward_norm")
    feedForward = try FeedForward(
      graph.child("feed_forward"), features: features, hiddenSize: hiddenSize ?? wide, activation: activation,
      useBias: useBias, kernelInitializer: kernelInitializer, rng: rng)
    try super.init(graph)
  }

  /// Maps `[batch, time, features]` to the same shape, without dropout.
  public func callAsFunction(_ params: Params, _ inputs: Tensor) throws -> (Tensor, Params) {
    try self(params, inputs, isTraining: false)
  }

  /// Maps `[batch, time, features]` to the same shape.
  ///
  /// - Parameters:
  ///   - mask: `bool`, where a step may see another; broadcasts to `[batch, heads, time, time]`.
  ///   - isTraining: Whether dropout is applied.
  public func callAsFunction(
    _ params: Params, _ inputs: Tensor, mask: Tensor? = nil, isTraining: Bool
  ) throws -> (Tensor, Params) {
    try scoped {
      let (normed, withNorm) = try attentionNorm(params, inputs)
      let (part, after) = try attention(withNorm, normed, context: nil, mask: mask)
      return try rest(after, inputs, part, isTraining: isTraining)
    }
  }

  /// Maps the next steps `[batch, time, features]` to the same shape; see ``KeyValueCache``.
  public func callAsFunction(
    _ params: Params, _ inputs: Tensor, cache: KeyValueCache
  ) throws -> (Tensor, KeyValueCache, Params) {
    try scoped {
      let (normed, withNorm) = try attentionNorm(params, inputs)
      let (part, next, after) = try attention(withNorm, normed, cache: cache)
      let (outputs, params) = try rest(after, inputs, part, isTraining: false)
      return (outputs, next, params)
    }
  }

  /// What follows the attention.
  private func rest(
    _ params: Params, _ inputs: Tensor, _ attended: Tensor, isTraining: Bool
  ) throws -> (Tensor, Params) {
    var (part, params) = (attended, params)
    if let dropout { (part, params) = try dropout(params, part, isTraining: isTraining) }
    let x = try inputs + part
    (part, params) = try feedForwardNorm(params, x)
    (part, params) = try feedForward(params, part)
    if let dropout { (part, params) = try dropout(params, part, isTraining: isTraining) }
    return (try x + part, params)
  }
}
