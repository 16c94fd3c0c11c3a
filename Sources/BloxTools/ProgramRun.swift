// Runs a program on either engine, and looks at what happens inside.

import BloxIR
import BloxPasses
import BloxRuntime
import ProgramFuzzing

/// What runs programs.
package enum Engine: String, CaseIterable, Sendable {
  /// Optimised and compiled.
  case compiled
  /// The reference interpreter.
  case interp
  /// Both, compared.
  case both

  /// The engine of a name.
  package init(named name: String) throws(BloxError) {
    guard let engine = Engine(rawValue: name) else {
      throw BloxError(.usage, "there is no engine named '\(name)'; engines: compiled, interp, both")
    }
    self = engine
  }
}

/// A comparison came out false. The message says what differs.
package struct CheckFailure: Error, CustomStringConvertible {
  package let description: String
}

/// A value that is not finite turned up. The message says where.
package struct NonFiniteValue: Error, CustomStringConvertible {
  package let description: String
}

/// A program with arguments.
package struct ProgramRun: Sendable {
  /// The program. A plan that it may have is made anew.
  package let program: Program
  let arguments: [DenseConstant]

  /// Prepares a run.
  package init(_ program: Program, _ arguments: [DenseConstant]) {
    self.program = program.withoutPlan
    self.arguments = arguments
  }

  /// The results; for both engines the compiled ones.
  package func results(_ engine: Engine = .compiled) throws -> [DenseConstant] {
    switch engine {
    case .compiled, .both: try Compiler.compile(program).run(arguments)
    case .interp: try interpreted(program)
    }
  }

  /// The reference keeps all values at once and cannot answer a lack of memory with an error.
  private static let referenceByteLimit = 1 << 33

  private func interpreted(_ program: Program) throws -> [DenseConstant] {
    var bytes = 0
    for instruction in program.instructions {
      for result in instruction.results {
        bytes += min(program.type(of: result).byteCount, ProgramRun.referenceByteLimit)
      }
    }
    guard bytes <= ProgramRun.referenceByteLimit else {
      throw BloxError(
        .runtime,
        "@\(program.name) makes values of more than 8 GiB, too much for the reference interpreter; use"
          + " smaller sizes or --engine compiled")
    }
    return try ReferenceInterpreter.run(program, arguments)
  }

  // MARK: Comparison of engines

  /// Compares both engines' results.
  ///
  /// - Parameter tolerance: What is accepted; a bound that suits the dtype when `nil`.
  /// - Returns: The compiled results.
  /// - Throws: ``CheckFailure`` with the first difference.
  package func comparedResults(_ tolerance: Tolerance?) throws -> [DenseConstant] {
    let compiled = try results(.compiled)
    let reference = try results(.interp)
    for (index, (got, want)) in zip(compiled, reference).enumerated() {
      if let difference = Difference(got, want, tolerance ?? .loose(want.type.dtype)) {
        let name = program.results[index].label?.text ?? "result \(index)"
        throw CheckFailure(
          description: "mismatch in \(name): \(want.type)\n  \(difference.text("compiled", "interp"))")
      }
    }
    return compiled
  }

  /// Compares each instruction of the program, simplified but not fused, with the reference on the operands it had.
  ///
  /// So functions that are a few units off do not spoil the comparison of what is computed from them.
  ///
  /// - Parameter tolerance: What is accepted; the accuracy that each op promises when `nil`.
  /// - Throws: ``CheckFailure`` with the first instruction that differs.
  package func compareEachOp(_ tolerance: Tolerance?) throws {
    let optimised = try PassPipeline([.inline, .simplify]).run(program, context: Compiler.context).expandingFusions()
    let values = arguments + (try Executable(planned: planBuffers(optimised.open)).run(arguments))
    for instruction in optimised.instructions {
      let operands = instruction.operands.map { $0.constant(values) }
      let wanted = try ReferenceInterpreter.evaluate(instruction.op, operands: operands)
      let results = instruction.results.map { values[$0.index] }
      for (got, want) in zip(results, wanted) {
        let text: String?
        if case .linearAlgebra(let op) = instruction.op {
          // Factors are compared by what they multiply to.
          text = op.failure(operands, results, wanted)
        } else if let tolerance {
          text = Difference(got, want, tolerance)?.text("compiled", "interp")
        } else if try disagreement(got: got, want: want, instruction.op.agreement(operands)) != nil {
          text = (Difference(got, want, .exact))?.text("compiled", "interp") ?? "signs of zeros or NaNs differ"
        } else {
          text = nil
        }
        if let text {
          throw CheckFailure(
            description: "mismatch at \(instruction.summary(in: optimised))\(instruction.note.suffix)\n  \(text)")
        }
      }
    }
  }

  // MARK: Values that are not finite

  /// Looks for the first instruction that makes a NaN from operands without NaN, or an infinity from finite operands.
  ///
  /// Infinities that a program is given, such as the `-inf` of a mask or of an empty maximum, are no finding.
  ///
  /// - Throws: ``NonFiniteValue`` with the instruction and its operands.
  package func checkFinite(_ engine: Engine) throws {
    for (index, argument) in arguments.enumerated() {
      if let element = argument.firstElement(where: \.isNaN) {
        let name = program.parameters[index].label?.text ?? "input \(index)"
        throw NonFiniteValue(
          description: "non-finite: the input \(name): \(argument.type) holds nan at element \(element)")
      }
    }
    let plain = try program.inliningCalls().expandingFusions()
    let open = plain.open
    let values =
      arguments
      + (engine == .interp
        ? try interpreted(open) : try Executable(planned: planBuffers(open)).run(arguments))
    for instruction in plain.instructions {
      let operands = instruction.operands.map { $0.constant(values) }
      for result in instruction.results {
        let value = values[result.index]
        guard let element = value.firstNew(beyond: operands) else { continue }
        throw NonFiniteValue(
          description: report(instruction, plain, result: result, value: value, element: element, operands))
      }
    }
  }

  private func report(
    _ instruction: Instruction, _ program: Program, result: Value, value: DenseConstant, element: Int,
    _ operands: [DenseConstant]
  ) -> String {
    var lines = ["non-finite: \(instruction.summary(in: program))"]
    lines[0] += "   element \(value.position(element)) = \(value[element])"
    if instruction.op.isElementwise {
      let inputs = operands.map { $0.type.elementCount == value.type.elementCount ? "\($0[element])" : "\($0.type)" }
      lines[0] += "   from \(inputs.joined(separator: ", "))"
    }
    if !instruction.note.suffix.isEmpty { lines.append("  in\(instruction.note.suffix)") }
    for (operand, constant) in zip(instruction.operands, operands) {
      guard let name = operand.value, let range = constant.finiteRange else { continue }
      lines.append("  \(name): \(constant.type)   min \(range.min)   max \(range.max)")
    }
    return lines.joined(separator: "\n")
  }
}

extension SourceNote {
  /// `   (net/hidden, Model.swift:31)`; empty where nothing is known.
  fileprivate var suffix: String {
    let words = (scope.isEmpty ? [] : [scope]) + (location.map { [$0.description] } ?? [])
    return words.isEmpty ? "" : " (\(words.joined(separator: ", ")))"
  }
}

extension Operand {
  fileprivate func constant(_ values: [DenseConstant]) -> DenseConstant {
    switch self {
    case .value(let value): values[value.index]
    case .splat(let literal, let shape): DenseConstant(literal, shape: shape)
    }
  }
}

extension Program {
  /// The program without places for its values.
  package var withoutPlan: Program {
    var copy = self
    copy.memory = nil
    for index in copy.instructions.indices {
      let op = copy.instructions[index].op
      if op.isControl { copy.instructions[index].op = op.with(regions: op.regions.map(\.program.withoutPlan)) }
      copy.instructions[index].buffers = []
    }
    return copy
  }

  /// The program with every instruction's results as its results, so that their values can be looked at.
  fileprivate var open: Program {
    var copy = self
    copy.results = instructions.flatMap(\.results).map { ProgramResult(.value($0)) }
    for index in copy.parameters.indices { copy.parameters[index].isDonated = false }
    return copy
  }

  /// The program with the instructions of fused regions in place of the regions.
  fileprivate func expandingFusions() throws -> Program {
    var builder = ProgramBuilder(name: name)
    var map: [Operand] = parameters.map { .value(builder.parameter($0)) }
    for instruction in instructions {
      let operands = instruction.operands.map { $0.value.map { map[$0.index] } ?? $0 }
      if let region = instruction.op.region {
        map += try builder.splice(region, arguments: operands)
      } else {
        builder.note = instruction.note
        map += try builder.emit(instruction.op, operands).map { .value($0) }
      }
    }
    return builder.finish(
      results: results.map { result in
        ProgramResult(result.operand.value.map { map[$0.index] } ?? result.operand, label: result.label)
      })
  }
}

extension DenseConstant {
  fileprivate func firstElement(where isFound: (Double) -> Bool) -> Int? {
    guard type.dtype.isFloating else { return nil }
    return (0..<type.elementCount).first { isFound(self[$0].doubleValue) }
  }

  /// The first NaN where no operand has one, or infinity where no operand has one or a NaN.
  fileprivate func firstNew(beyond operands: [DenseConstant]) -> Int? {
    guard let candidate = firstElement(where: { !$0.isFinite }) else { return nil }
    if operands.contains(where: { $0.firstElement(where: \.isNaN) != nil }) { return nil }
    if operands.contains(where: { $0.firstElement(where: \.isInfinite) != nil }) { return firstElement(where: \.isNaN) }
    // A constant is as the program was given it.
    return operands.isEmpty ? nil : candidate
  }

  /// The least and greatest finite numbers; `nil` without any.
  fileprivate var finiteRange: (min: Literal, max: Literal)? {
    var range: (min: Literal, max: Literal)?
    guard type.dtype.isNumeric else { return nil }
    for index in 0..<type.elementCount {
      let element = self[index]
      guard element.doubleValue.isFinite else { continue }
      guard let known = range else {
        range = (element, element)
        continue
      }
      if element.doubleValue < known.min.doubleValue { range?.min = element }
      if element.doubleValue > known.max.doubleValue { range?.max = element }
    }
    return range
  }

  fileprivate func position(_ index: Int) -> String {
    var rest = index
    var position: [Int] = []
    for size in type.shape.reversed() {
      position.insert(rest % size, at: 0)
      rest /= size
    }
    return "[\(position.map(String.init).joined(separator: ","))]"
  }
}
