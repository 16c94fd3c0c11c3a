// Random programs that run: those of the fuzzer.

import BloxIR
import BloxPasses
import ProgramFuzzing

/// A program of about `count` instructions over tensors of a few small shapes.
func randomProgram(seed: UInt64, count: Int) throws(BloxError) -> Program {
  let options = ProgramGenerator.Options(steps: count...count, maximumElements: 200, calls: 1)
  var generator = ProgramGenerator(seed: seed, options)
  do { return try generator.make() } catch { throw BloxError(.invalidArgument, "\(error)") }
}
