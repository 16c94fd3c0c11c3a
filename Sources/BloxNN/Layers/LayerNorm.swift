// Norms of single examples: LayerNorm and RMSNorm.

import BloxTrace

/// Mean 0 and variance 1 over the last axis, then a scale and a bias: `(x - mean) / sqrt(variance + epsilon)`.
///
/// Parameters: `scale [features]` and `bias [features]`, created in this order; each draws one key if there is an rng.
///
/// Over lanes of a `vmap` with an axis name, the lanes' means and variances are averaged, which is the variance of all
/// features only if the lanes' means agree; see `isVarianceExact`.
public final class LayerNorm: Module, Layer {
  /// What is added to the variance.
  public let epsilon: Double
  /// Whether outputs are scaled.
  public let useScale: Bool
  /// Whether a bias is added.
  public let useBias: Bool
  /// What creates the scale.
  public let scaleInitializer: Initializer
  /// What creates the bias.
  public let biasInitializer: Initializer
  /// The named axis over whose lanes statistics are averaged.
  public let axisName: AxisNames?
  /// Lanes that average among themselves only.
  public let axisIndexGroups: [[Int]]?
  /// Whether the variance over lanes is that of all their features, rather than the mean of the lanes' variances.
  public let isVarianceExact: Bool
  /// What creates parameters.
  public let rng: Rng?

  /// Makes a layer; its size is taken from the first inputs it meets.
  public init(
    _ graph: Graph, epsilon: Double = 1e-5, useScale: Bool = true, useBias: Bool = true,
    scaleInitializer: Initializer = .ones, biasInitializer: Initializer = .zeros, axisName: AxisNames? = nil,
    axisIndexGroups: [[Int]]? = nil, isVarianceExact: Bool = false, rng: Rng? = nil
  ) throws {
    self.epsilon = epsilon
    self.useScale = useScale
    self.useBias = useBias
    self.scaleInitializer = scaleInitializer
    self.biasInitializer = biasInitializer
    self.axisName = axisName
    self.axisIndexGroups = axisIndexGroups
    self.isVarianceExact = isVarianceExact
    self.rng = rng
    try super.init(graph)
  }

  /// Normalizes `[…, features]`; `bf16` and `f16` in `f32`.
  ///
  /// - Throws: ``BloxError/Code/scalarInput``, ``BloxError/Code/shapeMismatch`` when the parameters have another size,
  ///   ``BloxError/Code/unboundAxis``.
  public func callAsFunction(_ params: Params, _ inputs: Tensor) throws -> (Tensor, Params) {
    try scoped {
      _ = try featureCount(inputs)
      let lanes = StatisticsAxis(name: axisName, groups: axisIndexGroups)
      let wide = try inputs.cast(to: inputs.dtype.computing)
      let own = try wide.mean([-1], keepDimensions: true)
      let mean = try lanes.mean(own)
      let variance = try lanes.mean(square(wide - (isVarianceExact ? mean : own)).mean([-1], keepDimensions: true))
      var y = try ((wide - mean) / sqrt(variance + epsilon)).cast(to: inputs.dtype.inexact)
      var params = params
      if useScale {
        let scale: Tensor
        (scale, params) = try featureVector(params, "scale", for: inputs, scaleInitializer, rng: rng)
        y = try y * scale
      }
      if useBias {
        let bias: Tensor
        (bias, params) = try featureVector(params, "bias", for: inputs, biasInitializer, rng: rng)
        y = try y + bias
      }
      return (y, params)
    }
  }
}

/// Root mean square 1 over the last axis, then a scale: `x / sqrt(mean(x²) + epsilon)`.
///
/// Parameter: `scale [features]`, which draws one key if there is an rng.
public final class RMSNorm: Module, Layer {
  /// What is added to the mean square.
  public let epsilon: Double
  /// Whether outputs are scaled.
  public let useScale: Bool
  /// What creates the scale.
  public let scaleInitializer: Initializer
  /// The named axis over whose lanes mean squares are averaged.
  public let axisName: AxisNames?
  /// Lanes that average among themselves only.
  public let axisIndexGroups: [[Int]]?
  /// What creates parameters.
  public let rng: Rng?

  /// Makes a layer; its size is taken from the first inputs it meets.
  public init(
    _ graph: Graph, epsilon: Double = 1e-5, useScale: Bool = true, scaleInitializer: Initializer = .ones,
    axisName: AxisNames? = nil, axisIndexGroups: [[Int]]? = nil, rng: Rng? = nil
  ) throws {
    self.epsilon = epsilon
    self.useScale = useScale
    self.scaleInitializer = scaleInitializer
    self.axisName = axisName
    self.axisIndexGroups = axisIndexGroups
    self.rng = rng
    try super.init(graph)
  }

  /// Normalizes `[…, features]`; `bf16` and `f16` in `f32`.
  ///
  /// - Throws: ``BloxError/Code/scalarInput``, ``BloxError/Code/shapeMismatch`` when the scale has another size,
  ///   ``BloxError/Code/unboundAxis``.
  public func callAsFunction(_ params: Params, _ inputs: Tensor) throws -> (Tensor, Params) {
    try scoped {
      _ = try featureCount(inputs)
      let lanes = StatisticsAxis(name: axisName, groups: axisIndexGroups)
      let wide = try inputs.cast(to: inputs.dtype.computing)
      let meanSquare = try lanes.mean(square(wide).mean([-1], keepDimensions: true))
      let y = try (wide / sqrt(meanSquare + epsilon)).cast(to: inputs.dtype.inexact)
      guard useScale else { return (y, params) }
      let (scale, params) = try featureVector(params, "scale", for: inputs, scaleInitializer, rng: rng)
      return (try y * scale, params)
    }
  }
}
