// The table of features: which row of the checklist is shown by which test.

import Foundation

/// Reads the checklist and the titles of all tests, and writes `Docs/FEATURES.md`.
///
/// A test shows a row by naming its id in its title: `@Test("L-21, L-22: …")`. The checklist, `Docs/features.tsv`, has
/// a row per line: the id, what must hold, and optionally why no test can show it.
public struct FeatureTable {
  /// A row of the checklist.
  public struct Row: Sendable {
    /// The id, such as `L-21`.
    public var id: String
    /// What must hold.
    public var text: String
    /// Why no test can show it.
    public var note: String?
  }

  /// A part of the checklist.
  public struct Section: Sendable {
    /// The title, such as `A6 Layers`.
    public var title: String
    /// The rows in order.
    public var rows: [Row]
  }

  /// A test that names an id.
  public struct Reference: Hashable, Sendable {
    /// The path of its file from the package.
    public var path: String
    /// The name of its function.
    public var function: String
  }

  /// The checklist.
  public let sections: [Section]
  /// The tests of each id, in the order of their files and lines.
  public let references: [String: [Reference]]

  /// Reads the checklist and the tests of a package.
  public init(package: URL) throws {
    sections = try Self.readSections(package.appendingPathComponent("Docs/features.tsv"))
    references = try Self.readTitles(package)
  }

  /// The ids that tests name and the checklist does not have.
  public var unknownIDs: [String] {
    let known = Set(sections.flatMap { $0.rows.map(\.id) })
    return references.keys.filter { !known.contains($0) }.sorted()
  }

  /// The rows that neither a test nor a note covers.
  public var openIDs: [String] { sections.flatMap { $0.rows.filter { isOpen($0) }.map(\.id) } }

  private func isOpen(_ row: Row) -> Bool { references[row.id] == nil && row.note == nil }

  /// The whole document.
  public var markdown: String {
    var lines = [
      "# Features", "",
      "What jax-blox and the documents around it promise, row by row, and the tests that show it. `0.1.6` is the released",
      "jax-blox. This file is generated from [features.tsv](features.tsv) and the titles of the tests:", "",
      "```sh", "BLOX_BLESS=1 swift test --filter FeatureTable", "```", "", "| part | rows | shown |",
      "| --- | --- | --- |",
    ]
    for section in sections {
      let shown = section.rows.count { !isOpen($0) }
      lines.append("| \(section.title) | \(section.rows.count) | \(shown) |")
    }
    for section in sections {
      lines += ["", "## \(section.title)", "", "| id | what holds | test | status |", "| --- | --- | --- | --- |"]
      lines += section.rows.map(line)
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func line(_ row: Row) -> String {
    let tests = (references[row.id] ?? []).map { reference in
      let file = reference.path.split(separator: "/").last?.dropLast(".swift".count) ?? ""
      return "[\(file).\(reference.function)](../\(reference.path))"
    }
    let status = tests.isEmpty ? row.note ?? "open" : "shown"
    // A bar ends a column, also within a span of code.
    let text = row.text.replacingOccurrences(of: "|", with: "\\|")
    return "| \(row.id) | \(text) | \(tests.joined(separator: ", ")) | \(status) |"
  }

  private static func readSections(_ file: URL) throws -> [Section] {
    var sections: [Section] = []
    for (number, line) in try String(contentsOf: file, encoding: .utf8).split(separator: "\n").enumerated() {
      if line.hasPrefix("## ") {
        sections.append(Section(title: String(line.dropFirst(3)), rows: []))
      } else if !line.hasPrefix("#") {
        let columns = line.split(separator: "\t").map(String.init)
        guard (2...3).contains(columns.count), !sections.isEmpty else {
          throw TestSupportError(file: file.path, place: "line \(number + 1)", message: "no id and text: \(line)")
        }
        sections[sections.count - 1].rows.append(
          Row(id: columns[0], text: columns[1], note: columns.count == 3 ? columns[2] : nil))
      }
    }
    return sections
  }

  private static func readTitles(_ package: URL) throws -> [String: [Reference]] {
    var found: [String: [Reference]] = [:]
    let folder = package.appendingPathComponent("Tests")
    let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }
    for path in paths.sorted() {
      let text = try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
      // The title is the first text after @Test(, the function the next one declared.
      for match in text.matches(of: /@Test\(\s*"((?:[^"\\]|\\.)*)"[\s\S]*?\bfunc\s+(\w+)/) {
        for id in match.output.1.matches(of: /\b(?:G|M|P|PS|R|L|PO|SQ|DI|T|SH|ST|PR|C|OUT)-\d\d\b/) {
          let reference = Reference(path: "Tests/\(path)", function: String(match.output.2))
          if found[String(id.output)]?.contains(reference) != true {
            found[String(id.output), default: []].append(reference)
          }
        }
      }
    }
    return found
  }
}
