// Printing over lanes: one line for each lane, in order.

import BloxIR

extension Batcher {
  /// before:  debug_print %x, %y {format}               with %x of every lane, %y shared
  /// after:   debug_print %x, (broadcast %y) {format, lanes=1}
  mutating func batchPrint(_ print: DebugPrint, _ operands: [BatchedOperand]) throws(BloxError) -> BatchedOperand {
    guard operands.contains(where: \.isMapped) else {
      return .shared(.value(try builder.emit(.debugPrint(print), operands.map(\.operand))[0]))
    }
    var lanes: [Operand] = []
    for operand in operands { lanes.append(try perLane(operand)) }
    return .mapped(try builder.emitOne(.debugPrint(DebugPrint(print.format, lanes: print.lanes + 1)), lanes))
  }
}
