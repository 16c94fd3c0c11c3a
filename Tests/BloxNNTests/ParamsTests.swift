// Parameters and their container.

import BloxNN
import Testing

@Suite("A3 Param and A4 Params")
struct ParamsTests {
  private let one = Tensor(1.0)

  /// Two trainable parameters and one that is not, in an order that is not theirs sorted.
  private func sample() throws -> Params {
    try Params()
      .setting("net/w", to: Param(Tensor([1, 2])))
      .setting("net/b", to: Param(Tensor(3.0), metadata: ["tag": "bias"]))
      .setting("net/a", to: Param(Tensor(4), isTrainable: false))
  }

  @Test("P-01, P-04: a parameter has a value, a flag and tags, and copies with changes") func param() throws {
    let param = Param(one)
    #expect(param.isTrainable && param.metadata.isEmpty)
    let frozen = param.replacing(isTrainable: false)
    #expect(!frozen.isTrainable && param.isTrainable)
    #expect(try frozen.replacing(value: Tensor(2.0)).value.item() == 2)
  }

  @Test("P-03, P-05: sharding is the tag of that name, or nothing") func sharding() throws {
    #expect(Param(one).sharding == [])
    #expect(Param(one, metadata: ["sharding": .axes([nil, "model"])]).sharding == [nil, "model"])
    #expect(Param(one, metadata: ["sharding": "model"]).sharding == [])
  }

  @Test("P-06, P-07, PS-18: flag, tags and lock are structure, and changing them traces anew") func retrace() throws {
    final class Counter { var count = 0 }
    let traces = Counter()
    let total = jit { (params: Params) throws -> Tensor in
      traces.count += 1
      return try params["net/w"].value.sum()
    }
    let params = try sample()
    for _ in 0..<2 { _ = try total(params) }
    #expect(traces.count == 1)
    _ = try total(params.locked())
    #expect(traces.count == 2)
    let path: ParamPath = "net/w"
    let param = try params[path]
    _ = try total(params.setting(path, to: param.replacing(isTrainable: false)))
    #expect(traces.count == 3)
    _ = try total(params.setting(path, to: param.replacing(metadata: ["tag": "x"])))
    #expect(traces.count == 4)
    // Other values, and another order of creation, are the same structure.
    _ = try total(params.setting(path, to: param.replacing(value: Tensor([7, 8]))))
    _ = try total(treeMap(params) { $0 })
    #expect(traces.count == 4)
    let error = try thrown { try treeMap(params, params.locked()) { a, _ in a } }
    #expect(error.code == .structureMismatch)
  }

  @Test("P-09, PS-22: text forms") func text() throws {
    let param = Param(try Tensor.ones([3, 4]), metadata: ["tag": "x", "n": 2])
    #expect("\(param)" == "Param[T](value=f32[3,4], metadata={'n': 2, 'tag': 'x'})")
    #expect("\(param.replacing(isTrainable: false, metadata: [:]))" == "Param[N](value=f32[3,4], metadata={})")
    #expect("\(Params())" == "Params[unlocked]({})")
    let one = try Params().setting("a/b", to: Param(Tensor(1.0))).locked()
    #expect("\(one)" == "Params[locked]({\n  a/b: Param[T](value=f32[], metadata={})\n})")
  }

  @Test("PS-01, PS-02, PS-04, PS-05: containers are values with a lock") func lock() throws {
    let empty = Params()
    #expect(empty.isEmpty && empty.count == 0 && !empty.isLocked)
    let params = try sample()
    let locked = params.locked()
    #expect(locked.isLocked && !params.isLocked && !locked.unlocked().isLocked)
    #expect(params.count == 3 && empty.isEmpty)
  }

  @Test("PS-03, PS-08, PS-09, PS-10: paths find parameters") func lookup() throws {
    let params = try sample()
    #expect(params.contains("net/w") && !params.contains("net/x") && params.find("net/x") == nil)
    #expect(try params[["net", "a"]].value.item() == 4)
    let error = try thrown { try params["net/x"] }
    #expect(error.code == .paramNotFound)
    #expect(error.message == "path 'net/x' not found")
    #expect(params.keys == ["net/w", "net/b", "net/a"])
    #expect(params.values.map(\.isTrainable) == [true, true, false])
    #expect(params.items.map(\.path) == params.keys)
  }

  @Test("PS-11, PS-12, C-22: order of creation, and order of paths after a transformation") func order() throws {
    let params = try sample()
    let sorted: [ParamPath] = ["net/a", "net/b", "net/w"]
    #expect(params.keys == ["net/w", "net/b", "net/a"])
    #expect(try treeMap(params) { $0 }.keys == sorted)
    #expect(try jit { (p: Params) in p }(params).keys == sorted)
    #expect(try vmap(outAxes: [nil], axisSize: 2) { () throws -> Params in params }().keys == sorted)
    let (trainable, rest) = params.split()
    let gradient = try grad { (t: Params, nt: Params) in
      try t["net/w"].value.sum() * t["net/b"].value
    }(trainable, rest)
    #expect(gradient.keys == ["net/b", "net/w"])
    #expect(try evalShape({ (p: Params) in p }, params).keys == sorted)
    // Names compare as Python compares tuples of strings.
    let names = try ["b/a", "a/b/c", "a/b", "a/B", "a/é", "a/z"].reduce(Params()) {
      try $0.setting(ParamPath(stringLiteral: $1), to: Param(one))
    }
    #expect(try treeMap(names) { $0 }.keys.map(\.description) == ["a/B", "a/b", "a/b/c", "a/z", "a/é", "b/a"])
  }

  @Test("PS-13, PS-14: split keeps order and lock") func split() throws {
    let (trainable, rest) = try sample().locked().split()
    #expect(trainable.keys == ["net/w", "net/b"] && rest.keys == ["net/a"])
    #expect(trainable.isLocked && rest.isLocked)
    let (biases, others) = try sample().split { path, param in path.components.last == "b" || param.value.rank == 1 }
    #expect(biases.keys == ["net/w", "net/b"] && others.keys == ["net/a"])
  }

  @Test("PS-15, PS-16: merge is a union in which the other wins, of containers with one lock") func merge() throws {
    let (trainable, rest) = try sample().split()
    #expect(try rest.merge(trainable).keys == ["net/a", "net/w", "net/b"])
    let other = try Params().setting("net/new", to: Param(one)).setting("net/w", to: Param(one))
    let merged = try sample().merge(other)
    #expect(merged.keys == ["net/w", "net/b", "net/a", "net/new"])
    #expect(try merged["net/w"].value.item() == 1)
    let error = try thrown { try sample().merge(other.locked()) }
    #expect(error.code == .lockedMismatch)
    #expect(
      error.message
        == "cannot merge: locked mismatch, false vs true; lock or unlock both (locked(), unlocked())")
  }

  @Test("PS-19, C-04: setting works on an unlocked container only") func setting() throws {
    let error = try thrown { try sample().locked().setting("net/w", to: Param(one)) }
    #expect(error.code == .paramsLocked)
    #expect(error.message == "cannot set 'net/w': Params is locked; use unlocked() first")
    let params = try sample()
    let changed = try params.setting("net/w", to: Param(one))
    #expect(try changed["net/w"].value.item() == 1 && params["net/w"].value.count == 2)
  }

  @Test("PS-23: load, lock, unlock, add, lock") func addLater() throws {
    let graph = try Graph("net")
    let rng = try Rng(graph.child("rng"))
    let base = try Linear(graph.child("base"), outputSize: 2, rng: rng)
    let extra = try Linear(graph.child("lora"), outputSize: 2, rng: rng)
    let x = try Tensor.ones([3])
    let loaded = try base(rng.seed(Params(), seed: 0), x).1.locked()
    #expect(try thrown { try extra(loaded, x) }.code == .paramsLocked)
    let grown = try extra(loaded.unlocked(), x).1.locked()
    #expect(grown.count == loaded.count + 2)
    #expect(try extra(grown, x).0.shape == [2])
  }

  @Test("T-32, T-33: gradients have the structure of the parameters, and state passes beside them")
  func grads() throws {
    let graph = try Graph("net")
    let rng = try Rng(graph.child("rng"))
    let layer = try Linear(graph.child("layer"), outputSize: 1, rng: rng, kernelMetadata: ["tag": "k"])
    let x = try Tensor.ones([2, 3])
    let params = try layer(rng.seed(Params(), seed: 0), x).1.locked()
    let (trainable, rest) = params.split()
    let (gradients, state) = try grad { (t: Params, nt: Params) in
      let (y, after) = try layer(t.merge(nt), x)
      return (try y.sum(), after.split().1)
    }(trainable, rest)
    #expect(gradients.isLocked)
    #expect(try gradients["net/layer/kernel"].metadata == ["tag": "k"])
    #expect(try gradients["net/layer/kernel"].value.scalars() == [2.0, 2, 2])
    #expect(try state["net/rng/seed"].value.dtype == .key)
    let updated = try treeMap(trainable, gradients) { w, g in try w - 0.1 * g }
    #expect(try updated.merge(state).count == 4)
    // T-35: integers and keys among the parameters have no gradient.
    let error = try thrown { try grad { (p: Params) in try layer(p, x).0.sum() }(params) }
    #expect(error.code == .gradientOfInteger)
    #expect(error.message.contains("'net/rng/counter' of type u32[]"), "\(error.message)")
  }
}
