// Makes a failing case small: greedy, one change at a time, as long as the case still fails.
//
// Three changes suffice. A result is dropped. An instruction is cut out: parameters with the values that it had stand
// for its results, and with them goes everything that only it needed. Or the results become those of an earlier
// instruction, and everything behind it goes.

import BloxIR
import BloxPasses
import BloxRuntime

extension FuzzCase {
  /// A smaller case that fails, too.
  ///
  /// - Parameters:
  ///   - attempts: How many candidates are tried at most.
  ///   - fails: Whether a candidate fails; as ``failure()`` finds when not given.
  package func reduced(attempts: Int = 2000, fails: ((FuzzCase) -> Bool)? = nil) -> FuzzCase {
    let fails = fails ?? { $0.failure() != nil }
    var best = self
    var left = attempts
    func accept(_ candidate: FuzzCase?) -> Bool {
      guard left > 0, let candidate, candidate.weight < best.weight else { return false }
      left -= 1
      guard fails(candidate) else { return false }
      best = candidate
      return true
    }
    _ = accept(best.rebuilt { try? $0.inliningCalls() })
    var isSmaller = true
    while isSmaller, left > 0 {
      isSmaller = false
      // Everything behind the first instruction that is enough to fail.
      for index in best.program.instructions.indices where accept(best.endingAt(index)) {
        isSmaller = true
        break
      }
      var result = best.program.results.count - 1
      while result >= 0, best.program.results.count > 1 {
        if result < best.program.results.count, accept(best.droppingResult(result)) { isSmaller = true }
        result -= 1
      }
      var index = best.program.instructions.count - 1
      while index >= 0 {
        if index < best.program.instructions.count, accept(best.cutting(index)) { isSmaller = true }
        index -= 1
      }
    }
    return best
  }

  /// What reduction makes smaller.
  private var weight: Int {
    4 * program.instructions.count + program.results.count + program.parameters.count
  }

  private func droppingResult(_ index: Int) -> FuzzCase? {
    rebuilt { program in
      var program = program
      program.results.remove(at: index)
      return program
    }
  }

  private func endingAt(_ index: Int) -> FuzzCase? {
    rebuilt { program in
      var program = program
      program.results = program.instructions[index].results.map { ProgramResult(.value($0)) }
      return program
    }
  }

  /// The case without dead code and unread parameters, after a change of its results or calls.
  private func rebuilt(_ change: (Program) -> Program?) -> FuzzCase? {
    guard let changed = change(program), let live = try? changed.eliminatingDeadCode() else { return nil }
    return FuzzCase(name: name, program: live, arguments: arguments, isSmall: isSmall).droppingUnreadParameters()
  }

  /// The case with parameters in place of an instruction's results.
  private func cutting(_ index: Int) -> FuzzCase? {
    let instruction = program.instructions[index]
    guard let values = try? valuesOfResults(of: index) else { return nil }
    var builder = ProgramBuilder(name: program.name)
    var map: [Operand] = program.parameters.map { .value(builder.parameter($0)) }
    let added = instruction.results.map { Operand.value(builder.parameter(program.type(of: $0))) }
    for (position, other) in program.instructions.enumerated() {
      if position == index {
        map += added
      } else {
        guard let results = try? builder.emit(other.op, other.operands.map { $0.mapped(map) }) else { return nil }
        map += results.map { .value($0) }
      }
    }
    let results = program.results.map { ProgramResult($0.operand.mapped(map), label: $0.label) }
    return FuzzCase(
      name: name, program: builder.finish(results: results), arguments: arguments + values, isSmall: isSmall
    ).rebuilt { $0 }
  }

  /// The values of an instruction's results: from the reference, or compiled where that is too slow.
  private func valuesOfResults(of index: Int) throws -> [DenseConstant] {
    var prefix = program
    prefix.results = program.instructions[index].results.map { ProgramResult(.value($0)) }
    for parameter in prefix.parameters.indices { prefix.parameters[parameter].isDonated = false }
    prefix = try prefix.eliminatingDeadCode()
    return isSmall
      ? try ReferenceInterpreter.run(prefix, arguments) : try Compiler.compile(prefix).run(arguments)
  }

  private func droppingUnreadParameters() -> FuzzCase? {
    var isRead = program.parameters.map { _ in false }
    func read(_ operand: Operand) {
      if let value = operand.value, value.index < isRead.count { isRead[value.index] = true }
    }
    for instruction in program.instructions { instruction.operands.forEach(read) }
    for result in program.results { read(result.operand) }
    var builder = ProgramBuilder(name: program.name)
    var map: [Operand] = []
    for (index, parameter) in program.parameters.enumerated() {
      // Nothing reads the operand that stands for a dropped parameter.
      map.append(
        isRead[index] ? .value(builder.parameter(parameter)) : .splat(Literal(0, as: .bool), shape: []))
    }
    for instruction in program.instructions {
      builder.note = instruction.note
      guard let results = try? builder.emit(instruction.op, instruction.operands.map({ $0.mapped(map) })) else {
        return nil
      }
      map += results.map { .value($0) }
    }
    let results = program.results.map { ProgramResult($0.operand.mapped(map), label: $0.label) }
    return FuzzCase(
      name: name, program: builder.finish(results: results),
      arguments: zip(arguments, isRead).filter(\.1).map(\.0), isSmall: isSmall)
  }
}

extension Operand {
  /// The operand with values replaced by index.
  fileprivate func mapped(_ map: [Operand]) -> Operand {
    switch self {
    case .value(let value): map[value.index]
    case .splat: self
    }
  }
}
