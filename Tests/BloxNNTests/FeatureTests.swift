// Rows of the checklist that concern several layers at once: the README's models, containers as a whole, memory.

import BloxNN
import BloxRuntime
import Testing

@testable import BloxTrace

@Suite("A3, A4, A6, A10 Features")
struct FeatureTests {
  @Test("P-02, T-73: a parameter's value may be abstract: evalShape keeps paths, flags, tags and lock")
  func abstractValues() throws {
    let graph = try Graph("net")
    let layer = try Linear(
      graph.child("layer"), outputSize: 1 << 20, kernelInitializer: .zeros,
      kernelMetadata: ["sharding": .axes([nil, "model"])])
    let params = try evalShape(
      { (x: Tensor) in try layer(Params(), x).1.locked() }, Tensor.abstract(TensorType(.f32, [1, 1 << 20])))
    #expect(params.isLocked)
    let kernel = try params["net/layer/kernel"]
    #expect(kernel.value.type == TensorType(.f32, [1 << 20, 1 << 20]))
    #expect(kernel.isTrainable && kernel.sharding == [nil, "model"])
    // Anything made of tensors passes through a map, such as shapes in place of values.
    let small = try treeMap(params) { _ in Tensor(1.0) }
    #expect(try small.keys == params.keys && small["net/layer/bias"].value.item() == 1)
  }

  @Test("PS-17: containers flatten into values in order of paths, and rebuild with their structure")
  func flatten() throws {
    let params = try Params().setting("net/w", to: Param(Tensor(1.0)))
      .setting("net/a", to: Param(Tensor(2.0), isTrainable: false, metadata: ["tag": "x"])).locked()
    #expect(try params.tensors().map { try $0.item() } == [2, 1])
    #expect(try params.namedTensors().map(\.path) == ["net/a", "net/w"])
    var leaves = try params.tensors()[...]
    let rebuilt = try treeMap(params) { _ in leaves.removeFirst() }
    #expect(try rebuilt.structure() == params.structure() && rebuilt.isLocked)
    #expect(try rebuilt["net/a"].metadata == ["tag": "x"] && rebuilt["net/w"].value.item() == 1)
  }

  @Test("PS-21, PR-07: old parameters hold their memory, and dropping them frees it") func memory() throws {
    let layer = try Linear(Graph("net").child("layer"), outputSize: 3, kernelInitializer: .ones)
    let (_, created) = try layer(Params(), Tensor.ones([2, 3]))
    var params = created
    func storage(_ params: Params) throws -> Storage {
      try params["net/layer/kernel"].value.concreteStorage(for: "the test")
    }
    weak var first: Storage?
    func update() throws -> Params {
      first = try storage(params)
      return try treeMap(params) { try $0 * 2 }
    }
    let next = try update()
    #expect(first != nil)
    params = next
    // `created` still holds the first values.
    #expect(try first != nil && created["net/layer/kernel"].value.at(0).at(0).item() == 1)
    weak var second: Storage?
    do {
      second = try storage(params)
      params = try treeMap(params) { try $0 * 2 }
    }
    _ = consume next
    #expect(second == nil)
    #expect(try params["net/layer/kernel"].value.at(0).at(0).item() == 4)
  }

  /// The README's layer, with parameters of its own making.
  private final class CustomLinear: Module, Layer {
    let outputSize: Int
    let rng: Rng
    init(_ graph: Graph, outputSize: Int, rng: Rng) throws {
      self.outputSize = outputSize
      self.rng = rng
      try super.init(graph)
    }
    func callAsFunction(_ params: Params, _ inputs: Tensor) throws -> (Tensor, Params) {
      let (kernel, withKernel) = try getParam(
        params, "kernel", shape: [inputs.shape[inputs.rank - 1], outputSize], initializer: .normal(), rng: rng)
      let (bias, after) = try getParam(
        withKernel, "bias", shape: [outputSize], initializer: .zeros, rng: rng)
      return (try inputs.matmul(kernel) + bias, after)
    }
  }

  /// The README's network.
  private final class MLP: Module, Layer {
    let hidden: CustomLinear
    let output: CustomLinear
    init(_ graph: Graph, hiddenSize: Int, outputSize: Int, rng: Rng) throws {
      hidden = try CustomLinear(graph.child("hidden"), outputSize: hiddenSize, rng: rng)
      output = try CustomLinear(graph.child("output"), outputSize: outputSize, rng: rng)
      try super.init(graph)
    }
    func callAsFunction(_ params: Params, _ inputs: Tensor) throws -> (Tensor, Params) {
      let (x, params) = try hidden(params, inputs)
      return try output(params, relu(x))
    }
  }

  @Test("L-30, L-31: the README's own layer and network, 784 to 128 to 10, have 101770 weights") func readme() throws {
    let graph = try Graph("net")
    let rng = try Rng(graph.child("rng"))
    let model = try MLP(graph.child("mlp"), hiddenSize: 128, outputSize: 10, rng: rng)
    let (y, params) = try model(rng.seed(Params(), seed: 42), Tensor.ones([1, 784]))
    #expect(y.shape == [1, 10])
    #expect(try rng.getCounter(params).item() == 4)
    #expect(params.split().0.values.map(\.value.count) == [100_352, 128, 1280, 10])
    // The default standard deviation of `normal` is a hundredth.
    let kernel = try params["net/mlp/hidden/kernel"].value
    #expect(Swift.abs(try kernel.standardDeviation().item() - 0.01) < 1e-4)
  }

  @Test("L-32: isTraining is a Swift value; a traced flag says what to do instead") func hostFlag() throws {
    let graph = try Graph("net")
    let rng = try Rng(graph.child("rng"))
    let dropout = try Dropout(graph.child("dropout"), rate: 0.5, rng: rng)
    let params = try rng.seed(Params(), seed: 0).locked()
    let x = try Tensor.ones([8])
    for isTraining in [true, false] {
      let run = jit { (params: Params, x: Tensor) in try dropout(params, x, isTraining: isTraining) }
      #expect(try (run(params, x).0.scalars(as: Float.self) == x.scalars()) == !isTraining)
    }
    let error = try thrown {
      try jit { (params: Params, x: Tensor, flag: Tensor) in
        try dropout(params, x, isTraining: Bool(flag))
      }(params, x, Tensor(true))
    }
    #expect(error.code == .concretization)
    #expect(error.message.contains("make what decides a static argument"), "\(error)")
  }

  @Test("PS-24, M-23: one container holds weights, random state, running statistics and averages") func everything()
    throws
  {
    let graph = try Graph("net")
    let rng = try Rng(graph.child("rng"))
    let linear = try Linear(graph.child("linear"), outputSize: 2, rng: rng)
    let norm = try BatchNorm(graph.child("norm"))
    let dropout = try Dropout(graph.child("dropout"), rate: 0.5, rng: rng)
    func forward(_ params: Params, _ x: Tensor) throws -> (Tensor, Params) {
      var (x, params) = try linear(params, x)
      (x, params) = try norm(params, x, isTraining: true)
      (x, params) = try dropout(params, x, isTraining: true)
      let (average, created) = try linear.getParam(
        params, "average", shape: [2], initializer: .zeros, isTrainable: false, metadata: ["tag": "ema"])
      return (x, try linear.setParam(created, "average", average * 0.9 + x.mean([0]) * 0.1))
    }
    let x = try Key(1).normal([16, 3])
    let (_, created) = try forward(rng.seed(Params(), seed: 0), x)
    let (_, params) = try jit(TensorFunction(forward))(created.locked(), x)
    #expect(params.split().0.count == 4 && params.split().1.count == 5)
    #expect(try rng.getCounter(params).item() == 4)
    for name in ["net/norm/running_mean", "net/linear/average"] {
      let path = ParamPath(stringLiteral: name)
      #expect(try params[path].value.scalars(as: Float.self) != created[path].value.scalars(), "\(name)")
    }
  }

  @Test("PS-25: containers compare by content") func identical() throws {
    let make = { (value: Double) throws -> Params in
      try Params().setting("a", to: Param(Tensor([value, .nan]))).setting("k", to: Param(Key(3).tensor))
    }
    let params = try make(1)
    #expect(try params.isIdentical(to: make(1)))
    #expect(try !params.isIdentical(to: make(2)))
    #expect(try !params.isIdentical(to: params.locked()))
    #expect(try !params.isIdentical(to: params.setting("a", to: params["a"].replacing(isTrainable: false))))
    #expect(try !params.isIdentical(to: Params().setting("a", to: params["a"])))
    #expect(try !make(0).isIdentical(to: make(-0.0)))
    #expect(try treeMap(params) { $0 }.isIdentical(to: params))
  }

  @Test("T-60, T-61: lanes draw what separate calls draw, and vmap and grad nest in any order") func lanes() throws {
    let keys = try Key(5).split(3)
    let drawn = try vmap { (key: Tensor) in try Key(key).normal([4]) }(keys.tensor)
    for lane in 0..<3 {
      #expect(try drawn.at(lane).scalars(as: Float.self) == keys.at(lane).normal([4]).scalars())
    }
    let x = try Key(6).normal([2, 3])
    let square = { (x: Tensor) in try (x * x * x).sum() }
    let inner = try vmap(grad(square))(x)
    let outer = try grad { (x: Tensor) in try vmap(square)(x).sum() }(x)
    #expect(try inner.scalars(as: Float.self) == outer.scalars())
    let nested = try vmap(vmap { (a: Tensor) in try a * a })(x)
    #expect(try nested.scalars(as: Float.self) == (x * x).scalars())
  }
}
