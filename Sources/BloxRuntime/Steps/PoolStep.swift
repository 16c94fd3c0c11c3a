// Steps of window reductions.
import CBloxKernels

/// A reduction of all windows or a map along selected elements, in parts of rows of windows or of boxes of elements.
struct PoolStep: BitwiseCopyable {
  enum Kind: BitwiseCopyable {
    case reduce(blox_reduce, identity: UInt64)
    case gather(smallest: Bool)
    case scatter(smallest: Bool)
  }

  let kind: Kind
  let pool: UnsafePointer<blox_pool>
  /// What is reduced; the tangents of a gather, the source of a scatter.
  let source: Int32
  /// Where the extreme elements are looked for; unused by reductions.
  let operand: Int32
  let target: Int32
  /// Rows of windows, or elements in the first two dimensions (1 in the second when there is one).
  let counts: (Int, Int)
  /// How many of them are a part.
  let perPart: (Int, Int)

  private var parts: (Int, Int) {
    ((counts.0 + perPart.0 - 1) / perPart.0, (counts.1 + perPart.1 - 1) / perPart.1)
  }

  static func run(_ step: UnsafePointer<PoolStep>, _ memory: RunMemory) {
    let parts = step.pointee.parts
    guard parts.0 * parts.1 > 1 else { return step.pointee.run(0, memory) }
    runParts(step, parts: parts.0 * parts.1, memory) { context, part, _ in
      let call = context.assumingMemoryBound(to: StepCall<PoolStep>.self).pointee
      call.step.pointee.run(part, call.memory)
    }
  }

  private func run(_ part: Int, _ memory: RunMemory) {
    let (outer, inner) = (part / parts.1, part % parts.1)
    var start = (Int64(outer * perPart.0), Int64(inner * perPart.1))
    var end = (Int64(min(counts.0, (outer + 1) * perPart.0)), Int64(min(counts.1, (inner + 1) * perPart.1)))
    let (target, source) = (memory.address(target), memory.address(source))
    switch kind {
    case .reduce(let kind, let identity):
      blox_pool_reduce(pool, kind, identity, target, source, start.0, end.0)
    case .gather(let smallest):
      blox_pool_gather(pool, smallest, target, source, memory.address(operand), start.0, end.0)
    case .scatter(let smallest):
      // Pairs lie in memory as the arrays of two that the kernel takes.
      withUnsafePointer(to: &start) { start in
        withUnsafePointer(to: &end) { end in
          UnsafeRawPointer(start).withMemoryRebound(to: Int64.self, capacity: 2) { start in
            UnsafeRawPointer(end).withMemoryRebound(to: Int64.self, capacity: 2) { end in
              blox_pool_scatter(pool, smallest, target, source, memory.address(operand), start, end)
            }
          }
        }
      }
    }
  }
}
