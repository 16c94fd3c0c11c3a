// Parameters in files.
//
// A safetensors file holds the values under their paths, joined by '/', and says in its metadata what else belongs to a
// parameter, as JSON that Python's `json.loads` takes:
//
//   "blox:locked": "true"
//   "param:net/rng/seed": {"trainable":false,"metadata":{"tag":"rng_seed"}}
//
// A tensor without such an entry is a trainable parameter without tags, so files of other tools are read as well.

import BloxIR
import BloxTrace

extension Params {
  private static let flagsPrefix = "param:"
  private static let lockedName = "blox:locked"

  /// Writes the container to a safetensors file, which is replaced as a whole when everything has been written.
  ///
  /// Names are paths joined by `/`. Which parameters are trainable, their tags, and whether the container is locked are
  /// kept in the file's metadata; random keys stay keys.
  ///
  /// - Parameters:
  ///   - path: A path that ends in `.safetensors`.
  ///   - metadata: Texts to keep beside the parameters; read them with ``TensorFile/metadata(_:)``.
  /// - Throws: ``BloxError/Code/file`` when the file cannot be written, ``BloxError/Code/invalidArgument`` for a
  ///   parameter whose name holds a `/`, and for metadata under a name that is kept for parameters.
  public func save(to path: String, metadata: [String: String] = [:]) throws {
    guard case .safetensors = try TensorFile.Format(path: path) else {
      throw BloxError(
        .invalidArgument, "\(path): parameters are saved to .safetensors files, which keep their flags and tags")
    }
    if let name = metadata.keys.filter({ $0.hasPrefix(Self.flagsPrefix) || $0 == Self.lockedName }).min() {
      throw BloxError(.invalidArgument, "\(path): metadata named '\(name)' is kept for parameters; use another name")
    }
    var texts = metadata
    texts[Self.lockedName] = "\(isLocked)"
    var tensors: [(name: String, tensor: Tensor)] = []
    for entry in items {
      let name = entry.path.description
      guard ParamPath(stringLiteral: name) == entry.path, !entry.path.components.isEmpty else {
        throw BloxError(
          .invalidArgument,
          "\(path): the parameter '\(name)' cannot be saved, since one of its names is empty or holds a '/'")
      }
      let flags = ParamFlags(isTrainable: entry.param.isTrainable, metadata: entry.param.metadata)
      texts[Self.flagsPrefix + name] = flags.json
      tensors.append((name, entry.param.value))
    }
    try TensorFile.save(tensors, to: path, metadata: texts)
  }

  /// The container that a file holds: as it was saved by ``save(to:metadata:)``, or, from a file of another tool,
  /// unlocked and with every tensor as a trainable parameter.
  ///
  /// - Parameter path: A `.safetensors` or `.npz` file.
  /// - Throws: ``BloxError/Code/file`` saying what is wrong with the file.
  public init(contentsOf path: String) throws {
    let format = try TensorFile.Format(path: path)
    let texts = format == .safetensors ? try TensorFile.metadata(path) : [:]
    guard format != .npy else {
      throw BloxError(.file, "\(path): the tensor of an npy file has no name; parameters are in .safetensors files")
    }
    var entries: [Entry] = []
    for (name, tensor) in try TensorFile.load(path) {
      let parameterPath = ParamPath(stringLiteral: name)
      guard !name.isEmpty, parameterPath.description == name else {
        throw BloxError(.file, "\(path): '\(name)' is no parameter path: names are separated by single slashes")
      }
      var flags = ParamFlags(isTrainable: true, metadata: [:])
      if let text = texts[Self.flagsPrefix + name] {
        flags = try ParamFlags(json: text, subject: "\(path): what is said of '\(name)'")
      }
      let param = Param(tensor, isTrainable: flags.isTrainable, metadata: flags.metadata)
      entries.append(Entry(path: parameterPath, param: param))
    }
    self.init(entries, isLocked: texts[Self.lockedName] == "true")
  }

  /// The container with the values of a file, which must fit: the same paths, shapes and dtypes.
  ///
  /// Flags, tags and the lock stay what they are here.
  ///
  /// - Parameters:
  ///   - path: A `.safetensors` or `.npz` file.
  ///   - casting: Whether numbers of another dtype are converted.
  /// - Throws: ``BloxError/Code/file`` when the file is damaged, ``BloxError/Code/structureMismatch`` listing what is
  ///   missing, unexpected, or of another type.
  public func loading(_ path: String, casting: Bool = false) throws -> Params {
    let (params, report) = try loadingPartially(path, casting: casting)
    try report.requireComplete()
    return params
  }

  /// The container with those values of a file that fit, and a report of the others.
  ///
  /// - Throws: ``BloxError/Code/file`` when the file is damaged.
  public func loadingPartially(_ path: String, casting: Bool = false) throws -> (Params, LoadReport) {
    let wanted = items.map { (name: $0.path.description, type: $0.param.value.type) }
    let (values, report) = try LoadReport.match(wanted, path, casting: casting)
    var params = self
    for (entry, value) in zip(items, values) {
      guard let value else { continue }
      params = params.replacing(entry.path, with: entry.param.replacing(value: value))
    }
    return (params, report)
  }
}
