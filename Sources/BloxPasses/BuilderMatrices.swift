// Matrices in the last two dimensions, in the notation of the derivations that rules implement.

import BloxIR

extension ProgramBuilder {
  /// The matrix product over the last two dimensions; the leading ones are the same on both sides.
  mutating func matmul(_ x: Operand, _ y: Operand) throws(BloxError) -> Operand {
    let rank = type(of: x).rank
    let batch = Array(0..<(rank - 2))
    return try emitOne(
      .dotGeneral(
        Op.DotDimensions(lhsBatch: batch, rhsBatch: batch, lhsContract: [rank - 1], rhsContract: [rank - 2])), [x, y])
  }

  /// The last two dimensions exchanged.
  mutating func matrixTranspose(_ x: Operand) throws(BloxError) -> Operand {
    let rank = type(of: x).rank
    return try transpose(x, Array(0..<(rank - 2)) + [rank - 1, rank - 2])
  }

  /// Where an index along the rows has the given relation to that along the columns, `shift` added to the latter.
  mutating func triangleMask(
    _ direction: Op.Comparison, _ shape: [Int], shift: Int = 0
  ) throws(BloxError) -> Operand {
    let indices = TensorType(.i32, shape)
    let rows = try emitOne(.iota(indices, axis: shape.count - 2), [])
    var columns = try emitOne(.iota(indices, axis: shape.count - 1), [])
    if shift != 0 { columns = try add(columns, splat(Double(shift), indices)) }
    return try compare(direction, rows, columns)
  }

  /// The elements on and below the diagonal, or strictly below it; zeros elsewhere.
  mutating func lowerTriangle(_ x: Operand, strict: Bool = false) throws(BloxError) -> Operand {
    try select(try triangleMask(strict ? .gt : .ge, type(of: x).shape), x, splat(0, like: x))
  }

  /// The elements on and above the diagonal, or strictly above it; zeros elsewhere.
  mutating func upperTriangle(_ x: Operand, strict: Bool = false) throws(BloxError) -> Operand {
    try select(try triangleMask(strict ? .lt : .le, type(of: x).shape), x, splat(0, like: x))
  }

  /// The symmetric matrix with the lower triangle of `x`.
  mutating func symmetrized(_ x: Operand) throws(BloxError) -> Operand {
    try add(try lowerTriangle(x), try matrixTranspose(try lowerTriangle(x, strict: true)))
  }

  /// Ones on the diagonal.
  mutating func identity(_ type: TensorType) throws(BloxError) -> Operand {
    try emitOne(.convert(type.dtype), [try triangleMask(.eq, type.shape)])
  }

  /// The diagonal of square matrices.
  mutating func diagonal(_ x: Operand) throws(BloxError) -> Operand {
    let type = type(of: x)
    let kept = try select(try triangleMask(.eq, type.shape), x, splat(0, like: x))
    return try reduceSum(kept, axes: [type.rank - 1])
  }

  /// The solution of a triangular system; see ``LinearAlgebra/triangularSolve(_:)``.
  mutating func triangularSolve(
    _ a: Operand, _ b: Operand, leftSide: Bool, lower: Bool, transposed: Bool = false, unitDiagonal: Bool = false
  ) throws(BloxError) -> Operand {
    let system = LinearAlgebra.TriangularSolve(
      leftSide: leftSide, lower: lower, transposed: transposed, unitDiagonal: unitDiagonal)
    return try emitOne(.linearAlgebra(.triangularSolve(system)), [a, b])
  }

  /// `x` with more rows and columns behind the last ones: `diagonal` where they meet, zeros elsewhere.
  mutating func padded(_ x: Operand, rows: Int, columns: Int, diagonal: Double) throws(BloxError) -> Operand {
    let type = type(of: x)
    let size = Array(type.shape.suffix(2))
    if size == [rows, columns] { return x }
    let none = Array(repeating: 0, count: type.rank - 2)
    let zero = splat(0, type.with(shape: []))
    let wide = try emitOne(
      .pad(Op.Padding(low: none + [0, 0], high: none + [rows - size[0], columns - size[1]])), [x, zero])
    let isNew = try triangleMask(.eq, self.type(of: wide).shape)
    let indices = TensorType(.i32, self.type(of: wide).shape)
    let row = try emitOne(.iota(indices, axis: indices.rank - 2), [])
    let isBehind = try compare(.ge, row, splat(Double(min(size[0], size[1])), indices))
    return try select(try binary(.and, isNew, isBehind), splat(diagonal, like: wide), wide)
  }

  /// A window of the rows and columns from the first ones.
  mutating func leading(_ x: Operand, rows: Int, columns: Int) throws(BloxError) -> Operand {
    let shape = type(of: x).shape
    let limits = shape.dropLast(2) + [rows, columns]
    if Array(limits) == shape { return x }
    return try emitOne(.slice(Op.Slice(starts: shape.map { _ in 0 }, limits: Array(limits))), [x])
  }
}
