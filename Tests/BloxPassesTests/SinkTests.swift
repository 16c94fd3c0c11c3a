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
        program @sums(%0: i32[3,5,2], %1: i32[3,5,4], %2: i32[2,4], %3: i32[5,2]) -> (\(types.joined(separator: ", "))) {
          \(zip(results, types).map { "\($0): \($1)" }.joined(separator: ", ")) = scan %3, %2, %0, %1 \
        {length=3, consts=1, carry=1\(isReversed ? ", reverse" : "")}
              body(%w: i32[5,2], %c: i32[2,4], %x: i32[5,2], %y: i32[5,4]) {
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
      "%z: i32[5,4] = mul %y, %y; %p: i32[2,4] = dot_general %x, %z {contract=[0]x[0]}; "
        + "%n: i32[2,4] = add %p, %c; return %n",
      inside: 0, after: 1, stacked: 1, isReversed: true),
    SumLoop(
      "a factor that the loop returns is stacked once",
      "%z: i32[5,4] = mul %y, %y; %p: i32[2,4] = dot_general %x, %z {contract=[0]x[0]}; "
        + "%n: i32[2,4] = add %c, %p; return %n, %z",
      outputs: ["i32[5,4]"], inside: 0, after: 1, stacked: 1),
    SumLoop(
      "two products of one sum, beside terms that stay: one with a factor that does not change, and a sum of rows",
      "%z: i32[5,4] = mul %y, %y; %p: i32[2,4] = dot_general %x, %y {contract=[0]x[0]}; "
        + "%q: i32[2,4] = dot_general %w, %y {contract=[0]x[0]}; %r: i32[2,4] = dot_general %x, %z {contract=[0]x[0]}; "
        + "%s: i32[4] = reduce_sum %y {axes=[0]}; %t: i32[2,4] = broadcast_in_dim %s {dims=[1]}; "
        + "%a: i32[2,4] = add %q, %p; %b: i32[2,4] = add %c, %a; %d: i32[2,4] = add %t, %b; "
        + "%n: i32[2,4] = add %r, %d; return %n",
      inside: 1, after: 2, stacked: 1),
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
    let arguments = randomArguments(program, seed: 3)
    let expected = try ReferenceInterpreter.run(program, arguments)
    #expect(try sameBits(ReferenceInterpreter.run(sunk, arguments), expected), "\(sunk)")
    #expect(try sameBits(Executable(planned: planBuffers(sunk)).run(arguments), expected), "\(sunk)")
  }

  @Test("Batch dimensions, dtypes of sums and loops in loops")
  func nested() throws {
    let program = try Program(
      parsing: """
        // blox-ir 1
        program @nested(%0: i8[2,3,4,5,6], %1: i8[2,3,5,4,7]) -> (i32[2,4,6,7]) {
          %2: i32[2,4,6,7] = scan %0, %1 {length=2, consts=0, carry=0}
              body(%3: i8[3,4,5,6], %4: i8[3,5,4,7]) {
            %5: i32[4,6,7] = scan 3, %3, %4 {length=3, consts=0, carry=1}
                body(%6: i32[4,6,7], %7: i8[4,5,6], %8: i8[5,4,7]) {
              %9: i32[4,6,7] = dot_general %7, %8 {batch=[0]x[1], contract=[1]x[0], preferred=i32}
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
    let arguments = randomArguments(program, seed: 4)
    let expected = try ReferenceInterpreter.run(program, arguments)
    #expect(try sameBits(ReferenceInterpreter.run(sunk, arguments), expected), "\(sunk)")
  }

  @Test(
    "Not where a step has so many rows that the sum costs nothing, nor where the stack is larger than what the loop stacks",
    arguments: [(256, 8, true), (257, 8, false), (32, 1 << 20, false)])
  func limits(rows: Int, columns: Int, isSunk: Bool) throws {
    let program = try Program(
      parsing: """
        // blox-ir 1
        program @limits(%0: f32[9,\(rows),2], %1: f32[9,\(rows)]) -> (f32[2,\(columns)]) {
          %2: f32[2,\(columns)] = scan 0.0, %0, %1 {length=9, consts=0, carry=1}
              body(%3: f32[2,\(columns)], %4: f32[\(rows),2], %5: f32[\(rows)]) {
            %6: f32[\(rows),\(columns)] = broadcast_in_dim %5 {dims=[0]}
            %7: f32[2,\(columns)] = dot_general %4, %6 {contract=[0]x[0]}
            %8: f32[2,\(columns)] = add %3, %7
            return %8
          }
          return %2
        }

        """)
    #expect(try (products(Pass.sink.run(program)) == 1) == isSunk)
  }
}
