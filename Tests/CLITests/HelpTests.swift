// The help texts: they are complete, and what they show runs as it is written.

import Foundation
import Testing

@testable import blox_ir

@Suite("Help of blox-ir")
struct HelpTests {
  /// The command lines below EXAMPLES.
  static func examples(_ text: String) -> [String] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let start = lines.firstIndex(of: "EXAMPLES") else { return [] }
    return lines[(start + 1)...].prefix { $0.hasPrefix("  ") }.map { $0.trimmingCharacters(in: .whitespaces) }
  }

  /// A copy of what examples refer to, which they may write into.
  static func withCopyOfSamples<Result>(_ body: (URL) throws -> Result) throws -> Result {
    try CommandRunner.withTemporaryFolder { folder in
      try FileManager.default.copyItem(
        at: CommandRunner.packageRoot.appendingPathComponent("IRSamples"),
        to: folder.appendingPathComponent("IRSamples"))
      return try body(folder)
    }
  }

  @Test("Every example runs and prints something", arguments: Help.all.flatMap(examples))
  func exampleRuns(line: String) throws {
    let result = try Self.withCopyOfSamples { try CommandRunner.shell(line, in: $0) }
    #expect(result.exitCode == 0, "\(result.errors)")
    #expect(!result.output.isEmpty)
    // Reports that are asked for do not mix with the program on standard output.
    #expect(result.errors.isEmpty || line.contains("--timing"))
  }

  @Test("Every command has a text with its usage and at least two examples", arguments: Help.commands)
  func commandHasHelp(command: String) throws {
    for arguments in [[command, "--help"], [command, "-h"], ["help", command], [command, "x", "--help"]] {
      let result = try CommandRunner.run("blox-ir", arguments)
      #expect(result.exitCode == 0)
      #expect(result.output.hasPrefix("blox-ir \(command) - "))
      #expect(result.output.contains("\nUSAGE\n"))
      #expect(Self.examples(result.output).count >= 2)
      #expect(result.lines.allSatisfy { $0.count <= 120 })
    }
    #expect(Help.general.contains("\n  \(command) "))
  }

  @Test(
    "Every option that a text documents is known",
    arguments: ["dump", "opt", "run", "check", "diff", "explain", "bench", "profile"])
  func documentedOptionsExist(command: String) throws {
    let text = try #require(
      [
        "dump": Help.dump, "opt": Help.opt, "run": Help.run, "check": Help.check, "diff": Help.diff,
        "explain": Help.explain, "bench": Help.bench, "profile": Help.profile,
      ][command])
    let options = text.split(separator: "\n").compactMap { line -> String? in
      let words = line.split(separator: " ")
      return line.hasPrefix("  -") ? words.first.map(String.init) : nil
    }
    #expect(!options.isEmpty)
    for option in options {
      let result = try CommandRunner.run("blox-ir", [command, option, "1"])
      #expect(!result.errors.contains("no option"), "\(command) \(option): \(result.errors)")
    }
  }

  @Test("Without a command, the help goes to standard error and the exit code is 2")
  func noCommand() throws {
    let result = try CommandRunner.run("blox-ir", [])
    #expect(result.exitCode == 2)
    #expect(result.output.isEmpty)
    #expect(result.errors == Help.general + "\n")
    #expect(try CommandRunner.run("blox-ir", ["--help"]).output == Help.general + "\n")
  }
}
