// Why a compiled function had to trace: what of the arguments differs from the nearest trace it has.

import BloxIR

/// One difference between the arguments of two calls.
public struct CacheDifference: Hashable, Sendable {
  /// What differs.
  public enum Kind: String, Hashable, Sendable {
    /// The shape of a tensor.
    case shape
    /// The element type of a tensor, and perhaps its shape.
    case dtype
    /// There is a tensor more or less, or another nesting.
    case structure
    /// A ``StaticArgument`` or the static part of a tree.
    case staticValue
    /// Whether parameters are locked.
    case locked
    /// Whether a parameter is trainable.
    case trainable
    /// A parameter's metadata.
    case metadata
    /// The named axes in scope.
    case axes
  }

  /// What differs.
  public let kind: Kind
  /// The argument, and where in it: `x`, `params['net/l1/kernel']`, `state.moments[0]`.
  public let path: String
  /// What the nearest trace has; empty when it has no such thing.
  public let old: String
  /// What the call has; empty when it has no such thing.
  public let new: String

  package init(_ kind: Kind, path: String, old: String, new: String) {
    self.kind = kind
    self.path = path
    self.old = old
    self.new = new
  }
}

extension CacheDifference {
  /// How far it is: a tensor of another type and shape is farther than one of another type.
  var weight: Int {
    let shape = { (type: String) in type.firstIndex(of: "[").map { type[$0...] } }
    return kind == .dtype && shape(old) != shape(new) ? 2 : 1
  }
}

extension CacheDifference: CustomStringConvertible {
  /// In a few words, such as `x: f32[2] → f32[3]`.
  public var description: String {
    switch kind {
    case .shape, .dtype, .staticValue, .axes: "\(path): \(old) → \(new)"
    case .locked, .trainable: "\(path) is \(old) → \(new)"
    case .metadata: "\(path) has metadata \(old) → \(new)"
    case .structure:
      old.isEmpty ? "\(path) is new: \(new)" : new.isEmpty ? "\(path) is gone: \(old)" : "\(path) is \(old) → \(new)"
    }
  }
}

/// A call of a compiled function for which nothing in the cache fitted.
public struct CacheMiss: Hashable, Sendable {
  /// The function's name.
  public let function: String
  /// Where ``jit(name:arguments:donating:donation:staleness:cacheLimit:file:line:_:)`` was called.
  public let declared: SourceLocation
  /// Where the function was called, when it was called directly.
  public let called: SourceLocation?
  /// Which of the function's traces this made necessary, counted from 1.
  public let trace: Int
  /// How many traces the cache held.
  public let cached: Int
  /// What differs from the nearest of them; empty when there was none.
  public let differences: [CacheDifference]
}

extension CacheMiss: CustomStringConvertible {
  /// The line that the topic `misses` writes.
  public var description: String {
    let place = called.map { " called at \($0)" } ?? ""
    let start = "trace #\(trace) of \(function) (\(declared))\(place) because "
    guard cached > 0 else { return start + "nothing is cached" }
    let shown = differences.prefix(4).map(\.description).joined(separator: ", ")
    let rest = differences.count > 4 ? ", and \(differences.count - 4) more" : ""
    return start + "\(shown)\(rest)   (nearest of \(cached) cached)"
  }
}

/// A static part that can say better than by its text what changed.
package protocol ExplainedStaticPart {
  /// What differs from another value of the type, apart from tensors that one has and the other has not. `path` is
  /// the tree's.
  func differences(from old: any ExplainedStaticPart, at path: String) -> [CacheDifference]
}

/// An argument as a miss is explained with: its tensors and static parts by path.
struct ArgumentDetails {
  var tensors: [(path: String, type: TensorType)] = []
  var statics: [(path: String, part: StaticPart)] = []

  init<Tree: TensorTree>(_ tree: Tree, name: String) throws {
    var tensors: [(path: String, type: TensorType)] = []
    var statics: [(path: String, part: StaticPart)] = []
    var visitor = TensorVisitor(wantsPaths: true) { tensor, path in
      tensors.append((ArgumentDetails.text(path, root: name), tensor.type))
    }
    visitor.onNode = { path, part in
      if part != .none { statics.append((ArgumentDetails.text(path, root: name), part)) }
    }
    var copy = tree
    try visitor.visitRoot(&copy)
    self.tensors = tensors
    self.statics = statics
  }

  private static func text(_ path: [TreeKey], root: String) -> String {
    path.reduce(into: root) { text, key in
      switch key {
      case .name(let name): text += ".\(name)"
      case .index(let index): text += "[\(index)]"
      case .parameterPath(let path, _): text += "['\(path)']"
      case .transparent: break
      }
    }
  }

  /// What is different here from an older argument.
  func differences(from old: ArgumentDetails) -> [CacheDifference] {
    let (before, after) = (ArgumentDetails.byPath(old.tensors), ArgumentDetails.byPath(tensors))
    var found: [CacheDifference] = []
    for (path, type) in tensors {
      guard let previous = before[path] else {
        found.append(CacheDifference(.structure, path: path, old: "", new: "\(type)"))
        continue
      }
      if previous != type {
        let kind: CacheDifference.Kind = previous.dtype == type.dtype ? .shape : .dtype
        found.append(CacheDifference(kind, path: path, old: "\(previous)", new: "\(type)"))
      }
    }
    for (path, type) in old.tensors where after[path] == nil {
      found.append(CacheDifference(.structure, path: path, old: "\(type)", new: ""))
    }
    let (partsBefore, partsAfter) = (ArgumentDetails.byPath(old.statics), ArgumentDetails.byPath(statics))
    for (path, part) in statics where partsBefore[path] != part {
      found += part.differences(from: partsBefore[path], at: path)
    }
    for (path, part) in old.statics where partsAfter[path] == nil && !part.isExplained {
      found.append(CacheDifference(.staticValue, path: path, old: part.description, new: "nil"))
    }
    return found
  }

  private static func byPath<Item>(_ items: [(path: String, Item)]) -> [String: Item] {
    Dictionary(items.map { ($0.path, $0.1) }) { first, _ in first }
  }
}

extension StaticPart {
  fileprivate var isExplained: Bool { base is any ExplainedStaticPart }

  fileprivate func differences(from old: StaticPart?, at path: String) -> [CacheDifference] {
    if let explained = base as? any ExplainedStaticPart {
      return (old?.base as? any ExplainedStaticPart).map { explained.differences(from: $0, at: path) } ?? []
    }
    return [CacheDifference(.staticValue, path: path, old: old?.description ?? "nil", new: description)]
  }
}

/// Whether an optional holds a value: what is in it says the rest.
struct OptionalPresence: Hashable, ExplainedStaticPart, CustomStringConvertible {
  let isPresent: Bool
  var description: String { isPresent ? "present" : "nil" }

  func differences(from old: any ExplainedStaticPart, at path: String) -> [CacheDifference] { [] }
}

/// The keys of a dictionary, whose tensors say what came and went.
struct DictionaryKeys: Hashable, ExplainedStaticPart, CustomStringConvertible {
  let keys: [String]
  var description: String { "\(keys)" }

  func differences(from old: any ExplainedStaticPart, at path: String) -> [CacheDifference] { [] }
}

/// What differs between the arguments of two calls, in the order of the arguments.
func differences(
  from old: [ArgumentDetails], to new: [ArgumentDetails], axes: (old: [String: Int], new: [String: Int])
) -> [CacheDifference] {
  var found = zip(old, new).flatMap { $1.differences(from: $0) }
  if axes.old != axes.new {
    let text = { (axes: [String: Int]) in
      axes.isEmpty ? "none" : axes.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }
    found.append(CacheDifference(.axes, path: "named axes", old: text(axes.old), new: text(axes.new)))
  }
  if found.isEmpty {
    found.append(CacheDifference(.structure, path: "the nesting of the arguments", old: "another", new: "changed"))
  }
  return found
}
