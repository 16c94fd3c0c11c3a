// The cells of blox's "Sharp Bits" notebook that need neither an LSTM nor sharding, in its order, with what they print.

import BloxNN
import Testing

@Suite("Sharp bits: every cell prints what the notebook prints")
struct SharpBitsTests {
  /// What a cell prints, line by line.
  final class Printed {
    var lines: [String] = []
    func callAsFunction(_ line: String) { lines.append(line) }
  }

  @Test("OUT-02, OUT-04, PS-07: locked and unlocked") func lockedAndUnlocked() throws {
    let printed = Printed()
    let graph = try Graph("demo")
    let rng = try Rng(graph.child("rng"))
    let linear = try Linear(graph.child("linear"), outputSize: 4, rng: rng)

    var params = try rng.seed(Params(), seed: 42)
    printed("Initial state: is_locked=\(python(params.isLocked)), num_params=\(params.count)")
    (_, params) = try linear(params, Tensor.ones([1, 3]))
    printed("After forward: is_locked=\(python(params.isLocked)), num_params=\(params.count)")
    params = params.locked()
    printed("After locking: is_locked=\(python(params.isLocked))")
    let (out, _) = try linear(params, Tensor.ones([1, 3]))
    printed("Forward pass works: output shape (\(out.shape.map(String.init).joined(separator: ", ")))")

    #expect(
      printed.lines == [
        "Initial state: is_locked=False, num_params=2",
        "After forward: is_locked=False, num_params=4",
        "After locking: is_locked=True",
        "Forward pass works: output shape (1, 4)",
      ])

    // The fourth cell.
    let another = try Linear(graph.child("another"), outputSize: 8, rng: rng)
    let error = try #require(throws: BloxError.self) { try another(params, Tensor.ones([1, 4])) }
    #expect(error.code == .paramsLocked)
    #expect(error.message.contains("parameter 'demo/another/kernel' missing (params locked). Params is locked"))
    let (_, unlocked) = try another(params.unlocked(), Tensor.ones([1, 4]))
    #expect("After unlocking and adding: num_params=\(unlocked.count)" == "After unlocking and adding: num_params=6")
  }

  /// The model of cells 2 to 10.
  private func demo() throws -> (linear: Linear, params: Params) {
    let graph = try Graph("demo")
    let rng = try Rng(graph.child("rng"))
    let linear = try Linear(graph.child("linear"), outputSize: 4, rng: rng)
    let (_, params) = try linear(rng.seed(Params(), seed: 42), Tensor.ones([1, 3]))
    return (linear, params.locked())
  }

  @Test("OUT-08: immutability") func immutability() throws {
    let (linear, params) = try demo()
    let (oldKernel, _) = try linear.getParam(params, "kernel")
    let modified = try linear.setParam(params, "kernel", oldKernel * 2)
    let path = linear.paramPath("kernel")
    let original = try params[path].value.sum().item()
    let changed = try modified[path].value.sum().item()
    #expect("Original kernel sum: \(fixed(original, decimals: 4))" == "Original kernel sum: 0.5145")
    #expect("Modified kernel sum: \(fixed(changed, decimals: 4))" == "Modified kernel sum: 1.0290")
  }

  @Test("OUT-10: split and merge") func splitAndMerge() throws {
    let printed = Printed()
    let (trainable, nonTrainable) = try demo().params.split()
    printed("Trainable (receive gradients):")
    for path in trainable.keys { printed("  \(python(path))") }
    printed("")
    printed("Non-trainable (state propagation only):")
    for path in nonTrainable.keys { printed("  \(python(path))") }
    #expect(
      printed.lines == [
        "Trainable (receive gradients):",
        "  ('demo', 'linear', 'kernel')",
        "  ('demo', 'linear', 'bias')",
        "",
        "Non-trainable (state propagation only):",
        "  ('demo', 'rng', 'seed')",
        "  ('demo', 'rng', 'counter')",
      ])
  }

  @Test("T-21, T-30, T-75: the training step of split, grad with state, update, merge") func trainStep() throws {
    let (linear, params) = try demo()
    let step = jit { (params: Params, inputs: Tensor, targets: Tensor) in
      let (trainable, nonTrainable) = params.split()
      let (grads, state) = try grad { (t: Params, nt: Params) in
        let (predictions, updated) = try linear(t.merge(nt), inputs)
        let loss = try square(predictions - targets).mean()
        return (loss, updated.split().1)
      }(trainable, nonTrainable)
      let updated = try treeMap(trainable, grads) { w, g in try w - 0.01 * g }
      return try updated.merge(state)
    }
    var losses: [Double] = []
    var current = params
    let (x, y) = (try Tensor.ones([1, 3]), try Tensor([[1, -1, 0.5, 2]]))
    for _ in 0..<3 {
      losses.append(try square(linear(current, x).0 - y).mean().item())
      current = try step(current, x, y)
    }
    #expect(losses[0] > losses[1] && losses[1] > losses[2])
    #expect(
      current.keys.map(\.description)
        == ["demo/linear/bias", "demo/linear/kernel", "demo/rng/counter", "demo/rng/seed"])
    #expect(current.isLocked)
  }

  /// The dropout model of section 2.
  private struct DropoutDemo {
    let graph: Graph
    let rng: Rng
    let dropout: Dropout
    var params: Params
    let batch: Tensor

    init() throws {
      graph = try Graph("rng_demo")
      rng = try Rng(graph.child("rng"))
      dropout = try Dropout(graph.child("dropout"), rate: 0.5, rng: rng)
      params = try rng.seed(Params(), seed: 42)
      (_, params) = try dropout(params, Tensor.ones([1, 8]), isTraining: true)
      params = params.locked()
      batch = try Tensor.ones([4, 8])
    }
  }

  /// The dropped positions per lane, as the notebook prints them.
  private func lanes(_ out: Tensor) throws -> [String] {
    try (0..<4).map { lane in
      let mask = try (out.at(lane) .== 0).cast(to: .i32).scalars(as: Int.self)
      return "  Lane \(lane): [\(mask.map(String.init).joined(separator: ", "))]"
    }
  }

  @Test("OUT-11, T-57, C-19: replicated random state gives every lane the same mask") func sameMask() throws {
    let demo = try DropoutDemo()
    let (out, params) = try vmap(inAxes: [nil, 0], outAxes: [0, nil]) { (params: Params, x: Tensor) in
      try demo.dropout(params, x, isTraining: true)
    }(demo.params, demo.batch)
    #expect(try lanes(out) == (0..<4).map { "  Lane \($0): [1, 1, 0, 0, 0, 0, 0, 0]" })
    #expect(try demo.rng.getCounter(params).item() == 2)
  }

  private static let uniqueLanes = [
    "  Lane 0: [0, 1, 0, 1, 1, 1, 0, 0]",
    "  Lane 1: [0, 1, 1, 0, 0, 0, 1, 1]",
    "  Lane 2: [0, 1, 0, 0, 1, 1, 1, 0]",
    "  Lane 3: [0, 0, 0, 1, 0, 1, 0, 0]",
  ]

  @Test("OUT-12: folding in an explicit batch index") func explicitIndex() throws {
    let demo = try DropoutDemo()
    let params = try demo.rng.seed(demo.params, counter: 0)
    let (out, _) = try vmap(inAxes: [nil, 0, 0], outAxes: [0, nil]) {
      (params: Params, x: Tensor, index: Tensor) in
      let original = try demo.rng.getSeed(params)
      let folded = try demo.rng.seed(params, seed: original.foldIn(index))
      let (out, updated) = try demo.dropout(folded, x, isTraining: true)
      return (out, try demo.rng.seed(updated, seed: original))
    }(params, demo.batch, try Tensor.arange(4))
    #expect(try lanes(out) == Self.uniqueLanes)
  }

  @Test("OUT-13, T-54: folding in axisIndex") func axisIndexFold() throws {
    let demo = try DropoutDemo()
    let params = try demo.rng.seed(demo.params, counter: 0)
    let (out, after) = try vmap(inAxes: [nil, 0], outAxes: [0, nil], axisName: "batch") {
      (params: Params, x: Tensor) in
      let original = try demo.rng.getSeed(params)
      let folded = try demo.rng.seed(params, seed: original.foldIn(axisIndex("batch")))
      let (out, updated) = try demo.dropout(folded, x, isTraining: true)
      return (out, try demo.rng.seed(updated, seed: original))
    }(params, demo.batch)
    #expect(try lanes(out) == Self.uniqueLanes)
    #expect(after.keys.map(\.description) == ["rng_demo/rng/counter", "rng_demo/rng/seed"])
    #expect(try after["rng_demo/rng/seed"].value.shape == [])
  }

  @Test("T-53: a seed that is not restored is an error that says why") func seedNotRestored() throws {
    let demo = try DropoutDemo()
    let error = try #require(throws: BloxError.self) {
      try vmap(inAxes: [nil, 0], outAxes: [0, nil], axisName: "batch") { (params: Params, x: Tensor) in
        let folded = try demo.rng.seed(params, seed: demo.rng.getSeed(params).foldIn(axisIndex("batch")))
        return try demo.dropout(folded, x, isTraining: true)
      }(demo.params, demo.batch)
    }
    #expect(error.code == .mappedResult)
    #expect(
      error.message
        == "vmap has a mapped result (axis name batch), 'rng_demo/rng/seed', but its outAxes is nil. It is computed"
        + " from the lanes by axis_index -> convert -> random_fold_in. Give it an axis in outAxes, or make it"
        + " independent of the lane (restore a folded seed, for example)")
  }

  @Test("OUT-14, T-58: the same forward for initialisation and use") func initAndRuntime() throws {
    let printed = Printed()
    let demo = try DropoutDemo()
    func forward(_ params: Params, _ x: Tensor) throws -> (Tensor, Params) {
      var params = params
      let original = try demo.rng.getSeed(params)
      if params.isLocked { params = try demo.rng.seed(params, seed: original.foldIn(axisIndex("batch"))) }
      let (out, updated) = try demo.dropout(params, x, isTraining: true)
      return (out, try demo.rng.seed(updated, seed: original))
    }
    let initialize = { (x: Tensor) throws -> Params in
      let (_, params) = try forward(demo.rng.seed(Params(), seed: 42), x)
      return params.locked()
    }
    let params = try vmap(outAxes: [nil], axisName: "batch", initialize)(demo.batch)
    printed("Init complete: is_locked=\(python(params.isLocked))")
    let (out, _) = try vmap(inAxes: [nil, 0], outAxes: [0, nil], axisName: "batch", forward)(params, demo.batch)
    printed("Runtime: unique masks per lane!")
    printed.lines += try lanes(out)
    #expect(
      printed.lines == [
        "Init complete: is_locked=True",
        "Runtime: unique masks per lane!",
        "  Lane 0: [0, 0, 0, 0, 1, 0, 1, 1]",
        "  Lane 1: [0, 1, 0, 1, 0, 0, 1, 0]",
        "  Lane 2: [0, 0, 0, 1, 0, 0, 1, 0]",
        "  Lane 3: [1, 1, 0, 0, 0, 0, 1, 1]",
      ])
  }

  @Test("T-55, C-09: without outAxes: the parameters come back stacked") func stackedParams() throws {
    let demo = try DropoutDemo()
    let (_, params) = try vmap(inAxes: [nil, 0], axisName: "batch") { (params: Params, x: Tensor) in
      try demo.dropout(params, x, isTraining: true)
    }(demo.params, demo.batch)
    #expect(try params["rng_demo/rng/counter"].value.shape == [4])
  }

  /// The notebook's module with a property to change.
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

  @Test("OUT-15, M-25, T-05, T-06, T-09: a compiled function does not see a change of its module") func staleTrace()
    throws
  {
    let printed = Printed()
    let graph = try Graph("modify_demo")
    let adder = try AddConstant(graph.child("adder"), value: 10)
    let params = Params().locked()
    let x = try Tensor([1, 2, 3])
    let addConstant = jit(adder)

    let (first, _) = try addConstant(params, x)
    printed("value=10: \(try python(x)) -> \(try python(first))")
    adder.value = 100
    printed("Changed value to \(adder.value)")
    let (second, _) = try addConstant(params, x)
    printed("After change: \(try python(x)) -> \(try python(second))")
    #expect(
      printed.lines == [
        "value=10: [1.0, 2.0, 3.0] -> [11.0, 12.0, 13.0]",
        "Changed value to 100.0",
        "After change: [1.0, 2.0, 3.0] -> [11.0, 12.0, 13.0]",
      ])

    // A new shape is traced anew and sees the change; so does everything once the cache is cleared.
    #expect(try python(addConstant(params, Tensor([1, 2])).0) == "[101.0, 102.0]")
    #expect(addConstant.cacheSize == 2)
    addConstant.clearCache()
    #expect(try python(addConstant(params, x).0) == "[101.0, 102.0, 103.0]")
  }

  @Test("OUT-16, T-08, T-14: separate static models, with an empty donated container used again") func separateModels()
    throws
  {
    func makeAdder(_ value: Double) throws -> AddConstant {
      try AddConstant(Graph("adder").child("add"), value: value)
    }
    let (adder10, adder100) = (try makeAdder(10), try makeAdder(100))
    let add10 = jit(donating: [0]) { (params: Params, x: Tensor) in try adder10(params, x) }
    let add100 = jit(donating: [0]) { (params: Params, x: Tensor) in try adder100(params, x) }
    let params = Params().locked()
    let x = try Tensor([1, 2, 3])
    #expect(try python(add10(params, x).0) == "[11.0, 12.0, 13.0]")
    #expect(try python(add100(params, x).0) == "[101.0, 102.0, 103.0]")
  }

  @Test("OUT-17, T-07: a new function has a cache of its own") func separateFunctions() throws {
    let graph = try Graph("wrap_demo")
    let adder = try AddConstant(graph.child("adder"), value: 10)
    let (params, x) = (Params().locked(), try Tensor([1, 2, 3]))
    let applyV10 = jit(donating: [0]) { (params: Params, x: Tensor) in try adder(params, x) }
    #expect(try python(applyV10(params, x).0) == "[11.0, 12.0, 13.0]")
    adder.value = 100
    let applyV100 = jit(donating: [0]) { (params: Params, x: Tensor) in try adder(params, x) }
    #expect(try python(applyV100(params, x).0) == "[101.0, 102.0, 103.0]")
    #expect(try python(applyV10(params, x).0) == "[11.0, 12.0, 13.0]")
  }
}

/// `True` or `False`.
private func python(_ flag: Bool) -> String { flag ? "True" : "False" }

/// A path as a tuple of strings.
private func python(_ path: ParamPath) -> String {
  "(" + path.components.map { "'\($0)'" }.joined(separator: ", ") + ")"
}

/// A vector as a list of floats.
private func python(_ tensor: Tensor) throws -> String {
  "[" + (try tensor.scalars(as: Float.self)).map { "\($0)" }.joined(separator: ", ") + "]"
}
