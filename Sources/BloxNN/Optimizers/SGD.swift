// Stochastic gradient descent.

import BloxTrace

/// Adds updates to parameters.
public func applyUpdates<Tree: TensorTree>(_ params: Tree, _ updates: Tree) throws -> Tree {
  try treeMap(params, updates) { try $0 + $1 }
}

/// Gradient descent with optional momentum; updates equal optax's `sgd`.
///
/// Optimizers are pure: gradients, state and parameters in, updates and state out.
///
/// ```swift
/// let optimizer = SGD(learningRate: 0.1, momentum: 0.9)
/// var state = try optimizer.initialize(trainable)
/// (updates, state) = try optimizer.update(gradients, state, trainable)
/// trainable = try applyUpdates(trainable, updates)
/// ```
public struct SGD: Sendable {
  /// The step size.
  public var learningRate: Double
  /// The share of the previous direction that is kept; `nil` for none.
  public var momentum: Double?
  /// Whether the step looks ahead along the direction (Nesterov's momentum).
  public var nesterov: Bool

  /// Makes an optimizer.
  public init(learningRate: Double, momentum: Double? = nil, nesterov: Bool = false) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.nesterov = nesterov
  }

  /// What is remembered: the direction, with momentum.
  public struct State<Tree: TensorTree>: TensorTree {
    /// The accumulated gradients; `nil` without momentum.
    public var trace: Tree?
    /// Visits the direction.
    public mutating func visitTensors(_ visitor: inout TensorVisitor) throws { try visitor.visit(&trace, "trace") }
  }

  /// The state before the first step: zeros.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> State<Tree> {
    State(trace: momentum == nil ? nil : try treeMap(params) { try Tensor.zeros(like: $0) })
  }

  /// The updates `-learningRate * direction`, and the next state.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: State<Tree>, _ params: Tree
  ) throws -> (Tree, State<Tree>) {
    guard let momentum, let trace = state.trace else {
      return (try treeMap(gradients) { try $0 * -learningRate }, state)
    }
    let next = try treeMap(gradients, trace) { try $0 + momentum * $1 }
    let direction = nesterov ? try treeMap(gradients, next) { try $0 + momentum * $1 } : next
    return (try treeMap(direction) { try $0 * -learningRate }, State(trace: next))
  }
}
