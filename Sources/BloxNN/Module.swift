// The base class of layers and models.

import BloxTrace

/// A part of a model: a function with a place in the graph that gives its parameters their paths.
///
/// A subclass takes a graph node first, keeps static configuration in properties, and implements
/// `callAsFunction(params, …) -> (output, params)`. Parameters are created lazily by ``getParam(_:_:shape:initializer:dtype:isTrainable:metadata:rng:)``
/// in the first forward pass, so no input size needs to be known beforehand.
///
/// ```swift
/// final class Scale: Module {
///   func callAsFunction(_ params: Params, _ x: Tensor) throws -> (Tensor, Params) {
///     try scoped {
///       let (scale, params) = try getParam(params, "scale", shape: [x.shape[x.rank - 1]], initializer: .ones)
///       return (try x * scale, params)
///     }
///   }
/// }
/// ```
///
/// Modules hold no tensors. Changing a property does not affect functions already compiled for the same shapes.
open class Module {
  /// The module's place in the graph; `nil` once the graph's root has gone.
  public private(set) weak var graph: Graph?
  /// The path of the module, which is the prefix of its parameters' paths.
  public let path: ParamPath

  /// Binds the module to a graph node.
  ///
  /// - Throws: ``BloxError/Code/nodeOccupied``, ``BloxError/Code/rootNode``.
  public init(_ graph: Graph) throws {
    self.graph = graph
    path = graph.path
    try graph.bind(self)
    TracedObjects.add(self)
  }

  deinit { TracedObjects.remove(ObjectIdentifier(self)) }

  /// The path of one of the module's parameters.
  public func paramPath(_ name: String) -> ParamPath { path.appending(name) }

  /// Runs part of a forward pass under the module's path, which instructions and errors then carry.
  public func scoped<Result>(_ body: () throws -> Result) throws -> Result {
    try ModuleScope.with(path.description) {
      do {
        return try body()
      } catch let error as BloxError {
        throw error.at(modulePath: path.description, location: nil)
      }
    }
  }

  /// A parameter's value, created if it is missing and the container is unlocked.
  ///
  /// With `rng`, creating draws a key by advancing the counter by one, also for constant initializers, so that
  /// changing one initializer does not change what the others draw.
  ///
  /// - Parameters:
  ///   - name: The parameter's name within the module.
  ///   - shape: The shape to create with; not compared with an existing parameter's.
  ///   - initializer: What creates the value.
  /// - Returns: The value, and the container with what was created.
  /// - Throws: ``BloxError/Code/paramNotFound`` when it is missing and shape or initializer are not given,
  ///   ``BloxError/Code/paramsLocked`` when it is missing and the container is locked.
  public func getParam(
    _ params: Params, _ name: String, shape: [Int]? = nil, initializer: Initializer? = nil, dtype: DType = .f32,
    isTrainable: Bool = true, metadata: [String: MetadataValue] = [:], rng: Rng? = nil
  ) throws -> (Tensor, Params) {
    let path = paramPath(name)
    if let existing = params.find(path) { return (existing.value, params) }
    guard let shape, let initializer else {
      throw BloxError(
        .paramNotFound,
        "parameter '\(path)' not found. To create a new parameter, provide shape and initializer.",
        modulePath: self.path.description)
    }
    guard !params.isLocked else {
      throw BloxError(
        .paramsLocked,
        "parameter '\(path)' missing (params locked). Params is locked: no parameter can be created; check the name, or"
          + " create it on params.unlocked() first",
        modulePath: self.path.description)
    }
    var params = params
    var key: Key?
    if let rng { (key, params) = try rng(params) }
    let value = try initializer(key, shape, dtype, for: path)
    return (value, params.replacing(path, with: Param(value, isTrainable: isTrainable, metadata: metadata)))
  }

  /// The container with a parameter changed; what is `nil` stays, metadata is merged into what there is.
  ///
  /// Works on locked containers: updating is not creating.
  ///
  /// - Throws: ``BloxError/Code/nothingToSet``, ``BloxError/Code/paramNotFound``.
  public func setParam(
    _ params: Params, _ name: String, _ value: Tensor? = nil, isTrainable: Bool? = nil,
    metadata: [String: MetadataValue]? = nil
  ) throws -> Params {
    guard value != nil || isTrainable != nil || metadata != nil else {
      throw BloxError(
        .nothingToSet, "at least one of value, isTrainable, or metadata must be provided to set '\(paramPath(name))'")
    }
    let existing = try params[paramPath(name)]
    let merged = metadata.map { existing.metadata.merging($0) { $1 } }
    return params.replacing(
      paramPath(name), with: existing.replacing(value: value, isTrainable: isTrainable, metadata: merged))
  }
}

extension Module: TracedObject {
  /// The path.
  package var tracedPath: String { path.description }

  /// The stored properties, with other modules as their paths: those report for themselves.
  package func tracedProperties() -> [(name: String, value: String)] {
    settings.map { ($0.name, $0.value.text { "\($0.path)" }) }
  }
}

extension Module: CustomStringConvertible {
  /// The type with its configuration, such as `Linear(outputSize: 4, rng: Rng(), useBias: true)`.
  public var description: String {
    let properties = settings.map { setting in
      "\(setting.name): \(setting.value.text { "\(type(of: $0))()" })"
    }
    return "\(type(of: self))(\(properties.joined(separator: ", ")))"
  }
}

/// A module from a tensor to a tensor, which ``Sequential`` chains and ``jit(name:donating:_:)`` takes directly.
public protocol Layer: Module {
  /// The forward pass.
  func callAsFunction(_ params: Params, _ inputs: Tensor) throws -> (Tensor, Params)
}

/// Compiles a layer: `let (outputs, params) = try jit(model)(params, inputs)`.
///
/// The cache belongs to the returned function. Changing the layer's properties has no effect on shapes that it has
/// seen; see ``jit(name:arguments:donating:donation:staleness:cacheLimit:file:line:_:)``. The arguments are named
/// `params` and `inputs`.
public func jit(
  name: String? = nil, donating: ArgumentSelection = .none, donation: DonationPolicy = .report,
  staleness: Staleness? = nil, cacheLimit: Int = 256, file: String = #fileID, line: Int = #line, _ layer: some Layer
) -> TensorFunction<(Tensor, Params), Params, Tensor> {
  jit(
    name: name ?? layer.path.components.last, arguments: ["params", "inputs"], donating: donating, donation: donation,
    staleness: staleness, cacheLimit: cacheLimit, file: file, line: line
  ) { (params: Params, inputs: Tensor) in
    try layer(params, inputs)
  }
}
