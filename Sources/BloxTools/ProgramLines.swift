// A program's text, instruction by instruction, so that reports call values what the program's text calls them.

import BloxIR

/// The lines of a program, without those that it calls.
struct ProgramLines {
  /// For each instruction, its text with that of its region.
  private(set) var instructions: [String] = []
  /// For each value, its name in the text.
  private(set) var names: [Int: String] = [:]
  /// The line that returns.
  private(set) var returned = ""

  init(_ program: Program) {
    for index in program.parameters.indices { names[program.parameterValue(index).index] = "%\(index)" }
    var isInside = false
    for line in program.text(PrintOptions(notes: false)).split(separator: "\n").map(String.init) {
      // The header may take several lines; regions also end with a brace, but only inside.
      if !isInside, line.hasSuffix("{") {
        isInside = true
        continue
      }
      guard isInside else { continue }
      if line == "}" { break }
      if line.hasPrefix("  return") {
        returned = line
      } else if line.hasPrefix("  "), !line.hasPrefix("   "), line != "  }" {
        instructions.append(line)
      } else if let last = instructions.popLast() {
        instructions.append(last + "\n" + line)
      }
    }
    for (instruction, text) in zip(program.instructions, instructions) {
      let defined = text.prefix { $0 != "=" }.matches(of: /%[0-9]+/).map { String($0.output) }
      for (result, name) in zip(instruction.results, defined) { names[result.index] = name }
    }
  }

  /// The instruction's op, behind the name of its first result.
  func label(_ instruction: Instruction) -> String {
    instruction.results.first.map { "\(name($0)) \(instruction.label)" } ?? instruction.label
  }

  func name(_ value: Value) -> String { names[value.index] ?? "\(value)" }

  /// The value of a name such as `%3`.
  func value(named name: String) -> Value? {
    names.first { $0.value == name }.map { Value($0.key) }
  }
}
