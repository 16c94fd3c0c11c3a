// Batching rules of ops on windows: lanes are a dimension with windows of size 1.

import BloxIR

extension Batcher {
  mutating func batchWindow(_ op: Op.WindowOp, _ operands: [BatchedOperand]) throws(BloxError) -> Operand {
    var lanes: [Operand] = []
    for operand in operands { lanes.append(try perLane(operand)) }
    switch op {
    case .reduce(let kind, let window):
      return try builder.emitOne(.window(.reduce(kind, window.belowLanes)), lanes)
    case .selectAndGatherAdd(let selection, let window):
      return try builder.emitOne(.window(.selectAndGatherAdd(selection, window.belowLanes)), lanes)
    case .selectAndScatterAdd(let selection, let window):
      return try builder.emitOne(.window(.selectAndScatterAdd(selection, window.belowLanes)), lanes)
    }
  }
}
