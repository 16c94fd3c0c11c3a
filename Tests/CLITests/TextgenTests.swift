// The textgen example as a process.

import BloxNN
import Foundation
import Testing

@Suite("textgen")
struct TextgenTests {
  /// A model that a debug build trains in no time.
  private static let small = [
    "--layers", "1", "--features", "16", "--heads", "2", "--context", "12", "--batch", "4",
  ]

  private func textgen(_ arguments: String..., small: Bool = true, in folder: URL? = nil) throws -> RunResult {
    try CommandRunner.run("textgen", (small ? Self.small : []) + arguments, in: folder)
  }

  /// The output without times and speeds, which differ from run to run.
  private func numbers(_ result: RunResult) -> String {
    result.output.replacing(#/\d+ (ms|characters\/s)/#, with: "N")
  }

  @Test("Piped output is plain lines: the text, the step's compilation, losses, what was written")
  func plainLines() throws {
    let result = try textgen("--steps", "101", "--length", "40", "--prompt", "Love ")
    #expect(result.exitCode == 0)
    #expect(result.errors.isEmpty)
    #expect(!result.output.contains("\r") && !result.output.contains("\u{1B}"))
    let text = try #require(result.output.split(separator: "\n\n", maxSplits: 1).first)
    let lines = text.split(separator: "\n").map(String.init)
    try #require(lines.count == 4)
    #expect(try #/the built-in text: \d+ characters, \d+ different; \d+ parameters/#.wholeMatch(in: lines[0]) != nil)
    let compiled = #/training step: traced in \d+ ms, compiled in \d+ ms; [\d.]+ .?i?B of arguments, .* values/#
    #expect(try compiled.wholeMatch(in: lines[1]) != nil)
    let step = #/step 100  loss \d\.\d{3}  held-out loss \d\.\d{3}  \d+ characters/s/#
    #expect(try step.wholeMatch(in: lines[2]) != nil)
    let end = #/held-out loss \d\.\d{3} per character after 101 steps \(\d+ characters/s\)/#
    #expect(try end.wholeMatch(in: lines[3]) != nil)
    let written = result.output.dropFirst(text.count + 2)
    #expect(written.hasPrefix("Love "))
    #expect(written.contains("\n\n40 characters written ("))
    #expect(written.prefix { $0 != "(" }.count == "Love ".count + 40 + "\n\n40 characters written ".count)
  }

  @Test("The same seed gives the same text for any number of threads; another seed gives another")
  func deterministic() throws {
    func run(seed: String, threads: String) throws -> String {
      let result = try textgen("--steps", "3", "--length", "60", "--seed", seed, "--threads", threads)
      #expect(result.exitCode == 0)
      return numbers(result)
    }
    let one = try run(seed: "5", threads: "1")
    for threads in ["1", "2", "5"] { #expect(try run(seed: "5", threads: threads) == one) }
    #expect(try run(seed: "6", threads: "1") != one)
  }

  @Test("A model learns a text that repeats, and goes on with it beyond the length of its window")
  func learns() throws {
    try CommandRunner.withTemporaryFolder { folder in
      let line = "the cat sat. "
      try String(repeating: line, count: 120).write(
        to: folder.appendingPathComponent("cat.txt"), atomically: true, encoding: .utf8)
      let result = try textgen(
        "--text", "cat.txt", "--steps", "150", "--dropout", "0", "--rate", "0.01", "--prompt", "the c", "--temperature",
        "0", "--length", "60", in: folder)
      #expect(result.exitCode == 0)
      #expect(result.output.contains("\n\n" + String(repeating: line, count: 5) + "\n\n"), "\(result.output)")
    }
  }

  @Test("A saved model writes the same, is trained further, and can be read as a checkpoint")
  func saving() throws {
    try CommandRunner.withTemporaryFolder { folder in
      let writing = ["--length", "50", "--prompt", "The "]
      let trained = try CommandRunner.run(
        "textgen", Self.small + ["--steps", "4", "--save", "poet.safetensors"] + writing, in: folder)
      #expect(trained.exitCode == 0)
      #expect(trained.lines.contains("saved poet.safetensors"))
      let loaded = try CommandRunner.run("textgen", ["--load", "poet.safetensors"] + writing, in: folder)
      #expect(loaded.exitCode == 0)
      #expect(loaded.output.hasPrefix("\nThe "))
      func text(_ output: String) -> Substring { output.drop { $0 != "T" }.prefix { $0 != "(" } }
      let end = try #require(trained.output.range(of: "saved poet.safetensors"))
      #expect(text(String(trained.output[end.upperBound...])) == text(loaded.output))

      let further = try textgen(
        "--load", "poet.safetensors", "--steps", "6", "--save", "poet.safetensors", "--length", "0", small: false,
        in: folder)
      #expect(further.exitCode == 0)
      #expect(further.output.contains("per character after 6 steps"))
      let path = folder.appendingPathComponent("poet.safetensors").path
      #expect(try TensorFile.metadata(path)["steps"] == "6")
      let names = try TensorFile.load(path).map(\.name)
      #expect(names.contains("params/text/model/block0/attention/query/kernel"), "\(names)")
    }
  }

  @Test("Bad options: exit code 2 and what is wrong")
  func usage() throws {
    for (arguments, message) in [
      (["--step", "1"], "there is no option --step; did you mean --steps?; see textgen --help"),
      (["--steps"], "--steps needs a number"),
      (["--length", "-1"], "--length needs a whole number from 0 to 10000000, not '-1'"),
      (["--temperature", "hot"], "--temperature needs a number from 0.0 to 100.0, not 'hot'"),
      (["--temperature", "nan"], "--temperature needs a number from 0.0 to 100.0, not 'nan'"),
      (["--text", "--save"], "--text needs a file"),
      (["--prompt", ""], "--prompt needs one character or more"),
      (["--features", "20"], "--features must be a multiple of twice --heads: 20 is none of 8"),
      (["--load", "a.safetensors", "--layers", "2"], "--layers cannot be given with --load: the file decides it"),
    ] {
      let result = try CommandRunner.run("textgen", arguments)
      #expect(result.exitCode == 2)
      #expect(result.output.isEmpty)
      #expect(result.errors == "textgen: \(message)\n")
    }
  }

  @Test("Files that are missing or hold something else: exit code 4 and what is wrong")
  func files() throws {
    try CommandRunner.withTemporaryFolder { folder in
      try "short".write(to: folder.appendingPathComponent("short.txt"), atomically: true, encoding: .utf8)
      try Data([0xFF, 0xFE]).write(to: folder.appendingPathComponent("bytes.txt"))
      try TensorFile.save([("a", Tensor([1]))], to: folder.appendingPathComponent("a.safetensors").path)
      for (arguments, message) in [
        (["--text", "none.txt"], "cannot read none.txt: No such file or directory"),
        (["--text", "bytes.txt"], "bytes.txt is not a text file in UTF-8"),
        (
          ["--text", "short.txt"],
          "short.txt has 5 characters; a context of 128 needs at least 1290, of which the last tenth is held out"
        ),
        (["--load", "none.safetensors"], "cannot read none.safetensors: No such file or directory"),
        (
          ["--load", "a.safetensors"],
          "a.safetensors is no model that textgen saved: its metadata does not list its characters"
        ),
        (["--prompt", "λ"], "--prompt has the character 'λ', which the model has not seen in training"),
      ] {
        let result = try CommandRunner.run("textgen", arguments, in: folder)
        #expect(result.exitCode == 4)
        #expect(result.output.isEmpty || message.hasPrefix("short"))
        #expect(result.errors == "textgen: \(message)\n")
      }
    }
  }

  @Test("--help documents every option, with three examples")
  func help() throws {
    let result = try CommandRunner.run("textgen", ["--help"])
    #expect(result.exitCode == 0)
    #expect(result.lines.allSatisfy { $0.count <= 120 })
    #expect(HelpTests.examples(result.output).count == 3)
  }
}
