// Docs/FEATURES.md is what the tests say.

import Foundation
import TestSupport
import Testing

@Suite("FeatureTable")
struct FeatureTableTests {
  @Test("Docs/FEATURES.md is fresh, and tests name no unknown rows") func isFresh() throws {
    let table = try FeatureTable(package: CommandRunner.packageRoot)
    #expect(table.unknownIDs == [], "titles of tests name rows that Docs/features.tsv does not have")
    let file = CommandRunner.packageRoot.appendingPathComponent("Docs/FEATURES.md")
    if ProcessInfo.processInfo.environment["BLOX_BLESS"] != nil {
      try table.markdown.write(to: file, atomically: true, encoding: .utf8)
    }
    let stored = try String(contentsOf: file, encoding: .utf8)
    let (old, new) = (Set(stored.split(separator: "\n")), table.markdown.split(separator: "\n"))
    let changed = new.first { !old.contains($0) } ?? "a line that is gone"
    #expect(
      stored == table.markdown,
      "not what the tests say now: \(changed)\nregenerate it: BLOX_BLESS=1 swift test --filter FeatureTable")
  }
}
