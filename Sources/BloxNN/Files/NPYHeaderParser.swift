// The header of an npy file: a Python dictionary literal with three known entries.

import BloxIR

/// Reads the literal. Only what NumPy writes for arrays of numbers is accepted; there is no nesting, so no depth.
struct NPYHeaderParser {
  private let bytes: [UInt8]
  private let path: String
  private var position = 0

  init(_ bytes: [UInt8], path: String) {
    self.bytes = bytes
    self.path = path
  }

  /// The type, and whether the first index runs fastest.
  mutating func header() throws(BloxError) -> (TensorType, isColumnMajor: Bool) {
    var (dtype, shape, isColumnMajor): (DType?, [Int]?, Bool?)
    try expect("{")
    while !take("}") {
      let key = try string()
      try expect(":")
      switch key {
      case "descr" where dtype == nil: dtype = try self.dtype()
      case "fortran_order" where isColumnMajor == nil: isColumnMajor = try truthValue()
      case "shape" where shape == nil: shape = try tuple()
      case "descr", "fortran_order", "shape": throw failure("has '\(key)' twice")
      default: throw failure("has an entry '\(key)', which is none of descr, fortran_order and shape")
      }
      if !take(",") {
        try expect("}")
        break
      }
    }
    skipBlanks()
    guard position == bytes.count else { throw failure("goes on after its closing brace") }
    guard let dtype, let shape, let isColumnMajor else {
      throw failure("lacks one of descr, fortran_order and shape")
    }
    let type = TensorType(dtype, shape)
    try TensorFile.validate(type, path)
    return (type, isColumnMajor)
  }

  private mutating func dtype() throws(BloxError) -> DType {
    skipBlanks()
    if peek() == UInt8(ascii: "[") {
      throw failure("describes a structured dtype; save each field as an array of its own")
    }
    let name = try string()
    guard let order = name.first, let kind = NPYHeaderParser.dtypes[String(name.dropFirst())], "<>=|".contains(order)
    else {
      throw failure("has the dtype '\(name)'; supported are bool, integers and floats of up to 64 bits, and bf16")
    }
    guard order != ">" || kind.byteCount == 1 else {
      throw failure("has the big-endian dtype '\(name)'; convert it in NumPy with x.astype('<\(name.dropFirst())')")
    }
    return kind
  }

  private static let dtypes: [String: DType] = [
    "b1": .bool, "i1": .i8, "i2": .i16, "i4": .i32, "i8": .i64, "u1": .u8, "u2": .u16, "u4": .u32, "u8": .u64,
    "V2": .bf16, "f2": .f16, "f4": .f32, "f8": .f64,
  ]

  private mutating func truthValue() throws(BloxError) -> Bool {
    if take("True") { return true }
    if take("False") { return false }
    throw failure("has a fortran_order that is neither True nor False")
  }

  /// `()`, `(3,)`, `(3, 4)`; Python 2 wrote sizes as `3L`.
  private mutating func tuple() throws(BloxError) -> [Int] {
    var sizes: [Int] = []
    try expect("(")
    while !take(")") {
      sizes.append(try number())
      _ = take("L")
      if !take(",") {
        try expect(")")
        break
      }
    }
    return sizes
  }

  private mutating func number() throws(BloxError) -> Int {
    skipBlanks()
    let digits = bytes[position...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard !digits.isEmpty, digits.count < 20, let value = Int(String(decoding: digits, as: UTF8.self)) else {
      throw failure("has a shape that is no tuple of whole numbers below 2^63")
    }
    position += digits.count
    return value
  }

  /// A string in either kind of quotes, without escapes.
  private mutating func string() throws(BloxError) -> String {
    skipBlanks()
    guard let quote = peek(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      throw failure("is no dictionary of strings and values")
    }
    position += 1
    let content = bytes[position...].prefix { $0 != quote && $0 != UInt8(ascii: "\\") && $0 >= 0x20 && $0 < 0x7F }
    position += content.count
    guard peek() == quote else { throw failure("has a string that does not end") }
    position += 1
    return String(decoding: content, as: UTF8.self)
  }

  private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipBlanks() {
    while let byte = peek(), byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") { position += 1 }
  }

  private mutating func take(_ symbol: String) -> Bool {
    skipBlanks()
    guard bytes[position...].starts(with: symbol.utf8) else { return false }
    position += symbol.utf8.count
    return true
  }

  private mutating func expect(_ symbol: String) throws(BloxError) {
    guard take(symbol) else { throw failure("is no dictionary: '\(symbol)' is missing at byte \(position)") }
  }

  private func failure(_ what: String) -> BloxError { BloxError(.file, "\(path): the npy header \(what)") }
}
