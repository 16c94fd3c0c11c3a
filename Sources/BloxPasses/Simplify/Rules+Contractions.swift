// Rules of reductions, products and random words.

import BloxIR

extension Rule {
  static let reduceRules = foldRules + [reduceSingle, reduceLiteral, reduceOfReduce, argReduceSingle]
  static let dotRules = foldRules + [dotOfTranspose]
  static let randomRules = [unwrapOfWrap]

  /// reduce over axes of size 1  ->  reshape. Reducing one element is a copy of it, for sums too.
  static let reduceSingle = Rule("reduce-single") { m, _ in
    guard case .reduce(_, let axes) = m.op, axes.allSatisfy({ m.types[0].shape[$0] == 1 }) else { return nil }
    return .op(.reshape(m.result.shape), [m.x])
  }

  /// reduce_max c  ->  c, and min, and, or. Sums and products round, and xor counts, so they are left to folding.
  static let reduceLiteral = Rule("reduce-literal") { m, _ in
    guard case .reduce(let kind, let axes) = m.op, kind.isIdempotent, let literal = m.x.literal,
      axes.allSatisfy({ m.types[0].shape[$0] > 0 })
    else { return nil }
    return .operand(m.splat(literal))
  }

  /// reduce_max (reduce_max x)  ->  reduce_max x over both sets of axes; not for sums and products of floats, which
  /// round
  static let reduceOfReduce = Rule("reduce-reduce") { m, s in
    guard case .reduce(let kind, let outer) = m.op, let definition = s.definition(m.x),
      case .reduce(kind, let inner) = definition.op, kind.isIdempotent || !m.dtype.isFloating
    else { return nil }
    let source = definition.operands[0]
    let left = (0..<s.type(of: source).rank).filter { !inner.contains($0) }
    return .op(.reduce(kind, axes: (inner + outer.map { left[$0] }).sorted()), [source])
  }

  /// argmax over an axis of size 1  ->  0
  static let argReduceSingle = Rule("arg-reduce-single") { m, _ in
    guard case .argReduce(_, let axis) = m.op, m.types[0].shape[axis] == 1 else { return nil }
    return .operand(m.splat(0))
  }

  /// Constants fold; a line of one element is itself.
  static let cumulativeRules = foldRules + [cumulativeSingle]

  /// cumsum over an axis of at most one element  ->  x
  static let cumulativeSingle = Rule("cumulative-single") { m, _ in
    guard case .cumulative(_, let axis, _) = m.op, m.types[0].shape[axis] <= 1 else { return nil }
    return .operand(m.x)
  }

  /// dot_general (transpose x), y  ->  dot_general x, y with other dimension numbers, and so on the right
  ///
  /// The free dimensions of x come out in their order, so they must be in the same order before and after the
  /// transpose. The contracting dimensions keep their order in the list, and with it the order of the sum.
  static let dotOfTranspose = Rule("dot-transpose") { m, s in
    guard case .dotGeneral(var dims) = m.op else { return nil }
    if let definition = s.definition(m.x), let p = definition.op.permutation {
      let free = dims.lhsFree(rank: p.count).map { p[$0] }
      if free == free.sorted() {
        dims.lhsBatch = dims.lhsBatch.map { p[$0] }
        dims.lhsContract = dims.lhsContract.map { p[$0] }
        return .op(.dotGeneral(dims), [definition.operands[0], m.y])
      }
    }
    if let definition = s.definition(m.y), let p = definition.op.permutation {
      let free = dims.rhsFree(rank: p.count).map { p[$0] }
      if free == free.sorted() {
        dims.rhsBatch = dims.rhsBatch.map { p[$0] }
        dims.rhsContract = dims.rhsContract.map { p[$0] }
        return .op(.dotGeneral(dims), [m.x, definition.operands[0]])
      }
    }
    return nil
  }

  /// transpose (dot_general x, y)  ->  dot_general y, x, if it only exchanges the free dimensions of x and y
  ///
  /// Products commute, and each sum keeps its order. If the product is read elsewhere too it would be computed twice.
  static let transposeOfDot = Rule("transpose-dot") { m, s in
    guard let permutation = m.op.permutation, let product = s.definition(m.x), s.isReadOnce(m.x),
      case .dotGeneral(let dims) = product.op
    else { return nil }
    let batch = dims.lhsBatch.count
    let left = dims.lhsFree(rank: s.type(of: product.operands[0]).rank).count
    let rank = permutation.count
    let exchanged = Array(0..<batch) + Array(batch + left..<rank) + Array(batch..<batch + left)
    guard permutation == exchanged else { return nil }
    let mirrored = Op.DotDimensions(
      lhsBatch: dims.rhsBatch, rhsBatch: dims.lhsBatch, lhsContract: dims.rhsContract,
      rhsContract: dims.lhsContract, preferred: dims.preferred)
    return .op(.dotGeneral(mirrored), [product.operands[1], product.operands[0]])
  }

  /// random_unwrap (random_wrap x)  ->  x, and the other way round
  static let unwrapOfWrap = Rule("unwrap-wrap") { m, s in
    guard let definition = s.definition(m.x) else { return nil }
    let undone =
      m.op == .random(.unwrap) && definition.op == .random(.wrap)
      || m.op == .random(.wrap) && definition.op == .random(.unwrap)
    return undone ? .operand(definition.operands[0]) : nil
  }
}

extension Op.Reduction {
  /// Whether combining an element with itself gives that element.
  fileprivate var isIdempotent: Bool {
    switch self {
    case .max, .min, .and, .or: true
    case .sum, .prod, .xor: false
    }
  }
}
