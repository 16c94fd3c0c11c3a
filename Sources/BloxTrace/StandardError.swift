// Messages that are not output: warnings and failures of programs.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes a line to standard error, whole, so that lines of several threads do not mix.
package func writeToStandardError(_ message: String) {
  let line = Array((message + "\n").utf8)
  line.withUnsafeBytes { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
