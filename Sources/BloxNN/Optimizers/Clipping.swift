// Keeping gradients small.

import BloxTrace

/// The Euclidean norm of all tensors of a tree together, a scalar.
public func globalNorm<Tree: TensorTree>(_ tree: Tree) throws -> Tensor {
  try sqrt(tree.tensors().reduce(Tensor.full([], 0)) { try $0 + square($1).sum() })
}

/// Scales all gradients alike such that their ``globalNorm(_:)`` is at most a bound; updates equal optax's
/// `clip_by_global_norm`.
public struct ClipByGlobalNorm: GradientTransformation {
  /// The largest norm.
  public var maxNorm: Double

  /// Makes a transformation.
  public init(_ maxNorm: Double) { self.maxNorm = maxNorm }

  /// Nothing is remembered.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> OptimizerState<Tree> { OptimizerState() }

  /// The gradients, scaled if their norm is too large.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>, _ params: Tree
  ) throws -> (Tree, OptimizerState<Tree>) {
    let norm = try globalNorm(gradients)
    let isSmall = try norm .< maxNorm
    let clipped = try treeMap(gradients) { try select(isSmall, $0, $0 / norm.cast(to: $0.dtype) * maxNorm) }
    return (clipped, state)
  }
}

/// Limits each element of the gradients to `-bound...bound`; updates equal optax's `clip`.
public struct ClipByValue: GradientTransformation {
  /// The largest size.
  public var bound: Double

  /// Makes a transformation.
  public init(_ bound: Double) { self.bound = bound }

  /// Nothing is remembered.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> OptimizerState<Tree> { OptimizerState() }

  /// The gradients within the bound.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>, _ params: Tree
  ) throws -> (Tree, OptimizerState<Tree>) {
    (try treeMap(gradients) { try clip($0, -bound, bound) }, state)
  }
}
