// Adafactor.

import BloxTrace

/// Adafactor (Shazeer and Stern, 2018), whose memory of squared gradients is a row and a column per matrix; updates
/// equal optax's `adafactor`.
public struct Adafactor: GradientTransformation {
  /// The step size, relative to the root mean square of a parameter; 1 without one.
  public var learningRate: Schedule?
  /// The smallest size of both largest dimensions for which a row and a column are kept.
  public var minimumFactoredSize: Int
  /// How fast old squares are forgotten: at step t, the share `1 - t^-decayRate` stays.
  public var decayRate: Double
  /// Whether steps are relative to the root mean square of a parameter.
  public var scalesByParameter: Bool
  /// The largest root mean square of a parameter's update before the step size; `nil` for no limit.
  public var clippingThreshold: Double?
  /// The share of the previous updates; `nil` for none.
  public var momentum: Double?
  /// The share of a parameter that is taken off at each step.
  public var weightDecay: Double
  /// The parameters that decay; all without it.
  public var mask: ParameterPredicate?
  /// What is added to squared gradients.
  public var epsilon: Double

  /// Makes an optimizer.
  public init(
    learningRate: Schedule? = nil, minimumFactoredSize: Int = 128, decayRate: Double = 0.8,
    scalesByParameter: Bool = true, clippingThreshold: Double? = 1, momentum: Double? = nil, weightDecay: Double = 0,
    epsilon: Double = 1e-30, mask: ParameterPredicate? = nil
  ) {
    self.learningRate = learningRate
    self.minimumFactoredSize = minimumFactoredSize
    self.decayRate = decayRate
    self.scalesByParameter = scalesByParameter
    self.clippingThreshold = clippingThreshold
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.epsilon = epsilon
    self.mask = mask
  }

  /// The two largest dimensions of a shape, the smaller one first; `nil` when squares are kept whole.
  private func factored(_ shape: [Int]) -> (rows: Int, columns: Int)? {
    guard shape.count >= 2 else { return nil }
    let order = shape.indices.sorted { (shape[$0], $0) < (shape[$1], $1) }
    let (rows, columns) = (order[order.count - 2], order[order.count - 1])
    return shape[rows] < minimumFactoredSize ? nil : (rows, columns)
  }

  /// The number of steps, and squares: `rows` and `columns` of factored parameters, `whole` ones of the others.
  /// What a parameter does not have is empty.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> OptimizerState<Tree> {
    let zeros = try full(like: params)
    func kept(_ shape: ([Int], (rows: Int, columns: Int)?) -> [Int]) throws -> Tree {
      try treeMap(zeros) { try Tensor.zeros(shape($0.shape, factored($0.shape)), dtype: $0.dtype) }
    }
    let rows = try kept { shape, dims in dims.map { shape.removing($0.columns) } ?? [0] }
    let columns = try kept { shape, dims in dims.map { shape.removing($0.rows) } ?? [0] }
    let whole = try kept { shape, dims in dims == nil ? shape : [0] }
    return momentum == nil
      ? OptimizerState(count: Tensor(0), ["rows": rows, "columns": columns, "whole": whole])
      : OptimizerState(
        count: Tensor(0), ["rows": rows, "columns": columns, "whole": whole, "mean": try full(like: params)])
  }

  /// The updates, and the next state.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>, _ params: Tree
  ) throws -> (Tree, OptimizerState<Tree>) {
    let count = try state.steps()
    let kept = try 1 - pow(count.cast(to: .f32) + 1.0, -decayRate)
    let (rows, columns, whole) = (try state["rows"], try state["columns"], try state["whole"])
    var squares = try zip(zip(rows.tensors(), columns.tensors()), whole.tensors()).map {
      Squares(rows: $0.0, columns: $0.1, whole: $1)
    }
    var index = 0
    var updates = try treeMap(gradients, params) { gradient, param in
      defer { index += 1 }
      return try step(gradient, param, &squares[index], kept, count)
    }
    index = 0
    func rebuilt(_ tree: Tree, _ tensors: [Tensor]) throws -> Tree {
      var next = tensors[...]
      return try treeMap(tree) { _ in next.removeFirst() }
    }
    let memory = (
      try rebuilt(rows, squares.map(\.rows)), try rebuilt(columns, squares.map(\.columns)),
      try rebuilt(whole, squares.map(\.whole))
    )
    var next = OptimizerState(
      count: try count + 1, ["rows": memory.0, "columns": memory.1, "whole": memory.2])
    if let momentum {
      updates = try treeMap(updates, state["mean"]) { u, m in try runningMean(m, u, decay: momentum) }
      next = OptimizerState(
        count: try count + 1, ["rows": memory.0, "columns": memory.1, "whole": memory.2, "mean": updates])
    }
    updates = try addingDecay(updates, params, weightDecay, mask)
    return (try treeMap(updates) { try -$0 }, next)
  }

  private struct Squares {
    var rows: Tensor
    var columns: Tensor
    var whole: Tensor
  }

  /// The update of one parameter before momentum and decay; its squares advance.
  private func step(
    _ gradient: Tensor, _ param: Tensor, _ squares: inout Squares, _ kept: Tensor, _ count: Tensor
  ) throws -> Tensor {
    let share = try kept.cast(to: gradient.dtype)
    let squared = try gradient * gradient + epsilon
    var update: Tensor
    if let (rows, columns) = factored(gradient.shape) {
      squares.rows = try share * squares.rows + (1 - share) * squared.mean([columns])
      squares.columns = try share * squares.columns + (1 - share) * squared.mean([rows])
      let mean = try squares.rows.mean([rows > columns ? rows - 1 : rows], keepDimensions: true)
      update =
        try gradient * pow(squares.rows / mean, -0.5).expandDims(columns) * pow(squares.columns, -0.5).expandDims(rows)
    } else {
      squares.whole = try share * squares.whole + (1 - share) * squared
      update = try gradient * pow(squares.whole, -0.5)
    }
    if let clippingThreshold { update = try update / maximum(sqrt(square(update).mean()) / clippingThreshold, 1) }
    if let learningRate { update = try update * learningRate(count).cast(to: update.dtype) }
    guard scalesByParameter else { return update }
    return try update * maximum(sqrt(square(param).mean()), 1e-3)
  }
}

extension [Int] {
  fileprivate func removing(_ index: Int) -> [Int] {
    var copy = self
    copy.remove(at: index)
    return copy
  }
}
