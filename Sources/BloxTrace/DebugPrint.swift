// Printing from inside traced functions.

import BloxIR
import BloxRuntime
import Synchronization

/// Prints values when they are computed, also inside compiled and transformed functions, where Swift's `print` runs
/// once per trace and has no values.
///
/// ```swift
/// let step = jit { (x: Tensor) in
///   let loss = try square(x).mean()
///   try debugPrint(format: "loss {.4} at {}", loss, x)
///   return loss
/// }
/// ```
///
/// The label tells it apart from Swift's `debugPrint`, which would print once, while the function is traced.
///
/// Prints of one program come in the order in which the function made them. `vmap` prints a line for each lane, in
/// order, of what differs between lanes; differentiation prints values once, in the forward pass.
///
/// - Parameters:
///   - format: The text, with `{}` for each value in order, or `{.3}` for floats with three decimals; `{{` and `}}` are
///     braces.
///   - values: As many tensors as there are placeholders.
/// - Throws: ``BloxError/Code/invalidArgument`` when the format and the values do not fit each other.
public func debugPrint(
  format: String, _ values: Tensor..., file: String = #fileID, line: Int = #line
) throws {
  // The op gives its first operand back, so a text alone needs something to give.
  let operands = try values.isEmpty ? [Tensor.zeros([], dtype: .i32)] : values
  _ = try Tensor.apply(
    .debugPrint(DebugPrint(format)), operands.map { .tensor($0) }, location: SourceLocation(file: file, line: line))
}

/// Runs a function and gives the lines that ``debugPrint(format:_:file:line:)`` would have written to standard output.
public func capturingDebugPrints<Result>(
  _ body: () throws -> Result
) rethrows -> (result: Result, lines: [String]) {
  let lines = Mutex<[String]>([])
  let result = try DebugOutput.$write.withValue({ line in lines.locked { $0.append(line) } }) { try body() }
  return (result, lines.locked { $0 })
}
