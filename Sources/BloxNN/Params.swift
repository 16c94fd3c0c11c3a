// The container of all state of a model.

import BloxTrace

/// All state of a model: weights, random state, running statistics. An immutable value, keyed by path.
///
/// While *unlocked*, a forward pass creates the parameters it misses; once ``locked()``, a missing parameter is an
/// error, which catches misspelt names and marks the change from initialisation to use.
///
/// Iteration is in order of creation. After a transformation (`jit`, `grad`, `vmap`, `treeMap`) it is in order of
/// paths, as JAX orders a dictionary.
public struct Params: Sendable {
  /// A parameter with its path.
  public struct Entry: Sendable {
    /// The path.
    public let path: ParamPath
    /// The parameter.
    public var param: Param
  }

  /// What belongs to the structure: shared between containers that differ in values only, so that comparing two
  /// structures usually compares two references.
  fileprivate final class Layout: Hashable, Sendable {
    let paths: [ParamPath]
    let flags: [ParamFlags]
    let isLocked: Bool
    let index: [ParamPath: Int]
    let isSorted: Bool

    init(paths: [ParamPath], flags: [ParamFlags], isLocked: Bool) {
      self.paths = paths
      self.flags = flags
      self.isLocked = isLocked
      index = Dictionary(uniqueKeysWithValues: zip(paths, paths.indices))
      isSorted = zip(paths, paths.dropFirst()).allSatisfy { $0 < $1 }
    }

    static func == (a: Layout, b: Layout) -> Bool {
      a === b || (a.isLocked == b.isLocked && a.paths == b.paths && a.flags == b.flags)
    }

    func hash(into hasher: inout Hasher) {
      hasher.combine(paths)
      hasher.combine(isLocked)
    }
  }

  private var layout: Layout
  private var tensors: [Tensor]

  private init(layout: Layout, values: [Tensor]) {
    self.layout = layout
    self.tensors = values
  }

  /// A container of parameters with different paths.
  init(_ entries: [Entry], isLocked: Bool) {
    self.init(
      layout: Layout(
        paths: entries.map(\.path),
        flags: entries.map { ParamFlags(isTrainable: $0.param.isTrainable, metadata: $0.param.metadata) },
        isLocked: isLocked),
      values: entries.map(\.param.value))
  }

  /// An empty, unlocked container.
  public init() { self.init([], isLocked: false) }

  /// Whether creating parameters is an error.
  public var isLocked: Bool { layout.isLocked }
  /// The number of parameters, random state included.
  public var count: Int { tensors.count }
  /// Whether there are no parameters.
  public var isEmpty: Bool { tensors.isEmpty }
  /// The paths in order.
  public var keys: [ParamPath] { layout.paths }
  /// The parameters in order.
  public var values: [Param] { tensors.indices.map(param) }
  /// The paths and parameters in order.
  public var items: [Entry] { tensors.indices.map { Entry(path: layout.paths[$0], param: param($0)) } }

  private func param(_ index: Int) -> Param {
    let flags = layout.flags[index]
    return Param(tensors[index], isTrainable: flags.isTrainable, metadata: flags.metadata)
  }

  /// Whether there is a parameter at a path.
  public func contains(_ path: ParamPath) -> Bool { layout.index[path] != nil }

  /// The parameter at a path, or `nil`.
  public func find(_ path: ParamPath) -> Param? { layout.index[path].map(param) }

  /// The parameter at a path.
  ///
  /// - Throws: ``BloxError/Code/paramNotFound``.
  public subscript(path: ParamPath) -> Param {
    get throws {
      guard let param = find(path) else { throw Params.notFound(path) }
      return param
    }
  }

  static func notFound(_ path: ParamPath) -> BloxError {
    BloxError(.paramNotFound, "path '\(path)' not found")
  }

  /// A copy in which creating parameters is an error.
  public func locked() -> Params { with(isLocked: true) }
  /// A copy in which parameters may be created.
  public func unlocked() -> Params { with(isLocked: false) }

  private func with(isLocked: Bool) -> Params {
    guard isLocked != layout.isLocked else { return self }
    return Params(layout: Layout(paths: layout.paths, flags: layout.flags, isLocked: isLocked), values: tensors)
  }

  /// A copy with one more parameter, or with another one at a path that exists.
  ///
  /// For loading weights.
  ///
  /// - Throws: ``BloxError/Code/paramsLocked`` when the container is locked.
  public func setting(_ path: ParamPath, to param: Param) throws -> Params {
    guard !isLocked else {
      throw BloxError(
        .paramsLocked, "cannot set '\(path)': Params is locked; use unlocked() first")
    }
    return replacing(path, with: param)
  }

  /// A copy with one more parameter, or with another one at a path that exists, locked or not.
  func replacing(_ path: ParamPath, with param: Param) -> Params {
    guard let index = layout.index[path] else {
      return Params(items + [Entry(path: path, param: param)], isLocked: isLocked)
    }
    let flags = ParamFlags(isTrainable: param.isTrainable, metadata: param.metadata)
    var copy = self
    copy.tensors[index] = param.value
    if flags != layout.flags[index] {
      var all = layout.flags
      all[index] = flags
      copy.layout = Layout(paths: layout.paths, flags: all, isLocked: isLocked)
    }
    return copy
  }

  /// Two containers: trainable parameters, which receive gradients, and the rest, which is state.
  ///
  /// Both keep the order and the locked flag.
  public func split() -> (Params, Params) { split { $1.isTrainable } }

  /// Two containers: parameters for which the predicate holds, and the rest.
  ///
  /// Both keep the order and the locked flag.
  public func split(_ predicate: (ParamPath, Param) throws -> Bool) rethrows -> (Params, Params) {
    let entries = items
    let matches = try entries.map { try predicate($0.path, $0.param) }
    return (
      Params(zip(entries, matches).filter(\.1).map(\.0), isLocked: isLocked),
      Params(zip(entries, matches).filter { !$0.1 }.map(\.0), isLocked: isLocked)
    )
  }

  /// The union of two containers, `other` winning where both have a path: this one's order, then new paths.
  ///
  /// - Throws: ``BloxError/Code/lockedMismatch`` when one is locked and the other is not.
  public func merge(_ other: Params) throws -> Params {
    guard isLocked == other.isLocked else {
      throw BloxError(
        .lockedMismatch,
        "cannot merge: locked mismatch, \(isLocked) vs \(other.isLocked); lock or unlock both (locked(), unlocked())")
    }
    var entries = items
    var index = layout.index
    for entry in other.items {
      if let position = index[entry.path] {
        entries[position] = entry
      } else {
        index[entry.path] = entries.count
        entries.append(entry)
      }
    }
    return Params(entries, isLocked: isLocked)
  }

  private mutating func sort() {
    guard !layout.isSorted else { return }
    self = Params(items.sorted { $0.path < $1.path }, isLocked: isLocked)
  }
}

extension Params.Layout: ExplainedStaticPart {
  /// The lock, and the flags of the parameters that both have; which parameters there are, their tensors say.
  func differences(from old: any ExplainedStaticPart, at path: String) -> [CacheDifference] {
    guard let old = old as? Params.Layout else { return [] }
    var found: [CacheDifference] = []
    if old.isLocked != isLocked {
      let names = [true: "locked", false: "unlocked"]
      found.append(
        CacheDifference(.locked, path: path, old: names[old.isLocked] ?? "", new: names[isLocked] ?? ""))
    }
    for (index, name) in paths.enumerated() {
      guard let previous = old.index[name] else { continue }
      found += flags[index].differences(from: old.flags[previous], at: "\(path)['\(name)']")
    }
    return found
  }
}

extension Params: TensorTree {
  /// Visits the values in order of paths, which is the container's order from then on.
  public mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    sort()
    let layout = layout
    try visitor.visit(&tensors) { index in
      .parameterPath(layout.paths[index].description, isTrainable: layout.flags[index].isTrainable)
    }
  }

  /// The paths, flags and metadata in order of paths, and whether the container is locked.
  public var staticPart: StaticPart {
    var sorted = self
    sorted.sort()
    return StaticPart(sorted.layout)
  }
}

extension Params: CustomStringConvertible {
  /// One line per parameter.
  public var description: String {
    let lines = items.map { "  \($0.path): \($0.param)\n" }
    return "Params[\(isLocked ? "locked" : "unlocked")]({\(lines.isEmpty ? "" : "\n")\(lines.joined())})"
  }
}
