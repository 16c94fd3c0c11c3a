// Products that a loop only adds up, after the loop.

import BloxIR
import BloxRuntime
import ProgramFuzzing
import Testing

@testable import BloxPasses

/// A loop over whole numbers, whose sums have the same bits in any order.
private struct SumLoop: CustomTestStringConvertible {
  let testDescription: String
  /// What the body does with weights `%w`, a sum `%c`, and rows `%x` and `%y`.
  let body: String
  /// What it returns beside the sum.
  var outputs: [String] = []
  /// How many products stay in the loop, and how many come after it.
  let inside: Int
  let after: Int
  /// How many tensors the loop stacks afterwards.
  let stacked: Int
  var isReversed = false

  init(
    _ description: String, _ body: String, outputs: [String] = [], inside: Int, after: Int, stacked: Int,
    isReversed: Bool = false
  ) {
    testDescription = description
    (self.body, self.outputs, self.inside, self.after) = (body, outputs, inside, after)
    (self.stacked, self.isReversed) = (stacked, isReversed)
  }

  func program() throws -> Program {
    let types = ["i32[2,4]"] + outputs.map { $0.replacing("[", with: "[3,") }
    let results = types.indices.map { "%result\($0)" }
    return try Program(
      parsing: """
        // blox-ir 1
        program @sums(%0: i32[3,2,2], %1: i32[3,2,4], %2: i32[2,4], %3: i32[2,2]) -> (\(types.joined(separator: ", "))) {
          \(zip(results, types).map { "\($0): \($1)" }.joined(separator: ", ")) = scan %3, %2, %0, %1 \
        {length=3, consts=1, carry=1\(isReversed ? ", reverse" : "")}
              body(%w: i32[2,2], %c: i32[2,4], %x: i32[2,2], %y: i32[2,4]) {
            \(body.replacing("; ", with: "\n    "))
          }
          return \(results.joined(separator: ", "))
        }

        """)
  }

  static let all = [
    SumLoop(
      "rows that the loop is given, and nothing else: no loop is left",
      "%p: i32[2,4] = dot_general %x, %y {contract=[0]x[0]}; %n: i32[2,4] = add %c, %p; return %n",
      inside: 0, after: 1, stacked: 0),
    SumLoop(
      "a factor that the loop computes, from the last step to the first",
      "%z: i32[2,4] = mul %y, %y; %p: i32[2,4] = dot_general %x, %z {contract=[0]x[0]}; "
        + "%n: i32[2,4] = add %p, %c; return %n",
      inside: 0, after: 1, stacked: 1, isReversed: true),
    SumLoop(
      "a factor that the loop returns is stacked once",
      "%z: i32[2,4] = mul %y, %y; %p: i32[2,4] = dot_general %x, %z {contract=[0]x[0]}; "
        + "%n: i32[2,4] = add %c, %p; return %n, %z",
      outputs: ["i32[2,4]"], inside: 0, after: 1, stacked: 1),
    SumLoop(
      "two products of one sum, beside terms that stay: one with a factor that does not change, and a sum of rows",
      "%z: i32[2,4] = mul %y, %y; %p: i32[2,4] = dot_general %x, %y {contract=[0]x[0]}; "
        + "%q: i32[2,4] = dot_general %w, %y {contract=[0]x[0]}; %r: i32[2,4] = dot_general %x, %z {contract=[0]x[0]}; "
        + "%s: i32[4] = reduce_sum %y {axes=[0]}; %t: i32[2,4] = broadcast_in_dim %s {dims=[1]}; "
        + "%a: i32[2,4] = add %q, %p; %b: i32[2,4] = add %c, %a; %d: i32[2,4] = add %t, %b; "
        + "%n: i32[2,4] = add %r, %d; return %n",
      inside: 1, after: 2, stacked: 1),
    SumLoop(
      "a product with a factor that is computed from what does not change stays",
      "%v: i32[2,2] = mul %w, %w; %p: i32[2,4] = dot_general %v, %y {contract=[0]x[0]}; "
        + "%n: i32[2,4] = add %c, %p; return %n",
      inside: 1, after: 0, stacked: 0),
    SumLoop(
      "a product over other than leading dimensions stays: its stacks would have to be copied",
      "%u: i32[4,2] = transpose %y {permutation=[1,0]}; %p: i32[2,4] = dot_general %x, %u {contract=[0]x[1]}; "
        + "%n: i32[2,4] = add %c, %p; return %n",
      inside: 1, after: 0, stacked: 0),
    SumLoop(
      "a product that the loop returns as well stays",
      "%p: i32[2,4] = dot_general %x, %y {contract=[0]x[0]}; %n: i32[2,4] = add %c, %p; return %n, %p",
      outputs: ["i32[2,4]"], inside: 1, after: 0, stacked: 1),
    SumLoop(
      "a sum that each step reads stays",
      "%p: i32[2,4] = dot_general %x, %y {contract=[0]x[0]}; %q: i32[2,4] = mul %c, %c; "
        + "%m: i32[2,4] = add %c, %p; %n: i32[2,4] = add %m, %q; return %n",
      inside: 1, after: 0, stacked: 0),
    SumLoop(
      "a sum that each step doubles stays",
      "%p: i32[2,4] = dot_general %x, %y {contract=[0]x[0]}; %q: i32[2,4] = add %c, %p; "
        + "%n: i32[2,4] = add %q, %q; return %n",
      inside: 1, after: 0, stacked: 0),
  ]
}

struct SinkTests {
  private func products(_ program: Program) -> Int { program.instructions.count { $0.op.name == "dot_general" } }

  private func scan(_ program: Program) -> Op.Scan? {
    for case .control(.scan(let scan)) in program.instructions.map(\.op) { return scan }
    return nil
  }

  @Test("Products that a loop only adds up come after it, with the same bits", arguments: SumLoop.all)
  private func sums(loop: SumLoop) throws {
    let program = try loop.program()
    let sunk = try PassPipeline([.sink], verifies: true).run(program)
    #expect(products(sunk) == loop.after, "\(sunk)")
    #expect(scan(sunk).map { products($0.body.program) } ?? 0 == loop.inside, "\(sunk)")
    #expect(scan(sunk)?.ys.count ?? 0 == loop.stacked, "\(sunk)")
    if loop.after == 0 { #expect(sunk == program) }
    try expectSameBits(program, sunk, seed: 3)
  }

  private func expectSameBits(_ program: Program, _ sunk: Program, seed: UInt64) throws {
    let arguments = randomArguments(program, seed: seed)
    let expected = try ReferenceInterpreter.run(program, arguments)
    #expect(try sameBits(ReferenceInterpreter.run(sunk, arguments), expected), "\(sunk)")
    #expect(try sameBits(Executable(planned: planBuffers(sunk)).run(arguments), expected), "\(sunk)")
  }

  @Test("Batch dimensions, dtypes of sums and loops in loops")
  func nested() throws {
    let program = try Program(
      parsing: """
        // blox-ir 1
        program @nested(%0: i8[2,3,5,4,6], %1: i8[2,3,5,4,7]) -> (i32[2,4,6,7]) {
          %2: i32[2,4,6,7] = scan %0, %1 {length=2, consts=0, carry=0}
              body(%3: i8[3,5,4,6], %4: i8[3,5,4,7]) {
            %5: i32[4,6,7] = scan 3, %3, %4 {length=3, consts=0, carry=1}
                body(%6: i32[4,6,7], %7: i8[5,4,6], %8: i8[5,4,7]) {
              %9: i32[4,6,7] = dot_general %7, %8 {batch=[1]x[1], contract=[0]x[0], preferred=i32}
              %10: i32[4,6,7] = add %6, %9
              return %10
            }
            return %5
          }
          return %2
        }

        """)
    let sunk = try PassPipeline([.sink], verifies: true).run(program)
    let body = try #require(scan(sunk)).body.program
    #expect(body.instructions.map(\.op.name) == ["dot_general", "add"])
    try expectSameBits(program, sunk, seed: 4)
  }

  @Test("Factors that are carries, stacked as they were before each step, both factors at once, and those of two sums")
  func factors() throws {
    func program(columns: Int = 9, returned: String, types: String) throws -> Program {
      try Program(
        parsing: """
          // blox-ir 1
          program @factors(%0: i32[5,2], %1: i32[2,2], %2: i32[2,\(columns)], %3: i32[4,5,\(columns)]) -> (i32[5,2], i32[2,2], i32[2,\(columns)]\(types)) {
            %4: i32[5,2], %5: i32[2,2], %6: i32[2,\(columns)]\(types.isEmpty ? "" : ", %7:\(types.dropFirst())") = \
          scan %0, %1, %2, %3 {length=4, consts=0, carry=3, reverse}
                body(%8: i32[5,2], %9: i32[2,2], %10: i32[2,\(columns)], %11: i32[5,\(columns)]) {
              %12: i32[2,2] = dot_general %8, %8 {contract=[0]x[0]}
              %13: i32[2,2] = add %9, %12
              %14: i32[2,\(columns)] = dot_general %8, %11 {contract=[0]x[0]}
              %15: i32[2,\(columns)] = add %14, %10
              %16: i32[5,2] = add %8, 3
              return %16, %13, %15\(returned)
            }
            return %4, %5, %6\(types.isEmpty ? "" : ", %7")
          }

          """)
    }
    // The carry is 10 numbers a step, the sums 4 and 18: the second pays for the stack, and the first has it then.
    let one = try program(returned: "", types: "")
    let sunk = try PassPipeline([.sink], verifies: true).run(one)
    #expect(products(sunk) == 2 && scan(sunk)?.ys.count == 1, "\(sunk)")
    try expectSameBits(one, sunk, seed: 5)
    // With a smaller second sum neither does, unless the loop stacks the carry anyway.
    let neither = try program(columns: 4, returned: "", types: "")
    #expect(try PassPipeline([.sink], verifies: true).run(neither) == neither)
    let both = try program(columns: 4, returned: ", %8", types: ", i32[4,5,2]")
    let all = try PassPipeline([.sink], verifies: true).run(both)
    #expect(products(all) == 2 && scan(all)?.ys.count == 1, "\(all)")
    try expectSameBits(both, all, seed: 6)
  }

  @Test("A loop of any length is looked at: the stack would be too large")
  func longLoop() throws {
    let program = try Program(
      parsing: """
        // blox-ir 1
        program @long(%0: f32[1,20000], %1: f32[20000,20000]) -> (f32[20000,20000]) {
          %2: f32[1,20000], %3: f32[20000,20000] = scan %0, %1 {length=140737488355328, consts=0, carry=2}
              body(%4: f32[1,20000], %5: f32[20000,20000]) {
            %6: f32[20000,20000] = dot_general %4, %4 {contract=[0]x[0]}
            %7: f32[20000,20000] = add %5, %6
            %8: f32[1,20000] = sin %4
            return %8, %7
          }
          return %3
        }

        """)
    #expect(try Pass.sink.run(program) == program)
  }

  @Test(
    "Not where a step has so many rows that the sum costs nothing, nor where a stack costs more than the sum, or too much",
    arguments: [
      (rows: 256, columns: 2, isGiven: true, type: "f32", length: 9, isSunk: true), (257, 2, true, "f32", 9, false),
      (2, 3, false, "f32", 9, true), (3, 3, false, "f32", 9, false), (1, 1 << 20, false, "f32", 9, true),
      (1, 1 << 10, true, "bf16", 900, true), (1, 1 << 10, true, "bf16", 8000, false),
    ])
  func limits(rows: Int, columns: Int, isGiven: Bool, type: String, length: Int, isSunk: Bool) throws {
    let (row, sum) = ("\(type)[\(rows),\(columns)]", "\(type)[2,\(columns)]")
    let program = try Program(
      parsing: """
        // blox-ir 1
        program @limits(%0: \(type)[\(length),\(rows),2], %1: \(type)[\(length),\(rows),\(columns)]) -> (\(sum)) {
          %2: \(sum) = scan 0.0, %0, %1 {length=\(length), consts=0, carry=1}
              body(%3: \(sum), %4: \(type)[\(rows),2], %5: \(row)) {
            %6: \(row) = exp %5
            %7: \(sum) = dot_general %4, \(isGiven ? "%5" : "%6") {contract=[0]x[0]}
            %8: \(sum) = add %3, %7
            return %8
          }
          return %2
        }

        """)
    #expect(try (products(Pass.sink.run(program)) == 1) == isSunk)
  }
}
