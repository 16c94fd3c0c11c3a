// blox-ir: looks at programs on their way through the compiler.

import BloxNN

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// A reader that goes away, as in `blox-ir dump @mlp | head -1`, must not end the process before its exit code is known.
signal(SIGPIPE, SIG_IGN)

do {
  exit(try Commands.run(Array(CommandLine.arguments.dropFirst())).rawValue)
} catch {
  writeToStandardError("blox-ir: \(error)")
  exit(ExitCode(error).rawValue)
}
