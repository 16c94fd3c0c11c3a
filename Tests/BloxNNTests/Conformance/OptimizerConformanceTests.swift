// Optimizers, schedules and losses agree with optax (Scripts/make_optimizer_fixtures.py).

import BloxNN
import TestSupport
import Testing

@testable import BloxTrace

@Suite("Conformance with optax")
struct OptimizerConformanceTests {
  private static func cosine() throws -> Schedule {
    try .warmupCosine(from: 0, peak: 0.1, warmup: 2, steps: 6, end: 0.01)
  }

  private static let matrices: ParameterPredicate = { _, tensor in tensor.rank > 1 }

  /// The transformation of a case.
  private static func optimizer(_ name: String) throws -> (any GradientTransformation)? {
    switch name {
    case "sgd": SGD(learningRate: 0.1)
    case "sgd/momentum": SGD(learningRate: 0.1, momentum: 0.9)
    case "sgd/nesterov": SGD(learningRate: 0.1, momentum: 0.9, nesterov: true)
    case "sgd/schedule": SGD(learningRate: try cosine(), momentum: 0.9)
    case "adam": Adam(learningRate: 1e-2)
    case "adam/nesterov": Adam(learningRate: 1e-2, beta1: 0.8, nesterov: true)
    case "adam/schedule": Adam(learningRate: try cosine(), epsilon: 1e-6)
    case "adamw": AdamW(learningRate: 1e-2)
    case "adamw/mask": AdamW(learningRate: 1e-2, weightDecay: 0.1, mask: matrices)
    case "adamw/nesterov": AdamW(learningRate: 1e-2, weightDecay: 0.1, nesterov: true)
    case "adamw/schedule": AdamW(learningRate: try cosine(), beta2: 0.95, weightDecay: 0.1)
    case "lion": Lion(learningRate: 1e-2)
    case "lion/mask": Lion(learningRate: 1e-2, beta1: 0.95, weightDecay: 0.1, mask: matrices)
    case "lion/schedule": Lion(learningRate: try cosine())
    case "rmsprop": RMSProp(learningRate: 1e-2)
    case "rmsprop/centered": RMSProp(learningRate: 1e-2, decay: 0.95, epsilon: 1e-3, centered: true)
    case "rmsprop/momentum": RMSProp(learningRate: 1e-2, momentum: 0.9)
    case "rmsprop/nesterov":
      RMSProp(learningRate: try cosine(), epsilon: 1e-3, centered: true, momentum: 0.9, nesterov: true)
    case "adagrad": Adagrad(learningRate: 0.1)
    case "adagrad/schedule": Adagrad(learningRate: try cosine(), initialAccumulator: 0)
    case "adafactor": Adafactor(learningRate: .constant(1e-2))
    case "adafactor/factored": Adafactor(learningRate: .constant(1e-2), minimumFactoredSize: 2)
    case "adafactor/all":
      Adafactor(
        learningRate: try cosine(), minimumFactoredSize: 3, scalesByParameter: false, clippingThreshold: 0.5,
        momentum: 0.9, weightDecay: 1e-2)
    case "adafactor/no_rate": Adafactor(minimumFactoredSize: 2, clippingThreshold: nil)
    case "chain/clip_norm": chain(ClipByGlobalNorm(0.5), SGD(learningRate: 0.1))
    case "chain/clip_norm_large": chain(ClipByGlobalNorm(100), SGD(learningRate: 0.1))
    case "chain/clip_value": chain(ClipByValue(0.3), Adam(learningRate: 1e-2))
    case "chain/decay": chain(AddDecayedWeights(0.1, mask: matrices), SGD(learningRate: 0.1, momentum: 0.9))
    case "chain/parts":
      chain(ClipByGlobalNorm(1), ScaleByAdam(), Scale(0.5), ScaleByLearningRate(try cosine()))
    case "accumulate": try GradientAccumulation(Adam(learningRate: 1e-2), steps: 3)
    case "accumulate/one": try GradientAccumulation(SGD(learningRate: 0.1), steps: 1)
    case "ema": ExponentialMovingAverage(decay: 0.9)
    case "ema/biased": ExponentialMovingAverage(decay: 0.9, debias: false)
    case _: nil
    }
  }

  @Test("optax: optimizers, clipping, decay, chains, accumulation and averages, uncompiled and in one donating step")
  func optimizers() throws {
    var ran = 0
    for testCase in try ConformanceGroup.load("optimizers", from: "Optimizers").cases
    where ["optimizer", "average"].contains(testCase.op) {
      guard let optimizer = try Self.optimizer(testCase.name) else {
        Issue.record("no optimizer for \(testCase.name)")
        continue
      }
      ran += 1
      for isCompiled in [false, true] {
        let results = try run(testCase, optimizer, isCompiled: isCompiled)
        for (got, want) in zip(results, testCase.outputs) {
          let text = try difference(got, want, exact: false, (testCase.rtol, testCase.atol))
          #expect(text == nil, "\(want.name), compiled \(isCompiled)")
        }
        #expect(results.count == testCase.outputs.count)
      }
    }
    #expect(ran == 33)
  }

  /// The results of all steps of a case.
  private func run(
    _ testCase: ConformanceCase, _ optimizer: any GradientTransformation, isCompiled: Bool
  ) throws -> [Tensor] {
    typealias Tree = [String: Tensor]
    let tensors = try testCase.inputs.map { try Tensor($0) }
    let trees = stride(from: 0, to: tensors.count, by: 3).map {
      ["a": tensors[$0], "b": tensors[$0 + 1], "m": tensors[$0 + 2]]
    }
    let isAverage = testCase.op == "average"
    let step = { (params: Tree, state: OptimizerState<Tree>, gradients: Tree) throws -> (Tree, OptimizerState<Tree>) in
      let (updates, next) = try optimizer.update(gradients, state, params)
      return (isAverage ? updates : try applyUpdates(params, updates), next)
    }
    let compiled = jit(donating: [1], step)
    var (params, state) = (trees[0], try optimizer.initialize(trees[0]))
    var results: [Tensor] = []
    for gradients in trees.dropFirst() {
      (params, state) = try isCompiled ? compiled(params, state, gradients) : step(params, state, gradients)
      results += try params.tensors()
    }
    if isCompiled { #expect(compiled.cacheSize == 1, "\(testCase.name)") }
    return results
  }

  private static func schedule(_ name: String) throws -> Schedule? {
    switch name {
    case "constant": .constant(0.3)
    case "linear": try .linear(from: 1, to: 0.1, steps: 10)
    case "linear/begin": try .linear(from: 0, to: 2, steps: 7, begin: 5)
    case "polynomial": try .polynomial(from: 1, to: 0.2, power: 2.5, steps: 20, begin: 3)
    case "cosine": try .cosine(from: 0.5, steps: 50)
    case "cosine/alpha": try .cosine(from: 0.5, steps: 50, alpha: 0.1, exponent: 1.7)
    case "exponential": try .exponential(from: 1, rate: 0.8, steps: 10)
    case "exponential/staircase":
      try .exponential(from: 1, rate: 0.5, steps: 7, begin: 4, staircase: true, end: 0.01)
    case "exponential/growth": try .exponential(from: 1, rate: 1.5, steps: 7, end: 20)
    case "piecewise": try .piecewise(from: 1, factors: [3: 0.5, 10: 0.1, 50: 3])
    case "join":
      try .join(
        [.linear(from: 0, to: 1, steps: 4), .constant(0.7), .exponential(from: 0.7, rate: 0.5, steps: 5)],
        boundaries: [4, 10])
    case "warmup": try .warmup(from: 0.1, peak: 0.9, warmup: 6)
    case "warmup_cosine": try .warmupCosine(peak: 3e-4, warmup: 10, steps: 100, end: 1e-5)
    case "warmup_cosine/exponent":
      try .warmupCosine(from: 0.1, peak: 1, warmup: 5, steps: 40, end: 0.2, exponent: 2)
    case "warmup_linear": try .warmupLinear(peak: 1, warmup: 5, steps: 20, end: 0.1)
    case _: nil
    }
  }

  @Test("optax: schedules, step by step and as tensors under jit and vmap") func schedules() throws {
    var ran = 0
    for testCase in try ConformanceGroup.load("optimizers", from: "Optimizers").cases where testCase.op == "schedule" {
      guard let schedule = try Self.schedule(testCase.name) else {
        Issue.record("no schedule for \(testCase.name)")
        continue
      }
      ran += 1
      let steps = try Tensor(testCase.inputs[0])
      let all = try jit(vmap { (step: Tensor) in try schedule(step) })(steps)
      let text = try difference(all, testCase.outputs[0], exact: false, (testCase.rtol, testCase.atol))
      #expect(text == nil, "\(testCase.name)")
      let single = try steps.scalars(as: Int.self).map { try schedule($0) }
      for (got, want) in zip(single, try all.scalars(as: Double.self)) {
        #expect(Swift.abs(got - want) <= 1e-6 * Swift.max(1, Swift.abs(want)), "\(testCase.name)")
      }
    }
    #expect(ran == 15)
  }

  private static func loss(_ name: String) -> CaseFunction? {
    switch name {
    case "softmaxCrossEntropy": { [try softmaxCrossEntropy($0[0], $0[1])] }
    case "softmaxCrossEntropy/classes": { [try softmaxCrossEntropy($0[0], classes: $0[1])] }
    case "softmaxCrossEntropy/smoothed":
      { [try softmaxCrossEntropy($0[0], classes: $0[1], labelSmoothing: 0.1)] }
    case "smoothLabels": { [try smoothLabels($0[0], 0.2)] }
    case "polyCrossEntropy": { [try polyCrossEntropy($0[0], $0[1])] }
    case "sigmoidBinaryCrossEntropy": { [try sigmoidBinaryCrossEntropy($0[0], $0[1])] }
    case "sigmoidFocalLoss": { [try sigmoidFocalLoss($0[0], $0[1])] }
    case "sigmoidFocalLoss/alpha": { [try sigmoidFocalLoss($0[0], $0[1], alpha: 0.3, gamma: 1.5)] }
    case "klDivergence", "klDivergence/zeros": { [try klDivergence($0[0], $0[1])] }
    case "klDivergence/log": { [try klDivergence($0[0], logTargets: $0[1])] }
    case "hingeLoss": { [try hingeLoss($0[0], $0[1])] }
    case "multiclassHingeLoss": { [try multiclassHingeLoss($0[0], classes: $0[1])] }
    case "squaredError": { [try squaredError($0[0], $0[1])] }
    case "absoluteError": { [try absoluteError($0[0], $0[1])] }
    case "l2Loss": { [try l2Loss($0[0], $0[1])] }
    case "huberLoss": { [try huberLoss($0[0], $0[1], delta: 1.5)] }
    case "logCosh": { [try logCosh($0[0], $0[1])] }
    case "meanSquaredError": { [try meanSquaredError($0[0], $0[1])] }
    case "meanAbsoluteError": { [try meanAbsoluteError($0[0], $0[1])] }
    case "cosineSimilarity": { [try cosineSimilarity($0[0], $0[1])] }
    case "cosineDistance": { [try cosineDistance($0[0], $0[1], epsilon: 1e-3)] }
    case _: nil
    }
  }

  @Test("optax: losses and their derivatives") func losses() throws {
    var ran = 0
    for testCase in try ConformanceGroup.load("optimizers", from: "Optimizers").cases where testCase.op == "loss" {
      guard let loss = Self.loss(testCase.name) else {
        Issue.record("no loss for \(testCase.name)")
        continue
      }
      var report = GroupReport()
      try report.run(testCase, loss, isCompiled: true)
      ran += 1
    }
    #expect(ran == 22)
  }
}
