// Type rules and text of control flow.

import Testing

@testable import BloxIR

@Suite("Loops, choices and checkpoints")
struct ControlOpTests {
  private static func region(_ parameters: String, _ results: [Int]) -> Program {
    var b = ProgramBuilder(name: "body")
    let inputs = parameters.split(separator: " ").map { b.parameter(TypeRuleTests.type(String($0))) }
    return b.finish(results: results.map { ProgramResult(.value(inputs[$0])) })
  }

  private static func scan(
    _ parameters: String, _ results: [Int], consts: Int = 0, carry: Int = 1, length: Int = 4, unroll: Int = 1
  ) -> Op {
    .control(
      .scan(
        Op.Scan(
          body: region(parameters, results), constCount: consts, carryCount: carry, length: length, unroll: unroll)))
  }

  private static func loop(_ condition: (String, [Int]), _ body: (String, [Int]), consts: (Int, Int) = (0, 0)) -> Op {
    .control(
      .loop(
        Op.Loop(
          condition: region(condition.0, condition.1), body: region(body.0, body.1), conditionConstCount: consts.0,
          bodyConstCount: consts.1)))
  }

  private static func cond(_ branches: [Program], isPredicate: Bool = false) -> Op {
    .control(.cond(Op.Cond(branches: branches, isPredicate: isPredicate)))
  }

  static let cases: [TypeRuleTests.Case] = [
    .init(scan("f32[2] i32[]", [0, 1]), "f32[2] i32[4]", "f32[2] i32[4]"),
    .init(scan("key[] f32[2]", [1, 0], consts: 1), "key[] f32[2]", "f32[2] key[4]"),
    .init(scan("f32[0]", [0], length: 0), "f32[0]", "f32[0]"),
    .init(
      scan("f32[2] i32[]", [0, 1]), "f32[2] i32[5]",
      "scan: operand 1 is i32[5], but i32[] stacked 4 times is expected; got f32[2], i32[5]"),
    .init(
      scan("f32[2] i32[]", [1, 0]), "f32[2] i32[4]",
      "scan: the body's carry result 0 is i32[], but f32[2] is expected; got f32[2], i32[4]"),
    .init(
      scan("f32[2]", [0], consts: 2, carry: -1), "f32[2]",
      "scan: consts=2 and carry=-1 do not fit a body with 1 parameter and 1 result; got f32[2]"),
    .init(
      scan("f32[2]", [0], consts: .max, carry: .max), "f32[2]",
      "scan: consts=9223372036854775807 and carry=9223372036854775807 do not fit a body with 1 parameter and 1 result;"
        + " got f32[2]"),
    .init(
      scan("f32[2]", [0], unroll: 0), "f32[2]",
      "scan: needs a length of at least 0 and an unroll of at least 1; got f32[2]"),
    .init(scan("f32[2]", [], carry: 0, length: 1), "f32[1,2]", "scan: gives no results; got f32[1,2]"),
    .init(
      scan("f32[1048576]", [0, 0], length: 1 << 40), "f32[1048576]",
      "scan: a tensor of type f32[1099511627776,1048576] does not fit in memory; at most 2^47 bytes are allowed"),
    .init(loop(("bool[] i32[]", [0]), ("bool[] i32[]", [0, 1])), "bool[] i32[]", "bool[] i32[]"),
    .init(
      loop(("i32[] bool[]", [1]), ("f32[] bool[]", [1]), consts: (1, 1)), "i32[] f32[] bool[]", "bool[]"),
    .init(
      loop(("i32[]", [0]), ("i32[]", [0])), "i32[]",
      "while: the condition's result 0 is i32[], but bool[] is expected; got i32[]"),
    .init(
      loop(("bool[]", [0]), ("bool[] i32[]", [0, 1])), "bool[] i32[]",
      "while: the condition's carry parameter: there is 1, but 2 are expected; got bool[], i32[]"),
    .init(
      loop(("bool[]", [0]), ("bool[]", [0]), consts: (2, 0)), "bool[]",
      "while: cond_consts=2 and body_consts=0 do not fit the regions; got bool[]"),
    .init(cond([region("f32[]", [0]), region("f32[]", [0])], isPredicate: true), "bool[] f32[]", "f32[]"),
    .init(cond([region("f32[]", [0])]), "i32[] f32[]", "f32[]"),
    .init(
      cond([region("f32[]", [0])]), "bool[] f32[]",
      "cond: the first operand chooses the branch and must be i32[]; got bool[], f32[]"),
    .init(
      cond([region("f32[] i32[]", [0]), region("f32[] i32[]", [1])]), "i32[] f32[] i32[]",
      "cond: result of branch 1: 0 is i32[], but f32[] is expected; got i32[], f32[], i32[]"),
    .init(cond([]), "i32[]", "cond: needs at least one branch; got i32[]"),
    .init(
      cond([region("f32[]", [0])], isPredicate: true), "bool[] f32[]",
      "cond: a predicate needs two branches; got bool[], f32[]"),
    .init(
      .control(.checkpoint(Op.Checkpoint(body: region("f32[]", [0]), policy: .dots))), "f32[2]",
      "checkpoint: the body takes (f32[]); got f32[2]"),
    .init(.checkpointName("h"), "key[3]", "key[3]"),
  ]

  @Test("Types of results, and what does not fit", arguments: cases)
  func types(sample: TypeRuleTests.Case) { TypeRuleTests().rule(example: sample) }

  private func error(_ statement: String) -> String? {
    let text = "// blox-ir 1\nprogram @p(%0: f32[2], %1: i32[]) -> (f32[2]) {\n  \(statement)\n  return %0\n}\n"
    do throws(BloxError) {
      _ = try Program(parsing: text, fileName: "p.bir")
      return nil
    } catch { return error.message }
  }

  @Test("Text that is no control flow is refused with what is expected")
  func parseErrors() throws {
    let body = "body(%3: f32[2]) {\n return %3\n}"
    let cases: [(statement: String, expected: String)] = [
      ("%2: f32[2] = scan %0 {length=2, consts=0, carry=1}", "scan with a region body(…)"),
      ("%2: f32[2] = scan %0 {length=2, consts=0} \(body)", "the attribute carry=INTEGER"),
      ("%2: f32[2] = scan %0 {length=2, consts=0, carry=1, times=3} \(body)", "unroll"),
      ("%2: f32[2] = while %0 \(body)", "while with the regions cond(…) and body(…)"),
      ("%2: f32[2] = cond %1, %0 \(body)", "true(…) and false(…), or case(…) for each index"),
      ("%2: f32[2] = checkpoint %0 \(body)", "policy=nothing|everything|dots|names|dots_without_batch_dims"),
      ("%2: f32[2] = checkpoint %0 {policy=names} \(body)", "names=[\"NAMES\"]"),
      ("%2: f32[2] = neg %0 \(body)", "no region: neg has none"),
      ("%2: f32[2] = checkpoint %0 {policy=dots} body(%3: f32[2]) {\n return %3, %3\n}", "no more returned values"),
      ("%2: f32[2] = checkpoint %0 {policy=dots} body(%3: f32[2]) {\n return %0\n}", "a value of this body"),
    ]
    for (statement, expected) in cases {
      let message = error(statement) ?? "no error"
      #expect(message.contains(expected), "\(statement)\n\(message)")
    }
  }

  @Test("Regions have plans of their own, and the last buffer is the workspace")
  func plans() throws {
    let text = """
      // blox-ir 1
      program @planned(
          %0: f32[16],
          %1: f32[4,16]
      ) -> (f32[16]) {plan="arena 128 B, results 64 B, aliased 0 B, peak 192 B"} {
        %2: f32[16] = scan %0, %1 {length=4, consts=0, carry=1, buffers=[result[0], arena[0]]}
            body(%3: f32[16], %4: f32[16]) {plan="arena 64 B, results 64 B, aliased 0 B, peak 128 B"} {
          %5: f32[16] = exp %3 {buffer=arena[0]}
          %6: f32[16] = sub %5, %4 {buffer=PLACE}
          return %6
        }
        return %2
      }

      """
    for place in ["result[0]", "param[0]"] {
      let planned = text.replacing("PLACE", with: place)
      let program = try Program(parsing: planned)
      #expect(program.text() == planned)
      #expect(program.verificationErrors() == [])
    }
    let error = try Program(parsing: text.replacing("PLACE", with: "param[1]")).verificationErrors().first
    #expect(
      error?.message
        == "@planned, instruction 0, region, instruction 1 (%6: f32[16] = sub %5, %4 {buffer=param[1]}): it writes to"
        + " param[1], which the caller has not donated")
    let small = text.replacing("PLACE", with: "result[0]").replacing("arena 128 B", with: "arena 64 B")
      .replacing("peak 192 B", with: "peak 128 B")
    #expect(
      try Program(parsing: small).verificationErrors().first?.message.hasSuffix(
        "its workspace arena[0] is not within the arena of 64 B") == true)
  }
}
