// Low-rank adapters.

import BloxTrace

/// A low-rank change of a ``Linear`` layer (Hu et al., 2022): `alpha / rank * x · down · up`, added to its outputs.
///
/// Parameters: `down [in, rank]`, normally distributed, and `up [rank, out]`, zeros, so that a fresh adapter changes
/// nothing. Both have the metadata `tag: lora`.
///
/// ```swift
/// for (_, module) in graph.walk() {
///   if let linear = module as? Linear { linear.adapter = try LoRA(of: linear, rank: 4, rng: rng) }
/// }
/// ```
public final class LoRA: Module, Layer {
  /// The size between both factors.
  public let rank: Int
  /// What the change is scaled with, times the rank.
  public let alpha: Double
  /// The size of the outputs.
  public let outputSize: Int
  /// What creates parameters.
  public let rng: Rng

  /// Makes an adapter for a layer, as its child `lora`. Assign it to ``Linear/adapter``.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for a rank that is not positive, ``BloxError/Code/duplicateChild``
  ///   when the layer has an adapter.
  public init(of linear: Linear, rank: Int, alpha: Double? = nil, rng: Rng) throws {
    guard rank > 0 else {
      throw BloxError(.invalidArgument, "LoRA of '\(linear.path)': the rank must be positive; got \(rank)")
    }
    guard let graph = linear.graph else {
      throw BloxError(
        .rootNode, "LoRA of '\(linear.path)': the layer's graph is gone; keep its root for as long as it changes")
    }
    self.rank = rank
    self.alpha = alpha ?? Double(rank)
    outputSize = linear.outputSize
    self.rng = rng
    try super.init(graph.child("lora"))
  }

  /// The change for inputs `[…, in]`, `[…, out]`.
  public func callAsFunction(_ params: Params, _ inputs: Tensor) throws -> (Tensor, Params) {
    try scoped {
      guard let inputSize = inputs.shape.last else {
        throw BloxError(.scalarInput, "LoRA '\(path)': input must not be scalar; got \(inputs.type)")
      }
      let (down, withDown) = try getParam(
        params, "down", shape: [inputSize, rank], initializer: .normal(stddev: 1 / Double(inputSize).squareRoot()),
        metadata: ["tag": "lora"], rng: rng)
      let (up, params) = try getParam(
        withDown, "up", shape: [rank, outputSize], initializer: .zeros, metadata: ["tag": "lora"], rng: rng)
      return (try inputs.matmul(down).matmul(up) * (alpha / Double(rank)), params)
    }
  }
}
