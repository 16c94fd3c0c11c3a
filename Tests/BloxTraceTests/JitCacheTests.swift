// A compiled function's cache as data: static arguments, statistics, limits, and why a call had to trace.

import Synchronization
import Testing

@testable import BloxTrace

/// The lines written while a function runs under some settings.
func diagnosticLines(
  _ change: (inout Diagnostics) -> Void, _ body: () throws -> Void
) rethrows -> [String] {
  let lines = Mutex<[String]>([])
  try Diagnostics.with({ settings in
    change(&settings)
    settings.write = { line in lines.withLock { $0.append(line) } }
  }) { try body() }
  return lines.withLock { $0 }
}

@Suite("The cache of compiled functions")
struct JitCacheTests {
  private enum Mode: String, StaticArgument { case train, evaluate }

  @Test("T-15: static arguments are Swift values, part of the key, and typed by the compiler to be hashable")
  func staticArguments() throws {
    let forward = jit(arguments: ["x", "mode", "power"]) { (x: Tensor, mode: Mode, power: Static<Int>) in
      var y = try mode == .train ? x * 10 : x
      for _ in 1..<power.value { y = try y * x }
      return y
    }
    let x = try Tensor([2, 3])
    #expect(try forward(x, .train, 2).scalars() == [40.0, 90])
    #expect(try forward(x, .evaluate, 2).scalars() == [4.0, 9])
    #expect(try forward(x, .evaluate, 3).scalars() == [8.0, 27])
    #expect(try forward(x, .train, Static(1 + 1)).scalars() == [40.0, 90])
    #expect(forward.cacheSize == 3)
    #expect(
      forward.cacheMisses.map { $0.differences.map(\.description) } == [
        [], ["mode: train → evaluate"], ["power: 2 → 3"],
      ])
    // They pass through other transformations, which have nothing to map or differentiate in them.
    let slope = grad { (x: Tensor, mode: Mode) in try forward(x, mode, 3).sum() }
    #expect(try slope(x, .evaluate).scalars() == [12.0, 27])
    let lanes = vmap(inAxes: [0, nil, nil], forward)
    #expect(try lanes(Tensor([[1, 2], [3, 4]]), .evaluate, 2).scalars() == [1.0, 4, 9, 16])
    // Literals of all kinds.
    let labelled = jit { (x: Tensor, _: Static<String>, _: Static<Bool>, scale: Static<Double>) in try x * scale.value }
    #expect(try labelled(x, "label", true, 0.5).scalars() == [1.0, 1.5])
  }

  @Test("C2-2: statistics count hits, misses, traces, compilations and evictions") func statistics() throws {
    let double = jit { (x: Tensor) in try x * 2 }
    for size in [1, 2, 1, 1] { _ = try double(Tensor.ones([size])) }
    _ = try makeProgram({ (x: Tensor) in try double(x) }, Tensor.ones([3]))
    let counts = double.statistics
    #expect((counts.hits, counts.misses, counts.traces, counts.compilations) == (2, 3, 3, 2))
    #expect((counts.evictions, counts.entries) == (0, 3))
    #expect(counts.traceTime > .zero && counts.compileTime > .zero)
    var fixed = counts
    (fixed.traceTime, fixed.compileTime) = (.microseconds(1234), .milliseconds(20))
    #expect(
      fixed.description == "2 hits, 3 misses, 3 traces in 1.23 ms, 2 compiled in 20.00 ms, 0 evicted, 3 kept")
    double.clearCache()
    #expect(double.statistics == CacheStatistics())
    #expect(TensorFunction { (x: Tensor) in x }.statistics == CacheStatistics())
  }

  @Test("C2-17: a full cache drops the trace that was not used for longest") func eviction() throws {
    let double = jit(name: "double", cacheLimit: 2) { (x: Tensor) in try x * 2 }
    let call = { (size: Int) in _ = try double(Tensor.ones([size])) }
    for size in [1, 2, 1, 3] { try call(size) }
    #expect(double.cacheSize == 2)
    #expect(double.statistics.evictions == 1)
    try double.expectTraces(0) { try call(1) }
    try double.expectTraces(1) { try call(2) }
    try double.expectTraces(1) { try call(3) }
    let none = jit(name: "double", cacheLimit: 0) { (x: Tensor) in x }
    let error = try thrown { try none(Tensor(1.0)) }
    #expect(error.code == .invalidArgument)
    #expect(error.message == "double: cacheLimit is 0; keep at least one trace")
  }

  @Test("T-04, C2-2: expectTraces counts, and names the reasons when the count is another") func traceCounts() throws {
    let step = jit(name: "step", arguments: ["x"], line: 40) { (x: Tensor) in try x + 1 }
    let outer = jit(name: "outer", arguments: ["x"], line: 50) { (x: Tensor) in try step(x, line: 51) }
    try expectTraces(2) { _ = try outer(Tensor([1.0])) }
    try expectTraces(0) { _ = try outer(Tensor([1.0])) }
    try step.expectTraces(1) { _ = try outer(Tensor([1, 2.0])) }
    let error = try thrown {
      try expectTraces(1) {
        _ = try step(Tensor([1, 2, 3.0]), line: 60)
        _ = try step(Tensor([[1.0]]), line: 61)
      }
    }
    #expect(error.code == .traceCount)
    #expect(
      error.message == """
        expected 1 trace, got 2:
          trace #3 of step (JitCacheTests.swift:40) called at JitCacheTests.swift:60 because x: f32[2] → f32[3]   (nearest of 2 cached)
          trace #4 of step (JitCacheTests.swift:40) called at JitCacheTests.swift:61 because x: f32[3] → f32[1,1]   (nearest of 3 cached)
        """)
    #expect(try thrown { try expectTraces(2) {} }.message == "expected 2 traces, got 0")
  }

  /// Where a layer keeps what it has seen.
  private struct Memory: TensorTree {
    var seen: [Tensor]
    var note: String
    var staticPart: StaticPart { StaticPart(note) }
    mutating func visitTensors(_ visitor: inout TensorVisitor) throws { try visitor.visit(&seen, "seen") }
  }

  @Test("T-03, C2-2: a miss is explained by the nearest trace: shape, dtype, structure, static values, named axes")
  func explanations() throws {
    let one = try Tensor([1.0])
    let function = jit(name: "f", arguments: ["x", "more", "memory", "extra"], line: 7) {
      (x: Tensor, more: [String: Tensor], memory: Memory, extra: Tensor?) in x
    }
    func reason(_ x: Tensor, _ more: [String: Tensor], _ seen: [Tensor], _ note: String, _ extra: Tensor?) throws
      -> [String]
    {
      let count = function.cacheMisses.count
      _ = try function(x, more, Memory(seen: seen, note: note), extra, line: 9)
      #expect(function.cacheMisses.count == count + 1)
      return try #require(function.cacheMisses.last).differences.map(\.description)
    }
    #expect(try reason(one, ["a": one], [one], "n", nil) == [])
    #expect(try reason(Tensor([1, 2.0]), ["a": one], [one], "n", nil) == ["x: f32[1] → f32[2]"])
    #expect(try reason(Tensor([1], dtype: .i32), ["a": one], [one], "n", nil) == ["x: f32[1] → i32[1]"])
    #expect(try reason(one, ["b": one], [one], "n", nil) == ["more.b is new: f32[1]", "more.a is gone: f32[1]"])
    #expect(try reason(one, ["a": one], [one, one], "n", nil) == ["memory.seen[1] is new: f32[1]"])
    #expect(try reason(one, ["a": one], [one], "m", nil) == ["memory: n → m"])
    #expect(try reason(one, ["a": one], [one], "n", one) == ["extra is new: f32[1]"])
    // The nearest is the trace with the fewest differences, not the latest one.
    #expect(try reason(Tensor([1, 2.0]), ["a": one], [one], "m", nil) == ["x: f32[1] → f32[2]"])
    #expect(try #require(function.cacheMisses.last).trace == 8)
    let lane = jit(name: "lane", line: 3) { (x: Tensor) in x }
    _ = try lane(one)
    _ = try vmap(axisName: "i", lane)(Tensor([[1.0]]))
    #expect(
      lane.cacheMisses[1].description
        == "trace #2 of lane (JitCacheTests.swift:3) because named axes: none → i=1   (nearest of 1 cached)")
    let nested = jit { (x: [[Tensor]]) throws -> Tensor in Tensor(0) }
    _ = try (nested([[]]), nested([[], []]))
    #expect(
      nested.cacheMisses[1].differences.map(\.description) == [
        "the nesting of the arguments is another → changed"
      ])
  }

  @Test("many differences are counted, and the topic misses writes each miss once") func missLines() throws {
    let lines = try diagnosticLines({ $0.topics = [.misses] }) {
      let sum = jit(name: "sum", arguments: ["xs"], line: 40) { (xs: [Tensor]) in try concatenate(xs).sum() }
      for size in [1, 2, 1, 2] {
        _ = try sum((0..<6).map { _ in try Tensor.ones([size]) }, line: 71)
      }
    }
    #expect(
      lines == [
        "blox: trace #1 of sum (JitCacheTests.swift:40) called at JitCacheTests.swift:71 because nothing is cached",
        "blox: trace #2 of sum (JitCacheTests.swift:40) called at JitCacheTests.swift:71 because xs[0]: f32[1] → f32[2],"
          + " xs[1]: f32[1] → f32[2], xs[2]: f32[1] → f32[2], xs[3]: f32[1] → f32[2], and 2 more   (nearest of 1 cached)",
      ])
  }

  @Test("a function whose trace fails keeps nothing") func failures() throws {
    let fails = jit { (x: Tensor) throws -> Tensor in throw BloxError(.runtime, "stop") }
    for _ in 0..<2 { #expect(throws: BloxError.self) { try fails(Tensor(1.0)) } }
    #expect(fails.statistics.misses == 2)
    #expect(fails.statistics.traces == 0)
    #expect(fails.cacheSize == 0)
  }
}
