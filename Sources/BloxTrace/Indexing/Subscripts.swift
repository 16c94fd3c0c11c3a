// Reading with `x[…]`.

import BloxIR

extension Tensor {
  /// The elements at an index; see ``TensorIndexing``. Ranges that reach outside are shortened; negative places count from
  /// the end. Places outside that tensors of integers say give the nearest element, which gets no gradient from them, as
  /// in JAX; `at[…].get` has other ways.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for too many parts, an integer outside its axis or a step of 0,
  ///   ``BloxError/Code/dtypeMismatch`` for a tensor that is neither of integers nor of `bool`,
  ///   ``BloxError/Code/shapeMismatch`` for tensors that do not broadcast, and ``BloxError/Code/concretization`` for a
  ///   traced mask.
  public subscript(_ parts: (any TensorIndexing)?..., file file: String = #fileID, line line: Int = #line) -> Tensor {
    get throws { try located(file, line) { try elements(at: parts, nil, fill: nil) } }
  }

  /// - Parameter outside: `nil` where there should be no places outside: the nearest element then, without a gradient.
  func elements(at parts: [(any TensorIndexing)?], _ outside: OutOfBounds?, fill: Double?) throws -> Tensor {
    let index = try ResolvedIndex(parts, of: shape, outside: outside)
    let windowed = try applying(index.windows, except: index.tensors.map(\.axis))
    if index.tensors.isEmpty {
      return try windowed.reshape(index.layout.map { $0.size(in: index.windows, places: []) }.flatMap { $0 })
    }
    let places = try IndexPlaces(index)
    let gathered = try windowed.gathered(places, outside, fill: fill)
    return try gathered.reshape(index.layout.flatMap { $0.size(in: index.windows, places: places.shape) })
  }

  /// The windows of all axes but those in `except`.
  fileprivate func applying(_ windows: [ResolvedIndex.Window], except: [Int]) throws -> Tensor {
    var slice = Op.Slice(starts: shape.map { _ in 0 }, limits: shape)
    var reversed: [Int] = []
    for (axis, window) in windows.enumerated() where !except.contains(axis) {
      let last = window.start + (window.count - 1) * window.step
      if window.count == 0 {
        (slice.starts[axis], slice.limits[axis]) = (0, 0)
      } else {
        (slice.starts[axis], slice.limits[axis]) = (Swift.min(window.start, last), Swift.max(window.start, last) + 1)
        slice.strides[axis] = window.count == 1 ? 1 : abs(window.step)
        if window.step < 0, window.count > 1 { reversed.append(axis) }
      }
    }
    var result = self
    if slice != Op.Slice(starts: shape.map { _ in 0 }, limits: shape) {
      result = try Tensor.apply(.slice(slice), self)
    }
    return reversed.isEmpty ? result : try Tensor.apply(.indexing(.reverse(axes: reversed)), result)
  }

  /// Elements at index vectors. The result has the tensors' axes where the first of their axes stood, if they stood
  /// together, or first.
  fileprivate func gathered(_ places: IndexPlaces, _ outside: OutOfBounds?, fill: Double?) throws -> Tensor {
    let kept = shape.indices.filter { !places.axes.contains($0) }
    let offsets = kept.indices.map { $0 < places.position ? $0 : $0 + places.shape.count }
    let dims = Op.GatherDimensions(
      offsetDims: offsets, collapsedDims: places.axes.sorted(), indexMap: places.axes,
      sliceSizes: shape.indices.map { places.axes.contains($0) ? 1 : shape[$0] },
      mode: outside.indexMode)
    if outside != .fillOrDrop {
      // A window of an axis without elements has nowhere to go.
      guard dims.collapsedDims.allSatisfy({ shape[$0] > 0 }) else {
        throw BloxError(.invalidArgument, "index: \(type) has no elements to choose from")
      }
      return try Tensor.apply(.indexing(.gather(dims)), self, places.vectors)
    }
    let value = fill.map { Literal($0, as: dtype) } ?? dtype.outsideValue
    return try Tensor.apply(
      .indexing(.gather(dims)), [.tensor(self), .tensor(places.vectors), .splat(value, shape: [])])
  }
}

/// Index tensors broadcast to one shape and put together to index vectors.
struct IndexPlaces {
  /// The axes of the operand that an index vector is for.
  let axes: [Int]
  /// The common shape of the tensors.
  let shape: [Int]
  /// `[shape…, axes.count]`.
  let vectors: Tensor
  /// How many of the operand's kept axes come before the tensors' axes.
  let position: Int

  init(_ index: ResolvedIndex) throws {
    axes = index.tensors.map(\.axis)
    var common: [Int] = []
    var dtype = DType.i32
    for (_, places) in index.tensors {
      guard let both = Tensor.broadcastShape(common, places.shape) else {
        let types = index.tensors.map(\.places.type.description).joined(separator: ", ")
        throw BloxError(.shapeMismatch, "index: the index tensors \(types) do not broadcast to one shape")
      }
      common = both
      if places.dtype.bitWidth == 64 { dtype = .i64 }
      if places.dtype == .u32, dtype == .i32 { dtype = .i64 }
    }
    shape = common
    vectors = try concatenate(
      try index.tensors.map { try $0.places.signed(dtype).broadcast(to: common).expandDims(-1) }, axis: -1)
    let before = index.layout.prefix { $0 != .tensors }
    position = before.count { if case .kept = $0 { true } else { false } }
  }
}

extension Tensor {
  /// Places in a signed dtype; those beyond it stay far outside.
  fileprivate func signed(_ wanted: DType) throws -> Tensor {
    guard dtype == .u64 else { return try cast(to: wanted) }
    return try minimum(self, Tensor(shape: [], scalars: [Int.max], dtype: .u64)).cast(to: wanted)
  }
}

extension ResolvedIndex.ResultAxis {
  /// The sizes of what an axis of the result comes from.
  func size(in windows: [ResolvedIndex.Window], places: [Int]) -> [Int] {
    switch self {
    case .kept(let axis): [windows[axis].count]
    case .new: [1]
    case .tensors: places
    }
  }
}

extension DType {
  /// What reading outside gives: NaN, the least signed or the largest unsigned number, or true.
  var outsideValue: Literal {
    switch kind {
    case .floating: Literal(Double.nan, as: self)
    case .signed: Literal(dtype: self, bits: 1 << UInt64(bitWidth - 1))
    case .unsigned: Literal(dtype: self, bits: bitWidth == 64 ? .max : 1 << UInt64(bitWidth) - 1)
    case .boolean: Literal(1, as: .bool)
    case .key: Literal(dtype: .key, bits: 0)
    }
  }
}

extension OutOfBounds? {
  /// The mode of a gather or scatter whose places have been wrapped.
  var indexMode: Op.IndexMode {
    switch self {
    case nil: .promiseInBounds
    case .clip?, .wrap?: .clip
    case .fillOrDrop?: .fillOrDrop
    }
  }
}
