// Reductions over the leading dimensions of a region's space: rows of sums to which each tile adds its elements.
//
// before:  %3: f32[1024,64] = mul %1, %2           after:  tile step, in parts of whole pieces:
//          %4: f32[64] = reduce_sum %3 {axes=[0]}            piece p of %3 is summed to row p of scratch
//          return %3, %4                                   reduce step: the rows of scratch are summed to %4
//
// A part of the work does whole pieces, so that no thread waits for another and bits depend on the shape alone. The
// tree is that of a reduction outside: `ReductionPieces` cuts both, and the kernels agree (tile_fold.c).
import BloxIR
import BloxPasses
import CBloxKernels

/// The iteration space of a region, and what it reduces over leading dimensions.
struct TileSpace {
  /// Elements.
  let count: Int
  /// Elements of a row: of what a reduction of rows reads, or else of a row that is read again and again; 1 where there
  /// are no rows.
  let rowLength: Int
  /// The results of reductions over leading dimensions.
  let folds: [Value: ReductionPieces]

  /// - Parameter rowLength: The length of rows, where it is not for the region to say.
  init(_ region: Program, _ kind: Op.FusionKind, rowLength given: Int?) {
    var rows = 0
    var count = region.resultTypes.first?.elementCount ?? 0
    // A reduction of everything may be one of rows, where the space is a single row, or one of columns.
    for instruction in region.instructions where instruction.reducesRows(in: region) {
      let result = region.type(of: instruction.results[0]).elementCount
      guard result > rows, kind == .row || instruction.columnPieces(in: region) == nil else { continue }
      (rows, count) = (result, region.type(of: instruction.operands[0]).elementCount)
    }
    var folds: [Value: ReductionPieces] = [:]
    for instruction in region.instructions {
      guard let pieces = instruction.columnPieces(in: region),
        !(instruction.reducesRows(in: region) && region.type(of: instruction.results[0]).elementCount == rows)
      else { continue }
      folds[instruction.results[0]] = pieces
      if rows == 0 { count = pieces.length * pieces.inner }
    }
    self.folds = folds
    self.count = count
    let row = rows > 0 ? count / rows : region.repeatedRow
    let isWhole = count % row == 0 && folds.values.allSatisfy { $0.elements % row == 0 }
    rowLength = given ?? (rows > 0 || (isWhole && count > row) ? row : 1)
  }
}

/// A reduction over leading dimensions of a region.
struct TileFold {
  let kernels: ReduceKernels
  let accumulate: blox_accumulate_fn
  let identity: Literal
  let pieces: ReductionPieces
  /// Where the results of pieces go, and the result.
  let partial: Int32
  let target: Int32
}

extension TileCompiler {
  /// Emits a fold for each result that is the instruction's.
  mutating func emitFolds(_ instruction: Instruction, _ pieces: ReductionPieces) throws(BloxError) {
    guard case .reduce(let kind, _) = instruction.op else { return }
    let operand = region.type(of: instruction.operands[0])
    guard let kernels = ReduceKernels(kind, operand.dtype),
      let accumulate = blox_accumulate(kernelISA, kind.kernel, operand.dtype.kernel)
    else { throw unsupported(instruction, "has no kernel") }
    guard operand.elementCount == count, pieces.elements % rowLength == 0 else {
      throw unsupported(instruction, "does not reduce whole rows of its region")
    }
    let longest = space.folds.values.map(\.elements).max() ?? pieces.elements
    guard longest % pieces.elements == 0 else {
      throw unsupported(instruction, "reduces pieces that do not fit those of another reduction")
    }
    let source = try slot(instruction.operands[0], isWhole: true)
    // The same sum may be returned twice.
    let returned = region.results.indices.filter { region.results[$0].operand == .value(instruction.results[0]) }
    for target in returned.map({ resultBuffers[$0] }) {
      let bytes = pieces.count * pieces.inner * kernels.width
      let partial = pieces.count == 1 ? target : lowering.scratchSlot(byteCount: bytes)
      slots[source].lastUse = ops.count
      ops.append(TileOp(function: .fold(folds.count), targets: [], operands: [source]))
      folds.append(
        TileFold(
          kernels: kernels, accumulate: accumulate, identity: kind.identity(operand.dtype), pieces: pieces,
          partial: partial, target: target))
      cost += 0.05
    }
  }

  /// The folds as C structures, with room for their levels after `scratchBytes`.
  func places(ofFolds scratchBytes: inout Int) -> [blox_tile_fold] {
    var places: [blox_tile_fold] = []
    for fold in folds {
      scratchBytes = scratchBytes.roundedUpToLine
      let (inner, piece, width) = (Int64(fold.pieces.inner), Int64(fold.pieces.elements), Int32(fold.kernels.width))
      places.append(
        blox_tile_fold(
          accumulate: fold.accumulate, reduce: fold.kernels.rows, identity: fold.identity.memoryBits, inner: inner,
          piece: piece, buffer: fold.partial, width: width, levels: Int64(scratchBytes)))
      scratchBytes += Int(blox_fold_bytes(inner, piece, width))
    }
    return places
  }

  /// Appends the steps that reduce the results of pieces.
  mutating func combineFolds() {
    for fold in folds where fold.pieces.count > 1 {
      lowering.combine(fold.pieces, from: fold.partial, to: fold.target, fold.kernels)
    }
  }
}

extension Program {
  /// The length of a row that instructions of a region read again and again; 1 for none. Shorter rows are copied: a
  /// call of a micro-op has its price. Longer ones would not leave tiles small.
  fileprivate var repeatedRow: Int {
    for instruction in instructions {
      guard case .broadcastInDim(let shape, let dims) = instruction.op else { continue }
      let view = View(dense: type(of: instruction.operands[0]).shape).broadcast(to: shape, dims: dims)
      if let length = view.repeatedRow, (64...4096).contains(length) { return length }
    }
    return 1
  }
}
