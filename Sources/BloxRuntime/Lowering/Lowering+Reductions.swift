// Lowering of reductions.
//
// Dimensions that are neighbours and both stay or both go are one dimension, so an operand is an alternation such as
// [keep, reduce, keep]. The last reduced dimension goes first, as `[outer, length, inner]`; what remains is shorter by
// one reduced dimension. How the work is divided depends on the shape alone, so bits do not depend on threads; where
// there are no dimensions before the reduced ones, as a region would divide it (ReductionPieces).
import BloxIR
import BloxPasses
import CBloxKernels

extension Lowering {
  /// Elements in a piece when a long reduction that leaves few results is cut, so that threads can share it.
  private static let pieceElements = 1 << 16
  /// Bytes of work worth a part.
  private static let partBytes = 256 << 10
  /// Columns that one part reduces together: as many as leave some units of work, for threads to share.
  private static let stripColumns = (least: 256, most: 4096, units: 16)

  mutating func lowerReduce(_ instruction: Instruction, _ kind: Op.Reduction, axes: [Int]) throws(BloxError) {
    let operand = type(instruction.operands[0])
    let result = program.type(of: instruction.results[0])
    let target = slot(instruction.results[0])
    guard result.elementCount > 0 else { return }
    guard let kernels = ReduceKernels(kind, operand.dtype) else {
      throw unsupported("no kernel reduces \(operand.dtype)")
    }
    var groups: [(size: Int, isReduced: Bool)] = []
    for (dim, size) in operand.shape.enumerated() where size != 1 {
      let isReduced = axes.contains(dim)
      if let last = groups.last, last.isReduced == isReduced {
        groups[groups.count - 1].size *= size
      } else {
        groups.append((size, isReduced))
      }
    }
    var source = try slot(instruction.operands[0])
    while let axis = groups.lastIndex(where: \.isReduced) {
      let outer = groups[..<axis].reduce(1) { $0 * $1.size }
      let inner = groups[(axis + 1)...].reduce(1) { $0 * $1.size }
      let isLast = !groups[..<axis].contains(where: \.isReduced)
      // A dimension of size 0 elsewhere leaves nothing to read here but identities to write in the end.
      let destination = isLast ? target : scratchSlot(byteCount: outer * inner * operand.dtype.byteCount)
      reduce(source, to: destination, outer: outer, length: groups[axis].size, inner: inner, kernels)
      source = destination
      groups.remove(at: axis)
    }
  }

  /// Reduces `[outer, length, inner]` over the middle, in two steps where few results come of much.
  private mutating func reduce(
    _ source: Int32, to target: Int32, outer: Int, length: Int, inner: Int, _ kernels: ReduceKernels
  ) {
    guard outer * inner > 0 else { return }
    var pieceLength = max(length, 1)
    // Halves would be rounded between the steps.
    if !kernels.isHalf && length > 0 {
      if outer == 1 {
        pieceLength = ReductionPieces(length: length, inner: inner).rows
      } else {
        let rows = Lowering.pieceElements / max(1, min(inner, 64))
        if length >= 2 * rows && outer * inner <= 4096 { pieceLength = rows }
      }
    }
    guard pieceLength < length else {
      return appendReduce(source, to: target, outer: outer, length: length, inner: inner, pieceLength, kernels)
    }
    let pieces = (length + pieceLength - 1) / pieceLength
    let partial = scratchSlot(byteCount: outer * pieces * inner * kernels.width)
    appendReduce(source, to: partial, outer: outer, length: length, inner: inner, pieceLength, kernels)
    appendReduce(partial, to: target, outer: outer, length: pieces, inner: inner, pieces, kernels)
  }

  /// Reduces the results of pieces.
  mutating func combine(
    _ pieces: ReductionPieces, from source: Int32, to target: Int32, _ kernels: ReduceKernels
  ) {
    appendReduce(source, to: target, outer: 1, length: pieces.count, inner: pieces.inner, pieces.count, kernels)
  }

  private mutating func appendReduce(
    _ source: Int32, to target: Int32, outer: Int, length: Int, inner: Int, _ pieceLength: Int, _ kernels: ReduceKernels
  ) {
    let pieces = max(1, (length + pieceLength - 1) / pieceLength)
    let (least, most, wanted) = Lowering.stripColumns
    var stripColumns = min(inner, most)
    func units() -> Int { outer * pieces * ((inner + stripColumns - 1) / stripColumns) }
    while stripColumns > least && units() < wanted { stripColumns = max(least, stripColumns / 2) }
    let unitBytes = max(1, pieceLength * stripColumns * kernels.width)
    // At most 1024 parts, none so small that handing it out costs more than doing it.
    let unitsPerPart = max(1, (Lowering.partBytes + unitBytes - 1) / unitBytes, (units() + 1023) / 1024)
    append(
      .reduce(
        memory.keep(
          ReduceStep(
            rows: kernels.rows, columns: kernels.columns, source: source, target: target, width: kernels.width,
            outer: outer, length: length, inner: inner, pieceLength: pieceLength, pieces: pieces,
            unitsPerPart: unitsPerPart, stripColumns: stripColumns))))
  }

  mutating func lowerArgReduce(
    _ instruction: Instruction, _ kind: Op.ArgReduction, axis: Int
  ) throws(BloxError) {
    let operand = type(instruction.operands[0])
    let function =
      switch kind {
      case .argmax: blox_arg_max(kernelISA, operand.dtype.kernel)
      case .argmin: blox_arg_min(kernelISA, operand.dtype.kernel)
      }
    guard let function else { throw unsupported("no kernel orders \(operand.dtype)") }
    let outer = operand.shape[..<axis].reduce(1, *)
    let inner = operand.shape[(axis + 1)...].reduce(1, *)
    guard outer * inner > 0 else { return }
    append(
      .argReduce(
        memory.keep(
          ArgReduceStep(
            function: function, source: try slot(instruction.operands[0]), target: slot(instruction.results[0]),
            outer: outer, length: operand.shape[axis], inner: inner))))
  }
}

/// The two kernels of a reduction.
struct ReduceKernels {
  let rows: blox_reduce_rows_fn
  let columns: blox_reduce_columns_fn
  let width: Int
  let isHalf: Bool

  init?(_ kind: Op.Reduction, _ dtype: DType) {
    guard let rows = blox_reduce_rows(kernelISA, kind.kernel, dtype.kernel),
      let columns = blox_reduce_columns(kernelISA, kind.kernel, dtype.kernel)
    else { return nil }
    self.rows = rows
    self.columns = columns
    width = dtype.byteCount
    isHalf = dtype == .bf16 || dtype == .f16
  }
}
