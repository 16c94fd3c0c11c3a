// Strided copies: transposes, slices, paddings, concatenations, broadcasts.
import CBloxKernels

/// `target[offset + i * targetStrides] = source[offset + i * sourceStrides]` over `dims`.
struct CopyStep: BitwiseCopyable {
  let source: Int32
  let target: Int32
  /// In bytes.
  let sourceOffset: Int
  let targetOffset: Int
  let width: Int32
  let rank: Int32
  let dims: UnsafePointer<Int64>
  let targetStrides: UnsafePointer<Int64>
  let sourceStrides: UnsafePointer<Int64>
  /// The dimension that parts divide, and how many of its indices a part has.
  let splitDimension: Int
  let splitLength: Int
  let parts: Int
  /// Whether a transpose is written past the caches.
  let isStreamed: Bool

  static func run(_ step: UnsafePointer<CopyStep>, _ memory: RunMemory) {
    guard step.pointee.parts > 1 else { return step.pointee.copy(memory) }
    runParts(step, parts: step.pointee.parts, memory) { context, part, _ in
      let call = context.assumingMemoryBound(to: StepCall<CopyStep>.self).pointee
      call.step.pointee.copy(part: part, call.memory)
    }
  }

  private func copy(_ memory: RunMemory) {
    blox_copy_strided(
      memory.address(target) + targetOffset, memory.address(source) + sourceOffset, width, rank, dims, targetStrides,
      sourceStrides, isStreamed)
  }

  private func copy(part: Int, _ memory: RunMemory) {
    let start = part * splitLength
    let length = min(Int(dims[splitDimension]) - start, splitLength)
    withUnsafeTemporaryAllocation(of: Int64.self, capacity: Int(rank)) { partDims in
      for dim in 0..<Int(rank) { partDims[dim] = dim == splitDimension ? Int64(length) : dims[dim] }
      blox_copy_strided(
        memory.address(target) + targetOffset + start * Int(targetStrides[splitDimension]) * Int(width),
        memory.address(source) + sourceOffset + start * Int(sourceStrides[splitDimension]) * Int(width), width, rank,
        partDims.baseAddress, targetStrides, sourceStrides, isStreamed)
    }
  }
}
