// `.bir` files that say in comments what must hold of their program.
//
//   // blox-ir 1
//   // test: run x=3xf32=1,2,3 == 3xf32=11,12,13
//   // test: opt dce,cse
//   program @f(…) …
//   // ----
//   program @f(…) …                            what `opt dce,cse` must print, without the header
//
// TestFile+Directives.swift says what directives there are.

import BloxIR
import BloxNN
import Gallery

/// A program with its directives.
package struct TestFile: Sendable {
  /// A line `// test: …`.
  struct Directive: Sendable {
    let line: Int
    let text: String

    /// The words; blanks within quotes do not separate.
    var words: [String] {
      var words: [String] = []
      var isQuoted = false
      var current = ""
      for character in text {
        if character == "\"" { isQuoted.toggle() }
        if character == " ", !isQuoted {
          if !current.isEmpty { words.append(current) }
          current = ""
        } else {
          current.append(character)
        }
      }
      return current.isEmpty ? words : words + [current]
    }
  }

  static let separator = GoldenFile.separator

  /// The name in messages.
  let path: String
  let directives: [Directive]
  /// The program and the file's other comments, up to the first separator.
  let golden: GoldenFile
  /// What stands behind each separator.
  let blocks: [String]

  /// Takes a file's text apart.
  package init(path: String, text: String) {
    self.path = path
    var sections: [[Substring]] = [[]]
    var directives: [Directive] = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if line == TestFile.separator {
        sections.append([])
        continue
      }
      if sections.count == 1, line.hasPrefix("// test: ") {
        directives.append(Directive(line: index + 1, text: String(line.dropFirst(9))))
      }
      sections[sections.count - 1].append(line)
    }
    self.directives = directives
    // Without the separators, the last line of a section has lost its line end.
    let texts = sections.indices.map { index in
      sections[index].joined(separator: "\n") + (index < sections.count - 1 ? "\n" : "")
    }
    golden = GoldenFile(path: path, text: texts[0])
    blocks = Array(texts.dropFirst())
  }

  /// Checks the program as ``GoldenFile/check()`` does, and everything that directives ask for.
  ///
  /// - Returns: The number of checks that passed.
  /// - Throws: ``BloxError`` for a text that is no valid program or a directive that makes no sense, ``CheckFailure``
  ///   or ``GoldenMismatch`` for a check that failed.
  package func check() throws -> Int {
    if directives.isEmpty, blocks.isEmpty { return try golden.check() }
    if let directive = directives.first(where: { $0.words.first == "error" }) {
      try checkError(directive)
      return 1
    }
    var passed = try golden.check()
    let program = try Program(parsing: golden.text, fileName: path)
    var rest = blocks[...]
    for directive in directives {
      do {
        try check(directive, program, &rest)
      } catch let error as CheckFailure {
        throw CheckFailure(description: "\(path): line \(directive.line): \(directive.text)\n  \(error)")
      } catch let error as BloxError where error.code == .usage {
        throw BloxError(.usage, "\(path): line \(directive.line): \(error.message)")
      }
      passed += 1
    }
    guard rest.isEmpty else {
      throw CheckFailure(description: "\(path): \(rest.count) more '\(TestFile.separator)' than '// test: opt'")
    }
    return passed
  }

  /// The file with the blocks that its programs make now, or what its `dump` comment makes; `nil` where neither is.
  package func regenerated() throws -> String? {
    if directives.isEmpty, blocks.isEmpty { return try golden.regenerated() }
    let wanting = directives.filter(\.hasBlock)
    guard !wanting.isEmpty else { return nil }
    let program = try Program(parsing: golden.text, fileName: path)
    var text = golden.text.hasSuffix("\n") ? golden.text : golden.text + "\n"
    for directive in wanting { text += TestFile.separator + "\n" + (try TestFile.optimised(program, directive)) }
    return text
  }

  /// What `opt` prints, without the header.
  static func optimised(_ program: Program, _ directive: Directive) throws -> String {
    let words = directive.words
    guard words.count >= 2 else { throw BloxError(.usage, "opt needs passes, as in '// test: opt dce,cse'") }
    let text = try PassRun(program, passes: words[1]).program.text()
    return text.split(separator: "\n", omittingEmptySubsequences: false).dropFirst().joined(separator: "\n")
  }

  private func checkError(_ directive: Directive) throws {
    let wanted = directive.quoted
    do throws(BloxError) {
      let program = try Program(parsing: golden.text, fileName: path)
      try program.verify()
    } catch {
      guard error.description.contains(wanted) else {
        throw CheckFailure(
          description: "\(path): line \(directive.line): another error\n  - \(wanted)\n  + \(error)")
      }
      return
    }
    throw CheckFailure(description: "\(path): line \(directive.line): the program is valid; expected \"\(wanted)\"")
  }
}

extension TestFile.Directive {
  /// What stands between the first and the last quote.
  var quoted: String {
    guard let first = text.firstIndex(of: "\""), let last = text.lastIndex(of: "\""), first < last else { return "" }
    return String(text[text.index(after: first)..<last])
  }

  /// Whether a block with expected text belongs to it.
  var hasBlock: Bool { words.first == "opt" && !words.contains("error") }
}
