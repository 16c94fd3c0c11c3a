// blox-fuzz: random programs through every pass and both engines, until something differs.

import BloxIR
import BloxNN
import BloxTools
import ProgramFuzzing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

signal(SIGPIPE, SIG_IGN)
do {
  exit(try FuzzCommand(Array(CommandLine.arguments.dropFirst())).run())
} catch {
  writeToStandardError("blox-fuzz: \(error)")
  exit((error as? BloxError)?.code == .usage ? 2 : 4)
}
