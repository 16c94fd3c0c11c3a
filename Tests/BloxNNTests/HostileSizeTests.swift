// Sizes and rates that no layer, optimizer or data set is meant for: each is an error with a message, or has a result.

import BloxNN
import Testing

@Suite("Hostile sizes of layers, schedules and data")
struct HostileSizeTests {
  private static let numbers = [Int.min, -1 << 48, -7, -1, 0, 1, 7, 1 << 48, Int.max]

  /// Makes something of a size and uses it; errors must be the library's.
  private func attempt(_ name: String, _ body: () throws -> Void) {
    do {
      try body()
    } catch let error as BloxError {
      #expect(!error.message.isEmpty, "\(name)")
    } catch {
      Issue.record("\(name): \(error)")
    }
  }

  @Test("layers of any size", arguments: numbers) func layers(size: Int) throws {
    let inputs = try Tensor.ones([2, 4, 4])
    let makers: [(String, (Graph, Rng) throws -> any Layer)] = [
      ("Linear", { try Linear($0, outputSize: size, rng: $1) }),
      ("Conv", { try Conv($0, kernelSize: PerDimension(size), outputChannels: 2, rng: $1) }),
      ("Conv's channels", { try Conv($0, kernelSize: 3, outputChannels: size, rng: $1) }),
      (
        "Conv's steps",
        {
          try Conv(
            $0, kernelSize: 3, outputChannels: 2, rng: $1, strides: PerDimension(size),
            kernelDilation: PerDimension(size), featureGroupCount: size)
        }
      ),
      (
        "Conv's padding",
        { try Conv($0, kernelSize: 3, outputChannels: 2, rng: $1, padding: .explicit([(size, size)])) }
      ),
      (
        "ConvTranspose",
        { try ConvTranspose($0, kernelSize: 3, outputChannels: size, rng: $1, strides: PerDimension(size)) }
      ),
      ("MultiHeadAttention", { try MultiHeadAttention($0, features: 4, headCount: size, rng: $1) }),
      (
        "MultiHeadAttention's heads", { try MultiHeadAttention($0, features: 4, headCount: 2, headSize: size, rng: $1) }
      ),
      ("MultiHeadAttention's features", { try MultiHeadAttention($0, features: size, headCount: 1, rng: $1) }),
      ("FeedForward", { try FeedForward($0, features: 4, hiddenSize: size, rng: $1) }),
      ("TransformerBlock", { try TransformerBlock($0, features: size, headCount: 1, rng: $1) }),
      ("TransformerBlock's hidden", { try TransformerBlock($0, features: 4, headCount: 1, hiddenSize: size, rng: $1) }),
      ("BatchNorm's groups", { try BatchNorm($0, axisName: "i", axisIndexGroups: [[size]], rng: $1) }),
    ]
    for (name, make) in makers {
      attempt("\(name)(\(size))") {
        let graph = try Graph("net")
        let rng = try Rng(graph.child("rng"))
        let layer = try make(graph.child("layer"), rng)
        _ = try layer(rng.seed(Params(), seed: size, counter: size), inputs)
      }
    }
    attempt("Embed") {
      let graph = try Graph("net")
      let rng = try Rng(graph.child("rng"))
      let embed = try Embed(graph.child("layer"), count: size, size: size, rng: rng)
      _ = try embed(rng.seed(Params(), seed: 0), Tensor.zeros([2], dtype: .i32))
    }
    for isStatic in [false, true] {
      attempt("LSTM and GRU") {
        let graph = try Graph("net")
        let rng = try Rng(graph.child("rng"))
        let params = try rng.seed(Params(), seed: 0)
        attempt("LSTM") {
          _ = try LSTM(graph.child("lstm"), hiddenSize: size, rng: rng, isStatic: isStatic).apply(params, inputs)
        }
        _ = try GRU(graph.child("gru"), hiddenSize: size, rng: rng, isStatic: isStatic).apply(params, inputs)
      }
    }
    attempt("LoRA") {
      let graph = try Graph("net")
      let rng = try Rng(graph.child("rng"))
      let linear = try Linear(graph.child("linear"), outputSize: 3, rng: rng)
      linear.adapter = try LoRA(of: linear, rank: size, rng: rng)
      _ = try linear(rng.seed(Params(), seed: 0), inputs)
    }
    attempt("KeyValueCache") {
      let attention = try MultiHeadAttention(Graph("net").child("a"), features: 4, headCount: 2)
      _ = try attention.initialCache(batch: size, capacity: size)
    }
    for initializer: Initializer in [
      .orthogonal(columnAxis: size), .deltaOrthogonal(columnAxis: size), .lecunNormal,
      .varianceScaling(scale: 1, fan: .average, .uniform, inAxis: size, outAxis: size, batchAxes: [size]),
    ] {
      attempt("Initializer \(initializer)") { _ = try initializer(Key(0), [size, 3]) }
      attempt("Initializer \(initializer)") { _ = try initializer(Key(0), [2, 3, 3]) }
      attempt("Initializer \(initializer)") { _ = try initializer(Key(0), []) }
    }
  }

  @Test("schedules, metrics, data and bars of any number", arguments: numbers) func others(number: Int) throws {
    let makers: [(String, () throws -> Schedule)] = [
      ("linear", { try .linear(from: 1, to: 0, steps: number, begin: number) }),
      ("polynomial", { try .polynomial(from: 1, to: 0, power: Double(number), steps: number, begin: number) }),
      ("cosine", { try .cosine(from: 1, steps: number, exponent: Double(number)) }),
      (
        "exponential",
        { try .exponential(from: 1, rate: Double(number), steps: number, begin: number, staircase: true) }
      ),
      ("piecewise", { try .piecewise(from: 1, factors: [number: 0.5, 3: 0.5]) }),
      ("join", { try .join([.constant(1), .constant(2)], boundaries: [number]) }),
      ("warmup", { try .warmup(peak: 1, warmup: number) }),
      ("warmupCosine", { try .warmupCosine(peak: 1, warmup: number, steps: number) }),
      ("warmupLinear", { try .warmupLinear(peak: 1, warmup: 1, steps: number) }),
    ]
    for (name, make) in makers {
      attempt(name) {
        let schedule = try make()
        for step in [0, 1, number] { attempt(name) { _ = try schedule(step) } }
      }
    }
    let logits = try Tensor.ones([2, 3])
    let classes = try Tensor.zeros([2], dtype: .i32)
    attempt("topKAccuracy") { _ = try topKAccuracy(logits, classes: classes, k: number) }
    attempt("confusionMatrix") { _ = try confusionMatrix(predictions: classes, classes: classes, count: number) }
    attempt("GradientAccumulation") { _ = try GradientAccumulation(SGD(learningRate: 1), steps: number) }
    let data = try Dataset(["x": logits])
    attempt("examples") { _ = try data.examples(at: [number]) }
    attempt("selecting") { _ = try data.selecting([number]) }
    for remainder in [Remainder.keep, .drop, .pad] {
      attempt("batches") {
        var batches = try data.batches(of: number, remainder: remainder, epochs: 2)
        while try batches.next() != nil {}
      }
    }
    attempt("epochs") { _ = try data.batches(of: 1, epochs: number) }
    attempt("prefetched") { _ = try data.batches(of: 1).prefetched(depth: Swift.min(number, 1 << 20)) }
    var bar = ProgressBar(total: number, width: Swift.min(number, 1 << 12), isVisible: false)
    bar.advance(note: "x")
    #expect(!bar.line(note: "note").isEmpty)
    bar.finish()
    let graph = try Graph("net")
    _ = try Linear(graph.child("linear"), outputSize: 3)
    #expect(!ModelDisplay(graph).text(width: number).isEmpty)
  }

  @Test("rates that are no numbers", arguments: [Double.nan, .infinity, -.infinity, -1, 0, 2, 1e300])
  func rates(rate: Double) throws {
    let tensor = try Tensor([[1, 2], [3, 4]])
    let graph = try Graph("net")
    let rng = try Rng(graph.child("rng"))
    attempt("Dropout") {
      let dropout = try Dropout(graph.child("dropout"), rate: rate, rng: rng)
      _ = try dropout(rng.seed(Params(), seed: 0), tensor, isTraining: true)
    }
    attempt("BatchNorm") {
      _ = try BatchNorm(graph.child("norm"), momentum: rate, epsilon: rate)(Params(), tensor, isTraining: true)
    }
    attempt("rotary") {
      _ = try MultiHeadAttention(graph.child("a"), features: 2, headCount: 1, rotaryBase: rate, rng: rng)(
        rng.seed(Params(), seed: 0), tensor)
    }
    let optimizers: [any GradientTransformation] = [
      SGD(learningRate: rate, momentum: rate), Adam(learningRate: rate, beta1: rate, beta2: rate, epsilon: rate),
      AdamW(learningRate: rate, weightDecay: rate), Lion(learningRate: rate, beta1: rate),
      RMSProp(learningRate: rate, decay: rate), Adagrad(learningRate: rate, initialAccumulator: rate),
      Adafactor(decayRate: rate, clippingThreshold: rate, momentum: rate), ClipByGlobalNorm(rate), ClipByValue(rate),
      ExponentialMovingAverage(decay: rate), AddDecayedWeights(rate),
    ]
    for optimizer in optimizers {
      attempt("\(optimizer)") { _ = try optimizer.update(tensor, try optimizer.initialize(tensor), tensor) }
    }
    attempt("huber") { _ = try huberLoss(tensor, tensor, delta: rate) }
    attempt("smoothing") { _ = try smoothLabels(tensor, rate) }
    attempt("split") { _ = try Dataset(["x": tensor]).split(testFraction: rate) }
    for initializer: Initializer in [
      .normal(stddev: rate), .uniform(scale: rate), .truncatedNormal(stddev: rate, lower: rate), .constant(rate),
      .orthogonal(scale: rate), .varianceScaling(scale: rate, fan: .in, .truncatedNormal),
    ] {
      attempt("\(initializer)") { _ = try initializer(Key(0), [2, 2]) }
    }
  }
}
