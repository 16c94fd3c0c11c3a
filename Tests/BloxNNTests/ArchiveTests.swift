// npz archives: what NumPy wrote is read, what is written is read back and by NumPy, and a damaged archive is an error.

import Foundation
import TestSupport
import Testing

@testable import BloxNN

@Suite("npz archives")
struct ArchiveTests {
  private func load(_ name: String) throws -> [String: Tensor] {
    Dictionary(uniqueKeysWithValues: try TensorFile.load(TensorFileTests.fixture(name)).map { ($0.name, $0.tensor) })
  }

  @Test("Stored and deflated archives are read as NumPy wrote them")
  func numPy() throws {
    let (stored, deflated) = (try load("stored.npz"), try load("deflated.npz"))
    #expect(stored.keys.sorted() == ["empty", "net/scalar", "noise", "repeats", "runs", "skewed"])
    for (name, tensor) in stored { #expect(try deflated[name]?.constant() == tensor.constant(), "\(name)") }
    #expect(stored["runs"]?.type == TensorType(.f32, [40, 50]))
    #expect(try stored["repeats"]?.scalars(as: Int.self) == (0..<12 * 700).map { $0 % 700 })
    #expect(try stored["net/scalar"]?.item() == 2.5)
    #expect(stored["empty"]?.type == TensorType(.f64, [2, 0, 3]))
    let levels = try load("levels.npz")
    for level in 0..<10 {
      #expect(
        try levels["level\(level)"]?.scalars(as: Int.self) == (0..<600).map { $0 * 7919 % (level * 30 + 11) })
    }
  }

  @Test("What is written is read back: every dtype, names in UTF-8, no tensor at all")
  func roundTrip() throws {
    var tensors = try TensorFileTests.stored.map {
      (name: "net/\($0)", tensor: try TensorFile.load(TensorFileTests.fixture("\($0).npy"))[0].tensor)
    }
    tensors.append(("größe", try Tensor.zeros([0, 2])))
    try TensorFileTests.withFolder { folder in
      let path = folder + "/x.npz"
      try TensorFile.save(tensors, to: path)
      let loaded = try TensorFile.load(path)
      #expect(loaded.map(\.name) == tensors.map(\.name))
      for (a, b) in zip(loaded, tensors) { #expect(try a.tensor.constant() == b.tensor.constant(), "\(a.name)") }
      let bytes = try Fixtures.bytes(at: path)
      try TensorFile.save(tensors, to: path)
      #expect(try Fixtures.bytes(at: path) == bytes)
      try TensorFile.save([], to: path)
      #expect(try TensorFile.load(path).isEmpty)
      #expect(throws: BloxError.self) { try TensorFile.save([tensors[0], tensors[0]], to: path) }
      #expect(throws: BloxError.self) { try TensorFile.save([], to: path, metadata: ["a": "b"]) }
    }
  }

  @Test("Archives with more than 65534 entries have a wide end record")
  func manyEntries() throws {
    let entries = (0..<65536).map { (name: "\($0)", byteCount: 0, checksum: UInt32(0)) }
    let layout = try ZipArchive.Layout(entries, "x.npz")
    try TensorFileTests.withFolder { folder in
      let path = folder + "/x.npz"
      try ByteFile.write(layout.headers + [layout.directory], to: path)
      let archive = try ZipArchive(ByteReader(path))
      #expect(archive.entries.map(\.name) == entries.map(\.name))
    }
  }

  @Test("Sizes and offsets of 4 GiB and more stand in wide fields")
  func wideFields() throws {
    let size = 5 << 30
    let layout = try ZipArchive.Layout([("a", size, 7), ("b", 2, 8)], "x.npz")
    let widths = { (value: Int) in (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    #expect(layout.headers[0].suffix(20) == [1, 0, 16, 0] + widths(size) + widths(size))
    let offset = layout.headers[0].count + size
    let wanted = [1, 0, 8, 0] + widths(offset)
    #expect(layout.directory.indices.contains { layout.directory[$0...].starts(with: wanted) })
  }

  /// Loads bytes as a file; the message of the error, or `nil` when they were read.
  private func message(_ bytes: [UInt8], suffix: String = "npz") throws -> String? {
    try TensorFileTests.withFolder { folder in
      let path = "\(folder)/x.\(suffix)"
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      do {
        _ = try TensorFile.load(path)
        return nil
      } catch let error as BloxError {
        #expect(error.code == .file)
        return error.message.replacing(path, with: "FILE")
      }
    }
  }

  @Test("Archives that lie are refused")
  func lies() throws {
    let good = try Fixtures.bytes(at: TensorFileTests.fixture("levels.npz"))
    let directory = try #require(good.indices.first { good[$0...].starts(with: [0x50, 0x4B, 1, 2]) })
    let end = good.count - 22
    func changed(_ index: Int, _ bytes: [UInt8]) -> [UInt8] {
      var copy = good
      copy.replaceSubrange(index..<index + bytes.count, with: bytes)
      return copy
    }
    // The second entry's data is where the first one's is.
    let second = try #require(good.indices.first { $0 > directory && good[$0...].starts(with: [0x50, 0x4B, 1, 2]) })
    for (what, bytes, wanted) in [
      ("no archive", Array("PK".utf8), "FILE is no zip archive"), ("nothing", [], "FILE is no zip archive"),
      ("encrypted", changed(directory + 8, [1]), "'level0.npy' is encrypted"),
      ("another method", changed(directory + 10, [99]), "'level0.npy' is compressed by method 99"),
      ("another checksum", changed(directory + 16, [1, 2, 3, 4]), "its checksum is not the one"),
      ("too large", changed(directory + 24, [0xFF, 0xFF, 0xFF, 0x0F]), "'level0.npy' cannot have 268435455 bytes"),
      ("smaller", changed(directory + 24, [10, 0, 0, 0]), "stands for more than the 10 bytes"),
      ("larger", changed(directory + 24, [0, 0x0B, 0, 0]), "should have 2816 bytes and has 2528"),
      ("data beyond", changed(directory + 20, [0xFF, 0xFF, 0xFF, 0x0F]), "'level0.npy' reaches beyond the data"),
      ("header elsewhere", changed(directory + 42, [1, 0, 0, 0]), "'level0.npy' is not where it should be"),
      ("header beyond", changed(directory + 42, [0xFF, 0xFF, 0xFF, 0x0F]), "'level0.npy' reaches beyond the data"),
      ("shared data", changed(second + 42, [0, 0, 0, 0]), "shares bytes with another entry"),
      ("one name twice", changed(second + 51, [UInt8(ascii: "0")]), "it has 'level0.npy' twice"),
      ("no npy name", changed(directory + 53, Array("txt".utf8)), "the entry 'level0.txt' is no npy file"),
      ("a name that is not UTF-8", changed(directory + 46, [0xFF]), "is not UTF-8"),
      ("more entries", changed(end + 8, [200, 0, 200, 0]), "it has fewer entries than it says"),
      ("fewer entries", changed(end + 8, [9, 0, 9, 0]), "goes on after its last entry"),
      ("directory beyond", changed(end + 16, [0xFF, 0xFF, 0xFF, 0]), "its directory reaches beyond its end"),
      ("several parts", changed(end + 4, [1]), "it is one part of several"),
      ("zip64 that is none", changed(end + 16, [0xFF, 0xFF, 0xFF, 0xFF]), "its directory reaches beyond its end"),
    ] {
      let text = try message(bytes)
      #expect(text?.contains(wanted) == true, "\(what): \(text ?? "was read")")
    }
    let bzip2 = try Fixtures.bytes(at: TensorFileTests.fixture("bzip2.npz"))
    #expect(try message(bzip2)?.contains("compressed by method 12; supported are 0 (stored) and 8 (deflate)") == true)
  }

  @Test("No prefix of an archive and no damaged byte brings the reader down, and damaged contents are never returned")
  func damage() throws {
    let good = try Fixtures.bytes(at: TensorFileTests.fixture("deflated.npz"))
    let contents = try TensorFile.load(TensorFileTests.fixture("deflated.npz")).map { try $0.tensor.constant() }
    var generator = SeededGenerator(seed: 11)
    for count in (0..<60).map({ _ in Int.random(in: 0..<good.count, using: &generator) }) {
      #expect(try message(Array(good[..<count])) != nil, "\(count) bytes")
    }
    for _ in 0..<300 {
      var bytes = good
      let (index, bit) = (Int.random(in: 0..<good.count, using: &generator), Int.random(in: 0..<8, using: &generator))
      bytes[index] ^= 1 << UInt8(bit)
      try TensorFileTests.withFolder { folder in
        let path = folder + "/x.npz"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        do {
          let loaded = try TensorFile.load(path)
          #expect(try loaded.map { try $0.tensor.constant() } == contents, "bit \(bit) of byte \(index)")
        } catch let error as BloxError {
          #expect(error.code == .file, "bit \(bit) of byte \(index): \(error)")
        }
      }
    }
  }

  @Test("DEFLATE streams that break the format's rules are refused")
  func streams() throws {
    func inflated(_ bytes: [UInt8], limit: Int = 1000) -> String {
      do {
        return "\(try Inflate.inflate(bytes, 0..<bytes.count, limit: limit, subject: "x").contents)"
      } catch {
        return error.message
      }
    }
    /// Bits in order, each field lowest bit first.
    func stream(_ fields: (value: Int, count: Int)...) -> [UInt8] {
      let bits = fields.flatMap { field in (0..<field.count).map { field.value >> $0 & 1 } }
      return stride(from: 0, to: bits.count, by: 8).map { start in
        bits[start..<min(start + 8, bits.count)].enumerated().reduce(UInt8(0)) {
          $0 | UInt8($1.element) << UInt8($1.offset)
        }
      }
    }
    // Codes are sent highest bit first: the fixed code of 256 is seven zeros, that of 257 is 0000001, of 0 is 00110000.
    let zero = (value: 0b0000_1100, count: 8)
    let copy3 = (value: 0b100_0000, count: 7)
    for (bytes, wanted) in [
      ([], "x: the compressed data ends in the middle"),
      ([3, 0], "[]"),
      (stream((1, 1), (1, 2), zero, copy3, (0, 5), (0, 7)), "[0, 0, 0, 0]"),
      (stream((1, 1), (1, 2), copy3, (0, 5), (0, 7)), "refers to bytes before its beginning"),
      (stream((1, 1), (1, 2), zero, copy3, (0b01111, 5), (0, 7)), "a distance symbol that means nothing"),
      (stream((1, 1), (1, 2), (0b0110_0011, 8), (0, 12)), "a length symbol that means nothing"),
      (stream((1, 1), (3, 2), (0, 8)), "a block of the reserved kind"),
      ([1, 1, 0, 0xFE, 0xFF, 9], "[9]"), ([1, 1, 0, 0xFF, 0xFF, 9], "a stored block whose length is damaged"),
      ([1, 2, 0, 0xFD, 0xFF, 9], "ends in the middle"),
      (stream((1, 1), (2, 2), (30, 5), (0, 5), (0, 4), (0, 40)), "a code with too many symbols"),
      (stream((1, 1), (2, 2), (0, 5), (0, 5), (0, 4), (0, 40)), "code lengths that make no code"),
      (
        stream((1, 1), (2, 2), (0, 5), (0, 5), (0, 4), (1, 3), (1, 3), (0, 6), (0, 80)),
        "repeats a code length before the first"
      ),
    ] {
      #expect(inflated(bytes).contains(wanted), "\(bytes): \(inflated(bytes))")
    }
    let long = stream((1, 1), (1, 2), zero, copy3, (0, 5), (0, 7))
    #expect(inflated(long, limit: 3).contains("stands for more than the 3 bytes"))
  }

  @Test("Checksums are those of the standard")
  func checksums() {
    #expect(CRC32.checksum([Array("123456789".utf8)]) == 0xCBF4_3926)
    #expect(CRC32.checksum([Array("12345".utf8), [], Array("6789".utf8)]) == 0xCBF4_3926)
    #expect(CRC32.checksum([]) == 0)
    #expect(CRC32.checksum([[UInt8](repeating: 0xFF, count: 32)]) == 0xFF6C_AB0B)
  }
}
