import Testing

@testable import BloxIR

@Suite("Sample programs")
struct SampleTests {
  @Test("Every sample parses, verifies and prints as it is written", arguments: Samples.all)
  func roundTrip(sample: Samples.Sample) throws {
    let program = try Program(parsing: sample.text, fileName: sample.name)
    try program.verify()
    #expect(program.text() == sample.text)
    #expect(try Program(parsing: program.text()) == program)
  }
}
