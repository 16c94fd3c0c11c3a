// The Swift code of README.md, compiled and run. ReadmeTests compares the two texts.

import BloxNN
import Foundation
import Testing

private final class Linear: Module, Layer {
  let outputSize: Int
  let rng: Rng

  init(_ graph: Graph, outputSize: Int, rng: Rng) throws {
    self.outputSize = outputSize
    self.rng = rng
    try super.init(graph)
  }

  func callAsFunction(_ params: Params, _ x: Tensor) throws -> (Tensor, Params) {
    var params = params
    let kernel: Tensor
    let bias: Tensor
    // Parameters are created by the first call, so no input size is needed beforehand.
    (kernel, params) = try getParam(
      params, "kernel", shape: [x.shape[x.rank - 1], outputSize], initializer: .normal(), rng: rng)
    (bias, params) = try getParam(
      params, "bias", shape: [outputSize], initializer: .zeros, rng: rng)
    return (try x.matmul(kernel) + bias, params)
  }
}

private final class MLP: Module, Layer {
  let hidden: Linear
  let output: Linear

  init(_ graph: Graph, hiddenSize: Int, outputSize: Int, rng: Rng) throws {
    // child(_:) gives each module a path of its own, the prefix of its parameters' paths.
    hidden = try Linear(graph.child("hidden"), outputSize: hiddenSize, rng: rng)
    output = try Linear(graph.child("output"), outputSize: outputSize, rng: rng)
    try super.init(graph)
  }

  func callAsFunction(_ params: Params, _ x: Tensor) throws -> (Tensor, Params) {
    var (x, params) = try hidden(params, x)
    x = try relu(x)
    return try output(params, x)
  }
}

private final class AddConstant: Module, Layer {
  var value: Double

  init(_ graph: Graph, value: Double) throws {
    self.value = value
    try super.init(graph)
  }

  func callAsFunction(_ params: Params, _ x: Tensor) throws -> (Tensor, Params) {
    (try x + value, params)
  }
}

@Suite("The code of README.md")
struct ReadmeExamples {
  /// What the examples print.
  final class Output {
    var text = ""
  }
  private let output = Output()

  private func print(_ value: Any) { output.text += "\(value)\n" }

  private func expectOutput(_ expected: String, sourceLocation: Testing.SourceLocation = #_sourceLocation) throws {
    let printed = output.text.trimmingCharacters(in: .newlines)
    #expect(printed == expected, sourceLocation: sourceLocation)
    let blocks = try ReadmeTests.blocks("text")
    #expect(blocks.contains(expected), "README.md does not show this output", sourceLocation: sourceLocation)
    output.text = ""
  }

  @Test("Data") func data() async throws {
    let (images, labels) = (try Tensor.zeros([8, 28, 28]), try Tensor.arange(8))
    let data = try Dataset(["images": images, "labels": labels])
    let (training, test) = try data.split(testFraction: 0.25, shuffledBy: Key(0))
    let batches = try training.batches(of: 2, shuffledBy: Key(1), remainder: .pad, epochs: 2)
    for try await batch in try batches.prefetched(depth: 2) {
      print("epoch \(batch.epoch), step \(batch.step): \(batch.count) examples")
    }
    #expect(test.count == 2 && batches.count == 6)
    #expect(output.text.split(separator: "\n").last == "epoch 1, step 5: 2 examples")
  }

  @Test("Initialization, one line, jit and training")
  func training() throws {
    // The structure: names, no values.
    let graph = try Graph("net")
    let rng = try Rng(graph.child("rng"))
    let model = try MLP(graph.child("mlp"), hiddenSize: 128, outputSize: 10, rng: rng)

    // The state: the random source first, since it initializes everything else.
    var params = try rng.seed(Params(), seed: 42)

    // A forward pass creates the parameters that it misses.
    (_, params) = try model(params, Tensor.ones([1, 784]))

    // From here on, a missing parameter is an error.
    params = params.locked()
    print(params)

    try expectOutput(
      """
      Params[locked]({
        net/rng/seed: Param[N](value=key[], metadata={'tag': 'rng_seed'})
        net/rng/counter: Param[N](value=u32[], metadata={'tag': 'rng_counter'})
        net/mlp/hidden/kernel: Param[T](value=f32[784,128], metadata={})
        net/mlp/hidden/bias: Param[T](value=f32[128], metadata={})
        net/mlp/output/kernel: Param[T](value=f32[128,10], metadata={})
        net/mlp/output/bias: Param[T](value=f32[10], metadata={})
      })
      """)

    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("blox-" + UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }

    let view = ModelDisplay(graph, params: params)
    print(view.text())
    try view.writeHTML(to: folder + "/model.html")

    try expectOutput(
      """
      net: Graph # Params: 101772 (397.6 KB)
      ├─ rng: Rng # Params: 2 (12 B)
      │     [N]  seed     key[]  key(0, 42)  {'tag': 'rng_seed'}
      │     [N]  counter  u32[]  4           {'tag': 'rng_counter'}
      └─ mlp: MLP # Params: 101770 (397.5 KB)
         ├─ hidden: Linear # Params: 100480 (392.5 KB)
         │     outputSize: 128, rng: → net/rng
         │     [T]  kernel  f32[784,128]  mean -1.100e-05  std 0.009993  min -0.04645  max 0.04138
         │     [T]  bias    f32[128]      mean 0           std 0         min 0         max 0
         └─ output: Linear # Params: 1290 (5.0 KB)
               outputSize: 10, rng: → net/rng
               [T]  kernel  f32[128,10]  mean 1.502e-05  std 0.009800  min -0.03000  max 0.02923
               [T]  bias    f32[10]      mean 0          std 0         min 0         max 0
      """)

    try params.save(to: folder + "/model.safetensors")
    params = try Params(contentsOf: folder + "/model.safetensors")
    #expect(params.isLocked && params.count == 6)

    func oneLine(_ params: Params, _ inputs: Tensor) throws -> Tensor {
      let (outputs, params) = try model(params, inputs)
      #expect(params.count == 6)
      return outputs
    }
    let inputs = try Key(0).normal([8, 784])
    let expected = try oneLine(params, inputs)

    do {
      let forward = jit(model)
      let (outputs, params) = try forward(params, inputs)

      #expect(params.count == 6)
      let difference = try abs(outputs - expected).max().item()
      #expect(difference < 1e-5)
    }

    let trainStep = jit(donating: [0]) { (params: Params, inputs: Tensor, targets: Tensor) in
      // Trainable parameters (weights), and the rest: random state.
      let (trainable, state) = params.split()

      // The loss, the state that the forward pass advanced, and the gradients
      // with respect to the first argument.
      let (loss, newState, gradients) = try valueAndGrad { (trainable: Params, state: Params) in
        let (predictions, params) = try model(trainable.merge(state), inputs)
        return (try meanSquaredError(predictions, targets), params.split().1)
      }(trainable, state)

      // Gradient descent, parameter by parameter.
      let updated = try treeMap(trainable, gradients) { w, g in try w - 0.01 * g }
      return (try updated.merge(newState), loss)
    }

    let targets = try Tensor.ones([8, 10])
    var losses: [Double] = []

    for _ in 0..<10 {
      let loss: Tensor
      (params, loss) = try trainStep(params, inputs, targets)
      losses.append(try loss.item())
    }

    #expect(losses[9] < losses[0])
    #expect(trainStep.cacheSize == 1)
    let old = params
    _ = try trainStep(params, inputs, targets)
    let error = #expect(throws: BloxError.self) { try model(old, inputs) }
    #expect(error?.code == .donatedTensor)
  }

  @Test("An optimizer")
  func optimizer() throws {
    let graph = try Graph("net")
    let rng = try Rng(graph.child("rng"))
    let model = try MLP(graph.child("mlp"), hiddenSize: 8, outputSize: 3, rng: rng)
    let inputs = try Key(0).normal([4, 5])
    let labels = try Tensor([0.0, 1, 2, 1], dtype: .i32)
    var (_, params) = try model(rng.seed(Params(), seed: 42), inputs)
    params = params.locked()

    let rate = try Schedule.warmupCosine(peak: 1e-2, warmup: 10, steps: 1_000)
    let optimizer = chain(ClipByGlobalNorm(1), AdamW(learningRate: rate, weightDecay: 0.1) { _, w in w.rank > 1 })
    var optimizerState = try optimizer.initialize(params.split().0)

    let trainStep = jit(donating: [0, 1]) {
      (params: Params, optimizerState: OptimizerState<Params>, inputs: Tensor, labels: Tensor) in
      let (trainable, state) = params.split()
      let (loss, newState, gradients) = try valueAndGrad { (trainable: Params, state: Params) in
        let (logits, params) = try model(trainable.merge(state), inputs)
        return (try softmaxCrossEntropy(logits, classes: labels).mean(), params.split().1)
      }(trainable, state)
      let (updates, newOptimizerState) = try optimizer.update(gradients, optimizerState, trainable)
      let updated = try applyUpdates(trainable, updates)
      return (try updated.merge(newState), newOptimizerState, loss)
    }

    let first: Tensor
    (params, optimizerState, first) = try trainStep(params, optimizerState, inputs, labels)
    var last = first
    for _ in 0..<20 { (params, optimizerState, last) = try trainStep(params, optimizerState, inputs, labels) }
    #expect(try last.item() < first.item())
  }

  @Test("Dropout under vmap")
  func dropout() throws {
    let graph = try Graph("root")
    let rng = try Rng(graph.child("rng"))
    let dropout = try Dropout(graph.child("dropout"), rate: 0.5, rng: rng)

    let params = try rng.seed(Params(), seed: 42).locked()
    let inputs = try Tensor.ones([4, 8])

    // The parameters are the same in every lane (nil), so every lane draws the same mask.
    let shared = vmap(inAxes: [nil, 0], outAxes: [0, nil]) { (params: Params, x: Tensor) in
      try dropout(params, x, isTraining: true)
    }
    print(try shared(params, inputs).0)

    // Each lane folds its index into the seed, and restores the seed before it returns.
    let perLane = vmap(inAxes: [nil, 0], outAxes: [0, nil], axisName: "batch") {
      (params: Params, x: Tensor) in
      let seed = try rng.getSeed(params)
      let folded = try rng.seed(params, seed: seed.foldIn(axisIndex("batch")))
      let (out, updated) = try dropout(folded, x, isTraining: true)
      return (out, try rng.seed(updated, seed: seed))
    }
    print(try perLane(params, inputs).0)

    try expectOutput(
      """
      [[0. 2. 0. 0. 0. 0. 0. 2.]
       [0. 2. 0. 0. 0. 0. 0. 2.]
       [0. 2. 0. 0. 0. 0. 0. 2.]
       [0. 2. 0. 0. 0. 0. 0. 2.]]
      [[2. 0. 2. 0. 0. 0. 2. 2.]
       [2. 0. 0. 2. 2. 2. 0. 0.]
       [2. 0. 2. 2. 0. 0. 0. 2.]
       [2. 2. 2. 0. 2. 0. 2. 2.]]
      """)

    func forward(_ params: Params, _ x: Tensor) throws -> (Tensor, Params) {
      let seed = try rng.getSeed(params)
      var params = params
      if params.isLocked {
        params = try rng.seed(params, seed: seed.foldIn(axisIndex("batch")))
      }
      let (out, updated) = try dropout(params, x, isTraining: true)
      return (out, try rng.seed(updated, seed: seed))
    }

    let initialized = try vmap(outAxes: [nil], axisName: "batch") { (x: Tensor) in
      try forward(rng.seed(Params(), seed: 42), x).1.locked()
    }(inputs)
    let (outputs, _) = try vmap(inAxes: [nil, 0], outAxes: [0, nil], axisName: "batch", forward)(
      initialized, inputs)

    #expect(outputs.shape == [4, 8])
    let byIndex = try vmap(inAxes: [nil, 0, 0], outAxes: [0, nil]) {
      (params: Params, x: Tensor, lane: Tensor) in
      let seed = try rng.getSeed(params)
      let folded = try rng.seed(params, seed: seed.foldIn(lane))
      let (out, updated) = try dropout(folded, x, isTraining: true)
      return (out, try rng.seed(updated, seed: seed))
    }(params, inputs, Tensor.arange(4)).0
    #expect(try byIndex.scalars(as: Float.self) == perLane(params, inputs).0.scalars(as: Float.self))

    let error = #expect(throws: BloxError.self) {
      try vmap(inAxes: [nil, 0], outAxes: [0, nil], axisName: "batch") { (params: Params, x: Tensor) in
        try dropout(rng.seed(params, seed: rng.getSeed(params).foldIn(axisIndex("batch"))), x, isTraining: true)
      }(params, inputs)
    }
    print(error?.message ?? "")

    try expectOutput(
      """
      vmap has a mapped result (axis name batch), 'root/rng/seed', but its outAxes is nil. It is \
      computed from the lanes by axis_index -> convert -> random_fold_in. Give it an axis in outAxes, or make it independent of the lane (restore a folded seed, for example)
      """)
  }

  @Test("Tensors")
  func tensors() throws {
    let x = try Tensor.arange(12).reshape([3, 4])
    print(try x[-1])  // the last row
    print(try x[0..., .stride(by: 2)])  // every other column
    let places = try Tensor([2, 0, 2], dtype: .i32)
    print(try x[places, 1])  // elements at places, which may be computed
    print(try x.at[places].add(100))  // a new tensor, with row 2 twice as much larger
    print(try Linalg.solve(Tensor([[2, 1], [1, 3]]), Tensor([3, 5])))

    try expectOutput(
      """
      [ 8  9 10 11]
      [[ 0  2]
       [ 4  6]
       [ 8 10]]
      [9 1 9]
      [[100 101 102 103]
       [  4   5   6   7]
       [208 209 210 211]]
      [0.8 1.4]
      """)
  }

  @Test("Stale traces")
  func staleTrace() throws {
    let adder = try AddConstant(Graph("demo").child("adder"), value: 10)
    let add = jit(adder)
    let (params, x) = (Params().locked(), try Tensor([1, 2, 3]))

    print(try add(params, x).0)
    adder.value = 100
    print(try add(params, x).0)
    add.clearCache()
    print(try add(params, x).0)

    try expectOutput(
      """
      [11. 12. 13.]
      [11. 12. 13.]
      [101. 102. 103.]
      """)

    let watched = jit(name: "add_constant", staleness: .throw, adder)
    _ = try watched(params, x)
    adder.value = 1000
    do {
      _ = try watched(params, x)
    } catch let error as BloxError {
      print(error.code)
    }

    try expectOutput("staleCapture")
    #expect(watched.staleCaptures.first?.description.hasPrefix("demo/adder.value was 100.0 when traced at ") == true)
  }

  enum Mode: StaticArgument { case training, inference }

  @Test("Static arguments, and why a call traced")
  func staticArguments() throws {
    let scale = jit(name: "scale", arguments: ["x", "mode"]) { (x: Tensor, mode: Mode) in
      try mode == .training ? x * 2 : x
    }
    let doubled = try scale(Tensor([1, 2]), .training)
    let same = try scale(Tensor([1, 2]), .inference)
    let longer = try scale(Tensor([1, 2, 3]), .inference)
    for miss in scale.cacheMisses { print(miss.differences) }

    try expectOutput(
      """
      []
      [mode: training → inference]
      [x: f32[2] → f32[3]]
      """)
    #expect(try doubled.scalars() == [2.0, 4] && same.scalars() == [1.0, 2] && longer.shape == [3])
  }

  @Test("A program as a value")
  func programs() throws {
    let slope = grad { (x: Tensor) in try tanh(x).sum() }
    print(try slope.makeProgram(name: "slope", arguments: ["x"], Tensor.zeros([3])))

    try expectOutput(
      """
      // blox-ir 1
      program @slope(%0: f32[3] {arg="x"}) -> (f32[3] {arg="out"}) {
        %1: f32[3] = tanh %0
        %2: f32[3] = sub 1.0, %1
        %3: f32[3] = add %1, 1.0
        %4: f32[3] = mul %2, %3
        %5: f32[] = reduce_sum %1 {axes=[0]}
        %6: f32[] = constant 1.0
        %7: f32[3] = broadcast_in_dim %6 {dims=[]}
        %8: f32[3] = mul %7, %4
        return %8
      }
      """)
  }
}
