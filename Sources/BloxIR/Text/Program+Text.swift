// The text form of programs: the public way in and out. Docs/IR.md holds the grammar.
//
// Invariant: parsing a verified program's text gives an equal program, bit for bit in every literal. Printing never
// fails, also for a program that the verifier rejects, so that it can be looked at.

/// What ``Program/text(_:)`` shows beyond the program itself.
public struct PrintOptions: Hashable, Sendable {
  /// Whether instructions are followed by their module path as a comment.
  public var notes: Bool
  /// Whether that comment also gives the user's source line.
  public var locations: Bool

  /// Creates options; module paths are shown and source lines are not.
  public init(notes: Bool = true, locations: Bool = false) {
    self.notes = notes
    self.locations = locations
  }
}

extension Program {
  /// The program as text: the version header, this program, then the programs it calls in the order of first call.
  ///
  /// Values are renumbered in the order of printing. Time and memory are linear in the length of the text.
  public func text(_ options: PrintOptions = PrintOptions()) -> String {
    var printer = ProgramPrinter(options: options)
    printer.file(self)
    return printer.output
  }

  /// Reads a program from its text.
  ///
  /// The result is well typed; ``verify(axes:)`` also checks what concerns the program as a whole, such as bound axes
  /// and unique labels.
  ///
  /// - Parameters:
  ///   - text: A file in the text form, which starts with `// blox-ir 1`. Its first program is the result.
  ///   - fileName: The name that errors give the text.
  /// - Throws: ``BloxError/Code/syntax`` as `FILE:LINE:COLUMN: got 'x', expected …`.
  public init(parsing text: String, fileName: String = "<text>") throws(BloxError) {
    let source = SourceText(file: fileName, bytes: Array(text.utf8))
    var parser = TextParser(source)
    let syntax = try parser.file()
    var resolver = try ProgramResolver(source, syntax)
    self = try resolver.entry()
  }

  /// How deep programs may be nested, counting regions and calls: recursion over programs must not exhaust the stack.
  package static let nestingLimit = 64
}

extension Program: CustomStringConvertible {
  /// The text form with module paths.
  public var description: String { text() }
}
