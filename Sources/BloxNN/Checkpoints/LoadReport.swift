// What of a file fitted what it was loaded into.

import BloxIR
import BloxTrace

/// What became of the tensors of a file that was loaded into something that exists.
public struct LoadReport: Sendable, Hashable {
  /// A tensor whose type in the file is another than the one that is wanted.
  public struct Difference: Sendable, Hashable {
    /// The tensor's name.
    public let name: String
    /// The type in the file.
    public let stored: TensorType
    /// The type that is wanted.
    public let wanted: TensorType
  }

  /// The file.
  public let path: String
  /// The names of what was loaded, in the order of what it was loaded into.
  public fileprivate(set) var loaded: [String] = []
  /// What was converted from another dtype; also in ``loaded``.
  public fileprivate(set) var cast: [Difference] = []
  /// Names that are wanted and not in the file.
  public fileprivate(set) var missing: [String] = []
  /// Names in the file that nothing wants.
  public fileprivate(set) var unexpected: [String] = []
  /// Names whose shape or dtype differs; they were not loaded.
  public fileprivate(set) var mismatched: [Difference] = []

  /// Whether everything was loaded, and the file holds nothing else.
  public var isComplete: Bool { missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty }

  /// Throws unless everything was loaded, and the file holds nothing else.
  ///
  /// - Throws: ``BloxError/Code/structureMismatch`` listing the differences.
  public func requireComplete() throws(BloxError) {
    guard isComplete else { throw BloxError(.structureMismatch, "\(self)") }
  }

  /// The tensors of a file for wanted names and types, `nil` for what does not fit.
  static func match(
    _ wanted: [(name: String, type: TensorType)], _ path: String, casting: Bool
  ) throws -> (values: [Tensor?], LoadReport) {
    let stored = try TensorFile.load(path)
    let tensors = Dictionary(uniqueKeysWithValues: stored.map { ($0.name, $0.tensor) })
    var report = LoadReport(path: path)
    var values: [Tensor?] = []
    for (name, type) in wanted { values.append(try report.take(name, type, tensors[name], casting: casting)) }
    let names = Set(wanted.map(\.name))
    report.unexpected = stored.map(\.name).filter { !names.contains($0) }
    return (values, report)
  }

  private mutating func take(_ name: String, _ type: TensorType, _ tensor: Tensor?, casting: Bool) throws -> Tensor? {
    guard let tensor else {
      missing.append(name)
      return nil
    }
    if tensor.type == type {
      loaded.append(name)
      return tensor
    }
    let difference = Difference(name: name, stored: tensor.type, wanted: type)
    // Files of other tools, and npz files, hold keys as their words.
    if type.dtype == .key, tensor.type == type.stored {
      loaded.append(name)
      cast.append(difference)
      return try Key(words: tensor).tensor
    }
    guard casting, tensor.shape == type.shape, type.dtype != .key, tensor.dtype != .key else {
      mismatched.append(difference)
      return nil
    }
    loaded.append(name)
    cast.append(difference)
    return try tensor.cast(to: type.dtype)
  }
}

extension LoadReport: CustomStringConvertible {
  /// How many names of each kind are listed.
  private static let listLimit = 8

  /// One line for each kind of difference, with the first names of each.
  public var description: String {
    guard !isComplete else {
      return "\(path): all \(loaded.count) tensors loaded" + (cast.isEmpty ? "" : ", \(cast.count) of them cast")
    }
    var lines = ["\(path) does not fit: \(loaded.count) tensors loaded"]
    func list(_ what: String, _ items: [String]) {
      guard !items.isEmpty else { return }
      let more = items.count > Self.listLimit ? ", and \(items.count - Self.listLimit) more" : ""
      lines.append("  \(items.count) \(what): \(items.prefix(Self.listLimit).joined(separator: ", "))\(more)")
    }
    list("missing from the file", missing)
    list("unexpected in the file", unexpected)
    list("of another type", mismatched.map { "\($0.name) (\($0.stored) in the file, \($0.wanted) wanted)" })
    return lines.joined(separator: "\n")
  }
}
