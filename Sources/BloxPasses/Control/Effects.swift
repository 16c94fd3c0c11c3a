// Effects in control flow: what runs for its effects alone stays, and what is computed a second time has none.

import BloxIR

extension Op.Control {
  /// The control flow with a result that nobody reads, if it has an effect and no results: every instruction defines
  /// something. `nil` if it has neither.
  package var definingResult: Op.Control? {
    let program = regions[regions.count - 1].program
    guard program.results.isEmpty else { return self }
    // What a condition decides by is carried, so that a `while` that may end has results.
    if case .loop = self { return nil }
    guard Op.control(self).hasEffect else { return nil }
    return with(regions: regions.map { $0.program.returning([.splat(Literal(dtype: .bool, bits: 0), shape: [])]) })
  }
}

extension ProgramBuilder {
  /// The results of control flow, which is left out if it has neither results nor effects.
  mutating func emitControl(_ control: Op.Control, _ operands: [Operand]) throws(BloxError) -> [Operand] {
    guard let defining = control.definingResult else { return [] }
    let results = try emitAll(.control(defining), operands)
    return defining == control ? results : []
  }
}

extension Program {
  /// The program with prints as the values that they print, in its regions too.
  func withoutEffects(axes: [String: Int]) throws(BloxError) -> Program {
    guard instructions.contains(where: \.op.hasEffect) else { return self }
    var rewriter = Rewriter(self, axes: axes)
    for instruction in instructions {
      if case .debugPrint = instruction.op {
        rewriter.bind(instruction, to: [rewriter.operand(instruction.operands[0])])
        continue
      }
      var copy = instruction
      if instruction.op.hasEffect {
        if let nested = instruction.op.nestedProgram {
          copy.op = instruction.op.withNestedProgram(try nested.withoutEffects(axes: axes))
        } else if instruction.op.isControl {
          var regions: [Program] = []
          for region in instruction.op.regions { regions.append(try region.program.withoutEffects(axes: axes)) }
          copy.op = instruction.op.with(regions: regions)
        }
      }
      try rewriter.copy(copy)
    }
    return rewriter.finish()
  }
}
