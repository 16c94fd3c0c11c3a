// Values inside a program, looked at after a run.

import BloxIR
import BloxRuntime

extension ProgramRun {
  /// The values of some names after a run, which computes them like the results.
  ///
  /// - Parameter names: Names as the program's text has them, such as `%12`; not those inside regions.
  /// - Throws: ``BloxError/Code/usage`` for a name that the program does not define, and as ``results(_:)``.
  package func probe(_ names: [String], _ engine: Engine) throws -> [(name: String, value: DenseConstant)] {
    let lines = ProgramLines(program)
    var probed = program
    probed.results = try names.map { name throws(BloxError) in
      guard let value = lines.value(named: name) else {
        throw BloxError(
          .usage, "--probe \(name): @\(program.name) defines no such value; write names as the program has them: %3,%4")
      }
      return ProgramResult(.value(value))
    }
    for index in probed.parameters.indices { probed.parameters[index].isDonated = false }
    let values = try ProgramRun(probed, arguments).results(engine)
    return zip(names, values).map { (name: $0, value: $1) }
  }
}
