// The grammar of CSV.
//
// Source: RFC 4180. Fields may stand in quotes, in which quotes are doubled and anything else stands for itself, line
// breaks included. Lines end with LF or CRLF. A blank line at the end is no row.

import BloxIR

struct CSVParser {
  struct Row {
    var fields: [String] = []
    /// The line on which the row begins, from 1.
    var line: Int
  }

  private let bytes: [UInt8]
  private let name: String
  private let delimiter: UInt8
  private var position = 0
  private var line = 1

  private static let quote = UInt8(ascii: "\"")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  init(_ text: String, name: String, delimiter: UInt8) {
    bytes = Array(text.utf8)
    self.name = name
    self.delimiter = delimiter
    // Spreadsheets begin with a byte order mark.
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  func failure(_ line: Int, _ what: String) -> BloxError { BloxError(.file, "\(name):\(line): \(what)") }

  mutating func rows() throws(BloxError) -> [Row] {
    var rows: [Row] = []
    while position < bytes.count { rows.append(try row()) }
    return rows
  }

  private mutating func row() throws(BloxError) -> Row {
    var row = Row(line: line)
    while true {
      row.fields.append(try field())
      guard position < bytes.count else { return row }
      let separator = bytes[position]
      position += 1
      if separator == delimiter { continue }
      if separator == Self.carriageReturn {
        guard position < bytes.count, bytes[position] == Self.lineFeed else {
          throw failure(line, "a carriage return without a line feed; save the file with LF or CRLF line ends")
        }
        position += 1
      }
      line += 1
      return row
    }
  }

  /// A field, up to the delimiter or the end of the line, which is left.
  private mutating func field() throws(BloxError) -> String {
    guard position < bytes.count, bytes[position] == Self.quote else { return try plainField() }
    let start = line
    position += 1
    var content: [UInt8] = []
    while true {
      guard position < bytes.count else { throw failure(start, "a quoted field that does not end") }
      let byte = bytes[position]
      position += 1
      if byte == Self.lineFeed { line += 1 }
      if byte == Self.quote {
        guard position < bytes.count, bytes[position] == Self.quote else { break }
        position += 1
      }
      content.append(byte)
    }
    if position < bytes.count, ![delimiter, Self.lineFeed, Self.carriageReturn].contains(bytes[position]) {
      throw failure(line, "text behind the closing quote of a field; a quote within a quoted field is written \"\"")
    }
    return String(decoding: content, as: UTF8.self)
  }

  private mutating func plainField() throws(BloxError) -> String {
    let start = position
    while position < bytes.count {
      let byte = bytes[position]
      if byte == delimiter || byte == Self.lineFeed || byte == Self.carriageReturn { break }
      guard byte != Self.quote else {
        throw failure(line, "a quote within a field; put the field in quotes and write \"\" for the quote")
      }
      position += 1
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }
}
