// The reference vectors: what JAX and jax-blox compute for thousands of small cases.
//
// `Fixtures/Conformance` has them by group of operations; `Fixtures/Slice` has whole models,
// training runs, and second derivatives in one group, `slice`, which Scripts/make_fixtures.py
// writes.

/// A group of reference vectors: a manifest of cases and the tensors they name.
///
/// ## Random keys
/// A key array is stored as its words: `U32` of shape `[..., 2]`, one pair per key, the first word
/// first. In the `random` and `initializers` groups `x0` is the key (`U32 [2]`) unless the case's
/// ``ConformanceCase/py`` says otherwise (`key_u32/...`: an integer seed), and
/// `jax.random.wrap_key_data(x0)` turns it into a key; keys that a case results in (`key`, `split`,
/// `fold_in`) passed through `jax.random.key_data`. In the `blox` group the parameter `seed` is the
/// key (`U32 [2]`) and `counter` a `U32` scalar. ``StoredTensor/keys()`` gives the pairs.
public struct ConformanceGroup: Sendable {
  /// The name, such as `ops_unary`.
  public let name: String
  /// What applies to all cases; may be empty.
  public let note: String
  /// The cases, in the order of the manifest.
  public let cases: [ConformanceCase]
  /// The tensors that the cases name.
  public let tensors: SafetensorsFile
  /// The whole manifest.
  public let raw: JSON

  /// Reads a group of `Tests/Fixtures`.
  ///
  /// - Parameters:
  ///   - name: The group: `NAME.manifest.json` and `NAME.safetensors` are read.
  ///   - folder: The folder in `Tests/Fixtures`.
  public static func load(_ name: String, from folder: String = "Conformance") throws -> Self {
    let manifestPath = Fixtures.path("\(folder)/\(name).manifest.json")
    let manifest = try JSON(parsing: try Fixtures.bytes(at: manifestPath), file: manifestPath)
    let tensors = try SafetensorsFile(path: Fixtures.path("\(folder)/\(name).safetensors"))
    guard let list = manifest["cases"]?.array else {
      throw TestSupportError(file: manifestPath, place: "cases", message: "no array")
    }
    let cases = try list.map {
      try ConformanceCase(raw: $0, tensors: tensors, file: manifestPath)
    }
    return Self(
      name: name, note: manifest["note"]?.string ?? "", cases: cases, tensors: tensors,
      raw: manifest)
  }

  /// The case called `name`.
  public func `case`(_ name: String) throws -> ConformanceCase {
    guard let found = cases.first(where: { $0.name == name }) else {
      throw TestSupportError(file: self.name, place: name, message: "there is no such case")
    }
    return found
  }
}

/// One case of a ``ConformanceGroup``: an expression, its arguments, and what comes of it.
public struct ConformanceCase: Sendable {
  /// The name, unique in the group.
  public let name: String
  /// The operation, such as `neg` or `jnp.sum`. In the `blox` group it is the layer.
  public let op: String
  /// The static attributes by their JAX names; tuples are arrays.
  public let attrs: JSON
  /// The JAX expression over `x0`, `x1`, ... that defines the case. In the `blox` group it is the
  /// call. Empty where a case has none (the `training` group, the promotion table).
  public let py: String
  /// The arguments.
  public let inputs: [StoredTensor]
  /// The results, in tree order (dictionary keys sorted).
  public let outputs: [StoredTensor]
  /// A cotangent for each output in ``cotangentOfOutput``.
  public let cotangents: [StoredTensor]
  /// The outputs that have cotangents: the floating-point ones.
  public let cotangentOfOutput: [Int]
  /// The derivatives of the inputs in ``vjpOfInput`` for the cotangents.
  public let vjps: [StoredTensor]
  /// The inputs that have derivatives.
  public let vjpOfInput: [Int]
  /// A tangent for each input in ``vjpOfInput``; the other inputs are constants.
  public let tangents: [StoredTensor]
  /// The derivatives of the outputs in ``cotangentOfOutput`` for the tangents.
  public let jvps: [StoredTensor]
  /// Whether outputs must be equal bit for bit (see `bitMismatch`). Tolerances then apply to the
  /// derivatives only.
  public let exact: Bool
  /// The tolerance relative to the reference.
  public let rtol: Double
  /// The absolute tolerance.
  public let atol: Double
  /// How the expression was batched, if it was: it is then `jax.vmap(f, in_axes, out_axes)`.
  public let vmap: VectorizedAxes?
  /// What is special about the case; may be empty.
  public let note: String
  /// The whole case, for the fields that only some groups have.
  public let raw: JSON
  private let tensors: SafetensorsFile
  private let file: String

  /// The axes that a case was batched along.
  public struct VectorizedAxes: Sendable, Hashable {
    /// The batched axis of each input; nil for an input that all lanes share.
    public var inAxes: [Int?]
    /// The batched axis of each output; nil for an output that is the same in all lanes.
    public var outAxes: [Int?]
  }

  /// A tensor of a case that has a path instead of a position, such as a parameter.
  public struct Entry: Sendable {
    /// The path, such as `["net", "layer", "kernel"]`.
    public var path: [String]
    /// The tensor; nil where only ``raw`` says something about it (`first_grads`: sum and l2 norm).
    public var tensor: StoredTensor?
    /// Whether a parameter is trainable; true where the manifest does not say.
    public var trainable: Bool
    /// The metadata of a parameter.
    public var metadata: JSON
    /// The whole entry.
    public var raw: JSON
  }

  init(raw: JSON, tensors: SafetensorsFile, file: String) throws {
    self.raw = raw
    self.tensors = tensors
    self.file = file
    guard let name = raw["name"]?.string else {
      throw TestSupportError(file: file, place: "cases", message: "a case without name: \(raw)")
    }
    self.name = name
    func list(_ key: String) throws -> [StoredTensor] {
      try Self.list(key, of: raw, name: name, tensors: tensors, file: file)
    }
    op = raw["op"]?.string ?? raw["layer"]?.string ?? ""
    attrs = raw["attrs"] ?? raw["config"] ?? .object([:])
    py = raw["py"]?.string ?? raw["call"]?.string ?? ""
    note = raw["note"]?.string ?? ""
    inputs = try list("inputs")
    outputs = try list("outputs")
    cotangents = try list("cotangents")
    vjps = try list("vjps")
    tangents = try list("tangents")
    jvps = try list("jvps")
    cotangentOfOutput = raw["cotangent_of_output"]?.ints ?? []
    vjpOfInput = raw["vjp_of_input"]?.ints ?? []
    exact = raw["exact"]?.bool ?? false
    rtol = raw["rtol"]?.double ?? 0
    atol = raw["atol"]?.double ?? 0
    if let axes = raw["vmap"] {
      // One number stands for all inputs or outputs, as in JAX.
      func spread(_ key: String, over count: Int) -> [Int?]? {
        axes[key]?.optionalInts ?? axes[key]?.int.map { Array(repeating: $0, count: count) }
      }
      guard let inAxes = spread("in_axes", over: inputs.count),
        let outAxes = spread("out_axes", over: outputs.count)
      else { throw TestSupportError(file: file, place: name, message: "cannot read \(axes)") }
      vmap = VectorizedAxes(inAxes: inAxes, outAxes: outAxes)
    } else {
      vmap = nil
    }
    guard cotangents.count == cotangentOfOutput.count, vjps.count == vjpOfInput.count,
      tangents.isEmpty || tangents.count == vjps.count,
      cotangentOfOutput.allSatisfy(outputs.indices.contains),
      vjpOfInput.allSatisfy(inputs.indices.contains)
    else {
      throw TestSupportError(
        file: file, place: name, message: "derivatives do not fit the inputs and outputs")
    }
  }

  /// The tensors that the field `key` names, for fields without a property of their own, such as
  /// `input_grads`, `hvps`, and `hessian`; empty when the case has no such field.
  public func tensors(_ key: String) throws -> [StoredTensor] {
    try Self.list(key, of: raw, name: name, tensors: tensors, file: file)
  }

  /// The tensor that the field `tensors` calls `label`, such as the `mask` of a dropout.
  public func tensor(labeled label: String) throws -> StoredTensor {
    guard let found = raw["tensors"]?[label]?.string else {
      throw TestSupportError(file: file, place: name, message: "no tensor labeled '\(label)'")
    }
    return try tensors.tensor(found)
  }

  /// The tolerances of the field `key`, such as `outputs` or `hvps`: its own ones where the case
  /// has them, otherwise those of the case.
  public func tolerances(_ key: String) -> (rtol: Double, atol: Double) {
    let own = raw["tolerances"]?[key]
    return (own?["rtol"]?.double ?? rtol, own?["atol"]?.double ?? atol)
  }

  /// The entries that the field `key` lists: `params`, `new_state`, and `grads` of the `blox`
  /// group, `init_params`, `first_grads`, and `final_params` of the `training` group. Empty when
  /// the case has no such field.
  public func entries(_ key: String) throws -> [Entry] {
    guard let list = raw[key] else { return [] }
    return try (list.array ?? [list]).map { entry in
      guard let path = entry["path"]?.strings else {
        throw TestSupportError(file: file, place: name, message: "no path in \(key): \(entry)")
      }
      return Entry(
        path: path, tensor: try entry["tensor"]?.string.map(tensors.tensor),
        trainable: entry["trainable"]?.bool ?? true, metadata: entry["metadata"] ?? .object([:]),
        raw: entry)
    }
  }

  private static func list(
    _ key: String, of raw: JSON, name: String, tensors: SafetensorsFile, file: String
  ) throws -> [StoredTensor] {
    guard let value = raw[key], !value.isNull else { return [] }
    guard let names = value.strings ?? value.string.map({ [$0] }) else {
      throw TestSupportError(file: file, place: name, message: "'\(key)' is no list of names")
    }
    do {
      return try names.map(tensors.tensor)
    } catch let error as TestSupportError {
      throw TestSupportError(
        file: file, place: "\(name), \(key)", message: "\(error.place): \(error.message)")
    }
  }
}

extension ConformanceCase: CustomStringConvertible {
  /// The name and the expression, which is what a failing test should say.
  public var description: String {
    var text = py.isEmpty ? name : "\(name): \(py)"
    if let axes = raw["vmap"] { text += " under vmap \(axes)" }
    return text
  }
}
