// The JSON of a safetensors header, read by its schema.
//
// The schema has a fixed depth, so hostile nesting meets an error and no recursion.

import BloxIR

struct SafetensorsHeaderParser {
  private let bytes: [UInt8]
  private let path: String
  private var position = 0

  init(_ bytes: [UInt8], path: String) {
    self.bytes = bytes
    self.path = path
  }

  mutating func header() throws(BloxError) -> SafetensorsFormat.Header {
    guard bytes.first == UInt8(ascii: "{") else { throw failure("does not start with '{'") }
    var header = SafetensorsFormat.Header()
    var names: Set<String> = []
    try members { (parser: inout Self, name) throws(BloxError) in
      guard names.insert(name).inserted else { throw parser.failure("has '\(name)' twice") }
      if name == SafetensorsFormat.metadataName {
        try parser.members { (parser: inout Self, key) throws(BloxError) in
          guard header.metadata.updateValue(try parser.string(), forKey: key) == nil else {
            throw parser.failure("has the metadata '\(key)' twice")
          }
        }
      } else {
        header.entries.append(try parser.entry(name))
      }
    }
    skipBlanks()
    guard position == bytes.count else { throw failure("goes on after its closing brace") }
    return header
  }

  private mutating func entry(_ name: String) throws(BloxError) -> SafetensorsFormat.Entry {
    var (dtype, shape, offsets): (DType?, [Int]?, [Int]?)
    try members { (parser: inout Self, key) throws(BloxError) in
      switch key {
      case "dtype" where dtype == nil:
        let text = try parser.string()
        dtype = SafetensorsFormat.dtype(named: text)
        if dtype == nil {
          throw parser.failure(
            "gives '\(name)' the dtype '\(text)'; supported are BOOL, I8 to I64, U8 to U64, BF16, F16, F32, F64")
        }
      case "shape" where shape == nil: shape = try parser.numbers()
      case "data_offsets" where offsets == nil: offsets = try parser.numbers()
      case "dtype", "shape", "data_offsets": throw parser.failure("gives '\(name)' the field '\(key)' twice")
      default:
        throw parser.failure("gives '\(name)' the field '\(key)', which is none of dtype, shape and data_offsets")
      }
    }
    guard let dtype, let shape, let offsets else {
      throw failure("gives '\(name)' no dtype, no shape or no data_offsets")
    }
    guard offsets.count == 2 else { throw failure("gives '\(name)' \(offsets.count) data_offsets instead of 2") }
    return SafetensorsFormat.Entry(name: name, type: TensorType(dtype, shape), begin: offsets[0], end: offsets[1])
  }

  // MARK: JSON

  /// An object: calls `body` for each name, to read the value.
  private mutating func members(
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
  private mutating func numbers() throws(BloxError) -> [Int] {
    var numbers: [Int] = []
    try expect("[")
    if take("]") { return [] }
    repeat { numbers.append(try number()) } while take(",")
    try expect("]")
    return numbers
  }

  private mutating func number() throws(BloxError) -> Int {
    skipBlanks()
    let digits = bytes[position...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    let hasLeadingZero = digits.count > 1 && digits.first == UInt8(ascii: "0")
    guard !digits.isEmpty, digits.count < 20, !hasLeadingZero, let value = Int(String(decoding: digits, as: UTF8.self))
    else { throw failure("needs a whole number from 0 to 2^63 - 1 at byte \(position)") }
    position += digits.count
    return value
  }

  private mutating func string() throws(BloxError) -> String {
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
  private mutating func escape() throws(BloxError) -> Unicode.Scalar {
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

  private mutating func hexadecimal() throws(BloxError) -> UInt32 {
    let digits = bytes[position...].prefix(4)
    guard digits.count == 4, digits.first != UInt8(ascii: "+"),
      let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw failure("has an unknown escape at byte \(position)") }
    position += 4
    return value
  }

  private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipBlanks() {
    while let byte = peek(), [0x20, 0x0A, 0x0D, 0x09].contains(byte) { position += 1 }
  }

  private mutating func take(_ symbol: Unicode.Scalar) -> Bool {
    skipBlanks()
    guard peek() == UInt8(ascii: symbol) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ symbol: Unicode.Scalar) throws(BloxError) {
    guard take(symbol) else { throw failure("needs '\(symbol)' at byte \(position)") }
  }

  private func failure(_ what: String) -> BloxError { BloxError(.file, "\(path): the safetensors header \(what)") }
}
