// NumPy's npy format, versions 1 to 3.
//
// Source: numpy/lib/format.py. The file is the magic string, a version, the length of the header, the header (a Python
// dictionary literal, padded so that the elements are aligned to 64 bytes), and the elements:
//
//   \x93NUMPY 1 0 <u16 length> {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }      \n <elements>

import BloxIR
import BloxRuntime
import BloxTrace

enum NPYFile {
  private static let magic = Array("\u{93}NUMPY".unicodeScalars.map { UInt8($0.value) })
  /// Longer headers are of structured dtypes, or hostile.
  private static let headerLimit = 1 << 16

  /// What a header says.
  struct Header {
    var type: TensorType
    var isColumnMajor: Bool
    /// Where the elements begin.
    var offset: Int
  }

  // MARK: Writing

  /// Everything before the elements.
  static func header(_ type: TensorType) -> [UInt8] {
    let stored = type.stored
    let sizes = stored.shape.map(String.init).joined(separator: ", ") + (stored.rank == 1 ? "," : "")
    var text = "{'descr': '\(name(stored.dtype))', 'fortran_order': False, 'shape': (\(sizes)), }"
    let unpadded = magic.count + 4 + text.utf8.count + 1
    text += String(repeating: " ", count: (64 - unpadded % 64) % 64) + "\n"
    let length = text.utf8.count
    return magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(text.utf8)
  }

  private static func name(_ dtype: DType) -> String {
    switch dtype {
    case .bool: "|b1"
    case .i8: "|i1"
    case .i16: "<i2"
    case .i32: "<i4"
    case .i64: "<i8"
    case .u8: "|u1"
    case .u16: "<u2"
    case .u32: "<u4"
    case .u64: "<u8"
    // NumPy has no bf16; ml_dtypes writes it as bytes without a meaning.
    case .bf16: "<V2"
    case .f16: "<f2"
    case .f32: "<f4"
    case .f64: "<f8"
    case .key: preconditionFailure("keys are stored as words")
    }
  }

  // MARK: Reading

  static func load<Source: ByteSource & ~Copyable>(_ reader: borrowing Source) throws -> Tensor {
    let header = try header(reader)
    let (expected, present) = (header.type.byteCount, reader.byteCount - header.offset)
    guard present == expected else {
      throw BloxError(
        .file,
        "\(reader.path): \(header.type) has \(expected) bytes of elements; the file has \(present) after its header")
    }
    let storage = try reader.storage(at: header.offset, count: expected)
    if header.type.dtype == .bool { try TensorFile.checkTruthValues(storage, reader.path) }
    guard header.isColumnMajor else { return Tensor(type: header.type, storage: storage) }
    // With the first index fastest, the elements are those of the transpose in row-major order.
    let transpose = Tensor(type: header.type.with(shape: header.type.shape.reversed()), storage: storage)
    return try transpose.transpose()
  }

  /// Reads and checks what stands before the elements.
  static func header<Source: ByteSource & ~Copyable>(_ reader: borrowing Source) throws(BloxError) -> Header {
    let path = reader.path
    let start = try reader.bytes(at: 0, count: min(reader.byteCount, magic.count + 6))
    guard start.starts(with: magic), start.count >= magic.count + 4 else {
      throw BloxError(.file, "\(path) is no npy file: it does not start with \\x93NUMPY")
    }
    let version = start[magic.count]
    guard (1...3).contains(version) else {
      throw BloxError(.file, "\(path): version \(version) of the npy format is not known; versions 1 to 3 are")
    }
    // Version 1 has a length of two bytes, the others of four.
    let lengthBytes = version == 1 ? 2 : 4
    let offset = magic.count + 2 + lengthBytes
    let length = start.dropFirst(magic.count + 2).prefix(lengthBytes).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard start.count >= offset, length <= reader.byteCount - offset else {
      throw BloxError(.file, "\(path): the header has \(length) bytes, more than the file")
    }
    guard length <= headerLimit else {
      throw BloxError(.file, "\(path): a header of \(length) bytes; at most \(headerLimit) are read")
    }
    var parser = NPYHeaderParser(try reader.bytes(at: offset, count: length), path: path)
    let (type, isColumnMajor) = try parser.header()
    return Header(type: type, isColumnMajor: isColumnMajor, offset: offset + length)
  }
}
