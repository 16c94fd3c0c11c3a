// The step of sorts and of the largest elements: lines along the middle dimension of `[outer, length, inner]`, some per
// part.
import CBloxKernels

struct OrderStep: BitwiseCopyable {
  enum Kind: BitwiseCopyable {
    case sort, topK
  }

  let kind: Kind
  let order: UnsafePointer<blox_order>
  let lines: Int
  let linesPerPart: Int
  /// Scratch for each part; -1 where that of the thread is used.
  let scratch: Int32
  let scratchBytes: Int

  /// The most scratch that every thread has for itself, whether it has a line or not.
  static let laneScratchLimit = 1 << 20
  /// The most parts where parts have scratch of their own.
  static let partLimit = 16

  static func run(_ step: UnsafePointer<OrderStep>, _ memory: RunMemory) {
    let perPart = step.pointee.linesPerPart
    let parts = (step.pointee.lines + perPart - 1) / perPart
    runParts(step, parts: parts, memory) { context, part, participant in
      let call = context.assumingMemoryBound(to: StepCall<OrderStep>.self).pointee
      call.step.pointee.run(part: part, participant: participant, call.memory)
    }
  }

  private func run(part: Int, participant: Int, _ memory: RunMemory) {
    let start = Int64(part * linesPerPart)
    let end = Int64(min(lines, (part + 1) * linesPerPart))
    let own =
      scratch < 0
      ? memory.scratch(of: participant).assumingMemoryBound(to: CChar.self)
      : memory.address(scratch) + part * scratchBytes
    let buffers = UnsafeRawPointer(memory.table).assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self)
    switch kind {
    case .sort: blox_sort(kernelISA, order, buffers, start, end, own)
    case .topK: blox_top_k(kernelISA, order, buffers, start, end, own)
    }
  }
}
