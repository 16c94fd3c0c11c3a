// Common subexpressions: equal ops on equal operands are computed once.
//
// Every op is a pure function of its operands, random ops too (their key is an operand), so two instructions with the
// same op and operands have the same results. Operands of commutative ops compare in either order.

import BloxIR

/// What an instruction computes, apart from where.
struct Computation: Hashable {
  let op: Op
  let operands: [Operand]

  init(_ op: Op, _ operands: [Operand]) {
    self.op = op
    self.operands = op.isCommutative ? operands.inCanonicalOrder : operands
  }
}

extension Program {
  /// The program with equal instructions merged into the first of them.
  package func mergingCommonSubexpressions(axes: [String: Int] = [:]) throws(BloxError) -> Program {
    let program = try mappingRegions(axes: axes) { (region) throws(BloxError) in
      try region.mergingCommonSubexpressions(axes: axes)
    }
    return try program.mergingOwnSubexpressions(axes: axes)
  }

  private func mergingOwnSubexpressions(axes: [String: Int]) throws(BloxError) -> Program {
    var rewriter = Rewriter(self, axes: axes)
    var known: [Computation: Instruction] = [:]
    known.reserveCapacity(instructions.count)
    for instruction in instructions {
      let computation = Computation(instruction.op, rewriter.operands(of: instruction))
      // Two barriers are two places, what is behind them must stay apart; and effects are all wanted.
      if instruction.op == .optimizationBarrier || instruction.op.hasEffect {
        try rewriter.copy(instruction)
      } else if let first = known[computation] {
        rewriter.bind(instruction, to: first.results.map { rewriter.operand(.value($0)) })
      } else {
        known[computation] = instruction
        try rewriter.copy(instruction)
      }
    }
    return rewriter.finish()
  }
}

extension Op {
  /// Whether two operands may be exchanged without changing a bit of the result.
  var isCommutative: Bool {
    switch self {
    case .binary(let op): op.isCommutative
    case .compare(let direction): direction == .eq || direction == .ne
    case .constant, .unary, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow, .broadcastInDim, .reshape,
      .transpose, .slice, .pad, .concatenate, .iota, .reduce, .argReduce, .dotGeneral, .random, .call, .axisIndex,
      .stopGradient, .fusion:
      false
    case .custom, .collective, .indexing: false
    case .cumulative: false
    case .control, .checkpointName: false
    case .linearAlgebra, .optimizationBarrier: false
    case .convolution: false
    case .window: false
    case .ordering: false
    case .debugPrint: false
    }
  }
}

extension [Operand] {
  /// Values in order of definition, then literals.
  fileprivate var inCanonicalOrder: [Operand] {
    guard count == 2 else { return self }
    switch (self[0], self[1]) {
    case (.value(let a), .value(let b)): return a < b ? self : [self[1], self[0]]
    case (.splat, .value): return [self[1], self[0]]
    case (.value, .splat): return self
    case (.splat(let a, _), .splat(let b, _)): return a.bits <= b.bits ? self : [self[1], self[0]]
    }
  }
}
