// Batching rule of dot_general.
//
// A result is laid out as [batch dimensions, free dimensions of the left, free dimensions of the right]:
//
//   mapped     the lanes are                      and come out at
//   both       one more batch dimension, first    0
//   left       a free dimension of the left       after the batch dimensions
//   right      a free dimension of the right      after the batch and the left's free dimensions
//
// With one side mapped the product stays one large product instead of many small ones. The lanes are then moved to
// dimension 0 by a transpose, which simplification absorbs where it can.

import BloxIR

extension Batcher {
  mutating func batchDot(
    _ lhs: BatchedOperand, _ rhs: BatchedOperand, _ dims: Op.DotDimensions
  ) throws(BloxError) -> Operand {
    var all = dims
    if lhs.isMapped {
      all.lhsBatch = dims.lhsBatch.belowLanes
      all.lhsContract = dims.lhsContract.belowLanes
    }
    if rhs.isMapped {
      all.rhsBatch = dims.rhsBatch.belowLanes
      all.rhsContract = dims.rhsContract.belowLanes
    }
    if lhs.isMapped && rhs.isMapped {
      all.lhsBatch.insert(0, at: 0)
      all.rhsBatch.insert(0, at: 0)
      return try builder.emitOne(.dotGeneral(all), [lhs.operand, rhs.operand])
    }
    let product = try builder.emitOne(.dotGeneral(all), [lhs.operand, rhs.operand])
    let lhsFree = all.lhsFree(rank: builder.type(of: lhs.operand).rank)
    let lanes = all.lhsBatch.count + (lhs.isMapped ? 0 : lhsFree.count)
    let rank = builder.type(of: product).rank
    return try builder.transpose(product, [lanes] + (0..<rank).filter { $0 != lanes })
  }
}
