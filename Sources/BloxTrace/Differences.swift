// Differences of neighbours, and membership.

import BloxIR

extension Tensor {
  /// Each element minus the one before it along an axis (`jnp.diff`), which has one element less for each time that this
  /// is done; of booleans, whether they differ.
  ///
  /// - Parameters:
  ///   - order: How many times.
  ///   - prepending: Elements put in front of the axis first: a scalar, or of the tensor's shape but for the axis.
  ///   - appending: Elements put behind the axis first.
  /// - Throws: ``BloxError/Code/invalidArgument`` for a negative order, ``BloxError/Code/invalidAxis`` for an axis that
  ///   there is not, ``BloxError/Code/shapeMismatch`` for elements that do not fit.
  public func diff(
    _ order: Int = 1, axis: Int = -1, prepending: Tensor? = nil, appending: Tensor? = nil, file: String = #fileID,
    line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard order >= 0 else {
        throw BloxError(.invalidArgument, "diff: the order \(order) of \(type) must not be negative")
      }
      let axis = try Tensor.normalizedAxis(axis, rank: rank, for: "diff")
      guard order > 0 else { return self }
      func edge(_ elements: Tensor) throws -> Tensor {
        guard elements.rank == 0 else { return elements }
        var one = shape
        one[axis] = 1
        return try elements.broadcast(to: one)
      }
      let parts = try (prepending.map { [try edge($0)] } ?? []) + [self] + (appending.map { [try edge($0)] } ?? [])
      var result = parts.count == 1 ? self : try concatenate(parts, axis: axis)
      for _ in 0..<Swift.min(order, result.shape[axis]) {
        let size = result.shape[axis]
        let (after, before) = (try result.slice(1..<size, axis: axis), try result.slice(0..<size - 1, axis: axis))
        result = try result.dtype == .bool ? after .!= before : after - before
      }
      return result
    }
  }

  /// Whether each element is one of others (`jnp.isin`). NaN is like nothing.
  ///
  /// By binary search in the others, sorted: no memory of the size of both.
  ///
  /// - Throws: ``BloxError/Code/dtypeMismatch`` for keys.
  public func isIn(_ others: Tensor, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      let dtype = try dtype.promoted(with: others.dtype)
      guard others.count > 0 else { return try Tensor.zeros(shape, dtype: .bool) }
      let sorted = try others.cast(to: dtype).sort(axis: nil)
      let elements = try cast(to: dtype)
      return try sorted.take(searchSorted(sorted, elements), axis: 0, outside: .clip) .== elements
    }
  }
}
