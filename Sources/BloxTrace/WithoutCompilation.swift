// Running compiled functions and loops as plain Swift, to look into them.

import BloxIR

/// Runs a function in which `jit` does nothing: compiled functions run operation by operation, and loops and choices as
/// Swift's own, so that values can be printed and looked at in a debugger. `BLOX_JIT=off` does the same for a whole
/// process (`jax.disable_jit`).
///
/// ```swift
/// try withoutCompilation { try step(params, x) }  // `print` in `step` and in its loops shows numbers
/// ```
///
/// Inside `grad`, `vmap` and the other transformations tensors are still traced: those need the program. Nothing is
/// donated, no cache is asked or filled, and what was compiled stays for later. `lower` and `compile` still compile.
public func withoutCompilation<Result>(_ body: () throws -> Result) rethrows -> Result {
  try Diagnostics.with({ $0.compiles = false }, body)
}

/// Whether control flow is to be run by Swift: nothing is being traced, and compiling is off.
var runsControlFlowInSwift: Bool { Trace.current == nil && !Diagnostics.Box.current.value.compiles }

/// The iterations of a loop of known length, of which there is at least one.
///
/// - Returns: The last carry, and the outputs stacked in the order of the inputs.
func runIterations<Carry: TensorTree, Input: TensorTree, Output: TensorTree>(
  _ initial: Carry, _ xs: Input, count: Int, isReversed: Bool, _ location: SourceLocation,
  _ body: (Carry, Input) throws -> (Carry, Output)
) throws -> (Carry, Output) {
  var carry = initial
  var outputs: [Output] = []
  for step in 0..<count {
    let index = isReversed ? count - 1 - step : step
    let (next, output) = try body(carry, try treeMap(xs) { try $0.at(index) })
    try expectCarry(carry, next, "scan", location)
    carry = next
    outputs.append(output)
  }
  return (carry, try treeMap(isReversed ? outputs.reversed() : outputs) { try stack($0) })
}
