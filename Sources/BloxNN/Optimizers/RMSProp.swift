// RMSProp and Adagrad: step sizes per element from squared gradients.

import BloxTrace

/// RMSProp (Tieleman and Hinton, 2012); updates equal optax's `rmsprop`.
public struct RMSProp: GradientTransformation {
  /// The step size.
  public var learningRate: Schedule
  /// The decay of the mean of squared gradients.
  public var decay: Double
  /// What keeps the divisor from 0; it is added under the root.
  public var epsilon: Double
  /// Whether gradients are divided by their standard deviation rather than their root mean square.
  public var centered: Bool
  /// The share of the previous step that is kept; `nil` for none.
  public var momentum: Double?
  /// Whether the step looks ahead along the direction.
  public var nesterov: Bool

  /// Makes an optimizer with a step size that stays.
  public init(
    learningRate: Double, decay: Double = 0.9, epsilon: Double = 1e-8, centered: Bool = false, momentum: Double? = nil,
    nesterov: Bool = false
  ) {
    self.init(
      learningRate: .constant(learningRate), decay: decay, epsilon: epsilon, centered: centered, momentum: momentum,
      nesterov: nesterov)
  }

  /// Makes an optimizer with a step size that follows a schedule.
  public init(
    learningRate: Schedule, decay: Double = 0.9, epsilon: Double = 1e-8, centered: Bool = false,
    momentum: Double? = nil, nesterov: Bool = false
  ) {
    self.learningRate = learningRate
    self.decay = decay
    self.epsilon = epsilon
    self.centered = centered
    self.momentum = momentum
    self.nesterov = nesterov
  }

  /// Running means and the direction, zeros; the number of steps, for a step size that changes.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> OptimizerState<Tree> {
    // Zeros of their own for each tree: a tensor that stands in two places cannot be donated.
    state(
      learningRate.firstStep, square: try full(like: params), mean: centered ? try full(like: params) : nil,
      trace: momentum == nil ? nil : try full(like: params))
  }

  private func state<Tree: TensorTree>(
    _ count: Tensor?, square: Tree, mean: Tree?, trace: Tree?
  ) -> OptimizerState<Tree> {
    switch (mean, trace) {
    case (nil, nil): OptimizerState(count: count, ["square": square])
    case (let mean?, nil): OptimizerState(count: count, ["square": square, "mean": mean])
    case (nil, let trace?): OptimizerState(count: count, ["square": square, "trace": trace])
    case (let mean?, let trace?):
      OptimizerState(count: count, ["square": square, "mean": mean, "trace": trace])
    }
  }

  /// The updates, and the next state.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>, _ params: Tree
  ) throws -> (Tree, OptimizerState<Tree>) {
    let square = try treeMap(gradients, state["square"]) { g, s in try runningMean(s, g * g, decay: decay) }
    let mean =
      centered ? try treeMap(gradients, state["mean"]) { g, m in try runningMean(m, g, decay: decay) } : nil
    let spread = try mean.map { try treeMap(square, $0) { s, m in try s - m * m } } ?? square
    let scaled = try treeMap(gradients, spread) { g, s in try rsqrt(s + epsilon) * g }
    var updates = try learningRate.descend(scaled, state.count)
    var trace: Tree?
    if let momentum {
      // The momentum is that of whole steps: it keeps steps of earlier sizes, as optax has it.
      let (direction, next) = try accumulate(updates, state["trace"], momentum, nesterov)
      (updates, trace) = (direction, next)
    }
    let count = try state.count.map { try $0 + 1 }
    return (updates, self.state(count, square: square, mean: mean, trace: trace))
  }
}

/// Adagrad (Duchi et al., 2011), whose step sizes only shrink; updates equal optax's `adagrad`.
public struct Adagrad: GradientTransformation {
  /// The step size.
  public var learningRate: Schedule
  /// The sum of squares before the first gradient.
  public var initialAccumulator: Double
  /// What keeps the divisor from 0; it is added under the root.
  public var epsilon: Double

  /// Makes an optimizer with a step size that stays.
  public init(learningRate: Double, initialAccumulator: Double = 0.1, epsilon: Double = 1e-7) {
    self.init(learningRate: .constant(learningRate), initialAccumulator: initialAccumulator, epsilon: epsilon)
  }

  /// Makes an optimizer with a step size that follows a schedule.
  public init(learningRate: Schedule, initialAccumulator: Double = 0.1, epsilon: Double = 1e-7) {
    self.learningRate = learningRate
    self.initialAccumulator = initialAccumulator
    self.epsilon = epsilon
  }

  /// The sums of squares; the number of steps, for a step size that changes.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> OptimizerState<Tree> {
    OptimizerState(count: learningRate.firstStep, ["sum": try full(like: params, initialAccumulator)])
  }

  /// The updates, and the next state.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>, _ params: Tree
  ) throws -> (Tree, OptimizerState<Tree>) {
    let sum = try treeMap(gradients, state["sum"]) { try $0 * $0 + $1 }
    let scaled = try treeMap(gradients, sum) { g, s in try select(s .> 0, rsqrt(s + epsilon), 0) * g }
    let count = try state.count.map { try $0 + 1 }
    return (try learningRate.descend(scaled, state.count), OptimizerState(count: count, ["sum": sum]))
  }
}
