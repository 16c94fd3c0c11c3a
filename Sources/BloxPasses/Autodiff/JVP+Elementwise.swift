// Tangent rules of elementwise ops. At kinks and ties the values are JAX's.

import BloxIR

extension Op.Unary {
  /// The tangent of `y = self(x)` for the input tangent `dx`.
  func jvp(x: Operand, y: Operand, dx: Operand, _ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    let one = b.splat(1, like: x)
    switch self {
    case .neg: return try b.neg(dx)
    case .abs:
      // The slope at zero is 1, as in JAX.
      let isNonNegative = try b.compare(.ge, x, b.splat(0, like: x))
      return try b.select(isNonNegative, dx, try b.neg(dx))
    case .sign, .floor, .ceil, .not, .isFinite: return nil
    case .exp: return try b.mul(dx, y)
    case .log: return try b.div(dx, x)
    case .log1p: return try b.div(dx, try b.add(x, one))
    case .sqrt: return try b.mul(dx, try b.div(b.splat(0.5, like: x), y))
    case .rsqrt:
      let slope = try b.mul(b.splat(-0.5, like: x), try b.div(y, x))
      return try b.mul(dx, slope)
    case .tanh:
      // (1 - y)(1 + y), not 1 - y²: the product keeps its accuracy where y is close to ±1.
      return try b.mul(dx, try b.mul(try b.sub(one, y), try b.add(y, one)))
    case .logistic: return try b.mul(dx, try b.mul(y, try b.sub(one, y)))
    case .erf:
      let gauss = try b.unary(.exp, try b.neg(try b.mul(x, x)))
      return try b.mul(dx, try b.mul(gauss, b.splat(twoOverRootPi, like: x)))
    case .exp2, .expm1, .cbrt, .sin, .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh, .acosh, .atanh, .erfc,
      .lgamma, .digamma:
      return try term(try slope(x: x, y: y, &b), &b) { (slope, b) throws(BloxError) in try b.mul(dx, slope) }
    case .roundNearestEven, .roundNearestAway, .populationCount, .clz: return nil
    case .erfInv:
      let inverseGauss = try b.unary(.exp, try b.mul(y, y))
      return try b.mul(dx, try b.mul(inverseGauss, b.splat(1 / twoOverRootPi, like: x)))
    }
  }

  /// 2/√π, the slope of erf at zero.
  private var twoOverRootPi: Double { 1.1283791670955126 }
}

extension Op.Binary {
  /// The tangent of `z = self(x, y)`.
  func jvp(_ rule: JVPRule, _ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    let (x, y, z) = (rule.primal(0), rule.primal(1), rule.result)
    let (dx, dy) = (rule.tangent(0), rule.tangent(1))
    switch self {
    case .add: return try rule.sum(dx, dy, &b)
    case .sub:
      guard let dy else { return dx }
      guard let dx else { return try b.neg(dy) }
      return try b.sub(dx, dy)
    case .mul:
      return try term(dx, &b) { (dx, b) throws(BloxError) in try b.mul(dx, y) }
        .adding(try term(dy, &b) { (dy, b) throws(BloxError) in try b.mul(dy, x) }, rule, &b)
    case .div:
      return try term(dx, &b) { (dx, b) throws(BloxError) in try b.div(dx, y) }
        .adding(
          try term(dy, &b) { (dy, b) throws(BloxError) in try b.mul(dy, try b.neg(try b.div(z, y))) }, rule, &b)
    case .rem:
      // x - y * trunc(x / y)
      return try dx.adding(
        try term(dy, &b) { (dy, b) throws(BloxError) in
          let quotient = try b.div(x, y)
          let truncated = try b.mul(try b.unary(.sign, quotient), try b.unary(.floor, try b.unary(.abs, quotient)))
          return try b.mul(dy, try b.neg(truncated))
        }, rule, &b)
    case .pow:
      return try term(dx, &b) { (dx, b) throws(BloxError) in try b.mul(dx, try powSlopeOfBase(x, y, &b)) }
        .adding(
          try term(dy, &b) { (dy, b) throws(BloxError) in
            let isZero = try b.compare(.eq, x, b.splat(0, like: x))
            let positive = try b.select(isZero, b.splat(1, like: x), x)
            return try b.mul(dy, try b.mul(try b.unary(.log, positive), z))
          }, rule, &b)
    case .max, .min:
      return try term(dx, &b) { (dx, b) throws(BloxError) in try b.mul(dx, try tieShare(of: x, against: y, z, &b)) }
        .adding(
          try term(dy, &b) { (dy, b) throws(BloxError) in
            try b.mul(dy, try tieShare(of: y, against: x, z, &b))
          }, rule, &b)
    case .and, .or, .xor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic: return nil
    case .atan2: return try angleTangent(rule, &b)
    case .nextafter: return nil  // zero, as in JAX, though the step grows with x
    }
  }

  /// `y * x^(y - 1)`, and 0 for `y == 0` also where `x` is 0.
  private func powSlopeOfBase(_ x: Operand, _ y: Operand, _ b: inout ProgramBuilder) throws(BloxError) -> Operand {
    let one = b.splat(1, like: y)
    if let exponent = y.literal, !exponent.isZero {
      return try b.mul(try b.binary(.pow, x, b.splat(exponent.doubleValue - 1, like: y)), y)
    }
    let isZero = try b.compare(.eq, y, b.splat(0, like: y))
    let lowered = try b.select(isZero, one, try b.sub(y, one))
    return try b.select(isZero, b.splat(0, like: y), try b.mul(y, try b.binary(.pow, x, lowered)))
  }

  /// 1 where `x` is the extreme, 0 where it is not, ½ at ties.
  private func tieShare(
    of x: Operand, against y: Operand, _ z: Operand, _ b: inout ProgramBuilder
  ) throws(BloxError) -> Operand {
    let tie = try b.compare(.eq, y, z)
    let share = try b.select(tie, b.splat(0.5, like: z), b.splat(1, like: z))
    return try b.select(try b.compare(.eq, x, z), share, b.splat(0, like: z))
  }
}

/// The contribution of one operand, or `nil` when its tangent is zero.
private func term(
  _ tangent: Operand?, _ b: inout ProgramBuilder,
  _ contribution: (Operand, inout ProgramBuilder) throws(BloxError) -> Operand
) throws(BloxError) -> Operand? {
  guard let tangent else { return nil }
  return try contribution(tangent, &b)
}

extension Operand? {
  fileprivate func adding(
    _ other: Operand?, _ rule: JVPRule, _ b: inout ProgramBuilder
  ) throws(BloxError) -> Operand? {
    try rule.sum(self, other, &b)
  }
}

extension JVPRule {
  func select(_ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    guard tangent(1) != nil || tangent(2) != nil else { return nil }
    return try b.select(primal(0), instantiated(1, b), instantiated(2, b))
  }

  /// The tangent of whichever operand is the result; 0 for `x` at the bounds, as `lax.clamp` has it.
  func clamp(_ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    let (low, x, high) = (primal(0), primal(1), primal(2))
    let zero = b.splat(0, like: x)
    var total: Operand?
    if let dLow = tangent(0) {
      let isLow = try b.binary(.and, try b.compare(.gt, low, x), try b.compare(.lt, low, high))
      total = try b.select(isLow, dLow, zero)
    }
    if let dx = tangent(1) {
      let isInside = try b.binary(.and, try b.compare(.gt, x, low), try b.compare(.lt, x, high))
      total = try sum(total, try b.select(isInside, dx, zero), &b)
    }
    if let dHigh = tangent(2) {
      total = try sum(total, try b.select(try b.compare(.lt, high, x), dHigh, zero), &b)
    }
    return total
  }

  func fma(_ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    var total = tangent(2)
    if let da = tangent(0) { total = try sum(total, try b.mul(da, primal(1)), &b) }
    if let db = tangent(1) { total = try sum(total, try b.mul(db, primal(0)), &b) }
    return total
  }

  func integerPow(_ exponent: Int, _ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    guard exponent != 0, let dx = tangent(0) else { return nil }
    let x = primal(0)
    if exponent == 1 { return dx }
    let (lower, overflow) = exponent.subtractingReportingOverflow(1)
    var power = exponent == 2 ? x : try b.emitOne(.integerPow(overflow ? exponent : lower), [x])
    if overflow { power = try b.mul(power, try b.emitOne(.integerPow(-1), [x])) }
    return try b.mul(dx, try b.mul(power, b.splat(Double(exponent), like: x)))
  }
}
