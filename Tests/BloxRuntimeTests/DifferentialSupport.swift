// One op compiled, held against the reference.

import BloxIR
import BloxRuntime
import ProgramFuzzing

/// A program of one instruction over parameters.
func program(of op: Op, _ types: [TensorType]) throws -> Program {
  try program(types) { builder, operands in try builder.emit(op, operands).map { .value($0) } }
}

/// Runs an op alone on both engines and says how they differ; `nil` when they agree.
///
/// - Throws: What compiling throws.
func disagreement(_ op: Op, _ operands: [DenseConstant]) throws -> String? {
  let types = operands.map(\.type)
  let got = try executable(program(of: op, types)).run(operands)
  let want = try ReferenceInterpreter.evaluate(op, operands: operands)
  guard let text = try disagreement(op, operands, got: got, want: want) else { return nil }
  return "\(op.name) \(types.map(\.description).joined(separator: ", ")) -> \(want[0].type): \(text)"
}
