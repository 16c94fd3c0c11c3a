// Walks a program and builds another one: what every pass has in common.
//
// Invariant: when an old instruction is visited, everything it reads has been bound to an operand of the new program.
// An old value may be bound to a new value, or to a literal, which then stands wherever the value was read.

import BloxIR

/// Builds a new program from an old one, value by value.
package struct Rewriter {
  /// The program being rewritten.
  package let source: Program
  /// The program being built.
  package var builder: ProgramBuilder
  private var bindings: [Operand?]

  /// Starts a program with the name of `source` and, unless given, its parameters.
  package init(_ source: Program, axes: [String: Int], parameters: [Parameter]? = nil) {
    self.source = source
    builder = ProgramBuilder(name: source.name, axes: axes)
    bindings = Array(repeating: nil, count: source.types.count)
    let added = (parameters ?? source.parameters).map { builder.parameter($0) }
    if parameters == nil {
      for (index, value) in added.enumerated() { bindings[index] = .value(value) }
    }
  }

  /// What stands for an operand of the old program.
  package func operand(_ old: Operand) -> Operand {
    guard case .value(let value) = old else { return old }
    guard let new = bindings[value.index] else {
      preconditionFailure("rewriting @\(source.name): \(value) is read before anything is bound to it")
    }
    return new
  }

  /// What stands for the operands of an old instruction.
  package func operands(of instruction: Instruction) -> [Operand] { instruction.operands.map { operand($0) } }

  /// Lets an operand of the new program stand for an old value.
  package mutating func bind(_ old: Value, to new: Operand) { bindings[old.index] = new }

  /// Lets operands of the new program stand for the results of an old instruction.
  package mutating func bind(_ instruction: Instruction, to new: some Sequence<Operand>) {
    for (old, operand) in zip(instruction.results, new) { bindings[old.index] = operand }
  }

  /// Copies an instruction with what stands for its operands.
  package mutating func copy(_ instruction: Instruction) throws(BloxError) {
    let values = try builder.copy(instruction, operands: operands(of: instruction))
    for (old, new) in zip(instruction.results, values) { bindings[old.index] = .value(new) }
  }

  /// The new program, with the results of the old one.
  package func finish() -> Program {
    builder.finish(results: source.results.map { ProgramResult(operand($0.operand), label: $0.label) })
  }
}

extension Program {
  /// How often each value is read, by instructions and as a result.
  package func useCounts() -> [Int] {
    var counts = Array(repeating: 0, count: types.count)
    for instruction in instructions {
      for case .value(let value) in instruction.operands { counts[value.index] += 1 }
    }
    for case .value(let value) in results.map(\.operand) { counts[value.index] += 1 }
    return counts
  }
}
