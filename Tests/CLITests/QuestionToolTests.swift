// blox-ir diff, explain, bench and run --probe, as processes: their text and their exit codes.

import Foundation
import Testing

@Suite("blox-ir diff, explain, bench and probes")
struct QuestionToolTests {
  private static let old = """
    // blox-ir 1
    program @f(%0: f32[2,3] {arg="x", donated}, %1: f32[3] {arg="b"}) -> (f32[2,3] {arg="y"}) {
      %2: f32[2,3] = broadcast_in_dim %1 {dims=[1]}
      %3: f32[2,3] = mul %0, 2.0
      %4: f32[2,3] = add %3, %2
      %5: f32[2,3] = tanh %4
      return %5
    }

    """

  private func inFolder(_ body: (URL, (String) throws -> RunResult) throws -> Void) throws {
    try CommandRunner.withTemporaryFolder { folder in
      func write(_ text: String, _ name: String) throws {
        try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
      }
      try write(Self.old, "old.bir")
      // Other names and another order of definition: no difference.
      try write(
        Self.old.replacing("@f", with: "@g").replacing("%4", with: "%9").replacing("%5", with: "%4"), "named.bir")
      try write(Self.old.replacing("2.0", with: "3.0"), "literal.bir")
      try write(Self.old.replacing("arg=\"b\"", with: "arg=\"bias\""), "signature.bir")
      // One instruction more, which all that follow depend on.
      try write(
        Self.old.replacing(
          "  %4: f32[2,3] = add %3, %2\n", with: "  %6: f32[2,3] = exp %3\n  %4: f32[2,3] = add %6, %2\n"),
        "more.bir")
      try body(folder) { line in
        let arguments = line.split(separator: " ").map(String.init)
        return try CommandRunner.run(arguments[0], Array(arguments.dropFirst()), in: folder)
      }
    }
  }

  @Test("diff sees through names, and shows what differs: exit code 1")
  func diff() throws {
    try inFolder { _, tool in
      let same = try tool("blox-ir diff old.bir named.bir")
      #expect(same.exitCode == 0, "\(same.errors)")
      #expect(
        same.output == """
          same inputs and outputs
          no operation differs
          cost compiled: FLOP 0   bytes moved 0   peak 0

          """)
      let more = try tool("blox-ir diff old.bir more.bir")
      #expect(more.exitCode == 1 && more.errors.isEmpty)
      #expect(
        more.output == """
          same inputs and outputs
          2 operations differ
            + %4: f32[2,3] = exp %3
            - %4: f32[2,3] = add %3, %2
            + %5: f32[2,3] = add %4, %2
          cost compiled: FLOP 0   bytes moved 0   peak 0

          """)
      let literal = try tool("blox-ir diff old.bir literal.bir")
      #expect(literal.exitCode == 1 && literal.output.contains("1 operation differs\n  - %3: f32[2,3] = mul %0, 2.0\n"))
      #expect(try tool("blox-ir diff old.bir literal.bir --structure").exitCode == 0)
      let signature = try tool("blox-ir diff old.bir signature.bir --types")
      #expect(signature.exitCode == 1)
      #expect(
        signature.output
          == "inputs or outputs differ\n  - input 1: f32[3] b\n  + input 1: f32[3] bias\n")
      #expect(try tool("blox-ir diff old.bir more.bir --types").output == "same inputs and outputs\n")
      let stages = try tool("blox-ir diff @mlp @mlp --stage traced,grad --cost")
      #expect(stages.exitCode == 1 && stages.output.hasPrefix("cost compiled: FLOP +"))
      #expect(try tool("blox-ir diff @mlp @mlp --stage grad").exitCode == 0)
      for (line, wanted) in [
        ("blox-ir diff old.bir", "diff takes 2 programs; got 1"),
        ("blox-ir diff old.bir more.bir --cost --types", "choose one"),
        ("blox-ir diff @mlp @mlp --stage traced,grad,fused", "one stage for all programs, or one for each"),
        ("blox-ir diff old.bir more.bir --costs", "did you mean --cost?"),
      ] {
        let result = try tool(line)
        #expect(result.exitCode == 2 && result.errors.contains(wanted), "\(line): \(result.errors)")
      }
      #expect(try tool("blox-ir diff old.bir missing.bir").exitCode == 4)
    }
  }

  @Test("explain tells about memory, donation, cost and ops")
  func explain() throws {
    try inFolder { folder, tool in
      let donation = try tool("blox-ir explain donation old.bir")
      #expect(donation.output == "x  f32[2,3]  reused by y\nb  f32[3]    not donated\n")
      let memory = try tool("blox-ir explain memory old.bir")
      #expect(
        memory.output.hasPrefix(
          """
          arguments    36 B, of which 24 B donated
          results      0 B new, 24 B in donated arguments
          temporaries  0 B
          kernels      
          """))
      let (kernels, peak) = (memory.lines[3].split(separator: " "), memory.lines[4].split(separator: " "))
      #expect(memory.lines.count == 6 && kernels[1...2] == peak[1...2], "\(memory.output)")
      let cost = try tool("blox-ir explain cost @linear")
      #expect(cost.exitCode == 0 && cost.output.hasPrefix("op "), "\(cost.output)")
      #expect(cost.lines.contains { $0.hasPrefix("fusion ") && $0.contains(" 48 ") }, "\(cost.output)")
      #expect(cost.lines.contains { $0.hasPrefix("total ") } && cost.output.contains("beyond the arguments and what"))
      let step = try tool("blox-ir explain memory @train_step --stage grad")
      #expect(step.output.contains("most temporaries are in use at instruction "), "\(step.output)")
      let code = try tool("blox-ir explain code @mlp --batch 64")
      #expect(code.exitCode == 0 && code.output.hasPrefix("%"), "\(code.output)")
      // Bias and relu of the hidden layer, on a block of the product.
      for line in ["s0 = a block of the product, f32", "s1 = operand 1, f32, gathered"] {
        #expect(code.lines.contains { $0.contains(line) }, "\(code.output)")
      }
      #expect(code.output.contains("machine code, ") || code.output.contains("max f32 s"), "\(code.output)")
      let op = try tool("blox-ir explain op tanh")
      #expect(op.exitCode == 0 && op.output.hasPrefix("tanh, on an example:\n  program @tanh(%0: "), "\(op.output)")
      for title in ["tangents (jvp):", "transposed linear part of it:", "with 8 lanes (vmap):"] {
        #expect(op.output.contains("\n\(title)\n  program @"), "\(op.output)")
      }
      let lanes = try tool("blox-ir explain op psum")
      #expect(lanes.output.contains("\nin 4 lanes (vmap):\n  program @psum(") && !lanes.output.contains("unbound"))
      for (line, wanted) in [
        ("blox-ir explain", "explain takes one of memory, donation, cost, code, op"),
        ("blox-ir explain memroy old.bir", "there is no 'memroy'; did you mean memory?"),
        ("blox-ir explain op tahn", "there is no op named 'tahn'; did you mean tan"),
        ("blox-ir explain op", "explain op takes one op"), ("blox-ir explain cost", "explain takes one program"),
      ] {
        let result = try tool(line)
        #expect(result.exitCode == 2 && result.errors.contains(wanted), "\(line): \(result.errors)")
      }
      try Self.old.replacing("tanh %4", with: "tanh %9").write(
        to: folder.appendingPathComponent("broken.bir"), atomically: true, encoding: .utf8)
      #expect(try tool("blox-ir explain memory broken.bir").exitCode == 3)
    }
  }

  @Test("bench shows that results do not depend on the number of threads, and compares with a baseline")
  func bench() throws {
    try inFolder { _, tool in
      let result = try tool("blox-ir bench @mlp --batch 3 --threads 1,2,3 --repeat 2 --seed 5")
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(result.output.hasPrefix("compile "))
      let hashes = result.lines.dropFirst(2).filter { !$0.isEmpty }.compactMap { $0.split(separator: " ").last }
      #expect(hashes.count == 3 && Set(hashes).count == 1 && hashes[0].count == 10)
      let other = try tool("blox-ir bench @mlp --batch 3 --threads 1 --repeat 1 --seed 6")
      #expect(other.output.hasPrefix("compile ") && !other.output.contains(hashes[0]))
      let compared = try tool("blox-ir bench old.bir --repeat 1 --baseline more.bir --fail-above 1000000%")
      #expect(compared.exitCode == 0 && compared.output.contains("% against more.bir\n"), "\(compared.errors)")
      for line in [
        "blox-ir bench old.bir --threads 0", "blox-ir bench old.bir --threads 1,,2", "blox-ir bench old.bir --repeat 0",
        "blox-ir bench old.bir --repeat \(Int.max)", "blox-ir bench old.bir --baseline @nope",
        "blox-ir bench old.bir --fail-above 5%", "blox-ir bench old.bir --baseline more.bir --fail-above x",
      ] { #expect(try tool(line).exitCode == 2, "\(line)") }
    }
  }

  @Test("profile shows each instruction, those of loops too, and writes a trace that is JSON")
  func profile() throws {
    try inFolder { folder, tool in
      let result = try tool("blox-ir profile @lstm --stage grad --repeat 3 --threads 2 --trace t.json --top 100")
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(result.lines[0].hasSuffix(", 2 threads, the median of 3 runs"), "\(result.lines[0])")
      #expect(result.lines[1].hasPrefix("the machine does at most "))
      let header = ["time", "share", "calls", "GFLOP/s", "GB/s", "of", "limit", "instruction", "where"]
      #expect(result.lines[2].split(separator: " ").map(String.init) == header)
      let rows = result.lines.dropFirst(3).filter { !$0.isEmpty }
      #expect(rows.contains { $0.contains("dot_general") && $0.contains("in %") && $0.contains(" scan") })
      // The shares are of the whole, and nothing is counted twice.
      let shares = rows.compactMap { row in
        row.split(separator: " ").first { $0.hasSuffix("%") }.flatMap { Double($0.dropLast()) }
      }
      #expect(shares.count == rows.count && (60...101).contains(shares.reduce(0, +)), "\(result.output)")
      let data = try Data(contentsOf: folder.appendingPathComponent("t.json"))
      let trace = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      let events = try #require(trace["traceEvents"] as? [[String: Any]])
      #expect(events.count > rows.count)
      #expect(events.allSatisfy { $0["ph"] as? String == "X" && ($0["dur"] as? Double ?? -1) >= 0 })

      let short = try tool("blox-ir profile old.bir --top 1 --repeat 1")
      #expect(short.exitCode == 0, "\(short.errors)")
      for (line, wanted) in [
        ("blox-ir profile old.bir --threads 0", "--threads needs a whole number from 1 to 255, not '0'"),
        ("blox-ir profile old.bir --top none", "--top needs a whole number above 0, not 'none'"),
        ("blox-ir profile", "profile takes one program"),
      ] {
        let wrong = try tool(line)
        #expect(wrong.exitCode == 2 && wrong.errors.contains(wanted), "\(line): \(wrong.errors)")
      }
      let unwritable = try tool("blox-ir profile old.bir --repeat 1 --trace no/such/folder.json")
      #expect(unwritable.exitCode == 4 && unwritable.output.isEmpty, "\(unwritable.errors)")
    }
  }

  @Test("run --probe shows values inside, on either engine")
  func probes() throws {
    try inFolder { _, tool in
      for engine in ["compiled", "interp"] {
        let result = try tool("blox-ir run old.bir --input x=iota --input b=1 --probe %3,%2 --quiet --engine \(engine)")
        #expect(result.exitCode == 0, "\(result.errors)")
        #expect(
          result.output == """
            %3: f32[2,3] =
            [[ 0.  2.  4.]
             [ 6.  8. 10.]]
            %2: f32[2,3] =
            [[1. 1. 1.]
             [1. 1. 1.]]

            """)
      }
      let unknown = try tool("blox-ir run old.bir --input 1 --probe %33")
      #expect(unknown.exitCode == 2 && unknown.errors.contains("--probe %33: @f defines no such value"))
    }
  }
}
