// The checksum of zip and gzip files.
//
// Source: ISO 3309, as in RFC 1952, section 8: the remainder of the polynomial 0xEDB88320 (bits reversed). Eight bytes
// are taken at a time, with a table for each ("slicing by 8"), since a byte at a time is slower than reading.

enum CRC32 {
  private static let tables: [[UInt32]] = {
    var tables = [[UInt32]](repeating: [UInt32](repeating: 0, count: 256), count: 8)
    for byte in 0..<256 {
      var value = UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
      tables[0][byte] = value
    }
    for table in 1..<8 {
      for byte in 0..<256 {
        let before = tables[table - 1][byte]
        tables[table][byte] = before >> 8 ^ tables[0][Int(before & 0xFF)]
      }
    }
    return tables
  }()

  /// The checksum of the pieces, one after the other.
  static func checksum(_ pieces: [[UInt8]]) -> UInt32 {
    let flat = tables.flatMap { $0 }
    var crc: UInt32 = 0xFFFF_FFFF
    flat.withUnsafeBufferPointer { tables in
      for piece in pieces { piece.withUnsafeBytes { crc = update(crc, $0, tables) } }
    }
    return ~crc
  }

  private static func update(
    _ start: UInt32, _ bytes: UnsafeRawBufferPointer, _ tables: UnsafeBufferPointer<UInt32>
  ) -> UInt32 {
    var crc = start
    var index = 0
    while index + 8 <= bytes.count {
      let low = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self)) ^ crc
      let high = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index + 4, as: UInt32.self))
      crc = tables[7 * 256 + Int(low & 0xFF)] ^ tables[6 * 256 + Int(low >> 8 & 0xFF)]
      crc ^= tables[5 * 256 + Int(low >> 16 & 0xFF)] ^ tables[4 * 256 + Int(low >> 24)]
      crc ^= tables[3 * 256 + Int(high & 0xFF)] ^ tables[2 * 256 + Int(high >> 8 & 0xFF)]
      crc ^= tables[256 + Int(high >> 16 & 0xFF)] ^ tables[Int(high >> 24)]
      index += 8
    }
    while index < bytes.count {
      crc = crc >> 8 ^ tables[Int((crc ^ UInt32(bytes[index])) & 0xFF)]
      index += 1
    }
    return crc
  }
}
