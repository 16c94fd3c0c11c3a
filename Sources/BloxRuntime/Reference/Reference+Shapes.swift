// Ops that move elements. Bits are copied as they are.
//
// All of them are one picture: a list of offsets into the operand and a list of offsets into the result, both in
// row-major order of some shape, and a copy along the two lists.

import BloxIR

// MARK: - Offsets

extension ReferenceInterpreter {
  /// The distance in elements between neighbours along each dimension, in row-major order.
  static func strides(_ shape: [Int]) -> [Int] {
    var strides = Array(repeating: 1, count: shape.count)
    for dim in shape.indices.dropLast().reversed() { strides[dim] = strides[dim + 1] * shape[dim + 1] }
    return strides
  }

  /// The sums that take one offset from each list, the last list varying fastest. Without lists: the base.
  static func sums(of lists: [[Int]], from base: Int = 0) -> [Int] {
    // An empty list makes everything empty; say so before long lists ahead of it are multiplied out.
    if lists.contains([]) { return [] }
    return lists.reduce([base]) { outer, list in outer.flatMap { offset in list.map { offset + $0 } } }
  }

  /// The offsets `base + Σ index[d] · steps[d]` of all indices of a shape, in row-major order.
  static func offsets(_ shape: [Int], steps: [Int], from base: Int = 0) -> [Int] {
    if shape.contains(0) { return [] }
    return sums(of: zip(shape, steps).map { size, step in (0..<size).map { $0 * step } }, from: base)
  }

  /// The offsets of the indices that vary in the given dimensions of a shape only, in the order of `dims`.
  static func offsets(alongDimensions dims: [Int], of shape: [Int]) -> [Int] {
    let strides = strides(shape)
    return offsets(dims.map { shape[$0] }, steps: dims.map { strides[$0] })
  }
}

// MARK: - Ops

extension ReferenceInterpreter {
  /// The tensor whose elements, in order, are those of `x` at the offsets.
  static func gather(_ x: DenseConstant, at offsets: [Int], to type: TensorType) -> DenseConstant {
    let width = x.type.dtype.byteCount
    var bytes: [UInt8] = []
    bytes.reserveCapacity(offsets.count * width)
    for offset in offsets { bytes.append(contentsOf: x.bytes[offset * width..<(offset + 1) * width]) }
    return DenseConstant(type: type, bytes: bytes)
  }

  /// Writes the elements of `x` at offsets `from` to offsets `to` of the bytes of a tensor of its dtype.
  private static func copy(_ x: DenseConstant, from: [Int], to: [Int], of bytes: inout [UInt8]) {
    let width = x.type.dtype.byteCount
    for (source, target) in zip(from, to) {
      for byte in 0..<width { bytes[target * width + byte] = x.bytes[source * width + byte] }
    }
  }

  /// Result dimensions that no operand dimension becomes, and those a dimension of size 1 becomes, step by 0.
  static func broadcast(_ x: DenseConstant, to type: TensorType, dims: [Int]) -> DenseConstant {
    let strides = strides(x.type.shape)
    var steps = Array(repeating: 0, count: type.rank)
    for (dim, resultDim) in dims.enumerated() where x.type.shape[dim] != 1 { steps[resultDim] = strides[dim] }
    return gather(x, at: offsets(type.shape, steps: steps), to: type)
  }

  static func transpose(_ x: DenseConstant, to type: TensorType, _ permutation: [Int]) -> DenseConstant {
    gather(x, at: offsets(alongDimensions: permutation, of: x.type.shape), to: type)
  }

  static func slice(_ x: DenseConstant, to type: TensorType, _ window: Op.Slice) -> DenseConstant {
    let strides = strides(x.type.shape)
    let base = zip(window.starts, strides).map { $0 * $1 }.reduce(0, +)
    let steps = zip(window.strides, strides).map { $0 * $1 }
    return gather(x, at: offsets(type.shape, steps: steps, from: base), to: type)
  }

  /// Index `i` of a dimension moves to `low + i · (interior + 1)`, or away if that is outside the result.
  static func pad(
    _ x: DenseConstant, to type: TensorType, value: DenseConstant, _ padding: Op.Padding
  ) -> DenseConstant {
    let (strides, resultStrides) = (strides(x.type.shape), strides(type.shape))
    var (from, to): ([[Int]], [[Int]]) = ([], [])
    for dim in 0..<type.rank {
      let target = { (i: Int) in padding.low[dim] + i * (padding.interior[dim] + 1) }
      let kept = (0..<x.type.shape[dim]).filter { (0..<type.shape[dim]).contains(target($0)) }
      from.append(kept.map { $0 * strides[dim] })
      to.append(kept.map { target($0) * resultStrides[dim] })
    }
    var bytes = DenseConstant(value[0], shape: type.shape).bytes
    copy(x, from: sums(of: from), to: sums(of: to), of: &bytes)
    return DenseConstant(type: type, bytes: bytes)
  }

  static func concatenate(_ tensors: [DenseConstant], to type: TensorType, axis: Int) -> DenseConstant {
    let strides = strides(type.shape)
    var bytes = [UInt8](repeating: 0, count: type.byteCount)
    var start = 0
    for x in tensors {
      let to = offsets(x.type.shape, steps: strides, from: start * strides[axis])
      copy(x, from: Array(to.indices), to: to, of: &bytes)
      start += x.type.shape[axis]
    }
    return DenseConstant(type: type, bytes: bytes)
  }

  static func iota(_ type: TensorType, axis: Int) -> DenseConstant {
    // Steps of 1 along the axis and 0 elsewhere make each offset the index along the axis.
    let steps = (0..<type.rank).map { $0 == axis ? 1 : 0 }
    let indices = offsets(type.shape, steps: steps)
    return DenseConstant(type: type, elements: indices.map { converted($0, to: type.dtype) })
  }
}
