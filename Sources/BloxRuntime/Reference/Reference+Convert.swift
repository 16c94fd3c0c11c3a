// Conversions between dtypes: one rounding, saturation of floats to integers, wrapping between integers.

import BloxIR

extension ReferenceInterpreter {
  /// Converts each element.
  ///
  /// - To the same dtype: a copy. Between bf16 and f32, which share a format but for the length, and from bf16 to
  ///   bool: subnormals count, because the conversion works on the bits. All other conversions of floats read and
  ///   write as arithmetic does.
  /// - Float to integer: truncated, saturated, NaN gives 0. Integer to integer: the low bits of the sign-extended
  ///   (or zero-extended) value. Anything to bool: whether it is not zero; NaN is not.
  static func convert(_ x: DenseConstant, to dtype: DType) -> DenseConstant {
    let type = x.type.with(dtype: dtype)
    switch x.type.dtype {
    case dtype:
      return x
    case .bool, .u8, .u16, .u32, .u64, .key:
      return DenseConstant(type: type, elements: x.words.map { converted($0, to: dtype) })
    case .i8, .i16, .i32, .i64:
      return DenseConstant(type: type, elements: x.signed.map { converted($0, to: dtype) })
    case .bf16 where dtype == .f32:
      return DenseConstant(type: type, words: x.words.map { $0 << 16 })
    case .bf16 where dtype == .bool:
      return DenseConstant(type: type, bools: x.words.map { $0 & 0x7FFF != 0 })
    case .f32 where dtype == .bf16:
      return DenseConstant(type: type, words: x.words.map { UInt64(bf16Bits(fromSingle: UInt32($0))) })
    case .bf16, .f16, .f32, .f64:
      return dtype.isFloating
        ? DenseConstant(type: type, rounding: x.doubles)
        : DenseConstant(type: type, elements: x.doubles.map { Literal($0, as: dtype) })
    }
  }

  /// An integer as an element of a dtype.
  static func converted<I: FixedWidthInteger>(_ x: I, to dtype: DType) -> Literal {
    switch dtype {
    case .bool: Literal(dtype: .bool, bits: x == 0 ? 0 : 1)
    case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .key: Literal(dtype: dtype, bits: UInt64(truncatingIfNeeded: x))
    case .f64: Literal(dtype: .f64, bits: Double(x).bitPattern)
    case .f32: Literal(dtype: .f32, bits: UInt64(Float(x).bitPattern))
    case .f16: Literal(Double(x), as: .f16)  // Exact below 2^53; beyond 65520 it is infinity anyway.
    case .bf16: Literal(roundedToOdd(x), as: .bf16)
    }
  }

  /// An integer as a `Double` that rounds on to fewer bits as the integer would: bits that do not fit are folded
  /// into the last one that does, so that no tie appears that was none.
  private static func roundedToOdd<I: FixedWidthInteger>(_ x: I) -> Double {
    if let exact = Double(exactly: x) { return exact }
    let dropped: I = (1 << 11) - 1  // 64 bits less the 53 of a Double.
    return Double((x & ~dropped) | (1 << 11))
  }

  /// The bits of an f32 rounded to bf16, subnormals included.
  private static func bf16Bits(fromSingle bits: UInt32) -> UInt16 {
    HalfFloat.bf16Bits(Double(Float(bitPattern: bits)))
  }
}
