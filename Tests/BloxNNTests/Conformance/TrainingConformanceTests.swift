// Whole training runs agree with jax-blox and optax, step by step.

import BloxNN
import TestSupport
import Testing

@testable import BloxTrace

/// The loss of parameters on the batch that it captures, with the parameters that the forward pass advanced.
typealias BatchLoss = (Params) throws -> (Tensor, Params)

/// Some steps of training in one compiled and donating step.
func train(
  _ loss: @escaping BatchLoss, _ params: Params, steps: Int, _ optimizer: any GradientTransformation
) throws -> (losses: [Tensor], params: Params) {
  let step = jit(name: "train_step", donating: [0, 1]) {
    (params: Params, state: OptimizerState<Params>) throws -> (Params, OptimizerState<Params>, Tensor) in
    let (trainable, rest) = params.split()
    let (loss, restAfter, gradients) = try valueAndGrad { (t: Params, nt: Params) in
      let (value, after) = try loss(t.merge(nt))
      return (value, after.split().1)
    }(trainable, rest)
    let (updates, next) = try optimizer.update(gradients, state, trainable)
    return (try applyUpdates(trainable, updates).merge(restAfter), next, loss)
  }
  // The step takes its inputs away, so it gets copies of its own.
  var params = try treeMap(params) { $0.dtype == .key ? $0 : try $0 * 1 }
  var state = try optimizer.initialize(params.split().0)
  var losses: [Tensor] = []
  for _ in 0..<steps {
    let loss: Tensor
    (params, state, loss) = try step(params, state)
    losses.append(loss)
  }
  return (losses, params)
}

/// Some steps of training a classifier.
func train(
  _ model: Sequential, _ params: Params, _ x: Tensor, _ y: Tensor, steps: Int, _ optimizer: any GradientTransformation
) throws -> (losses: [Tensor], params: Params) {
  try train(
    { params in
      let (logits, after) = try model(params, x)
      return (try softmaxCrossEntropy(logits, classes: y).mean(), after)
    }, params, steps: steps, optimizer)
}

/// The optimizer that the attributes of a case name.
func namedOptimizer(of testCase: ConformanceCase) -> (any GradientTransformation)? {
  let attrs = testCase.attrs
  let rate = attrs["lr"]?.double ?? 0
  switch attrs["optimizer"]?.string {
  case "sgd": return SGD(learningRate: rate)
  case "sgd_momentum": return SGD(learningRate: rate, momentum: attrs["momentum"]?.double)
  case "adamw": return AdamW(learningRate: rate, weightDecay: attrs["weight_decay"]?.double ?? 1e-4)
  case "adam": return Adam(learningRate: rate)
  case _: return nil
  }
}

/// Trains a classifier as a case says; `nil` when there is no such optimizer.
func train(
  _ testCase: ConformanceCase, _ model: Sequential, _ params: Params, _ x: Tensor, _ y: Tensor
) throws -> (losses: [Tensor], params: Params)? {
  try namedOptimizer(of: testCase).map {
    try train(model, params, x, y, steps: testCase.attrs["steps"]?.int ?? 0, $0)
  }
}

@Suite("Conformance of training")
struct TrainingConformanceTests {
  /// `l1`, relu (tanh with dropout, as the reference has it), an optional dropout, `l2` as children of the root.
  private func model(hidden: Int, dropout: Double?) throws -> (graph: Graph, rng: Rng, model: Sequential) {
    let graph = try Graph("net")
    let rng = try Rng(graph.child("rng"))
    var steps: [Sequential.Step] = [
      .layer(try Linear(graph.child("l1"), outputSize: hidden, rng: rng)),
      dropout == nil ? .function("relu", relu) : .function("tanh", tanh),
    ]
    if let dropout { steps.append(.layer(try Dropout(graph.child("dropout"), rate: dropout, rng: rng))) }
    steps.append(.layer(try Linear(graph.child("l2"), outputSize: 10, rng: rng)))
    return (graph, rng, try Sequential(graph.child("mlp"), steps))
  }

  @Test("training: digits by an MLP, with and without dropout, with SGD, momentum and Adam") func digits() throws {
    var ran = 0
    for testCase in try ConformanceGroup.load("training").cases where testCase.op.hasPrefix("train.mlp") {
      let isDropout = testCase.op == "train.mlp_dropout"
      let (graph, rng, model) = try model(hidden: isDropout ? 16 : 32, dropout: isDropout ? 0.25 : nil)
      let (x, y) = (try Tensor(testCase.inputs[0]), try Tensor(testCase.inputs[1]))
      let (_, created) = try model(rng.seed(Params(), seed: 42), x)
      let params = created.locked()
      let initial = try differences(params.split().0, testCase.entries("init_params"), rtol: 1e-6, atol: 1e-7)
      #expect(initial == [], "\(testCase.name)")
      try compare(testCase, params) { params in
        let (logits, after) = try model(params, x)
        return (try softmaxCrossEntropy(logits, classes: y).mean(), after)
      }
      ran += 1
      withExtendedLifetime(graph) {}
    }
    #expect(ran == 6)
  }

  /// Trains as a case says, and compares the losses and the parameters in the end.
  private func compare(_ testCase: ConformanceCase, _ params: Params, _ loss: @escaping BatchLoss) throws {
    let optimizer = try #require(namedOptimizer(of: testCase), "\(testCase.name)")
    let (losses, final) = try train(loss, params, steps: testCase.attrs["steps"]?.int ?? 0, optimizer)
    let tolerance = (testCase.rtol, testCase.atol)
    #expect(try difference(stack(losses), testCase.outputs[0], exact: false, tolerance) == nil, "\(testCase.name)")
    let finals = try differences(
      final.split().0, testCase.entries("final_params"), rtol: testCase.rtol, atol: testCase.atol)
    #expect(finals == [], "\(testCase.name)")
  }

  @Test("training: an LSTM over a sequence") func lstm() throws {
    var ran = 0
    for testCase in try ConformanceGroup.load("training").cases where testCase.op == "train.lstm" {
      let graph = try Graph("net")
      let rng = try Rng(graph.child("rng"))
      let node = try graph.child("seq")
      let lstm = try LSTM(node.child("rnn"), hiddenSize: 8, rng: rng)
      let output = try Linear(node.child("out"), outputSize: 1, rng: rng)
      let (x, y) = (try Tensor(testCase.inputs[0]), try Tensor(testCase.inputs[1]))
      let loss: BatchLoss = { params in
        let (hidden, _, middle) = try lstm.apply(params, x)
        let (predictions, after) = try output(middle, hidden.at(x.shape[1] - 1, axis: 1))
        return (try square(predictions - y).mean(), after)
      }
      let params = try loss(rng.seed(Params(), seed: 42)).1.locked()
      #expect(try differences(params.split().0, testCase.entries("init_params"), rtol: 1e-6, atol: 1e-7) == [])
      try compare(testCase, params, loss)
      ran += 1
      withExtendedLifetime(graph) {}
    }
    #expect(ran == 2)
  }

  /// A block as the reference has it: queries, keys and values of a head side by side, and tied embeddings.
  private struct TiedTransformer {
    let embed: Embed
    let norms: (LayerNorm, LayerNorm)
    let (queryKeyValue, output, up, down): (Linear, Linear, Linear, Linear)

    init(_ graph: Graph, rng: Rng) throws {
      embed = try Embed(graph.child("emb"), count: 11, size: 8, rng: rng)
      norms = (try LayerNorm(graph.child("n1")), try LayerNorm(graph.child("n2")))
      queryKeyValue = try Linear(graph.child("qkv"), outputSize: 24, rng: rng, useBias: false)
      output = try Linear(graph.child("o"), outputSize: 8, rng: rng)
      up = try Linear(graph.child("up"), outputSize: 32, rng: rng)
      down = try Linear(graph.child("down"), outputSize: 8, rng: rng)
    }

    func callAsFunction(_ params: Params, _ tokens: Tensor) throws -> (Tensor, Params) {
      var (x, params) = try embed(params, tokens)
      var part: Tensor
      (part, params) = try norms.0(params, x)
      (part, params) = try queryKeyValue(params, part)
      let heads = try part.reshape(tokens.shape + [2, 12])
      let (q, k, v) = (
        try heads.slice(0..<4, axis: -1), try heads.slice(4..<8, axis: -1), try heads.slice(8..<12, axis: -1)
      )
      (part, params) = try output(params, dotProductAttention(q, k, v, isCausal: true).reshape(x.shape))
      x = try x + part
      (part, params) = try norms.1(params, x)
      (part, params) = try up(params, part)
      (part, params) = try down(params, gelu(part))
      return try embed.attend(params, x + part)
    }
  }

  @Test("training: a causal transformer block with tied embeddings") func transformer() throws {
    var ran = 0
    for testCase in try ConformanceGroup.load("training").cases where testCase.op == "train.transformer" {
      let graph = try Graph("net")
      let rng = try Rng(graph.child("rng"))
      let model = try TiedTransformer(graph.child("blk"), rng: rng)
      let (x, y) = (try Tensor(testCase.inputs[0]), try Tensor(testCase.inputs[1]))
      let loss: BatchLoss = { params in
        let (logits, after) = try model(params, x)
        return (try softmaxCrossEntropy(logits, classes: y).mean(), after)
      }
      let params = try loss(rng.seed(Params(), seed: 42)).1.locked()
      #expect(try differences(params.split().0, testCase.entries("init_params"), rtol: 1e-6, atol: 1e-7) == [])
      try compare(testCase, params, loss)
      ran += 1
      withExtendedLifetime(graph) {}
    }
    #expect(ran == 2)
  }

  /// Three updates from given gradients.
  private func update(
    _ testCase: ConformanceCase, _ optimizer: any GradientTransformation
  ) throws -> [Tensor] {
    let tensors = try testCase.inputs.map { try Tensor($0) }
    var params = ["a": tensors[0], "b": tensors[1]]
    var state = try optimizer.initialize(params)
    var results: [Tensor] = []
    for step in 0..<3 {
      let gradients = ["a": tensors[2 + 2 * step], "b": tensors[3 + 2 * step]]
      let updates: [String: Tensor]
      (updates, state) = try optimizer.update(gradients, state, params)
      params = try applyUpdates(params, updates)
      results += try params.tensors()
    }
    return results
  }

  @Test("training: updates of optimizers are optax's") func optax() throws {
    var ran = 0
    for testCase in try ConformanceGroup.load("training").cases where testCase.op == "optax" {
      let optimizer: any GradientTransformation
      switch testCase.name {
      case "optax/sgd": optimizer = SGD(learningRate: 0.1)
      case "optax/momentum": optimizer = SGD(learningRate: 0.1, momentum: 0.9)
      case "optax/adam": optimizer = Adam(learningRate: 1e-2)
      case "optax/adamw": optimizer = AdamW(learningRate: 1e-2, weightDecay: 0.01)
      case "optax/rmsprop": optimizer = RMSProp(learningRate: 1e-2)
      case "optax/clip": optimizer = chain(ClipByGlobalNorm(1), SGD(learningRate: 0.1))
      case "optax/cosine": optimizer = Adam(learningRate: try .cosine(from: 0.1, steps: 10))
      case let other:
        Issue.record("no optimizer for \(other)")
        continue
      }
      let results = try update(testCase, optimizer)
      for (got, want) in zip(results, testCase.outputs) {
        #expect(try difference(got, want, exact: false, (testCase.rtol, testCase.atol)) == nil, "\(want.name)")
      }
      ran += 1
    }
    #expect(ran == 7)
  }

  @Test("training: linear regression follows JAX's losses and weights", arguments: [true, false])
  func linearRegression(isCompiled: Bool) throws {
    let testCase = try ConformanceGroup.load("training").case("linear_regression")
    let (x, y) = (try Tensor(testCase.inputs[0]), try Tensor(testCase.inputs[1]))
    let rate = testCase.attrs["learning_rate"]?.double ?? 0
    let update = { (params: [Tensor], x: Tensor, y: Tensor) throws -> ([Tensor], Tensor) in
      let (loss, gradients) = try valueAndGrad { (p: [Tensor], x: Tensor, y: Tensor) in
        try square(x * p[0] + p[1] - y).mean()
      }(params, x, y)
      return (try treeMap(params, gradients) { try $0 - $1 * rate }, loss)
    }
    let compiled = jit(update)
    let (weightKey, biasKey) = try Key(42).split()
    var params = [try weightKey.normal(), try biasKey.normal()]
    let rows = try testCase.outputs[0].doubles()
    var rowIndex = 0
    // Uncompiled steps run one program per step; a tenth of them shows the same.
    for step in 0...(isCompiled ? 1000 : 100) {
      let (next, loss) = try isCompiled ? compiled(params, x, y) : update(params, x, y)
      if rowIndex < rows.count / 4, rows[4 * rowIndex] == Double(step) {
        let got = [loss, params[0], params[1]].map { (try? $0.item()) ?? .nan }
        let want = Array(rows[4 * rowIndex + 1..<4 * rowIndex + 4])
        #expect(mismatch(got: got, want: want, rtol: testCase.rtol, atol: testCase.atol) == nil, "step \(step)")
        rowIndex += 1
      }
      params = next
    }
    #expect(rowIndex >= (isCompiled ? rows.count / 4 : 3), "rows \(rows.count / 4)")
  }
}
