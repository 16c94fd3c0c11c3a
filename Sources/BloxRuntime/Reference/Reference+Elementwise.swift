// Elementwise ops: the result at an index depends on the operands at that index.
//
// Integers compute in 64 bits and wrap when they are written back, which gives the same low bits as arithmetic in
// their own width. Functions of one float are in Reference+Math.swift, conversions in Reference+Convert.swift.

import BloxIR

// MARK: - Tensors

extension ReferenceInterpreter {
  static func unary(_ op: Op.Unary, _ x: DenseConstant) -> DenseConstant {
    let type = x.type
    if op == .isFinite { return DenseConstant(type: type.with(dtype: .bool), bools: x.doubles.map(\.isFinite)) }
    if op == .populationCount { return DenseConstant(type: type, words: x.words.map { UInt64($0.nonzeroBitCount) }) }
    if op == .clz {
      let unused = 64 - type.dtype.bitWidth
      return DenseConstant(type: type, words: x.words.map { UInt64($0.leadingZeroBitCount - unused) })
    }
    switch type.dtype {
    case .bool:
      return DenseConstant(type: type, bools: x.bools.map { !$0 })
    case .i8, .i16, .i32, .i64:
      return DenseConstant(type: type, signed: x.signed.map { op.ofInteger($0) })
    case .u8, .u16, .u32, .u64:
      return DenseConstant(type: type, words: x.words.map { op.ofInteger($0) })
    case .bf16, .f16, .f32, .f64:
      // neg and abs are operations on the sign bit: they flush nothing and keep the payload of a NaN.
      let signBit: UInt64 = 1 << UInt64(type.dtype.bitWidth - 1)
      if op == .neg { return DenseConstant(type: type, words: x.words.map { $0 ^ signBit }) }
      if op == .abs { return DenseConstant(type: type, words: x.words.map { $0 & ~signBit }) }
      return type.dtype == .f64
        ? DenseConstant(type: type, rounding: x.doubles.map { apply(op, to: $0) })
        : DenseConstant(type: type, rounding: x.singles.map { apply(op, to: $0) })
    case .key: preconditionFailure("the type rule admits no keys")
    }
  }

  static func binary(_ op: Op.Binary, _ a: DenseConstant, _ b: DenseConstant) -> DenseConstant {
    let type = a.type
    switch type.dtype {
    case .bool:
      return DenseConstant(type: type, bools: zip(a.bools, b.bools).map { op.ofBools($0, $1) })
    case .i8, .i16, .i32, .i64:
      let width = Int64(type.dtype.bitWidth)
      return DenseConstant(type: type, signed: zip(a.signed, b.signed).map { op.ofSigned($0, $1, width: width) })
    case .u8, .u16, .u32, .u64:
      let width = UInt64(type.dtype.bitWidth)
      return DenseConstant(type: type, words: zip(a.words, b.words).map { op.ofUnsigned($0, $1, width: width) })
    case .bf16, .f16, .f32, .f64:
      if op == .pow { return pow(a, b) }
      if op == .rem { return remainder(a, b) }
      if op == .nextafter { return nextafter(a, b) }
      if op == .atan2 { return atan2(a, b) }
      return type.dtype == .f64
        ? DenseConstant(type: type, rounding: zip(a.doubles, b.doubles).map { op.ofFloats($0, $1) })
        : DenseConstant(type: type, rounding: zip(a.singles, b.singles).map { op.ofFloats($0, $1) })
    case .key: preconditionFailure("the type rule admits no keys")
    }
  }

  /// The power of floats. Its special cases look at the operands as they are (a subnormal exponent is not zero, so
  /// `inf` to it is `inf`); the result is flushed.
  private static func pow(_ a: DenseConstant, _ b: DenseConstant) -> DenseConstant {
    let powers = zip(a.unflushedDoubles, b.unflushedDoubles).map { libmPow($0, $1) }
    return a.type.dtype == .f64
      ? DenseConstant(type: a.type, rounding: powers)
      : DenseConstant(type: a.type, rounding: powers.map { Float($0) })
  }

  /// C's fmod: exact, with the sign of the dividend, so dividend and result are not flushed. A subnormal divisor is
  /// zero and gives NaN. The remainder of two numbers of a narrower dtype in Double is a number of that dtype.
  private static func remainder(_ a: DenseConstant, _ b: DenseConstant) -> DenseConstant {
    let remainders = zip(a.unflushedDoubles, b.doubles).map { $0.truncatingRemainder(dividingBy: $1) }
    return DenseConstant(
      type: a.type, elements: remainders.map { Literal($0.isNaN ? .nan : $0, as: a.type.dtype) })
  }

  /// `a * b + c`, rounded once.
  static func fma(_ a: DenseConstant, _ b: DenseConstant, _ c: DenseConstant) -> DenseConstant {
    let indices = 0..<a.type.elementCount
    if a.type.dtype == .f64 {
      let (x, y, z) = (a.doubles, b.doubles, c.doubles)
      return DenseConstant(type: a.type, rounding: indices.map { z[$0].addingProduct(x[$0], y[$0]) })
    }
    let (x, y, z) = (a.singles, b.singles, c.singles)
    return DenseConstant(type: a.type, rounding: indices.map { z[$0].addingProduct(x[$0], y[$0]) })
  }

  /// Comparisons of floats read subnormals as zero; with a NaN, only `ne` holds. `false` is less than `true`.
  static func compare(_ direction: Op.Comparison, _ a: DenseConstant, _ b: DenseConstant) -> DenseConstant {
    let type = a.type.with(dtype: .bool)
    switch a.type.dtype {
    case .bool, .u8, .u16, .u32, .u64, .key:
      return DenseConstant(type: type, bools: zip(a.words, b.words).map { direction.holds($0, $1) })
    case .i8, .i16, .i32, .i64:
      return DenseConstant(type: type, bools: zip(a.signed, b.signed).map { direction.holds($0, $1) })
    case .bf16, .f16, .f32, .f64:
      return DenseConstant(type: type, bools: zip(a.doubles, b.doubles).map { direction.holds($0, $1) })
    }
  }

  static func select(_ predicate: DenseConstant, _ onTrue: DenseConstant, _ onFalse: DenseConstant) -> DenseConstant {
    let (p, a, b) = (predicate.bools, onTrue.words, onFalse.words)
    return DenseConstant(type: onTrue.type, words: p.indices.map { p[$0] ? a[$0] : b[$0] })
  }

  /// A static power.
  ///
  /// Floats multiply in their dtype, in this sequence, which compiled programs repeat to the bit: binary
  /// exponentiation from the least significant bit of the exponent's magnitude. The powers are `x`, `x*x`, the square
  /// of that, and so on; the accumulator starts as the first power used and is multiplied by the later ones,
  /// accumulator left. A negative exponent takes `1 / accumulator` at the end. So exponent 1 is a copy, and
  /// exponent 0 is 1 everywhere, for NaN too.
  static func integerPow(_ x: DenseConstant, _ exponent: Int) -> DenseConstant {
    let dtype = x.type.dtype
    let one = DenseConstant(Literal(1, as: dtype), shape: x.type.shape)
    switch dtype.kind {
    case .signed:
      return DenseConstant(type: x.type, signed: x.signed.map { $0.power(Int64(exponent)) })
    case .unsigned:
      // A negative exponent leaves 1 only where the base is 1.
      return DenseConstant(
        type: x.type,
        words: x.words.map { exponent < 0 ? ($0 == 1 ? 1 : 0) : $0.wrappingPower(UInt64(exponent)) })
    case .floating:
      var remaining = exponent.magnitude
      var power = x
      var accumulator: DenseConstant?
      while remaining > 0 {
        if remaining & 1 == 1 { accumulator = accumulator.map { binary(.mul, $0, power) } ?? power }
        remaining >>= 1
        if remaining > 0 { power = binary(.mul, power, power) }
      }
      let result = accumulator ?? one
      return exponent < 0 ? binary(.div, one, result) : result
    case .boolean, .key: preconditionFailure("the type rule admits numbers only")
    }
  }
}

// MARK: - Elements

extension Op.Unary {
  /// `neg` and `abs` of the least integer wrap to itself.
  fileprivate func ofInteger<I: FixedWidthInteger>(_ x: I) -> I {
    switch self {
    case .neg: 0 &- x
    case .abs: x < 0 ? 0 &- x : x
    case .sign: x.signum()
    case .not: ~x
    case .populationCount, .clz: preconditionFailure("\(rawValue) depends on the width, see unary(_:_:)")
    case .floor, .ceil, .exp, .log, .log1p, .sqrt, .rsqrt, .tanh, .logistic, .erf, .erfInv, .isFinite:
      preconditionFailure("the type rule admits no integers")
    case .exp2, .expm1, .cbrt, .sin, .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh, .acosh, .atanh, .erfc,
      .lgamma, .digamma, .roundNearestEven, .roundNearestAway:
      preconditionFailure("the type rule admits no integers")
    }
  }
}

extension Op.Binary {
  fileprivate func ofBools(_ a: Bool, _ b: Bool) -> Bool {
    switch self {
    case .or, .max: a || b
    case .and, .min: a && b
    case .xor: a != b
    case .add, .sub, .mul, .div, .rem, .pow, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic:
      preconditionFailure("the type rule admits no bool")
    case .atan2, .nextafter: preconditionFailure("the type rule admits no bool")
    }
  }

  /// Shift amounts are unsigned: a negative one is a large one.
  fileprivate func ofSigned(_ a: Int64, _ b: Int64, width: Int64) -> Int64 {
    let shiftsOut = b < 0 || b >= width
    switch self {
    case .add: return a &+ b
    case .sub: return a &- b
    case .mul: return a &* b
    // Division by zero gives all ones, and the least integer by -1 itself; remainders are the dividend and 0.
    case .div: return b == 0 ? -1 : a.dividedReportingOverflow(by: b).partialValue
    case .rem: return b == 0 ? a : (b == -1 ? 0 : a % b)
    case .pow: return a.power(b)
    case .max: return Swift.max(a, b)
    case .min: return Swift.min(a, b)
    case .and: return a & b
    case .or: return a | b
    case .xor: return a ^ b
    case .shiftLeft: return shiftsOut ? 0 : a << b
    case .shiftRightLogical:
      if shiftsOut { return 0 }
      let ownBits = UInt64(bitPattern: a) & (.max >> UInt64(64 - width))
      return Int64(bitPattern: ownBits >> UInt64(b))
    case .shiftRightArithmetic: return a >> (shiftsOut ? width - 1 : b)
    case .atan2, .nextafter: preconditionFailure("the type rule admits no integers")
    }
  }

  /// The "arithmetic" shift fills with the highest bit, whatever the dtype makes of it.
  fileprivate func ofUnsigned(_ a: UInt64, _ b: UInt64, width: UInt64) -> UInt64 {
    switch self {
    case .add: return a &+ b
    case .sub: return a &- b
    case .mul: return a &* b
    case .div: return b == 0 ? .max : a / b
    case .rem: return b == 0 ? a : a % b
    case .pow: return a.wrappingPower(b)
    case .max: return Swift.max(a, b)
    case .min: return Swift.min(a, b)
    case .and: return a & b
    case .or: return a | b
    case .xor: return a ^ b
    case .shiftLeft: return b >= width ? 0 : a << b
    case .shiftRightLogical: return b >= width ? 0 : a >> b
    case .shiftRightArithmetic:
      let signExtended = Int64(bitPattern: a << (64 - width)) >> (64 - width)
      return UInt64(bitPattern: signExtended >> Swift.min(b, width - 1))
    case .atan2, .nextafter: preconditionFailure("the type rule admits no integers")
    }
  }

  fileprivate func ofFloats<F: ReferenceFloat>(_ a: F, _ b: F) -> F {
    switch self {
    case .add: a + b
    case .sub: a - b
    case .mul: a * b
    case .div: a / b
    case .max: ReferenceInterpreter.maximum(a, b)
    case .min: ReferenceInterpreter.minimum(a, b)
    case .rem, .pow: preconditionFailure("\(rawValue) does not flush its operands, see binary(_:_:_:)")
    case .atan2, .nextafter: preconditionFailure("\(rawValue) has a function of its own, see binary(_:_:_:)")
    case .and, .or, .xor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic:
      preconditionFailure("the type rule admits no floats")
    }
  }
}

extension Op.Comparison {
  fileprivate func holds<T: Comparable>(_ a: T, _ b: T) -> Bool {
    switch self {
    case .eq: a == b
    case .ne: a != b
    case .lt: a < b
    case .le: a <= b
    case .gt: a > b
    case .ge: a >= b
    }
  }
}

extension ReferenceInterpreter {
  /// The larger number; NaN if either is, and 0 before -0.
  static func maximum<F: BinaryFloatingPoint>(_ a: F, _ b: F) -> F {
    if a.isNaN || b.isNaN { return .nan }
    if a == b { return a.sign == .plus ? a : b }
    return a > b ? a : b
  }

  /// The smaller number; NaN if either is, and -0 before 0.
  static func minimum<F: BinaryFloatingPoint>(_ a: F, _ b: F) -> F {
    if a.isNaN || b.isNaN { return .nan }
    if a == b { return a.sign == .minus ? a : b }
    return a < b ? a : b
  }
}

extension UInt64 {
  /// The power by squaring, modulo 2^64.
  fileprivate func wrappingPower(_ exponent: UInt64) -> UInt64 {
    var (result, power, remaining) = (UInt64(1), self, exponent)
    while remaining > 0 {
      if remaining & 1 == 1 { result &*= power }
      power &*= power
      remaining >>= 1
    }
    return result
  }
}

extension Int64 {
  /// The power modulo 2^64. A negative exponent truncates `1 / power` to zero, but for the bases 1 and -1.
  fileprivate func power(_ exponent: Int64) -> Int64 {
    if exponent < 0 { return self == 1 ? 1 : (self == -1 ? (exponent & 1 == 0 ? 1 : -1) : 0) }
    return Int64(bitPattern: UInt64(bitPattern: self).wrappingPower(UInt64(exponent)))
  }
}
