// Products, exclusive ors and counts over axes.

import BloxIR

extension Tensor {
  private func reduced(
    _ kind: Op.Reduction, _ axes: [Int]?, _ keepDimensions: Bool, _ location: SourceLocation
  ) throws -> Tensor {
    let normalized = try Tensor.normalizedAxes(axes, rank: rank, for: "reduce_\(kind.rawValue)")
    let result = try Tensor.apply(.reduce(kind, axes: normalized), self, location: location)
    guard keepDimensions else { return result }
    return try result.reshape(shape.indices.map { normalized.contains($0) ? 1 : shape[$0] })
  }

  /// The product over axes (all by default); 1 over nothing. Booleans and small integers multiply in 32 bits, as in
  /// JAX. The derivative is the product of the others, also where elements are 0.
  public func prod(
    _ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let wide: DType =
        switch dtype {
        case .bool, .i8, .i16: .i32
        case .u8, .u16: .u32
        case .i32, .i64, .u32, .u64, .bf16, .f16, .f32, .f64, .key: dtype
        }
      return try cast(to: wide).reduced(.prod, axes, keepDimensions, SourceLocation(file: file, line: line))
    }
  }

  /// The exclusive or over axes (all by default) of integers or booleans; 0 over nothing.
  public func xor(
    _ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try reduced(.xor, axes, keepDimensions, SourceLocation(file: file, line: line))
    }
  }

  /// The number of elements over axes (all by default) that are not zero, as `i32`.
  public func countNonzero(
    _ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try cast(to: .bool).sum(axes, keepDimensions: keepDimensions)
    }
  }

  /// The sum over axes (all by default) that leaves NaN out.
  public func nanSum(_ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID, line: Int = #line)
    throws -> Tensor
  {
    try located(file, line) {
      guard dtype.isFloating else { return try sum(axes, keepDimensions: keepDimensions) }
      return try select(isNaN(self), 0, self).sum(axes, keepDimensions: keepDimensions)
    }
  }
}
