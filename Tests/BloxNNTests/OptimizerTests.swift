// What optimizers promise beyond optax's numbers: masks, errors, states as trees; and metrics.

import BloxNN
import Testing

@Suite("Optimizers")
struct OptimizerTests {
  @Test("Masks know parameters by path") func mask() throws {
    let params = try Params()
      .setting("net/a/kernel", to: Param(.ones([2]))).setting("net/a/bias", to: Param(.ones([2])))
    let decay = AddDecayedWeights(0.5) { path, _ in path == "net/a/kernel" }
    let zeros = try treeMap(params) { try Tensor.zeros(like: $0) }
    let (updates, _) = try decay.update(zeros, decay.initialize(params), params)
    #expect(try updates["net/a/kernel"].value.scalars() == [0.5, 0.5])
    #expect(try updates["net/a/bias"].value.scalars() == [0.0, 0.0])
  }

  @Test("Trees have named tensors") func namedTensors() throws {
    let tree = ["b": [Tensor(1.0), Tensor(2.0)], "a": [Tensor(3.0)]]
    #expect(try tree.namedTensors().map(\.path) == ["a[0]", "b[0]", "b[1]"])
    let kept = try treeMap(tree) { path, x in path == "b[1]" ? x : Tensor(0.0) }
    #expect(try kept.tensors().map { try $0.item() } == [0, 0, 2])
  }

  @Test("Half-precision parameters stay so under any schedule") func dtypes() throws {
    let params = try [Tensor([1.0, 2], dtype: .bf16), Tensor([1.0], dtype: .f16), Tensor([1.0], dtype: .f64)]
    let rate = try Schedule.warmupLinear(peak: 0.1, warmup: 2, steps: 5)
    let optimizers: [any GradientTransformation] = [
      SGD(learningRate: rate, momentum: 0.9, nesterov: true), Adam(learningRate: rate), AdamW(learningRate: rate),
      Lion(learningRate: rate), RMSProp(learningRate: rate, centered: true, momentum: 0.5), Adagrad(learningRate: rate),
      Adafactor(learningRate: rate, minimumFactoredSize: 1, momentum: 0.9),
      chain(ClipByGlobalNorm(1), ClipByValue(1), ExponentialMovingAverage(decay: 0.9), ScaleByLearningRate(rate)),
      try GradientAccumulation(Adam(learningRate: rate), steps: 2),
    ]
    for optimizer in optimizers {
      let state = try optimizer.initialize(params)
      let (updates, next) = try optimizer.update(params, state, params)
      #expect(try applyUpdates(params, updates).map(\.dtype) == params.map(\.dtype), "\(optimizer)")
      #expect(try next.tensors().map(\.type) == state.tensors().map(\.type), "\(optimizer)")
      #expect(try next.structure() == state.structure(), "\(optimizer)")
    }
  }

  @Test("Errors say what does not fit") func errors() throws {
    let params = ["w": try Tensor.ones([2])]
    let adam = Adam(learningRate: 0.1)
    let foreign = #expect(throws: BloxError.self) {
      try adam.update(params, SGD(learningRate: 0.1, momentum: 0.9).initialize(params), params)
    }
    #expect(foreign?.code == .structureMismatch)
    #expect(
      foreign?.message
        == "the state has no count: it belongs to another optimizer; make it with initialize(params) of the one that"
        + " uses it")
    let missing = #expect(throws: BloxError.self) {
      try SGD(learningRate: 0.1, momentum: 0.9).update(params, adam.initialize(params), params)
    }
    #expect(missing?.message.hasPrefix("the state has no 'trace'") == true)
    let parts = #expect(throws: BloxError.self) {
      try chain(Scale(1), Scale(2)).update(params, chain(Scale(1)).initialize(params), params)
    }
    #expect(parts?.message.hasPrefix("the state has 1 parts where 2 are needed") == true)
    let integer = #expect(throws: BloxError.self) { try adam.initialize(["n": Tensor(1)]) }
    #expect(integer?.code == .gradientOfInteger)
    #expect(
      integer?.message
        == "an optimizer needs floating-point parameters; 'n' is i32[]: pass the trainable half, params.split().0")
    let noCount = #expect(throws: BloxError.self) {
      try SGD(learningRate: try .cosine(from: 1, steps: 2)).update(
        params, SGD(learningRate: 1.0).initialize(params), params)
    }
    #expect(noCount?.message.hasPrefix("the state has no count, which a learning rate that changes needs") == true)
    for make: () throws -> Void in [
      { _ = try Schedule.linear(from: 0, to: 1, steps: 0) }, { _ = try Schedule.cosine(from: 0, steps: -1) },
      { _ = try Schedule.linear(from: 0, to: 1, steps: 1, begin: -1) },
      { _ = try Schedule.exponential(from: 1, rate: 0, steps: 1) }, { _ = try Schedule.join([], boundaries: []) },
      { _ = try Schedule.join([.constant(1), .constant(1), .constant(1)], boundaries: [3, 2]) },
      { _ = try Schedule.piecewise(from: 1, factors: [1: -1]) },
      { _ = try Schedule.warmupCosine(peak: 1, warmup: 5, steps: 5) },
      { _ = try Schedule.linear(from: 0, to: 1, steps: .max) },
      { _ = try GradientAccumulation(Scale(1), steps: 0) },
    ] {
      #expect(#expect(throws: BloxError.self) { try make() }?.code == .invalidArgument)
    }
  }

  @Test("The norm of a tree is that of all its numbers") func norm() throws {
    #expect(try globalNorm([Tensor([3.0, 0]), Tensor(4.0)]).item() == 5)
    #expect(try globalNorm([Tensor]()).item() == 0)
  }
}

@Suite("Metrics")
struct MetricTests {
  private let logits: [[Double]] = [[1, 5, 2, 3], [4, 4, 4, 4], [9, 0, 0, 1], [0, 1, 2, 3]]

  @Test("Accuracy among the k best counts equal logits in order of classes") func topK() throws {
    let (x, y) = (try Tensor(logits), try Tensor([3.0, 2, 3, 0], dtype: .i32))
    #expect(try (1...4).map { try topKAccuracy(x, classes: y, k: $0).item() } == [0, 0.5, 0.75, 1])
    let first = try Tensor([1.0, 0, 0, 3], dtype: .i32)
    #expect(try topKAccuracy(x, classes: first, k: 1).item() == accuracy(x, classes: first).item())
    #expect(try topKAccuracy(x, classes: Tensor([7.0, -1, 0, 0], dtype: .i32), k: 4).item() == 0.5)
    #expect(throws: BloxError.self) { try topKAccuracy(x, classes: y, k: 0) }
    #expect(throws: BloxError.self) { try topKAccuracy(x, classes: Tensor([1.0], dtype: .i32), k: 1) }
  }

  @Test("NaN is the largest logit, as it is for accuracy") func missingLogits() throws {
    let x = try Tensor([[Double.nan, .nan, .nan], [1, .nan, 3], [1, 2, 3]])
    let y = try Tensor([1.0, 2, 2], dtype: .i32)
    #expect(try (1...3).map { try topKAccuracy(x, classes: y, k: $0).scalars(as: Float.self)[0] } == [1 / 3, 1, 1])
    #expect(try topKAccuracy(x, classes: y, k: 1).item() == accuracy(x, classes: y).item())
  }

  @Test("Classes beyond the labels' dtype belong to none of them") func narrowLabels() throws {
    let labels = try Tensor(shape: [2], scalars: [7, 255], dtype: .u8)
    #expect(try oneHot(labels, 600).sum([-1]).scalars() == [1, 1])
    let loss = try softmaxCrossEntropy(Tensor.zeros([2, 600]), classes: labels)
    #expect(try loss.scalars(as: Float.self).allSatisfy { Swift.abs($0 - 6.3969297) < 1e-5 })
    #expect(try confusionMatrix(predictions: labels, classes: labels, count: 600).sum().item() == 2)
  }

  @Test("Logits of -inf take a class out: losses and gradients of the others are finite") func maskedLogits() throws {
    let logits = try Tensor([[1.0, 2, -.infinity], [0, -.infinity, -.infinity]])
    let classes = try Tensor([1.0, 0], dtype: .i32)
    let loss = { (x: Tensor) in try softmaxCrossEntropy(x, classes: classes).sum() }
    let (value, gradient) = try valueAndGrad(loss)(logits)
    #expect(Swift.abs(try value.item() - 0.31326169) < 1e-6)
    let share = 0.26894143
    let wanted = [share, -share, 0, 0, 0, 0]
    #expect(zip(try gradient.scalars(), wanted).allSatisfy { Swift.abs($0 - $1) < 1e-6 })
    #expect(try multiclassHingeLoss(logits, classes: classes).scalars() == [0, 0])
  }

  @Test("Precision, recall and F1 come from the confusion matrix") func confusion() throws {
    let predictions = try Tensor([0.0, 0, 1, 1, 1, 0], dtype: .i32)
    let classes = try Tensor([0.0, 1, 1, 1, 2, 9], dtype: .i32)
    let matrix = try confusionMatrix(predictions: predictions, classes: classes, count: 4)
    #expect(try matrix.scalars(as: Int.self) == [1, 0, 0, 0, 1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    #expect(matrix.dtype == .i32)
    let third = Float(2) / 3
    #expect(try precision(matrix).scalars(as: Float.self) == [0.5, third, 0, 0])
    #expect(try recall(matrix).scalars(as: Float.self) == [1, third, 0, 0])
    let f1 = try f1Score(matrix).scalars(as: Float.self)
    #expect(zip(f1, [third, third, 0, 0]).allSatisfy { Swift.abs($0 - $1) < 1e-6 }, "\(f1)")
    #expect(throws: BloxError.self) { try precision(Tensor.ones([2, 3])) }
    #expect(throws: BloxError.self) { try confusionMatrix(predictions: predictions, classes: Tensor(0), count: 2) }
  }

  @Test("Perplexity of a uniform guess is the number of classes") func perplexityOfUniform() throws {
    let losses = try softmaxCrossEntropy(Tensor.zeros([3, 8]), classes: Tensor([0.0, 1, 2], dtype: .i32))
    #expect(Swift.abs(try perplexity(losses).item() - 8) < 1e-5)
    #expect(try binaryAccuracy(Tensor([-1.0, 2, 3, -4]), Tensor([0.0, 1, 0, 0])).item() == 0.75)
  }
}
