// blox-ir: looks at programs on their way through the compiler.

import BloxNN

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

do {
  exit(try Commands.run(Array(CommandLine.arguments.dropFirst())).rawValue)
} catch {
  writeToStandardError("blox-ir: \(error)")
  exit(ExitCode(error).rawValue)
}
