// How the examples read their options: one after the other, with errors that say what is wanted.

import BloxNN
import Gallery

/// The options of a command line, read in order.
///
/// ```swift
/// while let flag = reader.next() {
///   switch flag {
///   case "--epochs": epochs = try reader.integer(in: 0...100_000)
///   case "--dump": folder = try reader.path("a directory")
///   default: throw reader.unknownOption()
///   }
/// }
/// ```
package struct OptionReader {
  private let program: String
  private let known: [String]
  private var rest: ArraySlice<String>
  private var flag = ""

  /// Makes a reader.
  ///
  /// - Parameter help: The text of `--help`, whose lines that begin with an option tell which there are.
  package init(_ program: String, help: String, _ arguments: [String]) {
    self.program = program
    known = help.split(separator: "\n").compactMap { line in
      line.hasPrefix("  --") ? line.split(separator: " ").first.map(String.init) : nil
    }
    rest = arguments[...]
  }

  /// The next option; its value, if it has one, is read by what follows.
  package mutating func next() -> String? {
    guard let first = rest.popFirst() else { return nil }
    flag = first
    return first
  }

  /// The error for an option that there is not.
  package func unknownOption() -> BloxError {
    BloxError(.usage, "there is no option \(flag)\(suggestion(for: flag, among: known)); see \(program) --help")
  }

  /// The whole number after the option.
  ///
  /// - Throws: ``BloxError/Code/usage`` when it is missing, no number, or out of range.
  package mutating func integer(in range: ClosedRange<Int> = Int.min...Int.max) throws(BloxError) -> Int {
    let text = try value("a number")
    guard let value = Int(text), range.contains(value) else {
      let bounds = range == Int.min...Int.max ? "" : " from \(range.lowerBound) to \(range.upperBound)"
      throw BloxError(.usage, "\(flag) needs a whole number\(bounds), not '\(text)'")
    }
    return value
  }

  /// The number after the option.
  ///
  /// - Throws: ``BloxError/Code/usage`` when it is missing, no number, or out of range.
  package mutating func number(in range: ClosedRange<Double>) throws(BloxError) -> Double {
    let text = try value("a number")
    guard let value = Double(text), range.contains(value) else {
      throw BloxError(.usage, "\(flag) needs a number from \(range.lowerBound) to \(range.upperBound), not '\(text)'")
    }
    return value
  }

  /// The path after the option; what begins with `-` is taken for the next option.
  ///
  /// - Throws: ``BloxError/Code/usage`` when it is missing.
  package mutating func path(_ what: String = "a file") throws(BloxError) -> String {
    guard let first = rest.first, !first.isEmpty, !first.hasPrefix("-") else {
      throw BloxError(.usage, "\(flag) needs \(what)")
    }
    return try value(what)
  }

  /// The text after the option, whatever it is.
  ///
  /// - Throws: ``BloxError/Code/usage`` when it is missing.
  package mutating func text(_ what: String) throws(BloxError) -> String { try value(what) }

  private mutating func value(_ what: String) throws(BloxError) -> String {
    guard let text = rest.popFirst() else { throw BloxError(.usage, "\(flag) needs \(what)") }
    return text
  }
}
