// What compiling takes, and how fast something goes.

import BloxIR
import BloxNN

/// Compiles a training step for arguments like these, and prints how long that took and what memory a call needs.
package func compileStep<Output, each Input: TensorTree>(
  _ step: TensorFunction<Output, repeat each Input>, _ input: repeat each Input
) throws -> CompiledFunction<Output, repeat each Input> {
  let clock = ContinuousClock()
  let start = clock.now
  let lowered = try step.lower(repeat each input)
  let traced = clock.now
  let compiled = try lowered.compile()
  let (trace, compile) = (milliseconds(traced - start), milliseconds(clock.now - traced))
  let memory = compiled.memory
  say(
    "training step: traced in \(trace) ms, compiled in \(compile) ms; \(binarySize(memory.argumentBytes)) of"
      + " arguments, \(binarySize(memory.arenaBytes)) of intermediate values")
  return compiled
}

private func milliseconds(_ duration: Duration) -> Int { Int((duration / .milliseconds(1)).rounded()) }

/// Counts what is done, and how fast.
package struct Speedometer {
  private let start = ContinuousClock.now
  private var count = 0

  /// Starts the clock.
  package init() {}

  /// Counts what was done.
  package mutating func add(_ number: Int) { count += number }

  /// How much was done per second since the start.
  package var rate: Int {
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    return seconds > 0 ? Int(Double(count) / seconds) : 0
  }
}
