// The graph: names and structure of a model, without any parameter values.

@_exported public import BloxTrace

/// A node of a model's hierarchy. Its path is the prefix of its module's parameter paths.
///
/// ```swift
/// let graph = try Graph("net")
/// let rng = try Rng(graph.child("rng"))
/// let model = try MLP(graph.child("mlp"), rng: rng)
/// ```
///
/// A node owns its children and its module; modules and children refer back weakly, so keep the root for as long as
/// you walk or display it. Parameter paths do not need it.
public final class Graph {
  /// The node's own name.
  public let name: String
  /// The names from the root to this node.
  public let path: ParamPath
  /// The node this one is a child of.
  public private(set) weak var parent: Graph?
  /// The children in order of creation.
  public private(set) var children: [Graph] = []
  /// The module bound to the node.
  public private(set) var module: Module?
  /// Tags of your own.
  public var metadata: [String: MetadataValue] = [:]

  /// Makes a root node.
  ///
  /// - Throws: ``BloxError/Code/emptyName``.
  public convenience init(_ name: String) throws {
    try self.init(name: name, path: ParamPath([name]), parent: nil)
  }

  private init(name: String, path: ParamPath, parent: Graph?) throws {
    guard !name.isEmpty else {
      throw BloxError(
        .emptyName, "a graph node must have a name; got an empty string\(parent.map { " under '\($0.path)'" } ?? "")")
    }
    guard !name.contains("/"), !name.contains("\"") else {
      throw BloxError(
        .emptyName, "the graph node name '\(name)' must not contain '/' or '\"': '/' separates the parts of a path")
    }
    self.name = name
    self.path = path
    self.parent = parent
  }

  /// Makes a new child.
  ///
  /// - Throws: ``BloxError/Code/duplicateChild`` when there is one of that name, ``BloxError/Code/emptyName``.
  public func child(_ name: String) throws -> Graph {
    guard !children.contains(where: { $0.name == name }) else {
      throw BloxError(
        .duplicateChild, "graph node '\(path)' already has a child named '\(name)'; names must be unique among siblings"
      )
    }
    let child = try Graph(name: name, path: path.appending(name), parent: self)
    children.append(child)
    return child
  }

  /// Makes a new child; see ``child(_:)``.
  public static func / (graph: Graph, name: String) throws -> Graph { try graph.child(name) }

  /// The node without a parent above this one.
  public var root: Graph {
    var node = self
    while let parent = node.parent { node = parent }
    return node
  }

  /// All modules below this node with their paths: depth first, in order of creation, without the node's own.
  public func walk() -> [(path: ParamPath, module: Module)] {
    children.flatMap { child in (child.module.map { [(child.path, $0)] } ?? []) + child.walk() }
  }

  /// Binds a module to the node.
  func bind(_ module: Module) throws {
    guard parent != nil || path.components.count > 1 else {
      throw BloxError(
        .rootNode,
        "cannot bind \(type(of: module)) to the root node '\(path)': give it a node of its own,"
          + " graph.child(\"name\")")
    }
    if let bound = self.module {
      throw BloxError(
        .nodeOccupied,
        "graph node '\(path)' already holds \(type(of: bound)), so \(type(of: module)) cannot be bound to it; use"
          + " another child")
    }
    self.module = module
  }
}

extension Graph: CustomStringConvertible {
  /// `Graph('demo/leaf')`, with the number of children if there are any.
  public var description: String {
    "Graph('\(path)'\(children.isEmpty ? "" : ", children=\(children.count)"))"
  }
}
