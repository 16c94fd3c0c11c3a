// Transformations one after the other, and the small ones that optimizers are made of.

import BloxTrace

/// Transformations one after the other: each gets the updates of the one before it.
///
/// ```swift
/// let optimizer = chain(ClipByGlobalNorm(1), ScaleByAdam(), ScaleByLearningRate(schedule))
/// ```
public func chain(_ transformations: any GradientTransformation...) -> Chain { Chain(transformations) }

/// Transformations one after the other; see ``chain(_:)``.
public struct Chain: GradientTransformation {
  /// The transformations in order.
  public let transformations: [any GradientTransformation]

  /// Makes a chain.
  public init(_ transformations: [any GradientTransformation]) { self.transformations = transformations }

  /// The states of all transformations.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> OptimizerState<Tree> {
    OptimizerState(parts: try transformations.map { try $0.initialize(params) })
  }

  /// The updates of the last transformation.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>, _ params: Tree
  ) throws -> (Tree, OptimizerState<Tree>) {
    var (updates, next) = (gradients, state)
    let parts = try state.parts(transformations.count)
    for (index, transformation) in transformations.enumerated() {
      (updates, next.parts[index]) = try transformation.update(updates, parts[index], params)
    }
    return (updates, next)
  }
}

/// Multiplies updates by a number.
public struct Scale: GradientTransformation {
  /// The factor.
  public var factor: Double

  /// Makes a transformation.
  public init(_ factor: Double) { self.factor = factor }

  /// Nothing is remembered.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> OptimizerState<Tree> { OptimizerState() }

  /// The updates times the factor.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>, _ params: Tree
  ) throws -> (Tree, OptimizerState<Tree>) {
    (try treeMap(gradients) { try $0 * factor }, state)
  }
}

/// Multiplies updates by minus the learning rate, which ends most chains.
public struct ScaleByLearningRate: GradientTransformation {
  /// The learning rate at each step.
  public var learningRate: Schedule

  /// Makes a transformation with a rate that stays.
  public init(_ learningRate: Double) { self.learningRate = .constant(learningRate) }
  /// Makes a transformation with a rate that follows a schedule.
  public init(_ learningRate: Schedule) { self.learningRate = learningRate }

  /// The number of steps, for a rate that changes.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> OptimizerState<Tree> {
    OptimizerState(count: learningRate.firstStep)
  }

  /// The updates times minus the rate.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>, _ params: Tree
  ) throws -> (Tree, OptimizerState<Tree>) {
    var next = state
    next.count = try state.count.map { try $0 + 1 }
    return (try learningRate.descend(gradients, state.count), next)
  }
}

/// Which tensors of a tree are meant: a predicate over path and tensor.
///
/// ```swift
/// let matrices: ParameterPredicate = { path, tensor in tensor.rank > 1 }
/// ```
public typealias ParameterPredicate = @Sendable (_ path: String, _ tensor: Tensor) throws -> Bool

/// Adds a share of the parameters to the updates: weight decay, decoupled from gradients when it follows their scaling.
public struct AddDecayedWeights: GradientTransformation {
  /// The share.
  public var weightDecay: Double
  /// The parameters that decay; all without it.
  public var mask: ParameterPredicate?

  /// Makes a transformation.
  public init(_ weightDecay: Double, mask: ParameterPredicate? = nil) {
    self.weightDecay = weightDecay
    self.mask = mask
  }

  /// Nothing is remembered.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> OptimizerState<Tree> { OptimizerState() }

  /// The updates plus the share of each parameter for which the mask holds.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>, _ params: Tree
  ) throws -> (Tree, OptimizerState<Tree>) {
    (try addingDecay(gradients, params, weightDecay, mask), state)
  }
}

/// The updates plus `decay` times each parameter for which the mask holds.
func addingDecay<Tree: TensorTree>(
  _ updates: Tree, _ params: Tree, _ decay: Double, _ mask: ParameterPredicate?
) throws -> Tree {
  guard decay != 0 else { return updates }
  var decays = try params.namedTensors().map { try mask?($0.path, $0.tensor) ?? true }[...]
  return try treeMap(updates, params) { decays.removeFirst() ? try $0 + decay * $1 : $0 }
}
