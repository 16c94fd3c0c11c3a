// One program through every pass and both engines.
//
// What must hold:
// 1. The reference gives a program's results, bit for bit, before and after every pass.
// 2. Each compiled instruction agrees with the reference on the operands that the compiled program had. So functions
//    that are a few units off do not spoil the comparison of what is computed from them.
// 3. Compiled results have the same bits with all passes, with any one of them, and with any number of threads.

import BloxIR
import BloxPasses
import TestSupport

@testable import BloxRuntime

/// The ways in which a program is compiled, each as the passes before buffer planning.
let passSets: [(name: String, passes: [Pass])] =
  [
    ("inline alone", [.inline]), ("standard", PassPipeline.standard.passes),
    ("calls simplified before they are inlined", [.commonSubexpressions, .simplify, .deadCode, .inline]),
  ] + Pass.all.filter { $0.name != Pass.inline.name }.map { ("inline and \($0.name)", [.inline, $0]) }

/// Folds constants with the compiled kernels, so that folding changes no bit of compiled results.
private let kernelFolding = PassContext(fold: { (op, operands) throws(BloxError) in
  var builder = ProgramBuilder(name: "fold")
  let parameters = operands.map { Operand.value(builder.parameter($0.type)) }
  let results = try builder.emit(op, parameters).map { ProgramResult(.value($0)) }
  let executable = try Executable(planned: planBuffers(builder.finish(results: results).inliningCalls()))
  do { return try executable.run(operands) } catch { throw BloxError(.runtime, "\(error)") }
})

/// Runs all comparisons for a program and says what went wrong first; `nil` when nothing did.
func failure(of program: Program, _ arguments: [DenseConstant], threads: [Int] = [1, 2, 8]) throws -> String? {
  let wanted = try ReferenceInterpreter.run(program, arguments)
  for (name, passes) in passSets {
    let optimised = try PassPipeline(passes, verifies: true).run(program, context: Compiler.context)
    let got = try ReferenceInterpreter.run(optimised, arguments)
    if let text = firstDifference(got, wanted) { return "\(name) changes what the reference computes: \(text)" }
  }
  let base = try PassPipeline([.inline], verifies: true).run(program)
  if let text = try instructionFailure(of: base, arguments) { return text }

  let executable = try Executable(planned: planBuffers(base))
  let compiled = try executable.run(arguments)
  for (name, passes) in passSets.dropFirst() {
    let optimised = try PassPipeline(passes, verifies: true).run(program, context: kernelFolding)
    let other = try Executable(planned: planBuffers(optimised))
    for count in threads {
      ThreadPool.setThreadCount(count)
      if let text = firstDifference(try other.run(arguments), compiled) {
        return "\(name), \(count) threads: other bits than without passes: \(text)\n\(optimised.text())"
      }
    }
  }
  return nil
}

/// Compares each instruction's compiled result with the reference's for the same operands.
private func instructionFailure(of program: Program, _ arguments: [DenseConstant]) throws -> String? {
  var open = program
  open.results = program.instructions.flatMap(\.results).map { ProgramResult(.value($0)) }
  for index in open.parameters.indices { open.parameters[index].isDonated = false }
  let values = arguments + (try Executable(planned: planBuffers(open)).run(arguments))
  for instruction in program.instructions {
    let operands = instruction.operands.map { operand in
      switch operand {
      case .value(let value): values[value.index]
      case .splat(let literal, let shape): DenseConstant(literal, shape: shape)
      }
    }
    let wanted = try ReferenceInterpreter.evaluate(instruction.op, operands: operands)
    for (value, want) in zip(instruction.results, wanted) {
      if let text = disagreement(got: values[value.index], want: want, try instruction.op.agreement(operands)) {
        return "\(instruction.summary(in: program)): \(text)"
      }
    }
  }
  return nil
}

private func firstDifference(_ got: [DenseConstant], _ want: [DenseConstant]) -> String? {
  for (index, (got, want)) in zip(got, want).enumerated() {
    if let text = disagreement(got: got, want: want, .bits) { return "result \(index) \(text)" }
  }
  return nil
}
