// Passes that know no op by name: inline, dce, cse, splicing; the list of passes and the pipeline.

import BloxIR
import BloxRuntime
import Testing

@testable import BloxPasses

struct StructuralPassTests {
  @Test("Inlining splices calls within calls and puts their notes below the caller's")
  func inlining() throws {
    let inner = try makeProgram([.f32(3)], name: "inner") { (b, x) throws(BloxError) in
      b.note = SourceNote(scope: "linear")
      return [try b.neg(x[0])]
    }
    let outer = try makeProgram([.f32(3)], name: "outer") { (b, x) throws(BloxError) in
      let y = try b.emit(.call(Op.Callee(inner)), x)
      return [try b.add(.value(y[0]), x[0]), x[0]]
    }
    let program = try makeProgram([.f32(3)]) { (b, x) throws(BloxError) in
      b.note = SourceNote(scope: "net", location: SourceLocation(file: "A.swift", line: 3))
      return try b.emit(.call(Op.Callee(outer)), [b.splat(2, like: x[0])]).map { .value($0) }
    }
    let flat = try Pass.inline.run(program)
    #expect(flat.instructions.map(\.op.name) == ["constant", "broadcast_in_dim", "neg", "add"])
    #expect(flat.instructions[2].note.scope == "net/linear")
    #expect(flat.instructions[2].note.location?.line == 3)
    #expect(flat.results[1].operand == .splat(Literal(2, as: .f32), shape: [3]))
  }

  @Test("A scope that already starts with the caller's is not repeated")
  func nestedScopes() {
    func nested(_ scope: String, in outer: String) -> String {
      SourceNote(scope: scope).nested(in: SourceNote(scope: outer)).scope
    }
    #expect(nested("net/linear", in: "net") == "net/linear")
    #expect(nested("network", in: "net") == "net/network")
    #expect(nested("", in: "net") == "net")
    #expect(nested("net", in: "") == "net")
  }

  @Test("Splicing checks its arguments")
  func splicing() throws {
    let callee = try makeProgram([.f32(3)], name: "f") { (b, x) throws(BloxError) in [try b.neg(x[0])] }
    #expect(throws: BloxError(.shapeMismatch, "@f takes (f32[3]); got (f32[4])")) {
      try makeProgram([.f32(4)]) { (b, x) throws(BloxError) in try b.splice(callee, arguments: x) }
    }
  }

  @Test("Dead code goes, also results and parameters of callees and regions; parameters of the program stay")
  func deadCode() throws {
    let callee = try makeProgram([.f32(3), .f32(3)], name: "f") { (b, x) throws(BloxError) in
      [try b.neg(x[0]), try b.unary(.exp, x[1])]
    }
    let program = try makeProgram([.f32(3), .f32(3), .f32(3)]) { (b, x) throws(BloxError) in
      _ = try b.add(x[2], x[2])
      let y = try b.unary(.tanh, x[1])
      return [.value(try b.emit(.call(Op.Callee(callee)), [x[0], y])[0])]
    }
    let live = try Pass.deadCode.run(program)
    #expect(live.parameters.count == 3)
    #expect(live.instructions.map(\.op.name) == ["call"])
    #expect(live.instructions[0].operands == [.value(live.parameterValue(0))])
    #expect(live.instructions[0].callee?.program.instructions.map(\.op.name) == ["neg"])
  }

  @Test("What is sorted by others and not read is not sorted; keys stay") func deadOperandsOfSorts() throws {
    let sort = Op.ordering(.sort(Ordering.Sort(axis: 0, keyCount: 2)))
    let program = try makeProgram([.f32(3), .i32(3), .f32(3), .i32(3)]) { (b, x) throws(BloxError) in
      [.value(try b.emit(sort, x)[3])]
    }
    let live = try Pass.deadCode.run(program)
    #expect(live.instructions[0].operands == [0, 1, 3].map { .value(live.parameterValue($0)) })
    let arguments = randomArguments(program, seed: 5)
    #expect(try sameBits(ReferenceInterpreter.run(live, arguments), ReferenceInterpreter.run(program, arguments)))
  }

  @Test("Equal instructions merge, with operands of commutative ops in any order; random ops too")
  func commonSubexpressions() throws {
    let program = try makeProgram([.f32(), .f32(), .key()]) { (b, x) throws(BloxError) in
      let bits = Op.random(.bits(shape: [2], .u32))
      return [
        try b.add(x[0], x[1]), try b.add(x[1], x[0]), try b.sub(x[0], x[1]), try b.sub(x[1], x[0]),
        try b.emitOne(bits, [x[2]]), try b.emitOne(bits, [x[2]]),
      ]
    }
    let merged = try Pass.commonSubexpressions.run(program)
    #expect(merged.instructions.map(\.op.name) == ["add", "sub", "sub", "random_bits"])
    #expect(merged.results[0] == merged.results[1] && merged.results[4] == merged.results[5])
  }

  @Test("Passes are found by name, and a misspelt name is answered with the nearest")
  func names() throws {
    for pass in Pass.all {
      #expect(try Pass.named(pass.name).summary == pass.summary)
      #expect(pass.name.allSatisfy { $0.isLowercase || $0 == "-" })
    }
    let list = Pass.all.map(\.name).joined(separator: ", ")
    #expect(throws: BloxError(.usage, "there is no pass named simplfy; did you mean simplify? passes: \(list)")) {
      try Pass.named("simplfy")
    }
    #expect(throws: BloxError(.usage, "there is no pass named vectorize; passes: \(list)")) {
      try Pass.named("vectorize")
    }
  }

  @Test("A pipeline shows each stage, times it, and blames a pass for an invalid program")
  func pipeline() throws {
    let program = try makeProgram([.f32(3)]) { (b, x) throws(BloxError) in [try b.neg(b.neg(x[0]))] }
    var stages: [String] = []
    let run = try PassPipeline([.commonSubexpressions, .simplify]).runTimed(program) { pass, stage in
      stages.append("\(pass.name) \(stage.instructions.count)")
    }
    #expect(stages == ["cse 2", "simplify 0"])
    #expect(run.timings.map(\.pass) == ["cse", "simplify"] && run.timings.map(\.instructionCount) == [2, 0])

    let broken = Pass(name: "broken", summary: "Returns what is not there.") { (program, _) throws(BloxError) in
      var program = program
      program.results = [ProgramResult(.value(Value(99)))]
      return program
    }
    let error = #expect(throws: BloxError.self) { try PassPipeline([broken], verifies: true).run(program) }
    #expect(error?.message.hasPrefix("the pass broken made an invalid program (a bug of the pass): ") == true)
  }
}
