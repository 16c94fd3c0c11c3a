import Testing

@testable import BloxIR

@Suite("Programs as text and back")
struct RoundTripTests {
  @Test("A random program parses back from its text as it was, and prints the same again", arguments: 0..<300)
  func randomPrograms(seed: Int) throws {
    var random = RandomPrograms(seed: UInt64(seed))
    let program = try random.program(instructions: seed % 20)
    #expect(program.verificationErrors(axes: RandomPrograms.axes) == [], "seed \(seed)")
    let text = program.text()
    let parsed = try Program(parsing: text, fileName: "seed-\(seed)")
    #expect(parsed == program, "seed \(seed)")
    #expect(parsed.text() == text, "seed \(seed)")
  }

  @Test("Together the random programs hold every op")
  func randomProgramsCoverEveryOp() throws {
    var found: Set<String> = []
    func visit(_ program: Program) {
      for instruction in program.instructions {
        found.insert(instruction.op.name)
        for region in instruction.op.regions { visit(region.program) }
        for (_, callee) in instruction.op.callees { visit(callee.program) }
      }
    }
    for seed in 0..<600 {
      var random = RandomPrograms(seed: UInt64(seed))
      visit(try random.program(instructions: seed % 20))
    }
    #expect(Set(Op.names).subtracting(found).sorted() == [])
    #expect(found.subtracting(Op.names).sorted() == [])
  }

  @Test("Source notes survive printing with locations, and prose after an instruction is no note")
  func notes() throws {
    var b = ProgramBuilder(name: "noted")
    let x = b.parameter(TensorType(.f32))
    b.note = SourceNote(scope: "net/mlp", location: SourceLocation(file: "Module/Train.swift", line: 12))
    let y = try b.emitOne(.unary(.neg), [.value(x)])
    b.note = SourceNote(location: SourceLocation(file: "Module/Train.swift", line: 13))
    let z = try b.emitOne(.unary(.neg), [y])
    b.note = SourceNote(scope: "odd path\nreturn")
    let result = try b.emitOne(.unary(.neg), [z])
    let program = b.finish(results: [ProgramResult(result)])

    let text = program.text(PrintOptions(locations: true))
    #expect(
      text.split(separator: "\n")[2...4] == [
        "  %1: f32[] = neg %0  // net/mlp Train.swift:12", "  %2: f32[] = neg %1  // Train.swift:13",
        "  %3: f32[] = neg %2  // odd_path_return",
      ])
    let parsed = try Program(parsing: text)
    #expect(parsed.text(PrintOptions(locations: true)) == text)
    #expect(parsed.instructions[0].note.location == SourceLocation(file: "Train.swift", line: 12))
    #expect(parsed == program)
    #expect(!program.text(PrintOptions(notes: false)).contains("  //"))

    let prose = text.replacing("// net/mlp Train.swift:12", with: "// turns the sign around")
    #expect(try Program(parsing: prose).instructions[0].note.scope == "")
  }

  @Test("Values may have any names, and blank space, comments and line ends are free between tokens")
  func freeForm() throws {
    let text = """
      // blox-ir 1\r
      // a comment
      program @adder ( %x : f32 [ 3 ] { arg = "x" } ) -> // in between
        (f32[3]) { %sum.1: f32[3] = add %x,
          10 // a note

      \treturn %sum.1 }
      """
    #expect(try Program(parsing: text).text() == Samples.adder.text)
  }

  @Test("Callees are found in any order, shared when called twice, and renamed when two have one name")
  func callees() throws {
    func callee(_ literal: Double) throws -> Op {
      var b = ProgramBuilder(name: "f")
      let x = b.parameter(TensorType(.f32))
      let y = try b.emitOne(.binary(.add), [.value(x), .splat(Literal(literal, as: .f32), shape: [])])
      return .call(Op.Callee(b.finish(results: [ProgramResult(y)])))
    }
    var b = ProgramBuilder(name: "f")
    var x: Operand = .value(b.parameter(TensorType(.f32)))
    for literal in [1.0, 2.0, 1.0] { x = try b.emitOne(try callee(literal), [x]) }
    let program = b.finish(results: [ProgramResult(x)])
    #expect(
      program.text() == """
        // blox-ir 1
        program @f(%0: f32[]) -> (f32[]) {
          %1: f32[] = call @f.1 %0
          %2: f32[] = call @f.2 %1
          %3: f32[] = call @f.1 %2
          return %3
        }
        program @f.1(%0: f32[]) -> (f32[]) {
          %1: f32[] = add %0, 1.0
          return %1
        }
        program @f.2(%0: f32[]) -> (f32[]) {
          %1: f32[] = add %0, 2.0
          return %1
        }

        """)
    #expect(try Program(parsing: program.text()) == program)
  }
}
