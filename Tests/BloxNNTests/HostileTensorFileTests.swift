// Files that lie: each is answered by an error that says what is wrong, before memory is asked for.

import BloxNN
import Foundation
import TestSupport
import Testing

@Suite("Hostile tensor files")
struct HostileTensorFileTests {
  /// Loads bytes as a file; the message of the error.
  private func message(_ bytes: [UInt8], suffix: String) throws -> String? {
    try TensorFileTests.withFolder { folder in
      let path = "\(folder)/x.\(suffix)"
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      do {
        for (_, tensor) in try TensorFile.load(path) { _ = try tensor.constant() }
        return nil
      } catch let error as BloxError {
        #expect(error.code == .file)
        return error.message.replacing(path, with: "FILE")
      }
    }
  }

  private func safetensors(_ header: String, data: Int, length: UInt64? = nil) -> [UInt8] {
    let text = Array(header.utf8)
    return (0..<8).map { UInt8(truncatingIfNeeded: (length ?? UInt64(text.count)) >> UInt64(8 * $0)) } + text
      + Array(repeating: 0, count: data)
  }

  @Test("safetensors headers that lie are refused")
  func safetensorsHeaders() throws {
    let scalar = #""dtype":"F32","shape":[],"data_offsets":[0,4]"#
    for (header, data, wanted) in [
      ("", 0, "the safetensors header does not start with '{'"),
      ("[]", 0, "the safetensors header does not start with '{'"),
      ("{", 0, "needs '\"' at byte 1"),
      ("{}x", 0, "goes on after its closing brace"),
      (#"{"a":{\#(scalar)},"a":{\#(scalar)}}"#, 8, "has 'a' twice"),
      (#"{"__metadata__":{"k":"v","k":"w"}}"#, 0, "has the metadata 'k' twice"),
      (#"{"__metadata__":{"k":1}}"#, 0, "needs '\"' at byte"),
      (#"{"__metadata__":{"k":{"k":{}}}}"#, 0, "needs '\"' at byte"),
      (#"{"a":\#(String(repeating: "[", count: 100_000))}"#, 0, "needs '{' at byte"),
      (#"{"a":\#(String(repeating: #"{"a":"#, count: 100_000))}"#, 0, "which is none of dtype, shape and data_offsets"),
      (#"{"a":{"dtype":"F32","shape":[]}}"#, 4, "gives 'a' no dtype, no shape or no data_offsets"),
      (#"{"a":{"dtype":"F32","dtype":"F32"}}"#, 4, "gives 'a' the field 'dtype' twice"),
      (#"{"a":{\#(scalar),"extra":1}}"#, 4, "gives 'a' the field 'extra'"),
      (
        #"{"a":{"dtype":"F8_E4M3","shape":[],"data_offsets":[0,1]}}"#, 1, "gives 'a' the dtype 'F8_E4M3'; supported are"
      ),
      (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "needs a whole number from 0"),
      (#"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#, 4, "needs ']' at byte"),
      (#"{"a":{"dtype":"F32","shape":[1e1],"data_offsets":[0,4]}}"#, 4, "needs ']' at byte"),
      (#"{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}"#, 4, "needs a whole number from 0"),
      (#"{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}}"#, 4, "needs a whole number from 0"),
      (#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#, 0, "does not fit in memory"),
      (#"{"a":{"dtype":"F32","shape":[4611686018427387905,4],"data_offsets":[0,16]}}"#, 16, "does not fit in memory"),
      (#"{"a":{"dtype":"F32","shape":[9223372036854775807,0],"data_offsets":[0,0]}}"#, 0, "does not fit in memory"),
      (
        #"{"a":{"dtype":"F32","shape":[\#(Array(repeating: "1", count: 65).joined(separator: ","))],"data_offsets":[0,4]}}"#,
        4, "a shape of 65 dimensions"
      ),
      (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "takes 8 bytes; its offsets 0..<4 give it 4"),
      (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4, "has the bytes 0..<8 of 4"),
      (#"{"a":{"dtype":"F32","shape":[],"data_offsets":[4,0]}}"#, 4, "has the bytes 4..<0 of 4"),
      (#"{"a":{"dtype":"F32","shape":[],"data_offsets":[0]}}"#, 4, "gives 'a' 1 data_offsets instead of 2"),
      (#"{"a":{\#(scalar)},"b":{\#(scalar)}}"#, 4, "tensor 'b' at byte 0 shares bytes with another tensor"),
      (#"{"a":{\#(scalar)},"b":{"dtype":"U8","shape":[],"data_offsets":[5,6]}}"#, 6, "has unused bytes before it"),
      (#"{"a":{\#(scalar)}}"#, 5, "1 bytes at the end belong to no tensor"),
      (#"{"a\ud800":{\#(scalar)}}"#, 4, "half a surrogate pair"),
      (#"{"a\x":{\#(scalar)}}"#, 4, "unknown escape"),
      ("{\"a\nb\":{\(scalar)}}", 4, "has a string that does not end"),
      (#"{"__metadata__":{"dtype:a":"key"},"a":{\#(scalar)}}"#, 4, "cannot stand for one of dtype 'key'"),
    ] {
      let text = try message(safetensors(header, data: data), suffix: "safetensors")
      #expect(text?.contains(wanted) == true, "\(header.prefix(100)): \(text ?? "was read")")
    }
  }

  @Test("safetensors files that are too short are refused")
  func safetensorsLengths() throws {
    #expect(
      try message([], suffix: "safetensors") == "FILE is no safetensors file: it has 0 bytes, fewer than a header")
    for length: UInt64 in [3, 1 << 40, 1 << 63, .max] {
      let text = try message(safetensors("{}", data: 0, length: length), suffix: "safetensors")
      #expect(text == "FILE: the header has \(length) bytes, more than the file")
    }
    let bytes: [UInt8] = safetensors(#"{"m":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}"#, data: 0) + [1, 7]
    #expect(try message(bytes, suffix: "safetensors") == "FILE: tensor 'm': element 1 is the byte 7; a bool is 0 or 1")
  }

  private func npy(_ header: String, data: Int = 0, version: UInt8 = 1, length: Int? = nil) -> [UInt8] {
    let length = length ?? header.utf8.count
    return [0x93] + Array("NUMPY".utf8) + [version, 0, UInt8(length & 0xFF), UInt8(length >> 8 & 0xFF)]
      + (version == 1 ? [] : [0, 0]) + Array(header.utf8) + Array(repeating: 0, count: data)
  }

  @Test("npy headers that lie are refused")
  func npyHeaders() throws {
    func array(_ descr: String, _ shape: String, order: String = "False") -> String {
      "{'descr': \(descr), 'fortran_order': \(order), 'shape': \(shape), }\n"
    }
    #expect(try message(npy(array("'<f4'", "(2,)"), data: 8), suffix: "npy") == nil)
    for (bytes, wanted) in [
      ([], "is no npy file: it does not start with \\x93NUMPY"),
      (Array("PK\u{3}\u{4} an npz file".utf8), "is no npy file"),
      (Array(npy("").prefix(7)), "is no npy file"),
      (npy("", version: 9), "version 9 of the npy format is not known"),
      (npy("{}", length: 500), "the header has 500 bytes, more than the file"),
      (npy("{}"), "lacks one of descr, fortran_order and shape"),
      (npy(String(repeating: "{", count: 60_000)), "is no dictionary of strings and values"),
      (npy(array("'<f4'", "(2,)") + "x", data: 8), "goes on after its closing brace"),
      (npy(array("'<f4'", "(2,)"), data: 7), "f32[2] has 8 bytes of elements; the file has 7 after its header"),
      (npy(array("'<f4'", "(2,)"), data: 9), "f32[2] has 8 bytes of elements; the file has 9 after its header"),
      (
        npy(array("'>f4'", "(2,)"), data: 8), "has the big-endian dtype '>f4'; convert it in NumPy with x.astype('<f4')"
      ),
      (npy(array("'<c8'", "(2,)"), data: 16), "has the dtype '<c8'; supported are bool, integers and floats"),
      (npy(array("'|O'", "(2,)"), data: 16), "has the dtype '|O'"),
      (npy(array("[('a', '<i4')]", "(2,)"), data: 8), "describes a structured dtype"),
      (npy(array("'<f4'", "(-2,)"), data: 8), "has a shape that is no tuple of whole numbers"),
      (npy(array("'<f4'", "(99999999999999999999,)"), data: 8), "has a shape that is no tuple of whole numbers"),
      (npy(array("'<f4'", "(4611686018427387905, 4)"), data: 16), "does not fit in memory"),
      (npy(array("'<f4'", "(2,)", order: "1"), data: 8), "has a fortran_order that is neither True nor False"),
      (npy("{'descr': '<f4', 'descr': '<f4', }"), "has 'descr' twice"),
      (npy("{'descr': '<f4', 'more': 1, }"), "has an entry 'more'"),
      (npy("{'descr': '<f4"), "has a string that does not end"),
      (npy(array("'|b1'", "(1,)")) + [2], "element 0 is the byte 2; a bool is 0 or 1"),
    ] as [([UInt8], String)] {
      let text = try message(bytes, suffix: "npy")
      #expect(text?.contains(wanted) == true, "\(wanted): \(text ?? "was read")")
    }
    for (name, wanted) in [
      ("big_endian", "big-endian dtype '>f4'"), ("structured", "structured dtype"), ("complex", "dtype '<c8'"),
    ] {
      let error = #expect(throws: BloxError.self) { try TensorFile.load(TensorFileTests.fixture(name + ".npy")) }
      #expect(error?.message.contains(wanted) == true)
    }
  }

  @Test("Files cut anywhere or with a changed byte are read or refused, and never trap", arguments: [1, 2, 3])
  func damagedFiles(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for name in ["all.safetensors", "f32.npy", "fortran.npy"] {
      let whole = try Fixtures.bytes(at: TensorFileTests.fixture(name))
      let suffix = name.hasSuffix("npy") ? "npy" : "safetensors"
      for _ in 0..<60 {
        let cut = Int.random(in: 0..<whole.count, using: &random)
        #expect(try message(Array(whole.prefix(cut)), suffix: suffix) != nil)
        var changed = whole
        changed[Int.random(in: 0..<min(whole.count, 900), using: &random)] = UInt8.random(in: 0...255, using: &random)
        _ = try message(changed, suffix: suffix)
      }
    }
  }
}
