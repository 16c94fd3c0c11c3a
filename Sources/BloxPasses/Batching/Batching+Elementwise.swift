// Batching rule of elementwise ops: the op applies to every lane as it stands.

import BloxIR

extension Batcher {
  /// add %x:f32[3], %y:f32[3]  ->  add %x:f32[n,3], %y:f32[n,3]. A shared operand is repeated; the fusion pass reads
  /// it in place of storing the copies.
  mutating func batchElementwise(_ op: Op, _ operands: [BatchedOperand]) throws(BloxError) -> Operand {
    var lanes: [Operand] = []
    for operand in operands { lanes.append(try perLane(operand)) }
    return try builder.emitOne(op, lanes)
  }
}
