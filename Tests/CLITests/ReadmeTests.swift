// README.md and Docs: what they show is what happens.

import Foundation
import Testing

@Suite("README.md")
struct ReadmeTests {
  /// The contents of fenced blocks in a language, without the fences.
  static func blocks(_ language: String, in path: String = "README.md") throws -> [String] {
    let text = try String(contentsOf: CommandRunner.packageRoot.appendingPathComponent(path), encoding: .utf8)
    var blocks: [String] = []
    var current: [Substring]?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if let lines = current {
        if line == "```" {
          blocks.append(lines.joined(separator: "\n"))
          current = nil
        } else {
          current = lines + [line]
        }
      } else if line == "```" + language {
        current = []
      }
    }
    return blocks
  }

  private static func normalized(_ text: String) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  @Test("Every block of Swift is in ReadmeExamples*.swift, where it is compiled and run")
  func swiftBlocks() throws {
    let folder = CommandRunner.packageRoot.appendingPathComponent("Tests/CLITests")
    let examples = try ["ReadmeExamples.swift", "ReadmeExamples+Layers.swift"].map { name in
      Self.normalized(try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8))
    }.joined(separator: "\n")
    let blocks = try Self.blocks("swift")
    #expect(blocks.count >= 8)
    for block in blocks { #expect(examples.contains(Self.normalized(block)), "not compiled:\n\(block)") }
  }

  /// Options for the examples that a debug build would train for minutes.
  private static let shortTraining = [
    "forecast": " --steps 2 --hidden 4 --window 24", "textgen": " --steps 2 --layers 1 --features 16 --length 20",
  ]

  /// A command line as it runs beside the built products.
  private static func local(_ line: String) -> String {
    let line = line.replacing("swift run -c release ", with: "").replacing("swift run ", with: "")
    return line + (shortTraining[line.split(separator: " ").first.map(String.init) ?? ""] ?? "")
  }

  @Test("Every command prints what is shown below it", arguments: ["README.md", "Docs/TOOLS.md"])
  func transcripts(path: String) throws {
    let blocks = try Self.blocks("console", in: path)
    #expect(blocks.count >= 2)
    for block in blocks {
      let lines = block.split(separator: "\n", maxSplits: 1)
      let command = try #require(lines.first?.hasPrefix("$ ") == true ? lines[0].dropFirst(2) : nil)
      let result = try CommandRunner.shell(Self.local(String(command)))
      #expect((result.exitCode == 0) == result.errors.isEmpty)
      #expect(result.output + result.errors == (lines.count > 1 ? lines[1] + "\n" : ""), "\(command)")
    }
  }

  @Test(
    "Every command runs",
    arguments: ["README.md", "IRSamples/README.md", "Docs/ARCHITECTURE.md", "Docs/ADDING_AN_OP.md", "Docs/TOOLS.md"])
  func commands(path: String) throws {
    for block in try Self.blocks("sh", in: path) {
      for line in block.split(separator: "\n") {
        let command = String(line.prefix { $0 != "#" })
        // The build itself cannot run inside its own tests; .ci/run runs these.
        if command.hasPrefix("swift test") || command.hasPrefix("swift build") || command.hasPrefix(".ci/run") {
          continue
        }
        let result = try HelpTests.withCopyOfSamples { try CommandRunner.shell(Self.local(command), in: $0) }
        #expect(result.exitCode == 0, "\(command): \(result.errors)")
        #expect(result.errors.isEmpty, "\(command): \(result.errors)")
      }
    }
  }

  @Test(
    "Every link to a file leads somewhere",
    arguments: ["README.md", "IRSamples/README.md", "Docs/ARCHITECTURE.md", "Docs/ADDING_AN_OP.md", "Docs/TOOLS.md"])
  func links(path: String) throws {
    let file = CommandRunner.packageRoot.appendingPathComponent(path)
    for match in try String(contentsOf: file, encoding: .utf8).matches(of: #/\]\(([^)#:=\s]+)\)/#) {
      let target = file.deletingLastPathComponent().appendingPathComponent(String(match.1))
      #expect(FileManager.default.fileExists(atPath: target.path), "\(path): \(match.1)")
    }
  }
}
