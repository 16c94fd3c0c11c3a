// Determinants, powers, exponentials and norms of matrices.

import BloxIR

extension Linalg {
  /// The determinant of square matrices.
  ///
  /// Up to 3 rows by the formula, which has derivatives at singular matrices too; else from the LU factors.
  public static func det(_ a: Tensor, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      try square(a, "det", file, line)
      let size = a.shape[a.rank - 1]
      return try computed(a, "det", file, line) { a, _ in
        guard size > 3 else { return [try smallDeterminant(a, size)] }
        let (diagonal, sign) = try factoredDiagonal(a, file, line)
        return [try diagonal.prod([-1]) * sign]
      }[0]
    }
  }

  /// The sign of the determinant of square matrices, 0 where it is 0, and the logarithm of its magnitude.
  public static func slogdet(
    _ a: Tensor, file: String = #fileID, line: Int = #line
  ) throws -> (sign: Tensor, logAbsDet: Tensor) {
    try located(file, line) {
      try square(a, "slogdet", file, line)
      let results = try computed(a, "slogdet", file, line) { a, _ in
        let (diagonal, parity) = try factoredDiagonal(a, file, line)
        return [try sign(diagonal).prod([-1]) * parity, try log(abs(diagonal)).sum([-1])]
      }
      return (results[0], results[1])
    }
  }

  /// A square matrix multiplied by itself so many times; by its inverse for negative exponents.
  public static func matrixPower(
    _ a: Tensor, _ exponent: Int, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try square(a, "matrixPower", file, line)
      guard exponent != 0 else { return try Tensor.eye(a.shape[a.rank - 1], dtype: a.dtype).broadcast(to: a.shape) }
      var square = exponent < 0 ? try inv(a, file: file, line: line) : a
      var result: Tensor?
      var rest = exponent.magnitude
      while true {
        if rest & 1 == 1 { result = try result.map { try $0.matmul(square) } ?? square }
        rest >>= 1
        if rest == 0 { break }
        square = try square.matmul(square)
      }
      return result ?? square
    }
  }

  /// The exponential of square matrices: a Padé approximant of degree 13 of the matrix scaled down by a power of 2,
  /// squared as often (Higham, "The scaling and squaring method for the matrix exponential revisited", 2005).
  public static func expm(_ a: Tensor, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      try square(a, "expm", file, line)
      return try computed(a, "expm", file, line) { a, _ in
        // The number of squarings that brings the 1-norm below the bound of degree 13.
        let bound = 5.371920351148152
        let size = a.shape[a.rank - 1]
        guard size > 0 else { return [a] }
        let norm = try stopGradient(abs(a).sum([-2]).max([-1], keepDimensions: true)).expandDims(-1)
        let count = try maximum(ceil(log2(norm / bound)), 0)
        let scaled = try a / exp2(count)
        let b: [Double] = [
          64_764_752_532_480_000, 32_382_376_266_240_000, 7_771_770_303_897_600, 1_187_353_796_428_800,
          129_060_195_264_000, 10_559_470_521_600, 670_442_572_800, 33_522_128_640, 1_323_241_920, 40_840_800, 960_960,
          16_380, 182, 1,
        ]
        let one = try Tensor.eye(size, dtype: a.dtype)
        let a2 = try scaled.matmul(scaled)
        let a4 = try a2.matmul(a2)
        let a6 = try a4.matmul(a2)
        let odd = try scaled.matmul(
          a6.matmul(a6 * b[13] + a4 * b[11] + a2 * b[9]) + a6 * b[7] + a4 * b[5] + a2 * b[3] + one * b[1])
        let even = try a6.matmul(a6 * b[12] + a4 * b[10] + a2 * b[8]) + a6 * b[6] + a4 * b[4] + a2 * b[2] + one * b[0]
        var result = try solve(even - odd, even + odd)
        for step in 0..<squaringLimit { result = try select(count .> Double(step), result.matmul(result), result) }
        return [try select(count .> Double(squaringLimit), Tensor.full([], .nan, dtype: a.dtype), result)]
      }[0]
    }
  }

  /// How often ``expm(_:file:line:)`` squares at most, as JAX; a larger matrix gives NaN.
  private static let squaringLimit = 16

  /// What ``norm(_:_:_:keepDimensions:file:line:)`` measures vectors by.
  public enum VectorNorm: Hashable, Sendable {
    /// The sum of the magnitudes to a power, to one over it; 2 is the length.
    case p(Double)
    /// The largest magnitude.
    case max
    /// The smallest magnitude.
    case min
    /// The number of elements that are not zero.
    case count
  }

  /// The norm of the vectors along an axis.
  public static func norm(
    _ x: Tensor, _ kind: VectorNorm = .p(2), _ axis: Int = -1, keepDimensions: Bool = false,
    file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let x = try x.cast(to: x.dtype.inexact)
      switch kind {
      case .max: return try abs(x).max([axis], keepDimensions: keepDimensions)
      case .min: return try abs(x).min([axis], keepDimensions: keepDimensions)
      case .count: return try (x .!= 0).cast(to: x.dtype).sum([axis], keepDimensions: keepDimensions)
      case .p(1): return try abs(x).sum([axis], keepDimensions: keepDimensions)
      case .p(2): return try x.norm([axis], keepDimensions: keepDimensions)
      case .p(let p):
        guard p != 0, p.isFinite else {
          throw BloxError(
            .invalidArgument,
            "norm: the power must be a finite number other than 0, not \(p); there are .count, .max, .min",
            location: SourceLocation(file: file, line: line))
        }
        return try pow(pow(abs(x), p).sum([axis], keepDimensions: keepDimensions), 1 / p)
      }
    }
  }

  /// What ``matrixNorm(_:_:keepDimensions:file:line:)`` measures matrices by.
  public enum MatrixNorm: Hashable, Sendable {
    /// The square root of the sum of squares.
    case frobenius
    /// The largest sum of magnitudes in a column.
    case columnSum
    /// The largest sum of magnitudes in a row.
    case rowSum
  }

  /// The norm of matrices.
  public static func matrixNorm(
    _ x: Tensor, _ kind: MatrixNorm = .frobenius, keepDimensions: Bool = false, file: String = #fileID,
    line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let result = try computed(x, "matrixNorm", file, line) { x, _ in
        switch kind {
        case .frobenius: return [try x.norm([-2, -1], keepDimensions: true)]
        case .columnSum: return [try abs(x).sum([-2], keepDimensions: true).max([-1], keepDimensions: true)]
        case .rowSum: return [try abs(x).sum([-1], keepDimensions: true).max([-2], keepDimensions: true)]
        }
      }[0]
      return keepDimensions ? result : try result.squeeze([result.rank - 2, result.rank - 1])
    }
  }

  /// The sum of the diagonal of matrices.
  public static func trace(_ a: Tensor, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      guard a.rank >= 2 else {
        throw BloxError(
          .invalidShape, "trace: needs matrices, which have two dimensions or more; got \(a.type)",
          location: SourceLocation(file: file, line: line))
      }
      return try diagonal(a).sum([-1])
    }
  }

  /// The elements with equal row and column.
  static func diagonal(_ a: Tensor) throws -> Tensor {
    let (rows, columns) = (a.shape[a.rank - 2], a.shape[a.rank - 1])
    let isDiagonal = try Tensor.iota(a.shape, axis: a.rank - 2) .== Tensor.iota(a.shape, axis: a.rank - 1)
    let kept = try select(isDiagonal, a, Tensor.zeros(like: a))
    // The shorter side is the diagonal's length.
    return try Tensor.apply(.reduce(.sum, axes: [rows <= columns ? a.rank - 1 : a.rank - 2]), kept)
  }

  /// The diagonal of u, and 1 or -1 for an even or odd number of exchanges.
  private static func factoredDiagonal(_ a: Tensor, _ file: String, _ line: Int) throws -> (Tensor, Tensor) {
    let factors = try lu(a, file: file, line: line)
    let isExchanged = try factors.pivots .!= Tensor.iota(factors.pivots.shape, axis: factors.pivots.rank - 1)
    let odd = try isExchanged.cast(to: .i32).sum([-1]) % 2
    return (try diagonal(factors.lu), try 1 - 2 * odd.cast(to: a.dtype))
  }

  private static func smallDeterminant(_ a: Tensor, _ size: Int) throws -> Tensor {
    func element(_ i: Int, _ j: Int) throws -> Tensor { try a.at(i, axis: -2).at(j, axis: -1) }
    func minor(_ i: Int, _ j: Int) throws -> Tensor {
      try element(1, i) * element(2, j) - element(1, j) * element(2, i)
    }
    switch size {
    case 0: return try Tensor.ones(Array(a.shape.dropLast(2)), dtype: a.dtype)
    case 1: return try element(0, 0)
    case 2: return try element(0, 0) * element(1, 1) - element(0, 1) * element(1, 0)
    case _: return try element(0, 0) * minor(1, 2) - element(0, 1) * minor(0, 2) + element(0, 2) * minor(0, 1)
    }
  }
}

/// The same tensors, which the compiler does not look through: what they are made of is not merged, fused or
/// simplified with what is made of them (`lax.optimization_barrier`).
///
/// Used to keep a recomputation from being merged with the first computation.
public func optimizationBarrier(_ x: Tensor) throws -> Tensor { try Tensor.apply(.optimizationBarrier, x) }

/// The same tensors behind a barrier; see ``optimizationBarrier(_:)-(Tensor)``.
public func optimizationBarrier(_ tensors: [Tensor]) throws -> [Tensor] {
  try tensors.map { try optimizationBarrier($0) }
}
