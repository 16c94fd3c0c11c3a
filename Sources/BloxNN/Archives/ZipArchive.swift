// Reading of zip archives.
//
// Source: PKWARE's APPNOTE.TXT, sections 4.3 and 4.5. An archive ends with a directory, found from its end:
//
//   { local header, data } …  { directory entry } …  [zip64 end, zip64 locator]  end record, comment
//
// Sizes are 32 bits wide; 0xFFFFFFFF sends the reader to a zip64 extra field, or to the zip64 end.

import BloxIR

/// The entries of an archive, checked not to overlap and not to reach beyond the file.
struct ZipArchive {
  /// How an entry's data is kept.
  enum Method { case stored, deflated }

  struct Entry {
    var name: String
    var method: Method
    var checksum: UInt32
    /// Where the data is in the file.
    var data: Range<Int>
    /// The size of the contents.
    var byteCount: Int
  }

  static let entrySignature: UInt64 = 0x0201_4B50
  static let localSignature: UInt64 = 0x0403_4B50
  static let endSignature: UInt64 = 0x0605_4B50
  static let end64Signature: UInt64 = 0x0606_4B50
  static let locatorSignature: UInt64 = 0x0706_4B50
  static let endLength = 22
  /// How long names and extra fields may be together, and the comment.
  private static let textLimit = 0xFFFF

  /// In the order of the directory.
  private(set) var entries: [Entry] = []
  private let path: String

  init(_ reader: borrowing ByteReader) throws(BloxError) {
    path = reader.path
    let end = try Self.end(reader)
    var directory = Fields(try reader.bytes(at: end.offset, count: end.byteCount), path: path)
    for _ in 0..<end.entryCount { entries.append(try Self.entry(&directory, reader, limit: end.offset)) }
    guard directory.isAtEnd else { throw Self.damaged(path, "its directory goes on after its last entry") }
    try check()
  }

  private static func damaged(_ path: String, _ what: String) -> BloxError {
    BloxError(.file, "\(path): the zip archive is damaged: \(what)")
  }

  /// Data that serves two entries makes a small file stand for a huge one.
  private func check() throws(BloxError) {
    var names: Set<String> = []
    for entry in entries where !names.insert(entry.name).inserted {
      throw Self.damaged(path, "it has '\(entry.name)' twice")
    }
    var covered = 0
    for entry in entries.sorted(by: { $0.data.lowerBound < $1.data.lowerBound }) where !entry.data.isEmpty {
      guard entry.data.lowerBound >= covered else {
        throw Self.damaged(path, "'\(entry.name)' shares bytes with another entry")
      }
      covered = entry.data.upperBound
    }
  }

  // MARK: The end

  private struct End {
    var entryCount: Int
    var offset: Int
    var byteCount: Int
  }

  private static func end(_ reader: borrowing ByteReader) throws(BloxError) -> End {
    let path = reader.path
    let tailCount = min(reader.byteCount, endLength + textLimit)
    let tailStart = reader.byteCount - tailCount
    let tail = try reader.bytes(at: tailStart, count: tailCount)
    // The last place where the record fits, with a comment that reaches the end of the file.
    let place = stride(from: tailCount - endLength, through: 0, by: -1).first { index in
      tail[index...].starts(with: [0x50, 0x4B, 5, 6])
        && index + endLength + Int(tail[index + 20]) + Int(tail[index + 21]) << 8 == tailCount
    }
    guard let place else { throw BloxError(.file, "\(path) is no zip archive: it has no end record") }
    var fields = Fields(Array(tail[place..<place + endLength]), path: path)
    _ = try fields.number(4)
    let disks = (try fields.number(2), try fields.number(2))
    var counts = (try fields.number(2), try fields.number(2))
    var (size, offset) = (try fields.number(4), try fields.number(4))
    var limit = tailStart + place
    if counts.1 == 0xFFFF || size == 0xFFFF_FFFF || offset == 0xFFFF_FFFF {
      limit = try end64(reader, before: limit, &counts, &size, &offset)
    }
    guard disks == (0, 0), counts.0 == counts.1 else { throw BloxError(.file, "\(path): it is one part of several") }
    guard size <= UInt64(limit), offset <= UInt64(limit) - size else {
      throw damaged(path, "its directory reaches beyond its end")
    }
    // Each entry has 46 bytes or more.
    guard counts.1 <= size / 46 else { throw damaged(path, "it has fewer entries than it says") }
    return End(entryCount: Int(counts.1), offset: Int(offset), byteCount: Int(size))
  }

  /// Reads the wide form of the end record; where it begins.
  private static func end64(
    _ reader: borrowing ByteReader, before end: Int, _ counts: inout (UInt64, UInt64), _ size: inout UInt64,
    _ offset: inout UInt64
  ) throws(BloxError) -> Int {
    let path = reader.path
    guard end >= 20 else { throw damaged(path, "it has no zip64 locator") }
    var locator = Fields(try reader.bytes(at: end - 20, count: 20), path: path)
    // An archive may have exactly 65535 entries, and no wide form.
    guard try locator.number(4) == locatorSignature else { return end }
    _ = try locator.number(4)
    let place = try locator.number(8)
    guard place <= UInt64(end - 20), UInt64(end - 20) - place >= 56 else {
      throw damaged(path, "its zip64 end record is not where it should be")
    }
    var fields = Fields(try reader.bytes(at: Int(place), count: 56), path: path)
    guard try fields.number(4) == end64Signature else {
      throw damaged(path, "its zip64 end record is not where it should be")
    }
    // The record's size, two versions, and two disks.
    for width in [8, 2, 2, 4, 4] { _ = try fields.number(width) }
    counts = (try fields.number(8), try fields.number(8))
    (size, offset) = (try fields.number(8), try fields.number(8))
    return Int(place)
  }

  // MARK: Entries

  private static func entry(
    _ directory: inout Fields, _ reader: borrowing ByteReader, limit: Int
  ) throws(BloxError) -> Entry {
    let path = reader.path
    guard try directory.number(4) == entrySignature else { throw damaged(path, "an entry of its directory is none") }
    _ = try directory.number(4)
    let (flags, method) = (try directory.number(2), try directory.number(2))
    _ = try directory.number(4)
    let checksum = UInt32(try directory.number(4))
    var (packed, size) = (try directory.number(4), try directory.number(4))
    let lengths = (try directory.number(2), try directory.number(2), try directory.number(2))
    _ = try directory.number(8)
    var offset = try directory.number(4)
    let nameBytes = try directory.bytes(Int(lengths.0))
    // Names that are not marked as UTF-8 are in an old code page, whose first half is the same.
    guard let name = String(validating: nameBytes, as: UTF8.self),
      flags >> 11 & 1 == 1 || nameBytes.allSatisfy({ $0 < 128 })
    else { throw damaged(path, "a name in its directory is not UTF-8") }
    var extra = Fields(try directory.bytes(Int(lengths.1)), path: path)
    _ = try directory.bytes(Int(lengths.2))
    try widen(&extra, &size, &packed, &offset)
    guard flags & 1 == 0 else { throw BloxError(.file, "\(path): '\(name)' is encrypted, which is not supported") }
    guard method == 0 || method == 8 else {
      throw BloxError(
        .file, "\(path): '\(name)' is compressed by method \(method); supported are 0 (stored) and 8 (deflate)")
    }
    let data = try self.data(name, offset, packed, reader, limit: limit)
    guard size <= UInt64(Int.max), method == 8 || size == packed, size <= Inflate.largestOutput(of: data.count) else {
      throw damaged(path, "'\(name)' cannot have \(size) bytes: \(packed) are stored")
    }
    return Entry(
      name: name, method: method == 0 ? .stored : .deflated, checksum: checksum, data: data, byteCount: Int(size))
  }

  /// Takes what does not fit 32 bits from the zip64 extra field: only the fields that are full, in this order.
  private static func widen(
    _ extra: inout Fields, _ size: inout UInt64, _ packed: inout UInt64, _ offset: inout UInt64
  ) throws(BloxError) {
    while !extra.isAtEnd {
      let (kind, length) = (try extra.number(2), try extra.number(2))
      var field = Fields(try extra.bytes(Int(length)), path: extra.path)
      guard kind == 1 else { continue }
      if size == 0xFFFF_FFFF { size = try field.number(8) }
      if packed == 0xFFFF_FFFF { packed = try field.number(8) }
      if offset == 0xFFFF_FFFF { offset = try field.number(8) }
    }
  }

  /// Where an entry's data is: behind its local header, whose name and extra field may have other lengths.
  private static func data(
    _ name: String, _ offset: UInt64, _ packed: UInt64, _ reader: borrowing ByteReader, limit: Int
  ) throws(BloxError) -> Range<Int> {
    let outside = damaged(reader.path, "'\(name)' reaches beyond the data")
    guard offset <= UInt64(limit), limit - Int(offset) >= 30 else { throw outside }
    var local = Fields(try reader.bytes(at: Int(offset), count: 30), path: reader.path)
    guard try local.number(4) == localSignature else {
      throw damaged(reader.path, "'\(name)' is not where it should be")
    }
    _ = try local.bytes(22)
    let begin = Int(offset) + 30 + Int(try local.number(2)) + Int(try local.number(2))
    guard begin <= limit, packed <= UInt64(limit - begin) else { throw outside }
    return begin..<begin + Int(packed)
  }

  /// The contents of an entry, whose checksum must be right.
  func contents(_ entry: Entry, _ reader: borrowing ByteReader) throws(BloxError) -> [UInt8] {
    let subject = "\(path): '\(entry.name)'"
    var contents = try reader.bytes(at: entry.data.lowerBound, count: entry.data.count)
    if entry.method == .deflated {
      contents = try Inflate.inflate(contents, 0..<contents.count, limit: entry.byteCount, subject: subject).contents
    }
    guard contents.count == entry.byteCount else {
      throw BloxError(.file, "\(subject) should have \(entry.byteCount) bytes and has \(contents.count)")
    }
    guard CRC32.checksum([contents]) == entry.checksum else {
      throw BloxError(.file, "\(subject) is damaged: its checksum is not the one in the archive")
    }
    return contents
  }
}

/// Numbers and bytes one after the other, lowest byte first.
struct Fields {
  private let contents: [UInt8]
  private var position = 0
  let path: String

  init(_ contents: [UInt8], path: String) {
    self.contents = contents
    self.path = path
  }

  var isAtEnd: Bool { position == contents.count }

  mutating func bytes(_ count: Int) throws(BloxError) -> [UInt8] {
    guard count <= contents.count - position else {
      throw BloxError(.file, "\(path): the archive is damaged: a record ends in the middle")
    }
    defer { position += count }
    return Array(contents[position..<position + count])
  }

  mutating func number(_ width: Int) throws(BloxError) -> UInt64 {
    try bytes(width).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
