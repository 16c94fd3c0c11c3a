// Rules of slice, pad and concatenate.

import BloxIR

extension Rule {
  static let sliceRules =
    foldRules + [sliceLiteral, sliceNothing, sliceOfSlice, sliceOfConcatenate]
  static let padRules = foldRules + [padNothing, padLiteral]
  static let concatenateRules = foldRules + [concatenateEmpty, concatenateOne, concatenateLiterals]

  /// slice c  ->  c
  static let sliceLiteral = Rule("slice-literal") { m, _ in m.x.literal.map { .operand(m.splat($0)) } }

  /// slice of everything  ->  x. A window of the operand's shape starts at 0 with strides of 1, or has one element
  /// at most where the stride is not.
  static let sliceNothing = Rule("slice-nothing") { m, _ in m.types[0] == m.result ? .operand(m.x) : nil }

  /// slice (slice x)  ->  slice x
  static let sliceOfSlice = Rule("slice-slice") { m, s in
    guard case .slice(let outer) = m.op, let definition = s.definition(m.x), case .slice(let inner) = definition.op
    else { return nil }
    var window = inner
    for dim in m.result.shape.indices {
      let (start, stride) = (inner.starts[dim], inner.strides[dim])
      // The end just behind the last element; an empty window ends where it starts. Steps that are not taken may be of
      // any size.
      let count = m.result.shape[dim]
      window.starts[dim] = count == 0 ? start : start + outer.starts[dim] * stride
      window.strides[dim] = count > 1 ? stride * outer.strides[dim] : 1
      window.limits[dim] = count == 0 ? start : window.starts[dim] + (count - 1) * window.strides[dim] + 1
    }
    return .op(.slice(window), definition.operands)
  }

  /// slice (concatenate x, y, z)  ->  slice y, if the window is inside y
  static let sliceOfConcatenate = Rule("slice-concatenate") { m, s in
    guard case .slice(let window) = m.op, let definition = s.definition(m.x),
      case .concatenate(let axis) = definition.op, window.starts[axis] < window.limits[axis]
    else { return nil }
    var offset = 0
    for piece in definition.operands {
      let size = s.type(of: piece).shape[axis]
      if window.starts[axis] >= offset, window.limits[axis] <= offset + size {
        var inside = window
        inside.starts[axis] -= offset
        inside.limits[axis] -= offset
        return .op(.slice(inside), [piece])
      }
      offset += size
    }
    return nil
  }

  /// pad by nothing  ->  x
  static let padNothing = Rule("pad-nothing") { m, _ in
    guard case .pad(let padding) = m.op else { return nil }
    let isNothing = (padding.low + padding.high).allSatisfy { $0 == 0 } && m.types[0] == m.result
    return isNothing ? .operand(m.x) : nil
  }

  /// pad c, c  ->  c
  static let padLiteral = Rule("pad-literal") { m, _ in
    guard let literal = m.x.literal, literal == m.literal else { return nil }
    return .operand(m.splat(literal))
  }

  /// add (pad x, 0 {high=2}), (pad y, 0 {low=3})  ->  concatenate (add x, 0), (add y, 0)
  ///
  /// So the gradients of neighbouring slices come together. What is left of the zeros is padded after it. Floats keep
  /// the addition, because -0.0 + 0.0 is 0.0.
  static let addOfPads = Rule("add-pads") { (m, s) throws(BloxError) in
    guard m.op == .binary(.add), s.isReadOnce(m.x), s.isReadOnce(m.y), let x = s.zeroPadded(m.x),
      let y = s.zeroPadded(m.y), let axis = x.onlyAxis(with: y)
    else { return nil }
    let (first, second) = x.padding.low[axis] <= y.padding.low[axis] ? (x, y) : (y, x)
    guard m.result.shape[axis] - first.padding.high[axis] == second.padding.low[axis] else { return nil }
    var pieces: [Operand] = []
    for padded in [first, second] {
      if let definition = s.definition(padded.operand), definition.op == .concatenate(axis: axis),
        // Of longer ones each further addition would copy the list.
        definition.operands.count < 64, definition.operands.allSatisfy({ s.isNoNegativeZero($0) })
      {
        pieces += definition.operands
      } else {
        let zero = Operand.splat(Literal(0, as: m.dtype), shape: s.type(of: padded.operand).shape)
        pieces.append(try s.simplifiedOne(.binary(.add), [padded.operand, zero]))
      }
    }
    var rest = first.padding
    rest.high[axis] = second.padding.high[axis]
    return .op(
      .pad(rest), [try s.simplifiedOne(.concatenate(axis: axis), pieces), .splat(Literal(0, as: m.dtype), shape: [])])
  }

  /// concatenate x, empty, y  ->  concatenate x, y
  static let concatenateEmpty = Rule("concatenate-empty") { m, _ in
    guard case .concatenate(let axis) = m.op else { return nil }
    let kept = zip(m.operands, m.types).filter { $0.1.shape[axis] > 0 }.map(\.0)
    return kept.count < m.operands.count && !kept.isEmpty ? .op(m.op, kept) : nil
  }

  /// concatenate x  ->  x
  static let concatenateOne = Rule("concatenate-one") { m, _ in m.operands.count == 1 ? .operand(m.x) : nil }

  /// concatenate c, c  ->  c
  static let concatenateLiterals = Rule("concatenate-literals") { m, _ in
    guard let literal = m.x.literal, m.operands.allSatisfy({ $0.literal == literal }) else { return nil }
    return .operand(m.splat(literal))
  }
}

/// An operand with zeros around it.
private struct ZeroPadded {
  let operand: Operand
  let padding: Op.Padding

  /// The only dimension in which this or another has zeros; `nil` where there are several.
  func onlyAxis(with other: ZeroPadded) -> Int? {
    let padded = padding.low.indices.filter { dim in
      [padding, other.padding].contains { $0.low[dim] != 0 || $0.high[dim] != 0 }
    }
    return padded.count == 1 ? padded[0] : nil
  }
}

extension Simplifier {
  /// What an operand has zeros around, none of them negative or between its elements.
  fileprivate func zeroPadded(_ operand: Operand) -> ZeroPadded? {
    guard let definition = definition(operand), case .pad(let padding) = definition.op,
      let literal = definition.operands[1].literal, literal.isZero, !literal.isNegativeZero,
      (padding.low + padding.high).allSatisfy({ $0 >= 0 }), padding.interior.allSatisfy({ $0 == 0 })
    else { return nil }
    return ZeroPadded(operand: definition.operands[0], padding: padding)
  }
}
