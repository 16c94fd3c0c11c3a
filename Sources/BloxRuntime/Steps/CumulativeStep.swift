// The step of cumulative ops: lines along the middle dimension of `[outer, length, inner]`, some per part.
import CBloxKernels

struct CumulativeStep: BitwiseCopyable {
  let function: blox_cumulative_fn
  let source: Int32
  let target: Int32
  let width: Int
  let outer: Int
  let length: Int
  let inner: Int
  let reverse: Bool
  /// Lines of one part: rows, or columns of one block.
  let linesPerPart: Int

  /// Parts of one block of columns; rows count as the columns of one block.
  var partsPerBlock: Int { ((inner == 1 ? outer : inner) + linesPerPart - 1) / linesPerPart }

  static func run(_ step: UnsafePointer<CumulativeStep>, _ memory: RunMemory) {
    let blocks = step.pointee.inner == 1 ? 1 : step.pointee.outer
    runParts(step, parts: blocks * step.pointee.partsPerBlock, memory) { context, part, _ in
      let call = context.assumingMemoryBound(to: StepCall<CumulativeStep>.self).pointee
      call.step.pointee.run(part: part, call.memory)
    }
  }

  private func run(part: Int, _ memory: RunMemory) {
    let (block, index) = (part / partsPerBlock, part % partsPerBlock)
    let first = index * linesPerPart
    let count = min(linesPerPart, (inner == 1 ? outer : inner) - first)
    let columnStep = inner == 1 ? length : 1
    let start = block * length * inner + first * columnStep + (reverse ? (length - 1) * inner : 0)
    function(
      memory.address(target) + start * width, memory.address(source) + start * width, Int64(length),
      Int64(reverse ? -inner : inner), Int64(count), Int64(columnStep))
  }
}
