// How the examples begin, speak and end.

import BloxNN

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Runs an example with the options of the command line, and ends the process: with 0, with 2 for options that cannot
/// be, or with 4 for anything else that went wrong, which is then on standard error.
package func runExample(
  _ name: String, help: String, _ body: (inout OptionReader) throws -> Void
) -> Never {
  let arguments = Array(CommandLine.arguments.dropFirst())
  if arguments.contains("--help") || arguments.contains("-h") {
    print(help)
    exit(0)
  }
  do {
    var reader = OptionReader(name, help: help, arguments)
    try body(&reader)
    exit(0)
  } catch {
    writeToStandardError("\(name): \(error)")
    exit((error as? BloxError)?.code == .usage ? 2 : 4)
  }
}

/// Prints at once, also into a pipe, where output would otherwise be held back until there is much of it.
package func say(_ text: String, terminator: String = "\n") {
  print(text, terminator: terminator)
  fflush(nil)
}
