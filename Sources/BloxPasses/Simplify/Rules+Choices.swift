// Rules of comparisons, selections and conversions.

import BloxIR

extension Rule {
  static let compareRules = foldRules + [literalRight, compareSame, compareBool]
  static let selectRules = foldRules + [selectConstant, selectSame, selectNot, selectBool, selectOfSelect]
  static let convertRules = foldRules + [convertNothing, convertLiteral, convertOfConvert, convertOfIota]

  /// compare c < x  ->  compare x > c
  static let literalRight = Rule("compare-literal-right") { m, _ in
    guard case .compare(let direction) = m.op, m.x.literal != nil, m.literal == nil else { return nil }
    return .op(.compare(direction.mirrored), [m.y, m.x])
  }

  /// integers and bool: x == x, x <= x, x >= x  ->  true; the others false. Not for floats, where x may be NaN.
  static let compareSame = Rule("compare-same") { m, _ in
    guard case .compare(let direction) = m.op, m.x == m.y, !m.types[0].dtype.isFloating else { return nil }
    return .operand(m.splat(direction == .eq || direction == .le || direction == .ge ? 1 : 0))
  }

  /// bool: x == true, x != false  ->  x        x == false, x != true  ->  not x
  static let compareBool = Rule("compare-bool") { m, _ in
    guard case .compare(let direction) = m.op, direction == .eq || direction == .ne, m.types[0].dtype == .bool,
      let literal = m.literal
    else { return nil }
    return literal.isOne == (direction == .eq) ? .operand(m.x) : .op(.unary(.not), [m.x])
  }

  /// select true, a, b  ->  a        select false, a, b  ->  b
  static let selectConstant = Rule("select-constant") { m, _ in
    m.x.literal.map { .operand(m.operands[$0.isOne ? 1 : 2]) }
  }

  /// select p, a, a  ->  a
  static let selectSame = Rule("select-same") { m, _ in
    m.operands[1] == m.operands[2] ? .operand(m.operands[1]) : nil
  }

  /// select (not p), a, b  ->  select p, b, a
  static let selectNot = Rule("select-not") { m, s in
    s.operand(of: .unary(.not), in: m.x).map { .op(.select, [$0, m.operands[2], m.operands[1]]) }
  }

  /// bool: select p, true, false  ->  p        select p, false, true  ->  not p
  static let selectBool = Rule("select-bool") { m, _ in
    guard m.dtype == .bool, let a = m.operands[1].literal, let b = m.operands[2].literal, a != b else { return nil }
    return a.isOne ? .operand(m.x) : .op(.unary(.not), [m.x])
  }

  /// select p, (select p, a, b), c  ->  select p, a, c, and likewise in the other case
  static let selectOfSelect = Rule("select-select") { m, s in
    if let inner = s.definition(m.operands[1]), inner.op == .select, inner.operands[0] == m.x {
      return .op(.select, [m.x, inner.operands[1], m.operands[2]])
    }
    if let inner = s.definition(m.operands[2]), inner.op == .select, inner.operands[0] == m.x {
      return .op(.select, [m.x, m.operands[1], inner.operands[2]])
    }
    return nil
  }

  /// convert x to its own dtype  ->  x
  static let convertNothing = Rule("convert-nothing") { m, _ in
    m.types[0].dtype == m.dtype ? .operand(m.x) : nil
  }

  /// convert c  ->  c as the other dtype, where it has that value exactly; others fold through the interpreter
  static let convertLiteral = Rule("convert-literal") { m, _ in
    guard let literal = m.x.literal, m.dtype != .key else { return nil }
    let value = literal.doubleValue
    let converted = Literal(value, as: m.dtype)
    // Beyond 2^53 a Double does not hold every 64-bit integer; subnormals are flushed by conversions.
    guard abs(value) < 0x1p53, converted.doubleValue == value, value == 0 || value.magnitude > 1e-4 else {
      return nil
    }
    return .operand(m.splat(converted))
  }

  /// convert (convert x to b) to c  ->  convert x to c, where b holds every value of x's dtype
  static let convertOfConvert = Rule("convert-convert") { m, s in
    guard case .convert(let middle)? = s.definition(m.x)?.op, let x = s.definition(m.x)?.operands[0],
      s.type(of: x).dtype.convertsDirectly(through: middle, to: m.dtype)
    else { return nil }
    return .op(m.op, [x])
  }

  /// convert (iota i32)  ->  iota f32, between 32- and 64-bit dtypes, which hold the index alike
  static let convertOfIota = Rule("convert-iota") { m, s in
    guard case .iota(let type, let axis)? = s.definition(m.x)?.op else { return nil }
    let wide: [DType] = [.i32, .i64, .u32, .u64, .f32, .f64]
    guard wide.contains(type.dtype), wide.contains(m.dtype), !type.dtype.isFloating,
      type.shape[axis] <= Int(Int32.max)
    else { return nil }
    return .op(.iota(m.result, axis: axis), [])
  }
}

extension DType {
  /// Whether every value of this dtype is one of the other.
  func isExact(in other: DType) -> Bool {
    if self == other || self == .bool { return other != .key }
    switch (kind, other.kind) {
    case (.signed, .signed), (.unsigned, .unsigned): return bitWidth <= other.bitWidth
    case (.unsigned, .signed): return bitWidth < other.bitWidth
    case (.signed, .floating), (.unsigned, .floating): return bitWidth <= other.significandBits
    case (.floating, .floating): return self == .f16 || self == .bf16 ? other.bitWidth > 16 : other == .f64
    case (.boolean, _), (.key, _), (_, .boolean), (_, .key), (.signed, .unsigned), (.floating, .signed),
      (.floating, .unsigned):
      return false
    }
  }

  /// Whether conversion through `middle` to `last` gives what direct conversion gives.
  ///
  /// `middle` must hold every value. Then only the way from an integer to another one differs: directly it wraps,
  /// through a float it saturates.
  func convertsDirectly(through middle: DType, to last: DType) -> Bool {
    guard isExact(in: middle) else { return false }
    let saturates = isInteger && middle.isFloating && last.isInteger
    return !saturates || isExact(in: last)
  }

  /// The number of integers' bits that a float dtype holds exactly.
  private var significandBits: Int {
    switch self {
    case .f16: 11
    case .bf16: 8
    case .f32: 24
    case .f64: 53
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .key: 0
    }
  }
}
