// Steps with matrices: factorisations, triangular systems, and barriers.

import BloxIR

extension ProgramGenerator {
  /// A factorisation of whatever matrix there is, or of one that is positive definite.
  mutating func factorisation() throws {
    guard let x = any({ ($0.dtype == .f32 || $0.dtype == .f64) && $0.rank >= 2 && $0.elementCount <= 200 }) else {
      return
    }
    let (rows, columns) = (type(x).shape[type(x).rank - 2], type(x).shape[type(x).rank - 1])
    var op = pick([.qr(fullMatrices: chance(3)), .lu, .eigh, .cholesky] as [LinearAlgebra])
    var matrix = x
    if op == .eigh || op == .cholesky {
      guard max(rows, columns) <= 8 else { return }
      if rows != columns || !chance(4) { matrix = try definite(x) }
    } else if chance(2) {
      op = .qr(fullMatrices: false)
    }
    values.append(contentsOf: try builder.emit(.linearAlgebra(op), [matrix]).map { .value($0) })
  }

  /// x xᵀ + 3
  private mutating func definite(_ x: Operand) throws -> Operand {
    let rank = type(x).rank
    let batch = Array(0..<(rank - 2))
    let bounded = try emit(.unary(.tanh), [x])
    let square = try emit(
      .dotGeneral(
        Op.DotDimensions(lhsBatch: batch, rhsBatch: batch, lhsContract: [rank - 1], rhsContract: [rank - 1])),
      [bounded, bounded])
    let indices = type(square).with(dtype: .i32)
    let isDiagonal = try emit(
      .compare(.eq), [emit(.iota(indices, axis: rank - 2), []), emit(.iota(indices, axis: rank - 1), [])])
    let three = try emit(
      .select,
      [
        isDiagonal, .splat(Literal(3, as: type(x).dtype), shape: type(square).shape),
        .splat(Literal(0, as: type(x).dtype), shape: type(square).shape),
      ])
    return try emit(.binary(.add), [square, three])
  }

  mutating func triangularSolve() throws {
    guard
      let a = any({
        ($0.dtype == .f32 || $0.dtype == .f64) && $0.rank >= 2 && $0.shape[$0.rank - 1] == $0.shape[$0.rank - 2]
      })
    else { return }
    let system = LinearAlgebra.TriangularSolve(
      leftSide: chance(2), lower: chance(2), transposed: chance(2), unitDiagonal: chance(3))
    let size = type(a).shape[type(a).rank - 1]
    let other = pick(sizes)
    let shape = type(a).shape.dropLast(2) + (system.leftSide ? [size, other] : [other, size])
    guard shape.reduce(1, *) <= options.maximumElements else { return }
    try emit(.linearAlgebra(.triangularSolve(system)), [a, value(type(a).with(shape: Array(shape)), literals: false)])
  }

  /// An effect without a line.
  mutating func silentPrint() throws {
    guard let x = any({ _ in true }) else { return }
    try emit(.debugPrint(DebugPrint("")), [x])
  }

  mutating func barrier() throws {
    guard let x = any({ _ in true }) else { return }
    try emit(.optimizationBarrier, [x])
  }
}
