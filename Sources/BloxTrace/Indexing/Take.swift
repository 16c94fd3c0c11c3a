// Elements along an axis, and windows at places that are tensors.

import BloxIR

extension Tensor {
  /// Elements at places along an axis; `axis` is replaced by the places' axes (`jnp.take`).
  ///
  /// - Parameters:
  ///   - places: Integers; negative ones count from the end, or are clipped to the start.
  ///   - axis: An axis, or `nil` for the flattened tensor.
  ///   - outside: What happens to places outside; ``OutOfBounds/fillOrDrop`` gives NaN or the like.
  ///   - fill: What to give instead.
  /// - Throws: ``BloxError/Code/invalidAxis``, and ``BloxError/Code/dtypeMismatch`` when `places` are no integers.
  public func take(
    _ places: Tensor, axis: Int? = nil, outside: OutOfBounds = .fillOrDrop, fill: Double? = nil, file: String = #fileID,
    line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard let axis else { return try reshape([-1]).take(places, axis: 0, outside: outside, fill: fill) }
      let normalized = try Tensor.normalizedAxis(axis, rank: rank, for: "take")
      guard places.dtype != .bool else {
        throw BloxError(.dtypeMismatch, "take: places must be integers; got \(places.type)")
      }
      // `jnp.take` clips negative places to the start, where everything else counts them from the end.
      let clipped = outside == .clip && places.dtype.kind == .signed
      let places = clipped ? try maximum(places, Tensor(shape: [], scalars: [0], dtype: places.dtype)) : places
      var parts: [(any TensorIndexing)?] = Array(
        repeating: TensorIndex.range(from: nil, to: nil, by: 1), count: normalized)
      parts.append(places)
      return try elements(at: parts, outside, fill: fill)
    }
  }

  /// For each element of `places`, the element at that place along an axis and at the same place along the others
  /// (`jnp.take_along_axis`). The other axes broadcast.
  ///
  /// - Throws: ``BloxError/Code/shapeMismatch`` when the ranks differ or other axes do not broadcast.
  public func takeAlongAxis(
    _ places: Tensor, axis: Int, outside: OutOfBounds = .fillOrDrop, fill: Double? = nil, file: String = #fileID,
    line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let along = try AxisPlaces(self, places, axis: axis, outside, "takeAlongAxis")
      let mode: Op.IndexMode = outside == .fillOrDrop ? .fillOrDrop : .clip
      guard mode == .fillOrDrop || along.operand.count > 0 || along.vectors.count == 0 else {
        throw BloxError(.invalidArgument, "takeAlongAxis: \(type) has no elements to choose from")
      }
      let dims = along.gather(mode: mode)
      if mode == .clip { return try Tensor.apply(.indexing(.gather(dims)), along.operand, along.vectors) }
      let value = fill.map { Literal($0, as: dtype) } ?? dtype.outsideValue
      return try Tensor.apply(
        .indexing(.gather(dims)), [.tensor(along.operand), .tensor(along.vectors), .splat(value, shape: [])])
    }
  }

  /// A copy in which elements at places along an axis are replaced (`jnp.put_along_axis`); places outside are left out.
  public func putAlongAxis(_ places: Tensor, _ values: Tensor, axis: Int, file: String = #fileID, line: Int = #line)
    throws -> Tensor
  {
    try located(file, line) {
      let along = try AxisPlaces(self, places, axis: axis, .fillOrDrop, "putAlongAxis")
      let updates = try values.cast(to: dtype).broadcast(to: along.shape)
      guard along.operand.shape == shape else {
        throw BloxError(.shapeMismatch, "putAlongAxis: places \(places.type) have more elements than \(type) has")
      }
      return try Tensor.apply(
        .indexing(.scatter(.set, along.gather(mode: .fillOrDrop).scatter)), along.operand, along.vectors, updates)
    }
  }

  /// A window of the given sizes at starts that may be traced (`lax.dynamic_slice`). Negative starts count from the end;
  /// then they are moved as far as needed for the window to lie inside.
  ///
  /// - Parameters:
  ///   - starts: One integer scalar for each axis; all of one dtype.
  ///   - sizes: One for each axis.
  public func dynamicSlice(
    _ starts: [Tensor], sizes: [Int], file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try Tensor.apply(
        .indexing(.dynamicSlice(sizes: sizes)), [.tensor(self)] + wrapped(starts).map { .tensor($0) },
        location: SourceLocation(file: file, line: line))
    }
  }

  /// A window along one axis from a start that may be traced (`lax.dynamic_slice_in_dim`).
  public func dynamicSlice(
    _ start: Tensor, size: Int, axis: Int = 0, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let axis = try Tensor.normalizedAxis(axis, rank: rank, for: "dynamicSlice")
      var sizes = shape
      sizes[axis] = size
      return try Tensor.apply(
        .indexing(.dynamicSlice(sizes: sizes)), [.tensor(self)] + starts(start, axis),
        location: SourceLocation(file: file, line: line))
    }
  }

  /// The part at a place along an axis that may be traced; the axis disappears (`lax.dynamic_index_in_dim`).
  public func dynamicIndex(_ place: Tensor, axis: Int = 0, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      let axis = try Tensor.normalizedAxis(axis, rank: rank, for: "dynamicIndex")
      return try dynamicSlice(place, size: 1, axis: axis)
        .reshape(shape.removing([axis]))
    }
  }

  /// A copy with a window replaced, at starts that may be traced (`lax.dynamic_update_slice`).
  public func dynamicUpdateSlice(
    _ update: Tensor, at starts: [Tensor], file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try Tensor.apply(
        .indexing(.dynamicUpdateSlice), [.tensor(self), .tensor(update)] + wrapped(starts).map { .tensor($0) },
        location: SourceLocation(file: file, line: line))
    }
  }

  /// A copy with a window along one axis replaced, from a start that may be traced
  /// (`lax.dynamic_update_slice_in_dim`).
  public func dynamicUpdateSlice(
    _ update: Tensor, at start: Tensor, axis: Int, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let axis = try Tensor.normalizedAxis(axis, rank: rank, for: "dynamicUpdateSlice")
      return try Tensor.apply(
        .indexing(.dynamicUpdateSlice), [.tensor(self), .tensor(update)] + starts(start, axis),
        location: SourceLocation(file: file, line: line))
    }
  }

  /// A copy with a window replaced at places known now.
  func dynamicUpdateSlice(_ update: Tensor, at starts: [Int]) throws -> Tensor {
    try Tensor.apply(
      .indexing(.dynamicUpdateSlice),
      [.tensor(self), .tensor(update)] + starts.map { .splat(Literal($0, as: .i32), shape: []) })
  }

  private func wrapped(_ starts: [Tensor]) throws -> [Tensor] {
    guard starts.count == rank, starts.allSatisfy({ $0.dtype.isInteger }) else { return starts }
    return try starts.enumerated().map { try $1.wrappedPlaces(size: shape[$0]) }
  }

  /// A start for one axis and zeros for the others.
  private func starts(_ start: Tensor, _ axis: Int) throws -> [TensorOperand] {
    let start = try start.wrappedPlaces(size: shape[axis])
    return shape.indices.map { $0 == axis ? .tensor(start) : .splat(Literal(0, as: start.dtype), shape: []) }
  }

  /// Windows at index vectors, in StableHLO's dimension numbers (`lax.gather`).
  ///
  /// - Parameters:
  ///   - indices: Integers; the last dimension holds the index vectors.
  ///   - fill: What windows outside are made of with ``Op/IndexMode/fillOrDrop``; NaN or the like when `nil`.
  public func gather(
    _ indices: Tensor, _ dimensions: Op.GatherDimensions, fill: Double? = nil, file: String = #fileID,
    line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let value = fill.map { Literal($0, as: dtype) } ?? dtype.outsideValue
      return try Tensor.apply(
        .indexing(.gather(dimensions)),
        [.tensor(self), .tensor(indices)] + (dimensions.mode == .fillOrDrop ? [.splat(value, shape: [])] : []),
        location: SourceLocation(file: file, line: line))
    }
  }

  /// A copy with windows at index vectors combined with updates, in StableHLO's dimension numbers (`lax.scatter_add`
  /// and its kin).
  public func scatter(
    _ kind: Op.ScatterKind, _ indices: Tensor, _ updates: Tensor, _ dimensions: Op.ScatterDimensions,
    file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try Tensor.apply(
        .indexing(.scatter(kind, dimensions)), [.tensor(self), .tensor(indices), .tensor(updates)],
        location: SourceLocation(file: file, line: line))
    }
  }
}

/// Places along one axis, with all other axes as batch dimensions.
private struct AxisPlaces {
  let operand: Tensor
  let vectors: Tensor
  let shape: [Int]
  private let axis: Int
  private let batch: [Int]

  init(_ x: Tensor, _ places: Tensor, axis: Int, _ outside: OutOfBounds, _ name: String) throws {
    let normalized = try Tensor.normalizedAxis(axis, rank: x.rank, for: name)
    guard places.rank == x.rank else {
      throw BloxError(.shapeMismatch, "\(name): \(places.type) must have the rank of \(x.type)")
    }
    guard places.dtype.isInteger else {
      throw BloxError(.dtypeMismatch, "\(name): places must be integers; got \(places.type)")
    }
    var (operandShape, placesShape) = (x.shape, places.shape)
    for dim in x.shape.indices where dim != normalized && operandShape[dim] != placesShape[dim] {
      guard operandShape[dim] == 1 || placesShape[dim] == 1 else {
        throw BloxError(
          .shapeMismatch, "\(name): axis \(dim) of \(x.type) and \(places.type) does not broadcast")
      }
      let size = operandShape[dim] == 1 ? placesShape[dim] : operandShape[dim]
      (operandShape[dim], placesShape[dim]) = (size, size)
    }
    self.axis = normalized
    shape = placesShape
    batch = x.shape.indices.filter { $0 != normalized }
    operand = try x.broadcast(to: operandShape)
    vectors = try places.places(size: x.shape[normalized], outside).broadcast(to: placesShape).expandDims(-1)
  }

  func gather(mode: Op.IndexMode) -> Op.GatherDimensions {
    Op.GatherDimensions(
      offsetDims: [], collapsedDims: [axis], operandBatchDims: batch, indicesBatchDims: batch, indexMap: [axis],
      sliceSizes: operand.shape.map { _ in 1 }, mode: mode)
  }
}
