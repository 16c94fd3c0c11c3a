// Tensors in files: what NumPy and safetensors wrote is read, what is written is what they write, and nothing that a
// file says is believed unchecked. Scripts/make_tensor_files.py made the fixtures.

import BloxNN
import Foundation
import TestSupport
import Testing

@Suite("Tensor files")
struct TensorFileTests {
  static let stored = DType.allCases.filter { $0 != .key }

  static func fixture(_ name: String) -> String { Fixtures.path("Files/" + name) }

  static func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = try makeFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
  }

  private static func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = try makeFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder.path)
  }

  private static func makeFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("blox-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  /// The six elements of each fixture.
  static func values(_ dtype: DType) -> DenseConstant {
    let (high, low) = (Literal.highest(dtype), Literal.lowest(dtype))
    let elements: [Literal] =
      switch dtype.kind {
      case .boolean: [1, 0, 1, 1, 0, 0].map { Literal($0, as: dtype) }
      case .signed, .unsigned, .key:
        [0, 1, 2].map { Literal($0, as: dtype) } + [high, low, Literal(dtype: dtype, bits: high.bits / 3)]
      case .floating: [0, -0.0, 1.5, .infinity, -.infinity, .nan].map { Literal($0, as: dtype) }
      }
    return DenseConstant(type: TensorType(dtype, [2, 3]), elements: elements)
  }

  @Test("Arrays of every dtype are read as NumPy wrote them, and written to the same bytes", arguments: stored)
  func npy(dtype: DType) throws {
    let path = Self.fixture("\(dtype).npy")
    let loaded = try TensorFile.load(path)
    #expect(loaded.map(\.name) == [""])
    #expect(try loaded[0].tensor.constant() == Self.values(dtype))
    try Self.withFolder { folder in
      try TensorFile.save([("x", loaded[0].tensor)], to: folder + "/x.npy")
      #expect(try Fixtures.bytes(at: folder + "/x.npy") == Fixtures.bytes(at: path))
    }
  }

  @Test("Scalars, vectors, empty arrays, column-major arrays and version 2 are read")
  func npyForms() throws {
    func load(_ name: String) throws -> Tensor { try TensorFile.load(Self.fixture(name))[0].tensor }
    #expect(try load("scalar.npy").constant() == DenseConstant(Literal(2.5, as: .f32), shape: []))
    #expect(try load("vector.npy").scalars(as: Int.self) == [0, 1, 2, 3, 4])
    #expect(try load("empty.npy").type == TensorType(.f32, [2, 0, 3]))
    for name in ["fortran.npy", "version2.npy"] {
      let x = try load(name)
      #expect(x.type == TensorType(.f32, [2, 3, 4]))
      #expect(try x.scalars(as: Int.self) == Array(0..<24))
    }
    for name in ["scalar", "vector", "empty"] {
      try Self.withFolder { folder in
        try TensorFile.save([("", load(name + ".npy"))], to: folder + "/x.npy")
        #expect(try Fixtures.bytes(at: folder + "/x.npy") == Fixtures.bytes(at: Self.fixture(name + ".npy")))
      }
    }
  }

  @Test("A safetensors file is read as the reference implementation wrote it")
  func safetensors() throws {
    let path = Self.fixture("all.safetensors")
    let tensors = try TensorFile.load(path)
    #expect(tensors.count == Self.stored.count + 3)
    for dtype in Self.stored {
      let tensor = try #require(tensors.first { $0.name == dtype.rawValue }?.tensor)
      #expect(try tensor.constant() == Self.values(dtype))
    }
    #expect(tensors.first { $0.name == "scalar" }?.tensor.type == TensorType(.f32))
    #expect(tensors.first { $0.name == "empty" }?.tensor.type == TensorType(.f32, [2, 0, 3]))
    #expect(try tensors.first { $0.name == "net/größe \"q\"" }?.tensor.scalars(as: Int.self) == [0, 1, 2])
    #expect(try TensorFile.metadata(path) == ["made by": "numpy", "note": "a\nb\u{2028}"])
  }

  @Test("Any tensors and metadata come back, in order and bit for bit; keys as keys")
  func roundTrip() throws {
    var tensors: [(name: String, tensor: Tensor)] = []
    for dtype in DType.allCases.shuffled() {
      tensors.append(("a/\(dtype)", try Tensor(constant: Self.values(dtype))))
      tensors.append(
        (
          "empty \(dtype) \"\\\n\u{1F600}",
          try Tensor(constant: DenseConstant(type: TensorType(dtype, [0, 3]), bytes: []))
        ))
    }
    tensors.append(("", Key(42).tensor))
    try Self.withFolder { folder in
      let path = folder + "/x.safetensors"
      try TensorFile.save(tensors, to: path, metadata: ["format": "pt", "\u{7}": ""])
      let loaded = try TensorFile.load(path)
      #expect(loaded.map(\.name) == tensors.map(\.name))
      for (a, b) in zip(loaded, tensors) { #expect(try a.tensor.constant() == b.tensor.constant(), "\(a.name)") }
      #expect(try TensorFile.metadata(path) == ["format": "pt", "\u{7}": ""])
      // The elements of all are aligned, as the reference implementation has it.
      let bytes = try Fixtures.bytes(at: path)
      #expect((0..<8).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) } % 8 == 0)
      // No file is left beside it.
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x.safetensors"])

      try TensorFile.save([], to: path)
      #expect(try TensorFile.load(path).isEmpty)
    }
  }

  @Test("From an npy file, keys come as words")
  func keysInNPY() throws {
    try Self.withFolder { folder in
      let keys = try Key(7).split(3)
      try TensorFile.save([("", keys.tensor)], to: folder + "/k.npy")
      let words = try TensorFile.load(folder + "/k.npy")[0].tensor
      #expect(words.type == TensorType(.u32, [3, 2]))
      #expect(try Key(words: words).tensor.constant() == keys.tensor.constant())
    }
  }

  @Test("Files that are saved to by several at once are whole at any time") func simultaneous() async throws {
    try await Self.withFolder { folder in
      let path = folder + "/shared.safetensors"
      try TensorFile.save([("x", Tensor.zeros([1]))], to: path)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 1...4 {
          group.addTask {
            for _ in 0..<20 { try TensorFile.save([("x", Tensor.full([writer * 5000], Double(writer)))], to: path) }
          }
        }
        group.addTask {
          for _ in 0..<40 {
            let x = try #require(TensorFile.load(path).first).tensor
            #expect(try x.count == 1 || x.scalars().allSatisfy { $0 == Double(x.count / 5000) })
          }
        }
        try await group.waitForAll()
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["shared.safetensors"])
    }
  }

  @Test("Saving keeps a file's permissions, and replaces what a link leads to") func replaced() throws {
    try Self.withFolder { folder in
      let (path, link) = (folder + "/x.npy", folder + "/link.npy")
      try TensorFile.save([("x", Tensor(1.0))], to: path)
      try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "x.npy")
      try TensorFile.save([("x", Tensor(2.0))], to: link)
      #expect(try TensorFile.load(path).first?.tensor.item() == 2)
      #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "x.npy")
    }
  }

  @Test("What cannot be saved is an error, and leaves an older file as it was")
  func unsaved() throws {
    let x = Tensor(1.0)
    try Self.withFolder { folder in
      let path = folder + "/x.safetensors"
      try TensorFile.save([("x", x)], to: path)
      let before = try Fixtures.bytes(at: path)
      for (tensors, metadata, message) in [
        ([("x", x), ("x", x)], [:], "a tensor cannot be saved as 'x': names must be unique"),
        (
          [("__metadata__", x)], [:],
          "a tensor cannot be saved as '__metadata__': the format keeps that name for itself"
        ),
        ([("x", x)], ["dtype:x": "key"], "metadata named 'dtype:x' is kept for keys; use another name"),
      ] as [([(name: String, tensor: Tensor)], [String: String], String)] {
        let error = #expect(throws: BloxError.self) { try TensorFile.save(tensors, to: path, metadata: metadata) }
        #expect(error?.message == "\(path): \(message)")
      }
      #expect(throws: BloxError.self) { try TensorFile.save([("t", .abstract(TensorType(.f32)))], to: path) }
      #expect(throws: BloxError.self) { try TensorFile.save([("x", x), ("y", x)], to: folder + "/x.npy") }
      #expect(throws: BloxError.self) { try TensorFile.save([("x", x)], to: folder + "/x.txt") }
      #expect(throws: BloxError.self) { try TensorFile.save([("x", x)], to: folder + "/none/x.npy") }
      #expect(throws: BloxError.self) { try TensorFile.load(folder) }
      #expect(throws: BloxError.self) { try TensorFile.load("/dev/zero.npy") }
      #expect(try Fixtures.bytes(at: path) == before)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x.safetensors"])
    }
  }
}
