// Adam and AdamW.

import BloxTrace

/// Divides the running mean of gradients by the root of the running mean of their squares (Kingma and Ba, 2015): what
/// ``Adam`` does before it takes a step size into account.
public struct ScaleByAdam: GradientTransformation {
  /// The decay of the mean of gradients.
  public var beta1: Double
  /// The decay of the mean of squared gradients.
  public var beta2: Double
  /// What keeps the divisor from 0.
  public var epsilon: Double
  /// Whether the mean looks ahead by one gradient (Dozat, 2016).
  public var nesterov: Bool

  /// Makes a transformation.
  public init(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, nesterov: Bool = false) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.nesterov = nesterov
  }

  /// The number of steps and two running means per parameter, all zero.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> OptimizerState<Tree> {
    OptimizerState(count: Tensor(0), ["mean": try full(like: params), "variance": try full(like: params)])
  }

  /// The scaled gradients, with both means corrected for their start at zero, and the next state.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>, _ params: Tree
  ) throws -> (Tree, OptimizerState<Tree>) {
    try scale(gradients, state)
  }

  /// The scaled gradients and the next state.
  func scale<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>
  ) throws -> (Tree, OptimizerState<Tree>) {
    let count = try state.steps() + 1
    let steps = try count.cast(to: .f32)
    let meanCorrection = try 1 - pow(beta1, steps)
    let varianceCorrection = try 1 - pow(beta2, steps)
    let mean = try treeMap(gradients, state["mean"]) { g, m in try (1 - beta1) * g + beta1 * m }
    let variance = try treeMap(gradients, state["variance"]) { g, v in try (1 - beta2) * (g * g) + beta2 * v }
    let direction = try lookAhead(gradients, mean, steps, meanCorrection)
    let scaled = try treeMap(direction, variance) { m, v in
      try m / (sqrt(v / varianceCorrection.cast(to: v.dtype)) + epsilon)
    }
    return (scaled, OptimizerState(count: count, ["mean": mean, "variance": variance]))
  }

  /// The corrected mean, or with Nesterov's momentum its next value as far as it is known.
  private func lookAhead<Tree: TensorTree>(
    _ gradients: Tree, _ mean: Tree, _ steps: Tensor, _ correction: Tensor
  ) throws -> Tree {
    guard nesterov else { return try treeMap(mean) { try $0 / correction.cast(to: $0.dtype) } }
    let nextCorrection = try 1 - pow(beta1, steps + 1)
    return try treeMap(mean, gradients) { m, g in
      try beta1 * (m / nextCorrection.cast(to: m.dtype)) + (1 - beta1) * (g / correction.cast(to: g.dtype))
    }
  }
}

/// Adam (Kingma and Ba, 2015); updates equal optax's `adam`, or `nadam` with `nesterov`.
public struct Adam: GradientTransformation {
  /// The step size.
  public var learningRate: Schedule
  /// The scaling of gradients.
  public var scaling: ScaleByAdam

  /// Makes an optimizer with a step size that stays.
  public init(
    learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, nesterov: Bool = false
  ) {
    self.init(
      learningRate: .constant(learningRate), beta1: beta1, beta2: beta2, epsilon: epsilon, nesterov: nesterov)
  }

  /// Makes an optimizer with a step size that follows a schedule.
  public init(
    learningRate: Schedule, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, nesterov: Bool = false
  ) {
    self.learningRate = learningRate
    scaling = ScaleByAdam(beta1: beta1, beta2: beta2, epsilon: epsilon, nesterov: nesterov)
  }

  /// The number of steps and two running means per parameter, all zero.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> OptimizerState<Tree> {
    try scaling.initialize(params)
  }

  /// The updates, and the next state.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>, _ params: Tree
  ) throws -> (Tree, OptimizerState<Tree>) {
    let (scaled, next) = try scaling.scale(gradients, state)
    return (try learningRate.descend(scaled, state.count), next)
  }
}

/// Adam with weight decay that is decoupled from the gradients (Loshchilov and Hutter, 2019); updates equal optax's
/// `adamw`.
///
/// ```swift
/// let optimizer = AdamW(learningRate: 3e-4, weightDecay: 0.1) { path, tensor in tensor.rank > 1 }
/// ```
public struct AdamW: GradientTransformation {
  /// The step size.
  public var learningRate: Schedule
  /// The scaling of gradients.
  public var scaling: ScaleByAdam
  /// The share of a parameter that is taken off, times the step size.
  public var weightDecay: Double
  /// The parameters that decay; all without it.
  public var mask: ParameterPredicate?

  /// Makes an optimizer with a step size that stays.
  public init(
    learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
    weightDecay: Double = 1e-4, nesterov: Bool = false, mask: ParameterPredicate? = nil
  ) {
    self.init(
      learningRate: .constant(learningRate), beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay,
      nesterov: nesterov, mask: mask)
  }

  /// Makes an optimizer with a step size that follows a schedule.
  public init(
    learningRate: Schedule, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
    weightDecay: Double = 1e-4, nesterov: Bool = false, mask: ParameterPredicate? = nil
  ) {
    self.learningRate = learningRate
    scaling = ScaleByAdam(beta1: beta1, beta2: beta2, epsilon: epsilon, nesterov: nesterov)
    self.weightDecay = weightDecay
    self.mask = mask
  }

  /// The number of steps and two running means per parameter, all zero.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> OptimizerState<Tree> {
    try scaling.initialize(params)
  }

  /// The updates, and the next state.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>, _ params: Tree
  ) throws -> (Tree, OptimizerState<Tree>) {
    let (scaled, next) = try scaling.scale(gradients, state)
    let decayed = try addingDecay(scaled, params, weightDecay, mask)
    return (try learningRate.descend(decayed, state.count), next)
  }
}
