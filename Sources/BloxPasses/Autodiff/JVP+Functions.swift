// Tangent rules of the circular, hyperbolic and gamma functions, and of products. The expressions are JAX's.

import BloxIR

extension Op.Unary {
  /// The slope of `y = self(x)` at `x`; `nil` where it is zero or this file does not know the function.
  func slope(x: Operand, y: Operand, _ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    let one = b.splat(1, like: x)
    switch self {
    case .exp2: return try b.mul(y, b.splat(0.6931471805599453, like: x))
    case .expm1: return try b.add(y, one)
    case .cbrt: return try b.mul(try b.emitOne(.integerPow(-2), [y]), b.splat(1.0 / 3, like: x))
    case .sin: return try b.unary(.cos, x)
    case .cos: return try b.neg(try b.unary(.sin, x))
    case .tan: return try b.add(try b.mul(y, y), one)
    case .asin: return try b.unary(.rsqrt, try b.sub(one, try b.mul(x, x)))
    case .acos: return try b.neg(try b.unary(.rsqrt, try b.sub(one, try b.mul(x, x))))
    case .atan: return try b.div(one, try b.add(try b.mul(x, x), one))
    case .sinh: return try b.unary(.cosh, x)
    case .cosh: return try b.unary(.sinh, x)
    case .asinh: return try b.unary(.rsqrt, try b.add(try b.mul(x, x), one))
    case .acosh: return try b.unary(.rsqrt, try b.mul(try b.sub(x, one), try b.add(x, one)))
    case .atanh: return try b.div(try b.div(one, try b.add(x, one)), try b.sub(one, x))
    case .erfc:
      let gauss = try b.unary(.exp, try b.neg(try b.mul(x, x)))
      return try b.mul(gauss, b.splat(-1.1283791670955126, like: x))
    case .lgamma: return try b.unary(.digamma, x)
    case .digamma: return try trigamma(x, &b)
    // Steps, and functions of integers, whose values have no tangents.
    case .roundNearestEven, .roundNearestAway, .populationCount, .clz: return nil
    case .neg, .abs, .sign, .floor, .ceil, .exp, .log, .log1p, .sqrt, .rsqrt, .tanh, .logistic, .erf, .erfInv, .not,
      .isFinite:
      return nil
    }
  }

  /// The slope of digamma: six steps of the recurrence, the asymptotic series behind them, and reflection below ½.
  private func trigamma(_ x: Operand, _ b: inout ProgramBuilder) throws(BloxError) -> Operand {
    let one = b.splat(1, like: x)
    let isReflected = try b.compare(.lt, x, b.splat(0.5, like: x))
    var y = try b.select(isReflected, try b.sub(one, x), x)
    var sum: Operand?
    for _ in 0..<6 {
      let term = try b.div(one, try b.mul(y, y))
      sum = try sum.map { (sum) throws(BloxError) in try b.add(sum, term) } ?? term
      y = try b.add(y, one)
    }
    let inverse = try b.div(one, y)
    let square = try b.mul(inverse, inverse)
    // 1/y + 1/(2 y²) + 1/(6 y³) - 1/(30 y⁵) + 1/(42 y⁷) - 1/(30 y⁹) + 5/(66 y¹¹) - 691/(2730 y¹³)
    var series = b.splat(-691.0 / 2730, like: x)
    for coefficient in [5.0 / 66, -1.0 / 30, 1.0 / 42, -1.0 / 30, 1.0 / 6] {
      series = try b.add(try b.mul(series, square), b.splat(coefficient, like: x))
    }
    series = try b.mul(try b.add(try b.mul(series, inverse), b.splat(0.5, like: x)), square)
    let tail = try b.add(series, inverse)
    let direct = try sum.map { (sum) throws(BloxError) in try b.add(sum, tail) } ?? tail
    let sine = try b.unary(.sin, try b.mul(x, b.splat(Double.pi, like: x)))
    let ratio = try b.div(b.splat(Double.pi, like: x), sine)
    return try b.select(isReflected, try b.sub(try b.mul(ratio, ratio), direct), direct)
  }
}

extension Op.Binary {
  /// The tangent of the angle of the point (x, y): (x dy - y dx) / (x² + y²).
  func angleTangent(_ rule: JVPRule, _ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    let (y, x) = (rule.primal(0), rule.primal(1))
    let square = try b.add(try b.mul(x, x), try b.mul(y, y))
    var total: Operand?
    if let dy = rule.tangent(0) { total = try b.mul(dy, try b.div(x, square)) }
    if let dx = rule.tangent(1) {
      total = try rule.sum(total, try b.mul(dx, try b.div(try b.neg(y), square)), &b)
    }
    return total
  }
}

extension JVPRule {
  /// The tangent of a product over axes, by halving: the products of all but one element without a division, which
  /// would fail at zeros.
  ///
  ///     p[n], dp[n]  ->  p[0..<h] * p[h..<n],  dp[0..<h] * p[h..<n] + p[0..<h] * dp[h..<n]    until one is left
  func product(axes: [Int], _ dx: Operand, _ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    let type = b.type(of: primal(0))
    let kept = (0..<type.rank).filter { !axes.contains($0) }
    let rest = kept.map { type.shape[$0] }
    var count = axes.reduce(1) { $0 * type.shape[$1] }
    // The product of nothing is 1, whatever the elements are.
    if count == 0 { return nil }
    var p = try b.reshape(try b.transpose(primal(0), axes + kept), to: [count] + rest)
    var dp = try b.reshape(try b.transpose(dx, axes + kept), to: [count] + rest)
    while count > 1 {
      if count % 2 == 1 {
        p = try padded(p, with: 1, &b)
        dp = try padded(dp, with: 0, &b)
        count += 1
      }
      count /= 2
      let (left, right) = (try half(p, 0, count, &b), try half(p, count, count, &b))
      let (dLeft, dRight) = (try half(dp, 0, count, &b), try half(dp, count, count, &b))
      p = try b.mul(left, right)
      dp = try b.add(try b.mul(dLeft, right), try b.mul(dRight, left))
    }
    return try b.reshape(dp, to: b.type(of: result).shape)
  }

  private func padded(_ x: Operand, with value: Double, _ b: inout ProgramBuilder) throws(BloxError) -> Operand {
    let type = b.type(of: x)
    let none = type.shape.map { _ in 0 }
    return try b.emitOne(
      .pad(Op.Padding(low: none, high: [1] + none.dropFirst())), [x, b.splat(value, type.with(shape: []))])
  }

  private func half(
    _ x: Operand, _ start: Int, _ count: Int, _ b: inout ProgramBuilder
  ) throws(BloxError) -> Operand {
    let rest = b.type(of: x).shape.dropFirst()
    return try b.emitOne(
      .slice(Op.Slice(starts: [start] + rest.map { _ in 0 }, limits: [start + count] + rest)), [x])
  }
}
