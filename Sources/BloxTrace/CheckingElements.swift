// Runs in which every instruction's results are looked at.

import BloxIR

/// Runs a function in which each operation, compiled or not, is an error as soon as it makes a NaN of operands that
/// have none; `BLOX_CHECK=nan` does the same for a whole process.
///
/// ```swift
/// try checkingElements { try step(params, x) }
/// ```
///
/// The same compiled programs run with the same kernels, donated memory included, so that a NaN that is there without
/// the check is there with it; only slower. The error names the op, its module and line, the element and what it was
/// computed from, whether it belongs to the backward pass, and in loops the iteration, counted from 0 as slices are.
/// What a fused region computes and discards is not seen.
///
/// - Parameter checks: What is looked for.
/// - Throws: ``BloxError/Code/nonFinite``, or what `body` throws.
public func checkingElements<Result>(
  for checks: Set<ElementCheck> = [.nan], _ body: () throws -> Result
) rethrows -> Result {
  try Diagnostics.with({ $0.checks = checks }, body)
}
