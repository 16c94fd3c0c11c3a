// Batching rules of random ops.
//
// Each key of a tensor of keys draws what it would draw alone, so lanes of keys are more keys, and each lane gets the
// bits that it would get without batching. A shared key with mapped data (`fold_in key, lane`) is repeated.

import BloxIR

extension Batcher {
  mutating func batchRandom(_ op: Op.RandomOp, _ operands: [BatchedOperand]) throws(BloxError) -> Operand {
    switch op {
    case .foldIn:
      return try builder.emitOne(.random(op), [perLane(operands[0]), perLane(operands[1])])
    case .seed, .split, .bits, .wrap, .unwrap:
      return try builder.emitOne(.random(op), [operands[0].operand])
    }
  }
}
