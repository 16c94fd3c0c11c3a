// Batching rules of ops on the order of elements: lanes are more lines. Operands that are sorted together need as many
// each.

import BloxIR

extension Batcher {
  mutating func batchOrdering(
    _ op: Ordering, _ operands: [BatchedOperand]
  ) throws(BloxError) -> [BatchedOperand] {
    guard operands.contains(where: \.isMapped) else {
      return try builder.emit(.ordering(op), operands.map(\.operand)).map { .shared(.value($0)) }
    }
    var lanes: [Operand] = []
    for operand in operands { lanes.append(try perLane(operand)) }
    return try builder.emit(.ordering(op.belowLanes), lanes).map { .mapped(.value($0)) }
  }
}

extension Ordering {
  /// The op with its axis below the lanes.
  fileprivate var belowLanes: Ordering {
    switch self {
    case .sort(var sort):
      sort.axis += 1
      return .sort(sort)
    case .topK(var top):
      top.axis += 1
      return .topK(top)
    }
  }
}
