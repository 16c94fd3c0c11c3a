// blox-ir as a process: what it prints where, and its exit codes.

import BloxIR
import Foundation
import Gallery
import Testing

@Suite("blox-ir")
struct BloxIRToolTests {
  private func tool(_ arguments: String..., input: String = "") throws -> RunResult {
    try CommandRunner.run("blox-ir", arguments, input: input)
  }

  @Test(
    "dump prints what the library gives, and check takes it back from standard input",
    arguments: GalleryEntry.all.map(\.name))
  func dumpAndCheck(name: String) throws {
    for stage in Stage.allCases {
      let dumped = try tool("dump", "@" + name, "--stage", stage.rawValue)
      #expect(dumped.exitCode == 0)
      #expect(dumped.errors.isEmpty)
      #expect(try dumped.output == GalleryEntry.named(name).program(at: stage).text())
      let checked = try tool("check", "-", input: dumped.output)
      #expect(checked.output == "<stdin>  3 checks   ok\n")
      #expect(checked.exitCode == 0)
    }
  }

  @Test("dump reads a file or standard input, and takes it to a stage")
  func dumpOfFiles() throws {
    let traced = try tool("dump", "@linear").output
    let fused = try tool("dump", "@linear", "--stage", "fused").output
    #expect(try tool("dump", "-", "--stage", "fused", input: traced).output == fused)
    #expect(try tool("dump", "--stage", "fused", "IRSamples/linear.traced.bir").output == fused)
  }

  @Test("Sizes can be set, --batch is one of them, and --summary counts")
  func sizes() throws {
    let result = try tool("dump", "@linear", "--batch", "7", "--set", "output=5")
    #expect(result.output.contains("-> (f32[7,5] {arg=\"out\"})") || result.output.contains("f32[7,5] {arg=\"out\"}"))
    let summary = try tool("dump", "@linear", "--stage", "planned", "--summary")
    #expect(
      summary.output.hasPrefix(
        "program @linear   ops 1   params 2 (16 elements, 64 B)   consts 0\n  fusion                1\n"
          + "  dot_general           1   48 FLOP\n"))
    #expect(summary.output.hasSuffix("  arena 0 B  results 32 B  aliased 0 B  peak 32 B\n"))
  }

  @Test("--locations adds source lines to the comments")
  func locations() throws {
    let result = try tool("dump", "@mlp", "--locations")
    #expect(result.output.contains("// net/mlp/hidden  Linear.swift:") || result.output.contains("Linear.swift:"))
    #expect(try !tool("dump", "@mlp").output.contains("Linear.swift:"))
  }

  @Test("-o and --all-stages write files")
  func writesFiles() throws {
    try CommandRunner.withTemporaryFolder { folder in
      let path = folder.appendingPathComponent("linear.bir").path
      let written = try tool("dump", "@linear", "-o", path)
      #expect(written.exitCode == 0 && written.output.isEmpty)
      #expect(try String(contentsOfFile: path, encoding: .utf8) == tool("dump", "@linear").output)

      let stages = folder.appendingPathComponent("stages").path
      let all = try CommandRunner.run(
        "blox-ir", ["dump", "-", "--all-stages", stages], input: try tool("dump", "@mlp").output)
      #expect(all.output == Stage.allCases.map { "\(stages)/stdin.\($0.rawValue).bir\n" }.joined())
      #expect(try tool("check", stages).output.hasSuffix("0 failed, 7 ok\n"))
      // A device is written to, not replaced.
      #expect(try tool("dump", "@linear", "-o", "/dev/null").exitCode == 0)
      let type = try FileManager.default.attributesOfItem(atPath: "/dev/null")[.type] as? FileAttributeType
      #expect(type == .typeCharacterSpecial)
    }
  }

  @Test("Wrong usage: exit code 2, and what was probably meant")
  func usage() throws {
    for (arguments, message) in [
      (
        ["dmp"],
        "there is no command 'dmp'; did you mean dump?; commands: dump, opt, run, check, diff, explain, bench, profile, gallery"
          + " (blox-ir --help)"
      ),
      (
        ["frobnicate"],
        "there is no command 'frobnicate'; commands: dump, opt, run, check, diff, explain, bench, profile, gallery (blox-ir --help)"
      ),
      (["dump"], "dump takes one program, such as @mlp; got 0 (blox-ir dump --help)"),
      (["dump", "@mlp", "@linear"], "dump takes one program, such as @mlp; got 2 (blox-ir dump --help)"),
      (
        ["dump", "@mlp", "--stag", "grad"],
        "blox-ir dump has no option --stag; did you mean --stage?; see blox-ir dump --help"
      ),
      (["dump", "@mlp", "--frobnicate"], "blox-ir dump has no option --frobnicate; see blox-ir dump --help"),
      (["dump", "@mlp", "--stage"], "--stage needs a value; see blox-ir dump --help"),
      (["dump", "@mlp", "--stage", "--summary"], "--stage needs a value; see blox-ir dump --help"),
      (
        ["dump", "@mlp", "--stage", "fuse"],
        "there is no stage named 'fuse'; did you mean fused?; stages: traced, jvp, transposed, grad, simplified, fused,"
          + " planned"
      ),
      (
        ["dump", "@mlq"],
        "there is no gallery program named @mlq; did you mean @mlp?; there are @linear, @mlp, @mlp.grad, @train_step,"
          + " @dropout.vmap, @rnn, @lstm, @textgen, @textgen.decode, @forecast, @convnet"
      ),
      (["dump", "@mlp", "--batch", "0"], "--batch needs a whole number above 0, not '0'"),
      (["dump", "@mlp", "--set", "hidden"], "a setting has the form NAME=NUMBER, such as hidden=8; got 'hidden'"),
      (["dump", "@mlp", "--set", "depth=2"], "@mlp has no setting named depth; it has batch, hidden"),
      (
        ["dump", "IRSamples/mlp.traced.bir", "--batch", "3"],
        "--set applies to gallery programs, not to the file IRSamples/mlp.traced.bir"
      ),
      (
        ["dump", "@mlp", "--all-stages", "x", "--stage", "grad"],
        "--all-stages writes files of its own: leave out --stage, --summary and -o"
      ),
      (["check"], "check takes files, folders or -; see blox-ir check --help"),
      (["check", "-", "--bless"], "--bless rewrites files, and standard input is none; name the file"),
      (["check", "Scripts"], "there are no .bir files below Scripts"),
      (["gallery", "x"], "gallery takes no arguments"),
      (
        ["help", "dmp"],
        "there is no command 'dmp'; did you mean dump?; commands: dump, opt, run, check, diff, explain, bench, profile, gallery"
          + " (blox-ir --help)"
      ),
    ] {
      let result = try CommandRunner.run("blox-ir", arguments)
      #expect(result.exitCode == 2)
      #expect(result.output.isEmpty)
      #expect(result.errors == "blox-ir: \(message)\n")
    }
  }

  @Test("Input that is no program: exit code 3, with the place")
  func invalidInput() throws {
    try CommandRunner.withTemporaryFolder { folder in
      let whole = try Data(contentsOf: CommandRunner.packageRoot.appendingPathComponent("IRSamples/linear.fused.bir"))
      let path = folder.appendingPathComponent("bad.bir").path
      for (bytes, message) in [
        (whole.prefix(300), ": got the end of the file, expected "),
        (Data((0..<300).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 128) }), "bad.bir is not a text file in UTF-8"),
        (Data(count: 4096), "bad.bir:1:1: "),
        (Data(), "bad.bir:1:1: got the end of the file, expected the header '// blox-ir 1' on the first line"),
        (Data("// blox-ir 99\n".utf8), "bad.bir:1:1: "),
        (Data(repeating: UInt8(ascii: "("), count: 1 << 20), "bad.bir:1:1: "),
        (Data("// blox-ir 1\nprogram @f(%0: f32[2]) -> (f32[3]) {\n  return %0\n}\n".utf8), "bad.bir:3:"),
      ] {
        try bytes.write(to: URL(fileURLWithPath: path))
        let checked = try tool("check", path)
        #expect(checked.exitCode == 3)
        #expect(checked.output == "\(path)  FAIL\n")
        #expect(checked.errors.contains(message), "\(checked.errors)")
        let dumped = try tool("dump", path, "--stage", "planned")
        #expect(dumped.exitCode == 3)
        #expect(dumped.output.isEmpty)
        #expect(dumped.errors.hasPrefix("blox-ir: ") && dumped.errors.contains(message))
      }
    }
  }

  @Test("A golden file that is out of date: exit code 1, and --bless brings it up to date")
  func staleGolden() throws {
    try HelpTests.withCopyOfSamples { folder in
      let path = folder.appendingPathComponent("IRSamples/linear.traced.bir")
      let text = try String(contentsOf: path, encoding: .utf8)
      try text.replacing("demo/linear", with: "demo/dense").write(to: path, atomically: true, encoding: .utf8)
      let stale = try CommandRunner.run("blox-ir", ["check", "IRSamples"], in: folder)
      #expect(stale.exitCode == 1)
      #expect(stale.lines.filter { $0.hasSuffix("  FAIL") }.map { $0.prefix(27) } == ["IRSamples/linear.traced.bir"])
      #expect(stale.lines.dropLast().last?.hasPrefix("1 failed, ") == true)
      #expect(stale.errors.hasPrefix("IRSamples/linear.traced.bir: line 4 is not what the compiler makes now; "))
      let blessed = try CommandRunner.run("blox-ir", ["check", "IRSamples/", "--bless"], in: folder)
      #expect(blessed.exitCode == 0)
      #expect(blessed.lines.filter { $0.hasSuffix("rewritten") }.count == 1)
      #expect(try String(contentsOf: path, encoding: .utf8) == text)
    }
  }

  @Test("What cannot be read or written: exit code 4, with the reason")
  func files() throws {
    for (arguments, message) in [
      (["dump", "missing.bir"], "blox-ir: cannot read missing.bir: No such file or directory\n"),
      (["dump", "IRSamples"], "blox-ir: cannot read IRSamples: Is a directory\n"),
      (["check", "missing.bir"], "cannot read missing.bir: No such file or directory\n"),
      (["dump", "@mlp", "-o", "missing/x.bir"], "blox-ir: cannot write missing/x.bir: No such file or directory\n"),
      (
        ["dump", "@mlp", "--all-stages", "missing/x"],
        "blox-ir: cannot make the directory missing/x: No such file or directory\n"
      ),
    ] {
      let result = try CommandRunner.run("blox-ir", arguments)
      #expect(result.exitCode == 4)
      #expect(result.errors == message)
    }
    #if os(Linux)
      let full = try CommandRunner.shell("blox-ir dump @mlp > /dev/full")
      #expect(full.exitCode == 4)
      #expect(full.errors == "blox-ir: cannot write standard output: No space left on device\n")
    #endif
  }

  @Test("A reader that closes the pipe early is no error")
  func closedPipe() throws {
    let result = try CommandRunner.shell("{ sleep 0.2; blox-ir dump @train_step; echo $? >&2; } | true")
    #expect(result.errors == "0\n")
    let head = try CommandRunner.shell("blox-ir dump @train_step | head -1")
    #expect(head.output == "// blox-ir 1\n")
    #expect(head.errors.isEmpty)
  }

  @Test("The gallery lists every program with its settings")
  func gallery() throws {
    let result = try tool("gallery")
    for entry in GalleryEntry.all {
      #expect(result.lines.contains { $0.hasPrefix("@\(entry.name) ") && $0.hasSuffix(entry.summary) })
    }
    #expect(result.lines.contains("                 --set lanes=4   lanes of the vmap"))
  }
}
