// A JSON reader for the manifests and the safetensors headers.
//
// Foundation's reader does not tell `1` from `true` and `1.0` on every platform, and says little
// about where a file is wrong; a manifest needs both.

/// A JSON value.
public enum JSON: Sendable, Hashable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number written without fraction and exponent that fits `Int`.
  case int(Int)
  /// Any other number.
  case double(Double)
  /// A string.
  case string(String)
  /// An array.
  case array([JSON])
  /// An object.
  case object([String: JSON])

  /// Reads the one value that `bytes` hold.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8 text.
  ///   - file: What errors name as the place.
  public init(parsing bytes: some Collection<UInt8>, file: String = "JSON text") throws {
    var parser = JSONParser(bytes: Array(bytes), file: file)
    self = try parser.parseDocument()
  }

  /// Whether this is `null`.
  public var isNull: Bool { self == .null }

  /// The value of a boolean.
  public var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  /// The value of an integer.
  public var int: Int? {
    if case .int(let value) = self { value } else { nil }
  }

  /// The value of a number, or of the strings "nan", "inf", and "-inf" that manifests write for
  /// what JSON cannot say.
  public var double: Double? {
    switch self {
    case .int(let value): Double(value)
    case .double(let value): value
    case .string("nan"): .nan
    case .string("inf"): .infinity
    case .string("-inf"): -.infinity
    default: nil
    }
  }

  /// The value of a string.
  public var string: String? {
    if case .string(let value) = self { value } else { nil }
  }

  /// The elements of an array.
  public var array: [JSON]? {
    if case .array(let value) = self { value } else { nil }
  }

  /// The members of an object.
  public var object: [String: JSON]? {
    if case .object(let value) = self { value } else { nil }
  }

  /// The elements of an array of integers, as shapes and axes are written.
  public var ints: [Int]? { all(\.int) }

  /// The elements of an array of numbers.
  public var doubles: [Double]? { all(\.double) }

  /// The elements of an array of strings.
  public var strings: [String]? { all(\.string) }

  /// The elements of an array of integers where `null` is allowed, as `in_axes` are written.
  public var optionalInts: [Int?]? {
    guard let elements = array else { return nil }
    var result: [Int?] = []
    for element in elements {
      guard element.isNull || element.int != nil else { return nil }
      result.append(element.int)
    }
    return result
  }

  /// The axes that an `axis` attribute means: an integer is one axis; `null` is nil, "all axes".
  public var axes: [Int]? { int.map { [$0] } ?? ints }

  /// The member of an object; nil when there is none, and when this is no object.
  public subscript(key: String) -> JSON? { object?[key] }

  /// The element of an array; nil when there is none, and when this is no array.
  public subscript(index: Int) -> JSON? {
    guard let elements = array, elements.indices.contains(index) else { return nil }
    return elements[index]
  }

  private func all<Element>(_ get: (JSON) -> Element?) -> [Element]? {
    guard let elements = array else { return nil }
    let result = elements.compactMap(get)
    return result.count == elements.count ? result : nil
  }
}

extension JSON: CustomStringConvertible {
  /// The value as JSON text on one line, object members sorted by name.
  public var description: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .int(let value): "\(value)"
    case .double(let value): "\(value)"
    case .string(let value): Self.quoted(value)
    case .array(let elements): "[" + elements.map(\.description).joined(separator: ", ") + "]"
    case .object(let members):
      "{"
        + members.sorted { $0.key < $1.key }.map { Self.quoted($0.key) + ": \($0.value)" }
        .joined(separator: ", ") + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar in
      switch scalar {
      case "\"", "\\": "\\\(scalar)"
      case "\n": "\\n"
      case "\t": "\\t"
      case "\r": "\\r"
      default: String(scalar)
      }
    }
    return "\"" + escaped.joined() + "\""
  }
}

/// A recursive-descent parser that knows the byte it is at.
private struct JSONParser {
  let bytes: [UInt8]
  let file: String
  var position = 0
  var depth = 0

  init(bytes: [UInt8], file: String) {
    self.bytes = bytes
    self.file = file
  }

  mutating func parseDocument() throws -> JSON {
    let value = try parseValue()
    skipSpace()
    guard position == bytes.count else { throw error("text after the end of the value") }
    return value
  }

  func error(_ message: String) -> TestSupportError {
    let before = bytes[..<min(position, bytes.count)]
    let newline = UInt8(ascii: "\n")
    let line = before.reduce(1) { $0 + ($1 == newline ? 1 : 0) }
    let column = before.count - (before.lastIndex(of: newline).map { $0 + 1 } ?? 0) + 1
    return TestSupportError(file: file, place: "line \(line), column \(column)", message: message)
  }

  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  mutating func take(_ byte: UInt8) -> Bool {
    skipSpace()
    guard next == byte else { return false }
    position += 1
    return true
  }

  mutating func expect(_ character: Unicode.Scalar) throws {
    guard take(UInt8(ascii: character)) else { throw error("expected '\(character)'") }
  }

  mutating func parseValue() throws -> JSON {
    skipSpace()
    guard let byte = next else { throw error("the text ends where a value is expected") }
    // A file that nests deeper than any manifest would otherwise end in a stack overflow.
    depth += 1
    defer { depth -= 1 }
    guard depth < 256 else { throw error("nested more than 256 levels deep") }
    switch byte {
    case UInt8(ascii: "{"): return try parseObject()
    case UInt8(ascii: "["): return try parseArray()
    case UInt8(ascii: "\""): return .string(try parseString())
    case UInt8(ascii: "t"): return try parseWord("true", .bool(true))
    case UInt8(ascii: "f"): return try parseWord("false", .bool(false))
    case UInt8(ascii: "n"): return try parseWord("null", .null)
    default: return try parseNumber()
    }
  }

  mutating func parseWord(_ word: String, _ value: JSON) throws -> JSON {
    guard bytes[position...].starts(with: word.utf8) else { throw error("expected '\(word)'") }
    position += word.utf8.count
    return value
  }

  mutating func parseObject() throws -> JSON {
    try expect("{")
    var members: [String: JSON] = [:]
    if take(UInt8(ascii: "}")) { return .object(members) }
    repeat {
      skipSpace()
      let key = try parseString()
      try expect(":")
      let value = try parseValue()
      guard members.updateValue(value, forKey: key) == nil else {
        throw error("the key '\(key)' occurs twice in one object")
      }
    } while take(UInt8(ascii: ","))
    try expect("}")
    return .object(members)
  }

  mutating func parseArray() throws -> JSON {
    try expect("[")
    var elements: [JSON] = []
    if take(UInt8(ascii: "]")) { return .array(elements) }
    repeat { elements.append(try parseValue()) } while take(UInt8(ascii: ","))
    try expect("]")
    return .array(elements)
  }

  mutating func parseNumber() throws -> JSON {
    let start = position
    while let byte = next {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"),
        UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
        position += 1
        continue
      default: break
      }
      break
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if let value = Int(text) { return .int(value) }
    if let value = Double(text) { return .double(value) }
    position = start
    throw error("expected a value")
  }

  mutating func parseString() throws -> String {
    guard next == UInt8(ascii: "\"") else { throw error("expected a string") }
    position += 1
    var text: [UInt8] = []
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): text.append(contentsOf: try parseEscape())
      default: text.append(byte)
      }
    }
    throw error("the text ends inside a string")
  }

  mutating func parseEscape() throws -> [UInt8] {
    guard let byte = next else { throw error("the text ends inside a string") }
    position += 1
    switch byte {
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "u"):
      var code = UInt32(try parseHex())
      // A character outside the basic plane is written as two halves.
      if (0xD800..<0xDC00).contains(code), bytes[position...].starts(with: [0x5C, 0x75]) {
        position += 2
        let low = UInt32(try parseHex())
        guard (0xDC00..<0xE000).contains(low) else { throw error("half a surrogate pair") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw error("half a surrogate pair") }
      return Array(String(Character(scalar)).utf8)
    default:
      position -= 1
      throw error("unknown escape")
    }
  }

  mutating func parseHex() throws -> UInt16 {
    let end = position + 4
    guard end <= bytes.count,
      let value = UInt16(String(decoding: bytes[position..<end], as: UTF8.self), radix: 16)
    else { throw error("expected four hexadecimal digits") }
    position = end
    return value
  }
}
