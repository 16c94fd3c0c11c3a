// Type rules, text and verification of collectives and of functions with derivatives of their own.

import Testing

@testable import BloxIR

@Suite("Collectives and derivatives of one's own")
struct LaneOpTests {
  private static func over(
    _ exchange: Op.Collective.Exchange, _ axes: [String] = ["batch"], groups: [[Int]]? = nil
  ) -> Op {
    .collective(Op.Collective(exchange, axes: axes, groups: groups))
  }

  private static func program(_ parameters: String, _ name: String, _ results: [Int]) -> Op.Callee {
    var b = ProgramBuilder(name: name)
    let inputs = parameters.split(separator: " ").map { b.parameter(TypeRuleTests.type(String($0))) }
    return Op.Callee(b.finish(results: results.map { ProgramResult(.value(inputs[$0])) }))
  }

  /// With `batch` of size 4 and `model` of size 2.
  static let collectives: [TypeRuleTests.Case] = [
    .init(over(.sum), "f32[2]", "f32[2]"), .init(over(.sum, ["batch", "model"]), "i8[]", "i8[]"),
    .init(over(.max), "bool[0]", "bool[0]"),
    .init(over(.sum), "bool[2]", "psum: needs numbers; got bool[2]"),
    .init(over(.min), "key[]", "pmin: needs numbers or bool; got key[]"),
    .init(over(.sum), "", "psum: takes 1 operand; got no operands"),
    .init(over(.sum, []), "f32[]", "psum: names no axis; got f32[]"),
    .init(over(.sum, ["batch", "batch"]), "f32[]", #"psum: names an axis twice in ["batch", "batch"]; got f32[]"#),
    .init(
      over(.sum, ["x"]), "f32[]",
      "found an unbound axis name: x (bound here: batch, model); bind it with vmap(axisName: \"x\")"),
    .init(over(.sum, groups: [[0, 2], [3, 1]]), "f32[]", "f32[]"),
    .init(
      over(.sum, groups: [[0, 1], [2]]), "f32[]",
      "psum: groups [[0, 1], [2]] must hold each of the 4 lanes of 'batch' once, in parts of one size; got f32[]"),
    .init(
      over(.sum, ["batch", "model"], groups: [[0]]), "f32[]",
      #"psum: groups need a single axis, not ["batch", "model"]; got f32[]"#),
    .init(over(.allGather(axis: 1, size: 8), ["batch", "model"]), "key[2,3]", "key[2,24]"),
    .init(over(.allGather(axis: 0, size: 4)), "f32[]", "all_gather: axis 0 is out of range for rank 0; got f32[]"),
    .init(
      over(.allGather(axis: 0, size: 2)), "f32[1]",
      #"all_gather: is made for 2 lanes, but ["batch"] has 4; got f32[1]"#),
    .init(
      over(.allGather(axis: 0, size: 4)), "f32[35184372088832]",
      "all_gather: a tensor of type f32[140737488355328] does not fit in memory; at most 2^47 bytes are allowed"),
    .init(over(.reduceScatter(axis: 0, size: 4)), "f32[8]", "f32[2]"),
    .init(
      over(.reduceScatter(axis: 0, size: 4)), "f32[6]",
      "reduce_scatter: axis 0 of size 6 does not split into 4 equal parts; got f32[6]"),
    .init(over(.allToAll(split: 0, concat: 1, size: 4)), "u8[4,3]", "u8[1,12]"),
    .init(over(.allToAll(split: 0, concat: 0, size: 2), groups: [[0, 1], [2, 3]]), "u8[4]", "u8[4]"),
    .init(
      over(.allToAll(split: 0, concat: 2, size: 4)), "u8[4,3]",
      "all_to_all: axis 2 is out of range for rank 2; got u8[4,3]"),
    .init(over(.permute(sources: [0, 3], targets: [1, 3])), "key[2]", "key[2]"),
    .init(
      over(.permute(sources: [0, 4], targets: [1, 3])), "f32[]",
      "ppermute: a source in [0, 4] is no lane of 'batch', which has 4; got f32[]"),
    .init(
      over(.permute(sources: [0, 1], targets: [3, 3])), "f32[]",
      "ppermute: a target is given twice in [3, 3]; got f32[]"),
    .init(over(.permute(sources: [0], targets: [])), "f32[]", "ppermute: has 1 sources for 0 targets; got f32[]"),
    .init(
      over(.permute(sources: [], targets: []), ["batch", "model"]), "f32[]",
      "ppermute: needs a single axis and no groups; got f32[]"),
  ]

  static let customs: [TypeRuleTests.Case] = [
    .init(
      .custom(
        .jvp(primal: program("f32[2] i32[]", "f", [1, 0]), jvp: program("f32[2] i32[] f32[2]", "df", [1, 0, 2]))),
      "f32[2] i32[]", "i32[] f32[2]"),
    .init(
      .custom(.jvp(primal: program("f32[2]", "f", [0]), jvp: program("f32[2] f32[2]", "df", [0]))), "f32[2]",
      "custom_jvp: the jvp program @df must be (f32[2], f32[2]) -> (f32[2], f32[2]), not (f32[2], f32[2]) -> (f32[2]);"
        + " got f32[2]"),
    .init(
      .custom(.jvp(primal: program("f32[2]", "f", []), jvp: program("f32[2] f32[2]", "df", []))), "f32[2]",
      "custom_jvp: the program @f returns nothing; got f32[2]"),
    .init(
      .custom(
        .vjp(
          primal: program("f32[2] i32[]", "f", [0]), forward: program("f32[2] i32[]", "fwd", [0, 1]),
          backward: program("i32[] f32[2]", "bwd", [1]))), "f32[2] i32[]", "f32[2]"),
    .init(
      .custom(
        .vjp(
          primal: program("f32[2]", "f", [0]), forward: program("f32[2]", "fwd", [0]),
          backward: program("f32[2] f32[2]", "bwd", [1]))), "f32[2]",
      "custom_vjp: the backward program @bwd must be (f32[2]) -> (f32[2]), not (f32[2], f32[2]) -> (f32[2]);"
        + " got f32[2]"),
    .init(.custom(.linear(backward: program("i32[] f32[2]", "bwd", [1]))), "i32[] f32[2]", "f32[2]"),
    .init(
      .custom(.linear(backward: program("i32[] f32[2]", "bwd", [1]))), "f32[]",
      "custom_linear: takes residuals of @bwd, which takes (i32[], f32[2]), and a tangent for each of its results"
        + " (f32[2]); got f32[]"),
  ]

  @Test("Each op gives its result types or says what it needs", arguments: collectives + customs)
  func rule(example: TypeRuleTests.Case) { TypeRuleTests().rule(example: example) }

  @Test("A bad program of a rule is found wherever it is named, and callees count as nested")
  func verifiesRules() throws {
    let bad = Program(
      name: "df", parameters: [Parameter(TensorType(.f32)), Parameter(TensorType(.f32))],
      instructions: [
        Instruction(op: .unary(.not), operands: [.value(Value(0))], results: [Value(2)])
      ], results: [ProgramResult(.value(Value(0))), ProgramResult(.value(Value(1)))],
      types: [TensorType(.f32), TensorType(.f32), TensorType(.f32)])
    var b = ProgramBuilder(name: "p")
    let x = b.parameter(TensorType(.f32))
    let y = try b.emit(
      .custom(.jvp(primal: Self.program("f32[]", "f", [0]), jvp: Op.Callee(bad))), [.value(x)])
    let errors = b.finish(results: [ProgramResult(.value(y[0]))]).verificationErrors()
    #expect(
      errors.map(\.message) == [
        "@df, instruction 0 (%2: f32[] = not %0): not: needs bool or an integer dtype; got f32[]"
      ])
  }

  static let statements: [(String, String)] = [
    ("%2: f32[3] = psum %0", "m:3:16: got 'psum', expected the attribute axes=[\"NAMES\"]"),
    ("%2: f32[3] = psum %0 {axes=[1]}", "m:3:30: got '[', expected axes=[\"NAMES\"]"),
    (
      "%2: f32[3] = psum %0 {axes=[\"i\"], size=2, groups=[0,1,2]}",
      "m:3:16: got 3 lanes in groups, expected groups of size=2 lanes"
    ),
    (
      "%2: f32[3] = all_gather %0 {dim=0, axes=[\"i\"]}",
      "m:3:16: got 'all_gather', expected the attribute size=INTEGER"
    ),
    (
      "%2: f32[3] = all_gather %0 {dim=0, axes=[\"i\"], size=2}",
      "m:3:7: got f32[3], expected f32[6] as all_gather gives"
    ),
    (
      "%2: f32[3] = ppermute %0 {lanes=[0,9223372036854775807]x[1,0], axes=[\"i\"]}",
      "m:3:16: ppermute: a source in [0, 9223372036854775807] is no lane of 'i', which has 9223372036854775807; got"
        + " f32[3]"
    ),
    ("%2: f32[3] = custom_jvp @g %0 {jvp=@h}", "m:3:27: got '@g', expected a program of this file"),
    ("%2: f32[3] = custom_jvp @f %0 {jvp=@h}", "m:3:38: got '@h', expected a program of this file"),
    ("%2: f32[3] = custom_jvp @f %0 {jvp=3}", "m:3:38: got '3', expected jvp=@NAME"),
    ("%2: f32[3] = custom_jvp @f %0", "m:3:16: got 'custom_jvp', expected the attribute jvp=@NAME"),
    ("%2: f32[3] = custom_jvp %0 {jvp=@f}", "m:3:27: got '%0', expected a program name such as '@main'"),
    (
      "%2: f32[3] = custom_jvp @f %0 {jvp=@m}",
      "m:3:38: @m calls itself, directly or through others; programs cannot be recursive"
    ),
    (
      "%2: f32[3] = custom_jvp @f %0 {jvp=@f}",
      "m:3:16: custom_jvp: the jvp program @f must be (f32[3], f32[3]) -> (f32[3], f32[3]), not (f32[3]) -> (f32[3]);"
        + " got f32[3]"
    ),
    ("%2: f32[3] = neg %0 {jvp=@f}", "m:3:24: got 'jvp', expected no attribute here"),
  ]

  @Test("Errors of text say what was got and expected", arguments: statements)
  func statement(statement: String, message: String) throws {
    let text = """
      // blox-ir 1
      program @m(%0: f32[3], %1: i32[3]) -> (f32[3]) {
        \(statement)
        return %2
      }
      program @f(%0: f32[3]) -> (f32[3]) {
        return %0
      }
      """
    let error = try #require(throws: BloxError.self) { try Program(parsing: text, fileName: "m") }
    #expect(error.message == message)
  }
}
