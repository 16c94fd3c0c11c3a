// Reading of gzip files: a DEFLATE stream with a header and a checksum.
//
// Source: RFC 1952. A file may hold several members, whose contents stand one after the other:
//
//   1F 8B 08 flags time(4) xfl os [extra] [name 0] [comment 0] [crc16]  stream  crc32 size

import BloxIR

enum GzipFile {
  /// The most bytes that are read: a small file can stand for a thousand times its size.
  private static let byteLimit = 1 << 32

  /// Whether bytes begin as a gzip file does.
  static func isGzip(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

  /// The contents of a file.
  static func contents(_ bytes: [UInt8], _ path: String) throws(BloxError) -> [UInt8] {
    var (contents, position): ([UInt8], Int) = ([], 0)
    repeat {
      let member = try member(bytes, from: position, limit: byteLimit - contents.count, path)
      contents = contents.isEmpty ? member.contents : contents + member.contents
      position = member.end
    } while position < bytes.count
    return contents
  }

  private static func member(
    _ bytes: [UInt8], from start: Int, limit: Int, _ path: String
  ) throws(BloxError) -> (contents: [UInt8], end: Int) {
    let cut = BloxError(.file, "\(path): the gzip file ends in the middle")
    guard bytes.count - start >= 18 else { throw cut }
    guard bytes[start] == 0x1F, bytes[start + 1] == 0x8B, bytes[start + 2] == 8 else {
      throw BloxError(.file, "\(path): what should be a gzip member is none")
    }
    let flags = bytes[start + 3]
    guard flags & 0xE0 == 0 else { throw BloxError(.file, "\(path): the gzip file has flags that are not known") }
    var position = start + 10
    if flags & 4 != 0 {
      guard bytes.count - position >= 2 else { throw cut }
      position += 2 + Int(bytes[position]) + Int(bytes[position + 1]) << 8
    }
    // A name, then a comment, each up to a zero.
    for flag: UInt8 in [8, 16] where flags & flag != 0 {
      guard position < bytes.count, let end = bytes[position...].firstIndex(of: 0) else { throw cut }
      position = end + 1
    }
    if flags & 2 != 0 { position += 2 }
    guard bytes.count - position >= 8 else { throw cut }
    let range = position..<bytes.count - 8
    let (contents, end) = try Inflate.inflate(
      bytes, range, limit: limit, subject: path)
    func word(_ offset: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(bytes[end + offset + $1]) << UInt32(8 * $1) } }
    guard word(0) == CRC32.checksum([contents]), word(4) == UInt32(truncatingIfNeeded: contents.count) else {
      throw BloxError(.file, "\(path): the gzip file is damaged: its contents do not have their checksum or size")
    }
    return (contents, end + 8)
  }
}
