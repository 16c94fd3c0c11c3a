// The tree that displays show: graph nodes with modules, settings and parameters, counted per subtree.

import BloxIR
import BloxTrace

/// A parameter as it is shown.
struct DisplayParam {
  /// The part of the path below the node.
  let name: String
  let path: ParamPath
  let param: Param
  /// `nil` when the parameter has no elements to look at: it is traced, donated or abstract.
  let constant: DenseConstant?
  let statistics: ValueStatistics?

  init(name: String, _ entry: Params.Entry) {
    self.name = name
    path = entry.path
    param = entry.param
    constant = try? entry.param.value.constant()
    statistics = constant.flatMap { ValueStatistics($0) }
  }

  /// The only element as text; `nil` when there are others or none to read.
  var scalar: String? {
    guard let constant, constant.type.elementCount == 1 else { return nil }
    let element = constant[0]
    switch element.dtype.kind {
    case .boolean: return element.isZero ? "false" : "true"
    case .signed: return "\(element.signedValue)"
    case .unsigned: return "\(element.bits)"
    case .floating: return compact(element.doubleValue)
    case .key: return "key(\(element.bits >> 32), \(element.bits & 0xFFFF_FFFF))"
    }
  }

  /// `{'tag': 'rng_seed'}`, or nothing.
  var metadataText: String {
    guard !param.metadata.isEmpty else { return "" }
    let pairs = param.metadata.sorted { $0.key < $1.key }.map { "'\($0.key)': \($0.value)" }
    return "{\(pairs.joined(separator: ", "))}"
  }
}

/// A graph node as it is shown.
struct DisplayNode {
  let name: String
  let path: ParamPath
  let typeName: String
  /// The module at the node.
  let moduleID: ObjectIdentifier?
  let settings: [ModuleSetting]
  let metadata: [String: MetadataValue]
  let params: [DisplayParam]
  let children: [DisplayNode]
  /// The number of elements of all parameters of the subtree.
  let elementCount: Int
  /// The bytes of all parameters of the subtree.
  let byteCount: Int

  /// `mlp: MLP # Params: 101770 (397.5 KB)`; without the counts when no parameters are shown.
  func title(hasParams: Bool) -> String { "\(name): \(typeName)" + (hasParams ? " # Params: \(size)" : "") }

  /// `101770 (397.5 KB)`.
  var size: String { "\(elementCount) (\(DisplayNode.bytes(byteCount)))" }

  /// `12 B`, or kilobytes of 1024 bytes with one decimal.
  static func bytes(_ count: Int) -> String {
    count < 1024 ? "\(count) B" : "\(fixed(Double(count) / 1024, decimals: 1)) KB"
  }
}

/// Graphs with their parameters, ready to be shown.
struct DisplayTree {
  let roots: [DisplayNode]
  let hasParams: Bool
  let isLocked: Bool
  /// How many parameters lie below none of the graphs.
  let otherCount: Int
  private let shown: Set<ObjectIdentifier>
  /// The graphs are held, since modules only refer to them weakly.
  private let graphs: [Graph]

  init(_ graphs: [Graph], _ params: Params?) {
    var builder = Builder(params: params)
    self.graphs = graphs
    roots = graphs.map { builder.node($0) }
    hasParams = params != nil
    isLocked = params?.isLocked ?? false
    otherCount = (params?.count ?? 0) - builder.placed.count
    shown = builder.shown
  }

  /// The settings that are shown: not the modules that stand right below under the setting's name, nor empty
  /// dictionaries, which say that there are no tags.
  func settings(of node: DisplayNode) -> [ModuleSetting] { node.settings.filter { isWorthShowing($0, of: node) } }

  private func isWorthShowing(_ setting: ModuleSetting, of node: DisplayNode) -> Bool {
    if case .text("[:]") = setting.value { return false }
    guard case .module(let module) = setting.value else { return true }
    let components = module.path.components
    guard isShown(module), let last = components.last, components.dropLast() == node.path.components[...] else {
      return true
    }
    return plain(last) != plain(setting.name)
  }

  /// A name without what snake case and camel case differ in.
  private func plain(_ name: String) -> String { name.filter { $0 != "_" }.lowercased() }

  /// Whether the module is a part of what is shown, rather than of another graph.
  func isShown(_ module: Module) -> Bool { shown.contains(ObjectIdentifier(module)) }

  private struct Builder {
    let params: Params?
    var placed: Set<ParamPath> = []
    var shown: Set<ObjectIdentifier> = []

    /// The parameters of each node, found once: those whose longest prefix among nodes it is.
    mutating func node(_ graph: Graph) -> DisplayNode {
      var owners: [ParamPath: [Params.Entry]] = [:]
      let paths = Set(Self.paths(graph))
      for entry in params?.items ?? [] {
        var prefix = entry.path.components
        repeat { prefix.removeLast() } while !prefix.isEmpty && !paths.contains(ParamPath(prefix))
        guard !prefix.isEmpty else { continue }
        owners[ParamPath(prefix), default: []].append(entry)
        placed.insert(entry.path)
      }
      return node(graph, owners)
    }

    private static func paths(_ graph: Graph) -> [ParamPath] { [graph.path] + graph.children.flatMap(paths) }

    private mutating func node(_ graph: Graph, _ owners: [ParamPath: [Params.Entry]]) -> DisplayNode {
      if let module = graph.module { shown.insert(ObjectIdentifier(module)) }
      let own = (owners[graph.path] ?? []).map { entry in
        DisplayParam(
          name: entry.path.components.dropFirst(graph.path.components.count).joined(separator: "/"), entry)
      }
      var children: [DisplayNode] = []
      for child in graph.children { children.append(node(child, owners)) }
      return DisplayNode(
        name: graph.name, path: graph.path, typeName: graph.module.map { "\(type(of: $0))" } ?? "Graph",
        moduleID: graph.module.map { ObjectIdentifier($0) },
        settings: graph.module?.settings ?? [], metadata: graph.metadata, params: own, children: children,
        elementCount: own.reduce(0) { $0 + $1.param.value.count } + children.reduce(0) { $0 + $1.elementCount },
        byteCount: own.reduce(0) { $0 + $1.param.value.type.byteCount } + children.reduce(0) { $0 + $1.byteCount })
    }
  }
}
