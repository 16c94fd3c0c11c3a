// Dropout.

import BloxTrace

/// Zeroes elements with a probability while training, and scales the others so that the mean stays.
public final class Dropout: Module, Layer {
  /// The probability of zeroing an element.
  public let rate: Double
  /// Where masks come from.
  public let rng: Rng

  /// Makes a layer.
  ///
  /// - Throws: ``BloxError/Code/dropoutRate`` for a rate outside [0, 1).
  public init(_ graph: Graph, rate: Double, rng: Rng) throws {
    self.rate = rate
    self.rng = rng
    guard rate >= 0, rate < 1 else {
      throw BloxError(.dropoutRate, "Dropout '\(graph.path)': rate must be in [0.0, 1.0), got \(rate)")
    }
    try super.init(graph)
  }

  /// The inputs with elements dropped; as they are when not training or when the rate is 0, without using a key.
  public func callAsFunction(
    _ params: Params, _ inputs: Tensor, isTraining: Bool
  ) throws -> (Tensor, Params) {
    guard isTraining, rate > 0 else { return (inputs, params) }
    return try scoped {
      let keep = 1 - rate
      let (key, params) = try rng(params)
      let mask = try key.bernoulli(keep, inputs.shape)
      return (try inputs * mask.cast(to: inputs.dtype.isFloating ? inputs.dtype : .f32) / keep, params)
    }
  }

  /// The inputs with elements dropped, as in training.
  public func callAsFunction(_ params: Params, _ inputs: Tensor) throws -> (Tensor, Params) {
    try self(params, inputs, isTraining: true)
  }
}
