// Averages over steps: of parameters, and of gradients before a step is taken.

import BloxTrace

/// An exponential moving average of whatever it is given; values equal optax's `ema`.
///
/// In a chain it averages updates. On its own it keeps an average of parameters, which often does better in use than
/// the last ones:
///
/// ```swift
/// let ema = ExponentialMovingAverage(decay: 0.999)
/// var averageState = try ema.initialize(trainable)
/// (average, averageState) = try ema.update(trainable, averageState, trainable)
/// ```
public struct ExponentialMovingAverage: GradientTransformation {
  /// The share of the average that stays at each step.
  public var decay: Double
  /// Whether the result is corrected for the start at zero.
  public var debias: Bool

  /// Makes a transformation.
  public init(decay: Double, debias: Bool = true) {
    self.decay = decay
    self.debias = debias
  }

  /// The number of steps and the average, zeros.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> OptimizerState<Tree> {
    OptimizerState(count: Tensor(0), ["average": try full(like: params)])
  }

  /// The average with what is given, and the next state.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>, _ params: Tree
  ) throws -> (Tree, OptimizerState<Tree>) {
    let count = try state.steps() + 1
    let average = try treeMap(gradients, state["average"]) { x, a in try runningMean(a, x, decay: decay) }
    let next = OptimizerState(count: count, ["average": average])
    guard debias else { return (average, next) }
    let correction = try startCorrection(decay, after: count)
    return (try treeMap(average) { try $0 / correction.cast(to: $0.dtype) }, next)
  }
}

/// Takes a step with the mean of a number of gradients, and none in between: updates are zeros until the last of them;
/// values equal optax's `MultiSteps`.
///
/// A batch that is too large for memory is so taken in parts.
public struct GradientAccumulation: GradientTransformation {
  /// What takes the steps.
  public let optimizer: any GradientTransformation
  /// The number of gradients in a step.
  public let steps: Int

  /// Makes a transformation.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` when there are no gradients in a step.
  public init(_ optimizer: any GradientTransformation, steps: Int) throws {
    guard (1...Int(Int32.max)).contains(steps) else {
      throw BloxError(.invalidArgument, "GradientAccumulation: steps must be at least 1; got \(steps)")
    }
    self.optimizer = optimizer
    self.steps = steps
  }

  /// The number of gradients since the last step, their mean, and the optimizer's state.
  public func initialize<Tree: TensorTree>(_ params: Tree) throws -> OptimizerState<Tree> {
    OptimizerState(
      count: Tensor(0), ["gradients": try full(like: params)], parts: [try optimizer.initialize(params)])
  }

  /// The optimizer's updates at the last gradient of a step, zeros before, and the next state.
  public func update<Tree: TensorTree>(
    _ gradients: Tree, _ state: OptimizerState<Tree>, _ params: Tree
  ) throws -> (Tree, OptimizerState<Tree>) {
    let count = try state.steps()
    let size = try count.cast(to: .f32) + 1.0
    let mean = try treeMap(gradients, state["gradients"]) { g, a in try a + (g - a) / size.cast(to: a.dtype) }
    let inner = try state.parts(1)[0]
    let (updates, advanced) = try optimizer.update(mean, inner, params)
    let isLast = try count .== steps - 1
    return (
      try treeMap(updates) { try select(isLast, $0, 0) },
      OptimizerState(
        count: try select(isLast, Tensor(0), count + 1), ["gradients": try treeMap(mean) { try select(isLast, 0, $0) }],
        parts: [try treeMap(advanced, inner) { try select(isLast, $0, $1) }])
    )
  }
}
