import ProgramFuzzing
import Testing

@testable import BloxIR

@Suite("Hostile and damaged text")
struct HostileTextTests {
  private static let header = "// blox-ir 1\nprogram @m"

  /// Parses text that may be anything; whatever parses must print and parse again.
  private func survives(_ text: String) throws {
    let program: Program
    do { program = try Program(parsing: text) } catch {
      #expect(error.code == .syntax)
      #expect(error.message.utf8.count < 4000)
      return
    }
    _ = program.verificationErrors(axes: RandomPrograms.axes)
    let again = try Program(parsing: program.text())
    #expect(again == program, "\(text)")
  }

  private func refusal(_ text: String) -> String {
    do {
      _ = try Program(parsing: text, fileName: "m")
      return "no error"
    } catch { return error.message }
  }

  @Test("Every prefix of a program is refused", arguments: Samples.all)
  func prefixes(sample: Samples.Sample) {
    // Without its last line end a program is complete.
    let scalars = sample.text.unicodeScalars.dropLast()
    var accepted: [Int] = []
    for length in 0..<scalars.count {
      if refusal(String(String.UnicodeScalarView(scalars.prefix(length)))) == "no error" { accepted.append(length) }
    }
    #expect(accepted == [])
  }

  @Test("Damaged programs are refused or read as what they say", arguments: 0..<60)
  func mutations(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    var programs = RandomPrograms(seed: UInt64(seed))
    let texts = Samples.all.map(\.text) + [try programs.program(instructions: 6).text()]
    let pieces = ["", "}", "{", "%0", "-1", "9223372036854775807", "[", "]", "0", ",", "\"", "//", "\n", "f32[]", "é"]
    for _ in 0..<40 {
      var bytes = Array(texts.randomElement(using: &random)!.utf8)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let start = Int.random(in: 13..<bytes.count, using: &random)
        let end = min(bytes.count, start + Int.random(in: 0...3, using: &random))
        bytes.replaceSubrange(start..<end, with: pieces.randomElement(using: &random)!.utf8)
      }
      try survives(String(decoding: bytes, as: UTF8.self))
    }
  }

  @Test("Regions nested too deep are refused, not recursed into")
  func deepRegions() throws {
    func nested(_ depth: Int, closed: Bool) -> String {
      let open = (0..<depth).map { "%\($0): f32[] = fusion {kind=loop} region() {\n" }.joined()
      let close = String(repeating: "return 1.0\n}\n", count: depth)
      return "\(Self.header)() -> () {\n\(open)\(closed ? close : "")return\n}\n"
    }
    #expect(refusal(nested(100_000, closed: false)) == "m:66:42: regions are nested deeper than 64")
    #expect(refusal(nested(64, closed: true)) == "m:66:42: regions are nested deeper than 64")
    let deepest = try Program(parsing: nested(63, closed: true))
    #expect(deepest.verificationErrors() == [])
    try survives(deepest.text())
  }

  @Test("Calls nested too deep are refused, in whatever order the programs are written")
  func deepCalls() throws {
    func chain(_ count: Int, reversed: Bool) -> String {
      var programs: [String] = []
      for index in 0..<count {
        let call = index + 1 < count ? "call @p\(index + 1)\n" : ""
        programs.append("program @p\(index)() -> () {\n\(call)return\n}\n")
      }
      let rest = reversed ? Array(programs.dropFirst().reversed()) : Array(programs.dropFirst())
      return "// blox-ir 1\n" + programs[0] + rest.joined()
    }
    for reversed in [false, true] {
      #expect(refusal(chain(5000, reversed: reversed)).hasSuffix("programs are nested deeper than 64"))
      let deepest = try Program(parsing: chain(65, reversed: reversed))
      #expect(deepest.verificationErrors() == [])
    }
    // Each program of its own is shallow; the depth adds up through those that are known already.
    let skipping = chain(130, reversed: false).replacing(
      "program @p0() -> () {\n", with: "program @p0() -> () {\ncall @p70\ncall @p10\n")
    #expect(refusal(skipping).hasSuffix("programs are nested deeper than 64"))
  }

  @Test("Programs that call each other twice are read once each", .timeLimit(.minutes(10)))
  func callGraph() throws {
    var text = "// blox-ir 1\n"
    for index in 0..<60 {
      let calls = index < 59 ? "call @p\(index + 1)\ncall @p\(index + 1)\n" : ""
      text += "program @p\(index)() -> () {\n\(calls)return\n}\n"
    }
    let program = try Program(parsing: text)
    #expect(program.verificationErrors() == [])
    #expect(program.text().count < 5000)
  }

  /// A text too long to be printed with the test's name.
  struct Flood: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let text: String

    init(_ name: String, _ text: String) {
      testDescription = name
      self.text = text
    }
  }

  static let floods: [Flood] = [
    Flood("open brackets", header + String(repeating: "(", count: 1_000_000)),
    Flood("open braces", header + "() -> () " + String(repeating: "{", count: 1_000_000)),
    Flood("zero bytes", String(repeating: "\0", count: 1_000_000)),
    Flood("one long comment", "// blox-ir 1\n// " + String(repeating: "x", count: 1_000_000)),
    Flood("many comments", "// blox-ir 1\n" + String(repeating: "//\n", count: 300_000)),
    Flood("blank lines in a body", header + "() -> () {" + String(repeating: "\n", count: 1_000_000)),
    Flood("a long name", header + String(repeating: "m", count: 1_000_000)),
    Flood("a long op", header + "() -> () {\n" + String(repeating: "x", count: 1_000_000)),
    Flood("a long string", header + "(%0: f32[] {arg=\"" + String(repeating: "\\n", count: 300_000)),
    Flood("a long number", header + "(%0: f32[" + String(repeating: "1", count: 1_000_000)),
    Flood("a long shape", header + "(%0: f32[" + String(repeating: "1,", count: 200_000) + "1]) -> () {\nreturn\n}"),
    Flood(
      "many attributes",
      header + "(%0: f32[] {" + (0..<50_000).map { "a\($0)" }.joined(separator: ", ") + "}) -> () {\nreturn\n}"
    ),
    Flood(
      "a long list",
      header + "(%0: f32[]) -> () {\n%1: f32[] = reduce_sum %0 {axes=[" + String(repeating: "0,", count: 200_000)
        + "0]}\nreturn\n}"
    ),
    Flood(
      "a constant longer than its type",
      header + "() -> () {\n%1: f32[1] = constant dense<[" + String(repeating: "0,", count: 300_000) + "0]>"
    ),
    Flood(
      "large constants",
      header + "() -> () {\n" + (0..<100).map { "%\($0): u8[100000000] = constant 0\n" }.joined() + "return\n}"
    ),
    Flood(
      "a name defined often", header + "() -> () {\n" + String(repeating: "%0: f32[] = constant 0.0\n", count: 50_000)
    ),
  ]

  @Test("Megabytes of one thing are refused in linear time", .timeLimit(.minutes(10)), arguments: floods)
  func flood(_ flood: Flood) {
    let message = refusal(flood.text)
    #expect(message.hasPrefix("m:") && message.utf8.count < 1000)
  }

  @Test("A long valid program is read in linear time", .timeLimit(.minutes(10)))
  func longProgram() throws {
    var text = Self.header + "(%0: f32[2]) -> (f32[2]) {\n"
    for index in 1...20_000 { text += "  %\(index): f32[2] = add %\(index - 1), 1.0\n" }
    text += "  return %20000\n}\n"
    let program = try Program(parsing: text)
    #expect(program.verificationErrors() == [])
    #expect(program.text() == text)
  }

  static let extremes: [String] = [
    "%2: f32[0,9223372036854775807] = constant 1.0", "%2: f32[0,9223372036854775807,9] = iota {axis=1}",
    "%2: f32[3] = slice %0 {start=[0], limit=[3], stride=[9223372036854775807]}",
    "%2: f32[3] = slice %0 {start=[-9223372036854775808], limit=[9223372036854775807]}",
    "%2: f32[3] = pad %0, 0.0 {low=[9223372036854775807], high=[9223372036854775807]}",
    "%2: f32[3] = pad %0, 0.0 {low=[-9223372036854775808], high=[-9223372036854775808]}",
    "%2: f32[3] = pad %0, 0.0 {low=[0], high=[0], interior=[9223372036854775807]}",
    "%2: f32[3] = pad %0, 0.0 {low=[], high=[]}", "%2: f32[3] = concatenate {axis=0}",
    "%2: f32[3] = concatenate %0 {axis=-9223372036854775808}", "%2: f32[3] = transpose %0 {permutation=[-1]}",
    "%2: f32[] = dot_general %0, %0 {contract=[-1]x[9]}", "%2: f32[3] = integer_pow %0 {exponent=-9223372036854775808}",
    "%2: f32[3] = broadcast_in_dim %0 {dims=[9223372036854775807]}", "%2: bool[3] = compare %0 {direction=lt}",
    "%2: bool[3] = compare 1.0 {direction=lt}", "%2: f32[3] = select 1.0", "%2: f32[3] = pad 0.0", "%2: f32[3] = clamp",
    "%2: key[3] = random_fold_in 1", "%2: f32[3] = call @m", "%2: f32[3] = neg", "%2: f32[3] = argmax %0 {axis=3}",
    "%2: u64[140737488355328] = convert %0", "%2: f32[3] = while 1, 2, %0 {cond_consts=-9223372036854775808}",
    "%2: f32[3] = fusion 1.0 {kind=loop} region() { return 2.0 }",
  ]

  @Test("Attributes and operands beyond all sense meet an error, not a trap", arguments: extremes)
  func extreme(statement: String) throws {
    try survives("\(Self.header)(%0: f32[3]) -> (f32[3]) {\n  \(statement)\n  return %0\n}\n")
  }
}
