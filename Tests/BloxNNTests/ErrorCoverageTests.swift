// Every kind of error has a test that provokes it.

import BloxIR
import Foundation
import Testing

@Suite("Coverage of errors")
struct ErrorCoverageTests {
  @Test("each code is expected by a test") func codes() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    var text = ""
    let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
    for case let file as URL in files where file.pathExtension == "swift" && file.path != #filePath {
      text += try String(contentsOf: file, encoding: .utf8)
    }
    let missing = BloxError.Code.allCases.filter { code in
      let name = code.rawValue
      let patterns = ["code == .\(name))", "code == .\(name) ", "(.\(name),", "code: .\(name)", ", .\(name))"]
      return !patterns.contains { text.contains($0) }
    }
    #expect(missing == [], "no test expects these codes")
  }
}
