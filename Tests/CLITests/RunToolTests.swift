// blox-ir run, opt and check with directives, and blox-fuzz, as processes.

import BloxIR
import BloxNN
import Foundation
import Gallery
import Testing

@Suite("blox-ir run, opt and check; blox-fuzz")
struct RunToolTests {
  private static let double = """
    // blox-ir 1
    program @f(%0: f32[3] {arg="x"}, %1: f32[] {arg="k"}) -> (f32[3] {arg="y"}, f32[] {arg="z"}) {
      %2: f32[3] = broadcast_in_dim %1 {dims=[]}
      %3: f32[3] = log %0  // net/a  Model.swift:3
      %4: f32[3] = mul %0, %2
      %5: f32[3] = add %3, %4
      return %5, %1
    }

    """

  /// Runs the tool in a folder that holds `f.bir`.
  private func inFolder(_ body: (URL, (String) throws -> RunResult) throws -> Void) throws {
    try CommandRunner.withTemporaryFolder { folder in
      try Self.double.write(to: folder.appendingPathComponent("f.bir"), atomically: true, encoding: .utf8)
      try body(folder) { line in
        let arguments = line.split(separator: " ").map(String.init)
        return try CommandRunner.run(arguments[0], Array(arguments.dropFirst()), in: folder)
      }
    }
  }

  @Test("run prints results with their types, writes them to files, and reads them back")
  func results() throws {
    try inFolder { folder, tool in
      let printed = try tool("blox-ir run f.bir --input 1 --input k=2")
      #expect(printed.output == "y: f32[3] = [2. 2. 2.]\nz: f32[] = 2.\n")
      #expect(printed.exitCode == 0 && printed.errors.isEmpty)
      let one = try tool("blox-ir run f.bir --input 1 --input k=2 -o y=y.npy")
      #expect(one.output == "z: f32[] = 2.\n")
      #expect(
        try tool("blox-ir run f.bir --input 1 --input 2 --output all.safetensors --output z=@z.npy").output.isEmpty)
      #expect(try TensorFile.load(folder.path + "/all.safetensors").map(\.name) == ["y", "z"])
      let back = try tool(
        "blox-ir run f.bir --input 1 --input @z.npy --expect y=@all.safetensors:y --expect z=@z.npy --expect-not")
      #expect(back.exitCode == 2)
      let same = try tool(
        "blox-ir run f.bir --input x=1 --input @z.npy --expect y=@y.npy --expect z=@all.safetensors:z --quiet")
      #expect(same.exitCode == 0 && same.output.isEmpty && same.errors.isEmpty)
      #expect(try tool("blox-ir run f.bir --input 1 --input 2 -o out.npy").exitCode == 2)
    }
  }

  @Test("run compares: with what is expected, and the engines with each other")
  func comparisons() throws {
    try inFolder { _, tool in
      let wrong = try tool("blox-ir run f.bir --input 1 --input 2 --expect 2,2,2.5")
      #expect(wrong.exitCode == 1)
      #expect(wrong.errors.hasPrefix("blox-ir: y: f32[3] is not what was expected\n  [2]  got 2.0  want 2.5"))
      #expect(try tool("blox-ir run f.bir --input 1 --input 2 --expect 2,2,2.5 --rtol 0.3").exitCode == 0)
      #expect(try tool("blox-ir run f.bir --input 1 --input 2 --expect 2,2,2.0000002 --ulp 1").exitCode == 0)
      let both = try tool("blox-ir run f.bir --input random:0.5..2 --seed 9 --engine both --each-op --threads 2")
      #expect(both.exitCode == 0, "\(both.errors)")
      #expect(try both.output == tool("blox-ir run f.bir --input random:0.5..2 --seed 9 --threads 1").output)
      #expect(try both.output != tool("blox-ir run f.bir --input random:0.5..2 --seed 8").output)
      #expect(
        try tool("blox-ir run f.bir --input 1 --engine interp").output == "y: f32[3] = [1. 1. 1.]\nz: f32[] = 1.\n")
    }
  }

  @Test("--check-nan names the instruction, its module, its line and its operands: exit code 4")
  func checkNaN() throws {
    try inFolder { _, tool in
      let result = try tool("blox-ir run f.bir --input x=1,-2,3 --input 1 --check-nan")
      #expect(result.exitCode == 4)
      #expect(
        result.errors == """
          blox-ir: non-finite: %3: f32[3] = log %0: f32[3]   element [1] = nan   from -2.0
            in (net/a, Model.swift:3)
            %0: f32[3]   min -2.0   max 3.0

          """)
      #expect(try tool("blox-ir run f.bir --input x=1,2,3 --input 1 --check-nan").exitCode == 0)
    }
  }

  @Test("opt prints the program to standard output and reports to standard error")
  func opt() throws {
    try inFolder { folder, tool in
      let quiet = try tool("blox-ir opt f.bir --pass vjp,dce,fuse")
      let loud = try tool("blox-ir opt f.bir --pass vjp,dce --pass fuse --print-changed --timing --stats")
      #expect(quiet.exitCode == 0 && quiet.errors.isEmpty)
      #expect(loud.output == quiet.output)
      #expect(loud.errors.contains("// after vjp: 4 -> ") && loud.errors.contains("// dce: no change"))
      #expect(
        loud.errors.contains("ops before -> after") && loud.errors.contains("op ") && loud.errors.contains("total"))
      #expect(
        try tool("blox-ir opt f.bir --pipeline default").output == tool("blox-ir dump f.bir --stage planned").output)

      let failing = try tool("blox-ir opt f.bir --pass cse,grad,dce -o repro.bir")
      #expect(failing.exitCode == 4)
      #expect(
        failing.errors.contains("blox-ir: the pass grad failed: gradient only defined for scalar-output functions"))
      let again = try tool("blox-ir opt --repro repro.bir")
      #expect(again.exitCode == 4)
      #expect(again.errors == failing.errors.split(separator: "\n", maxSplits: 1)[1])
      #expect(try tool("blox-ir opt f.bir --pass grad").exitCode == 4)
      #expect(try tool("blox-ir opt f.bir --pass vmap").exitCode == 2)

      let broken = Self.double.replacing("arg=\"k\"", with: "arg=\"x\"")
      try broken.write(to: folder.appendingPathComponent("broken.bir"), atomically: true, encoding: .utf8)
      #expect(try tool("blox-ir opt broken.bir --pass cse").exitCode == 3)
      #expect(try tool("blox-ir opt broken.bir --pass cse --no-verify").exitCode == 0)
    }
  }

  @Test("opt with vjp, then run, gives the numbers of the library call, bit for bit")
  func optThenRun() throws {
    try inFolder { folder, tool in
      let (x, w) = (try Key(1).normal([5, 3]), try Key(2).normal([3, 4]))
      let loss = { (x: Tensor, w: Tensor) in try tanh(x.matmul(w)).sum() }
      let traced = try makeProgram(name: "loss", arguments: ["x", "w"], loss, x, w)
      try traced.text().write(to: folder.appendingPathComponent("loss.bir"), atomically: true, encoding: .utf8)
      try TensorFile.save([("x", x), ("w", w)], to: folder.path + "/in.safetensors")
      #expect(try tool("blox-ir opt loss.bir --pass vjp:wrt=x,dce,fuse -o vjp.bir").exitCode == 0)
      let result = try tool(
        "blox-ir run vjp.bir --input @in.safetensors:x --input @in.safetensors:w --input 1 -o out.safetensors")
      #expect(result.exitCode == 0, "\(result.errors)")
      let outputs = try TensorFile.load(folder.path + "/out.safetensors")
      let (value, gradient) = try jit { (x: Tensor, w: Tensor) in try valueAndGrad(loss)(x, w) }(x, w)
      #expect(try outputs.map { try $0.tensor.constant() } == [value.constant(), gradient.constant()])
    }
  }

  @Test("check runs the directives of files, and --bless writes what opt prints")
  func directives() throws {
    try inFolder { folder, tool in
      let path = folder.appendingPathComponent("f.bir")
      let text = Self.double.replacing(
        "// blox-ir 1\n", with: "// blox-ir 1\n// test: run 1 k=2 == 2 2 rtol<=1e-6\n// test: opt simplify,fuse\n")
      try text.write(to: path, atomically: true, encoding: .utf8)
      let missing = try tool("blox-ir check f.bir")
      #expect(missing.exitCode == 1)
      #expect(missing.output == "f.bir  FAIL\n")
      #expect(missing.errors.hasPrefix("f.bir: line 3: opt simplify,fuse\n  there is no '// ----'"))
      #expect(try tool("blox-ir check f.bir --bless").output == "f.bir  rewritten\n")
      #expect(try tool("blox-ir check f.bir").output == "f.bir  5 checks   ok\n")
      // What the directive expects is no part of the program.
      #expect(try tool("blox-ir run f.bir --input 1").exitCode == 0)
      #expect(try tool("blox-ir opt f.bir --pass cse").exitCode == 0)
      #expect(try tool("blox-ir dump f.bir").exitCode == 0)
    }
  }

  @Test("Wrong usage of run and opt: exit code 2")
  func usage() throws {
    try inFolder { _, tool in
      for (line, message) in [
        ("run", "run takes one program, such as f.bir or @mlp; got 0 (blox-ir run --help)"),
        ("run f.bir", "@f needs a value for x: f32[3], k: f32[]; give --input once for each, or 'random' for all"),
        ("run f.bir --input 2xf32=1 --input 1", "x: '2xf32=1' is of type f32[2]; f32[3] is needed"),
        ("run f.bir --input 1 --engine fast", "there is no engine named 'fast'; engines: compiled, interp, both"),
        ("run f.bir --input 1 --each-op", "--each-op compares engines: add --engine both"),
        ("run f.bir --input 1 --rtol -1", "--rtol needs a number from 0, not '-1'"),
        (
          "run f.bir --input 1 -o nosuch=y.npy",
          "-o nosuch=y.npy: @f has no result 'nosuch', but y, z; a file of this name is ./nosuch=y.npy"
        ),
        ("run f.bir --input 1 --threads 5000", "--threads needs a whole number from 1 to 255, not '5000'"),
        (
          "run f.bir --input 1 --batch 3", "--stage, --set and --batch apply to gallery programs, not to the file f.bir"
        ),
        ("run f.bir --inptu 1", "blox-ir run has no option --inptu; did you mean --input?; see blox-ir run --help"),
        ("opt f.bir", "opt needs --pass NAME,NAME or --pipeline default; see blox-ir opt --list-passes"),
        ("opt f.bir --pass dec", "there is no pass named 'dec'; did you mean dce?; passes: "),
        ("opt f.bir --pipeline fast", "there is no pipeline named 'fast'; there is default, which is inline,simplify,"),
        ("opt --repro f.bir", "f.bir has no comment such as '// opt: dce,fuse' after its header"),
      ] {
        let result = try tool("blox-ir " + line)
        #expect(result.exitCode == 2)
        #expect(result.output.isEmpty)
        #expect(result.errors.hasPrefix("blox-ir: \(message)"), "\(result.errors)")
      }
    }
  }

  @Test("blox-fuzz counts programs, repeats cases, and knows its options")
  func fuzz() throws {
    let run = try CommandRunner.run("blox-fuzz", ["--seconds", "60", "--seed", "3", "--first", "10", "--cases", "20"])
    #expect(run.exitCode == 0)
    #expect(run.output.hasPrefix("20 programs in "))
    #expect(run.output.hasSuffix(" programs/s, no mismatch (seed 3, cases 10..<30)\n"))
    #expect(run.errors.isEmpty)
    let help = try CommandRunner.run("blox-fuzz", ["--help"])
    #expect(help.exitCode == 0)
    let examples = HelpTests.examples(help.output)
    #expect(examples.count >= 2)
    for line in examples {
      let result = try CommandRunner.shell(line)
      #expect(result.exitCode == 0 && result.output.contains("no mismatch"), "\(line): \(result.errors)")
    }
    for (arguments, message) in [
      (["--second", "1"], "there is no option --second; see blox-fuzz --help"),
      (["--seed"], "--seed needs a value"), (["--seed", "-1"], "--seed needs a number from 0, not '-1'"),
    ] {
      let result = try CommandRunner.run("blox-fuzz", arguments)
      #expect(result.exitCode == 2)
      #expect(result.errors == "blox-fuzz: \(message)\n")
    }
  }
}
