// What the environment switches on: topics, staleness, checks, dumps.

import Foundation
import Synchronization
import Testing

@testable import BloxTrace

@Suite("Diagnostics")
struct DiagnosticsTests {
  private func settings(_ variables: [String: String]) -> Diagnostics { Diagnostics { variables[$0] } }

  @Test("BLOX_LOG, BLOX_EXPLAIN_CACHE, BLOX_STALE and BLOX_CHECK choose what is looked at") func environment() {
    #expect(settings([:]).topics == [.donation])
    #expect(settings([:]).staleness == .ignore)
    #expect(settings([:]).checks.isEmpty && settings([:]).dump == nil)
    #expect(settings(["BLOX_LOG": ""]).topics.isEmpty)
    #expect(settings(["BLOX_LOG": "compiles,misses"]).topics == [.compiles, .misses])
    #expect(settings(["BLOX_LOG": "stale"]).staleness == .warn)
    #expect(settings(["BLOX_EXPLAIN_CACHE": "1"]).topics == [.donation, .misses])
    #expect(settings(["BLOX_EXPLAIN_CACHE": "0"]).topics == [.donation])
    #expect(settings(["BLOX_STALE": "warn"]).staleness == .warn)
    #expect(settings(["BLOX_STALE": "error", "BLOX_LOG": "stale"]).staleness == .throw)
    #expect(settings(["BLOX_CHECK": "nan,inf"]).checks == [.nan, .inf])
    #expect(settings([:]).compiles && settings(["BLOX_JIT": "on"]).compiles)
    #expect(!settings(["BLOX_JIT": "off"]).compiles)
  }

  @Test("BLOX_DUMP takes a folder, and stages after it") func dumpSetting() {
    #expect(settings(["BLOX_DUMP": "out"]).dump?.folder == "out")
    #expect(settings(["BLOX_DUMP": "out"]).dump?.stages == Set(CompilationStage.allCases))
    let some = settings(["BLOX_DUMP": "/tmp/a:b:stages=traced,planned"]).dump
    #expect(some?.folder == "/tmp/a:b")
    #expect(some?.stages == [.traced, .planned])
  }

  @Test("a compiled program is dumped stage by stage, with an index") func dump() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("blox-dump-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let lines = try diagnosticLines({ settings in
      settings.dump = ProgramDump(folder: folder.path + "/deep", stages: [.traced, .planned])
    }) {
      let function = jit(name: "train step", line: 40) { (x: Tensor) in try tanh(x) * 2 + 1 }
      for size in [1, 2, 1] { _ = try function(Tensor.ones([size])) }
    }
    #expect(lines == [])
    let deep = folder.appendingPathComponent("deep")
    let files = try FileManager.default.contentsOfDirectory(atPath: deep.path).sorted()
    #expect(
      files == [
        "0001.train_step.planned.bir", "0001.train_step.traced.bir", "0002.train_step.planned.bir",
        "0002.train_step.traced.bir", "index.txt",
      ])
    #expect(
      try String(contentsOf: deep.appendingPathComponent("index.txt"), encoding: .utf8) == """
        0001.train_step.traced.bir  3 instructions  DiagnosticsTests.swift:40
        0001.train_step.planned.bir  1 instructions  DiagnosticsTests.swift:40
        0002.train_step.traced.bir  3 instructions  DiagnosticsTests.swift:40
        0002.train_step.planned.bir  1 instructions  DiagnosticsTests.swift:40

        """)
    let text = try String(contentsOf: deep.appendingPathComponent(files[1]), encoding: .utf8)
    #expect(try Program(parsing: text).resultTypes == [TensorType(.f32, [1])])
  }

  @Test("a dump that cannot be written is said once per program, and the program runs") func failingDump() throws {
    let lines = try diagnosticLines({ $0.dump = ProgramDump(folder: "/dev/null/dump") }) {
      let next = try jit(name: "f") { (x: Tensor) in try x + 1 }(Tensor(1.0))
      #expect(try next.item() == 2)
    }
    #expect(lines == ["blox: BLOX_DUMP: the program of f could not be written to /dev/null/dump"])
  }

  @Test("the topic compiles says what was compiled") func compiles() throws {
    let lines = try diagnosticLines({ $0.topics = [.compiles] }) {
      let function = jit(name: "f", line: 12) { (x: Tensor) in try x + 1 }
      for _ in 0..<2 { _ = try function(Tensor([1, 2.0])) }
    }
    #expect(lines.count == 1)
    #expect(lines[0].hasPrefix("blox: compiled f (DiagnosticsTests.swift:12) in "))
    #expect(lines[0].contains(" ms: 1 instructions, peak 8 bytes beside the arguments, and "))
  }
}
