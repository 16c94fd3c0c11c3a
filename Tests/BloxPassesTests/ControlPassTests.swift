// What passes make of loops and choices: what is left in the bodies.

import BloxIR
import BloxRuntime
import ProgramFuzzing
import Testing

@testable import BloxPasses

struct ControlPassTests {
  /// h, x -> tanh(h u + x), tanh(h u + x) over 5 steps, with u a const.
  private func cell(carryWeights: Bool = false) throws -> Program {
    let types: [TensorType] = [.f32(3, 3), .f32(2, 3), .f32(5, 2, 3)]
    let product = Op.dotGeneral(Op.DotDimensions(lhsContract: [1], rhsContract: [0]))
    let body = try Program.region([.f32(3, 3), .f32(2, 3), .f32(2, 3)], axes: [:]) { (b, x) throws(BloxError) in
      let next = try b.unary(.tanh, b.add(b.emitOne(product, [x[1], x[0]]), x[2]))
      return [next, next]
    }
    return try makeProgram(types) { (b, x) throws(BloxError) in
      try b.emitAll(.control(.scan(Op.Scan(body: body, constCount: 1, carryCount: 1, length: 5))), x)
    }
  }

  private func scans(_ program: Program) -> [Op.Scan] {
    program.instructions.compactMap { instruction in
      if case .control(.scan(let scan)) = instruction.op { scan } else { nil }
    }
  }

  private func count(_ name: String, _ program: Program) -> Int {
    program.instructions.count { $0.op.name == name }
  }

  @Test(
    "The gradient of a recurrent net: no product is computed twice, weights are not stacked, outputs are not stacked twice"
  )
  func gradient() throws {
    let program = try cell()
    let vjp = try program.vjp(active: [true, true, true], differentiated: [true, true])
    for stage in [vjp, try PassPipeline([.inline, .simplify]).run(vjp, context: folding)] {
      let loops = scans(stage)
      try #require(loops.count == 2)
      let (forward, backward) = (loops[0], loops[1])
      #expect(!forward.isReversed && backward.isReversed)
      // One product forwards; backwards one for the state and one for the weights.
      #expect(count("dot_general", forward.body.program) == 1)
      #expect(count("dot_general", backward.body.program) == 2)
      #expect(count("tanh", backward.body.program) == 0)
      // Stacked: the output, from which the slope is computed, and the state before it.
      #expect(forward.body.program.results.count == 3, "\(stage)")
      #expect(backward.constCount == 1)
    }
  }

  @Test("What is loop-invariant is computed before the loop and read as a const by both loops")
  func invariantResiduals() throws {
    let body = try Program.region([.f32(3), .f32(3), .f32(3)], axes: [:]) { (b, x) throws(BloxError) in
      // exp(w) does not change; it is a factor of the derivative.
      [try b.unary(.sin, b.mul(b.unary(.exp, x[0]), b.add(x[1], x[2])))]
    }
    let program = try makeProgram([.f32(3), .f32(3), .f32(4, 3)]) { (b, x) throws(BloxError) in
      try b.emitAll(.control(.scan(Op.Scan(body: body, constCount: 1, carryCount: 1, length: 4))), x)
    }
    let vjp = try program.vjp(active: [false, true, true], differentiated: [true])
    let simple = try PassPipeline([.inline, .simplify]).run(vjp, context: folding)
    #expect(count("exp", simple) == 1, "\(simple)")
    for scan in scans(simple) { #expect(count("exp", scan.body.program) == 0, "\(simple)") }
    // Only cos(…) is stacked.
    #expect(scans(simple)[0].ys.count == 1, "\(simple)")
  }

  @Test("Carries, outputs, consts and inputs that nobody reads are removed, through bodies to a fixpoint")
  func deadCode() throws {
    // carry: (a, b, c, d); a reads b, b reads itself, c reads d, d reads c.
    let types: [TensorType] = [.f32(), .f32(), .f32(), .f32(), .f32(), .f32(), .f32()]
    let body = try Program.region(types, axes: [:]) { (b, x) throws(BloxError) in
      let (w, v, carry, slice) = (x[0], x[1], Array(x[2..<6]), x[6])
      return [
        try b.add(carry[0], carry[1]), try b.mul(carry[1], w), try b.mul(carry[3], v), try b.add(carry[2], slice),
        try b.mul(slice, v),
      ]
    }
    let program = try makeProgram(types.dropLast() + [.f32(3)]) { (b, x) throws(BloxError) in
      let results = try b.emitAll(.control(.scan(Op.Scan(body: body, constCount: 2, carryCount: 4, length: 3))), x)
      return [results[0]]
    }
    let live = try program.eliminatingDeadCode()
    let scan = try #require(scans(live).first)
    #expect((scan.constCount, scan.carryCount, scan.xs.count, scan.ys.count) == (1, 2, 0, 0))
    #expect(live.instructions[0].operands.map(\.value?.index) == [0, 2, 3])
    let arguments = randomArguments(program, seed: 1)
    #expect(try sameBits(ReferenceInterpreter.run(live, arguments), ReferenceInterpreter.run(program, arguments)))
  }

  @Test("Choices that are decided, loops of one iteration and checkpoints nobody differentiated are spliced")
  func resolved() throws {
    let double = try Program.region([.f32(2)], axes: [:]) { (b, x) throws(BloxError) in [try b.add(x[0], x[0])] }
    let negate = try Program.region([.f32(2)], axes: [:]) { (b, x) throws(BloxError) in [try b.neg(x[0])] }
    let program = try makeProgram([.f32(2)]) { (b, x) throws(BloxError) in
      let index = try b.binary(.add, .splat(Literal(3, as: .i32), shape: []), .splat(Literal(4, as: .i32), shape: []))
      let chosen = try b.emitAll(
        .control(.cond(Op.Cond(branches: [double, negate], isPredicate: false))), [index, x[0]])
      let once = try b.emitAll(
        .control(.scan(Op.Scan(body: double, constCount: 0, carryCount: 1, length: 1))), chosen)
      return try b.emitAll(.control(.checkpoint(Op.Checkpoint(body: negate, policy: .nothing))), once)
    }
    let simple = try PassPipeline([.inline, .simplify]).run(program, context: folding)
    #expect(!simple.instructions.contains { $0.op.isControl }, "\(simple)")
    let arguments = randomArguments(program, seed: 2)
    #expect(try sameBits(ReferenceInterpreter.run(simple, arguments), ReferenceInterpreter.run(program, arguments)))
  }

  @Test("Unrolled loops agree with the loop for every remainder and both directions", arguments: [1, 2, 3, 4, 7, 9])
  func unrolling(unroll: Int) throws {
    let body = try Program.region([.f32(2), .f32(2), .f32(2)], axes: [:]) { (b, x) throws(BloxError) in
      [try b.sub(x[2], b.mul(x[1], x[0])), x[1]]
    }
    for (length, isReversed) in (0...7).flatMap({ [($0, false), ($0, true)] }) {
      let scan = Op.Scan(
        body: body, constCount: 1, carryCount: 1, length: length, isReversed: isReversed, unroll: unroll)
      let program = try makeProgram([.f32(2), .f32(2), .f32(length, 2)]) { (b, x) throws(BloxError) in
        try b.emitAll(.control(.scan(scan)), x)
      }
      let resolved = try program.resolvingControl()
      #expect(scans(resolved).allSatisfy { $0.unroll == 1 && $0.length * unroll <= length })
      let arguments = randomArguments(program, seed: UInt64(length))
      let want = try ReferenceInterpreter.run(program, arguments)
      #expect(try sameBits(ReferenceInterpreter.run(resolved, arguments), want), "\(length), \(isReversed)")
      #expect(try sameBits(Compiler.compile(program).run(arguments), want), "\(length), \(isReversed), compiled")
    }
  }

  @Test("Carries are in place, stacked or alternate, and the arena holds what their bodies need")
  func places() throws {
    func place(_ body: (inout ProgramBuilder, [Operand]) throws(BloxError) -> [Operand]) throws -> [CarryPlace] {
      let region = try Program.region([.f32(4, 4), .f32(4, 4)], axes: [:], body)
      let program = try makeProgram([.f32(4, 4), .f32(4, 4)]) { (b, x) throws(BloxError) in
        try b.emitAll(.control(.scan(Op.Scan(body: region, constCount: 0, carryCount: 2, length: 3))), x)
      }
      let planned = try planBuffers(program)
      try planned.verify()
      guard case .control(let control) = planned.instructions[0].op else { return [] }
      return control.carryPlaces
    }
    // Elementwise work goes over what it reads; a product cannot.
    let product = Op.dotGeneral(Op.DotDimensions(lhsContract: [1], rhsContract: [0]))
    #expect(
      try place { (b, x) throws(BloxError) in [try b.neg(x[0]), try b.emitOne(product, [x[1], x[1]])] }
        == [.inPlace, .alternating])
    #expect(try place { (_, x) throws(BloxError) in [x[1], x[0]] } == [.alternating, .alternating])
    #expect(
      try place { (b, x) throws(BloxError) in
        let next = try b.emitOne(product, [x[0], x[1]])
        return [next, x[1], next]
      } == [.stacked(2), .inPlace])
    // The old value is still needed after the new one is made.
    #expect(
      try place { (b, x) throws(BloxError) in
        let next = try b.neg(x[0])
        return [next, try b.mul(next, b.add(x[0], x[1]))]
      }[0] == .alternating)
  }
}
