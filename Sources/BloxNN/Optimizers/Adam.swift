// Adam.

import BloxTrace

/// Adam (Kingma and Ba, 2015); updates equal optax's `adam`.
public struct Adam: Sendable {
  /// The step size.
  public var learningRate: Double
  /// The decay of the mean of gradients.
  public var beta1: Double
  /// The decay of the mean of squared gradients.
  public var beta2: Double
  /// What keeps the divisor from 0.
  public var epsilon: Double

  /// Makes an optimizer.
  public init(learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }

  /// What is remembered: the number of steps and two running means per parameter.
  public struct State<Tree: TensorTree>: TensorTree {
    /// The number of steps taken, `i32[]`.
    public var count: Tensor
    /// Running means of gradients.
    public var mean: Tree
    /// Running means of squared gradients.
    public var variance: Tree

    /// Visits the count and the means.
    public mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
      try visitor.visit(&count, "count")
      try visitor.visit(&mean, "mean")
      try visitor.visit(&variance, "variance")
    }
  }

  /// The state before the first step: zeros.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> State<Tree> {
    State(
      count: Tensor(0), mean: try treeMap(params) { try Tensor.zeros(like: $0) },
      variance: try treeMap(params) { try Tensor.zeros(like: $0) })
  }

  /// The updates, with both means corrected for their start at zero, and the next state.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: State<Tree>, _ params: Tree
  ) throws -> (Tree, State<Tree>) {
    let count = try state.count + 1
    let steps = try count.cast(to: .f32)
    let meanCorrection = try 1 - pow(beta1, steps)
    let varianceCorrection = try 1 - pow(beta2, steps)
    let mean = try treeMap(gradients, state.mean) { g, m in try (1 - beta1) * g + beta1 * m }
    let variance = try treeMap(gradients, state.variance) { g, v in try (1 - beta2) * (g * g) + beta2 * v }
    let updates = try treeMap(mean, variance) { m, v in
      let scaled = try m / meanCorrection.cast(to: m.dtype)
      return try scaled / (sqrt(v / varianceCorrection.cast(to: v.dtype)) + epsilon) * -learningRate
    }
    return (updates, State(count: count, mean: mean, variance: variance))
  }
}
