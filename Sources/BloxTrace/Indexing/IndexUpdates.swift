// Writing with `x.at[…]`: a new tensor, since tensors are values.

import BloxIR

extension Tensor {
  /// A tensor to be indexed for an update (JAX's `x.at`).
  ///
  /// ```swift
  /// let y = try x.at[0, 1...].set(0)
  /// let counts = try Tensor.zeros([10], dtype: .i32).at[digits].add(1)   // digits that occur twice count twice
  /// ```
  public var at: IndexableForUpdates { IndexableForUpdates(tensor: self) }
}

/// A tensor to be indexed for an update; see ``Tensor/at``.
public struct IndexableForUpdates {
  let tensor: Tensor

  /// The elements at an index, to be read or updated.
  public subscript(
    _ parts: (any TensorIndexing)?..., file file: String = #fileID, line line: Int = #line
  ) -> IndexedElements {
    IndexedElements(tensor: tensor, parts: parts, file: file, line: line)
  }
}

/// The elements of a tensor at an index; each method gives a new tensor in which they are changed.
///
/// Updates broadcast to the shape of the indexed elements and take the tensor's dtype. Places outside that tensors of
/// integers say are left out, unless `outside` is ``OutOfBounds/clip``. Where places occur several times, `set` keeps
/// one of the updates (the last), the others take all of them.
public struct IndexedElements {
  let tensor: Tensor
  let parts: [(any TensorIndexing)?]
  /// Where the index was written, for messages.
  let file: String
  let line: Int

  /// The elements themselves.
  ///
  /// - Parameters:
  ///   - outside: What reading outside gives; `nil` as for a subscript.
  ///   - fill: What reading outside gives with ``OutOfBounds/fillOrDrop``; NaN or the like when `nil`.
  public func get(outside: OutOfBounds? = nil, fill: Double? = nil) throws -> Tensor {
    try located(file, line) { try tensor.elements(at: parts, outside, fill: fill) }
  }

  /// With the elements replaced.
  public func set(_ values: Tensor, outside: OutOfBounds = .fillOrDrop) throws -> Tensor {
    try update(.set, values, outside)
  }

  /// With the elements replaced by a number.
  public func set(_ value: Double, outside: OutOfBounds = .fillOrDrop) throws -> Tensor {
    try update(.set, Tensor(scalar: Literal(value, as: tensor.dtype)), outside)
  }

  /// With values added to the elements.
  public func add(_ values: Tensor, outside: OutOfBounds = .fillOrDrop) throws -> Tensor {
    try update(.add, values, outside)
  }

  /// With a number added to the elements.
  public func add(_ value: Double, outside: OutOfBounds = .fillOrDrop) throws -> Tensor {
    try update(.add, Tensor(scalar: Literal(value, as: tensor.dtype)), outside)
  }

  /// With the elements multiplied by values.
  public func multiply(_ values: Tensor, outside: OutOfBounds = .fillOrDrop) throws -> Tensor {
    try update(.mul, values, outside)
  }

  /// With the elements multiplied by a number.
  public func multiply(_ value: Double, outside: OutOfBounds = .fillOrDrop) throws -> Tensor {
    try update(.mul, Tensor(scalar: Literal(value, as: tensor.dtype)), outside)
  }

  /// With the elements divided by values.
  public func divide(_ values: Tensor, outside: OutOfBounds = .fillOrDrop) throws -> Tensor {
    let ones = try Tensor.ones(like: tensor)
    return try tensor
      / IndexedElements(tensor: ones, parts: parts, file: file, line: line).multiply(values, outside: outside)
  }

  /// With the elements raised to powers.
  public func power(_ values: Tensor, outside: OutOfBounds = .fillOrDrop) throws -> Tensor {
    let ones = try Tensor.ones(like: tensor)
    return try pow(
      tensor, IndexedElements(tensor: ones, parts: parts, file: file, line: line).multiply(values, outside: outside))
  }

  /// With the smaller of each element and its values.
  public func min(_ values: Tensor, outside: OutOfBounds = .fillOrDrop) throws -> Tensor {
    try update(.min, values, outside)
  }

  /// With the larger of each element and its values.
  public func max(_ values: Tensor, outside: OutOfBounds = .fillOrDrop) throws -> Tensor {
    try update(.max, values, outside)
  }

  /// With a function applied to the elements. It is called once with the whole tensor; elements that are not indexed
  /// keep their values.
  public func apply(_ function: (Tensor) throws -> Tensor, outside: OutOfBounds = .fillOrDrop) throws -> Tensor {
    let none = try Tensor.zeros(tensor.shape, dtype: .bool)
    let chosen = try IndexedElements(tensor: none, parts: parts, file: file, line: line)
      .update(.set, Tensor(true), outside)
    return try select(chosen, try function(tensor), tensor)
  }

  private func update(_ kind: Op.ScatterKind, _ values: Tensor, _ outside: OutOfBounds) throws -> Tensor {
    try located(file, line) {
      let index = try ResolvedIndex(parts, of: tensor.shape, outside: outside)
      let values = try values.cast(to: tensor.dtype)
      let isWhole = index.windows.enumerated().allSatisfy { axis, window in
        index.tensors.contains { $0.axis == axis }
          || window == ResolvedIndex.Window(start: 0, count: tensor.shape[axis], step: 1)
      }
      if index.tensors.isEmpty, index.windows.allSatisfy({ $0.step == 1 }) {
        return try replaceWindow(kind, values, index)
      }
      if !index.tensors.isEmpty, isWhole { return try scatter(kind, values, index, outside) }
      return try scatterOneByOne(kind, values, index, outside)
    }
  }

  /// The updates in the shape of the indexed elements, without new axes.
  private func fitted(_ values: Tensor, _ index: ResolvedIndex, places: [Int]) throws -> Tensor {
    let shape = index.layout.flatMap { $0.size(in: index.windows, places: places) }
    let whole: Tensor
    do {
      whole = try values.broadcast(to: shape)
    } catch let error as BloxError where error.code == .shapeMismatch {
      throw BloxError(
        .shapeMismatch, "update: \(values.type) does not broadcast to the shape \(shape) of the indexed elements")
    }
    return try whole.reshape(index.layout.filter { $0 != .new }.flatMap { $0.size(in: index.windows, places: places) })
  }

  /// A window at places known now.
  private func replaceWindow(_ kind: Op.ScatterKind, _ values: Tensor, _ index: ResolvedIndex) throws -> Tensor {
    let shape = index.windows.map(\.count)
    guard !shape.contains(0) else { return tensor }
    var update = try fitted(values, index, places: []).reshape(shape)
    let starts = index.windows.map(\.start)
    if kind != .set {
      let old = try tensor.slice(starts: starts, limits: zip(starts, shape).map { $0 + $1 })
      update = try kind.combined(old, update)
    }
    return try tensor.dynamicUpdateSlice(update, at: starts)
  }

  private func scatter(
    _ kind: Op.ScatterKind, _ values: Tensor, _ index: ResolvedIndex, _ outside: OutOfBounds
  ) throws -> Tensor {
    let places = try IndexPlaces(index)
    let kept = tensor.shape.indices.filter { !places.axes.contains($0) }
    let dims = Op.ScatterDimensions(
      windowDims: kept.indices.map { $0 < places.position ? $0 : $0 + places.shape.count },
      insertedDims: places.axes.sorted(), indexMap: places.axes, mode: outside == .fillOrDrop ? .fillOrDrop : .clip)
    let updates = try fitted(values, index, places: places.shape)
    guard dims.mode == .fillOrDrop || dims.insertedDims.allSatisfy({ tensor.shape[$0] > 0 }) else { return tensor }
    return try Tensor.apply(.indexing(.scatter(kind, dims)), tensor, places.vectors, updates)
  }

  /// Any index: number the elements, read the numbers at the index, and scatter to them.
  private func scatterOneByOne(
    _ kind: Op.ScatterKind, _ values: Tensor, _ index: ResolvedIndex, _ outside: OutOfBounds
  ) throws -> Tensor {
    let dtype: DType = tensor.count <= Int(Int32.max) ? .i32 : .i64
    let numbers = try Tensor.iota([tensor.count], dtype: dtype).reshape(tensor.shape)
    let places = try numbers.elements(at: parts, outside, fill: -1)
    let updates = try values.broadcast(to: places.shape).reshape([-1])
    let dims = Op.ScatterDimensions(windowDims: [], insertedDims: [0], indexMap: [0], mode: .fillOrDrop)
    return try Tensor.apply(
      .indexing(.scatter(kind, dims)), tensor.reshape([-1]), places.reshape([-1, 1]), updates
    ).reshape(tensor.shape)
  }
}

extension Op.ScatterKind {
  fileprivate func combined(_ a: Tensor, _ b: Tensor) throws -> Tensor {
    switch self {
    case .set: b
    case .add: try a + b
    case .mul: try a * b
    case .min: try minimum(a, b)
    case .max: try maximum(a, b)
    }
  }
}
