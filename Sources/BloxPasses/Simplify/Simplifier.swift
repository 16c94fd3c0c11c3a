// The state of one sweep: the program as it grows, what is known to be computed, and who defined what.

import BloxIR

/// One sweep of simplification.
struct Simplifier {
  let context: PassContext
  private let program: Program
  private var rewriter: Rewriter
  private var known: [Computation: [Value]] = [:]
  /// The instruction that defines each value of the new program, by position; -1 for parameters.
  private var definitions: [Int]
  /// How often values of the old and of the new program are read. Empty in a sweep that does not count.
  private let oldUses: [Int]
  private var newUses: [Int: Int] = [:]

  init(_ program: Program, context: PassContext, countsUses: Bool) {
    self.program = program
    self.context = context
    rewriter = Rewriter(program, axes: context.axes)
    definitions = program.parameters.map { _ in -1 }
    oldUses = countsUses ? program.useCounts() : []
    known.reserveCapacity(program.instructions.count)
  }

  mutating func run() throws(BloxError) -> Program {
    for instruction in program.instructions {
      rewriter.builder.note = instruction.note
      let results = try simplified(instruction.op, rewriter.operands(of: instruction))
      rewriter.bind(instruction, to: results)
      guard !oldUses.isEmpty else { continue }
      for (old, new) in zip(instruction.results, results) {
        if case .value(let value) = new { newUses[value.index, default: 0] += oldUses[old.index] }
      }
    }
    return rewriter.finish()
  }

  /// The simplest form of an op on operands of the new program. Rules that undo each other would be a bug; the bound
  /// keeps it from becoming an endless loop.
  mutating func simplified(_ op: Op, _ operands: [Operand]) throws(BloxError) -> [Operand] {
    let rewriteLimit = 32
    var (op, operands) = (op, operands)
    for _ in 0..<rewriteLimit {
      let types = operands.map { rewriter.builder.type(of: $0) }
      let results = try op.resultTypes(for: types, axes: context.axes)
      guard results.count == 1 else { break }
      let match = Match(op: op, operands: operands, types: types, result: results[0])
      switch try rewrite(match) {
      case .operand(let operand): return [operand]
      case .op(let newOp, let newOperands): (op, operands) = (newOp, newOperands)
      case nil: return try emit(op, operands)
      }
    }
    return try emit(op, operands)
  }

  /// The simplest form of an op with one result.
  mutating func simplifiedOne(_ op: Op, _ operands: [Operand]) throws(BloxError) -> Operand {
    try simplified(op, operands)[0]
  }

  private mutating func rewrite(_ match: Match) throws(BloxError) -> Rewrite? {
    for rule in match.op.rules {
      if let rewrite = try rule.apply(match, &self) { return rewrite }
    }
    return nil
  }

  /// Adds an instruction, or finds an equal one.
  private mutating func emit(_ op: Op, _ operands: [Operand]) throws(BloxError) -> [Operand] {
    var operands = operands
    for (index, operand) in operands.enumerated() {
      // The builder would add a constant of its own for every literal where none may stand.
      if case .splat(let literal, let shape) = operand, !op.takesSplat(at: index, of: operands) {
        operands[index] = try emit(.constant(DenseConstant(literal, shape: shape)), [])[0]
      }
    }
    let computation = Computation(op, operands)
    if op != .optimizationBarrier, !op.hasEffect, let values = known[computation] { return values.map { .value($0) } }
    let position = rewriter.builder.instructions.count
    let values = try rewriter.builder.emit(op, operands)
    definitions.append(contentsOf: values.map { _ in position })
    known[computation] = values
    return values.map { .value($0) }
  }

  // MARK: What rules ask

  /// The instruction that defines an operand; `nil` for parameters and literals.
  func definition(_ operand: Operand) -> Instruction? {
    guard case .value(let value) = operand, definitions[value.index] >= 0 else { return nil }
    return rewriter.builder.instructions[definitions[value.index]]
  }

  /// The operand `z` of `operand = op z`, for a given op.
  func operand(of op: Op, in operand: Operand) -> Operand? {
    guard let definition = definition(operand), definition.op == op else { return nil }
    return definition.operands[0]
  }

  /// The type of an operand.
  func type(of operand: Operand) -> TensorType { rewriter.builder.type(of: operand) }

  /// Whether an operand is read once in the whole program. False in the first sweep, which does not know.
  func isReadOnce(_ operand: Operand) -> Bool {
    guard case .value(let value) = operand else { return false }
    return newUses[value.index] == 1
  }

  /// The elements of an operand that is a literal or a constant.
  func constant(_ operand: Operand) -> DenseConstant? {
    if case .splat(let literal, let shape) = operand { return DenseConstant(literal, shape: shape) }
    guard case .constant(let constant)? = definition(operand)?.op else { return nil }
    return constant
  }

  /// Whether adding 0 changes no bit of an operand: it is whole numbers, or 0 was added before, or to all its pieces.
  func isNoNegativeZero(_ operand: Operand) -> Bool {
    if !type(of: operand).dtype.isFloating { return true }
    guard let definition = definition(operand) else { return false }
    if case .concatenate = definition.op { return definition.operands.allSatisfy { isSumWithZero($0) } }
    return isSumWithZero(operand)
  }

  private func isSumWithZero(_ operand: Operand) -> Bool {
    guard let definition = definition(operand), definition.op == .binary(.add) else { return false }
    return definition.operands[1].literal.map { $0.isZero && !$0.isNegativeZero } ?? false
  }

  /// Whether an operand is a literal or a constant.
  func isConstant(_ operand: Operand) -> Bool {
    if operand.literal != nil { return true }
    if case .constant? = definition(operand)?.op { return true }
    return false
  }
}
