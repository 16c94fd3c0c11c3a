// Steps that read or write windows at places known when they run.
import CBloxKernels

/// All windows of a gather, in parts of `perPart` windows, or of a scatter, in parts of their outermost dimension.
struct WindowStep: BitwiseCopyable {
  enum Kind: BitwiseCopyable {
    /// Reads windows of the operand; the slot has the fill value, -1 for none.
    case gather(fill: Int32)
    /// Writes windows of the target; without a function they are replaced.
    case scatter(blox_tile_fn?)
  }

  let kind: Kind
  let windows: UnsafePointer<blox_windows>
  /// The operand of a gather, the updates of a scatter.
  let source: Int32
  let indices: Int32
  let target: Int32
  /// Windows, or indices of their outermost dimension.
  let count: Int
  let perPart: Int

  static func run(_ step: UnsafePointer<WindowStep>, _ memory: RunMemory) {
    let (count, perPart) = (step.pointee.count, step.pointee.perPart)
    guard perPart < count else { return step.pointee.run(0..<count, memory) }
    runParts(step, parts: (count + perPart - 1) / perPart, memory) { context, part, _ in
      let call = context.assumingMemoryBound(to: StepCall<WindowStep>.self).pointee
      let step = call.step.pointee
      step.run(part * step.perPart..<min(step.count, (part + 1) * step.perPart), call.memory)
    }
  }

  private func run(_ range: Range<Int>, _ memory: RunMemory) {
    let (start, end) = (Int64(range.lowerBound), Int64(range.upperBound))
    switch kind {
    case .gather(let fill):
      blox_gather(
        windows, memory.address(target), memory.address(source), memory.address(indices),
        fill < 0 ? nil : memory.address(fill), start, end)
    case .scatter(let combine):
      blox_scatter(
        windows, memory.address(target), memory.address(source), memory.address(indices), combine, start, end)
    }
  }
}

/// One window at scalar starts: read from the source, or written to the target.
struct DynamicSliceStep: BitwiseCopyable {
  /// The start in one dimension.
  struct Start: BitwiseCopyable {
    /// The slot of the scalar; -1 for a literal.
    let slot: Int32
    let literal: Int
    /// Bytes of the scalar.
    let width: Int32
    let isSigned: Bool
    /// The last start inside, and the stride in elements.
    let limit: Int
    let stride: Int
  }

  let source: Int32
  let target: Int32
  /// Whether the window is one of the target.
  let writes: Bool
  let width: Int32
  let rank: Int32
  let dims: UnsafePointer<Int64>
  let targetStrides: UnsafePointer<Int64>
  let sourceStrides: UnsafePointer<Int64>
  let starts: UnsafePointer<Start>
  let startCount: Int

  func run(_ memory: RunMemory) {
    var offset = 0
    for index in 0..<startCount {
      let start = starts[index]
      offset += min(max(start.value(memory), 0), start.limit) * start.stride
    }
    blox_copy_strided(
      memory.address(target) + (writes ? offset * Int(width) : 0),
      memory.address(source) + (writes ? 0 : offset * Int(width)), width, rank, dims, targetStrides,
      sourceStrides, false)
  }
}

extension DynamicSliceStep.Start {
  fileprivate func value(_ memory: RunMemory) -> Int {
    guard slot >= 0 else { return literal }
    let address = UnsafeRawPointer(memory.address(slot))
    switch (width, isSigned) {
    case (1, true): return Int(address.load(as: Int8.self))
    case (1, false): return Int(address.load(as: UInt8.self))
    case (2, true): return Int(address.load(as: Int16.self))
    case (2, false): return Int(address.load(as: UInt16.self))
    case (4, true): return Int(address.load(as: Int32.self))
    case (4, false): return Int(address.load(as: UInt32.self))
    case (_, true): return Int(address.load(as: Int64.self))
    case (_, false): return Int(clamping: address.load(as: UInt64.self))
    }
  }
}
