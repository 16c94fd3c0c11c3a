// Stochastic gradient descent.

import BloxTrace

/// Gradient descent with optional momentum; updates equal optax's `sgd`.
///
/// ```swift
/// let optimizer = SGD(learningRate: 0.1, momentum: 0.9)
/// ```
public struct SGD: GradientTransformation {
  /// The step size.
  public var learningRate: Schedule
  /// The share of the previous direction that is kept; `nil` for none.
  public var momentum: Double?
  /// Whether the step looks ahead along the direction (Nesterov's momentum).
  public var nesterov: Bool

  /// Makes an optimizer with a step size that stays.
  public init(learningRate: Double, momentum: Double? = nil, nesterov: Bool = false) {
    self.init(learningRate: .constant(learningRate), momentum: momentum, nesterov: nesterov)
  }

  /// Makes an optimizer with a step size that follows a schedule.
  public init(learningRate: Schedule, momentum: Double? = nil, nesterov: Bool = false) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.nesterov = nesterov
  }

  /// The direction, zeros, with momentum; the number of steps, for a step size that changes.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> OptimizerState<Tree> {
    let zeros = try full(like: params)
    return momentum == nil
      ? OptimizerState(count: learningRate.firstStep)
      : OptimizerState(count: learningRate.firstStep, ["trace": zeros])
  }

  /// The updates `-learningRate * direction`, and the next state.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>, _ params: Tree
  ) throws -> (Tree, OptimizerState<Tree>) {
    let count = try state.count.map { try $0 + 1 }
    guard let momentum else {
      return (try learningRate.descend(gradients, state.count), OptimizerState(count: count))
    }
    let (direction, next) = try accumulate(gradients, state["trace"], momentum, nesterov)
    return (try learningRate.descend(direction, state.count), OptimizerState(count: count, ["trace": next]))
  }
}

/// One step of momentum: the direction to go, and the accumulated gradients.
func accumulate<Tree: TensorTree>(
  _ gradients: Tree, _ trace: Tree, _ momentum: Double, _ nesterov: Bool
) throws -> (direction: Tree, trace: Tree) {
  let next = try treeMap(gradients, trace) { try $0 + momentum * $1 }
  return (nesterov ? try treeMap(gradients, next) { try $0 + momentum * $1 } : next, next)
}
