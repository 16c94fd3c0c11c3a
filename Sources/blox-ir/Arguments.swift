// The command line, taken apart by the subcommand that reads it.

import BloxIR
import BloxRuntime
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
    return try value(at: index, of: name)
  }

  /// The values of an option that may be repeated.
  mutating func options(_ names: String...) throws(BloxError) -> [String] {
    known += names
    var values: [String] = []
    while let index = words.firstIndex(where: names.contains) {
      let name = words.remove(at: index)
      values.append(try value(at: index, of: name))
    }
    return values
  }

  /// Takes the word at an index as the value of an option.
  private mutating func value(at index: Int, of name: String) throws(BloxError) -> String {
    // A number may be negative; another word with a hyphen is the next option.
    guard index < words.count, words[index] == "-" || !words[index].hasPrefix("-") || Double(words[index]) != nil
    else { throw BloxError(.usage, "\(name) needs a value; see blox-ir \(command) --help") }
    return words.remove(at: index)
  }

  /// The value of an option that is a whole number above 0.
  mutating func number(_ name: String) throws(BloxError) -> Int? {
    guard let text = try option(name) else { return nil }
    guard let value = Int(text), value > 0 else {
      throw BloxError(.usage, "\(name) needs a whole number above 0, not '\(text)'")
    }
    return value
  }

  /// How many runs are measured.
  mutating func repetitions() throws(BloxError) -> Int { try number("--repeat", upTo: 1_000_000) ?? 20 }

  /// A number of threads.
  mutating func threads() throws(BloxError) -> Int? { try number("--threads", upTo: ThreadPool.maximumThreads) }

  private mutating func number(_ name: String, upTo most: Int) throws(BloxError) -> Int? {
    try quantity(name, "a whole number from 1 to \(most)") { text in
      Int(text).flatMap { (1...most).contains($0) ? $0 : nil }
    }
  }

  /// The value of an option that is a number from 0, read by `read`.
  mutating func quantity<Number>(
    _ name: String, _ what: String, _ read: (String) -> Number?
  ) throws(BloxError) -> Number? {
    guard let text = try option(name) else { return nil }
    guard let value = read(text) else { throw BloxError(.usage, "\(name) needs \(what), not '\(text)'") }
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
