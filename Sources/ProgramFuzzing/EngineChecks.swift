// One program through every pass and both engines.
//
// What must hold:
// 1. The reference gives a program's results, bit for bit, before and after every pass; but for products of floats that
//    a pass that takes sums in another order has changed.
// 2. Each compiled instruction agrees with the reference on the operands that the compiled program had. So functions
//    that are a few units off do not spoil the comparison of what is computed from them.
// 3. Compiled results have the same bits with all passes, with any one of them, and with any number of threads; but
//    for products of floats, which simplification may give other layouts. These are compared as in 2 after it.

import BloxIR
import BloxPasses
import BloxRuntime

/// The passes before fusion, in the sets in which programs go through them.
private let passSets: [(name: String, passes: [Pass])] =
  [
    ("inline", [.inline]), ("standard without fusion", PassPipeline.standard.passes.filter { $0.name != "fuse" }),
    ("calls simplified before they are inlined", [.commonSubexpressions, .simplify, .deadCode, .inline]),
  ] + [Pass.deadCode, .commonSubexpressions, .simplify].map { ("inline and \($0.name)", [.inline, $0]) }

/// Folds constants with the compiled kernels, so that folding changes no bit of compiled results.
private let kernelFolding = PassContext(fold: { (op, operands) throws(BloxError) in
  var builder = ProgramBuilder(name: "fold")
  let parameters = operands.map { Operand.value(builder.parameter($0.type)) }
  let results = try builder.emit(op, parameters).map { ProgramResult(.value($0)) }
  let executable = try Executable(planned: planBuffers(builder.finish(results: results).inliningCalls()))
  do { return try executable.run(operands) } catch { throw BloxError(.runtime, "\(error)") }
})

/// Runs all comparisons for a program and says what went wrong first; `nil` when nothing did.
///
/// - Parameter slowly: Whether the reference takes part, which is for small tensors only.
package func failure(of program: Program, _ arguments: [DenseConstant], slowly: Bool = true) throws -> String? {
  let wanted = slowly ? try ReferenceInterpreter.run(program, arguments) : []
  var plain: [DenseConstant]?
  for (name, passes) in passSets {
    if slowly {
      let folded = try PassPipeline(passes + [.fuse], verifies: true).run(program, context: Compiler.context)
      if let text = firstDifference(try ReferenceInterpreter.run(folded, arguments), wanted),
        try !reorders(passes, program)
      {
        return "\(name): the reference gives other results after these passes and fusion: \(text)\n\(folded.text())"
      }
    }
    let stage = try PassPipeline(passes, verifies: true).run(program, context: kernelFolding)
    let compiled = try Executable(planned: planBuffers(stage)).run(arguments)
    if slowly, plain == nil || stage.reordersSums, let text = try instructionFailure(of: stage, arguments) {
      return "\(name): \(text)"
    }
    if let plain, !stage.reordersSums, let text = firstDifference(compiled, plain) {
      return "\(name): other bits than with inlining alone: \(text)\n\(stage.text())"
    }
    plain = plain ?? compiled
    // Some regions pay for large tensors only, so once more as if all were.
    for context in [PassContext(), PassContext(leastRecomputedBytes: 0, leastAttentionBytes: 0, leastProducedBytes: 0)]
    {
      let fused = try Executable(
        planned: planBuffers(PassPipeline([.fuse], verifies: true).run(stage, context: context)))
      for count in [1, 2, 8] {
        ThreadPool.setThreadCount(count)
        if let text = firstDifference(try fused.run(arguments), compiled) {
          return "\(name): other bits with fusion and \(count) threads: \(text)\n\(fused.program.text())"
        }
      }
    }
  }
  return nil
}

/// Whether passes change a program with sums of floats by taking sums in another order.
private func reorders(_ passes: [Pass], _ program: Program) throws -> Bool {
  let exact = passes.filter { $0.exactness == .exact }
  guard exact.count < passes.count else { return false }
  let kept = try PassPipeline(exact).run(program, context: Compiler.context)
  return try kept.reordersSums && kept != PassPipeline(passes).run(program, context: Compiler.context)
}

extension Program {
  /// Whether simplification may change bits: a product that reads an operand in another layout, after a transpose
  /// has become part of it, may take its sum in another order.
  fileprivate var reordersSums: Bool {
    instructions.contains { instruction in
      if instruction.op.regions.contains(where: { $0.program.reordersSums }) { return true }
      guard case .dotGeneral = instruction.op else { return false }
      return type(of: instruction.results[0]).dtype.isFloating
    }
  }
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
    let got = instruction.results.map { values[$0.index] }
    if let text = try disagreement(instruction.op, operands, got: got, want: wanted) {
      return "\(instruction.summary(in: program)): \(text)"
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
