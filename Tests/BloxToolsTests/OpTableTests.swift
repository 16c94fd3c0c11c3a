// Docs/OPS.md is what the rules say.

import TestSupport
import Testing

@Suite("OpTable")
struct OpTableTests {
  @Test("Docs/OPS.md is fresh, every op is in it, and what there is not has a reason") func isFresh() throws {
    let table = try OpTable()
    #expect(table.missing == [], "the random programs have no such instructions")
    #expect(table.gaps == [])
    #expect(try GeneratedPage(path: "Docs/OPS.md", suite: "OpTableTests").change(in: table.markdown) == nil)
  }
}
