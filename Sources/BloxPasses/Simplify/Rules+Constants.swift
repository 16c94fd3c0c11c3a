// Rules about constants: literals where all elements are equal, and evaluation of small constant instructions.

import BloxIR

extension Rule {
  static let constantRules = [splatConstant]
  /// Every list of rules of a pure op starts with these.
  static let foldRules = [foldSplats, foldConstants]

  /// constant [c, c, c]  ->  c. Keys stay: they have no literal form in text.
  static let splatConstant = Rule("splat-constant") { m, _ in
    guard case .constant(let constant) = m.op, m.dtype != .key, let literal = constant.splat else { return nil }
    return .operand(m.splat(literal))
  }

  /// op c, d  ->  e, for elementwise ops on literals, of any size: one element is evaluated.
  static let foldSplats = Rule("fold-splats") { (m, s) throws(BloxError) in
    guard let fold = s.context.fold, m.op.isElementwise, m.dtype != .key else { return nil }
    var scalars: [DenseConstant] = []
    for operand in m.operands {
      guard let literal = operand.literal else { return nil }
      scalars.append(DenseConstant(literal, shape: []))
    }
    return .operand(m.splat(try fold(m.op, scalars)[0][0]))
  }

  /// The largest constant that folding makes. Larger ones only where the operands are no smaller.
  private static let elementLimit = 64
  /// The most elements that folding reads: the reference interpreter is slow.
  private static let operandLimit = 4096

  /// op C, D  ->  E, for constants with few elements. A broadcast of a constant stays: it costs nothing in a region.
  static let foldConstants = Rule("fold-constants") { (m, s) throws(BloxError) in
    guard let fold = s.context.fold, !m.operands.isEmpty, m.operands.allSatisfy({ s.isConstant($0) }) else {
      return nil
    }
    let elements = m.types.reduce(0) { $0 + $1.elementCount }
    var limit = max(elementLimit, elements)
    if case .broadcastInDim = m.op { limit = elements }
    guard elements <= operandLimit, m.result.elementCount <= limit else { return nil }
    let constants = m.operands.compactMap { s.constant($0) }
    return .op(.constant(try fold(m.op, constants)[0]), [])
  }
}
