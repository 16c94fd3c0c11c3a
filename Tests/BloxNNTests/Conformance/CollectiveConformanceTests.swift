// Collectives and derivatives of one's own agree with JAX.

import Testing

@Suite("Conformance of collectives and custom derivatives")
struct CollectiveConformanceTests {
  @Test("collectives: over vmap axes, forward and in both directions") func collectives() throws {
    #expect(try runGroup("collectives", bind: bindCollectives).ran == 34)
  }

  @Test("collective_groups: groups of lanes and partial permutations") func groups() throws {
    #expect(try runGroup("collective_groups", bind: bindCollectiveGroups).ran == 30)
  }

  @Test("T-61, T-71, T-78: control: loops, choices, checkpoints and compositions of transformations")
  func control() throws {
    #expect(try runGroup("control", bind: bindControl).ran == 69)
  }
}
