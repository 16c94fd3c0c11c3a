// Tangents of cumulative ops.
//
// cumsum is linear. The others are differentiated as what JAX computes, a parallel prefix over pairs of neighbours
// (Blelloch, "Prefix sums and their applications", 1990): then derivatives need no division, which a product with
// zeros among its factors could not do, and ties share the tangent as in JAX. For n elements:
//
//   pairs[i] = x[2i] + x[2i+1]           n / 2 combinations
//   odd = prefixes of pairs              the results at 1, 3, 5, …
//   even[i] = odd[i-1] + x[2i]           the results at 2, 4, …; the one at 0 is x[0]

import BloxIR

extension JVPRule {
  func cumulative(
    _ kind: Cumulative, axis: Int, reverse: Bool, _ b: inout ProgramBuilder
  ) throws(BloxError) -> Operand? {
    guard let dx = tangent(0) else { return nil }
    if kind == .sum { return try b.emitOne(.cumulative(kind, axis: axis, reverse: reverse), [dx]) }
    let prefixes = Prefixes(kind: kind, axis: axis)
    let flip = Op.indexing(.reverse(axes: [axis]))
    var x = Dual(primal: primal(0), tangent: dx)
    if reverse { x = try x.map { (x) throws(BloxError) in try b.emitOne(flip, [x]) } }
    guard let tangent = try prefixes.scan(x, &b).tangent else { return nil }
    return reverse ? try b.emitOne(flip, [tangent]) : tangent
  }
}

extension Dual {
  /// Both parts changed alike, by something linear.
  fileprivate func map(_ change: (Operand) throws(BloxError) -> Operand) throws(BloxError) -> Dual {
    Dual(primal: try change(primal), tangent: try tangent.map(change))
  }
}

extension Optional where Wrapped == Operand {
  fileprivate func map(_ change: (Operand) throws(BloxError) -> Operand) throws(BloxError) -> Operand? {
    guard let self else { return nil }
    return try change(self)
  }
}

/// The parallel prefix of a cumulative op over duals.
private struct Prefixes {
  let kind: Cumulative
  let axis: Int

  func scan(_ x: Dual, _ b: inout ProgramBuilder) throws(BloxError) -> Dual {
    let count = b.type(of: x.primal).shape[axis]
    guard count > 1 else { return x }
    let pairs = try combine(
      window(x, 0..<(count - 1), step: 2, &b), window(x, 1..<count, step: 2, &b), &b)
    let odd = try scan(pairs, &b)
    var even = try window(x, 0..<1, step: 1, &b)
    if count > 2 {
      let before = count % 2 == 0 ? try window(odd, 0..<(count / 2 - 1), step: 1, &b) : odd
      let rest = try combine(before, window(x, 2..<count, step: 2, &b), &b)
      even = try zip(even, rest, &b) { (first, rest, b) throws(BloxError) in
        try b.emitOne(.concatenate(axis: axis), [first, rest])
      }
    }
    return try zip(even, odd, &b) { (even, odd, b) throws(BloxError) in
      try interleaved(even, odd, count: count, &b)
    }
  }

  private func window(_ x: Dual, _ range: Range<Int>, step: Int, _ b: inout ProgramBuilder) throws(BloxError) -> Dual {
    let shape = b.type(of: x.primal).shape
    var slice = Op.Slice(starts: shape.map { _ in 0 }, limits: shape)
    slice.starts[axis] = range.lowerBound
    slice.limits[axis] = range.upperBound
    slice.strides[axis] = step
    return try x.map { (x) throws(BloxError) in try b.emitOne(.slice(slice), [x]) }
  }

  /// Both have a tangent where the input has one.
  private func zip(
    _ x: Dual, _ y: Dual, _ b: inout ProgramBuilder,
    _ join: (Operand, Operand, inout ProgramBuilder) throws(BloxError) -> Operand
  ) throws(BloxError) -> Dual {
    let primal = try join(x.primal, y.primal, &b)
    guard x.tangent != nil || y.tangent != nil else { return Dual(primal: primal, tangent: nil) }
    let dx = x.tangent ?? b.splat(0, like: x.primal)
    let dy = y.tangent ?? b.splat(0, like: y.primal)
    return Dual(primal: primal, tangent: try join(dx, dy, &b))
  }

  /// [e0, e1, e2], [o0, o1]  ->  [e0, o0, e1, o1, e2]
  private func interleaved(
    _ even: Operand, _ odd: Operand, count: Int, _ b: inout ProgramBuilder
  ) throws(BloxError) -> Operand {
    let rank = b.type(of: even).rank
    func spread(_ x: Operand, at start: Int) throws(BloxError) -> Operand {
      let length = b.type(of: x).shape[axis]
      let none = Array(repeating: 0, count: rank)
      var padding = Op.Padding(low: none, high: none, interior: none)
      padding.interior[axis] = 1
      padding.low[axis] = start
      padding.high[axis] = count - start - (2 * length - 1)
      return try b.emitOne(.pad(padding), [x, b.splat(0, b.type(of: x).with(shape: []))])
    }
    return try b.add(spread(even, at: 0), spread(odd, at: 1))
  }

  private func combine(_ x: Dual, _ y: Dual, _ b: inout ProgramBuilder) throws(BloxError) -> Dual {
    let op: Op.Binary
    switch kind {
    case .sum: op = .add
    case .prod: op = .mul
    case .max: op = .max
    case .min: op = .min
    case .logSumExp: return try logAddExp(x, y, &b)
    }
    let result = try b.binary(op, x.primal, y.primal)
    return Dual(primal: result, tangent: try op.jvp(JVPRule(inputs: [x, y], result: result), &b))
  }

  /// `max(x, y) + log1p(exp(-|x - y|))`, or the sum where the difference is NaN: infinities of one sign, or NaN. Each
  /// side has a share `exp(x - result)` of the tangent, in which an infinity counts as 0, as JAX has it.
  private func logAddExp(_ x: Dual, _ y: Dual, _ b: inout ProgramBuilder) throws(BloxError) -> Dual {
    let difference = try b.sub(x.primal, y.primal)
    let distance = try b.neg(try b.unary(.abs, difference))
    let larger = try b.binary(.max, x.primal, y.primal)
    let sum = try b.add(larger, try b.unary(.log1p, try b.unary(.exp, distance)))
    let isNaN = try b.compare(.ne, difference, difference)
    let result = try b.select(isNaN, try b.add(x.primal, y.primal), sum)
    let rule = JVPRule(inputs: [x, y], result: result)
    func finite(_ x: Operand) throws(BloxError) -> Operand {
      try b.select(try b.compare(.eq, x, b.splat(.infinity, like: x)), b.splat(0, like: x), x)
    }
    func part(_ x: Dual) throws(BloxError) -> Operand? {
      guard let dx = x.tangent else { return nil }
      return try b.mul(dx, try b.unary(.exp, try b.sub(try finite(x.primal), try finite(result))))
    }
    return Dual(primal: result, tangent: try rule.sum(try part(x), try part(y), &b))
  }
}
