// Lowering of sorts and of the largest elements. Lines are independent of each other, so that bits do not depend on how
// they are divided.
import BloxIR
import CBloxKernels

extension Lowering {
  mutating func lowerOrdering(_ instruction: Instruction, _ op: Ordering) throws(BloxError) {
    let operands = instruction.operands.map { type($0) }
    guard program.type(of: instruction.results[0]).elementCount > 0 else { return }
    let (axis, keyCount): (Int, Int)
    var order = blox_order()
    switch op {
    case .sort(let sort):
      (axis, keyCount) = (sort.axis, sort.keyCount)
      order.count = Int64(operands[0].shape[axis])
    case .topK(let top):
      (axis, keyCount) = (top.axis, 1)
      order.count = Int64(top.count)
    }
    let length = operands[0].shape[axis]
    guard length < 1 << 48 else { throw unsupported("an axis of \(length) elements is too long to be sorted") }
    order.operand_count = Int32(operands.count)
    order.key_count = Int32(keyCount)
    order.dtypes = memory.keep(operands.map { Int32($0.dtype.kernel.rawValue) })
    order.sources = memory.keep(try valueSlots(instruction))
    order.targets = memory.keep(resultSlots(instruction))
    order.length = Int64(length)
    order.inner = Int64(operands[0].shape[(axis + 1)...].reduce(1, *))
    order.is_wide = operands.prefix(keyCount).contains { $0.dtype.bitWidth > 32 } || length > Int(UInt32.max)
    let lines = operands[0].elementCount / length
    let kind: OrderStep.Kind
    let bytes: Int
    switch op {
    case .sort: (kind, bytes) = (.sort, Int(blox_sort_scratch_bytes(&order)))
    case .topK: (kind, bytes) = (.topK, Int(blox_top_k_scratch_bytes(&order)))
    }
    // Enough work to be worth a thread; long lines go to few parts, each of which has memory of its own.
    let isLong = bytes > OrderStep.laneScratchLimit
    let least = isLong ? (lines + OrderStep.partLimit - 1) / OrderStep.partLimit : 1
    let linesPerPart = min(lines, max(least, ((1 << 14) + length - 1) / length))
    let parts = (lines + linesPerPart - 1) / linesPerPart
    let stride = bytes.roundedUpToLine
    let scratch = isLong ? scratchSlot(byteCount: parts * stride) : -1
    if !isLong { needLaneScratch(byteCount: stride) }
    append(
      .order(
        memory.keep(
          OrderStep(
            kind: kind, order: memory.keep(order), lines: lines, linesPerPart: linesPerPart, scratch: scratch,
            scratchBytes: stride))))
  }
}
