// Random numbers and initial values have JAX's bits.

import Testing

@Suite("Conformance of random numbers")
struct RandomConformanceTests {
  @Test("random: keys, bits and samples") func random() throws {
    #expect(try runGroup("random", bind: bindRandom).ran == 633)
  }

  @Test("initializers: every family of this library") func initializers() throws {
    #expect(try runGroup("initializers", bind: bindInitializer).ran == 168)
  }
}
