// The model and training step of the forecast example: an LSTM that says how a series goes on.

import BloxIR
import BloxNN

/// Reads a series and tells, after each of its values, the next ones: `[batch, time, 1]` → `[batch, time, horizon]`.
public final class ForecastModel: Module {
  /// How many values are told.
  public let horizon: Int
  /// The recurrence.
  public let lstm: LSTM
  /// From the recurrence's outputs to the next values.
  public let output: Linear

  /// Makes the model under a graph node.
  public init(_ graph: Graph, hiddenSize: Int, horizon: Int, rng: Rng) throws {
    self.horizon = horizon
    lstm = try LSTM(graph.child("lstm"), hiddenSize: hiddenSize, rng: rng)
    output = try Linear(graph.child("output"), outputSize: horizon, rng: rng)
    try super.init(graph)
  }

  /// Maps series `[batch, time, 1]` to the next values after each, `[batch, time, horizon]`.
  public func callAsFunction(_ params: Params, _ series: Tensor) throws -> (Tensor, Params) {
    try scoped {
      let (states, _, params) = try lstm.apply(params, series)
      return try output(params, states)
    }
  }
}

/// A forecast model with its optimizer: what the forecast example trains.
public struct ForecastTraining {
  /// The random source of the model.
  public let rng: Rng
  /// The model.
  public let model: ForecastModel
  /// Adam after clipping, with a warm-up and half a cosine.
  public let optimizer: Chain
  private let graph: Graph

  /// Makes the model and the optimizer.
  ///
  /// - Parameters:
  ///   - learningRate: The largest one, after the first `steps / 10`.
  ///   - steps: The number of steps to train.
  public init(hiddenSize: Int, horizon: Int, learningRate: Double = 5e-3, steps: Int) throws {
    graph = try Graph("net")
    rng = try Rng(graph.child("rng"))
    model = try ForecastModel(graph.child("forecast"), hiddenSize: hiddenSize, horizon: horizon, rng: rng)
    let rate = try Schedule.warmupCosine(peak: learningRate, warmup: max(1, steps / 10), steps: max(2, steps))
    optimizer = chain(ClipByGlobalNorm(1), Adam(learningRate: rate))
  }

  /// Parameters for a seed, locked, and the optimizer's first state.
  public func initialize(seed: Int) throws -> (Params, OptimizerState<Params>) {
    // A series of one value creates all parameters.
    let (_, params) = try model(rng.seed(Params(), seed: seed), Tensor.zeros([1, 1, 1]))
    let locked = params.locked()
    return (locked, try optimizer.initialize(locked.split().0))
  }

  /// The mean squared error of what is told after each value of the windows but the last ones, which are told only.
  ///
  /// - Parameter windows: `[batch, time + horizon]`.
  public func loss(_ trainable: Params, _ state: Params, _ windows: Tensor) throws -> (Tensor, Params) {
    let time = windows.shape[1] - model.horizon
    let inputs = try windows.slice(0..<time, axis: 1).reshape([windows.shape[0], time, 1])
    let (told, params) = try model(trainable.merge(state), inputs)
    // After the value at t, the values at t + 1 ... t + horizon.
    let positions = try Tensor.iota([time, model.horizon], axis: 0) + Tensor.iota([time, model.horizon], axis: 1) + 1
    return (try meanSquaredError(told, windows.take(positions, axis: 1)), params.split().1)
  }

  /// One step on windows of the series.
  public func step(
    _ params: Params, _ optimizerState: OptimizerState<Params>, _ windows: Tensor
  ) throws -> (Params, OptimizerState<Params>, Tensor) {
    try trainingStep(params, optimizerState, optimizer) { try loss($0, $1, windows) }
  }
}

extension GalleryEntry {
  private static func forecast(_ sizes: [String: Int]) throws -> (ForecastTraining, Tensor) {
    let horizon = sizes["horizon"] ?? 3
    let training = try ForecastTraining(hiddenSize: sizes["hidden"] ?? 4, horizon: horizon, steps: 100)
    return (training, .abstract(TensorType(.f32, [sizes["batch"] ?? 2, (sizes["time"] ?? 8) + horizon])))
  }

  static let forecast = GalleryEntry(
    "forecast", "the training step of the forecast example: an LSTM as a loop, clipping, Adam, a schedule",
    settings: [
      batch, Setting(name: "time", value: 8, summary: "steps of a window"),
      Setting(name: "hidden", value: 4, summary: "features of the state"),
      Setting(name: "horizon", value: 3, summary: "values that are told"),
    ],
    trace: { sizes in
      let (training, windows) = try forecast(sizes)
      let (trainable, state) = try training.initialize(seed: 42).0.split()
      return try makeProgram(
        name: "forecast.loss", arguments: ["params", "state", "windows"], training.loss, trainable, state, windows)
    },
    differentiate: { sizes in
      let (training, windows) = try forecast(sizes)
      let (params, optimizer) = try training.initialize(seed: 42)
      return try TensorFunction(training.step).makeProgram(
        name: "forecast", arguments: ["params", "optimizer", "windows"], donating: [0, 1], params, optimizer, windows)
    })
}
