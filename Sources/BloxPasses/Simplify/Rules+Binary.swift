// Rules of binary arithmetic and logic.
//
// What floats do not allow: x + 0.0 (-0.0 becomes 0.0), x * 0.0 (NaN, infinities and signs), x - x (NaN), and any
// change of the order of roundings. Integers wrap, so all of that is fine for them.

import BloxIR

extension Rule {
  static let binaryRules =
    foldRules
    + [
      literalsRight, addNothing, addZeroTwice, addOfPads, subNothing, addOfNeg, subOfNeg, mulOne, mulZero, mulOfNeg,
      divOne, divPowerOfTwo,
      productChain, sumChain, remOne, powSmall, sameOperands, extremes, bitsOfLiteral, shiftNothing,
    ]

  /// op c, x  ->  op x, c, for commutative ops
  static let literalsRight = Rule("literals-right") { m, _ in
    guard case .binary(let op) = m.op, op.isCommutative, m.x.literal != nil, m.literal == nil else { return nil }
    return .op(m.op, [m.y, m.x])
  }

  /// add x, -0.0  ->  x        integers: add x, 0  ->  x
  static let addNothing = Rule("add-nothing") { m, _ in
    guard m.op == .binary(.add), let literal = m.literal, literal.isZero else { return nil }
    return !m.dtype.isFloating || literal.isNegativeZero ? .operand(m.x) : nil
  }

  /// floats: add (add x, 0.0), 0.0  ->  add x, 0.0, which is no -0.0; nor is a concatenation of such sums
  static let addZeroTwice = Rule("add-zero-twice") { m, s in
    guard m.op == .binary(.add), m.literal?.isZero == true, s.isNoNegativeZero(m.x) else { return nil }
    return .operand(m.x)
  }

  /// sub x, 0  ->  x. Not for -0.0: -0.0 - -0.0 is 0.0.
  static let subNothing = Rule("sub-nothing") { m, _ in
    guard m.op == .binary(.sub), let literal = m.literal, literal.isZero, !literal.isNegativeZero else { return nil }
    return .operand(m.x)
  }

  /// add x, (neg y)  ->  sub x, y        add (neg x), y  ->  sub y, x
  static let addOfNeg = Rule("add-neg") { m, s in
    guard m.op == .binary(.add) else { return nil }
    if let y = s.operand(of: .unary(.neg), in: m.y) { return .op(.binary(.sub), [m.x, y]) }
    return s.operand(of: .unary(.neg), in: m.x).map { .op(.binary(.sub), [m.y, $0]) }
  }

  /// sub x, (neg y)  ->  add x, y
  static let subOfNeg = Rule("sub-neg") { m, s in
    m.op == .binary(.sub) ? s.operand(of: .unary(.neg), in: m.y).map { .op(.binary(.add), [m.x, $0]) } : nil
  }

  /// mul x, 1  ->  x
  static let mulOne = Rule("mul-one") { m, _ in
    m.op == .binary(.mul) && m.literal?.isOne == true ? .operand(m.x) : nil
  }

  /// integers: mul x, 0  ->  0
  static let mulZero = Rule("mul-zero") { m, _ in
    m.op == .binary(.mul) && !m.dtype.isFloating && m.literal?.isZero == true ? .operand(m.y) : nil
  }

  /// mul (neg x), c  ->  mul x, -c        mul (neg x), (neg y)  ->  mul x, y
  static let mulOfNeg = Rule("mul-neg") { m, s in
    guard m.op == .binary(.mul), let x = s.operand(of: .unary(.neg), in: m.x) else { return nil }
    if let literal = m.literal { return .op(m.op, [x, m.splat(literal.negated)]) }
    return s.operand(of: .unary(.neg), in: m.y).map { .op(m.op, [x, $0]) }
  }

  /// div x, 1  ->  x
  static let divOne = Rule("div-one") { m, _ in
    m.op == .binary(.div) && m.literal?.isOne == true ? .operand(m.x) : nil
  }

  /// floats: div x, 2^k  ->  mul x, 2^-k. Exact: the reciprocal is, and scaling rounds only where both flush.
  static let divPowerOfTwo = Rule("div-power-of-two") { m, _ in
    guard m.op == .binary(.div), let power = m.literal?.powerOfTwo else { return nil }
    return .op(.binary(.mul), [m.x, m.splat(Literal(1 / power, as: m.dtype))])
  }

  /// mul (mul x, c), d  ->  mul x, c*d, for integers and for powers of two
  static let productChain = Rule("mul-chain") { m, s in
    guard m.op == .binary(.mul), let d = m.literal, let inner = s.definition(m.x), inner.op == m.op,
      let c = inner.operands[1].literal
    else { return nil }
    if m.dtype.isInteger {
      return .op(m.op, [inner.operands[0], m.splat(Literal(dtype: m.dtype, bits: c.bits &* d.bits))])
    }
    guard let left = c.powerOfTwo, let right = d.powerOfTwo else { return nil }
    let product = Literal(left * right, as: m.dtype)
    return product.powerOfTwo == nil ? nil : .op(m.op, [inner.operands[0], m.splat(product)])
  }

  /// integers: add (add x, c), d  ->  add x, c+d
  static let sumChain = Rule("add-chain") { m, s in
    guard m.op == .binary(.add), m.dtype.isInteger, let d = m.literal, let inner = s.definition(m.x),
      inner.op == m.op, let c = inner.operands[1].literal
    else { return nil }
    return .op(m.op, [inner.operands[0], m.splat(Literal(dtype: m.dtype, bits: c.bits &+ d.bits))])
  }

  /// integers: rem x, 1  ->  0
  static let remOne = Rule("rem-one") { m, _ in
    m.op == .binary(.rem) && m.dtype.isInteger && m.literal?.isOne == true ? .operand(m.splat(0)) : nil
  }

  /// pow x, 0  ->  1        pow x, 1  ->  x        pow x, 2  ->  mul x, x
  ///
  /// Not pow x, 0.5 -> sqrt x: they differ at -0.0 and -inf.
  static let powSmall = Rule("pow-small") { m, _ in
    guard m.op == .binary(.pow), let exponent = m.literal?.doubleValue else { return nil }
    if exponent == 0 { return .operand(m.splat(1)) }
    if exponent == 1 { return .operand(m.x) }
    return exponent == 2 ? .op(.binary(.mul), [m.x, m.x]) : nil
  }

  /// max x, x  ->  x, and min, and, or, nextafter        integers and bool: xor x, x  ->  0, sub x, x  ->  0
  static let sameOperands = Rule("same-operands") { m, _ in
    guard case .binary(let op) = m.op, m.x == m.y else { return nil }
    switch op {
    case .max, .min, .and, .or: return .operand(m.x)
    case .xor: return .operand(m.splat(0))
    case .sub: return m.dtype.isInteger ? .operand(m.splat(0)) : nil
    case .nextafter: return .operand(m.x)
    case .add, .mul, .div, .rem, .pow, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic, .atan2: return nil
    }
  }

  /// max x, lowest  ->  x        max x, highest  ->  highest, and so for min; integers and bool
  ///
  /// Not for floats: max of a NaN and inf is NaN; and max x, -inf -> x is left out to keep one rule.
  static let extremes = Rule("extremes") { m, _ in
    guard m.op == .binary(.max) || m.op == .binary(.min), !m.dtype.isFloating, let literal = m.literal else {
      return nil
    }
    let isMax = m.op == .binary(.max)
    if literal == .lowest(m.dtype) { return .operand(isMax ? m.x : m.y) }
    return literal == .highest(m.dtype) ? .operand(isMax ? m.y : m.x) : nil
  }

  /// and x, 0  ->  0        and x, ones  ->  x        or x, 0  ->  x        or x, ones  ->  ones
  /// xor x, 0  ->  x        xor x, ones  ->  not x
  static let bitsOfLiteral = Rule("bits-of-literal") { m, _ in
    guard case .binary(let op) = m.op, let literal = m.literal else { return nil }
    let isOnes = literal == Literal(dtype: m.dtype, bits: m.dtype == .bool ? 1 : .max)
    switch op {
    case .and: return literal.isZero ? .operand(m.y) : isOnes ? .operand(m.x) : nil
    case .or: return literal.isZero ? .operand(m.x) : isOnes ? .operand(m.y) : nil
    case .xor: return literal.isZero ? .operand(m.x) : isOnes ? .op(.unary(.not), [m.x]) : nil
    case .add, .sub, .mul, .div, .rem, .pow, .max, .min, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic,
      .atan2, .nextafter:
      return nil
    }
  }

  /// shift x, 0  ->  x, in any direction
  static let shiftNothing = Rule("shift-nothing") { m, _ in
    let shifts: [Op] = [.binary(.shiftLeft), .binary(.shiftRightLogical), .binary(.shiftRightArithmetic)]
    return shifts.contains(m.op) && m.literal?.isZero == true ? .operand(m.x) : nil
  }
}

extension Literal {
  /// Whether the literal is -0.0.
  var isNegativeZero: Bool { dtype.isFloating && doubleValue == 0 && doubleValue.sign == .minus }

  /// The value, if it is a power of two (of either sign) whose reciprocal the dtype holds as a normal number too.
  var powerOfTwo: Double? {
    let value = doubleValue
    guard dtype.isFloating, value.isNormal, value.significand == 1 else { return nil }
    let limit: Int
    switch dtype {
    case .f16: limit = 14
    case .bf16, .f32: limit = 126
    case .f64: limit = 1022
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .key: return nil
    }
    return abs(Int(value.exponent)) <= limit ? value : nil
  }
}
