// Docs/OPS.md is what the rules say.

import Foundation
import TestSupport
import Testing

@Suite("OpTable")
struct OpTableTests {
  @Test("Docs/OPS.md is fresh, every op is in it, and what there is not has a reason") func isFresh() throws {
    let table = try OpTable()
    #expect(table.missing == [], "the random programs have no such instructions")
    #expect(table.gaps == [])
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Docs/OPS.md")
    if ProcessInfo.processInfo.environment["BLOX_BLESS"] != nil {
      try table.markdown.write(to: file, atomically: true, encoding: .utf8)
    }
    let stored = try String(contentsOf: file, encoding: .utf8)
    let (old, new) = (Set(stored.split(separator: "\n")), table.markdown.split(separator: "\n"))
    let changed = new.first { !old.contains($0) } ?? "a line that is gone"
    #expect(
      stored == table.markdown,
      "not what the rules say now: \(changed)\nregenerate it: BLOX_BLESS=1 swift test --filter OpTableTests")
  }
}
