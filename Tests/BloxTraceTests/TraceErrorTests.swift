// What tracing and the transformations refuse, in which words.

import BloxPasses
import Dispatch
import Synchronization
import Testing

@testable import BloxTrace

/// The error of a code that must fail.
func thrown(
  by body: () throws -> some Any, sourceLocation: Testing.SourceLocation = #_sourceLocation
) throws -> BloxError {
  try #require(throws: BloxError.self, sourceLocation: sourceLocation) { _ = try body() }
}

@Suite("Errors of tracing and transformations")
struct TraceErrorTests {
  private let x = (try? Tensor([1, 2])) ?? Tensor(0)

  @Test("reading a traced tensor names the arguments it depends on") func concretization() throws {
    let error = try thrown {
      try jit(name: "train_step") { (p: [String: Tensor], x: Tensor, y: Tensor) throws -> Tensor in
        try Bool(p["w"]!.sum() .> x.sum()) ? y : x
      }(["w": x, "b": x], x, x)
    }
    #expect(error.code == .concretization)
    #expect(
      error.message
        == "the elements of a traced tensor of type bool[] were asked for while train_step was being traced, when there"
        + " are none yet. It depends on the inputs 'arg0.w', 'arg1'. Use select(predicate, a, b) instead of a Swift"
        + " `if`, return the tensor and read it outside, or make what decides a static argument (Static,"
        + " StaticArgument)")
    let inModule = try thrown {
      try jit { (x: Tensor) in try ModuleScope.with("net/mlp") { try Tensor(x.sum().item()) } }(x)
    }
    #expect(inModule.modulePath == "net/mlp")
    let read = try thrown { try jit { (x: Tensor) in Tensor(try x.sum().item(file: "A/Model.swift", line: 12)) }(x) }
    #expect(read.location?.description == "Model.swift:12")
  }

  @Test("a tracer used after its trace, or in a later one, is an error") func leaks() throws {
    var kept: Tensor?
    _ = try jit(name: "keep") { (x: Tensor) throws -> Tensor in
      kept = try x + 1
      return x
    }(x)
    let tracer = try #require(kept)
    let message =
      "a traced tensor of type f32[2], made by add, was used outside keep, whose trace made it; return it from the"
      + " function instead of storing it"
    let after = try thrown { try tracer + 1 }
    #expect(after.code == .leakedTracer)
    #expect(after.message == message)
    #expect(try thrown { try jit { (x: Tensor) in try x + tracer }(x) }.message == message)
    #expect(try thrown { try step(tracer) }.message == message)
    #expect(try thrown { try vmap { (x: Tensor) in try x + tracer.sum() }(x) }.code == .leakedTracer)
    #expect("\(tracer)" == "Tensor(f32[2], traced by keep)")
  }

  @Test("a leaked tracer is named by its argument, or by its op with module and line") func leakOrigins() throws {
    var kept: [Tensor] = []
    _ = try jit(name: "keep", arguments: ["x"]) { (x: Tensor) throws -> Tensor in
      kept = [x, try ModuleScope.with("net/mlp") { try x.sum(file: "A/Model.swift", line: 12) }]
      return x
    }(x)
    let ends = [", the argument 'x',", ", made by reduce_sum in net/mlp at Model.swift:12,"]
    for (tensor, origin) in zip(kept, ends) {
      let error = try thrown { try ModuleScope.with("net/other") { try tensor + 1 } }
      #expect(error.message.hasPrefix("a traced tensor of type \(tensor.type)\(origin) was used outside keep, "))
      #expect(error.modulePath == "net/other")
    }
  }

  @Test("T-53, C2-14: what a transformation refuses has the line of the call, and the chain from the lanes")
  func callSites() throws {
    let gradient = try thrown { try grad { (x: Tensor) in try x * 2 }(x, file: "A/Train.swift", line: 3) }
    #expect(gradient.location?.description == "Train.swift:3")
    let lanes = try thrown {
      try vmap(outAxes: [nil]) { (x: Tensor) in try ModuleScope.with("net/mlp") { try x * 2 } }(
        x, file: "A/Train.swift", line: 4)
    }
    #expect(
      lanes.description
        == "vmap has a mapped result, 'out', but its outAxes is nil. It is computed from the lanes by arg0 -> mul in"
        + " net/mlp. Give it an axis in outAxes, or make it independent of the lane (restore a folded seed, for example)"
        + " [at Train.swift:4]")
  }

  private let step = jit { (x: Tensor) in try x + 1 }

  @Test("a tracer of a function that failed is a leak too") func leakOfFailure() throws {
    var kept: Tensor?
    _ = try? jit(name: "fails") { (x: Tensor) throws -> Tensor in
      kept = x
      throw BloxError(.runtime, "stop")
    }(x)
    #expect(try thrown { try #require(kept) + 1 }.code == .leakedTracer)
  }

  @Test("a tracer used on another thread is an error") func otherThread() throws {
    let caught = Mutex<BloxError?>(nil)
    _ = try jit(name: "spawns") { (x: Tensor) throws -> Tensor in
      let done = DispatchSemaphore(value: 0)
      DispatchQueue.global().async {
        do {
          _ = try x + 1
        } catch {
          caught.withLock { $0 = error as? BloxError }
        }
        done.signal()
      }
      done.wait()
      return x
    }(x)
    #expect(caught.withLock { $0?.code } == .leakedTracer)
  }

  @Test("T-34: the gradient of a vector is refused with its type") func gradientOfVector() throws {
    let error = try thrown { try grad { (x: Tensor) in try x * 2 }(x) }
    #expect(error.code == .gradientOfNonScalar)
    #expect(
      error.message
        == "gradient only defined for scalar-output functions; the output has type f32[2]: reduce it first, for example"
        + " with mean() or sum(), or use a Jacobian")
  }

  @Test("T-35: integers and keys have no gradient, whether arguments or results") func gradientOfIntegers() throws {
    let argument = try thrown {
      try grad { (p: [String: Tensor]) in try p["w"]!.sum().cast(to: .f32) }(["w": Tensor(1)])
    }
    #expect(argument.code == .gradientOfInteger)
    #expect(
      argument.message
        == "cannot differentiate with respect to the input 'arg0.w' of type i32[]: derivatives exist for floating-point"
        + " inputs only; split parameters into trainable and other ones (params.split()), or pass the input as another"
        + " argument")
    #expect(try thrown { try grad { (k: Key) in try k.normal() }(Key(0)) }.code == .gradientOfInteger)
    let result = try thrown { try grad { (x: Tensor) in try x.argmax() }(x) }
    #expect(result.code == .gradientOfInteger)
    #expect(
      result.message == "gradient only defined for floating-point outputs; the output has type i32[]")
  }

  @Test("T-53: a mapped result under outAxes nil says what it is computed from") func mappedResult() throws {
    let error = try thrown {
      try vmap(outAxes: [nil], axisName: "batch") { (x: Tensor) in try tanh(x) * 2 }(x)
    }
    #expect(error.code == .mappedResult)
    #expect(
      error.message
        == "vmap has a mapped result (axis name batch), 'out', but its outAxes is nil. It is computed from the lanes by"
        + " arg0 -> tanh -> mul. Give it an axis in outAxes, or make it independent of the lane (restore a folded"
        + " seed, for example)")
    // What is decided is where it comes from, never the values.
    #expect(try thrown { try vmap(outAxes: [nil]) { (x: Tensor) in try x * 0 }(x) }.code == .mappedResult)
    #expect(try vmap(outAxes: [nil]) { (x: Tensor) in Tensor(1.0) }(x).item() == 1)
  }

  @Test("T-56: an unbound axis name lists what is bound") func unboundAxis() throws {
    let outside = try thrown { try axisIndex("batch") }
    #expect(outside.code == .unboundAxis)
    #expect(
      outside.message
        == "found an unbound axis name: batch (none is bound here); bind it with vmap(axisName: \"batch\")")
    let inside = try thrown {
      try vmap(axisName: "rows") { (x: Tensor) in try x + axisIndex("batch").cast(to: .f32) }(x)
    }
    #expect(inside.code == .unboundAxis)
    #expect(
      inside.message
        == "found an unbound axis name: batch (bound here: rows); bind it with vmap(axisName: \"batch\")")
    #expect(inside.location?.file.hasSuffix("TraceErrorTests.swift") == true)
  }

  @Test("an axis name bound twice is refused") func duplicateAxis() throws {
    let error = try thrown {
      try vmap(axisName: "i") { (row: Tensor) in
        try vmap(axisName: "i") { (x: Tensor) in x }(row)
      }(Tensor.ones([2, 3]))
    }
    #expect(error.code == .duplicateAxis)
    #expect(
      error.message == "vmap: the axis name i is already bound by an enclosing vmap (size 2); use another name")
  }

  @Test("T-59: sizes, ranks and counts that do not fit vmap are named") func vmapArguments() throws {
    let (three, scalar) = (try Tensor([1, 2, 3]), Tensor(1.0))
    let add = { (a: Tensor, b: Tensor) throws -> Tensor in try a + b }
    let sizes = try thrown { try vmap(add)(x, three) }
    #expect(sizes.code == .axisSizeMismatch)
    #expect(
      sizes.message
        == "vmap: mapped arguments must have equal sizes along their mapped axes: 'arg0' of type f32[2] has 2, 'arg1'"
        + " of type f32[3] has 3")
    let given = try thrown { try vmap(axisSize: 4, add)(x, x) }
    #expect(given.code == .axisSizeMismatch)
    #expect(given.message.contains("(axisSize is 4)"))
    let rank = try thrown { try vmap(add)(x, scalar) }
    #expect(rank.code == .invalidAxis)
    #expect(
      rank.message
        == "vmap: the argument 'arg1' of type f32[] has no axis 0 to map over; use nil in inAxes to give every lane the"
        + " whole argument")
    let count = try thrown { try vmap(inAxes: [0], add)(x, x) }
    #expect(count.code == .inAxesMismatch)
    #expect(count.message == "vmap: inAxes has 1 entries, but the function takes 2 arguments")
    let outCount = try thrown { try vmap(outAxes: [0, 0], add)(x, x) }
    #expect(outCount.code == .inAxesMismatch)
    #expect(outCount.message == "vmap: outAxes has 2 entries, but the function returns 1 parts")
    let none = try thrown { try vmap(inAxes: [nil, nil], add)(x, x) }
    #expect(none.code == .axisSizeMismatch)
    #expect(
      none.message
        == "vmap: no argument is mapped, so the number of lanes is unknown; map an argument in inAxes or give axisSize")
    #expect(try thrown { try vmap(axisSize: -1) { Tensor(1.0) }() }.message == "vmap: axisSize -1 is negative")
    let out = try thrown { try vmap(outAxes: [2], add)(x, x) }
    #expect(out.code == .invalidAxis)
    #expect(out.message == "vmap: outAxes has 2, but that result has rank 1")
  }

  @Test("T-77: trees of different structures are refused with the difference") func structures() throws {
    let error = try thrown { try treeMap([x], [x, x]) { a, _ in a } }
    #expect(error.code == .structureMismatch)
    #expect(
      error.message
        == "trees of type Array<Tensor> have different structures: in the second, tree[1] is new: \(x.type)")
    let keys = try thrown { try treeMap(["a": x], ["b": x]) { a, _ in a } }
    #expect(
      keys.message
        == "trees of type Dictionary<String, Tensor> have different structures: in the second, tree.b is new:"
        + " \(x.type), tree.a is gone: \(x.type)")
    #expect(try thrown { try treeMap([x], [x], [x, x]) { a, _, _ in a } }.code == .structureMismatch)
  }

  @Test("a fused program has no derivative rules") func notDifferentiable() throws {
    let region = try makeProgram({ (x: Tensor) in try tanh(x) }, x)
    var builder = ProgramBuilder(name: "fused")
    let input = builder.parameter(x.type)
    let results = try builder.emit(.fusion(Op.Fusion(kind: .loop, region: region)), [.value(input)])
    let program = builder.finish(results: results.map { ProgramResult(.value($0)) })
    let error = try thrown { try program.jvp(active: [true]) }
    #expect(error.code == .notDifferentiable)
    #expect(
      error.message == "fusion: a fused region has no derivative rule; differentiate before the pass 'fuse' runs")
  }
}
