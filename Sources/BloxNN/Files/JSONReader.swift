// A reader of JSON by schema.
//
// The caller says what must come next, so nothing is read to a depth that the caller does not know: hostile nesting
// meets an error and no recursion.

import BloxIR

struct JSONReader {
  private let bytes: [UInt8]
  /// What is read, for messages: `FILE: the safetensors header`.
  private let subject: String
  private var position = 0

  init(_ bytes: [UInt8], subject: String) {
    self.bytes = bytes
    self.subject = subject
  }

  /// Whether the text begins with a symbol, without blanks before it.
  func starts(with symbol: Unicode.Scalar) -> Bool { bytes.first == UInt8(ascii: symbol) }

  /// Throws unless everything was read.
  mutating func end() throws(BloxError) {
    skipBlanks()
    guard position == bytes.count else { throw failure("goes on after its closing brace") }
  }

  /// An object: calls `body` for each name, to read the value.
  mutating func members(
    _ body: (inout Self, String) throws(BloxError) -> Void
  ) throws(BloxError) {
    try expect("{")
    if take("}") { return }
    repeat {
      let name = try string()
      try expect(":")
      try body(&self, name)
    } while take(",")
    try expect("}")
  }

  /// An array of whole numbers.
  mutating func numbers() throws(BloxError) -> [Int] {
    var numbers: [Int] = []
    try expect("[")
    if take("]") { return [] }
    repeat { numbers.append(try number()) } while take(",")
    try expect("]")
    return numbers
  }

  mutating func number() throws(BloxError) -> Int {
    skipBlanks()
    let digits = bytes[position...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    let hasLeadingZero = digits.count > 1 && digits.first == UInt8(ascii: "0")
    guard !digits.isEmpty, digits.count < 20, !hasLeadingZero, let value = Int(String(decoding: digits, as: UTF8.self))
    else { throw failure("needs a whole number from 0 to 2^63 - 1 at byte \(position)") }
    position += digits.count
    return value
  }

  /// `true` or `false`.
  mutating func truthValue() throws(BloxError) -> Bool {
    if takeWord("true") { return true }
    if takeWord("false") { return false }
    throw failure("needs true or false at byte \(position)")
  }

  /// Letters, digits and signs up to the next symbol: a number, or a word such as `null`.
  mutating func word() -> String {
    skipBlanks()
    let start = position
    while let byte = peek(), byte > 0x20, byte < 0x7F, !"{}[],:\"".utf8.contains(byte) { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  /// Takes a word if it comes next.
  mutating func takeWord(_ wanted: String) -> Bool {
    let start = position
    if word() == wanted { return true }
    position = start
    return false
  }

  mutating func string() throws(BloxError) -> String {
    try expect("\"")
    let start = position
    var content: [UInt8] = []
    while true {
      guard let byte = peek(), byte >= 0x20 else { throw failure("has a string that does not end, at byte \(start)") }
      position += 1
      if byte == UInt8(ascii: "\"") { break }
      if byte == UInt8(ascii: "\\") {
        content.append(contentsOf: Array(String(try escape()).utf8))
      } else {
        content.append(byte)
      }
    }
    guard let text = String(validating: content, as: UTF8.self) else {
      throw failure("has a string that is not UTF-8, at byte \(start)")
    }
    return text
  }

  /// What follows a backslash; two escaped surrogates make one scalar.
  mutating func escape() throws(BloxError) -> Unicode.Scalar {
    guard let letter = peek() else { throw failure("ends within a string") }
    position += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      var value = try hexadecimal()
      if (0xD800..<0xDC00).contains(value), bytes[position...].starts(with: "\\u".utf8) {
        position += 2
        let low = try hexadecimal()
        guard (0xDC00..<0xE000).contains(low) else { throw failure("has half a surrogate pair at byte \(position)") }
        value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(value) else { throw failure("has half a surrogate pair at byte \(position)") }
      return scalar
    default: throw failure("has an unknown escape at byte \(position)")
    }
  }

  mutating func hexadecimal() throws(BloxError) -> UInt32 {
    let digits = bytes[position...].prefix(4)
    guard digits.count == 4, digits.first != UInt8(ascii: "+"),
      let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw failure("has an unknown escape at byte \(position)") }
    position += 4
    return value
  }

  // MARK: Symbols

  /// Whether a symbol comes next; it is not taken.
  mutating func next(_ symbol: Unicode.Scalar) -> Bool {
    skipBlanks()
    return peek() == UInt8(ascii: symbol)
  }

  func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func skipBlanks() {
    while let byte = peek(), [0x20, 0x0A, 0x0D, 0x09].contains(byte) { position += 1 }
  }

  mutating func take(_ symbol: Unicode.Scalar) -> Bool {
    skipBlanks()
    guard peek() == UInt8(ascii: symbol) else { return false }
    position += 1
    return true
  }

  mutating func expect(_ symbol: Unicode.Scalar) throws(BloxError) {
    guard take(symbol) else { throw failure("needs '\(symbol)' at byte \(position)") }
  }

  func failure(_ what: String) -> BloxError { BloxError(.file, "\(subject) \(what)") }
}
