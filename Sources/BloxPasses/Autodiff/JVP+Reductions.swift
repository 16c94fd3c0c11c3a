// Tangent rules of reductions and contractions.

import BloxIR

extension JVPRule {
  func reduce(_ kind: Op.Reduction, axes: [Int], _ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    guard let dx = tangent(0) else { return nil }
    switch kind {
    case .sum: return try b.reduceSum(dx, axes: axes)
    case .and, .or, .xor: return nil
    case .prod: return try product(axes: axes, dx, &b)
    case .max, .min:
      // The mean of the tangents of all extreme elements, so that ties share equally.
      let x = primal(0)
      let type = b.type(of: x)
      let kept = (0..<type.rank).filter { !axes.contains($0) }
      let extreme = try b.emitOne(.broadcastInDim(shape: type.shape, dims: kept), [result])
      let isExtreme = try b.emitOne(.convert(type.dtype), [try b.compare(.eq, x, extreme)])
      let count = try b.reduceSum(isExtreme, axes: axes)
      return try b.div(try b.reduceSum(try b.mul(dx, isExtreme), axes: axes), count)
    }
  }

  func dot(_ op: Op, _ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    var total: Operand?
    if let dl = tangent(0) { total = try b.emitOne(op, [dl, primal(1)]) }
    if let dr = tangent(1) { total = try sum(total, try b.emitOne(op, [primal(0), dr]), &b) }
    return total
  }
}
