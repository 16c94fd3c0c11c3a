// Changed captures: silent by default, named when asked for.

import BloxNN
import Synchronization
import Testing

@testable import BloxTrace

@Suite("Stale captures")
struct StaleCaptureTests {
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

  private let params = Params().locked()
  private let x = (try? Tensor([1, 2, 3])) ?? Tensor(0)

  private func lines(_ staleness: Staleness, _ body: () throws -> Void) rethrows -> [String] {
    let lines = Mutex<[String]>([])
    try Diagnostics.with({ settings in
      settings.staleness = staleness
      settings.write = { line in lines.withLock { $0.append(line) } }
    }) { try body() }
    return lines.withLock { $0 }
  }

  @Test("T-05, C2-1: by default a changed property is used as it was, in silence") func silent() throws {
    let adder = try AddConstant(Graph("modify_demo").child("adder"), value: 10)
    let add = jit(adder)
    let lines = try lines(.ignore) {
      for _ in 0..<2 {
        let sum = try add(params, x).0
        #expect(try sum.scalars() == [11.0, 12, 13])
        adder.value = 100
      }
    }
    #expect(lines == [])
    #expect(add.staleCaptures == [])
    #expect(add.statistics.traces == 1)
  }

  @Test("T-05, C2-1: .throw names path, property, both values and the lines") func throwing() throws {
    let adder = try AddConstant(Graph("modify_demo").child("adder"), value: 10)
    let add = jit(name: "add_constant", staleness: .throw, line: 12, adder)
    #expect(try add(params, x, line: 14).0.scalars() == [11.0, 12, 13])
    #expect(try add(params, x, line: 15).0.scalars() == [11.0, 12, 13])
    adder.value = 100
    let error = try #require(throws: BloxError.self) { try add(params, x, line: 16) }
    #expect(error.code == .staleCapture)
    #expect(
      error.description
        == "add_constant (StaleCaptureTests.swift:12): modify_demo/adder.value was 10.0 when traced at"
        + " StaleCaptureTests.swift:14, is 100.0 now; the compiled program still uses what it was. Pass what changes as"
        + " an argument, call clearCache(), or make a new jit [at StaleCaptureTests.swift:16]")
    #expect(
      add.staleCaptures.map(\.description) == [
        "modify_demo/adder.value was 10.0 when traced at StaleCaptureTests.swift:14, is 100.0 now"
      ])
    // Back to what it was, there is nothing to say; and a cleared cache traces what there is.
    adder.value = 10
    #expect(try add(params, x).0.scalars() == [11.0, 12, 13])
    adder.value = 100
    add.clearCache()
    #expect(try add(params, x).0.scalars() == [101.0, 102, 103])
  }

  @Test("T-05, C2-1: .warn writes each difference once and goes on; closures' modules are found too")
  func warning() throws {
    let adder = try AddConstant(Graph("modify_demo").child("adder"), value: 10)
    let lines = try lines(.warn) {
      let add = jit(name: "add_constant", line: 12) { (params: Params, x: Tensor) in try adder(params, x).0 }
      for value in [10.0, 100, 100, 1000] {
        adder.value = value
        let sum = try add(params, x, line: 14)
        #expect(try sum.scalars() == [11.0, 12, 13])
      }
    }
    #expect(
      lines
        == ["100.0", "1000.0"].map { value in
          "blox: stale  add_constant (StaleCaptureTests.swift:12): modify_demo/adder.value was 10.0 when traced at"
            + " StaleCaptureTests.swift:14, is \(value) now; using the cached program"
        })
  }

  @Test("a property that changes without changing the program is no difference") func irrelevant() throws {
    let (used, unused) = (
      try AddConstant(Graph("a").child("used"), value: 1), try AddConstant(Graph("a").child("unused"), value: 1)
    )
    let add = jit(staleness: .throw, used)
    _ = try add(params, x)
    unused.value = 2
    #expect(try add(params, x).0.scalars() == [2.0, 3, 4])
  }

  @Test("what is captured and no module's property is named by its place in the program") func programs() throws {
    func change(_ body: @escaping (Tensor, Bool) throws -> Tensor) throws -> String {
      var isChanged = false
      let function = jit(name: "f", staleness: .throw, line: 1) { (x: Tensor) in try body(x, isChanged) }
      _ = try function(x, line: 2)
      isChanged = true
      #expect(throws: BloxError.self) { try function(x, line: 3) }
      return try #require(function.staleCaptures.first).description
    }
    let place = "when traced at StaleCaptureTests.swift:2, is"
    #expect(
      try change { x, isChanged in try ModuleScope.with("net/mlp") { try x * (isChanged ? 3 : 2) } }
        == "an operand of mul in net/mlp was 2.0 \(place) 3.0 now")
    #expect(
      try change { x, isChanged in isChanged ? try tanh(x) : try exp(x) }
        == "the operation was exp \(place) tanh now")
    #expect(
      try change { x, isChanged in try x + Tensor(isChanged ? [1, 2, 4] : [1, 2, 3]) }
        == "a captured tensor was of other elements \(place) changed now")
    #expect(
      try change { x, isChanged in isChanged ? try tanh(tanh(x)) : try tanh(x) }
        == "the program was 1 instructions \(place) 2 now")
  }

  @Test("a compiled function inside another is looked at too") func nested() throws {
    let adder = try AddConstant(Graph("outer").child("adder"), value: 1)
    let inner = jit(name: "inner", line: 1, adder)
    let outer = jit(name: "outer", staleness: .throw, line: 2) { (params: Params, x: Tensor) in
      try inner(params, x, line: 3).0
    }
    _ = try outer(params, x)
    adder.value = 2
    let error = try #require(throws: BloxError.self) { try outer(params, x, line: 4) }
    #expect(error.code == .staleCapture)
    #expect(error.message.hasPrefix("inner (StaleCaptureTests.swift:1): "))
  }

  @Test("T-03: a miss names locks, flags, metadata and paths of parameters") func paramMisses() throws {
    let step = jit(name: "step", arguments: ["params"]) { (params: Params) in params }
    let (one, two) = (try Tensor([1.0]), try Tensor([1.0, 2]))
    var params = try Params().setting("net/w", to: Param(one)).setting("net/b", to: Param(one))
    _ = try step(params)
    let changes: [(Params, [String])] = [
      (params.locked(), ["params is unlocked → locked"]),
      (try params.setting("net/w", to: Param(two)), ["params['net/w']: f32[1] → f32[2]"]),
      (
        try params.setting("net/w", to: Param(one, isTrainable: false)),
        ["params['net/w'] is trainable → not trainable"]
      ),
      (
        try params.setting("net/w", to: Param(one, metadata: ["tag": "a", "n": 2])),
        ["params['net/w'] has metadata {} → {'n': 2, 'tag': 'a'}"]
      ),
      (try params.setting("net/c", to: Param(one)), ["params['net/c'] is new: f32[1]"]),
    ]
    for (changed, want) in changes {
      step.clearCache()
      _ = try step(params)
      _ = try step(changed)
      #expect(try #require(step.cacheMisses.last).differences.map(\.description) == want)
    }
    params = try Params().setting("net/w", to: Param(one))
    _ = try step(params)
    #expect(try #require(step.cacheMisses.last).differences.first?.description == "params['net/b'] is gone: f32[1]")
  }

  @Test("C-21: walk() may change modules in place, and what is compiled reports that it does not see it") func walking()
    throws
  {
    let graph = try Graph("net")
    let first = try AddConstant(graph.child("first"), value: 1)
    let second = try AddConstant(graph.child("second"), value: 10)
    let sum = { (x: Tensor) in try second(params, first(params, x).0).0 }
    let (silent, strict) = (jit(sum), jit(staleness: .throw, sum))
    for add in [silent, strict] { #expect(try add(x).scalars() == [12.0, 13, 14]) }
    for (_, module) in graph.walk() { (module as? AddConstant)?.value *= 2 }
    #expect(try silent(x).scalars() == [12.0, 13, 14])
    #expect(try thrown { try strict(x) }.code == .staleCapture)
    #expect(strict.staleCaptures.map(\.subject) == ["net/first.value", "net/second.value"])
    #expect(try jit(sum)(x).scalars() == [23.0, 24, 25])
  }
}
