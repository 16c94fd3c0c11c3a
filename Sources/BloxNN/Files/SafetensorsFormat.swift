// The safetensors format: a JSON header and the elements.
//
// Source: huggingface/safetensors, format section of its README. The file is the length of the header (u64), the
// header, and the elements of all tensors without gaps:
//
//   <u64> {"__metadata__":{"k":"v"},"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}  <elements>
//
// Offsets count from the end of the header. A reader must be able to trust nothing: see `Header.check`.

import BloxIR
import BloxTrace

enum SafetensorsFormat {
  /// The largest header that the reference implementation reads.
  private static let headerLimit = 100_000_000
  static let metadataName = "__metadata__"

  /// A tensor of a header, as it is stored.
  struct Entry {
    var name: String
    var type: TensorType
    /// The first byte and the end, from the end of the header.
    var begin: Int
    var end: Int
  }

  /// What a header says.
  struct Header {
    /// In the order of the text.
    var entries: [Entry] = []
    var metadata: [String: String] = [:]
    /// Where the elements begin in the file.
    var offset = 0
  }

  static func name(_ dtype: DType) -> String {
    switch dtype {
    case .bool: "BOOL"
    case .i8: "I8"
    case .i16: "I16"
    case .i32: "I32"
    case .i64: "I64"
    case .u8: "U8"
    case .u16: "U16"
    case .u32: "U32"
    case .u64: "U64"
    case .bf16: "BF16"
    case .f16: "F16"
    case .f32: "F32"
    case .f64: "F64"
    case .key: preconditionFailure("keys are stored as words")
    }
  }

  static func dtype(named name: String) -> DType? {
    DType.allCases.first { $0 != .key && self.name($0) == name }
  }

  // MARK: Reading

  static func load(_ reader: borrowing ByteReader) throws -> [(name: String, tensor: Tensor)] {
    let header = try header(reader)
    var tensors: [(name: String, tensor: Tensor)] = []
    for entry in header.entries {
      let storage = try reader.storage(at: header.offset + entry.begin, count: entry.end - entry.begin)
      let what = "\(reader.path): tensor '\(entry.name)'"
      if entry.type.dtype == .bool { try TensorFile.checkTruthValues(storage, what) }
      var type = entry.type
      if let dtype = header.metadata["dtype:" + entry.name] {
        guard dtype == "key", type.dtype == .u32, type.shape.last == 2 else {
          throw BloxError(.file, "\(what): a tensor of type \(type) cannot stand for one of dtype '\(dtype)'")
        }
        type = TensorType(.key, type.shape.dropLast())
      }
      tensors.append((entry.name, Tensor(type: type, storage: storage)))
    }
    return tensors
  }

  /// Reads and checks what stands before the elements.
  static func header(_ reader: borrowing ByteReader) throws(BloxError) -> Header {
    let path = reader.path
    guard reader.byteCount >= 8 else {
      throw BloxError(.file, "\(path) is no safetensors file: it has \(reader.byteCount) bytes, fewer than a header")
    }
    let length = try reader.bytes(at: 0, count: 8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(reader.byteCount - 8) else {
      throw BloxError(.file, "\(path): the header has \(length) bytes, more than the file")
    }
    guard length <= UInt64(headerLimit) else {
      throw BloxError(.file, "\(path): a header of \(length) bytes; at most \(headerLimit) are read")
    }
    var parser = JSONReader(try reader.bytes(at: 8, count: Int(length)), subject: "\(path): the safetensors header")
    var header = try parser.safetensorsHeader()
    header.offset = 8 + Int(length)
    try check(header, dataBytes: reader.byteCount - header.offset, path)
    return header
  }

  /// Every tensor's bytes fit its type, and together they cover the rest of the file once.
  private static func check(_ header: Header, dataBytes: Int, _ path: String) throws(BloxError) {
    for entry in header.entries {
      try TensorFile.validate(entry.type, "\(path): tensor '\(entry.name)'")
      guard entry.begin <= entry.end, entry.end <= dataBytes else {
        throw BloxError(
          .file, "\(path): tensor '\(entry.name)' has the bytes \(entry.begin)..<\(entry.end) of \(dataBytes)")
      }
      guard entry.end - entry.begin == entry.type.byteCount else {
        throw BloxError(
          .file,
          "\(path): tensor '\(entry.name)' of type \(entry.type) takes \(entry.type.byteCount) bytes; its offsets"
            + " \(entry.begin)..<\(entry.end) give it \(entry.end - entry.begin)")
      }
    }
    var covered = 0
    for entry in header.entries.sorted(by: { ($0.begin, $0.end) < ($1.begin, $1.end) }) {
      guard entry.begin == covered else {
        let what = entry.begin < covered ? "shares bytes with another tensor" : "has unused bytes before it"
        throw BloxError(.file, "\(path): tensor '\(entry.name)' at byte \(entry.begin) \(what)")
      }
      covered = entry.end
    }
    guard covered == dataBytes else {
      throw BloxError(.file, "\(path): \(dataBytes - covered) bytes at the end belong to no tensor")
    }
  }
}
