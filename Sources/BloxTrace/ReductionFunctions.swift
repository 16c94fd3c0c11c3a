// Reductions and products.

import BloxIR

extension Tensor {
  private func reduce(_ kind: Op.Reduction, _ axes: [Int]?, _ keepDimensions: Bool, _ location: SourceLocation) throws
    -> Tensor
  {
    let normalized = try Tensor.normalizedAxes(axes, rank: rank, for: "reduce_\(kind.rawValue)")
    let reduced = try Tensor.apply(.reduce(kind, axes: normalized), self, location: location)
    guard keepDimensions else { return reduced }
    return try reduced.reshape(shape.indices.map { normalized.contains($0) ? 1 : shape[$0] })
  }

  /// The sum over axes (all by default). Booleans count as `i32`; small integers sum in 32 bits, as in JAX.
  public func sum(
    _ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try cast(to: dtype.summing).reduce(.sum, axes, keepDimensions, SourceLocation(file: file, line: line))
    }
  }

  /// The mean over axes (all by default); integers become `f32`. `bf16` and `f16` are summed and divided in `f32`.
  public func mean(
    _ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let normalized = try Tensor.normalizedAxes(axes, rank: rank, for: "mean")
      let total = try cast(to: dtype.computing)
        .sum(normalized, keepDimensions: keepDimensions, file: file, line: line)
      return try (total / Double(normalized.reduce(1) { $0 * shape[$1] })).cast(to: dtype.inexact)
    }
  }

  /// The mean squared distance from the mean over axes (all by default); integers become `f32`. `bf16` and `f16` are
  /// computed in `f32`.
  ///
  /// - Parameter freedom: How many to take off the number of elements before dividing by it (NumPy's `ddof`): 1 for the
  ///   unbiased estimate.
  public func variance(
    _ axes: [Int]? = nil, keepDimensions: Bool = false, freedom: Int = 0, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let wide = try cast(to: dtype.computing)
      let squares = try square(wide - wide.mean(axes, keepDimensions: true))
      let count = try Tensor.normalizedAxes(axes, rank: rank, for: "variance").reduce(1) { $0 * shape[$1] }
      let total = try squares.sum(axes, keepDimensions: keepDimensions)
      return try (total / (Double(count) - Double(freedom))).cast(to: dtype.inexact)
    }
  }

  /// The mean over axes (all by default), each element with its weight (`jnp.average`).
  ///
  /// - Parameter weights: Of the tensor's shape, or one that broadcasts to it; all the same when `nil`.
  public func average(
    _ axes: [Int]? = nil, weights: Tensor? = nil, keepDimensions: Bool = false, file: String = #fileID,
    line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard let weights else { return try mean(axes, keepDimensions: keepDimensions) }
      let all = try weights.broadcast(to: shape)
      return try (self * all).sum(axes, keepDimensions: keepDimensions) / all.sum(axes, keepDimensions: keepDimensions)
    }
  }

  /// The largest element over axes (all by default); NaN if there is one.
  public func max(
    _ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try reduce(.max, axes, keepDimensions, SourceLocation(file: file, line: line))
    }
  }

  /// The smallest element over axes (all by default); NaN if there is one.
  public func min(
    _ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try reduce(.min, axes, keepDimensions, SourceLocation(file: file, line: line))
    }
  }

  /// Whether all elements over axes are true (not zero).
  public func all(_ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID, line: Int = #line) throws
    -> Tensor
  {
    try located(file, line) {
      try cast(to: .bool).reduce(.and, axes, keepDimensions, SourceLocation(file: #fileID, line: #line))
    }
  }

  /// Whether any element over axes is true (not zero).
  public func any(_ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID, line: Int = #line) throws
    -> Tensor
  {
    try located(file, line) {
      try cast(to: .bool).reduce(.or, axes, keepDimensions, SourceLocation(file: #fileID, line: #line))
    }
  }

  /// The `i32` index of the first largest element along an axis, or among all elements.
  public func argmax(_ axis: Int? = nil, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      try argReduce(.argmax, axis, SourceLocation(file: file, line: line))
    }
  }

  /// The `i32` index of the first smallest element along an axis, or among all elements.
  public func argmin(_ axis: Int? = nil, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      try argReduce(.argmin, axis, SourceLocation(file: file, line: line))
    }
  }

  private func argReduce(_ kind: Op.ArgReduction, _ axis: Int?, _ location: SourceLocation) throws -> Tensor {
    guard let axis else { return try reshape([count]).argReduce(kind, 0, location) }
    let normalized = try Tensor.normalizedAxis(axis, rank: rank, for: kind.rawValue)
    return try Tensor.apply(.argReduce(kind, axis: normalized), self, location: location)
  }

  /// The matrix product, as NumPy's `matmul`: leading dimensions broadcast, vectors act as a row or column.
  ///
  /// - Parameter preferred: The dtype that elements are multiplied and summed in and that the result has, such as `.f32`
  ///   for operands in `bf16` or `.i32` for operands in `i8`. The promoted dtype of the operands by default.
  /// - Throws: ``BloxError/Code/shapeMismatch`` when the inner sizes differ or an operand is a scalar.
  public func matmul(
    _ other: Tensor, preferred: DType? = nil, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let location = SourceLocation(file: file, line: line)
      let dtype = try dtype.promoted(with: other.dtype)
      let preferred = preferred == dtype ? nil : preferred
      let (a, b) = (try cast(to: dtype), try other.cast(to: dtype))
      guard a.rank > 0, b.rank > 0 else {
        throw BloxError(
          .shapeMismatch, "matmul: operands must not be scalars; got \(type), \(other.type)", location: location)
      }
      let inner = b.rank == 1 ? 0 : b.rank - 2
      if b.rank <= 2 {
        // Dense layers: any number of leading dimensions on the left.
        return try Tensor.apply(
          .dotGeneral(Op.DotDimensions(lhsContract: [a.rank - 1], rhsContract: [inner], preferred: preferred)), a, b,
          location: location)
      }
      if a.rank == 1 {
        let product = try a.expandDims(0).matmul(b, preferred: preferred, file: file, line: line)
        return try product.squeeze([product.rank - 2])
      }
      let (aBatch, bBatch) = (Array(a.shape.dropLast(2)), Array(b.shape.dropLast(2)))
      guard let batch = Tensor.broadcastShape(aBatch, bBatch) else {
        throw BloxError(
          .shapeMismatch, "matmul: the leading dimensions of \(type) and \(other.type) do not broadcast",
          location: location)
      }
      let left = try a.broadcast(to: batch + a.shape.suffix(2))
      let right = try b.broadcast(to: batch + b.shape.suffix(2))
      let axes = Array(batch.indices)
      return try Tensor.apply(
        .dotGeneral(
          Op.DotDimensions(
            lhsBatch: axes, rhsBatch: axes, lhsContract: [batch.count + 1], rhsContract: [batch.count],
            preferred: preferred)), left, right, location: location)
    }
  }

  /// A product with explicit dimension numbers (`lax.dot_general`), whose field `preferred` is the dtype of the result.
  public func dotGeneral(
    _ other: Tensor, _ dims: Op.DotDimensions, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      var dims = dims
      // Spelled out or not, the same product is the same instruction.
      if dims.preferred == dtype { dims.preferred = nil }
      return try Tensor.apply(.dotGeneral(dims), self, other, location: SourceLocation(file: file, line: line))
    }
  }
}

extension DType {
  /// The dtype in which JAX sums elements of this one.
  fileprivate var summing: DType {
    switch self {
    case .bool, .i8, .i16: .i32
    case .u8, .u16: .u32
    case .i32, .i64, .u32, .u64, .bf16, .f16, .f32, .f64, .key: self
    }
  }
}
