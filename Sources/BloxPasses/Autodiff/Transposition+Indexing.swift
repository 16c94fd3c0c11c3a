// Transposes of indexing ops: what reads at a place adds to it, and the other way round.

import BloxIR

extension Transposition {
  mutating func transposeIndexing(
    _ op: Op.Indexing, _ instruction: Instruction, operand index: Int, _ ct: Operand
  ) throws(BloxError) -> Operand? {
    let operands = instruction.operands
    let type = program.type(of: operands[index])
    switch op {
    case .reverse: return try builder.emitOne(.indexing(op), [ct])
    case .dynamicSlice:
      let zeros = builder.splat(0, type)
      return try builder.emitOne(.indexing(.dynamicUpdateSlice), [zeros, ct] + operands.dropFirst().map(residual))
    case .dynamicUpdateSlice:
      let starts = operands.dropFirst(2).map(residual)
      guard index == 0 else { return try builder.emitOne(.indexing(.dynamicSlice(sizes: type.shape)), [ct] + starts) }
      let update = program.type(of: operands[1])
      return try builder.emitOne(.indexing(op), [ct, builder.splat(0, update)] + starts)
    case .gather(let dims):
      let zeros = builder.splat(0, type)
      return try builder.emitOne(.indexing(.scatter(.add, dims.scatter)), [zeros, residual(operands[1]), ct])
    case .scatter(.add, let dims):
      if index == 0 { return ct }
      return try builder.gather(ct, residual(operands[1]), dims.reading(operands, in: program))
    case .scatter(.set, let dims):
      // Linear where no two updates meet: the last one's tangent is the only one.
      guard dims.isUnique else { throw notLinear(instruction) }
      let indices = residual(operands[1])
      if index == 2 { return try builder.gather(ct, indices, dims.reading(operands, in: program)) }
      let zeros = builder.splat(0, program.type(of: operands[2]))
      return try builder.emitOne(.indexing(op), [ct, indices, zeros])
    case .scatter(.mul, _):
      guard index == 0, !isLinear(operands[2]) else { throw notLinear(instruction) }
      return try builder.emitOne(.indexing(op), [ct, residual(operands[1]), residual(operands[2])])
    case .scatter(.min, _), .scatter(.max, _): throw notLinear(instruction)
    }
  }
}

extension Op.ScatterDimensions {
  /// The gather that reads where a scatter of these operands writes.
  fileprivate func reading(_ operands: [Operand], in program: Program) -> Op.GatherDimensions {
    gather(operand: program.type(of: operands[0]).shape, updates: program.type(of: operands[2]).shape)
  }
}
