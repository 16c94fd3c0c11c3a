// A single element's value, held as a bit pattern so that equality and hashing are exact.

/// One element of any dtype, as its bits.
///
/// Two literals are equal when their dtypes and bit patterns are: `-0.0` differs from `0.0`, and a NaN equals
/// itself. A literal as an operand stands for a tensor that holds it in every element (a splat).
public struct Literal: Hashable, Sendable {
  /// The element type.
  public let dtype: DType
  /// The element's bit pattern, zero-extended. A key holds its first word in the high half.
  public let bits: UInt64

  /// Creates a literal from a bit pattern; bits beyond the dtype's width are dropped, and any `bool` byte but zero
  /// is `true`.
  public init(dtype: DType, bits: UInt64) {
    self.dtype = dtype
    let width = dtype.byteCount * 8
    let kept = width == 64 ? bits : bits & ((1 << UInt64(width)) - 1)
    self.bits = dtype == .bool ? min(kept, 1) : kept
  }

  /// Creates the literal nearest to a number: floats round to nearest even, integers truncate and saturate
  /// (NaN becomes 0), `bool` is "not zero", as XLA converts.
  public init(_ value: Double, as dtype: DType) {
    switch dtype {
    case .f64: self.init(dtype: dtype, bits: value.bitPattern)
    case .f32: self.init(dtype: dtype, bits: UInt64(Float(value).bitPattern))
    case .f16: self.init(dtype: dtype, bits: UInt64(HalfFloat.f16Bits(value)))
    case .bf16: self.init(dtype: dtype, bits: UInt64(HalfFloat.bf16Bits(value)))
    case .bool: self.init(dtype: dtype, bits: value != 0 ? 1 : 0)
    case .i8: self.init(dtype: dtype, bits: UInt64(bitPattern: Int64(Int8(saturating: value))))
    case .i16: self.init(dtype: dtype, bits: UInt64(bitPattern: Int64(Int16(saturating: value))))
    case .i32: self.init(dtype: dtype, bits: UInt64(bitPattern: Int64(Int32(saturating: value))))
    case .i64: self.init(dtype: dtype, bits: UInt64(bitPattern: Int64(saturating: value)))
    case .u8: self.init(dtype: dtype, bits: UInt64(UInt8(saturating: value)))
    case .u16: self.init(dtype: dtype, bits: UInt64(UInt16(saturating: value)))
    case .u32: self.init(dtype: dtype, bits: UInt64(UInt32(saturating: value)))
    case .u64: self.init(dtype: dtype, bits: UInt64(saturating: value))
    case .key: self.init(dtype: dtype, bits: UInt64(saturating: value))
    }
  }

  /// Creates a literal from an integer: integer dtypes wrap, floats round, `bool` is "not zero".
  public init(_ value: Int, as dtype: DType) {
    switch dtype.kind {
    case .floating:
      // By way of Double, a large integer would be rounded twice.
      if dtype == .f32 {
        self.init(dtype: dtype, bits: UInt64(Float(value).bitPattern))
      } else {
        self.init(Double(value), as: dtype)
      }
    case .boolean: self.init(dtype: dtype, bits: value != 0 ? 1 : 0)
    case .signed, .unsigned, .key: self.init(dtype: dtype, bits: UInt64(bitPattern: Int64(value)))
    }
  }

  /// The value as a `Double`: exact for every dtype but large 64-bit integers. Keys give their bits.
  public var doubleValue: Double {
    switch dtype {
    case .f64: Double(bitPattern: bits)
    case .f32: Double(Float(bitPattern: UInt32(bits)))
    case .f16: HalfFloat.f16Value(UInt16(bits))
    case .bf16: Double(Float(bitPattern: UInt32(bits) << 16))
    case .bool, .u8, .u16, .u32, .u64, .key: Double(bits)
    case .i8, .i16, .i32, .i64: Double(signedValue)
    }
  }

  /// The bits of an integer dtype, sign-extended from its width.
  public var signedValue: Int64 {
    switch dtype {
    case .i8: Int64(Int8(truncatingIfNeeded: bits))
    case .i16: Int64(Int16(truncatingIfNeeded: bits))
    case .i32: Int64(Int32(truncatingIfNeeded: bits))
    case .i64: Int64(bitPattern: bits)
    case .bool, .u8, .u16, .u32, .u64, .bf16, .f16, .f32, .f64, .key: Int64(bitPattern: bits)
    }
  }

  /// Whether the value is the number zero (also `-0.0`) or `false`.
  public var isZero: Bool { dtype.isFloating ? doubleValue == 0 : bits == 0 }
  /// Whether the value is the number one or `true`.
  public var isOne: Bool { dtype != .key && doubleValue == 1 }

  /// The smallest value of a dtype: `-inf`, the least integer, `false`.
  public static func lowest(_ dtype: DType) -> Literal {
    switch dtype.kind {
    case .floating: Literal(-Double.infinity, as: dtype)
    case .signed: Literal(dtype: dtype, bits: UInt64(1) << UInt64(dtype.byteCount * 8 - 1))
    case .boolean, .unsigned, .key: Literal(dtype: dtype, bits: 0)
    }
  }

  /// The largest value of a dtype: `inf`, the greatest integer, `true`.
  public static func highest(_ dtype: DType) -> Literal {
    switch dtype.kind {
    case .floating: Literal(Double.infinity, as: dtype)
    case .signed: Literal(dtype: dtype, bits: (UInt64(1) << UInt64(dtype.byteCount * 8 - 1)) - 1)
    case .boolean: Literal(dtype: dtype, bits: 1)
    case .unsigned, .key: Literal(dtype: dtype, bits: .max)
    }
  }
}

/// Conversions of the 16-bit float formats, in software because `Float16` is not available on every platform.
public enum HalfFloat {
  /// The bf16 pattern nearest to a number, ties to even; NaN becomes the quiet NaN of its sign.
  public static func bf16Bits(_ value: Double) -> UInt16 {
    // Rounding twice (to f32, then to bf16) would be wrong for some doubles: round to odd first.
    let single = Float(value)
    if single.isNaN { return value.sign == .minus ? 0xFFC0 : 0x7FC0 }
    var bits = single.bitPattern
    let back = Double(single)
    if back != value, single.isFinite, bits & 1 == 0 {
      bits = abs(back) > abs(value) ? bits &- 1 : bits | 1
    }
    let lower = bits & 0xFFFF
    var upper = UInt16(bits >> 16)
    if lower > 0x8000 || (lower == 0x8000 && upper & 1 == 1) { upper &+= 1 }
    return upper
  }

  /// The f16 pattern nearest to a number, ties to even; overflow gives infinity.
  public static func f16Bits(_ value: Double) -> UInt16 {
    let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
    if value.isNaN { return sign | 0x7E00 }
    let magnitude = abs(value)
    if magnitude >= 65520 { return sign | 0x7C00 }
    // 2^-24 is the spacing of subnormals; above, the spacing is 2^(exponent - 10).
    let exponent = max(magnitude == 0 ? -14 : Int(magnitude.exponent), -14)
    let scaled = (magnitude * Double(sign: .plus, exponent: 10 - exponent, significand: 1))
      .rounded(.toNearestOrEven)
    return sign | (UInt16(exponent + 14) << 10) &+ UInt16(scaled)
  }

  /// The number an f16 pattern stands for.
  public static func f16Value(_ bits: UInt16) -> Double {
    let sign: Double = bits & 0x8000 != 0 ? -1 : 1
    let exponent = Int(bits >> 10) & 31
    let fraction = Double(bits & 0x3FF)
    if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
    if exponent == 0 { return sign * fraction * Double(sign: .plus, exponent: -24, significand: 1) }
    return sign * (1 + fraction / 1024) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
  }
}

extension FixedWidthInteger {
  /// The integer nearest to zero of a number's truncation, clamped to the range; NaN gives 0.
  init(saturating value: Double) {
    if value.isNaN {
      self = 0
    } else if value <= Double(Self.min) {
      self = .min
    } else if value >= Double(Self.max) {
      self = .max
    } else {
      self = Self(value)
    }
  }
}

/// The elements of a constant that is not a splat.
public struct DenseConstant: Sendable {
  /// The type of the constant.
  public let type: TensorType
  /// The elements in row-major order, in the machine's byte order. A key is its two words in order.
  public let bytes: [UInt8]

  /// Creates a constant; `bytes.count` must be `type.byteCount`.
  public init(type: TensorType, bytes: [UInt8]) {
    precondition(bytes.count == type.byteCount, "constant: \(bytes.count) bytes for \(type)")
    self.type = type
    self.bytes = bytes
  }

  /// Creates a constant that holds one value everywhere.
  public init(_ literal: Literal, shape: [Int]) {
    let element = DenseConstant(type: TensorType(literal.dtype), elements: [literal]).bytes
    let type = TensorType(literal.dtype, shape)
    // By doubling: constants can be large.
    var bytes = type.byteCount == 0 ? [] : element
    bytes.reserveCapacity(type.byteCount)
    while bytes.count < type.byteCount { bytes.append(contentsOf: bytes.prefix(type.byteCount - bytes.count)) }
    self.init(type: type, bytes: bytes)
  }

  /// Creates a constant from its elements in row-major order.
  public init(type: TensorType, elements: [Literal]) {
    let width = type.dtype.byteCount
    var bytes: [UInt8] = []
    bytes.reserveCapacity(elements.count * width)
    for element in elements {
      // A key's first word is the high half of its bits but comes first in memory.
      let bits = type.dtype == .key ? element.bits << 32 | element.bits >> 32 : element.bits
      for byte in 0..<width { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(8 * byte))) }
    }
    self.init(type: type, bytes: bytes)
  }

  /// The element at a row-major index.
  public subscript(index: Int) -> Literal {
    let width = type.dtype.byteCount
    var bits: UInt64 = 0
    for byte in 0..<width { bits |= UInt64(bytes[index * width + byte]) << UInt64(8 * byte) }
    return Literal(dtype: type.dtype, bits: type.dtype == .key ? bits << 32 | bits >> 32 : bits)
  }

  /// The value in every element, if they are all the same; `nil` for an empty constant.
  public var splat: Literal? {
    let width = type.dtype.byteCount
    guard bytes.count >= width else { return nil }
    for index in width..<max(width, bytes.count) where bytes[index] != bytes[index - width] { return nil }
    return self[0]
  }
}

extension DenseConstant: Hashable {
  /// Equality of types and bit patterns.
  public static func == (a: DenseConstant, b: DenseConstant) -> Bool {
    a.type == b.type && a.bytes == b.bytes
  }

  /// Hashes the type and a sample of the bytes: constants can be large, and equality settles the rest.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(type)
    for byte in bytes.prefix(256) { hasher.combine(byte) }
  }
}
