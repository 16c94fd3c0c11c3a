// Reading and writing text files.

import BloxIR
import Foundation
import Testing

@testable import BloxNN

@Suite("Text files")
struct TextFileTests {
  @Test("a file is read back as it was written, and replaced whole") func roundTrip() throws {
    let path = NSTemporaryDirectory() + "blox-\(UUID().uuidString).txt"
    defer { try? FileManager.default.removeItem(atPath: path) }
    for text in ["", "one\n", "zwölf\u{1F980}\n"] {
      try TextFile.write(text, to: path)
      #expect(try TextFile.read(path) == text)
    }
  }

  @Test("a file that cannot be read or written is an error with its path") func errors() throws {
    let path = NSTemporaryDirectory() + "blox-missing-\(UUID().uuidString)/file.txt"
    let read = try thrown { try TextFile.read(path) }
    #expect(read.code == .file)
    #expect(read.message == "cannot read \(path): No such file or directory", "\(read.message)")
    let write = try thrown { try TextFile.write("", to: path) }
    #expect(write.code == .file)
    #expect(write.message == "cannot write \(path): No such file or directory", "\(write.message)")
    let bytes = NSTemporaryDirectory() + "blox-\(UUID().uuidString).bin"
    defer { try? FileManager.default.removeItem(atPath: bytes) }
    try Data([0xFF, 0xFE]).write(to: URL(fileURLWithPath: bytes))
    #expect(try thrown { try TextFile.read(bytes) }.message == "\(bytes) is not a text file in UTF-8")
  }
}
