// Sorting, the largest elements, and what is made of them.
//
// NaN counts as the largest element everywhere. Elements that are equal keep their order, in descending sorts too; zeros
// of both signs are equal, and subnormals, which comparisons take for zero, are equal to them (but those of `f16`).

import BloxIR

extension Tensor {
  /// The elements along an axis in ascending order (`jnp.sort`). Gradients go where the elements came from.
  ///
  /// - Parameters:
  ///   - axis: The axis; negative axes count from the end. `nil` sorts all elements, into a vector.
  ///   - descending: Whether the largest element comes first, NaN before it.
  ///   - isStable: Whether equal elements must keep their order. They do in any case; programs say it.
  /// - Throws: ``BloxError/Code/invalidAxis`` for an axis that the tensor does not have, or
  ///   ``BloxError/Code/dtypeMismatch`` for keys, which have no order.
  public func sort(
    axis: Int? = -1, descending: Bool = false, isStable: Bool = true, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard let axis else { return try flat().sort(axis: 0, descending: descending, isStable: isStable) }
      let sorted = try sortTogether([self], axis: axis, keyCount: 1, isStable, "sort", file, line)[0]
      return descending ? try sorted.flip([axis]) : sorted
    }
  }

  /// The indices along an axis at which the elements are in ascending order (`jnp.argsort`): `takeAlongAxis` with them
  /// sorts.
  ///
  /// - Parameters:
  ///   - axis: The axis; negative axes count from the end. `nil` takes all elements as a vector.
  ///   - descending: Whether the index of the largest element comes first. Equal elements keep their order.
  ///   - isStable: Whether equal elements must keep their order. They do in any case; programs say it.
  ///   - dtype: That of the indices.
  /// - Throws: ``BloxError/Code/invalidAxis`` for an axis that the tensor does not have,
  ///   ``BloxError/Code/dtypeMismatch`` for keys and for a dtype that is no integer or too narrow for the axis.
  public func argsort(
    axis: Int? = -1, descending: Bool = false, isStable: Bool = true, dtype: DType = .i32, file: String = #fileID,
    line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard let axis else {
        return try flat().argsort(axis: 0, descending: descending, isStable: isStable, dtype: dtype)
      }
      let place = try Tensor.normalizedAxis(axis, rank: rank, for: "argsort")
      let indices = try Tensor.indices(shape, axis: place, dtype: dtype, "argsort")
      // Backwards twice, so that equal elements keep their order.
      let operands = descending ? [try flip([place]), try indices.flip([place])] : [self, indices]
      let sorted = try sortTogether(operands, axis: place, keyCount: 1, isStable, "argsort", file, line)[1]
      return descending ? try sorted.flip([place]) : sorted
    }
  }

  /// The `count` largest elements along an axis, largest first, and their indices along it as `i32` (`lax.top_k`).
  ///
  /// NaN comes before all numbers and `0` before `-0`; of equal elements the one with the lower index comes first.
  /// Gradients go to the elements that were taken.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` when `count` is negative or more than there is,
  ///   ``BloxError/Code/invalidAxis`` for an axis that the tensor does not have, or
  ///   ``BloxError/Code/dtypeMismatch`` for keys.
  public func topK(
    _ count: Int, axis: Int = -1, file: String = #fileID, line: Int = #line
  ) throws -> (values: Tensor, indices: Tensor) {
    try located(file, line) {
      let axis = try Tensor.normalizedAxis(axis, rank: rank, for: "topK")
      let results = try Tensor.applyAll(
        .ordering(.topK(Ordering.TopK(count: count, axis: axis))), [.tensor(self)],
        location: SourceLocation(file: file, line: line))
      return (results[0], results[1])
    }
  }

  /// The distinct elements in ascending order, as a vector of a size that is known before they are (`jnp.unique` with
  /// `size`): the largest ones are left out where there are more, and `fill` follows where there are fewer.
  ///
  /// NaN is one element. Where both zeros occur, the first stands for both.
  ///
  /// - Parameters:
  ///   - size: The number of elements of the result.
  ///   - fill: What follows the elements; the smallest of them when `nil`.
  /// - Throws: ``BloxError/Code/invalidArgument`` for a negative size, or for a tensor without elements and without a
  ///   fill value; ``BloxError/Code/dtypeMismatch`` for keys.
  public func unique(size: Int, fill: Double? = nil, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      try uniqueWithCounts(size: size, fill: fill).values
    }
  }

  /// The distinct elements as ``unique(size:fill:)`` has them; for each the index of its first occurrence and the number
  /// of its occurrences; and for each element of the tensor, in its shape, the index of its like among the distinct ones.
  ///
  /// All are `i32`. Where distinct elements are missing, the index is that of the smallest and the count is 0; where
  /// elements are left out, inverse indices are `size` or more.
  ///
  /// - Throws: As ``unique(size:fill:)``.
  public func uniqueWithCounts(
    size: Int, fill: Double? = nil, file: String = #fileID, line: Int = #line
  ) throws -> (values: Tensor, indices: Tensor, inverse: Tensor, counts: Tensor) {
    try located(file, line) {
      guard size >= 0 else { throw BloxError(.invalidArgument, "unique: the size \(size) must not be negative") }
      guard count > 0 || (fill != nil || size == 0) else {
        throw BloxError(.invalidArgument, "unique: \(type) has no element to fill with; give a fill value")
      }
      let x = try flat()
      let numbers = try Tensor.indices([count], axis: 0, dtype: .i32, "unique")
      let sorted = try BloxTrace.sort([x, numbers])
      guard count > 0 else {
        let none = try Tensor.zeros([size], dtype: .i32)
        return (try Tensor.full([size], fill ?? 0, dtype: dtype), none, numbers, none)
      }
      // [1, 1, 2] -> [true, false, true]: where another element begins.
      let (before, after) = (try sorted[0].slice(0..<count - 1), try sorted[0].slice(1..<count))
      var differs = try after .!= before
      if dtype.isFloating { differs = try logicalAnd(differs, logicalOr(after .== after, before .== before)) }
      let begins = try concatenate([Tensor(shape: [1], scalars: [true], dtype: .bool), differs])
      // The index of each sorted element's like.
      let likes = try begins.cast(to: .i32).cumsum(axis: 0) - 1
      let inverse = try Tensor.zeros([count], dtype: .i32).at[sorted[1]].set(likes).reshape(shape)
      let first = try begins.nonzero(size: size, fill: 0)[0]
      let counts = try Tensor.zeros([size], dtype: .i32).at[likes].add(1)
      var values = try sorted[0].take(first)
      if let fill { values = try select(counts .> 0, values, Tensor.full([size], fill, dtype: dtype)) }
      return (values, try sorted[1].take(first), inverse, counts)
    }
  }

  private func flat() throws -> Tensor { try reshape([count]) }

  /// 0, 1, 2, … along an axis.
  private static func indices(
    _ shape: [Int], axis: Int, dtype: DType, _ function: String
  ) throws -> Tensor {
    guard dtype.isInteger else { throw BloxError(.dtypeMismatch, "\(function): indices are integers, not \(dtype)") }
    let bits = dtype.bitWidth - (dtype.kind == .signed ? 1 : 0)
    guard bits >= 63 || shape[axis] <= 1 << bits else {
      throw BloxError(.dtypeMismatch, "\(function): \(dtype) cannot number the \(shape[axis]) elements of axis \(axis)")
    }
    return try Tensor.iota(shape, axis: axis, dtype: dtype)
  }
}

/// Tensors of one shape sorted together along an axis, ascending, by the first `keyCount` of them: where the first is
/// equal the second decides, and so on (`lax.sort`). The others are moved along.
///
/// - Throws: ``BloxError/Code/invalidAxis`` for an axis that the tensors do not have,
///   ``BloxError/Code/shapeMismatch`` when their shapes differ, ``BloxError/Code/invalidArgument`` when there is no
///   tensor, no key or too many, or ``BloxError/Code/dtypeMismatch`` for random keys to sort by.
public func sort(
  _ tensors: [Tensor], axis: Int = -1, keyCount: Int = 1, isStable: Bool = true, file: String = #fileID,
  line: Int = #line
) throws -> [Tensor] {
  try located(file, line) {
    try sortTogether(tensors, axis: axis, keyCount: keyCount, isStable, "sort", file, line)
  }
}

/// The indices along an axis at which elements are in ascending order of the last of several keys, then of the one before
/// it, and so on (`jnp.lexsort`).
///
/// - Throws: ``BloxError/Code/invalidArgument`` when there is no key, or as ``sort(_:axis:keyCount:isStable:file:line:)``.
public func lexsort(
  _ keys: [Tensor], axis: Int = -1, file: String = #fileID, line: Int = #line
) throws -> Tensor {
  try located(file, line) {
    guard let first = keys.first else { throw BloxError(.invalidArgument, "lexsort: needs a key to sort by") }
    let place = try Tensor.normalizedAxis(axis, rank: first.rank, for: "lexsort")
    let operands = keys.reversed() + [try Tensor.iota(first.shape, axis: place)]
    return try sortTogether(operands, axis: place, keyCount: keys.count, true, "lexsort", file, line)[keys.count]
  }
}

private func sortTogether(
  _ tensors: [Tensor], axis: Int, keyCount: Int, _ isStable: Bool, _ function: String, _ file: String, _ line: Int
) throws -> [Tensor] {
  guard let first = tensors.first else { throw BloxError(.invalidArgument, "\(function): needs a tensor to sort") }
  let axis = try Tensor.normalizedAxis(axis, rank: first.rank, for: function)
  return try Tensor.applyAll(
    .ordering(.sort(Ordering.Sort(axis: axis, keyCount: keyCount, isStable: isStable))),
    tensors.map { .tensor($0) }, location: SourceLocation(file: file, line: line))
}
