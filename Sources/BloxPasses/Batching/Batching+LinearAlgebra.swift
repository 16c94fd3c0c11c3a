// Batching rules of factorisations and triangular systems: lanes are more matrices.
//
// A triangular system with one matrix for all lanes stays one system: the lanes become further right sides.
//
//   a x = b    a [n,n], b [lanes,n,m]   ->   a x = b [n,lanes*m]
//   x a = b    a [n,n], b [lanes,m,n]   ->   x a = b [lanes*m,n]

import BloxIR

extension Batcher {
  mutating func batchLinearAlgebra(
    _ op: LinearAlgebra, _ operands: [BatchedOperand]
  ) throws(BloxError) -> [BatchedOperand] {
    guard operands.contains(where: \.isMapped) else {
      return try builder.emit(.linearAlgebra(op), operands.map(\.operand)).map { .shared(.value($0)) }
    }
    if case .triangularSolve(let system) = op, !operands[0].isMapped, builder.type(of: operands[0].operand).rank == 2 {
      return [.mapped(try batchRightSides(system, operands[0].operand, operands[1].operand))]
    }
    var lanes: [Operand] = []
    for operand in operands { lanes.append(try perLane(operand)) }
    return try builder.emit(.linearAlgebra(op), lanes).map { .mapped(.value($0)) }
  }

  private mutating func batchRightSides(
    _ system: LinearAlgebra.TriangularSolve, _ a: Operand, _ b: Operand
  ) throws(BloxError) -> Operand {
    let shape = builder.type(of: b).shape
    let (rows, columns) = (shape[1], shape[2])
    if !system.leftSide {
      let flat = try builder.reshape(b, to: [size * rows, columns])
      return try builder.reshape(try builder.emitOne(.linearAlgebra(.triangularSolve(system)), [a, flat]), to: shape)
    }
    let flat = try builder.reshape(try builder.transpose(b, [1, 0, 2]), to: [rows, size * columns])
    let solved = try builder.emitOne(.linearAlgebra(.triangularSolve(system)), [a, flat])
    return try builder.transpose(try builder.reshape(solved, to: [rows, size, columns]), [1, 0, 2])
  }
}
