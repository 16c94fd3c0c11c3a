// Reductions over axes.
//
// A reduction of exactly one element is a copy of it, so that a reduction over axes of size 1 is a reshape: it keeps
// -0 and subnormals. Otherwise sums start from +0 (a sum of zeros is +0 whatever their signs), and a reduction of
// nothing is the identity: 0; 1 for prod; the lowest value for max; the highest for min; all ones for and; 0 for or and
// xor.

import BloxIR

extension ReferenceInterpreter {
  static func reduce(
    _ kind: Op.Reduction, _ x: DenseConstant, to type: TensorType, axes: [Int]
  ) -> DenseConstant {
    let kept = (0..<x.type.rank).filter { !axes.contains($0) }
    let outer = offsets(alongDimensions: kept, of: x.type.shape)
    let inner = offsets(alongDimensions: axes, of: x.type.shape)
    if inner.count == 1 { return DenseConstant(type: type, bytes: x.bytes) }

    switch x.type.dtype {
    case .bool, .u8, .u16, .u32, .u64:
      let words = x.words
      return DenseConstant(
        type: type,
        words: outer.map { start in kind.ofIntegers(inner.map { words[start + $0] }, dtype: type.dtype) })
    case .i8, .i16, .i32, .i64:
      let integers = x.signed
      return DenseConstant(
        type: type,
        signed: outer.map { start in kind.ofIntegers(inner.map { integers[start + $0] }, dtype: type.dtype) })
    case .bf16, .f16, .f32:
      let numbers = x.doubles
      return DenseConstant(
        type: type, rounding: outer.map { start in kind.ofFloats(inner.map { numbers[start + $0] }, pairwise: false) })
    case .f64:
      let numbers = x.doubles
      return DenseConstant(
        type: type, rounding: outer.map { start in kind.ofFloats(inner.map { numbers[start + $0] }, pairwise: true) })
    case .key: preconditionFailure("the type rule admits no keys")
    }
  }

  /// The index of the first NaN, or else of the first extreme element. Like all comparisons, this one reads
  /// subnormals as zero.
  static func argReduce(
    _ kind: Op.ArgReduction, _ x: DenseConstant, to type: TensorType, axis: Int
  ) -> DenseConstant {
    let kept = (0..<x.type.rank).filter { $0 != axis }
    let outer = offsets(alongDimensions: kept, of: x.type.shape)
    let inner = offsets(alongDimensions: [axis], of: x.type.shape)
    let indices: [Int]
    switch x.type.dtype {
    case .bool, .u8, .u16, .u32, .u64:
      let words = x.words
      indices = outer.map { start in kind.index(in: inner.map { words[start + $0] }) }
    case .i8, .i16, .i32, .i64:
      let integers = x.signed
      indices = outer.map { start in kind.index(in: inner.map { integers[start + $0] }) }
    case .bf16, .f16, .f32, .f64:
      let numbers = x.doubles
      indices = outer.map { start in
        let line = inner.map { numbers[start + $0] }
        return line.firstIndex(where: \.isNaN) ?? kind.index(in: line)
      }
    case .key: preconditionFailure("the type rule admits no keys")
    }
    return DenseConstant(type: type, signed: indices.map(Int64.init))
  }

  /// The sum as a binary tree over halves: the rounding error grows with the logarithm of the count.
  static func pairwiseSum(_ numbers: ArraySlice<Double>) -> Double {
    if numbers.count <= 1 { return numbers.first ?? 0 }
    let middle = numbers.startIndex + numbers.count / 2
    return pairwiseSum(numbers[..<middle]) + pairwiseSum(numbers[middle...])
  }
}

extension Op.Reduction {
  /// Sums wrap at 64 bits here and at the dtype's width when they are written.
  fileprivate func ofIntegers<I: FixedWidthInteger>(_ elements: [I], dtype: DType) -> I {
    let identity: I =
      switch self {
      case .sum, .or, .xor: 0
      case .prod: 1
      case .and: dtype == .bool ? 1 : ~0
      case .max: I(truncatingIfNeeded: Literal.lowest(dtype).signedValue)
      case .min: I(truncatingIfNeeded: Literal.highest(dtype).signedValue)
      }
    return elements.reduce(identity) { a, b in
      switch self {
      case .sum: a &+ b
      case .max: Swift.max(a, b)
      case .min: Swift.min(a, b)
      case .and: a & b
      case .or: a | b
      case .prod: a &* b
      case .xor: a ^ b
      }
    }
  }

  /// Sums are accumulated in Double: exactly enough for f32 and narrower that one rounding remains, pairwise for f64.
  fileprivate func ofFloats(_ elements: [Double], pairwise: Bool) -> Double {
    switch self {
    case .sum: 0 + (pairwise ? ReferenceInterpreter.pairwiseSum(elements[...]) : elements.reduce(0, +))
    case .max: elements.reduce(-.infinity, ReferenceInterpreter.maximum)
    case .min: elements.reduce(.infinity, ReferenceInterpreter.minimum)
    case .prod: elements.reduce(1, *)
    case .and, .or, .xor: preconditionFailure("the type rule admits no floats")
    }
  }
}

extension Op.ArgReduction {
  /// The index of the first element that no other exceeds in the wanted direction. The array is not empty.
  fileprivate func index<T: Comparable>(in elements: [T]) -> Int {
    var best = 0
    for index in elements.indices {
      switch self {
      case .argmax: if elements[index] > elements[best] { best = index }
      case .argmin: if elements[index] < elements[best] { best = index }
      }
    }
    return best
  }
}
