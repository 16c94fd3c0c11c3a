// Literals as text: the shortest digits that give back the same bits.
//
// Floats always carry a `.`, an exponent or a name, so that `1.0` and `1` differ at sight. NaNs other than the quiet
// one that arithmetic makes show their bits: `nan(0x7fc00001)`.

extension Literal: CustomStringConvertible {
  /// The text form: `1.5`, `-inf`, `nan(0xffc00000)`, `42`, `true`, `key(0x000000000000002a)`.
  public var description: String {
    switch dtype.kind {
    case .boolean: bits != 0 ? "true" : "false"
    case .signed: String(signedValue)
    case .unsigned: String(bits)
    case .key: "key(\(bits.hexadecimal(digits: 16)))"
    case .floating: floatDescription
    }
  }

  private var floatDescription: String {
    if doubleValue.isNaN {
      return self == .defaultNaN(dtype) ? "nan" : "nan(\(bits.hexadecimal(digits: dtype.byteCount * 2)))"
    }
    switch dtype {
    case .f64: return Double(bitPattern: bits).description
    case .f32: return Float(bitPattern: UInt32(bits)).description
    case .f16, .bf16: return shortestHalfDescription
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .key: preconditionFailure("not a float: \(dtype)")
    }
  }

  /// The standard library knows no 16-bit formats on every platform. Five significant digits tell all their values
  /// apart, so the shortest that do are found by trying; `Double` writes them down.
  private var shortestHalfDescription: String {
    let value = doubleValue
    guard value.isFinite, value != 0 else { return value.description }
    let magnitude = abs(value)
    // The decimal exponent, from the digits that Double prints.
    var exponent = 0
    var scale = magnitude
    while scale >= 10 {
      scale /= 10
      exponent += 1
    }
    while scale < 1 {
      scale *= 10
      exponent -= 1
    }
    for digits in 1...6 {
      var factor = 1.0
      for _ in 1..<digits { factor *= 10 }
      let nearest = Int((scale * factor).rounded(.toNearestOrEven))
      // Next to a power of two the gap below is half the gap above, so the nearest may miss and its neighbour hit.
      for candidate in [nearest, nearest + 1, nearest - 1] {
        guard let number = Double("\(value < 0 ? "-" : "")\(candidate)e\(exponent - digits + 1)") else { continue }
        if Literal(number, as: dtype) == self { return number.description }
      }
    }
    return value.description
  }

  /// The quiet NaN with no payload, which the runtime's arithmetic makes.
  static func defaultNaN(_ dtype: DType) -> Literal { Literal(Double.nan, as: dtype) }
}

extension UInt64 {
  fileprivate func hexadecimal(digits: Int) -> String {
    let text = String(self, radix: 16)
    return "0x" + String(repeating: "0", count: Swift.max(0, digits - text.count)) + text
  }
}

extension SourceText {
  /// The literal in a range of bytes, as an element of a dtype.
  func literal(_ range: Range<Int>, as dtype: DType) throws(BloxError) -> Literal {
    let text = text(range)
    switch dtype.kind {
    case .boolean:
      guard text == "true" || text == "false" else { throw error(at: range, expected: "true or false for bool") }
      return Literal(dtype: dtype, bits: text == "true" ? 1 : 0)
    case .signed, .unsigned:
      guard let bits = integerBits(text, as: dtype) else {
        let (low, high) = (Literal.lowest(dtype), Literal.highest(dtype))
        throw error(at: range, expected: "an integer from \(low) to \(high) for \(dtype)")
      }
      return Literal(dtype: dtype, bits: bits)
    case .key:
      guard let bits = hexadecimal(text, after: "key(", digits: 16) else {
        throw error(at: range, expected: "16 hexadecimal digits such as key(0x000000000000002a) for key")
      }
      return Literal(dtype: dtype, bits: bits)
    case .floating:
      return try float(text, range, as: dtype)
    }
  }

  private func integerBits(_ text: String, as dtype: DType) -> UInt64? {
    guard text.utf8.count <= 20, text.utf8.first != UInt8(ascii: "+") else { return nil }
    if dtype.kind == .unsigned {
      guard let value = UInt64(text), value <= Literal.highest(dtype).bits else { return nil }
      return value
    }
    guard let value = Int64(text), value >= Literal.lowest(dtype).signedValue,
      value <= Literal.highest(dtype).signedValue
    else { return nil }
    return UInt64(bitPattern: value)
  }

  /// The bits of `PREFIX0x…)` with exactly so many digits.
  private func hexadecimal(_ text: String, after prefix: String, digits: Int) -> UInt64? {
    guard text.hasPrefix(prefix + "0x"), text.hasSuffix(")") else { return nil }
    let number = text.dropFirst(prefix.count + 2).dropLast()
    guard number.utf8.count == digits, number.utf8.first != UInt8(ascii: "+") else { return nil }
    return UInt64(number, radix: 16)
  }

  private func float(_ text: String, _ range: Range<Int>, as dtype: DType) throws(BloxError) -> Literal {
    if text == "nan" { return .defaultNaN(dtype) }
    if text == "inf" { return .highest(dtype) }
    if text == "-inf" { return .lowest(dtype) }
    if text.hasPrefix("nan(") {
      let digits = dtype.byteCount * 2
      guard let bits = hexadecimal(text, after: "nan(", digits: digits),
        Literal(dtype: dtype, bits: bits).doubleValue.isNaN
      else { throw error(at: range, expected: "the \(digits) hexadecimal digits of a NaN of \(dtype)") }
      return Literal(dtype: dtype, bits: bits)
    }
    guard isDecimal(range) else { throw error(at: range, expected: "a number for \(dtype)") }
    // Longer numbers than any float needs are refused, so that conversion takes linear time.
    guard range.count <= 1100, let result = number(text, as: dtype), result.doubleValue.isFinite else {
      throw error(at: range, expected: "a number in the range of \(dtype)")
    }
    return result
  }

  private func number(_ text: String, as dtype: DType) -> Literal? {
    // By way of Double, an f32 would be rounded twice. For 16 bits that matters only to numbers written with more
    // digits than Double tells apart, and never to what is printed.
    if dtype == .f32 { return Float(text).map { Literal(dtype: dtype, bits: UInt64($0.bitPattern)) } }
    return Double(text).map { Literal($0, as: dtype) }
  }

  /// `["-"] digits ["." digits] ["e" ["+" | "-"] digits]`
  private func isDecimal(_ range: Range<Int>) -> Bool {
    var offset = range.lowerBound
    func skipDigits() -> Bool {
      let start = offset
      while offset < range.upperBound, bytes[offset].isDigit { offset += 1 }
      return offset > start
    }
    func take(_ accepted: String) -> Bool {
      guard offset < range.upperBound, accepted.utf8.contains(bytes[offset]) else { return false }
      offset += 1
      return true
    }
    _ = take("-")
    guard skipDigits() else { return false }
    if take("."), !skipDigits() { return false }
    if take("eE") {
      _ = take("+-")
      guard skipDigits() else { return false }
    }
    return offset == range.upperBound
  }
}

extension Literal {
  /// The literal that a text stands for, as in program text; `nil` where it is none of the dtype.
  package init?(parsing text: String, as dtype: DType) {
    let source = SourceText(file: "", bytes: Array(text.utf8))
    guard let literal = try? source.literal(0..<source.bytes.count, as: dtype) else { return nil }
    self = literal
  }
}
