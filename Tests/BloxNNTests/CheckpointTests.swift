// Checkpoints: what is saved comes back to the bit, what does not fit is reported, and the reference implementation
// reads what was written (Scripts/make_tensor_files.py verify).

import BloxNN
import Foundation
import TestSupport
import Testing

@Suite("Checkpoints")
struct CheckpointTests {
  /// A container with every kind of tag, both flags, a key and two float dtypes.
  static func params() throws -> Params {
    try Params()
      .setting("net/rng/seed", to: Param(Key(42).tensor, isTrainable: false, metadata: ["tag": "rng_seed"]))
      .setting("net/rng/counter", to: Param(Tensor(3, dtype: .u32), isTrainable: false))
      .setting(
        "net/layer/kernel",
        to: Param(
          Tensor([[1, 2, 3], [4, 5, 6]]),
          metadata: [
            "sharding": .axes(["model", nil]), "scale": 0.5, "group": 3, "frozen": true, "note": "a \"b\"\n",
          ])
      )
      .setting("net/layer/bias", to: Param(Tensor([0.5, -1, 2], dtype: .f16)))
      .locked()
  }

  private func expectEqual(_ a: Params, _ b: Params) throws {
    #expect(a.isLocked == b.isLocked)
    #expect(a.keys == b.keys)
    for (x, y) in zip(a.items, b.items) {
      #expect(try x.param.value.constant() == y.param.value.constant(), "\(x.path)")
      #expect(x.param.isTrainable == y.param.isTrainable && x.param.metadata == y.param.metadata, "\(x.path)")
    }
  }

  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test("Parameters come back with order, flags, tags, lock and keys, and the file is the committed one")
  func roundTrip() throws {
    let params = try Self.params()
    try TensorFileTests.withFolder { folder in
      let path = folder + "/params.safetensors"
      try params.save(to: path, metadata: ["step": "7"])
      #expect(try Fixtures.bytes(at: path) == Fixtures.bytes(at: TensorFileTests.fixture("params.safetensors")))
      try expectEqual(Params(contentsOf: path), params)
      #expect(try TensorFile.metadata(path)["step"] == "7")
      // Saving again replaces the file, and leaves nothing beside it.
      try params.unlocked().save(to: path)
      #expect(try Params(contentsOf: path).isLocked == false)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["params.safetensors"])
    }
  }

  @Test("Unusual numbers as tags come back as what they were")
  func tags() throws {
    let values: [MetadataValue] = [
      .double(3), .double(-0.0), .double(1e300), .double(.leastNonzeroMagnitude), .double(.infinity),
      .double(-.infinity),
      .int(.min), .int(.max), .int(0), .bool(false), .string(""), .string("é\u{1}\\/"), .axes([]), .axes([nil, nil]),
      .axes(["null"]),
    ]
    let tags = Dictionary(uniqueKeysWithValues: values.enumerated().map { ("tag\($0)", $1) })
    let params = try Params().setting("a", to: Param(Tensor(1.0), metadata: tags))
      .setting("b", to: Param(Tensor(1.0), metadata: ["nan": .double(.nan)]))
    try TensorFileTests.withFolder { folder in
      try params.save(to: folder + "/x.safetensors")
      let loaded = try Params(contentsOf: folder + "/x.safetensors")
      #expect(try loaded["a"].metadata == tags)
      #expect(try loaded["b"].metadata == ["nan": .double(.nan)])
      // A number that does not equal itself does not make a structure of its own.
      #expect(try applyUpdates(params, loaded).count == 2)
      #expect(MetadataValue.double(0) != .double(-0.0) && MetadataValue.int(0) != .double(0))
    }
  }

  @Test("A file of another tool makes trainable parameters, and an npz file gives keys their dtype again")
  func foreign() throws {
    let params = try Params(contentsOf: TensorFileTests.fixture("stored.npz"))
    #expect(params.keys.map(\.description) == ["runs", "repeats", "skewed", "noise", "empty", "net/scalar"])
    #expect(params.items.allSatisfy { $0.param.isTrainable && $0.param.metadata.isEmpty } && !params.isLocked)
    try TensorFileTests.withFolder { folder in
      let path = folder + "/x.npz"
      let saved = try Self.params()
      try Checkpoint.save(saved, to: path)
      let zeros = try treeMap(saved) { $0.dtype == .key ? Key(0).tensor : try $0 * 0 }
      try expectEqual(zeros.loading(path), treeMap(saved) { $0 })
    }
  }

  @Test("Loading partially reports what is missing, unexpected and of another type, and keeps the rest as it was")
  func partial() throws {
    try TensorFileTests.withFolder { folder in
      let path = folder + "/old.safetensors"
      try Params()
        .setting("net/a", to: Param(Tensor([1, 2]))).setting("net/b", to: Param(Tensor([1, 2, 3])))
        .setting("net/c", to: Param(Tensor([7, 8], dtype: .bf16))).setting("net/gone", to: Param(Tensor(1.0)))
        .save(to: path)
      let model = try Params()
        .setting("net/a", to: Param(Tensor([0, 0]), isTrainable: false, metadata: ["tag": "mine"]))
        .setting("net/b", to: Param(Tensor([0, 0])))
        .setting("net/c", to: Param(Tensor([0, 0]))).setting("net/new", to: Param(Tensor(5.0))).locked()
      let (loaded, report) = try model.loadingPartially(path)
      #expect(report.loaded == ["net/a"] && report.missing == ["net/new"] && report.unexpected == ["net/gone"])
      #expect(report.mismatched.map(\.name) == ["net/b", "net/c"] && !report.isComplete && report.cast.isEmpty)
      #expect(try loaded["net/a"].value.scalars(as: Float.self) == [1, 2])
      #expect(try loaded["net/a"].metadata == ["tag": "mine"] && loaded["net/a"].isTrainable == false)
      #expect(try loaded["net/new"].value.item() == 5 && loaded.isLocked && loaded.keys == model.keys)
      let wanted = """
        FILE does not fit: 1 tensors loaded
          1 missing from the file: net/new
          1 unexpected in the file: net/gone
          2 of another type: net/b (f32[3] in the file, f32[2] wanted), net/c (bf16[2] in the file, f32[2] wanted)
        """
      #expect(message { _ = try model.loading(path) }.replacing(path, with: "FILE") == wanted)
      let (cast, castReport) = try model.loadingPartially(path, casting: true)
      #expect(castReport.cast.map(\.name) == ["net/c"] && castReport.mismatched.map(\.name) == ["net/b"])
      #expect(try cast["net/c"].value.type == TensorType(.f32, [2]))
      #expect(try cast["net/c"].value.scalars(as: Float.self) == [7, 8])
    }
  }

  private struct State: TensorTree {
    var params: Params
    var momentum: [Params]
    var step: Tensor
    mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
      try visitor.visit(&params, "params")
      try visitor.visit(&momentum, "momentum")
      try visitor.visit(&step, "step")
    }
  }

  @Test("Whole training states are saved under the paths of their tensors")
  func states() throws {
    let params = try Self.params()
    let floats = params.split { $1.value.dtype.isFloating }.0
    let state = State(params: params, momentum: [floats, try treeMap(floats) { try $0 * 2 }], step: Tensor(12))
    try TensorFileTests.withFolder { folder in
      let path = folder + "/state.safetensors"
      try Checkpoint.save(state, to: path, metadata: ["epoch": "1"])
      #expect(
        try TensorFile.load(path).map(\.name) == [
          "params/net/layer/bias", "params/net/layer/kernel", "params/net/rng/counter", "params/net/rng/seed",
          "momentum[0]/net/layer/bias", "momentum[0]/net/layer/kernel", "momentum[1]/net/layer/bias",
          "momentum[1]/net/layer/kernel", "step",
        ])
      var empty = state
      empty.step = Tensor(0)
      empty.momentum = try empty.momentum.map { try treeMap($0) { try $0 * 0 } }
      let loaded = try Checkpoint.load(empty, from: path)
      #expect(try loaded.step.item() == 12)
      #expect(try loaded.momentum[1]["net/layer/kernel"].value.scalars(as: Float.self) == [2, 4, 6, 8, 10, 12])
      #expect(try loaded.params["net/layer/kernel"].metadata == params["net/layer/kernel"].metadata)
      // A single tensor has no path, and a name all the same.
      try Checkpoint.save(Tensor([1, 2]), to: path)
      #expect(try Checkpoint.load(Tensor([0, 0]), from: path).scalars(as: Int.self) == [1, 2])
    }
  }

  @Test("An optimizer's state is a checkpoint")
  func optimizerState() throws {
    let params = try Self.params().split { $1.value.dtype == .f32 }.0
    let optimizer = Adam(learningRate: 0.1)
    var state = try optimizer.initialize(params)
    (_, state) = try optimizer.update(params, state, params)
    try TensorFileTests.withFolder { folder in
      let path = folder + "/adam.safetensors"
      try Checkpoint.save(state, to: path)
      let loaded = try Checkpoint.load(try optimizer.initialize(params), from: path)
      #expect(try loaded.tensors().map { try $0.constant() } == state.tensors().map { try $0.constant() })
    }
  }

  @Test("What cannot be saved or is no parameter file is an error that says why")
  func refusals() throws {
    let params = try Self.params()
    try TensorFileTests.withFolder { folder in
      let path = folder + "/x.safetensors"
      for (wanted, body) in [
        ("parameters are saved to .safetensors files", { try params.save(to: folder + "/x.npz") }),
        ("metadata named 'param:a' is kept", { try params.save(to: path, metadata: ["param:a": "b"]) }),
        ("metadata named 'blox:locked' is kept", { try params.save(to: path, metadata: ["blox:locked": "b"]) }),
        (
          "the parameter 'a/b/c' cannot be saved",
          { try Params().setting(ParamPath(["a/b", "c"]), to: Param(Tensor(1.0))).save(to: path) }
        ),
        (
          "the parameter '' cannot be saved",
          { try Params().setting("", to: Param(Tensor(1.0))).save(to: path) }
        ),
        ("no such file", { try params.save(to: folder + "/missing/x.safetensors") }),
        ("has no name", { _ = try Params(contentsOf: TensorFileTests.fixture("f32.npy")) }),
        ("cannot tell the format", { _ = try Params(contentsOf: folder + "/x.bin") }),
      ] as [(String, () throws -> Void)] {
        let text = message(body)
        #expect(text.lowercased().contains(wanted.lowercased()), "\(text)")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
      for (json, wanted) in [
        ("", "needs '{' at byte 0"), ("{}", "lacks one of trainable and metadata"),
        (#"{"trainable":1,"metadata":{}}"#, "needs true or false"),
        (#"{"trainable":true,"metadata":{"a":[1]}}"#, "needs '\"'"),
        (#"{"trainable":true,"metadata":{"a":0x10}}"#, "the tag value '0x10'"),
        (#"{"trainable":true,"metadata":{"a":1e999}}"#, "the tag value '1e999'"),
        (#"{"trainable":true,"metadata":{"a":{}}}"#, "the tag value ''"),
        (#"{"trainable":true,"metadata":{"a":1,"a":2}}"#, "has the tag 'a' twice"),
        (#"{"trainable":true,"trainable":true,"metadata":{}}"#, "an entry 'trainable'"),
        (#"{"trainable":true,"metadata":{}}x"#, "goes on after its closing brace"),
        (String(repeating: #"{"metadata":"#, count: 100_000), "the tag value ''"),
      ] {
        try TensorFile.save([("a", Tensor(1.0))], to: path, metadata: ["param:a": json])
        let text = message { _ = try Params(contentsOf: path) }
        #expect(text.contains("what is said of 'a' \(wanted)") || text.contains(wanted), "\(json.prefix(60)): \(text)")
      }
      try TensorFile.save([("a//b", Tensor(1.0))], to: path)
      #expect(message { _ = try Params(contentsOf: path) }.contains("'a//b' is no parameter path"))
    }
  }
}
