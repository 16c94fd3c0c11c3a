// The command line, taken apart by the subcommand that reads it.

import BloxIR
import Gallery

/// The words after a subcommand. Flags may stand anywhere; what is not asked for is an error.
struct Arguments {
  private var words: [String]
  private let command: String
  /// Flags that the subcommand has asked about, for suggestions.
  private var known: [String] = ["--help"]

  init(_ words: [String], command: String) {
    self.words = words
    self.command = command
  }

  /// Whether a flag is given.
  mutating func flag(_ names: String...) -> Bool {
    known += names
    guard let index = words.firstIndex(where: names.contains) else { return false }
    words.remove(at: index)
    return true
  }

  /// The value of an option, or `nil`.
  mutating func option(_ names: String...) throws(BloxError) -> String? {
    known += names
    guard let index = words.firstIndex(where: names.contains) else { return nil }
    let name = words.remove(at: index)
    guard index < words.count, words[index] == "-" || !words[index].hasPrefix("-") else {
      throw BloxError(.usage, "\(name) needs a value; see blox-ir \(command) --help")
    }
    return words.remove(at: index)
  }

  /// The values of an option that may be repeated.
  mutating func options(_ name: String) throws(BloxError) -> [String] {
    var values: [String] = []
    while let value = try option(name) { values.append(value) }
    return values
  }

  /// The value of an option that is a whole number above 0.
  mutating func number(_ name: String) throws(BloxError) -> Int? {
    guard let text = try option(name) else { return nil }
    guard let value = Int(text), value > 0 else {
      throw BloxError(.usage, "\(name) needs a whole number above 0, not '\(text)'")
    }
    return value
  }

  /// What is left, when all flags have been asked about.
  mutating func positionals() throws(BloxError) -> [String] {
    if let unknown = words.first(where: { $0.hasPrefix("-") && $0 != "-" }) {
      let hint = suggestion(for: unknown, among: known)
      throw BloxError(.usage, "blox-ir \(command) has no option \(unknown)\(hint); see blox-ir \(command) --help")
    }
    defer { words = [] }
    return words
  }
}
