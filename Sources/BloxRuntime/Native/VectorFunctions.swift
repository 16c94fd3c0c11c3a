// Functions of f32 as vector code: the same operations in the same order as in math_f32.inc.h, so that native code and
// kernels give the same bits. The reasons for the formulas and their constants are given there.

extension VectorProgram {
  mutating func add(_ a: VectorValue, _ b: VectorValue) -> VectorValue { emit(.binary(.add), a, b) }
  mutating func subtract(_ a: VectorValue, _ b: VectorValue) -> VectorValue { emit(.binary(.subtract), a, b) }
  mutating func multiply(_ a: VectorValue, _ b: VectorValue) -> VectorValue { emit(.binary(.multiply), a, b) }
  mutating func divide(_ a: VectorValue, _ b: VectorValue) -> VectorValue { emit(.binary(.divide), a, b) }

  /// a b + c, rounded once.
  mutating func multiplyAdd(_ a: VectorValue, _ b: VectorValue, _ c: VectorValue) -> VectorValue {
    emit(.multiplyAdd, a, b, c)
  }

  /// c - a b, rounded once.
  mutating func negativeMultiplyAdd(_ a: VectorValue, _ b: VectorValue, _ c: VectorValue) -> VectorValue {
    emit(.negativeMultiplyAdd, a, b, c)
  }

  mutating func negated(_ x: VectorValue) -> VectorValue { emit(.binary(.xor), x, constant(bits: 0x8000_0000)) }
  mutating func magnitude(_ x: VectorValue) -> VectorValue { emit(.binary(.and), x, constant(bits: 0x7FFF_FFFF)) }

  /// x within bounds; NaN stays.
  private mutating func bounded(_ x: VectorValue, _ low: Float, _ high: Float) -> VectorValue {
    let raised = emit(.binary(.maximum), constant(low), x)
    return emit(.binary(.minimum), constant(high), raised)
  }

  /// exp(r) - 1 for |r| <= ln(2) / 2.
  private mutating func expSeries(_ r: VectorValue) -> VectorValue {
    let square = multiply(r, r)
    let high = multiplyAdd(constant(bits: 0x3951_2CC4), r, constant(bits: 0x3AB6_9FA1))
    let middle = multiplyAdd(constant(bits: 0x3C08_87FD), r, constant(bits: 0x3D2A_AA7A))
    var p = multiplyAdd(high, square, middle)
    let low = multiplyAdd(constant(bits: 0x3E2A_AAAB), r, constant(bits: 0x3F00_0000))
    p = multiplyAdd(p, square, low)
    return multiplyAdd(p, square, r)
  }

  /// x - n ln 2 and n.
  private mutating func expReduce(_ x: VectorValue) -> (r: VectorValue, n: VectorValue) {
    let shift = constant(0x1.8p23)
    let n = subtract(multiplyAdd(x, constant(bits: 0x3FB8_AA3B), shift), shift)
    let high = negativeMultiplyAdd(n, constant(bits: 0x3F31_8000), x)
    return (negativeMultiplyAdd(n, constant(bits: 0xB95E_8083), high), n)
  }

  private mutating func expBounded(_ x: VectorValue) -> VectorValue {
    let (r, n) = expReduce(x)
    return emit(.binary(.scale), add(expSeries(r), constant(1)), n)
  }

  mutating func exp(_ x: VectorValue) -> VectorValue { expBounded(bounded(x, -88, 88.9)) }

  mutating func tanh(_ x: VectorValue) -> VectorValue {
    let size = emit(.binary(.minimum), constant(10), magnitude(x))
    let (r, n) = expReduce(add(size, size))
    let power = emit(.binary(.scale), constant(1), n)
    let m = multiplyAdd(power, expSeries(r), subtract(power, constant(1)))
    let d = add(m, constant(2))
    let low = subtract(m, subtract(d, constant(2)))
    let inverse = divide(constant(1), d)
    let y = multiply(m, inverse)
    let rest = negativeMultiplyAdd(y, low, negativeMultiplyAdd(y, d, m))
    return emit(.copySign, multiplyAdd(rest, inverse, y), x)
  }

  mutating func logistic(_ x: VectorValue) -> VectorValue {
    let (r, n) = expReduce(negated(bounded(x, -88, 87)))
    let power = emit(.binary(.scale), constant(1), n)
    let series = expSeries(r)
    let sum = add(constant(1), power)
    let d = multiplyAdd(power, series, sum)
    let low = multiplyAdd(power, series, subtract(sum, d))
    let y = divide(constant(1), d)
    let rest = negativeMultiplyAdd(y, low, negativeMultiplyAdd(y, d, constant(1)))
    return multiplyAdd(rest, y, y)
  }

  mutating func log(_ x: VectorValue) -> VectorValue {
    // x = 2^e (1 + t)
    let fraction = emit(.binary(.and), x, constant(bits: 0x007F_FFFF))
    let m = emit(.binary(.or), fraction, constant(bits: 0x3F00_0000))
    let isBelow = emit(.compare(.float(.less)), m, constant(bits: 0x3F35_04F3))
    let exponent = emit(.binary(.shiftRight), x, constant(bits: 23))
    let offset = emit(
      .select, isBelow, constant(bits: UInt32(bitPattern: -127)), constant(bits: UInt32(bitPattern: -126)))
    let e = emit(.unary(.fromSigned), emit(.binary(.addInteger), exponent, offset))
    let t = add(subtract(m, constant(1)), emit(.select, isBelow, m, constant(0)))
    // log(1 + t) + e ln 2
    let z = multiply(t, t)
    let z3 = multiply(z, t)
    func series(_ program: inout VectorProgram, _ c0: UInt32, _ c1: UInt32, _ c2: UInt32) -> VectorValue {
      let inner = program.multiplyAdd(t, program.constant(bits: c0), program.constant(bits: c1))
      return program.multiplyAdd(inner, t, program.constant(bits: c2))
    }
    let a = series(&self, 0x3D90_21BB, 0xBDEB_D1B8, 0x3DEF_251A)
    let b = series(&self, 0xBDFE_5D4F, 0x3E11_E9BF, 0xBE2A_AE50)
    let d = series(&self, 0x3E4C_CEAC, 0xBE7F_FFFC, 0x3EAA_AAAA)
    var y = multiplyAdd(multiplyAdd(a, z3, b), z3, d)
    y = multiplyAdd(y, z3, multiply(e, constant(bits: 0xB95E_8083)))
    let rest = add(negativeMultiplyAdd(z, constant(0.5), t), y)
    y = multiplyAdd(e, constant(bits: 0x3F31_8000), rest)
    // Negative or NaN, infinity, zeros and subnormals.
    let infinity = constant(bits: 0x7F80_0000)
    y = emit(.select, emit(.compare(.unsigned(.greaterOrEqual)), x, infinity), constant(bits: 0x7FC0_0000), y)
    y = emit(.select, emit(.compare(.unsigned(.equal)), x, infinity), x, y)
    let isSmall = emit(.compare(.unsigned(.less)), magnitude(x), constant(bits: 0x0080_0000))
    return emit(.select, isSmall, constant(bits: 0xFF80_0000), y)
  }

  mutating func erf(_ x: VectorValue) -> VectorValue {
    let size = magnitude(x)
    let z = multiply(x, x)
    var p = multiplyAdd(z, constant(-5.96761703e-4), constant(4.99119423e-3))
    for coefficient: Float in [-2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1] {
      p = multiplyAdd(p, z, constant(coefficient))
    }
    let nearZero = multiplyAdd(p, x, x)
    let four = constant(4)
    let bounded = emit(.select, emit(.compare(.float(.less)), size, four), size, four)
    let square = multiply(bounded, bounded)
    var q = multiplyAdd(bounded, constant(-1.72853470e-5), constant(3.83197126e-4))
    let high = multiplyAdd(bounded, constant(-3.88396438e-3), constant(2.42546219e-2))
    q = multiplyAdd(q, square, high)
    for coefficient: Float in [-1.06777877e-1, -6.34846687e-1, -1.28717512e-1] {
      q = multiplyAdd(q, bounded, constant(coefficient))
    }
    q = multiplyAdd(q, bounded, negated(bounded))
    let far = emit(.copySign, subtract(constant(1), expBounded(q)), x)
    let y = emit(.select, emit(.compare(.float(.greater)), size, constant(0.927734375)), far, nearZero)
    return emit(.select, emit(.compare(.float(.equal)), x, x), y, x)
  }

  /// The larger one; NaN if one is, and -0 below 0.
  mutating func maximum(_ x: VectorValue, _ y: VectorValue) -> VectorValue { extreme(.maximum, x, y) }
  /// The smaller one; NaN if one is, and -0 below 0.
  mutating func minimum(_ x: VectorValue, _ y: VectorValue) -> VectorValue { extreme(.minimum, x, y) }

  private mutating func extreme(_ op: VectorOp.Binary, _ x: VectorValue, _ y: VectorValue) -> VectorValue {
    if let bits = constantBits(x), constantBits(y) == nil, !Float(bitPattern: bits).isNaN { return extreme(op, y, x) }
    if let bits = constantBits(y), constantBits(x) == nil, !Float(bitPattern: bits).isNaN {
      // The instruction gives its second operand where zeros meet, and where one is NaN.
      guard bits == (op == .maximum ? 0 : 0x8000_0000) else { return emit(.binary(op), y, x) }
      return emit(.select, emit(.compare(.unordered), x, x), x, emit(.binary(op), x, y))
    }
    let isNegative = emit(.signMask, x)
    let first = emit(.select, isNegative, x, y)
    let second = emit(.select, isNegative, y, x)
    let result = op == .maximum ? emit(.binary(op), first, second) : emit(.binary(op), second, first)
    let checked = op == .maximum ? first : second
    return emit(.select, emit(.compare(.unordered), checked, checked), checked, result)
  }
}
