// Writing of zip archives: entries are stored, not compressed, as NumPy's `savez` does.

import BloxIR

extension ZipArchive {
  /// What stands around the data of the entries.
  struct Layout {
    /// What stands before the data of each entry.
    private(set) var headers: [[UInt8]] = []
    /// What stands behind the last one.
    private(set) var directory: [UInt8] = []

    /// The date of all entries, 1 January 1980, so that equal contents make equal files.
    private static let date: [(UInt64, Int)] = [(0, 2), (0x21, 2)]
    /// From here on sizes, offsets and counts stand in the wide fields of zip64.
    private static let wide: UInt64 = 0xFFFF_FFFF

    init(_ entries: [(name: String, byteCount: Int, checksum: UInt32)], _ path: String) throws(BloxError) {
      var offset: UInt64 = 0
      for (name, byteCount, checksum) in entries {
        let nameBytes = Array(name.utf8)
        guard nameBytes.count <= 0xFFFF else {
          throw BloxError(.invalidArgument, "\(path): a name of \(nameBytes.count) bytes is too long for a zip archive")
        }
        let size = UInt64(byteCount)
        let isWide = size >= Self.wide
        // Bit 11 says that the name is UTF-8.
        let flags: UInt64 = nameBytes.allSatisfy { $0 < 128 } ? 0 : 1 << 11
        let start: [(UInt64, Int)] = [(isWide ? 45 : 20, 2), (flags, 2), (0, 2)] + Self.date
        let sizes: [(UInt64, Int)] = [(UInt64(checksum), 4), (min(size, Self.wide), 4), (min(size, Self.wide), 4)]
        let localExtra: [UInt8] = isWide ? Self.bytes([(1, 2), (16, 2), (size, 8), (size, 8)]) : []
        let lengths: [(UInt64, Int)] = [(UInt64(nameBytes.count), 2), (UInt64(localExtra.count), 2)]
        let header = Self.bytes([(localSignature, 4)] + start + sizes + lengths) + nameBytes + localExtra
        headers.append(header)

        var values: [(UInt64, Int)] = isWide ? [(size, 8), (size, 8)] : []
        if offset >= Self.wide { values.append((offset, 8)) }
        let extra = values.isEmpty ? [] : Self.bytes([(1, 2), (UInt64(8 * values.count), 2)] + values)
        let rest: [(UInt64, Int)] = [
          (UInt64(nameBytes.count), 2), (UInt64(extra.count), 2), (0, 2), (0, 2), (0, 2), (0, 4),
          (min(offset, Self.wide), 4),
        ]
        let version: (UInt64, Int) = (values.isEmpty ? 20 : 45, 2)
        directory += Self.bytes([(entrySignature, 4), version] + start + sizes + rest) + nameBytes + extra
        offset += UInt64(header.count) + size
      }
      directory += Self.end(entryCount: UInt64(entries.count), offset: offset, byteCount: UInt64(directory.count))
    }

    private static func end(entryCount: UInt64, offset: UInt64, byteCount: UInt64) -> [UInt8] {
      var end: [UInt8] = []
      if entryCount >= 0xFFFF || offset >= wide || byteCount >= wide {
        end += bytes([
          (end64Signature, 4), (44, 8), (45, 2), (45, 2), (0, 4), (0, 4), (entryCount, 8), (entryCount, 8),
          (byteCount, 8), (offset, 8), (locatorSignature, 4), (0, 4), (offset + byteCount, 8), (1, 4),
        ])
      }
      let count = min(entryCount, 0xFFFF)
      return end
        + bytes([
          (endSignature, 4), (0, 2), (0, 2), (count, 2), (count, 2), (min(byteCount, wide), 4), (min(offset, wide), 4),
          (0, 2),
        ])
    }

    private static func bytes(_ fields: [(value: UInt64, width: Int)]) -> [UInt8] {
      fields.flatMap { field in
        (0..<field.width).map { UInt8(truncatingIfNeeded: field.value >> UInt64(8 * $0)) }
      }
    }
  }
}
