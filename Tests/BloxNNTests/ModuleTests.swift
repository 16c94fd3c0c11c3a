// Modules and their parameters: creating, reading, changing.

import BloxNN
import Testing

@Suite("A2 Module")
struct ModuleTests {
  /// A model with one layer, seeded.
  private struct Demo {
    let graph: Graph
    let rng: Rng
    let linear: Linear
    var params: Params

    init(_ initializer: Initializer = .lecunNormal) throws {
      graph = try Graph("demo")
      rng = try Rng(graph.child("rng"))
      linear = try Linear(graph.child("linear"), outputSize: 4, rng: rng, kernelInitializer: initializer)
      params = try rng.seed(Params(), seed: 42)
    }
  }

  @Test("M-05, M-06, M-07: an existing parameter is returned as it is, and shape may be left out") func existing()
    throws
  {
    let demo = try Demo()
    let (_, params) = try demo.linear(demo.params, Tensor.ones([1, 3]))
    let (kernel, after) = try demo.linear.getParam(params.locked(), "kernel")
    #expect(kernel.type == TensorType(.f32, [3, 4]))
    #expect(after.isLocked && after.keys == params.keys)
    // The stored shape wins over the one given.
    #expect(try demo.linear.getParam(params, "kernel", shape: [9], initializer: .ones).0.shape == [3, 4])
  }

  @Test("M-08, M-10: a missing parameter without shape is not found, locked or not") func notFound() throws {
    let demo = try Demo()
    for params in [demo.params, demo.params.locked()] {
      let error = try thrown { try demo.linear.getParam(params, "kernel") }
      #expect(error.code == .paramNotFound)
      #expect(
        error.description
          == "parameter 'demo/linear/kernel' not found. To create a new parameter, provide shape and initializer."
          + " [in demo/linear]")
    }
  }

  @Test("M-09, PS-06, PR-06, C-03: creating under lock is an error that names the parameter") func locked() throws {
    let demo = try Demo()
    let error = try thrown { try demo.linear(demo.params.locked(), Tensor.ones([1, 3])) }
    #expect(error.code == .paramsLocked)
    #expect(
      error.description
        == "parameter 'demo/linear/kernel' missing (params locked). Params is locked: no parameter can be created;"
        + " check the name, or create it on params.unlocked() first [in demo/linear]")
  }

  @Test("M-11, L-06: each creation with an rng takes one count, also of a constant", arguments: [true, false])
  func counts(isConstant: Bool) throws {
    let demo = try Demo(isConstant ? .ones : .lecunNormal)
    let (_, params) = try demo.linear(demo.params, Tensor.ones([1, 3]))
    #expect(try demo.rng.getCounter(params).item() == 2)
    #expect(params.keys.suffix(2) == ["demo/linear/kernel", "demo/linear/bias"])
    // Reading takes none.
    #expect(try demo.rng.getCounter(demo.linear(params, Tensor.ones([1, 3])).1).item() == 2)
  }

  @Test("M-12, C-11: a random initializer without rng is an error that names the parameter") func missingRng() throws {
    let layer = try Linear(Graph("net").child("layer"), outputSize: 2)
    let error = try thrown { try layer(Params(), Tensor.ones([3])) }
    #expect(error.code == .missingRng)
    #expect(
      error.message
        == "the initializer varianceScaling(scale: 1.0, fan: in, truncatedNormal) of 'net/layer/kernel' needs a random"
        + " key; give the layer an rng")
    #expect(
      try thrown { try Initializer.normal()(nil, [2]) }.message
        == "the initializer normal(stddev: 0.01) needs a random key; give the layer an rng")
    #expect(try Initializer.ones(nil, [2]).scalars() == [1.0, 1])
    let fan = try thrown { try Initializer.lecunNormal(Key(0), [3]) }
    #expect(fan.code == .invalidShape)
    #expect(fan.message == "varianceScaling: a fan needs at least two dimensions, and the shape [3] has 1")
  }

  @Test("M-13, M-14, M-18, M-19, T-39: setParam changes what is given, merges metadata, and works under lock")
  func set() throws {
    let demo = try Demo()
    let (_, created) = try demo.linear(demo.params, Tensor.ones([1, 3]))
    let params = created.locked()
    let path = demo.linear.paramPath("bias")
    let changed = try demo.linear.setParam(params, "bias", Tensor([1, 2, 3, 4]), metadata: ["a": 1, "b": 2])
    #expect(try changed[path].value.scalars() == [1.0, 2, 3, 4])
    #expect(try params[path].value.scalars() == [0.0, 0, 0, 0])
    let frozen = try demo.linear.setParam(changed, "bias", isTrainable: false, metadata: ["b": 3])
    #expect(try frozen[path].metadata == ["a": 1, "b": 3])
    #expect(try !frozen[path].isTrainable && frozen[path].value.scalars() == [1.0, 2, 3, 4])
    // What is frozen is in the other half, so it receives no gradient.
    #expect(frozen.split().0.keys == ["demo/linear/kernel"])
    // Another shape is allowed.
    #expect(try demo.linear.setParam(params, "bias", Tensor(1.0))[path].value.shape == [])
  }

  @Test("M-15, M-16: setParam of nothing, or of an unknown parameter, is an error") func setErrors() throws {
    let demo = try Demo()
    let nothing = try thrown { try demo.linear.setParam(demo.params, "kernel") }
    #expect(nothing.code == .nothingToSet)
    #expect(
      nothing.message
        == "at least one of value, isTrainable, or metadata must be provided to set 'demo/linear/kernel'")
    let unknown = try thrown { try demo.linear.setParam(demo.params, "kernel", Tensor(1.0)) }
    #expect(unknown.code == .paramNotFound)
    #expect(unknown.message == "path 'demo/linear/kernel' not found")
  }

  @Test("M-20: paramPath is the module's path and the name") func paramPath() throws {
    let demo = try Demo()
    #expect(demo.linear.paramPath("kernel") == ["demo", "linear", "kernel"])
    #expect(!demo.params.contains(demo.linear.paramPath("kernel")))
  }

  @Test("M-02, M-03, M-21: a module's text shows its type and settings") func text() throws {
    let demo = try Demo()
    let text = "\(demo.linear)"
    #expect(text.hasPrefix("Linear(outputSize: 4, rng: Rng(), useBias: true"), "\(text)")
    #expect(text.contains("biasInitializer: zeros"), "\(text)")
    #expect("\(demo.rng)" == "Rng()")
  }

  /// A module of a user's own, which nests another and creates parameters in its forward pass.
  private final class Scale: Module, Layer {
    let inner: Linear
    init(_ graph: Graph, rng: Rng) throws {
      inner = try Linear(graph.child("inner"), outputSize: 2, rng: rng)
      try super.init(graph)
    }
    func callAsFunction(_ params: Params, _ x: Tensor) throws -> (Tensor, Params) {
      try scoped {
        let (y, params) = try inner(params, x)
        let (scale, after) = try getParam(params, "scale", shape: [2], initializer: .constant(3))
        return (try y * scale, after)
      }
    }
  }

  @Test("M-01, M-22, M-24, PR-04, C-16: a module of your own nests others and creates lazily") func custom() throws {
    let graph = try Graph("net")
    let rng = try Rng(graph.child("rng"))
    let model = try Scale(graph.child("scale"), rng: rng)
    let seeded = try rng.seed(Params(), seed: 1)
    #expect(seeded.count == 2)
    let (y, params) = try jit(model)(seeded, Tensor.ones([5, 3]))
    #expect(y.shape == [5, 2])
    #expect(Set(params.keys.map(\.description)).isSuperset(of: ["net/scale/inner/kernel", "net/scale/scale"]))
    let error = try thrown { try model(params.locked(), Tensor.ones([5, 4])) }
    #expect(error.code == .shapeMismatch)
    #expect(
      error.description
        == "Linear 'net/scale/inner': the kernel is f32[3,2], but inputs of type f32[5,4] need [4,2]"
        + " [in net/scale/inner]")
    withExtendedLifetime(graph) {}
  }

  @Test("L-04, L-05: inputs of Linear must not be scalars, outputs not negative") func linearErrors() throws {
    let demo = try Demo()
    let error = try thrown { try demo.linear(demo.params, Tensor(1.0)) }
    #expect(error.code == .scalarInput)
    #expect(error.description == "Linear 'demo/linear': input must not be scalar; got f32[] [in demo/linear]")
    let negative = try thrown { try Linear(demo.graph.child("negative"), outputSize: -1) }
    #expect(negative.code == .invalidShape)
    #expect(negative.message == "Linear 'demo/negative': the output size -1 is negative")
  }

  @Test("L-16, L-17, C-23: dropout scales what it keeps, and takes a count only while training") func dropout() throws {
    let demo = try Demo()
    let dropout = try Dropout(demo.graph.child("dropout"), rate: 0.25, rng: demo.rng)
    let x = try Tensor.ones([64])
    let (y, after) = try dropout(demo.params, x)
    let elements: [Float] = try y.scalars()
    #expect(Set(elements) == [0, Float(1) / 0.75])
    #expect(try demo.rng.getCounter(after).item() == 1)
    let (same, unchanged) = try dropout(demo.params, x, isTraining: false)
    #expect(try same.scalars() == x.scalars(as: Float.self) && demo.rng.getCounter(unchanged).item() == 0)
    let none = try Dropout(demo.graph.child("none"), rate: 0, rng: demo.rng)
    #expect(try demo.rng.getCounter(none(demo.params, x).1).item() == 0)
    // With locked parameters the counter still advances.
    #expect(try demo.rng.getCounter(dropout(demo.params.locked(), x).1).item() == 1)
  }

  @Test("L-18: a dropout rate outside [0, 1) is an error", arguments: [1.0, -0.1, .nan])
  func dropoutRate(rate: Double) throws {
    let demo = try Demo()
    let error = try thrown { try Dropout(demo.graph.child("dropout"), rate: rate, rng: demo.rng) }
    #expect(error.code == .dropoutRate)
    #expect(error.message == "Dropout 'demo/dropout': rate must be in [0.0, 1.0), got \(rate)")
  }

  @Test("L-07, L-08, C-06: a sequence gives parameters to layers and inputs to functions, with or without names")
  func sequential() throws {
    let demo = try Demo(.ones)
    let steps = try Sequential(
      demo.graph.child("net"), named: ["first": .layer(demo.linear), "double": .function("double") { try $0 * 2 }])
    #expect(steps.names == ["first", "double"] && "\(steps.steps)" == "[Linear, double]")
    #expect(try steps(demo.params, Tensor.ones([3])).0.scalars() == [6.0, 6, 6, 6])
  }

  @Test("losses refuse shapes that would broadcast") func losses() throws {
    let (a, b) = (try Tensor.ones([3]), try Tensor.ones([3, 1]))
    let error = try thrown { try meanSquaredError(a, b) }
    #expect(error.message == "meanSquaredError: predictions f32[3] and targets f32[3,1] differ in shape")
    let classes = try thrown { try softmaxCrossEntropy(b, classes: Tensor.arange(2)) }
    #expect(classes.message == "softmaxCrossEntropy: logits f32[3,1] need classes of shape [3]; got i32[2]")
    #expect(try meanSquaredError(a, a + 2).item() == 4)
    #expect(try accuracy(Tensor([[1, 2], [3, 0]]), classes: Tensor([1, 1], dtype: .i32)).item() == 0.5)
  }
}
