// A reader of safetensors files that depends on nothing that is under test.

/// A tensor as a file stores it: an element type, a shape, and bytes.
public struct StoredTensor: Sendable, Hashable {
  /// The name in the file.
  public var name: String
  /// The element type by its safetensors name: `BOOL`, `U8`...`U64`, `I8`...`I64`, `F16`, `BF16`,
  /// `F32`, or `F64`.
  public var dtype: String
  /// The extents of the axes; empty for a scalar.
  public var shape: [Int]
  /// The elements in row-major order, little-endian; a `BOOL` is one byte, 0 or 1.
  public var bytes: [UInt8]

  /// Makes a tensor.
  public init(name: String, dtype: String, shape: [Int], bytes: [UInt8]) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
  }

  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }

  /// The size of one element in bytes; nil for an element type that is not known.
  public static func byteCount(ofDType dtype: String) -> Int? {
    switch dtype {
    case "BOOL", "U8", "I8": 1
    case "U16", "I16", "F16", "BF16": 2
    case "U32", "I32", "F32": 4
    case "U64", "I64", "F64": 8
    default: nil
    }
  }

  /// Whether the elements are floating-point numbers.
  public var isFloating: Bool { ["F16", "BF16", "F32", "F64"].contains(dtype) }

  /// The elements as `Double`, exactly but for 64-bit integers; a `BOOL` is 0 or 1.
  public func doubles() throws -> [Double] {
    switch dtype {
    case "F64": words(UInt64.self).map(Double.init(bitPattern:))
    case "F32", "F16", "BF16": try floats().map(Double.init)
    case "U64": words(UInt64.self).map(Double.init)
    default: try ints().map(Double.init)
    }
  }

  /// The elements of an `F32`, `F16`, or `BF16` tensor as `Float`, exactly. A NaN of `F32` keeps
  /// its bits.
  public func floats() throws -> [Float] {
    switch dtype {
    case "F32": words(UInt32.self).map(Float.init(bitPattern:))
    case "BF16": words(UInt16.self).map { Float(bitPattern: UInt32($0) << 16) }
    case "F16": words(UInt16.self).map(widenHalf)
    default: throw wrongType("a floating-point type of at most 32 bits")
    }
  }

  /// The elements of an integer or `BOOL` tensor. A `U64` above `Int.max` keeps its bits.
  public func ints() throws -> [Int] {
    switch dtype {
    case "BOOL", "U8": bytes.map(Int.init)
    case "I8": words(UInt8.self).map { Int(Int8(bitPattern: $0)) }
    case "U16": words(UInt16.self).map(Int.init)
    case "I16": words(UInt16.self).map { Int(Int16(bitPattern: $0)) }
    case "U32": words(UInt32.self).map(Int.init)
    case "I32": words(UInt32.self).map { Int(Int32(bitPattern: $0)) }
    case "U64", "I64": words(UInt64.self).map { Int(truncatingIfNeeded: $0) }
    default: throw wrongType("an integer type")
    }
  }

  /// The elements of a `BOOL` tensor.
  public func bools() throws -> [Bool] {
    guard dtype == "BOOL" else { throw wrongType("BOOL") }
    return bytes.map { $0 != 0 }
  }

  /// The random keys in a `U32` tensor of shape `[..., 2]`: `(first word, second word)` of each.
  public func keys() throws -> [(UInt32, UInt32)] {
    guard dtype == "U32", shape.last == 2 else { throw wrongType("keys, that is U32 [..., 2],") }
    let all = words(UInt32.self)
    return stride(from: 0, to: all.count, by: 2).map { (all[$0], all[$0 + 1]) }
  }

  /// The bit patterns of the elements, whose size must be that of `Word`.
  private func words<Word: FixedWidthInteger>(_: Word.Type) -> [Word] {
    let size = MemoryLayout<Word>.size
    return bytes.withUnsafeBytes { raw in
      (0..<raw.count / size).map {
        Word(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * size, as: Word.self))
      }
    }
  }

  private func wrongType(_ wanted: String) -> TestSupportError {
    TestSupportError(
      file: "tensor", place: name, message: "is \(dtype) \(shape) where \(wanted) is wanted")
  }
}

extension StoredTensor: CustomStringConvertible {
  /// The name, the element type, and the shape.
  public var description: String { "\(name): \(dtype) \(shape)" }
}

/// The value of an IEEE half-precision number. `Float16` does not exist on every platform.
private func widenHalf(_ bits: UInt16) -> Float {
  let sign = UInt32(bits & 0x8000) << 16
  let exponent = Int(bits >> 10 & 0x1F)
  let fraction = UInt32(bits & 0x3FF)
  switch exponent {
  case 0:
    let magnitude = Float(fraction) * 0x1p-24
    return Float(bitPattern: magnitude.bitPattern | sign)
  case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
  default: return Float(bitPattern: sign | UInt32(exponent + 112) << 23 | fraction << 13)
  }
}

/// The tensors of a safetensors file, in memory.
public struct SafetensorsFile: Sendable {
  /// The file.
  public let path: String
  /// The names of the tensors, in the order of their bytes.
  public let names: [String]
  /// The free-form strings of the header.
  public let metadata: [String: String]
  private let tensors: [String: StoredTensor]

  /// Reads the file at `path`.
  public init(path: String) throws {
    try self.init(bytes: try Fixtures.bytes(at: path), path: path)
  }

  /// Reads a file that is in memory.
  ///
  /// - Parameters:
  ///   - bytes: The contents.
  ///   - path: What errors name as the file.
  public init(bytes: [UInt8], path: String) throws {
    func fail(_ place: String, _ message: String) -> TestSupportError {
      TestSupportError(file: path, place: place, message: message)
    }
    guard bytes.count >= 8 else { throw fail("byte 0", "no room for the length of the header") }
    let length = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(bytes.count - 8) else {
      throw fail("byte 0", "a header of \(length) bytes in a file of \(bytes.count)")
    }
    let start = 8 + Int(length)
    let header = try JSON(parsing: bytes[8..<start], file: path)
    guard let entries = header.object else { throw fail("byte 8", "the header is no object") }

    var metadata: [String: String] = [:]
    var tensors: [String: StoredTensor] = [:]
    var order: [(name: String, offset: Int)] = []
    for (name, entry) in entries {
      if name == "__metadata__" {
        metadata = entry.object?.compactMapValues(\.string) ?? [:]
        continue
      }
      guard let dtype = entry["dtype"]?.string, let shape = entry["shape"]?.ints,
        let range = entry["data_offsets"]?.ints, range.count == 2
      else { throw fail(name, "needs dtype, shape, and two data_offsets, has \(entry)") }
      guard let size = StoredTensor.byteCount(ofDType: dtype) else {
        throw fail(name, "unknown element type '\(dtype)'")
      }
      let (count, overflow) = shape.reduce((size, false)) { partial, extent in
        let (product, tooLarge) = partial.0.multipliedReportingOverflow(by: extent)
        return (product, partial.1 || tooLarge || extent < 0)
      }
      guard !overflow else { throw fail(name, "impossible shape \(shape)") }
      guard 0 <= range[0], range[0] <= range[1], range[1] <= bytes.count - start else {
        throw fail(name, "bytes \(range) lie outside the \(bytes.count - start) bytes of data")
      }
      guard range[1] - range[0] == count else {
        throw fail(name, "\(dtype) \(shape) takes \(count) bytes, not \(range[1] - range[0])")
      }
      tensors[name] = StoredTensor(
        name: name, dtype: dtype, shape: shape,
        bytes: Array(bytes[start + range[0]..<start + range[1]]))
      order.append((name, range[0]))
    }
    self.path = path
    self.metadata = metadata
    self.tensors = tensors
    // Empty tensors share their offset with a neighbour, so the name decides.
    names = order.sorted { ($0.offset, $0.name) < ($1.offset, $1.name) }.map(\.name)
  }

  /// The tensor called `name`.
  public func tensor(_ name: String) throws -> StoredTensor {
    guard let tensor = tensors[name] else {
      throw TestSupportError(file: path, place: name, message: "there is no such tensor")
    }
    return tensor
  }

  /// Whether there is a tensor called `name`.
  public func contains(_ name: String) -> Bool { tensors[name] != nil }
}
