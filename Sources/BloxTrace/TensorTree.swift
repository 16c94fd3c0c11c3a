// Trees of tensors: what transformations take and return (JAX's pytrees).

import BloxIR

/// A value made of tensors: a tensor, an array or dictionary of trees, model parameters, or your own struct.
///
/// Conform by visiting each part in a fixed order:
///
/// ```swift
/// struct Line: TensorTree {
///   var weight: Tensor, bias: Tensor
///   mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
///     try visitor.visit(&weight, "weight")
///     try visitor.visit(&bias, "bias")
///   }
/// }
/// ```
///
/// One requirement serves flattening, rebuilding (copy a prototype, replace the leaves), mapping, and the paths in
/// messages and program text.
public protocol TensorTree {
  /// Shows each part to the visitor, which may replace its tensors, always in the same order.
  mutating func visitTensors(_ visitor: inout TensorVisitor) throws
  /// What belongs to the structure rather than to the tensors, such as a flag: two trees have the same structure
  /// only if these are equal, and a compiled function is traced anew when they differ.
  var staticPart: StaticPart { get }
}

extension TensorTree {
  /// Nothing.
  public var staticPart: StaticPart { .none }
}

/// The part of a tree that belongs to its structure.
public struct StaticPart: Sendable {
  private enum Content: Sendable {
    case none
    case value(any Hashable & Sendable)
    /// Compared by what it holds only with another object.
    case object(any AnyObject & Hashable & Sendable)
  }

  private let content: Content

  /// No static part.
  public static let none = StaticPart(content: .none)

  private init(content: Content) { self.content = content }

  /// Makes a value part of the structure.
  public init(_ value: some Hashable & Sendable) { content = .value(value) }

  /// Makes an object part of the structure: by its value, but where it is the same object nothing is compared.
  public init(_ object: some AnyObject & Hashable & Sendable) { content = .object(object) }

  var description: String { base.map { "\($0)" } ?? "" }

  /// What it was made of.
  var base: (any Hashable)? {
    switch content {
    case .none: nil
    case .value(let value): value
    case .object(let object): object
    }
  }
}

extension StaticPart: Hashable {
  /// Whether both were made of equal values, or of nothing.
  public static func == (a: StaticPart, b: StaticPart) -> Bool {
    switch (a.content, b.content) {
    case (.none, .none): true
    case (.object(let x), .object(let y)): x === y || AnyHashable(x) == AnyHashable(y)
    case (.value(let x), .value(let y)): AnyHashable(x) == AnyHashable(y)
    case (.none, _), (.value, _), (.object, _): false
    }
  }

  /// Hashes the value that it was made of.
  public func hash(into hasher: inout Hasher) { base?.hash(into: &hasher) }
}

/// How a part of a tree is called, for paths.
public enum TreeKey: Hashable, Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
  /// A property or dictionary key.
  case name(String)
  /// A position.
  case index(Int)
  /// The path of a model parameter, which stands on its own and replaces what came before it.
  case parameterPath(String, isTrainable: Bool)
  /// A wrapper that adds nothing to the path.
  case transparent

  /// A name.
  public init(stringLiteral name: String) { self = .name(name) }
}

/// Walks trees for the library; see ``TensorTree``.
public struct TensorVisitor {
  /// One node of a structure, in order of visits.
  enum Node: Hashable, Sendable {
    case begin(ObjectIdentifier, StaticPart)
    case end
    /// A tensor: most nodes are.
    case leaf
  }

  /// What is done with the tensors.
  private enum Work {
    /// They are put in `leaves`, and the structure in `nodes`.
    case collect
    /// They are put in `leaves`, and the structure is compared with `nodes`.
    case match
    /// They become those of `leaves`.
    case replace
    /// A closure sees each with its path. The others need none, since each call of a compiled function pays for it.
    case show((inout Tensor, [TreeKey]) throws -> Void)
  }

  private let work: Work
  private let wantsPaths: Bool
  private var path: [TreeKey] = []
  private(set) var nodes: [Node] = []
  private(set) var leaves: [Tensor] = []
  /// How many nodes have been compared, or tensors replaced.
  private var position = 0
  private var hasSameNodes = true
  /// Sees the static part of each tree with its path, before its tensors.
  var onNode: (([TreeKey], StaticPart) -> Void)?

  /// A visitor that collects tensors and structure.
  init() {
    work = .collect
    wantsPaths = false
  }

  /// A visitor that collects tensors and finds out whether the trees have a structure.
  init(matching structure: TreeStructure) {
    work = .match
    wantsPaths = false
    nodes = structure.nodes
  }

  /// A visitor that replaces tensors by others, in order; there must be as many.
  init(replacingWith tensors: [Tensor]) {
    work = .replace
    wantsPaths = false
    leaves = tensors
  }

  init(wantsPaths: Bool = false, onLeaf: @escaping (inout Tensor, [TreeKey]) throws -> Void) {
    work = .show(onLeaf)
    self.wantsPaths = wantsPaths
  }

  /// Whether no tensor is replaced, so that a collection need not be made unique to show its elements.
  fileprivate var isReading: Bool {
    switch work {
    case .collect, .match: true
    case .replace, .show: false
    }
  }

  /// Whether the trees that a matching visitor saw have together the structure it was given.
  var matches: Bool { hasSameNodes && position == nodes.count }

  /// Visits a part.
  public mutating func visit<Part: TensorTree>(_ part: inout Part, _ key: @autoclosure () -> TreeKey) throws {
    if wantsPaths { path.append(key()) }
    try visitRoot(&part)
    if wantsPaths { path.removeLast() }
  }

  /// Visits tensors that lie side by side, all at once where nobody wants to know their keys: calls of compiled
  /// functions with many parameters do little else.
  package mutating func visit(_ tensors: inout [Tensor], _ key: (Int) -> TreeKey) throws {
    switch work {
    case .collect, .match:
      for _ in tensors { noteLeaf() }
      // Where these are all, the array is shared, and no tensor is counted once more.
      if leaves.isEmpty { leaves = tensors } else { leaves += tensors }
    case .replace:
      let end = position + tensors.count
      tensors = position == 0 && end == leaves.count ? leaves : Array(leaves[position..<end])
      position = end
    case .show:
      for index in tensors.indices { try visit(&tensors[index], key(index)) }
    }
  }

  /// Visits a whole tree.
  mutating func visitRoot<Tree: TensorTree>(_ tree: inout Tree) throws {
    if case .replace = work { return try tree.visitTensors(&self) }
    if Tree.self == Tensor.self {
      noteLeaf()
      onNode?(path, .none)
      return try tree.visitTensors(&self)
    }
    let staticPart = tree.staticPart
    note(.begin(ObjectIdentifier(Tree.self), staticPart))
    onNode?(path, staticPart)
    try tree.visitTensors(&self)
    note(.end)
  }

  private mutating func note(_ node: Node) {
    guard case .match = work else { return nodes.append(node) }
    hasSameNodes = hasSameNodes && position < nodes.count && nodes[position] == node
    position += 1
  }

  private mutating func noteLeaf() {
    guard case .match = work else { return nodes.append(.leaf) }
    if position < nodes.count, case .leaf = nodes[position] {} else { hasSameNodes = false }
    position += 1
  }

  fileprivate mutating func visitLeaf(_ tensor: inout Tensor) throws {
    switch work {
    case .collect, .match: leaves.append(tensor)
    case .replace:
      tensor = leaves[position]
      position += 1
    case .show(let show): try show(&tensor, path)
    }
  }
}

extension Tensor: TensorTree {
  /// Visits the tensor itself: it is a leaf.
  public mutating func visitTensors(_ visitor: inout TensorVisitor) throws { try visitor.visitLeaf(&self) }
}

extension Array: TensorTree where Element: TensorTree {
  /// Visits the elements in order.
  public mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    if visitor.isReading {
      for (index, var element) in enumerated() { try visitor.visit(&element, .index(index)) }
    } else {
      for index in indices { try visitor.visit(&self[index], .index(index)) }
    }
  }
}

extension Optional: TensorTree where Wrapped: TensorTree {
  /// Visits the value if there is one.
  public mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    guard var value = self else { return }
    try visitor.visit(&value, .transparent)
    self = value
  }

  /// Whether there is a value.
  public var staticPart: StaticPart { StaticPart(OptionalPresence(isPresent: self != nil)) }
}

extension Dictionary: TensorTree where Key == String, Value: TensorTree {
  /// Visits the values in the order of their sorted keys.
  public mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    for key in keys.sorted() {
      guard var value = self[key] else { continue }
      try visitor.visit(&value, .name(key))
      self[key] = value
    }
  }

  /// The sorted keys.
  public var staticPart: StaticPart { StaticPart(DictionaryKeys(keys: keys.sorted())) }
}

/// What of trees is no tensor: their types, static parts and nesting. Equal structures have leaves one to one.
public struct TreeStructure: Hashable, Sendable {
  var nodes: [TensorVisitor.Node] = []
}

extension TensorTree {
  /// The tensors in order.
  public func tensors() throws -> [Tensor] {
    var visitor = TensorVisitor()
    var copy = self
    try visitor.visitRoot(&copy)
    return visitor.leaves
  }

  /// The structure without the tensors.
  public func structure() throws -> TreeStructure {
    var visitor = TensorVisitor()
    var copy = self
    try visitor.visitRoot(&copy)
    return TreeStructure(nodes: visitor.nodes)
  }

  /// The labels of the tensors in order: the path of a model parameter, or `root` followed by keys.
  func leafLabels(root: String) throws -> [LeafLabel] {
    var labels: [LeafLabel] = []
    var visitor = TensorVisitor(wantsPaths: true) { _, path in labels.append(LeafLabel(root: root, path: path)) }
    var copy = self
    try visitor.visitRoot(&copy)
    return labels
  }

  /// The paths of the tensors in order: the path of a model parameter, or keys.
  package func leafPaths() throws -> [String] { try leafLabels(root: "").map(\.label.text) }

  /// A copy whose tensors are the given ones, in order.
  func replacingTensors(_ next: () throws -> Tensor) throws -> Self {
    try withoutActuallyEscaping(next) { next in
      var visitor = TensorVisitor { tensor, _ in tensor = try next() }
      var copy = self
      try visitor.visitRoot(&copy)
      return copy
    }
  }
}

/// What a leaf is called in program text and messages.
struct LeafLabel: Hashable {
  var label: ValueLabel
  var isTrainable = false

  init(root: String, path: [TreeKey]) {
    var text = root
    for key in path {
      switch key {
      case .name(let name): text += text.isEmpty ? name : ".\(name)"
      case .index(let index): text += "[\(index)]"
      case .parameterPath(let parameter, let isTrainable):
        // Parameters of a model passed as an argument of their own are known by their path alone; those inside
        // another tree (an optimizer's moments) keep its name in front.
        if text == root {
          label = .path(parameter)
          self.isTrainable = isTrainable
          return
        }
        text += "/" + parameter
      case .transparent: break
      }
    }
    label = .argument(text)
  }
}

/// Applies a function to each tensor of a tree.
///
/// ```swift
/// let halved = try treeMap(grads) { try $0 * 0.5 }
/// ```
public func treeMap<Tree: TensorTree>(_ tree: Tree, _ transform: (Tensor) throws -> Tensor) throws -> Tree {
  var leaves = try tree.tensors()[...]
  return try tree.replacingTensors { try transform(leaves.removeFirst()) }
}

/// Applies a function to corresponding tensors of two trees of one structure.
///
/// ```swift
/// let updated = try treeMap(params, grads) { w, g in try w - 0.01 * g }
/// ```
///
/// - Throws: ``BloxError/Code/structureMismatch`` when the structures differ.
public func treeMap<Tree: TensorTree>(
  _ tree: Tree, _ other: Tree, _ transform: (Tensor, Tensor) throws -> Tensor
) throws -> Tree {
  try expectSameStructure(tree, other)
  var (leaves, others) = (try tree.tensors()[...], try other.tensors()[...])
  return try tree.replacingTensors { try transform(leaves.removeFirst(), others.removeFirst()) }
}

/// Applies a function to corresponding tensors of three trees of one structure.
///
/// - Throws: ``BloxError/Code/structureMismatch`` when the structures differ.
public func treeMap<Tree: TensorTree>(
  _ tree: Tree, _ second: Tree, _ third: Tree, _ transform: (Tensor, Tensor, Tensor) throws -> Tensor
) throws -> Tree {
  try expectSameStructure(tree, second)
  try expectSameStructure(tree, third)
  var leaves = (try tree.tensors()[...], try second.tensors()[...], try third.tensors()[...])
  return try tree.replacingTensors {
    try transform(leaves.0.removeFirst(), leaves.1.removeFirst(), leaves.2.removeFirst())
  }
}

/// Throws an error that names the first difference between two structures.
func expectSameStructure<Tree: TensorTree>(_ a: Tree, _ b: Tree) throws {
  guard try a.structure() != b.structure() else { return }
  // Types of tensors are no part of the structure.
  let differences = try ArgumentDetails(b, name: "tree").differences(from: ArgumentDetails(a, name: "tree"))
    .filter { $0.kind != .shape && $0.kind != .dtype }
  let shown = differences.prefix(4).map(\.description).joined(separator: ", ")
  let detail =
    differences.isEmpty
    ? "they have \(try a.tensors().count) and \(try b.tensors().count) tensors"
    : "in the second, \(shown)" + (differences.count > 4 ? ", and \(differences.count - 4) more" : "")
  throw BloxError(
    .structureMismatch, "trees of type \(Tree.self) have different structures: \(detail)")
}
