// Rules of the ops that move elements: identities, compositions, and literals, which look alike in any shape.

import BloxIR

extension Rule {
  static let broadcastRules =
    foldRules
    + [
      broadcastLiteral, broadcastNothing, broadcastOfBroadcast, broadcastOfReshape, broadcastOfIota,
      broadcastToReshape,
    ]
  static let reshapeRules = foldRules + [reshapeLiteral, reshapeNothing, reshapeOfReshape, reshapeOfScalarBroadcast]
  static let transposeRules =
    foldRules
    + [
      transposeLiteral, transposeNothing, transposeOfTranspose, transposeOfBroadcast, transposeToReshape,
      transposeOfDot,
    ]
  static let iotaRules = [iotaSingle]

  /// broadcast_in_dim c  ->  c
  static let broadcastLiteral = Rule("broadcast-literal") { m, _ in m.x.literal.map { .operand(m.splat($0)) } }

  /// broadcast_in_dim x to its own shape  ->  x
  static let broadcastNothing = Rule("broadcast-nothing") { m, _ in
    guard case .broadcastInDim(let shape, let dims) = m.op else { return nil }
    return shape == m.types[0].shape && dims == Array(shape.indices) ? .operand(m.x) : nil
  }

  /// broadcast_in_dim (broadcast_in_dim x)  ->  broadcast_in_dim x
  ///
  /// A dimension of size 1 that the first one repeated would be repeated by the second directly, so their dimension
  /// numbers just compose.
  static let broadcastOfBroadcast = Rule("broadcast-broadcast") { m, s in
    guard case .broadcastInDim(let shape, let outer) = m.op, let definition = s.definition(m.x),
      case .broadcastInDim(_, let inner) = definition.op
    else { return nil }
    return .op(.broadcastInDim(shape: shape, dims: inner.map { outer[$0] }), definition.operands)
  }

  /// broadcast_in_dim (reshape x:f32[3] to [3,1])  ->  broadcast_in_dim x, if the reshape only adds dimensions of
  /// size 1
  static let broadcastOfReshape = Rule("broadcast-reshape") { m, s in
    guard case .broadcastInDim(let shape, let dims) = m.op, let definition = s.definition(m.x),
      case .reshape(let middle) = definition.op,
      let kept = middle.dimensionsKept(of: s.type(of: definition.operands[0]).shape)
    else { return nil }
    return .op(.broadcastInDim(shape: shape, dims: kept.map { dims[$0] }), definition.operands)
  }

  /// broadcast_in_dim (iota)  ->  iota of the larger shape
  static let broadcastOfIota = Rule("broadcast-iota") { m, s in
    guard case .broadcastInDim(let shape, let dims) = m.op, case .iota(let type, let axis)? = s.definition(m.x)?.op,
      type.shape[axis] == shape[dims[axis]]
    else { return nil }
    return .op(.iota(m.result, axis: dims[axis]), [])
  }

  /// broadcast_in_dim x that repeats nothing  ->  reshape x, which moves no element
  static let broadcastToReshape = Rule("broadcast-to-reshape") { m, _ in
    guard case .broadcastInDim(let shape, let dims) = m.op, m.result.elementCount == m.types[0].elementCount,
      m.result.elementCount > 0
    else { return nil }
    let kept = m.types[0].shape.indices.filter { m.types[0].shape[$0] != 1 }.map { dims[$0] }
    return kept == kept.sorted() ? .op(.reshape(shape), [m.x]) : nil
  }

  /// reshape c  ->  c
  static let reshapeLiteral = Rule("reshape-literal") { m, _ in m.x.literal.map { .operand(m.splat($0)) } }

  /// reshape x to its own shape  ->  x
  static let reshapeNothing = Rule("reshape-nothing") { m, _ in m.types[0] == m.result ? .operand(m.x) : nil }

  /// reshape (reshape x)  ->  reshape x
  static let reshapeOfReshape = Rule("reshape-reshape") { m, s in
    guard let definition = s.definition(m.x), case .reshape = definition.op else { return nil }
    return .op(m.op, definition.operands)
  }

  /// reshape (broadcast_in_dim scalar)  ->  broadcast_in_dim scalar
  static let reshapeOfScalarBroadcast = Rule("reshape-scalar-broadcast") { m, s in
    guard let definition = s.definition(m.x), case .broadcastInDim(_, []) = definition.op else { return nil }
    return .op(.broadcastInDim(shape: m.result.shape, dims: []), definition.operands)
  }

  /// transpose c  ->  c
  static let transposeLiteral = Rule("transpose-literal") { m, _ in m.x.literal.map { .operand(m.splat($0)) } }

  /// transpose by the identity  ->  x
  static let transposeNothing = Rule("transpose-nothing") { m, _ in
    m.op.permutation.map { $0 == Array($0.indices) } == true ? .operand(m.x) : nil
  }

  /// transpose (transpose x by p) by q  ->  transpose x by p[q]
  static let transposeOfTranspose = Rule("transpose-transpose") { m, s in
    guard let outer = m.op.permutation, let definition = s.definition(m.x), let inner = definition.op.permutation
    else { return nil }
    return .op(.transpose(outer.map { inner[$0] }), definition.operands)
  }

  /// transpose (broadcast_in_dim x)  ->  broadcast_in_dim x with other dimension numbers
  static let transposeOfBroadcast = Rule("transpose-broadcast") { m, s in
    guard let permutation = m.op.permutation, let definition = s.definition(m.x),
      case .broadcastInDim(_, let dims) = definition.op
    else { return nil }
    let moved = dims.map { dim in permutation.firstIndex(of: dim) ?? dim }
    return .op(.broadcastInDim(shape: m.result.shape, dims: moved), definition.operands)
  }

  /// transpose that moves dimensions of size 1 only  ->  reshape
  static let transposeToReshape = Rule("transpose-to-reshape") { m, _ in
    guard let permutation = m.op.permutation else { return nil }
    let kept = permutation.filter { m.types[0].shape[$0] != 1 }
    return kept == kept.sorted() ? .op(.reshape(m.result.shape), [m.x]) : nil
  }

  /// iota along a dimension of size 1  ->  0
  static let iotaSingle = Rule("iota-single") { m, _ in
    guard case .iota(let type, let axis) = m.op, type.shape[axis] == 1 else { return nil }
    return .operand(m.splat(0))
  }
}

extension Op {
  /// The permutation, if this is a transpose.
  var permutation: [Int]? {
    if case .transpose(let permutation) = self { permutation } else { nil }
  }
}

extension [Int] {
  /// If this shape is `other` with dimensions of size 1 added, which of its dimensions are the ones of `other`.
  fileprivate func dimensionsKept(of other: [Int]) -> [Int]? {
    var kept: [Int] = []
    for (dim, size) in enumerated() {
      // Greedy matching finds a match if there is one: only dimensions of size 1 may be skipped.
      if kept.count < other.count, other[kept.count] == size {
        kept.append(dim)
      } else if size != 1 {
        return nil
      }
    }
    return kept.count == other.count ? kept : nil
  }
}
