// Variables of the process's environment that the runtime reads: BLOX_ISA, BLOX_THREADS.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What the runtime reads from the environment.
enum RuntimeVariable {
  static func text(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// Writes a line on standard error.
  static func say(_ text: String) {
    let line = Array("blox: \(text)\n".utf8)
    line.withUnsafeBytes { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }

  /// A count from 1 to 1024; `nil` if it is not set or is something else, which is said.
  static func count(_ name: String, _ text: String?, say: (String) -> Void = RuntimeVariable.say) -> Int? {
    guard let text, !text.isEmpty else { return nil }
    if let count = Int(text), (1...1024).contains(count) { return count }
    say("\(name) is '\(text)'; it takes a whole number from 1 to 1024")
    return nil
  }
}
