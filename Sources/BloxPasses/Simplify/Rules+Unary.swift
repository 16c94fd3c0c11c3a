// Rules of unary ops, of integer powers and of stop_gradient.

import BloxIR

extension Rule {
  static let unaryRules = foldRules + [stopGradient, negOfNeg, negOfProduct, absOfSign, notOfNot, notOfCompare]
  static let integerPowRules = foldRules + [integerPowSmall]

  /// stop_gradient x  ->  x        checkpoint_name x  ->  x
  /// Simplification comes after differentiation; until then nothing simplifies.
  static let stopGradient = Rule("stop-gradient") { m, _ in
    if case .checkpointName = m.op { return .operand(m.x) }
    return m.op == .stopGradient ? .operand(m.x) : nil
  }

  /// neg (neg x)  ->  x
  static let negOfNeg = Rule("neg-neg") { m, s in
    m.op == .unary(.neg) ? s.operand(of: .unary(.neg), in: m.x).map { .operand($0) } : nil
  }

  /// neg (mul x, c)  ->  mul x, -c. The sign of a product is exact.
  static let negOfProduct = Rule("neg-mul") { m, s in
    guard m.op == .unary(.neg), let product = s.definition(m.x), product.op == .binary(.mul),
      let literal = product.operands[1].literal
    else { return nil }
    return .op(.binary(.mul), [product.operands[0], m.splat(literal.negated)])
  }

  /// abs (abs x)  ->  abs x        abs (neg x)  ->  abs x        abs x  ->  x for unsigned x, where neg wraps around
  static let absOfSign = Rule("abs-sign") { m, s in
    guard m.op == .unary(.abs) else { return nil }
    if s.type(of: m.x).dtype.kind == .unsigned { return .operand(m.x) }
    if s.operand(of: .unary(.abs), in: m.x) != nil { return .operand(m.x) }
    return s.operand(of: .unary(.neg), in: m.x).map { .op(.unary(.abs), [$0]) }
  }

  /// not (not x)  ->  x
  static let notOfNot = Rule("not-not") { m, s in
    m.op == .unary(.not) ? s.operand(of: .unary(.not), in: m.x).map { .operand($0) } : nil
  }

  /// not (x < y)  ->  x >= y. For floats only eq and ne: with a NaN neither x < y nor x >= y holds.
  static let notOfCompare = Rule("not-compare") { m, s in
    guard m.op == .unary(.not), let compare = s.definition(m.x), case .compare(let direction) = compare.op,
      direction == .eq || direction == .ne || !s.type(of: compare.operands[0]).dtype.isFloating
    else { return nil }
    return .op(.compare(direction.complement), compare.operands)
  }

  /// x^0  ->  1        x^1  ->  x        x^2  ->  mul x, x
  static let integerPowSmall = Rule("integer-pow-small") { m, _ in
    guard case .integerPow(let exponent) = m.op else { return nil }
    if exponent == 0 { return .operand(m.splat(1)) }
    if exponent == 1 { return .operand(m.x) }
    return exponent == 2 ? .op(.binary(.mul), [m.x, m.x]) : nil
  }
}

extension Literal {
  /// The literal with its sign changed: floats flip the sign bit, integers wrap.
  var negated: Literal {
    dtype.isFloating
      ? Literal(dtype: dtype, bits: bits ^ 1 << UInt64(dtype.bitWidth - 1)) : Literal(dtype: dtype, bits: 0 &- bits)
  }
}

extension Op.Comparison {
  /// The comparison that holds where this one does not, when the operands are ordered.
  var complement: Op.Comparison {
    switch self {
    case .eq: .ne
    case .ne: .eq
    case .lt: .ge
    case .ge: .lt
    case .gt: .le
    case .le: .gt
    }
  }

  /// The comparison with its operands exchanged.
  var mirrored: Op.Comparison {
    switch self {
    case .eq, .ne: self
    case .lt: .gt
    case .gt: .lt
    case .le: .ge
    case .ge: .le
    }
  }
}
