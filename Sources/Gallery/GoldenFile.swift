// Golden files: programs as text that say how they were made, so that a change of the compiler shows as a diff.

import BloxIR
import BloxNN
import BloxPasses

/// A check that failed: the input is a program, and the compiler no longer does with it what it should.
public struct GoldenMismatch: Error, CustomStringConvertible {
  /// The file, the first line that differs, and what to do.
  public let description: String
}

/// A `.bir` file that is checked. A comment `// dump: @mlp --stage fused` after the header says how its text is made
/// anew.
public struct GoldenFile: Sendable {
  /// The path, for messages.
  public let path: String
  /// The text as it is on disk.
  public let text: String

  /// Reads a file.
  public init(path: String) throws(BloxError) {
    self.path = path
    text = try TextFile.read(path)
  }

  /// The line before each text that a test file expects a pass to print.
  package static let separator = "// ----"

  /// A file's text up to the first separator.
  package static func programText(_ text: String) -> String {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard let end = lines.firstIndex(where: { $0 == separator }) else { return text }
    lines.removeSubrange(end...)
    return lines.joined(separator: "\n") + "\n"
  }

  /// Checks a text.
  public init(path: String, text: String) {
    self.path = path
    self.text = text
  }

  /// Parses and verifies the program, prints and parses it again, and compares it with what its `dump` comment makes.
  ///
  /// - Returns: The number of checks that passed.
  /// - Throws: ``BloxError`` for a text that is no valid program, ``GoldenMismatch`` for a check that failed.
  public func check() throws -> Int {
    let program = try Program(parsing: text, fileName: path)
    try program.verify()
    let again = try Program(parsing: program.text(PrintOptions(locations: true)), fileName: path + " (printed)")
    guard again == program else {
      throw GoldenMismatch(description: "\(path): the program changes when it is printed and parsed again")
    }
    guard let fresh = try regenerated() else { return 3 }
    if fresh != text { throw GoldenMismatch(description: difference(from: fresh)) }
    return 4
  }

  /// The text that the `dump` comment makes; `nil` without such a comment.
  public func regenerated() throws -> String? {
    guard let command = dumpCommand else { return nil }
    let words = command.split(separator: " ").map(String.init)
    let request = try DumpRequest(words)
    return try request.header(command) + request.body()
  }

  private var dumpCommand: String? {
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      guard line.hasPrefix("//") else { return nil }
      if line.hasPrefix("// dump: ") { return String(line.dropFirst(9)) }
    }
    return nil
  }

  /// The first line that differs.
  private func difference(from fresh: String) -> String {
    let old = text.split(separator: "\n", omittingEmptySubsequences: false)
    let new = fresh.split(separator: "\n", omittingEmptySubsequences: false)
    let line = zip(old, new).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(old.count, new.count)
    let before = line < old.count ? "\n  - \(old[line])" : "\n  - (end of file)"
    let after = line < new.count ? "\n  + \(new[line])" : "\n  + (end of file)"
    return "\(path): line \(line + 1) is not what the compiler makes now; look at the change, then run"
      + " `blox-ir check --bless \(path)`" + before + after
  }
}

/// What `blox-ir dump` is asked for: a gallery program or a file, at a stage.
public struct DumpRequest: Sendable {
  /// `@name` of the gallery, a path, or `-` for standard input.
  public var source: String
  /// The stage.
  public var stage: Stage
  /// Sizes of a gallery program.
  public var sizes: [String: Int]
  /// Whether source lines are printed.
  public var showsLocations = false

  /// Makes a request.
  public init(source: String, stage: Stage = .traced, sizes: [String: Int] = [:]) {
    self.source = source
    self.stage = stage
    self.sizes = sizes
  }

  /// Reads a request as it stands in a golden file: `@name [--stage S] [--set NAME=N]…`.
  init(_ words: [String]) throws(BloxError) {
    guard let source = words.first else { throw BloxError(.usage, "a dump comment needs a program") }
    self.init(source: source)
    var rest = words.dropFirst()
    while let flag = rest.popFirst() {
      guard let value = rest.popFirst() else { throw BloxError(.usage, "\(flag) needs a value") }
      switch flag {
      case "--stage": stage = try Stage(named: value)
      case "--set": try set(value)
      default: throw BloxError(.usage, "a dump comment knows --stage and --set, not \(flag)")
      }
    }
  }

  /// Reads a setting `NAME=N`.
  public mutating func set(_ text: String) throws(BloxError) {
    let parts = text.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, let value = Int(parts[1]) else {
      throw BloxError(.usage, "a setting has the form NAME=NUMBER, such as hidden=8; got '\(text)'")
    }
    sizes[String(parts[0])] = value
  }

  /// The program at the stage.
  public func program() throws -> Program { try programs(at: [stage])[0] }

  /// The program at several stages. The source, which may be standard input, is read once.
  public func programs(at stages: [Stage]) throws -> [Program] {
    if source.hasPrefix("@") {
      let entry = try GalleryEntry.named(source)
      return try stages.map { try entry.program(at: $0, sizes: sizes) }
    }
    guard sizes.isEmpty else { throw BloxError(.usage, "--set applies to gallery programs, not to the file \(source)") }
    let program = try Program(
      parsing: GoldenFile.programText(try TextFile.read(source)), fileName: source == "-" ? "<stdin>" : source)
    try program.verify()
    return try stages.map { try $0.apply(to: program) }
  }

  /// The source as a part of file names: a gallery name, or a file's name without folder and suffix.
  public var baseName: String {
    if source == "-" { return "stdin" }
    if source.hasPrefix("@") { return String(source.dropFirst()) }
    let name = source.split(separator: "/").last.map(String.init) ?? source
    return name.hasSuffix(".bir") ? String(name.dropLast(4)) : name
  }

  /// The text of the program, header included.
  public func text() throws -> String { try program().text(PrintOptions(locations: showsLocations)) }

  fileprivate func header(_ command: String) -> String { "// blox-ir 1\n// dump: \(command)\n" }
  /// The text without the header line.
  fileprivate func body() throws -> String {
    let text = try text()
    guard let end = text.firstIndex(of: "\n") else { return text }
    return String(text[text.index(after: end)...])
  }
}

extension Stage {
  /// The stage of a name.
  ///
  /// - Throws: ``BloxError/Code/usage`` listing the stages.
  public init(named name: String) throws(BloxError) {
    guard let stage = Stage(rawValue: name) else {
      let names = Stage.allCases.map(\.rawValue)
      throw BloxError(
        .usage,
        "there is no stage named '\(name)'\(suggestion(for: name, among: names)); stages:"
          + " \(names.joined(separator: ", "))")
    }
    self = stage
  }
}
