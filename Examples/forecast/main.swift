// Trains an LSTM to forecast a series, and plots truth against forecast.

import BloxIR
import BloxNN
import BloxRuntime
import ExampleSupport
import Gallery

/// Trains on windows of the series' training part.
func train(_ training: ForecastTraining, _ series: Series, _ options: Options) throws -> Params {
  let values = series.scaled
  let window = min(options.window ?? 168, series.trainingCount - options.horizon)
  let length = window + options.horizon
  let dataKey = try Key(options.seed).foldIn(1)
  func windows(_ step: Int) throws -> Tensor {
    let starts = try dataKey.foldIn(step).randint([options.batch], low: 0, high: series.trainingCount - length + 1)
    return try Tensor(
      shape: [options.batch, length],
      scalars: starts.scalars(as: Int.self).flatMap { values[$0..<$0 + length] })
  }

  var (params, optimizer) = try training.initialize(seed: options.seed)
  let step = try compileStep(
    jit(name: "train_step", donating: [0, 1], training.step), params, optimizer, windows(0))
  var bar = ProgressBar(total: options.steps)
  for number in 0..<options.steps {
    let loss: Tensor
    (params, optimizer, loss) = try step(params, optimizer, windows(number))
    try bar.advance(note: "loss \(fixed(loss.item(), decimals: 4))")
    if !bar.isVisible, (number + 1) % 100 == 0 {
      let rate = Int(bar.rate)
      say("step \(number + 1)  loss \(fixed(try loss.item(), decimals: 4))  \(rate) steps/s")
    }
  }
  bar.finish()
  if options.steps > 0 {
    say("trained \(options.steps) steps (\(Int(bar.rate * Double(options.batch * window))) values/s)")
  }
  return params
}

/// What is told for the held-out values, by so many at a time: each time, all values before are known.
func forecast(_ training: ForecastTraining, _ params: Params, _ series: Series) throws -> [Double] {
  let inputs = try Tensor(shape: [1, series.values.count, 1], scalars: series.scaled)
  let told = try jit(name: "forecast") { (params: Params, x: Tensor) in try training.model(params, x).0 }(
    params, inputs)
  let horizon = training.model.horizon
  let numbers = try told.scalars(as: Double.self)
  return (0..<series.heldCount).map { index in
    let last = series.trainingCount + index / horizon * horizon - 1
    return numbers[last * horizon + index % horizon] * series.scaling.deviation + series.scaling.mean
  }
}

/// The root of the mean squared difference.
func error(_ a: some Collection<Double>, _ b: some Collection<Double>) -> Double {
  (zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Double(a.count)).squareRoot()
}

func run(_ options: Options) throws {
  if let threads = options.threads { ThreadPool.setThreadCount(threads) }
  let (name, values) =
    try options.csv.map { try Series.read($0, column: options.column) }
    ?? ("water level in cm", try Series.waterLevels(seed: options.seed))
  let series = try Series(
    name: options.csv.map { "\($0): column '\(name)'" } ?? name, values, heldShare: options.heldShare,
    horizon: options.horizon)
  say("\(series.name): \(values.count) values, the last \(series.heldCount) held out")

  let training = try ForecastTraining(
    hiddenSize: options.hidden, horizon: options.horizon, learningRate: options.learningRate, steps: options.steps)
  let params = try train(training, series, options)
  let told = try forecast(training, params, series)

  let truth = values[series.trainingCount...]
  let repeated = truth.indices.map { index in
    values[
      series.trainingCount + (index - series.trainingCount) / options.horizon * options.horizon
        - options.horizon + (index - series.trainingCount) % options.horizon]
  }
  say(
    "held-out error \(significant(error(told, truth))) (root mean square) by forecasts of \(options.horizon);"
      + " \(significant(error(repeated, truth))) by repeating the last \(options.horizon) values")
  if let path = options.svg {
    let plot = ForecastPlot(
      name: name, values: values, trainingCount: series.trainingCount, forecast: told, horizon: options.horizon)
    try TextFile.write(plot.svg(), to: path)
    say("wrote \(path)")
  }
}

runExample("forecast", help: help) { try run(try Options(&$0)) }
