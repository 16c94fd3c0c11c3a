// Variables of the process's environment that the runtime reads: BLOX_ISA, BLOX_THREADS.

import BloxIR

/// What the runtime reads from the environment.
enum RuntimeVariable {
  /// Says that a variable is not understood.
  static func say(_ text: String) { writeToStandardError("blox: \(text)") }

  /// A number of threads; `nil` if it is not set or is something else, which is said.
  static func count(_ name: String, _ text: String?, say: (String) -> Void = RuntimeVariable.say) -> Int? {
    guard let text, !text.isEmpty else { return nil }
    if let count = Int(text), (1...ThreadPool.maximumThreads).contains(count) { return count }
    say("\(name) is '\(text)'; it takes a whole number from 1 to \(ThreadPool.maximumThreads)")
    return nil
  }
}
