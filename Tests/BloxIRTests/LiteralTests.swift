import ProgramFuzzing
import Testing

@testable import BloxIR

@Suite("Literals as text")
struct LiteralTests {
  /// Reads a literal the way the parser does.
  private func read(_ text: String, as dtype: DType) throws -> Literal {
    let bytes = Array(text.utf8)
    return try SourceText(file: "t", bytes: bytes).literal(0..<bytes.count, as: dtype)
  }

  @Test("Every 16-bit and 8-bit pattern comes back from its text", arguments: [DType.bf16, .f16, .i16, .u16, .i8, .u8])
  func exhaustive(dtype: DType) throws {
    for bits in 0..<UInt64(1 << dtype.bitWidth) {
      let literal = Literal(dtype: dtype, bits: bits)
      let text = literal.description
      let back = try read(text, as: dtype)
      if back != literal { Issue.record("\(dtype) \(bits): \(text) gives \(back)") }
      let reads = text.contains(".") || text.contains("e") || text.contains("n")
      if dtype.isFloating != reads { Issue.record("\(dtype) \(bits) prints as \(text)") }
    }
  }

  @Test("Random patterns of wide dtypes come back from their text", arguments: [DType.f32, .f64, .i32, .u64, .key])
  func randomPatterns(dtype: DType) throws {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<5000 {
      let literal = Literal(dtype: dtype, bits: random.next())
      #expect(try read(literal.description, as: dtype) == literal, "seed 7")
    }
  }

  static let spellings: [(Literal, String)] = [
    (Literal(0.1, as: .f32), "0.1"), (Literal(0.1, as: .bf16), "0.1"), (Literal(0.1, as: .f16), "0.1"),
    (Literal(1, as: .f64), "1.0"), (Literal(-0.0, as: .f32), "-0.0"), (Literal(-0.0, as: .bf16), "-0.0"),
    (Literal(1e20, as: .f32), "1e+20"), (Literal(1e-7, as: .f16), "1e-07"), (Literal(3e38, as: .bf16), "3e+38"),
    (Literal(65504, as: .f16), "65500.0"), (Literal(.infinity, as: .f16), "inf"),
    (Literal(-.infinity, as: .bf16), "-inf"), (Literal(.nan, as: .f32), "nan"), (Literal(.nan, as: .f16), "nan"),
    (Literal(dtype: .f32, bits: 0x7fc0_0001), "nan(0x7fc00001)"),
    (Literal(dtype: .f32, bits: 0xffc0_0000), "nan(0xffc00000)"),
    (Literal(dtype: .f64, bits: 0x7ff0_0000_0000_0001), "nan(0x7ff0000000000001)"),
    (Literal(dtype: .bf16, bits: 0x7f81), "nan(0x7f81)"), (Literal(dtype: .f16, bits: 0xfe00), "nan(0xfe00)"),
    (Literal(42, as: .key), "key(0x000000000000002a)"), (Literal(1, as: .bool), "true"),
    (Literal(dtype: .bool, bits: 2), "true"), (Literal(0, as: .bool), "false"),
    (.lowest(.i64), "-9223372036854775808"), (.highest(.u64), "18446744073709551615"), (.lowest(.i8), "-128"),
  ]

  @Test("Literals are spelled in one way", arguments: spellings)
  func spelling(literal: Literal, text: String) throws {
    #expect(literal.description == text)
    #expect(try read(text, as: literal.dtype) == literal)
  }

  static let readings: [(String, DType, UInt64)] = [
    ("1", .f32, 0x3f80_0000), ("1e0", .f16, 0x3c00), ("-0", .f32, 0x8000_0000), ("1e-400", .f64, 0),
    ("16777217", .f32, 0x4b80_0000), ("007", .i32, 7), ("1.00390625", .bf16, 0x3f80),
    ("1.0039063", .bf16, 0x3f81), ("2049", .f16, 0x6800),
  ]

  @Test("Other spellings are read as the nearest value", arguments: readings)
  func reading(text: String, dtype: DType, bits: UInt64) throws {
    #expect(try read(text, as: dtype) == Literal(dtype: dtype, bits: bits))
  }

  static let refusals: [(String, DType, String)] = [
    ("128", .i8, "t:1:1: got '128', expected an integer from -128 to 127 for i8"),
    ("-1", .u32, "t:1:1: got '-1', expected an integer from 0 to 4294967295 for u32"),
    (
      "9223372036854775808", .i64,
      "t:1:1: got '9223372036854775808', expected an integer from -9223372036854775808 to 9223372036854775807 for i64"
    ),
    ("1.0", .i32, "t:1:1: got '1.0', expected an integer from -2147483648 to 2147483647 for i32"),
    ("1e39", .f32, "t:1:1: got '1e39', expected a number in the range of f32"),
    ("65520.0", .f16, "t:1:1: got '65520.0', expected a number in the range of f16"),
    ("1.5x", .f32, "t:1:1: got '1.5x', expected a number for f32"),
    ("true", .f32, "t:1:1: got 'true', expected a number for f32"),
    ("0x10", .f32, "t:1:1: got '0x10', expected a number for f32"),
    ("1", .bool, "t:1:1: got '1', expected true or false for bool"),
    ("nan(0x7f800000)", .f32, "t:1:1: got 'nan(0x7f800000)', expected the 8 hexadecimal digits of a NaN of f32"),
    ("nan(0x7fc00001)", .f16, "t:1:1: got 'nan(0x7fc00001)', expected the 4 hexadecimal digits of a NaN of f16"),
    (
      "42", .key, "t:1:1: got '42', expected 16 hexadecimal digits such as key(0x000000000000002a) for key"
    ),
  ]

  @Test("What does not fit the dtype is refused", arguments: refusals)
  func refusal(text: String, dtype: DType, message: String) throws {
    #expect(throws: BloxError(.syntax, message, location: SourceLocation(file: "t", line: 1))) {
      try read(text, as: dtype)
    }
  }

  @Test("A number of megabytes is refused without converting it")
  func longNumber() {
    #expect(throws: BloxError.self) { try read("0." + String(repeating: "1", count: 2_000_000), as: .f64) }
  }

  @Test("Numbers convert to every dtype as XLA converts them")
  func conversions() {
    #expect(Literal(300, as: .i8).bits == 44, "integers wrap")
    #expect(Literal(300.0, as: .i8).bits == 127, "floats saturate")
    #expect(Literal(-1.5, as: .u8).bits == 0)
    #expect(Literal(-1.5, as: .i32).signedValue == -1)
    #expect(Literal(Double.nan, as: .i32).bits == 0)
    #expect(Literal(Double.nan, as: .bool).bits == 1)
    #expect(Literal(1e30, as: .i64) == .highest(.i64))
    #expect(Literal(16_777_219, as: .f32).doubleValue == 16_777_220, "ties to even")
    // Rounding by way of Double would give 2^60 here.
    #expect(Literal((1 << 60) + (1 << 36) + 1, as: .f32).doubleValue == 0x1.000002p60)
    // The tie at 1 + 2^-8 is broken by what f32 cannot hold.
    #expect(Literal(1 + 0x1p-8 + 0x1p-40, as: .bf16).bits == 0x3f81)
    #expect(Literal(1 + 0x1p-8, as: .bf16).bits == 0x3f80)
    #expect(Literal(0x1p-25, as: .f16).bits == 0 && Literal(0x1.8p-25, as: .f16).bits == 1)
  }

  @Test("Keys keep their two words in order in memory")
  func keyBytes() {
    let constant = DenseConstant(Literal(dtype: .key, bits: 0x0000_0001_0000_0002), shape: [2])
    #expect(constant.bytes == [1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0])
    #expect(constant[1].bits == 0x0000_0001_0000_0002)
  }
}
