// Functions that rearrange elements.

import BloxIR

extension Tensor {
  /// An axis counted from the front.
  ///
  /// - Throws: ``BloxError/Code/invalidAxis`` when there is no such axis.
  static func normalizedAxis(_ axis: Int, rank: Int, for operation: String) throws -> Int {
    let normalized = axis < 0 ? axis + rank : axis
    guard normalized >= 0, normalized < rank else {
      throw BloxError(.invalidAxis, "\(operation): axis \(axis) is out of range for a tensor of rank \(rank)")
    }
    return normalized
  }

  /// Distinct axes counted from the front, in order; all axes when `nil`.
  static func normalizedAxes(_ axes: [Int]?, rank: Int, for operation: String) throws -> [Int] {
    guard let axes else { return Array(0..<rank) }
    let normalized = try axes.map { try normalizedAxis($0, rank: rank, for: operation) }
    guard Set(normalized).count == normalized.count else {
      throw BloxError(.invalidAxis, "\(operation): an axis is given twice in \(axes)")
    }
    return normalized.sorted()
  }

  /// The same elements under another shape, of which one size may be -1 to be worked out.
  ///
  /// - Throws: ``BloxError/Code/shapeMismatch`` when the number of elements differs.
  public func reshape(_ shape: [Int], file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      var shape = shape
      let location = SourceLocation(file: file, line: line)
      if shape.filter({ $0 == -1 }).count == 1, let unknown = shape.firstIndex(of: -1) {
        let known = shape.filter { $0 != -1 }.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
        guard known > 0, count % known == 0 else {
          throw BloxError(
            .shapeMismatch, "reshape: \(type) has \(count) elements, which do not divide into \(shape)",
            location: location)
        }
        shape[unknown] = count / known
      }
      if shape == self.shape { return self }
      if let literal = resplatted(to: shape) {
        _ = try Op.reshape(shape).resultTypes(for: [type])
        return literal
      }
      return try Tensor.apply(.reshape(shape), self, location: location)
    }
  }

  /// The dimensions in another order, reversed by default: result dimension `i` is dimension `permutation[i]`.
  public func transpose(_ permutation: [Int]? = nil, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      let order = try permutation?.map { try Tensor.normalizedAxis($0, rank: rank, for: "transpose") }
      return try Tensor.apply(
        .transpose(order ?? Array((0..<rank).reversed())), self, location: SourceLocation(file: file, line: line))
    }
  }

  /// Two dimensions exchanged.
  public func swapAxes(_ a: Int, _ b: Int, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      var order = Array(0..<rank)
      order.swapAt(
        try Tensor.normalizedAxis(a, rank: rank, for: "swapAxes"),
        try Tensor.normalizedAxis(b, rank: rank, for: "swapAxes"))
      return try Tensor.apply(.transpose(order), self)
    }
  }

  /// A dimension of size 1 inserted at an axis of the result.
  public func expandDims(_ axis: Int, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      var shape = self.shape
      shape.insert(1, at: try Tensor.normalizedAxis(axis, rank: rank + 1, for: "expandDims"))
      return try reshape(shape)
    }
  }

  /// Dimensions of size 1 removed: the given ones, or all.
  ///
  /// - Throws: ``BloxError/Code/shapeMismatch`` when a given dimension has another size.
  public func squeeze(_ axes: [Int]? = nil, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      let removed =
        try axes.map { try Tensor.normalizedAxes($0, rank: rank, for: "squeeze") }
        ?? shape.indices.filter { shape[$0] == 1 }
      for axis in removed where shape[axis] != 1 {
        throw BloxError(.shapeMismatch, "squeeze: axis \(axis) of \(type) has size \(shape[axis]), not 1")
      }
      return try reshape(shape.removing(removed))
    }
  }

  /// A strided window: elements `starts[d]`, `starts[d] + strides[d]`, … below `limits[d]`.
  public func slice(
    starts: [Int], limits: [Int], strides: [Int]? = nil, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try Tensor.apply(
        .slice(Op.Slice(starts: starts, limits: limits, strides: strides)), self,
        location: SourceLocation(file: file, line: line))
    }
  }

  /// Elements `range` along an axis.
  public func slice(_ range: Range<Int>, axis: Int = 0, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      let axis = try Tensor.normalizedAxis(axis, rank: rank, for: "slice")
      var slice = Op.Slice(starts: shape.map { _ in 0 }, limits: shape)
      (slice.starts[axis], slice.limits[axis]) = (range.lowerBound, range.upperBound)
      return try Tensor.apply(.slice(slice), self, location: SourceLocation(file: file, line: line))
    }
  }

  /// The part at an index along the first axis, which disappears; negative indices count from the end.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` when the index is out of range.
  public func at(_ index: Int, axis: Int = 0, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      let axis = try Tensor.normalizedAxis(axis, rank: rank, for: "at")
      let position = index < 0 ? index + shape[axis] : index
      guard position >= 0, position < shape[axis] else {
        throw BloxError(
          .invalidArgument, "at: index \(index) is out of range for axis \(axis) of \(type)",
          location: SourceLocation(file: file, line: line))
      }
      return try slice(position..<position + 1, axis: axis, file: file, line: line).reshape(shape.removing([axis]))
    }
  }

  /// Values added at the edges of each dimension; negative amounts crop, interior ones go between elements.
  public func pad(
    low: [Int], high: [Int], interior: [Int]? = nil, value: Double = 0, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try Tensor.apply(
        .pad(Op.Padding(low: low, high: high, interior: interior)),
        [.tensor(self), .splat(Literal(value, as: dtype), shape: [])], location: SourceLocation(file: file, line: line))
    }
  }
}

/// Tensors joined along an axis; dtypes promote.
public func concatenate(
  _ tensors: [Tensor], axis: Int = 0, file: String = #fileID, line: Int = #line
) throws -> Tensor {
  try located(file, line) {
    guard let first = tensors.first else {
      throw BloxError(.invalidArgument, "concatenate: needs at least one tensor")
    }
    let axis = try Tensor.normalizedAxis(axis, rank: first.rank, for: "concatenate")
    let dtype = try tensors.reduce(first.dtype) { try $0.promoted(with: $1.dtype) }
    return try Tensor.apply(
      .concatenate(axis: axis), try tensors.map { .tensor(try $0.cast(to: dtype)) },
      location: SourceLocation(file: file, line: line))
  }
}

/// Tensors of one shape joined along a new axis.
public func stack(_ tensors: [Tensor], axis: Int = 0, file: String = #fileID, line: Int = #line) throws -> Tensor {
  try located(file, line) {
    guard let first = tensors.first, tensors.allSatisfy({ $0.shape == first.shape }) else {
      throw BloxError(
        .shapeMismatch,
        "stack: needs at least one tensor, and all of one shape; got \(tensors.map(\.type.description).joined(separator: ", "))",
        location: SourceLocation(file: file, line: line))
    }
    return try concatenate(try tensors.map { try $0.expandDims(axis) }, axis: axis, file: file, line: line)
  }
}
