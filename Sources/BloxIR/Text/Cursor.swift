// Tokens of program text, read one at a time from bytes.
//
// Spaces, line ends and `//` comments separate tokens. The cursor stands right behind the last token taken, so that
// the parser can still ask for the note on the same line.

/// A name with its place.
struct NameSyntax: Sendable, Equatable {
  let text: String
  let offset: Int
}

/// Reads tokens. Linear: the blank between two tokens is skipped once and remembered.
struct Cursor: Sendable {
  let source: SourceText
  private(set) var position = 0
  private var blankStart = -1
  private var blankEnd = 0

  init(_ source: SourceText) { self.source = source }

  private var bytes: [UInt8] { source.bytes }

  /// The offset of the next token.
  mutating func next() -> Int {
    if blankStart == position { return blankEnd }
    var offset = position
    let count = source.bytes.count
    while offset < count {
      switch source.bytes[offset] {
      case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\t"), UInt8(ascii: "\r"): offset += 1
      case UInt8(ascii: "/") where offset + 1 < count && source.bytes[offset + 1] == UInt8(ascii: "/"):
        while offset < count, source.bytes[offset] != UInt8(ascii: "\n") { offset += 1 }
      default:
        blankStart = position
        blankEnd = offset
        return offset
      }
    }
    blankStart = position
    blankEnd = offset
    return offset
  }

  /// The first byte of the next token, `nil` at the end.
  mutating func peek() -> UInt8? {
    let offset = next()
    return offset < source.bytes.count ? source.bytes[offset] : nil
  }

  /// Whether the next token stands on the line where the last one ended.
  mutating func isNextOnSameLine() -> Bool {
    let end = next()
    return end < source.bytes.count && !source.bytes[position..<end].contains(UInt8(ascii: "\n"))
  }

  /// Goes back to an earlier position.
  mutating func rewind(to offset: Int) { position = offset }

  mutating func take(_ symbol: StaticString) -> Bool {
    let offset = next()
    let count = symbol.utf8CodeUnitCount
    guard offset + count <= source.bytes.count else { return false }
    for index in 0..<count where source.bytes[offset + index] != symbol.utf8Start[index] { return false }
    position = offset + count
    return true
  }

  mutating func expect(_ symbol: StaticString, _ expected: @autoclosure () -> String? = nil) throws(BloxError) {
    if !take(symbol) { throw source.error(at: next(), expected: expected() ?? "'\(symbol)'") }
  }

  mutating func error(expected: String) -> BloxError { source.error(at: next(), expected: expected) }

  // MARK: Words and names

  /// A word of letters, digits and underscores, if one comes next.
  mutating func word() -> NameSyntax? {
    let start = next()
    guard let first = peek(), first.isLetter else { return nil }
    var end = start
    while end < bytes.count, bytes[end].isLetter || bytes[end].isDigit { end += 1 }
    position = end
    return NameSyntax(text: source.text(start..<end), offset: start)
  }

  mutating func word(expected: String) throws(BloxError) -> NameSyntax {
    guard let word = word() else { throw error(expected: expected) }
    return word
  }

  /// `%name`; the text is without the sign.
  mutating func valueName() throws(BloxError) -> NameSyntax {
    try name(after: "%", expected: "a value such as '%0'")
  }

  /// `@name` or `@"any text"`; the text is without sign and quotes.
  mutating func programName() throws(BloxError) -> NameSyntax {
    let start = next()
    if start + 1 < bytes.count, bytes[start] == UInt8(ascii: "@"), bytes[start + 1] == UInt8(ascii: "\"") {
      position = start + 1
      return NameSyntax(text: try string(), offset: start)
    }
    return try name(after: "@", expected: "a program name such as '@main'")
  }

  private mutating func name(after sign: StaticString, expected: String) throws(BloxError) -> NameSyntax {
    let start = next()
    guard take(sign) else { throw error(expected: expected) }
    var end = position
    while end < bytes.count, bytes[end].isNameByte { end += 1 }
    guard end > position else { throw source.error(at: start, expected: expected) }
    let text = source.text(position..<end)
    position = end
    return NameSyntax(text: text, offset: start)
  }

  // MARK: Numbers and strings

  /// A decimal integer that fits 64 bits.
  mutating func integer(expected: String = "an integer") throws(BloxError) -> Int {
    let start = next()
    var end = start
    if end < bytes.count, bytes[end] == UInt8(ascii: "-") { end += 1 }
    let digits = end
    while end < bytes.count, bytes[end].isDigit { end += 1 }
    guard end > digits else { throw error(expected: expected) }
    guard end - start <= 20, let value = Int(source.text(start..<end)) else {
      throw source.error(at: start..<end, expected: "an integer of 64 bits")
    }
    position = end
    return value
  }

  /// A quoted string with its escapes resolved.
  mutating func string() throws(BloxError) -> String {
    let start = next()
    guard take("\"") else { throw error(expected: "a string in quotes") }
    var content: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return String(decoding: content, as: UTF8.self)
      case UInt8(ascii: "\n"):
        throw source.error(at: start, expected: "a closing quote on the same line")
      case UInt8(ascii: "\\"):
        content.append(contentsOf: String(try escape()).utf8)
      default:
        content.append(byte)
        position += 1
      }
    }
    throw source.error(at: start, expected: "a closing quote on the same line")
  }

  private mutating func escape() throws(BloxError) -> Unicode.Scalar {
    let expected = #"an escape: \" \\ \n \t \r or \u{…}"#
    let start = position
    guard position + 1 < bytes.count else { throw source.error(at: start, expected: expected) }
    position += 2
    switch bytes[position - 1] {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "u"):
      var end = position
      while end < bytes.count, end - position < 10, bytes[end] != UInt8(ascii: "}") { end += 1 }
      guard end < bytes.count, bytes[position] == UInt8(ascii: "{"), bytes[end] == UInt8(ascii: "}"),
        let number = UInt32(source.text(position + 1..<end), radix: 16), let scalar = Unicode.Scalar(number)
      else { throw source.error(at: start, expected: expected) }
      position = end + 1
      return scalar
    default: throw source.error(at: start, expected: expected)
    }
  }

  /// The bytes of a literal: a number, `true`, `false`, `inf`, `nan`, `nan(0x…)` or `key(0x…)`.
  mutating func literal(expected: String) throws(BloxError) -> Range<Int> {
    let start = next()
    var end = start
    func isWordByte(_ offset: Int) -> Bool {
      guard offset < source.bytes.count else { return false }
      let byte = source.bytes[offset]
      return byte.isDigit || byte.isLetter || byte == UInt8(ascii: ".")
        || ((byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+"))
          && source.bytes[offset - 1] | 0x20 == UInt8(ascii: "e"))
    }
    if end < bytes.count, bytes[end] == UInt8(ascii: "-") { end += 1 }
    guard end < bytes.count, bytes[end].isDigit || bytes[end].isLetter else { throw error(expected: expected) }
    end += 1
    while isWordByte(end) { end += 1 }
    let isBits = end - start == 3 && ["nan", "key"].contains(source.text(start..<end))
    if isBits, end < bytes.count, bytes[end] == UInt8(ascii: "(") {
      end += 1
      while isWordByte(end) { end += 1 }
      guard end < bytes.count, bytes[end] == UInt8(ascii: ")") else {
        throw source.error(at: end, expected: "')'")
      }
      end += 1
    }
    position = end
    return start..<end
  }

  /// A type such as `f32[2,3]`, checked for its size.
  mutating func type() throws(BloxError) -> TensorType {
    let start = next()
    let expected = "a type such as f32[2,3]"
    let name = try word(expected: expected)
    guard let dtype = DType(rawValue: name.text) else {
      let known = DType.allCases.map(\.rawValue)
      throw source.error(
        at: start,
        expected: "a dtype\(Spelling.suggestion(for: name.text, among: known)): "
          + known.joined(separator: ", "))
    }
    try expect("[", "'[' and the shape")
    var shape: [Int] = []
    if !take("]") {
      repeat {
        shape.append(try integer(expected: "a dimension or ']'"))
      } while take(",")
      try expect("]", "',' or ']'")
    }
    let type = TensorType(dtype, shape)
    do { try type.validate(source.place(of: start)) } catch { throw source.error(message: error.message, at: start) }
    return type
  }

  /// The note of the instruction that ends here: a comment on the same line.
  mutating func note() -> SourceNote {
    var start = position
    while start < bytes.count, bytes[start] == UInt8(ascii: " ") || bytes[start] == UInt8(ascii: "\t") { start += 1 }
    guard start + 1 < bytes.count, bytes[start] == UInt8(ascii: "/"), bytes[start + 1] == UInt8(ascii: "/") else {
      return SourceNote()
    }
    var end = start + 2
    while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
    position = end
    return SourceNote(text: source.text(start + 2..<end))
  }
}
