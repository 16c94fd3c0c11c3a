import Foundation
import Testing

@testable import BloxIR

@Suite("Docs/IR.md")
struct DocumentationTests {
  private func document() throws -> String {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Docs/IR.md")
    return try String(contentsOf: root, encoding: .utf8)
  }

  private func programs() throws -> [String] {
    try document().components(separatedBy: "```bir\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
  }

  @Test("Every program in the document is valid and written as the printer writes it")
  func programsAreCanonical() throws {
    let programs = try programs()
    #expect(programs.count >= 9)
    for text in programs {
      let program = try Program(parsing: text, fileName: "IR.md")
      #expect(program.verificationErrors(axes: RandomPrograms.axes) == [])
      #expect(program.text() == text)
    }
  }

  @Test("Every op is shown in a program and listed in the table")
  func everyOpIsShown() throws {
    let table = try document().split(separator: "\n").filter { $0.hasPrefix("| `") }
      .map { $0.split(separator: "|")[0] }.joined()
    let listed = Set(table.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init))
    let shown = try programs().joined()
    for name in Op.names {
      #expect(listed.contains(name), "not in the table: \(name)")
      #expect(shown.contains(" \(name) "), "not in a program: \(name)")
    }
  }

  @Test("The list of dtypes is complete")
  func dtypes() throws {
    let text = try document()
    for dtype in DType.allCases { #expect(text.contains("`\(dtype)`")) }
  }
}
