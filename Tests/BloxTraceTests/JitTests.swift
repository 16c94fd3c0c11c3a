// What a compiled function caches, bakes in and gives away.

import BloxPasses
import Testing

@testable import BloxTrace

@Suite("jit")
struct JitTests {
  /// Counts what happens while functions are traced.
  private final class Counter {
    var count = 0
  }

  @Test("T-04, T-16: one trace per shape and dtype, side effects included") func traceCounts() throws {
    let traces = Counter()
    let double = jit { (x: Tensor) throws -> Tensor in
      traces.count += 1
      return try x * 2
    }
    for _ in 0..<3 { #expect(try double(Tensor([1, 2])).scalars() == [2.0, 4]) }
    #expect(traces.count == 1)
    _ = try double(Tensor([1, 2, 3]))
    #expect(traces.count == 2)
    _ = try double(Tensor([1, 2], dtype: .f64))
    #expect(traces.count == 3)
    _ = try double(Tensor([5, 6]))
    #expect(traces.count == 3)
    #expect(double.cacheSize == 3)
  }

  /// A tree with something static.
  private struct Flagged: TensorTree {
    var value: Tensor
    var flag: Bool
    var staticPart: StaticPart { StaticPart(flag) }
    mutating func visitTensors(_ visitor: inout TensorVisitor) throws { try visitor.visit(&value, "value") }
  }

  @Test("T-03: the structure of arguments is part of the key: counts, keys, options and static parts")
  func structureKeys() throws {
    let traces = Counter()
    let one = try Tensor([1])
    let list = jit { (x: [Tensor]) throws -> Tensor in
      traces.count += 1
      return try concatenate(x)
    }
    for x in [[one], [one, one], [one], [one, one]] { _ = try list(x) }
    #expect(traces.count == 2)

    let dictionary = jit { (x: [String: Tensor]) throws -> Tensor in
      traces.count += 1
      return try concatenate(x.tensors())
    }
    for x in [["a": one, "b": one], ["b": one, "a": one], ["a": one, "c": one]] { _ = try dictionary(x) }
    #expect(traces.count == 4)

    let optional = jit { (x: Tensor?) throws -> Tensor in
      traces.count += 1
      return try x ?? Tensor([0])
    }
    for x in [one, nil, one, nil] { _ = try optional(x) }
    #expect(traces.count == 6)

    let flagged = jit { (x: Flagged) throws -> Tensor in
      traces.count += 1
      return try x.flag ? x.value + 1 : x.value
    }
    for flag in [true, false, true] {
      #expect(try flagged(Flagged(value: one, flag: flag)).scalars() == [flag ? 2.0 : 1])
    }
    #expect(traces.count == 8)
  }

  @Test("T-05, T-06, T-07, T-09: captures are read at trace time, by each compiled function for itself")
  func staleCaptures() throws {
    let amount = Counter()
    amount.count = 10
    let body = { (x: Tensor) throws -> Tensor in try x + amount.count }
    let (first, second) = (jit(body), jit(body))
    let x = try Tensor([1])
    #expect(try first(x).item() == 11)
    amount.count = 100
    #expect(try first(x).item() == 11)
    #expect(try first(Tensor([1, 2])).scalars() == [101.0, 102])
    #expect(try second(x).item() == 101)
    first.clearCache()
    #expect(first.cacheSize == 0)
    #expect(try first(x).item() == 101)
  }

  @Test("T-17: a function without arguments is a constant") func noArguments() throws {
    let traces = Counter()
    let constant = jit { () throws -> Tensor in
      traces.count += 1
      return try Tensor([1, 2]).sum()
    }
    #expect(try [constant().item(), constant().item()] == [3, 3])
    #expect(traces.count == 1)
  }

  @Test("captured tensors are constants of the program, and stay usable") func bakedCaptures() throws {
    let weights = try Tensor([[1, 2], [3, 4]])
    let function = jit { (x: Tensor) in try x.matmul(weights) }
    #expect(try function(Tensor([1, 1])).scalars() == [4.0, 6])
    let program = try makeProgram({ (x: Tensor) in try x.matmul(weights) }, Tensor([1, 1]))
    #expect(program.parameters.count == 1)
    #expect(program.instructions.contains { if case .constant = $0.op { true } else { false } })
    #expect(try weights.scalars() == [1.0, 2, 3, 4])
  }

  @Test("a key does not turn on the values of captured tensors of an enclosing trace") func innerCaptures() throws {
    let inner = Counter()
    let compiled: TensorFunction<Tensor, Tensor> = jit { (x: Tensor) in
      let scale = jit { (y: Tensor) throws -> Tensor in
        inner.count += 1
        return try y * x
      }
      return try scale(x) + scale(x)
    }
    #expect(try compiled(Tensor(3.0)).item() == 18)
    // Such a trace belongs to the call, so it is made for each.
    #expect(inner.count == 2)
  }

  @Test("jit inside jit is a call in the program, inlined when compiled") func jitInJit() throws {
    let inner = jit(name: "inner") { (x: Tensor) in try tanh(x) }
    let outer = { (x: Tensor) throws -> Tensor in try inner(x) * inner(x) }
    let program = try makeProgram(outer, Tensor([1.0]))
    let calls = program.instructions.filter { if case .call = $0.op { true } else { false } }
    #expect(calls.count == 2)
    #expect(inner.cacheSize == 1)
    try expectClose(jit(outer)(Tensor([0.5])), outer(Tensor([0.5])))
    try expectClose(
      jit(grad { (x: Tensor) in try outer(x).sum() })(Tensor([0.5])),
      grad { (x: Tensor) in
        try (tanh(x) * tanh(x)).sum()
      }(Tensor([0.5])), rtol: 1e-6)
  }

  @Test("a named axis in scope is part of the key") func axisKeys() throws {
    let lane = jit { (x: Tensor) in try x + axisIndex("i").cast(to: .f32) }
    let zeros = try Tensor.zeros([2])
    #expect(try vmap(axisName: "i", lane)(zeros).scalars() == [0.0, 1])
    #expect(try vmap(axisName: "i", lane)(Tensor.zeros([3])).scalars() == [0.0, 1, 2])
    #expect(lane.cacheSize == 2)
  }

  @Test("evalShape runs and allocates nothing, not even 4 TB") func evalShapeOfGiants() throws {
    let side = 1 << 20
    let giant = Tensor.abstract(TensorType(.f32, [side, side]))
    let shape = try evalShape({ (x: Tensor) in try tanh(x).matmul(x).sum([0]) }, giant)
    #expect(shape.type == TensorType(.f32, [side]))
    let made = try evalShape { try Tensor.ones([side, side]) }
    #expect(made.shape == [side, side])
    let error = try #require(throws: BloxError.self) { _ = try shape.scalars(as: Float.self) }
    #expect(error.code == .concretization)
    #expect(error.message == "a tensor of type f32[1048576] made by evalShape has no elements to read")
    #expect("\(shape)" == "Tensor(f32[1048576], abstract)")
  }

  @Test("makeProgram gives the traced program with the names of its arguments") func programs() throws {
    let program = try makeProgram(
      name: "affine", arguments: ["params", "x"],
      { (params: [String: Tensor], x: Tensor) in try x * params["w"]! + params["b"]! },
      ["w": Tensor(2), "b": Tensor(1)], Tensor([1, 2]))
    #expect(program.name == "affine")
    #expect(program.parameters.map { $0.label?.text } == ["params.b", "params.w", "x"])
    #expect(program.resultTypes == [TensorType(.f32, [2])])
    try program.verify()
  }

  @Test("two results and three keep their places") func tuples() throws {
    let (a, b) = try jit { (x: Tensor) in (try x + 1, [try x + 2]) }(Tensor(0.0))
    #expect(try (a.item(), b[0].item()) == (1, 2))
    let (c, d, e) = try jit { (x: Tensor) in (x, try x + 1, x) }(Tensor(5.0))
    #expect(try (c.item(), d.item(), e.item()) == (5, 6, 5))
  }
}
