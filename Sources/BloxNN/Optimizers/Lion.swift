// Lion.

import BloxTrace

/// Lion, which steps by signs alone (Chen et al., 2023); updates equal optax's `lion`.
///
/// Its steps are larger than Adam's, so that a step size 3 to 10 times smaller and a weight decay as much larger are
/// usual.
public struct Lion: GradientTransformation {
  /// The step size.
  public var learningRate: Schedule
  /// The share of the mean in the direction.
  public var beta1: Double
  /// The decay of the mean of gradients.
  public var beta2: Double
  /// The share of a parameter that is taken off, times the step size.
  public var weightDecay: Double
  /// The parameters that decay; all without it.
  public var mask: ParameterPredicate?

  /// Makes an optimizer with a step size that stays.
  public init(
    learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.99, weightDecay: Double = 1e-3,
    mask: ParameterPredicate? = nil
  ) {
    self.init(
      learningRate: .constant(learningRate), beta1: beta1, beta2: beta2, weightDecay: weightDecay, mask: mask)
  }

  /// Makes an optimizer with a step size that follows a schedule.
  public init(
    learningRate: Schedule, beta1: Double = 0.9, beta2: Double = 0.99, weightDecay: Double = 1e-3,
    mask: ParameterPredicate? = nil
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.weightDecay = weightDecay
    self.mask = mask
  }

  /// The mean of gradients, zeros; the number of steps, for a step size that changes.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> OptimizerState<Tree> {
    OptimizerState(count: learningRate.firstStep, ["mean": try full(like: params)])
  }

  /// The updates, and the next state.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>, _ params: Tree
  ) throws -> (Tree, OptimizerState<Tree>) {
    let mean = try state["mean"]
    let signs = try treeMap(gradients, mean) { g, m in try sign(runningMean(m, g, decay: beta1)) }
    let next = try treeMap(gradients, mean) { g, m in try runningMean(m, g, decay: beta2) }
    let decayed = try addingDecay(signs, params, weightDecay, mask)
    let count = try state.count.map { try $0 + 1 }
    return (try learningRate.descend(decayed, state.count), OptimizerState(count: count, ["mean": next]))
  }
}
