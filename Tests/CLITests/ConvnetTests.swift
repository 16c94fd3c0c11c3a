// The convnet example as a process.

import Foundation
import Testing

@Suite("convnet")
struct ConvnetTests {
  /// The output without times and speeds, which differ from run to run.
  private func numbers(_ result: RunResult) -> String { result.output.replacing(#/\d+ (ms|steps\/s)/#, with: "N") }

  private func convnet(_ arguments: String...) throws -> RunResult { try CommandRunner.run("convnet", arguments) }

  @Test("Piped output is plain lines, and a table whose columns stand below each other and count every image")
  func table() throws {
    let result = try convnet("--epochs", "1", "--dropout", "0")
    #expect(result.exitCode == 0)
    #expect(result.errors.isEmpty)
    #expect(!result.output.contains("\r") && !result.output.contains("\u{1B}"))
    try #require(result.lines.count == 18)
    #expect(result.lines[0].hasPrefix("training step: traced in "))
    let epoch = #/epoch   1  loss \d\.\d{4}  held-out accuracy \d+\.\d %  \d+ steps/s/#
    #expect(try epoch.wholeMatch(in: result.lines[1]) != nil)
    let last = #/held-out accuracy (\d+\.\d\d) % on 360 images after 1 epochs \(\d+ steps/s\)/#
    let share = try #require(try last.wholeMatch(in: result.lines[2]).flatMap { Double($0.1) })
    #expect(share > 50)
    let rows = Array(result.lines[6...16])
    #expect(Set(rows.map(\.count)).count == 1)
    let cells = rows.dropFirst().map { $0.split(separator: " ").map { $0 == "·" ? 0 : Int($0) ?? -1 } }
    for (digit, row) in cells.enumerated() { #expect(row[0] == digit && row.count == 13) }
    let counts = cells.map { $0[1...10] }
    #expect(counts.joined().reduce(0, +) == 360)
    let right = counts.enumerated().reduce(0) { $0 + $1.element[$1.offset + 1] }
    #expect(abs(Double(right) / 3.6 - share) < 0.01)
    // Each column ends where its name does.
    let ends = rows[0].indices.filter { rows[0][$0].isNumber }.map {
      rows[0].distance(from: rows[0].startIndex, to: $0)
    }
    for row in rows.dropFirst() {
      for end in ends { #expect(Array(row)[end] != " ", "\(row)") }
    }
  }

  @Test("The same seed gives the same numbers for any number of threads; another seed gives others")
  func deterministic() throws {
    func run(seed: String, threads: String) throws -> String {
      numbers(try convnet("--epochs", "1", "--channels", "2", "--seed", seed, "--threads", threads))
    }
    let one = try run(seed: "5", threads: "1")
    for threads in ["2", "5"] { #expect(try run(seed: "5", threads: threads) == one) }
    #expect(try run(seed: "6", threads: "1") != one)
  }

  @Test("Bad options: exit code 2 and what is wrong")
  func usage() throws {
    for (arguments, message) in [
      (["--chanels", "1"], "there is no option --chanels; did you mean --channels?; see convnet --help"),
      (["--channels"], "--channels needs a number"),
      (["--channels", "0"], "--channels needs a whole number from 1 to 4096, not '0'"),
      (["--dropout", "1"], "--dropout needs a number from 0.0 to 0.9, not '1'"),
    ] {
      let result = try CommandRunner.run("convnet", arguments)
      #expect(result.exitCode == 2)
      #expect(result.output.isEmpty)
      #expect(result.errors == "convnet: \(message)\n")
    }
  }

  @Test("--help documents every option, with three examples")
  func help() throws {
    let result = try convnet("--help")
    #expect(result.exitCode == 0)
    #expect(HelpTests.examples(result.output).count == 3)
  }
}
