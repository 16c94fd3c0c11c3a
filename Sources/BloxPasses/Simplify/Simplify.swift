// Simplification: exact algebraic rules, constant folding, cse and dce.
//
// One sweep visits the instructions once, in order. Operands are simplified before they are read, so a rule sees the
// simplest form of what it matches, and what a rule makes is simplified again on the spot. Only rules that look at
// how often a value is read can profit from another sweep. A sweep costs time linear in the program's size, and their
// number is bounded.
//
// Exactness: every bit of the results is kept, with three exceptions, which XLA makes too:
// - A subnormal counts as zero in arithmetic. Where arithmetic goes (`x * 1`), a subnormal passes as it is.
// - The sign and payload of a NaN are not kept.
// - In `(x * 2^a) * 2^b` the product of the literals is taken first, so that an intermediate overflow or underflow
//   no longer happens.

import BloxIR

extension Program {
  /// The simplest program that the rules reach.
  package func simplified(_ context: PassContext = PassContext()) throws(BloxError) -> Program {
    let sweepLimit = 4
    var program = try mappingRegions(axes: context.axes) { (region) throws(BloxError) in
      try region.simplified(context)
    }
    for sweep in 0..<sweepLimit {
      // In the first sweep equal instructions may still be merged, so use counts say nothing yet.
      var simplifier = Simplifier(program, context: context, countsUses: sweep > 0)
      var next = try simplifier.run().eliminatingDeadCode(axes: context.axes)
      if next.hasControl { next = try next.simplifyingControl(context) }
      if sweep > 0 && next == program { break }
      program = next
    }
    return program
  }
}

/// An instruction to be simplified. It has one result.
struct Match {
  let op: Op
  let operands: [Operand]
  let types: [TensorType]
  let result: TensorType

  /// The first operand.
  var x: Operand { operands[0] }
  /// The second operand.
  var y: Operand { operands[1] }
  /// The literal in the second operand, if it is one.
  var literal: Literal? { operands[1].literal }
  /// The element type of the result.
  var dtype: DType { result.dtype }

  /// A number in every element of the result.
  func splat(_ value: Int) -> Operand { splat(Literal(value, as: dtype)) }
  /// A literal in every element of the result.
  func splat(_ literal: Literal) -> Operand { .splat(literal, shape: result.shape) }
}

/// What a rule makes of a match.
enum Rewrite {
  /// Something that exists already, or a literal.
  case operand(Operand)
  /// Another instruction, to be simplified in turn.
  case op(Op, [Operand])
}

/// One rule. It may add instructions, but then it must succeed.
struct Rule: Sendable {
  /// The name by which tests refer to it, in kebab case.
  let name: String
  /// The rewritten match, or `nil` where the rule does not apply.
  let apply: @Sendable (Match, inout Simplifier) throws(BloxError) -> Rewrite?

  init(
    _ name: String, _ apply: @escaping @Sendable (Match, inout Simplifier) throws(BloxError) -> Rewrite?
  ) {
    self.name = name
    self.apply = apply
  }
}

extension Op {
  /// The rules for an op, in the order in which they are tried.
  var rules: [Rule] {
    switch self {
    case .constant: Rule.constantRules
    case .unary, .stopGradient: Rule.unaryRules
    case .binary: Rule.binaryRules
    case .compare: Rule.compareRules
    case .select: Rule.selectRules
    case .clamp, .fma, .bitcastConvert: Rule.foldRules
    case .convert: Rule.convertRules
    case .integerPow: Rule.integerPowRules
    case .broadcastInDim: Rule.broadcastRules
    case .reshape: Rule.reshapeRules
    case .transpose: Rule.transposeRules
    case .slice: Rule.sliceRules
    case .pad: Rule.padRules
    case .concatenate: Rule.concatenateRules
    case .iota: Rule.iotaRules
    case .reduce, .argReduce: Rule.reduceRules
    case .dotGeneral: Rule.dotRules
    case .random: Rule.randomRules
    case .call, .axisIndex, .fusion: []
    case .custom, .collective: []
    case .indexing: Rule.foldRules
    case .window: Rule.windowRules
    case .cumulative: Rule.cumulativeRules
    case .control: []
    case .checkpointName: Rule.unaryRules
    case .linearAlgebra, .optimizationBarrier: []
    case .convolution: []
    case .ordering: Rule.orderingRules
    case .debugPrint: []
    }
  }
}

extension Rule {
  /// Every rule, in groups by op.
  static let all: [Rule] =
    constantRules + unaryRules + binaryRules + compareRules + selectRules + convertRules + integerPowRules
    + broadcastRules + reshapeRules + transposeRules + sliceRules + padRules + concatenateRules + iotaRules
    + reduceRules + dotRules + randomRules + [cumulativeSingle] + orderingRules + windowRules
}
