import Testing

@testable import BloxIR

@Suite("Verifier")
struct VerifierTests {
  private let f32x2 = TensorType(.f32, [2])

  /// `neg`, then `add` with a literal, in the module `net`.
  private func valid() throws -> Program {
    var b = ProgramBuilder(name: "p")
    let x = b.parameter(f32x2, label: .argument("x"))
    b.note = SourceNote(scope: "net", location: SourceLocation(file: "App/Net.swift", line: 7))
    let y = try b.emitOne(.unary(.neg), [.value(x)])
    let z = try b.emitOne(.binary(.add), [y, .splat(Literal(1, as: .f32), shape: [2])])
    return b.finish(results: [ProgramResult(z)])
  }

  private func messages(_ program: Program, axes: [String: Int] = [:]) -> [String] {
    let errors = program.verificationErrors(axes: axes)
    #expect(errors.allSatisfy { $0.code == .verification })
    return errors.map(\.message)
  }

  @Test("A valid program has no errors, and the first error is the one thrown")
  func firstError() throws {
    var program = try valid()
    try program.verify()
    program.instructions[0].operands = [.value(Value(9))]
    program.results[0].label = .argument("")
    let errors = program.verificationErrors()
    #expect(errors.count == 2)
    #expect(throws: errors[0]) { try program.verify() }
    #expect(
      errors[0].description
        == "@p, instruction 0 (%1: f32[2] = neg %undefined9): it reads a value that is not defined before it"
        + " [in net] [at Net.swift:7]")
  }

  @Test("Values are defined before use, in order, each with a type")
  func definitions() throws {
    var program = try valid()
    program.instructions[0].operands = [.value(Value(2))]
    #expect(
      messages(program) == [
        "@p, instruction 0 (%1: f32[2] = neg %undefined2): it reads a value that is not defined before it"
      ])
    program = try valid()
    program.instructions[0].results = [Value(3)]
    #expect(
      messages(program) == [
        "@p, instruction 0 (%1: ? = neg %0): the result is value 3 in memory, but 1 is the next in order"
      ])
    program = try valid()
    program.instructions.removeLast()
    #expect(messages(program) == ["@p: there are 3 types for 2 values"])
    program = try valid()
    program.results = [ProgramResult(.value(Value(5)))]
    #expect(messages(program) == ["@p: result 0 is a value that no instruction defines"])
    #expect(program.text().contains("return %undefined5"), "a broken program can still be looked at")
  }

  @Test("Results have the types that the op gives")
  func types() throws {
    var program = try valid()
    program.instructions[0].op = .unary(.isFinite)
    #expect(
      messages(program) == [
        "@p, instruction 0 (%1: f32[2] = is_finite %0): result 0 is f32[2], but is_finite gives bool[2]"
      ])
    program.instructions[0].op = .unary(.not)
    #expect(
      messages(program) == [
        "@p, instruction 0 (%1: f32[2] = not %0): not: needs bool or an integer dtype; got f32[2]"
      ])
    program.instructions[0].op = .axisIndex("batch")
    program.instructions[0].operands = []
    #expect(
      messages(program) == [
        "@p, instruction 0 (%1: f32[2] = axis_index {axis=\"batch\"}): found an unbound axis name: batch (none is bound"
          + " here); bind it with vmap(axisName: \"batch\")"
      ])
    #expect(
      messages(program, axes: ["batch": 4]) == [
        "@p, instruction 0 (%1: f32[2] = axis_index {axis=\"batch\"}): result 0 is f32[2], but axis_index gives i32[]"
      ])
    program = try valid()
    program.parameters[0].type = TensorType(.f32, [-1])
    #expect(
      messages(program) == [
        "@p: parameter 0 is f32[-1], but its value has the type f32[2]",
        "@p: parameter 0: the shape f32[-1] has a negative dimension",
      ])
  }

  @Test("Literals stand only where the op demands a type for them")
  func literals() throws {
    var program = try valid()
    let one = Operand.splat(Literal(1, as: .f32), shape: [2])
    program.instructions[0].operands = [one]
    #expect(messages(program) == ["@p, instruction 0 (%1: f32[2] = neg 1.0): neg takes no literal as operand 1"])

    program = try valid()
    program.instructions[1].op = .pad(Op.Padding(low: [0], high: [0]))
    program.instructions[1].operands[1] = one
    #expect(
      messages(program) == [
        "@p, instruction 1 (%2: f32[2] = pad %1, 1.0 {low=[0], high=[0]}): pad: the padding value must be a scalar;"
          + " got f32[2], f32[2]",
        "@p, instruction 1 (%2: f32[2] = pad %1, 1.0 {low=[0], high=[0]}): the literal of operand 2 is f32[2], but"
          + " f32[] is demanded",
      ])
  }

  @Test("Labels are not empty, and those of parameters are unique")
  func labels() throws {
    var b = ProgramBuilder(name: "p")
    for label in [ValueLabel.path("x"), .argument("x"), .path("x"), .argument("")] {
      _ = b.parameter(f32x2, label: label)
    }
    #expect(
      messages(b.finish(results: [])) == [
        "@p: two parameters have the label \"x\"", "@p: the label of parameter 3 is empty",
      ])
  }

  @Test("A region is checked as part of its program, with the names of the text")
  func regions() throws {
    var inner = try valid()
    inner.parameters[0].label = nil
    for index in inner.instructions.indices { inner.instructions[index].note = SourceNote() }
    func fused(_ region: Program) throws -> Program {
      var b = ProgramBuilder(name: "q")
      let x = try b.emitOne(.unary(.neg), [.value(b.parameter(f32x2))])
      var y = try b.emitOne(.fusion(Op.Fusion(kind: .loop, region: try valid())), [x])
      y = try b.emitOne(.unary(.exp), [y])
      var program = b.finish(results: [ProgramResult(y)])
      program.instructions[1].op = .fusion(Op.Fusion(kind: .loop, region: region))
      return program
    }
    #expect(messages(try fused(inner)) == [])
    var broken = inner
    broken.instructions[1].operands[0] = .value(Value(7))
    #expect(
      messages(try fused(broken)) == [
        "@q, instruction 1, region, instruction 1 (%5: f32[2] = add %undefined7, 1.0): it reads a value that is not"
          + " defined before it"
      ])
    broken = inner
    broken.parameters[0].isDonated = true
    broken.results[0].label = .argument("y")
    broken.instructions[0].buffers = [.constant]
    #expect(
      messages(try fused(broken)) == [
        "@q, instruction 1, region (%2: f32[2] = fusion %1 {kind=loop}): parameter 0 of a region has a label or flag,"
          + " which only a program's parameters have",
        "@q, instruction 1, region (%2: f32[2] = fusion %1 {kind=loop}): a region has result labels or a memory plan,"
          + " which only a program has",
        "@q, instruction 1, region, instruction 0 (%4: f32[2] = neg %3 {buffer=const}): an instruction of a region has"
          + " a buffer; the instruction that holds the region has them",
      ])
    var signature = try fused(inner)
    signature.instructions[1].operands = []
    #expect(
      messages(signature) == [
        "@q, instruction 1 (%2: f32[2] = fusion {kind=loop}): fusion: the region takes (f32[2]); got no operands"
      ])
  }

  @Test("A callee is checked once, under its own name and the caller's axes")
  func callees() throws {
    var inner = ProgramBuilder(name: "lane", axes: ["batch": 4])
    let lane = try inner.emitOne(.axisIndex("batch"), [])
    let callee = Op.call(Op.Callee(inner.finish(results: [ProgramResult(lane)])))
    var b = ProgramBuilder(name: "p")
    let x = try b.emitOne(callee, [])
    let y = try b.emitOne(callee, [])
    let program = b.finish(results: [ProgramResult(x), ProgramResult(y)])
    #expect(messages(program, axes: ["batch": 4]) == [])
    #expect(
      messages(program, axes: ["model": 2, "data": 2]) == [
        "@lane, instruction 0 (%0: i32[] = axis_index {axis=\"batch\"}): found an unbound axis name: batch (bound here:"
          + " data, model); bind it with vmap(axisName: \"batch\")"
      ])
  }

  @Test("Nesting has a limit, which printing and parsing rely on")
  func nesting() throws {
    func nested(_ depth: Int) throws -> Program {
      let one = [ProgramResult(.splat(Literal(1, as: .f32), shape: []))]
      var program = ProgramBuilder(name: "f0").finish(results: one)
      for level in 1...depth {
        var b = ProgramBuilder(name: "f\(level)")
        try b.emit(level % 2 == 0 ? .call(Op.Callee(program)) : .fusion(Op.Fusion(kind: .loop, region: program)), [])
        program = b.finish(results: one)
      }
      return program
    }
    #expect(messages(try nested(64)) == [])
    #expect(try Program(parsing: try nested(64).text()) == (try nested(64)))
    let errors = messages(try nested(65))
    #expect(!errors.isEmpty && errors.allSatisfy { $0.hasSuffix("programs are nested deeper than 64") })
  }

  @Test("A memory plan is complete, within its bounds, and writes to donated parameters only")
  func plans() throws {
    func planned(_ buffers: [[BufferLocation]], donated: Bool = false) throws -> Program {
      var program = try valid()
      program.memory = MemorySummary(arenaBytes: 16, resultBytes: 8, aliasedBytes: 0)
      program.parameters[0].isDonated = donated
      for (index, buffers) in buffers.enumerated() { program.instructions[index].buffers = buffers }
      return program
    }
    #expect(messages(try planned([[.arena(offset: 8)], [.result(0)]])) == [])
    #expect(messages(try planned([[.parameter(0)], [.parameter(0)]], donated: true)) == [])
    let prefix = "@p, instruction 0 (%1: f32[2] = neg %0 {buffer="
    let wrong: [(BufferLocation, String)] = [
      (.arena(offset: 9), "arena[9]}): arena[9] and 8 B from there are not within the arena of 16 B"),
      (.arena(offset: -1), "arena[-1]}): arena[-1] and 8 B from there are not within the arena of 16 B"),
      (.result(1), "result[1]}): result[1] does not exist: the program has 1 result"),
      (.parameter(1), "param[1]}): param[1] does not exist: the program has 1 parameter"),
      (.parameter(0), "param[0]}): it writes to param[0], which the caller has not donated"),
      (.operand(offset: 0), "operand[0]}): its elements are not those of the operand from byte 0 on"),
    ]
    for (buffer, message) in wrong { #expect(messages(try planned([[buffer], [.result(0)]])) == [prefix + message]) }
    #expect(
      messages(try planned([[], [.constant, .constant]])) == [
        "@p, instruction 0 (%1: f32[2] = neg %0): it has 0 buffers for 1 result",
        "@p, instruction 1 (%2: f32[2] = add %1, 1.0 {buffers=[const, const]}): it has 2 buffers for 1 result",
      ])
    var unplanned = try valid()
    unplanned.instructions[1].buffers = [.constant]
    #expect(
      messages(unplanned) == [
        "@p, instruction 1 (%2: f32[2] = add %1, 1.0 {buffer=const}): it has a buffer, but the program has no memory"
          + " plan"
      ])
    var twice = try planned([[.parameter(0)], [.parameter(0)]], donated: true)
    twice.results.append(ProgramResult(.value(Value(1))))
    #expect(
      messages(twice) == [
        "@p, instruction 0 (%1: f32[2] = neg %0 {buffer=param[0]}): another result of the program is already in"
          + " param[0]"
      ])
    unplanned = try valid()
    unplanned.memory = MemorySummary(arenaBytes: -1, resultBytes: 0, aliasedBytes: 0)
    #expect(messages(unplanned) == ["@p: the memory plan has an amount below zero or beyond 2^47 bytes"])
  }
}
