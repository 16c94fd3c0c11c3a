// Correlated normal numbers and random rotations.

import BloxIR

extension Key {
  /// Vectors of the normal distribution with a mean and a covariance.
  ///
  /// - Parameters:
  ///   - mean: `[…, n]`.
  ///   - covariance: `[…, n, n]`, positive definite; made symmetric first. NaN comes of one that is not.
  ///   - shape: The shape of the result without its last dimension, to which the leading dimensions of both broadcast;
  ///     theirs together when `nil`.
  /// - Throws: ``BloxError/Code/shapeMismatch`` when the mean is a scalar, the covariance does not fit it, or they do not
  ///   broadcast to the shape.
  public func multivariateNormal(
    _ mean: Tensor, _ covariance: Tensor, _ shape: [Int]? = nil, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard let n = mean.shape.last else {
        throw BloxError(.shapeMismatch, "multivariateNormal: needs a mean […, n]; got \(mean.type)")
      }
      guard covariance.rank >= 2, covariance.shape.suffix(2) == [n, n] else {
        throw BloxError(
          .shapeMismatch,
          "multivariateNormal: for the mean \(mean.type) the covariance must be […, \(n), \(n)];"
            + " got \(covariance.type)")
      }
      let dtype = try mean.dtype.promoted(with: covariance.dtype).inexact
      let lanes = covariance.shape.dropLast(2)
      guard let together = Tensor.broadcastShape(Array(mean.shape.dropLast()), Array(lanes)),
        shape.map({ Tensor.broadcastShape($0, together) == $0 }) ?? true
      else {
        throw BloxError(
          .shapeMismatch,
          "multivariateNormal: mean \(mean.type) and covariance \(covariance.type) do not broadcast"
            + (shape.map { " to vectors in the shape \($0)" } ?? ""))
      }
      let factor = try Linalg.cholesky(covariance.cast(to: dtype))
      let normal = try normal((shape ?? together) + [n], dtype: dtype)
      let product = try einsum("...ij,...j->...i", factor, normal)
      return try mean.cast(to: dtype) + product
    }
  }

  /// Matrices uniform among those with orthonormal rows and columns; with more rows than columns only the columns are
  /// orthonormal, and the other way round.
  ///
  /// Source: F. Mezzadri, "How to generate random matrices from the classical compact groups", Notices of the AMS 54
  /// (2007).
  ///
  /// - Parameters:
  ///   - rows: The number of rows.
  ///   - columns: The number of columns; as many as rows when `nil`.
  ///   - shape: The shape of the result without its last two dimensions.
  /// - Throws: ``BloxError/Code/invalidArgument`` for a negative number of rows or columns.
  public func orthogonal(
    _ rows: Int, columns: Int? = nil, _ shape: [Int] = [], dtype: DType = .f32, file: String = #fileID,
    line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let columns = columns ?? rows
      guard rows >= 0, columns >= 0 else {
        throw BloxError(.invalidArgument, "orthogonal: the matrix of \(rows) × \(columns) has a negative size")
      }
      let (long, short) = (max(rows, columns), min(rows, columns))
      let (q, r) = try Linalg.qr(normal(shape + [long, short], dtype: dtype))
      // Made unique by a positive diagonal of r, which is what makes it uniform.
      let matrix = try q * sign(Linalg.diagonal(r)).expandDims(-2)
      return try rows < columns ? matrix.swapAxes(-2, -1) : matrix
    }
  }
}
