// Batching rules of reductions: the same axes, one further in.

import BloxIR

extension Batcher {
  mutating func batchReduce(
    _ kind: Op.Reduction, _ x: BatchedOperand, axes: [Int]
  ) throws(BloxError) -> Operand {
    try builder.emitOne(.reduce(kind, axes: axes.belowLanes), [x.operand])
  }

  mutating func batchArgReduce(
    _ kind: Op.ArgReduction, _ x: BatchedOperand, axis: Int
  ) throws(BloxError) -> Operand {
    try builder.emitOne(.argReduce(kind, axis: axis + 1), [x.operand])
  }
}
