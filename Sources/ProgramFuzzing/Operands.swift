// Operands for comparisons: special values of every dtype, all pairs of them, and random tensors.

import BloxIR

/// Elements at which implementations tend to differ.
package func specialElements(_ dtype: DType) -> [Literal] {
  switch dtype.kind {
  case .boolean: return [0, 1].map { Literal($0, as: dtype) }
  case .key: return [0, 1, 0x1234_5678_9ABC_DEF0, .max].map { Literal(dtype: .key, bits: $0) }
  case .signed, .unsigned:
    let high = Literal.highest(dtype).bits
    let low = Literal.lowest(dtype).bits
    let small = [-8, -3, -2, -1, 0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 31, 32, 33, 63, 64, 65, 100]
    return small.map { Literal($0, as: dtype) }
      + [high, high - 1, low, low + 1, high / 3, high / 2 + 1].map { Literal(dtype: dtype, bits: $0) }
  case .floating:
    return floatingSpecials.map { Literal($0, as: dtype) } + floatingPatterns(dtype)
  }
}

/// Numbers around zero, one, ties of rounding, limits of integer dtypes and of the functions.
private let floatingSpecials: [Double] = [
  0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2, 2.5, -2.5, 3, -3, 0.1, -0.7, 1e-3, -1e-5, 10.25, -100, 127.5, 128, 255.5, -128.9,
  0.999, 1.001, 0.42, -0.42, 4.3, -9, 17, 40, -40, 65504, 65520, 32767.5, -32769, 2_147_483_648, -2_147_483_904,
  4_294_967_296, 9.3e18, 1.9e19, 88.5, 89, -87.2, -87.4, -104, 709, -708, -746, 1e30, -1e30, 1e-30, 1e-20, 6e-8,
  .infinity, -.infinity, .nan,
]

/// The extremes of the format: the largest number, both ends of the normal and subnormal ranges, a NaN with payload.
private func floatingPatterns(_ dtype: DType) -> [Literal] {
  let fractionBits: UInt64 =
    switch dtype {
    case .f64: 52
    case .f32: 23
    case .f16: 10
    case .bf16: 7
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .key: 0
    }
  let infinity = Literal(Double.infinity, as: dtype).bits
  let one = Literal(1, as: dtype).bits
  let leastNormal: UInt64 = 1 << fractionBits
  let magnitudes = [
    infinity - 1, leastNormal, leastNormal + 1, leastNormal - 1, 1, leastNormal / 2 + 1, infinity + leastNormal / 2 + 5,
    one - 1, one + 1, leastNormal * 2,
  ]
  let signBit: UInt64 = 1 << UInt64(dtype.bitWidth - 1)
  return magnitudes.flatMap { [Literal(dtype: dtype, bits: $0), Literal(dtype: dtype, bits: $0 | signBit)] }
}

/// A tensor of one dimension.
package func vector(_ elements: [Literal]) -> DenseConstant {
  DenseConstant(type: TensorType(elements[0].dtype, [elements.count]), elements: elements)
}

/// Two vectors that together hold every pair.
package func allPairs(_ first: [Literal], _ second: [Literal]) -> [DenseConstant] {
  [
    vector(first.flatMap { x in second.map { _ in x } }), vector(first.flatMap { _ in second }),
  ]
}

/// A tensor of moderate numbers, now and then a special element.
package func randomTensor(
  _ type: TensorType, specials: Bool = true, _ generator: inout SeededGenerator
) -> DenseConstant {
  let pool = specials ? specialElements(type.dtype) : []
  let elements = (0..<type.elementCount).map { _ -> Literal in
    if specials, generator.next() & 7 == 0 { return pool[Int(generator.next() % UInt64(pool.count))] }
    switch type.dtype.kind {
    case .boolean: return Literal(Int(generator.next() & 1), as: .bool)
    case .key: return Literal(dtype: .key, bits: generator.next())
    case .signed: return Literal(Int(generator.next() % 24) - 8, as: type.dtype)
    case .unsigned: return Literal(Int(generator.next() % 24), as: type.dtype)
    case .floating: return Literal(Double(Int(generator.next() % 4001) - 2000) / 512, as: type.dtype)
    }
  }
  return DenseConstant(type: type, elements: elements)
}

extension DType {
  /// The dtypes with arithmetic.
  package static let numeric = DType.allCases.filter(\.isNumeric)
  /// The dtypes with derivatives.
  package static let floating = DType.allCases.filter(\.isFloating)
}

extension TensorType {
  /// A tensor of this type that repeats the elements of another: quick to make.
  package func repeating(_ pattern: DenseConstant) -> DenseConstant {
    let count = pattern.bytes.count
    return DenseConstant(type: self, bytes: (0..<byteCount).map { pattern.bytes[$0 % count] })
  }
}
