// The bytes of a program's text, and errors that point into them.

/// A text being parsed. Offsets count bytes; positions are computed only when an error needs them.
struct SourceText: Sendable {
  let file: String
  let bytes: [UInt8]

  /// The line and column of an offset, both from 1; columns count Unicode scalars.
  func position(of offset: Int) -> (line: Int, column: Int) {
    var line = 1
    var column = 1
    for byte in bytes[..<min(offset, bytes.count)] {
      if byte == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    return (line, column)
  }

  /// `FILE:LINE:COLUMN`.
  func place(of offset: Int) -> String {
    let (line, column) = position(of: offset)
    return "\(file):\(line):\(column)"
  }

  /// The text of a range of bytes.
  func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  /// An error whose message is put behind the place.
  func error(at offset: Int, _ message: String) -> BloxError {
    error(message: "\(place(of: offset)): \(message)", at: offset)
  }

  /// An error about the token at an offset.
  func error(at offset: Int, expected: String) -> BloxError {
    error(at: offset, "got \(token(at: offset)), expected \(expected)")
  }

  /// An error about a range of bytes that make up one token.
  func error(at range: Range<Int>, expected: String) -> BloxError {
    error(at: range.lowerBound, "got '\(SourceText.shown(range, of: bytes))', expected \(expected)")
  }

  /// A type rule's error as one of this text.
  func error(at offset: Int, _ cause: BloxError) -> BloxError { error(at: offset, cause.message) }

  /// An error with a complete message.
  func error(message: String, at offset: Int) -> BloxError {
    BloxError(.syntax, message, location: SourceLocation(file: file, line: position(of: offset).line))
  }

  /// The token at an offset in quotes: a word, a string up to its end, or one character.
  private func token(at offset: Int) -> String {
    guard offset < bytes.count else { return "the end of the file" }
    let first = bytes[offset]
    var end = offset + 1
    if first == UInt8(ascii: "\n") || first == UInt8(ascii: "\r") { return "the end of the line" }
    if first == UInt8(ascii: "\"") {
      while end < bytes.count, bytes[end] != first, bytes[end] != UInt8(ascii: "\n") { end += 1 }
      if end < bytes.count, bytes[end] == first { end += 1 }
    } else if first == UInt8(ascii: "/") {
      while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
    } else if first.isNameByte || "%@-".utf8.contains(first) {
      while end < bytes.count, bytes[end].isNameByte { end += 1 }
    } else {
      while end < bytes.count, bytes[end] & 0xC0 == 0x80 { end += 1 }
    }
    return "'\(SourceText.shown(offset..<end, of: bytes))'"
  }

  /// At most 40 characters of a token, with control characters made visible: hostile text must not reach a terminal.
  private static func shown(_ range: Range<Int>, of bytes: [UInt8]) -> String {
    let limited = range.count <= 160 ? range : range.lowerBound..<range.lowerBound + 160
    let all = String(decoding: bytes[limited], as: UTF8.self)
    let text = all.count <= 40 && range == limited ? all : all.prefix(39) + "…"
    var result = ""
    for scalar in text.unicodeScalars {
      if scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) {
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension UInt8 {
  var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
  var isLetter: Bool {
    (self | 0x20 >= UInt8(ascii: "a") && self | 0x20 <= UInt8(ascii: "z")) || self == UInt8(ascii: "_")
  }
  /// Whether the byte may stand in the name of a value or program.
  var isNameByte: Bool {
    isDigit || isLetter || self == UInt8(ascii: ".") || self == UInt8(ascii: "-") || self == UInt8(ascii: "$")
  }
}
