// Pieces: how a reduction over leading dimensions is cut, so that threads can share it and results have the same bits
// for any number of them, inside a region and outside.

import BloxIR

/// The pieces of a reduction of `length` rows of `inner` elements to one row. Each piece is reduced on its own, and then
/// their results in order. It depends on the shape alone.
package struct ReductionPieces: Equatable {
  package let length: Int
  package let inner: Int
  /// The rows of a piece; the last one may have fewer.
  package let rows: Int

  /// Enough for any number of threads this is made for, few enough for their results to be a small part of all.
  private static let most = 32
  /// Work worth handing out, in elements.
  private static let leastElements = 8192
  /// Rows of one result for a piece: beyond these, results would be written and read for little.
  private static let leastRows = 16
  /// Longer rows are divided between threads by columns.
  private static let longestRow = 1 << 16

  /// - Parameters:
  ///   - length: At least 1.
  ///   - inner: At least 1.
  package init(length: Int, inner: Int) {
    self.length = length
    self.inner = inner
    guard inner <= ReductionPieces.longestRow else {
      rows = length
      return
    }
    // Pieces end where the blocks of a kernel do.
    let unit = inner == 1 ? 1024 : ReductionPieces.leastRows
    let wanted = max((length - 1) / ReductionPieces.most, (ReductionPieces.leastElements - 1) / inner) + 1
    rows = min((wanted - 1) / unit * unit + unit, length)
  }

  /// How many pieces there are.
  package var count: Int { (length - 1) / rows + 1 }

  /// The elements of a piece.
  package var elements: Int { rows * inner }

  /// Whether a region of the same elements, which runs piece by piece, still has work for all threads.
  var isFine: Bool { count >= 8 || elements <= 32768 }
}

extension Instruction {
  /// The pieces of this instruction if it reduces all leading dimensions of a shape and keeps the others; dimensions of
  /// one element count as either.
  package func columnPieces(in program: Program) -> ReductionPieces? {
    guard case .reduce(_, let axes) = op else { return nil }
    let shape = program.type(of: operands[0]).shape
    let long = shape.indices.filter { shape[$0] != 1 }
    let reduced = long.filter { axes.contains($0) }
    let kept = long.filter { !axes.contains($0) }
    guard let last = reduced.last, kept.allSatisfy({ $0 > last }), !shape.contains(0) else { return nil }
    return ReductionPieces(
      length: reduced.reduce(1) { $0 * shape[$1] }, inner: kept.reduce(1) { $0 * shape[$1] })
  }
}
