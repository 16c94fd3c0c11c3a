// Variables of the process's environment that the runtime reads: BLOX_ISA, BLOX_THREADS.

import BloxIR

/// What the runtime reads from the environment.
enum RuntimeVariable {
  /// Says that a variable is not understood.
  static func say(_ text: String) { writeToStandardError("blox: \(text)") }

  /// A count from 1 to 1024; `nil` if it is not set or is something else, which is said.
  static func count(_ name: String, _ text: String?, say: (String) -> Void = RuntimeVariable.say) -> Int? {
    guard let text, !text.isEmpty else { return nil }
    if let count = Int(text), (1...1024).contains(count) { return count }
    say("\(name) is '\(text)'; it takes a whole number from 1 to 1024")
    return nil
  }
}
