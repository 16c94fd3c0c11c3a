// The norm over a batch.

import BloxTrace

/// Mean 0 and variance 1 of each feature over a batch, then a scale and a bias.
///
/// Parameters, in order of creation: `running_mean [features]` and `running_var [features]`, which are not trainable,
/// `scale [features]` and `bias [features]`; each draws one key if there is an rng.
///
/// While training, the batch's own statistics are used, and the running ones move towards them:
/// `momentum * running + (1 - momentum) * batch`, with the biased variance and without gradients. That works on locked
/// parameters too. Otherwise the running statistics are used.
///
/// Over lanes of a `vmap` with an axis name, the lanes' means and variances are averaged, which is the variance of the
/// whole batch only if the lanes' means agree; see `isVarianceExact`.
public final class BatchNorm: Module, Layer {
  /// The share of the running statistics that stays.
  public let momentum: Double
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
  /// Whether the variance over lanes is that of their whole batch, rather than the mean of the lanes' variances.
  public let isVarianceExact: Bool
  /// What creates parameters.
  public let rng: Rng?

  /// Makes a layer; its size is taken from the first inputs it meets.
  public init(
    _ graph: Graph, momentum: Double = 0.9, epsilon: Double = 1e-5, useScale: Bool = true, useBias: Bool = true,
    scaleInitializer: Initializer = .ones, biasInitializer: Initializer = .zeros, axisName: AxisNames? = nil,
    axisIndexGroups: [[Int]]? = nil, isVarianceExact: Bool = false, rng: Rng? = nil
  ) throws {
    self.momentum = momentum
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

  /// Normalizes `[batch, …, features]` over all axes but the last.
  ///
  /// - Parameter isTraining: Whether the batch's own statistics are used, and the running ones updated.
  /// - Throws: ``BloxError/Code/scalarInput``, ``BloxError/Code/shapeMismatch`` when the parameters have another size,
  ///   ``BloxError/Code/paramsLocked`` when there are none and the container is locked,
  ///   ``BloxError/Code/unboundAxis``.
  public func callAsFunction(
    _ params: Params, _ inputs: Tensor, isTraining: Bool
  ) throws -> (Tensor, Params) {
    try scoped {
      var params = params
      var (mean, variance): (Tensor, Tensor)
      (mean, params) = try featureVector(params, "running_mean", for: inputs, .zeros, isTrainable: false, rng: rng)
      (variance, params) = try featureVector(params, "running_var", for: inputs, .ones, isTrainable: false, rng: rng)
      let dtype = try isTraining ? inputs.dtype.inexact : inputs.dtype.promoted(with: mean.dtype)
      let wide = try inputs.cast(to: inputs.dtype.computing)
      if isTraining {
        let running = (mean, variance)
        (mean, variance) = try statistics(wide)
        params = try setParam(params, "running_mean", moved(running.0, mean))
        params = try setParam(params, "running_var", moved(running.1, variance))
      }
      var y = try ((wide - mean) / sqrt(variance + epsilon)).cast(to: dtype)
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

  /// Normalizes as in training.
  public func callAsFunction(_ params: Params, _ inputs: Tensor) throws -> (Tensor, Params) {
    try self(params, inputs, isTraining: true)
  }

  /// The mean and variance of each feature over the batch and the lanes.
  private func statistics(_ inputs: Tensor) throws -> (mean: Tensor, variance: Tensor) {
    let lanes = StatisticsAxis(name: axisName, groups: axisIndexGroups)
    let axes = Array(0..<inputs.rank - 1)
    let own = try inputs.mean(axes)
    let mean = try lanes.mean(own)
    return (mean, try lanes.mean(square(inputs - (isVarianceExact ? mean : own)).mean(axes)))
  }

  /// A running statistic one step towards that of the batch, in its own dtype.
  private func moved(_ running: Tensor, _ batch: Tensor) throws -> Tensor {
    try (momentum * running + (1 - momentum) * stopGradient(batch)).cast(to: running.dtype)
  }
}
