// Factorisations and solutions of matrices, which are the last two dimensions of f32 or f64 tensors.
//
// Leading dimensions are many matrices, each treated alone. No op throws for what elements hold: where a result does
// not exist (a matrix that is not positive definite, elements that are not finite) it is NaN.

/// An op on the matrices in the last two dimensions.
public enum LinearAlgebra: Hashable, Sendable {
  /// The lower triangular `l` with `l lᵀ = a` for a symmetric positive definite matrix, of which the lower triangle is
  /// read. NaN in the lower triangle where there is none.
  case cholesky
  /// `triangular_solve a, b`: the solution of a triangular system.
  case triangularSolve(TriangularSolve)
  /// `a = q r` with orthonormal columns of `q` and an upper triangular `r`, as Householder's reflections (LAPACK's
  /// `geqrf`) give them. For `a` of `[m, n]` and `k = min(m, n)`: `[m, k]` and `[k, n]`, or `[m, m]` and `[m, n]`.
  case qr(fullMatrices: Bool)
  /// `a v = v w`: the eigenvalues of a symmetric matrix, of which the lower triangle is read, in ascending order, and
  /// the unit eigenvectors in columns, each with its first component of largest magnitude positive.
  case eigh
  /// `a[permutation] = l u` with partial pivoting: `l` (unit diagonal, not stored) and `u` in one matrix, the row that
  /// was exchanged with row i as `i32[k]`, and the permutation of the rows as `i32[m]`.
  case lu
}

extension LinearAlgebra {
  /// Which triangular system is solved: `op(a) x = b`, or `x op(a) = b`.
  public struct TriangularSolve: Hashable, Sendable {
    /// Whether the matrix stands left of the unknown.
    public var leftSide: Bool
    /// Whether the lower triangle is read, else the upper one.
    public var lower: Bool
    /// Whether the matrix is transposed.
    public var transposed: Bool
    /// Whether the diagonal counts as ones and is not read.
    public var unitDiagonal: Bool

    /// Creates the description of a system.
    public init(leftSide: Bool = true, lower: Bool = true, transposed: Bool = false, unitDiagonal: Bool = false) {
      self.leftSide = leftSide
      self.lower = lower
      self.transposed = transposed
      self.unitDiagonal = unitDiagonal
    }
  }

  /// The names in text.
  enum Mnemonic: String, CaseIterable {
    case cholesky, qr, eigh, lu
    case triangularSolve = "triangular_solve"
  }

  enum Side: String, CaseIterable { case left, right }
  enum Triangle: String, CaseIterable { case lower, upper }

  private var mnemonic: Mnemonic {
    switch self {
    case .cholesky: .cholesky
    case .triangularSolve: .triangularSolve
    case .qr: .qr
    case .eigh: .eigh
    case .lu: .lu
    }
  }

  /// The name in program text.
  package var name: String { mnemonic.rawValue }

  /// The attributes as `key=value`.
  var attributeTexts: [String] {
    switch self {
    case .cholesky, .eigh, .lu: return []
    case .qr(let fullMatrices): return fullMatrices ? ["full"] : []
    case .triangularSolve(let system):
      return [
        "side=\(system.leftSide ? Side.left : .right)", "triangle=\(system.lower ? Triangle.lower : .upper)",
      ] + (system.transposed ? ["transpose"] : []) + (system.unitDiagonal ? ["unit"] : [])
    }
  }

  /// Reads the attributes of a named op.
  init(_ mnemonic: Mnemonic, _ reader: inout AttributeReader) throws(BloxError) {
    switch mnemonic {
    case .cholesky: self = .cholesky
    case .eigh: self = .eigh
    case .lu: self = .lu
    case .qr: self = .qr(fullMatrices: try reader.flag("full"))
    case .triangularSolve:
      self = .triangularSolve(
        TriangularSolve(
          leftSide: try reader.word("side", Side.self) == .left,
          lower: try reader.word("triangle", Triangle.self) == .lower,
          transposed: try reader.flag("transpose"), unitDiagonal: try reader.flag("unit")))
    }
  }

  func resultTypes(_ rule: TypeRule) throws(BloxError) -> [TensorType] {
    if case .triangularSolve(let system) = self { return [try system.resultType(rule)] }
    try rule.expectCount(1)
    let operand = rule.operands[0]
    let (rows, columns) = try rule.matrixSize(at: 0)
    func sized(_ sizes: Int...) -> TensorType { operand.with(shape: operand.shape.dropLast(2) + sizes) }
    let least = min(rows, columns)
    var types: [TensorType]
    switch self {
    case .cholesky:
      try rule.expect(rows == columns, .shapeMismatch, "needs square matrices")
      types = [operand]
    case .eigh:
      try rule.expect(rows == columns, .shapeMismatch, "needs square matrices")
      types = [sized(rows), operand]
    case .qr(let fullMatrices):
      types = fullMatrices ? [sized(rows, rows), operand] : [sized(rows, least), sized(least, columns)]
    case .lu:
      try rule.expect(rows <= Int(Int32.max), .invalidShape, "has too many rows for an i32 index")
      types = [operand, sized(least).with(dtype: .i32), sized(rows).with(dtype: .i32)]
    case .triangularSolve: types = []
    }
    for type in types { try type.validate(name) }
    return types
  }
}

extension LinearAlgebra.TriangularSolve {
  fileprivate func resultType(_ rule: TypeRule) throws(BloxError) -> TensorType {
    try rule.expectCount(2)
    let (rows, columns) = try rule.matrixSize(at: 0)
    let (first, second) = try rule.matrixSize(at: 1)
    let (a, b) = (rule.operands[0], rule.operands[1])
    try rule.expect(a.dtype == b.dtype, .dtypeMismatch, "operands must have one dtype")
    try rule.expect(rows == columns, .shapeMismatch, "needs square matrices on the left")
    try rule.expect(
      a.shape.dropLast(2) == b.shape.dropLast(2), .shapeMismatch, "operands must have the same leading dimensions")
    try rule.expect(
      rows == (leftSide ? first : second), .shapeMismatch,
      "the right operand needs \(rows) \(leftSide ? "rows" : "columns")")
    return b
  }
}

extension TypeRule {
  /// The sizes of the last two dimensions of an operand of f32 or f64.
  fileprivate func matrixSize(at index: Int) throws(BloxError) -> (rows: Int, columns: Int) {
    let type = operands[index]
    try expect(type.dtype == .f32 || type.dtype == .f64, .dtypeMismatch, "needs f32 or f64")
    try expect(type.rank >= 2, .invalidShape, "needs matrices, which have two dimensions or more")
    return (type.shape[type.rank - 2], type.shape[type.rank - 1])
  }
}
