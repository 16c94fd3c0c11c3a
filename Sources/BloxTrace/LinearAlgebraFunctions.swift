// Factorisations and solutions of matrices (`jax.numpy.linalg`, `jax.scipy.linalg`).
//
// Matrices are the last two dimensions; leading ones are many of them, and broadcast where there are two operands.
// Integers become f32; bf16 and f16 are computed in f32 and rounded. All functions but `lu`'s indices can be
// differentiated any number of times.

import BloxIR

/// Linear algebra.
public enum Linalg {}

extension Linalg {
  /// The lower triangular matrix `l` with `l lᵀ = a` for symmetric positive definite `a`; NaN in the lower triangle
  /// where there is none.
  ///
  /// - Parameter symmetrized: Whether `a` is replaced by `(a + aᵀ) / 2` first; otherwise its lower triangle is read.
  /// - Throws: ``BloxError/Code/shapeMismatch`` when the matrices are not square.
  public static func cholesky(
    _ a: Tensor, symmetrized: Bool = true, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try computed(a, "cholesky", file, line) { a, location in
        [try Tensor.apply(.linearAlgebra(.cholesky), symmetrized ? symmetric(a) : a, location: location)]
      }[0]
    }
  }

  /// The factors of `a = q r`: orthonormal columns and an upper triangle, whose diagonal may have negative elements.
  ///
  /// For `a` of `[m, n]` and `k = min(m, n)`, `q` is `[m, k]` and `r` is `[k, n]`.
  ///
  /// - Parameter fullMatrices: Whether `q` is `[m, m]` and `r` is `[m, n]` instead. There is a derivative where `r` is
  ///   square.
  public static func qr(
    _ a: Tensor, fullMatrices: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> (q: Tensor, r: Tensor) {
    try located(file, line) {
      let results = try computed(a, "qr", file, line) { a, location in
        try Tensor.applyAll(.linearAlgebra(.qr(fullMatrices: fullMatrices)), [.tensor(a)], location: location)
      }
      return (results[0], results[1])
    }
  }

  /// The eigenvalues of symmetric matrices in ascending order, and the unit eigenvectors in columns; of each the first
  /// component of largest magnitude is positive.
  ///
  /// Computed in double precision: the error of an eigenvalue is that of rounding it, or, in `f64`, a small multiple of
  /// 2⁻⁵³ times the size times the matrix's norm.
  ///
  /// - Parameter symmetrized: Whether `a` is replaced by `(a + aᵀ) / 2` first; otherwise its lower triangle is read.
  public static func eigh(
    _ a: Tensor, symmetrized: Bool = true, file: String = #fileID, line: Int = #line
  ) throws -> (values: Tensor, vectors: Tensor) {
    try located(file, line) {
      let results = try computed(a, "eigh", file, line) { a, location in
        try Tensor.applyAll(
          .linearAlgebra(.eigh), [.tensor(symmetrized ? symmetric(a) : a)], location: location)
      }
      return (results[0], results[1])
    }
  }

  /// The eigenvalues of symmetric matrices in ascending order; see ``eigh(_:symmetrized:file:line:)``.
  public static func eigvalsh(
    _ a: Tensor, symmetrized: Bool = true, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try eigh(a, symmetrized: symmetrized, file: file, line: line).values
    }
  }

  /// The factors of `a[permutation] = l u` with partial pivoting (`jax.lax.linalg.lu`): `l` below the diagonal, where it
  /// has ones, and `u` in one matrix; the row that was exchanged with each row in turn; the permutation of the rows.
  public static func lu(
    _ a: Tensor, file: String = #fileID, line: Int = #line
  ) throws -> (lu: Tensor, pivots: Tensor, permutation: Tensor) {
    try located(file, line) {
      let results = try computed(a, "lu", file, line) { a, location in
        try Tensor.applyAll(.linearAlgebra(.lu), [.tensor(a)], location: location)
      }
      return (results[0], results[1], results[2])
    }
  }

  /// The solution of `a x = b` for triangular `a` (`jax.scipy.linalg.solve_triangular`).
  ///
  /// - Parameters:
  ///   - a: Square matrices, of which one triangle is read.
  ///   - b: A vector, or matrices of right sides in columns.
  ///   - lower: Whether the lower triangle is read, else the upper one.
  ///   - transposed: Whether `aᵀ` takes the place of `a`.
  ///   - unitDiagonal: Whether the diagonal counts as ones and is not read.
  public static func solveTriangular(
    _ a: Tensor, _ b: Tensor, lower: Bool = false, transposed: Bool = false, unitDiagonal: Bool = false,
    file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try solving(a, b, "solveTriangular", file, line) { a, b in
        try triangularSolve(a, b, lower: lower, transposed: transposed, unitDiagonal: unitDiagonal)
      }
    }
  }

  /// The solution of `a x = b` or, with `leftSide` false, `x a = b` for triangular `a` (`lax.linalg.triangular_solve`).
  ///
  /// Both operands are matrices with the same leading dimensions.
  public static func triangularSolve(
    _ a: Tensor, _ b: Tensor, leftSide: Bool = true, lower: Bool = true, transposed: Bool = false,
    unitDiagonal: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let system = LinearAlgebra.TriangularSolve(
        leftSide: leftSide, lower: lower, transposed: transposed, unitDiagonal: unitDiagonal)
      let dtype = try a.dtype.promoted(with: b.dtype).inexact
      let wide = dtype.computing
      return try Tensor.apply(
        .linearAlgebra(.triangularSolve(system)), a.cast(to: wide), b.cast(to: wide),
        location: SourceLocation(file: file, line: line)
      ).cast(to: dtype)
    }
  }

  /// The solution of `a x = b` for a vector `b` or right sides in columns. Inf or NaN where `a` is singular.
  ///
  /// - Throws: ``BloxError/Code/shapeMismatch`` when `a` is not square or `b` has another number of rows.
  public static func solve(
    _ a: Tensor, _ b: Tensor, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try solving(a, b, "solve", file, line) { a, b in
        let factors = try lu(a, file: file, line: line)
        let sides = try permutationMatrix(factors.permutation, dtype: a.dtype).matmul(b)
        let inner = try triangularSolve(factors.lu, sides, lower: true, unitDiagonal: true)
        return try triangularSolve(factors.lu, inner, lower: false)
      }
    }
  }

  /// The solution of `c cᵀ x = b`, or of `cᵀ c x = b` with an upper triangular `c` (`jax.scipy.linalg.cho_solve`).
  public static func choSolve(
    _ c: Tensor, lower: Bool = true, _ b: Tensor, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try solving(c, b, "choSolve", file, line) { c, b in
        let inner = try triangularSolve(c, b, lower: lower, transposed: !lower)
        return try triangularSolve(c, inner, lower: lower, transposed: lower)
      }
    }
  }

  /// The inverse of square matrices. Inf or NaN where there is none.
  public static func inv(_ a: Tensor, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      try square(a, "inv", file, line)
      return try solve(a, Tensor.eye(a.shape[a.rank - 1], dtype: a.dtype.inexact), file: file, line: line)
    }
  }
}

// MARK: - Shapes and dtypes

extension Linalg {
  /// Runs a function of matrices in f32 or f64 and rounds what comes out.
  static func computed(
    _ a: Tensor, _ name: String, _ file: String, _ line: Int, _ body: (Tensor, SourceLocation) throws -> [Tensor]
  ) throws -> [Tensor] {
    let location = SourceLocation(file: file, line: line)
    guard a.rank >= 2 else {
      throw BloxError(.invalidShape, "\(name): needs matrices, which have two dimensions or more; got \(a.type)")
        .at(modulePath: ModuleScope.path, location: location)
    }
    let dtype = a.dtype.inexact
    guard a.dtype != .key else {
      throw BloxError(.dtypeMismatch, "\(name): needs numbers; got \(a.type)")
        .at(modulePath: ModuleScope.path, location: location)
    }
    return try body(a.cast(to: dtype.computing), location).map { $0.dtype.isFloating ? try $0.cast(to: dtype) : $0 }
  }

  /// Throws unless the matrices are square.
  static func square(_ a: Tensor, _ name: String, _ file: String, _ line: Int) throws {
    guard a.rank >= 2, a.shape[a.rank - 1] == a.shape[a.rank - 2] else {
      throw BloxError(.shapeMismatch, "\(name): needs square matrices; got \(a.type)")
        .at(modulePath: ModuleScope.path, location: SourceLocation(file: file, line: line))
    }
  }

  /// (a + aᵀ) / 2
  static func symmetric(_ a: Tensor) throws -> Tensor { try (a + a.swapAxes(-1, -2)) * 0.5 }

  /// Ones where row i has its element from row `permutation[i]`.
  static func permutationMatrix(_ permutation: Tensor, dtype: DType) throws -> Tensor {
    let size = permutation.shape[permutation.rank - 1]
    let shape = permutation.shape + [size]
    return try (permutation.expandDims(-1) .== Tensor.iota(shape, axis: shape.count - 1)).cast(to: dtype)
  }

  /// Runs a function of square matrices and right sides with the same leading dimensions, in f32 or f64; a vector is
  /// a matrix of one column for it.
  static func solving(
    _ a: Tensor, _ b: Tensor, _ name: String, _ file: String, _ line: Int, _ body: (Tensor, Tensor) throws -> Tensor
  ) throws -> Tensor {
    try square(a, name, file, line)
    func mismatch(_ what: String) -> BloxError {
      BloxError(.shapeMismatch, "\(name): \(what); got \(a.type), \(b.type)")
        .at(modulePath: ModuleScope.path, location: SourceLocation(file: file, line: line))
    }
    let isVector = b.rank == 1
    guard b.rank >= 1, b.shape[isVector ? 0 : b.rank - 2] == a.shape[a.rank - 1] else {
      throw mismatch("the right side needs as many rows as the matrix")
    }
    guard let batch = Tensor.broadcastShape(Array(a.shape.dropLast(2)), Array(b.shape.dropLast(isVector ? 1 : 2)))
    else { throw mismatch("the leading dimensions do not broadcast") }
    let dtype = try a.dtype.promoted(with: b.dtype).inexact
    let wide = dtype.computing
    let sides = try (isVector ? b.expandDims(-1) : b).cast(to: wide)
    let x = try body(
      a.cast(to: wide).broadcast(to: batch + a.shape.suffix(2)), sides.broadcast(to: batch + sides.shape.suffix(2)))
    return try (isVector ? x.squeeze([x.rank - 1]) : x).cast(to: dtype)
  }
}
