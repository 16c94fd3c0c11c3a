// Where the bytes of a tensor come from: an open file, or memory.

import BloxIR
import BloxRuntime

/// Bytes that can be read at any place. Callers stay within ``byteCount``.
protocol ByteSource: ~Copyable {
  /// What is read, for messages.
  var path: String { get }
  var byteCount: Int { get }
  func bytes(at offset: Int, count: Int) throws(BloxError) -> [UInt8]
  func storage(at offset: Int, count: Int) throws(BloxError) -> Storage
}

extension ByteReader: ByteSource {}

/// Bytes in memory, such as an entry of an archive.
struct ByteBuffer: ByteSource {
  let path: String
  let contents: [UInt8]

  var byteCount: Int { contents.count }

  func bytes(at offset: Int, count: Int) -> [UInt8] { Array(contents[offset..<offset + count]) }

  func storage(at offset: Int, count: Int) throws(BloxError) -> Storage {
    let bytes = contents[offset..<offset + count]
    let storage = try Storage(byteCount: count)
    storage.withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
    return storage
  }
}
