// Docs/FEATURES.md is what the tests say.

import TestSupport
import Testing

@Suite("FeatureTable")
struct FeatureTableTests {
  @Test("Docs/FEATURES.md is fresh, and tests name no unknown rows") func isFresh() throws {
    let table = try FeatureTable(package: CommandRunner.packageRoot)
    #expect(table.unknownIDs == [], "titles of tests name rows that Docs/features.tsv does not have")
    #expect(try GeneratedPage(path: "Docs/FEATURES.md", suite: "FeatureTable").change(in: table.markdown) == nil)
  }
}
