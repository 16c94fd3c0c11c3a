// The digits example as a process.

import Foundation
import Testing

@Suite("digits")
struct DigitsTests {
  private func digits(_ arguments: String...) throws -> RunResult { try CommandRunner.run("digits", arguments) }

  /// The output without the speeds, which differ from run to run.
  private func numbers(_ result: RunResult) -> String {
    result.output.replacing(#/\d+ steps/s/#, with: "N steps/s")
  }

  @Test("Piped output is plain lines: epochs with loss and accuracy, then the result")
  func plainLines() throws {
    let result = try digits("--epochs", "1", "--seed", "3")
    #expect(result.exitCode == 0)
    #expect(result.errors.isEmpty)
    #expect(!result.output.contains("\r") && !result.output.contains("\u{1B}"))
    let epoch = #/epoch   1  loss \d+\.\d{4}  held-out accuracy \d+\.\d %  \d+ steps/s/#
    let last = #/held-out accuracy \d+\.\d\d % on 360 images after 1 epochs \(\d+ steps/s\)/#
    #expect(result.lines.count == 3)
    #expect(try epoch.wholeMatch(in: result.lines[0]) != nil)
    #expect(try last.wholeMatch(in: result.lines[1]) != nil)
  }

  @Test("The same seed gives the same numbers for any number of threads; another seed gives others")
  func deterministic() throws {
    let one = try numbers(digits("--epochs", "2", "--seed", "11", "--threads", "1"))
    for threads in ["1", "2", "5"] {
      #expect(try numbers(digits("--epochs", "2", "--seed", "11", "--threads", threads)) == one)
    }
    #expect(try numbers(digits("--epochs", "2", "--seed", "12", "--threads", "1")) != one)
  }

  @Test("--dump writes the training step at every stage, and blox-ir accepts it")
  func dump() throws {
    try CommandRunner.withTemporaryFolder { folder in
      let result = try CommandRunner.run("digits", ["--epochs", "0", "--dump", "stages"], in: folder)
      #expect(result.exitCode == 0)
      let names = ["traced", "grad", "simplified", "fused", "planned"]
      #expect(result.lines.prefix(5) == names.map { "wrote stages/train_step.\($0).bir" }[...])
      let checked = try CommandRunner.run("blox-ir", ["check", "stages"], in: folder)
      #expect(checked.exitCode == 0)
      #expect(checked.output.hasSuffix("0 failed, 5 ok\n"))
    }
  }

  @Test("Bad options: exit code 2 and what is wrong")
  func usage() throws {
    for (arguments, message) in [
      (["--epoch", "1"], "there is no option --epoch; did you mean --epochs?; see digits --help"),
      (["now"], "there is no option now; see digits --help"),
      (["--epochs"], "--epochs needs a number"),
      (["--epochs", "many"], "--epochs needs a whole number from 0 to 100000, not 'many'"),
      (["--epochs", "-1"], "--epochs needs a whole number from 0 to 100000, not '-1'"),
      (["--threads", "0"], "--threads needs a whole number from 1 to 255, not '0'"),
      (["--batch", "2000"], "--batch needs a whole number from 1 to 1024, not '2000'"),
      (["--hidden", "1.5"], "--hidden needs a whole number from 1 to 65536, not '1.5'"),
      (["--seed", "99999999999999999999"], "--seed needs a whole number, not '99999999999999999999'"),
      (["--dump"], "--dump needs a directory"),
      (["--dump", "--epochs"], "--dump needs a directory"),
    ] {
      let result = try CommandRunner.run("digits", arguments)
      #expect(result.exitCode == 2)
      #expect(result.output.isEmpty)
      #expect(result.errors == "digits: \(message)\n")
    }
  }

  @Test("A folder that cannot be made: exit code 4")
  func unwritableFolder() throws {
    let result = try digits("--epochs", "0", "--dump", "/dev/null/stages")
    #expect(result.exitCode == 4)
    #expect(result.errors == "digits: cannot make the directory /dev/null/stages: Not a directory\n")
  }

  @Test("--help documents every option, with three examples")
  func help() throws {
    let result = try digits("--help")
    #expect(result.exitCode == 0)
    for option in ["--epochs", "--seed", "--threads", "--batch", "--hidden", "--dump", "--help"] {
      #expect(result.output.contains("\n  \(option) "))
    }
    #expect(HelpTests.examples(result.output).count == 3)
  }

  @Test(
    "The progress bar is drawn on a terminal", .enabled(if: FileManager.default.fileExists(atPath: "/usr/bin/script")))
  func progressBar() throws {
    let result = try CommandRunner.shell("script -qec 'digits --epochs 1' /dev/null")
    #expect(result.exitCode == 0)
    #expect(result.output.contains("\r\u{1B}[2K"))
    #expect(result.output.contains("held-out accuracy "))
  }
}
