// The environment of a process: what BLOX_LOG, BLOX_DUMP, BLOX_CHECK and BLOX_THREADS make of a whole program.

import Foundation
import Testing

@Suite("Environment variables")
struct EnvironmentTests {
  private let run = "digits --epochs 1 --seed 3"

  @Test("BLOX_LOG and BLOX_DUMP tell what a program compiled and why, on standard error and in files") func logAndDump()
    throws
  {
    try CommandRunner.withTemporaryFolder { folder in
      let quiet = try CommandRunner.shell(run, in: folder)
      #expect(quiet.exitCode == 0 && quiet.errors.isEmpty)
      let loud = try CommandRunner.shell(
        "BLOX_LOG=misses,compiles BLOX_DUMP=dumps:stages=traced,planned \(run)", in: folder)
      #expect(loud.exitCode == 0)
      let lines = loud.errors.split(separator: "\n")
      let traces = lines.filter { $0.hasPrefix("blox: trace #") }
      let compiled = lines.filter { $0.hasPrefix("blox: compiled ") }
      #expect(traces.count + compiled.count == lines.count)
      #expect(traces.first?.contains(" called at ") == true)
      #expect(traces.first?.hasSuffix(" because nothing is cached") == true)
      let dumps = folder.appendingPathComponent("dumps")
      let files = try FileManager.default.contentsOfDirectory(atPath: dumps.path).sorted()
      #expect(files.count == 2 * compiled.count + 1)
      #expect(files.last == "index.txt")
      let index = try String(contentsOf: dumps.appendingPathComponent("index.txt"), encoding: .utf8)
      #expect(index.split(separator: "\n").map { String($0.prefix { $0 != " " }) }.sorted() == files.dropLast())
      let checked = try CommandRunner.run("blox-ir", ["check", "dumps"], in: folder)
      #expect(checked.exitCode == 0, "\(checked.output)\(checked.errors)")
    }
  }

  @Test("BLOX_CHECK=nan changes no number, and BLOX_THREADS neither") func checksAndThreads() throws {
    let numbers = { (variables: String) in
      let result = try CommandRunner.shell("\(variables) digits --epochs 1 --seed 3 --hidden 16")
      #expect(result.exitCode == 0 && result.errors.isEmpty)
      return result.output.replacing(#/\d+ steps/s/#, with: "N steps/s")
    }
    let plain = try numbers("")
    #expect(try numbers("BLOX_THREADS=1") == plain)
    #expect(try numbers("BLOX_CHECK=nan,inf BLOX_THREADS=3") == plain)
  }

  @Test("BLOX_ISA takes what the processor has") func instructionSets() throws {
    let result = try CommandRunner.shell("BLOX_ISA=sse BLOX_THREADS=two digits --epochs 1 --seed 3 --hidden 16")
    #expect(result.exitCode == 0)
    #expect(result.errors.contains("blox: BLOX_ISA is 'sse'; this processor has portable"))
    #expect(result.errors.contains("blox: BLOX_THREADS is 'two'; it takes a whole number from 1 to 255\n"))
    let portable = try CommandRunner.shell("BLOX_ISA=portable digits --epochs 1 --seed 3 --hidden 16")
    #expect(portable.exitCode == 0 && portable.errors.isEmpty)
    // Products round differently without fused multiply-adds.
    let accuracies = [result, portable].map { $0.output.matches(of: #/(\d+\.\d+) %/#).map { Double($0.1) ?? 0 } }
    #expect(!accuracies[0].isEmpty && accuracies[0].count == accuracies[1].count)
    #expect(zip(accuracies[0], accuracies[1]).allSatisfy { abs($0 - $1) < 3 }, "\(accuracies)")
  }

  @Test("BLOX_JIT=off compiles nothing, and trains the same model") func withoutCompilation() throws {
    let compiled = try CommandRunner.shell("BLOX_LOG=compiles \(run) --hidden 16")
    let plain = try CommandRunner.shell("BLOX_LOG=compiles BLOX_JIT=off \(run) --hidden 16")
    #expect(compiled.exitCode == 0 && compiled.errors.contains("compiled"))
    #expect(plain.exitCode == 0 && plain.errors.isEmpty)
    let accuracies = { (text: String) in text.matches(of: #/\d+\.\d+ %/#).map { String($0.output) } }
    #expect(!accuracies(plain.output).isEmpty)
    #expect(accuracies(plain.output) == accuracies(compiled.output))
  }

  @Test("what a variable does not know is said once, with what it knows") func unknown() throws {
    let result = try CommandRunner.shell("BLOX_LOG=missses BLOX_STALE=loud BLOX_CHECK=nan,zero BLOX_JIT=no \(run)")
    #expect(result.exitCode == 0)
    #expect(
      result.errors == """
        blox: BLOX_LOG has 'missses', which it does not know; it knows compiles, misses, stale, donation
        blox: BLOX_STALE is 'loud'; it takes warn or error
        blox: BLOX_JIT is 'no'; it takes on or off
        blox: BLOX_CHECK has 'zero', which it does not know; it knows nan, inf

        """)
  }
}
