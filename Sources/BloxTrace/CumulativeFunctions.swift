// Sums, products and extremes of the elements so far.

import BloxIR

extension Tensor {
  private func cumulative(_ kind: Cumulative, _ axis: Int?, _ reverse: Bool, _ location: SourceLocation) throws
    -> Tensor
  {
    guard let axis else { return try reshape([count]).cumulative(kind, 0, reverse, location) }
    let normalized = try Tensor.normalizedAxis(axis, rank: rank, for: kind.rawValue)
    return try Tensor.apply(.cumulative(kind, axis: normalized, reverse: reverse), self, location: location)
  }

  /// The sum of each element and those before it along an axis, in the tensor's shape; of all elements in row-major
  /// order, as a vector, without an axis. Booleans count as `i32`; integers wrap. As `jax.lax.cumsum`.
  ///
  /// - Parameter reverse: Whether each element is combined with those after it instead.
  /// - Throws: ``BloxError/Code/invalidAxis`` for an axis that the tensor does not have.
  public func cumsum(
    axis: Int? = nil, reverse: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try counting().cumulative(.sum, axis, reverse, SourceLocation(file: file, line: line))
    }
  }

  /// The product of each element and those before it; see ``cumsum(axis:reverse:file:line:)``. Its derivative is right
  /// where elements are zero.
  public func cumprod(
    axis: Int? = nil, reverse: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try counting().cumulative(.prod, axis, reverse, SourceLocation(file: file, line: line))
    }
  }

  /// The largest of each element and those before it; NaN from the first NaN on. See
  /// ``cumsum(axis:reverse:file:line:)``.
  public func cummax(
    axis: Int? = nil, reverse: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try cumulative(.max, axis, reverse, SourceLocation(file: file, line: line))
    }
  }

  /// The smallest of each element and those before it; NaN from the first NaN on. See
  /// ``cumsum(axis:reverse:file:line:)``.
  public func cummin(
    axis: Int? = nil, reverse: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try cumulative(.min, axis, reverse, SourceLocation(file: file, line: line))
    }
  }

  /// `log(cumsum(exp(x)))` without overflow; integers become `f32`. See ``cumsum(axis:reverse:file:line:)``.
  public func cumLogSumExp(
    axis: Int? = nil, reverse: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try cast(to: dtype.inexact).cumulative(.logSumExp, axis, reverse, SourceLocation(file: file, line: line))
    }
  }

  private func counting() throws -> Tensor { dtype == .bool ? try cast(to: .i32) : self }
}
