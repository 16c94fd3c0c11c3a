// What every module takes from the process: variables of its environment, and standard error.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The value of a variable; `nil` when it is not set.
package func environmentVariable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

/// Writes a line to standard error, whole, so that lines of several threads do not mix.
package func writeToStandardError(_ message: String) {
  let line = Array((message + "\n").utf8)
  line.withUnsafeBytes { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
