// Values of any kind for parameters.

import BloxTrace

/// A value for each parameter of a container: a sharding, a learning rate, a text. In order of paths.
///
/// ```swift
/// let axes = try evalShape({ (x: Tensor) in try model(Params(), x).1 }, x).map { _, param in param.sharding }
/// let rates = params.map { path, _ in path.components.last == "bias" ? 0.02 : 0.01 }
/// print(try rates["net/mlp/hidden/bias"])
/// ```
///
/// `treeMap` goes on to the tensors of a tree, so it gives tensors; this stops at parameters, as JAX's `tree.map` does
/// with `is_leaf`.
public struct ParamMap<Value> {
  /// The paths in order.
  public let keys: [ParamPath]
  /// The values in the order of ``keys``.
  public let values: [Value]
  /// Whether the container was locked.
  public let isLocked: Bool
  private let index: [ParamPath: Int]

  fileprivate init(keys: [ParamPath], values: [Value], isLocked: Bool) {
    self.keys = keys
    self.values = values
    self.isLocked = isLocked
    index = Dictionary(uniqueKeysWithValues: zip(keys, keys.indices))
  }

  /// The number of values.
  public var count: Int { keys.count }

  /// The value of the parameter at a path, or `nil`.
  public func find(_ path: ParamPath) -> Value? { index[path].map { values[$0] } }

  /// The value of the parameter at a path.
  ///
  /// - Throws: ``BloxError/Code/paramNotFound``.
  public subscript(path: ParamPath) -> Value {
    get throws {
      guard let value = find(path) else { throw Params.notFound(path) }
      return value
    }
  }

  /// Other values for the same parameters.
  public func map<Other>(_ transform: (ParamPath, Value) throws -> Other) rethrows -> ParamMap<Other> {
    ParamMap<Other>(keys: keys, values: try zip(keys, values).map { try transform($0, $1) }, isLocked: isLocked)
  }
}

extension ParamMap: Sendable where Value: Sendable {}

extension Params {
  /// A value for each parameter; see ``ParamMap``.
  public func map<Value>(_ transform: (ParamPath, Param) throws -> Value) rethrows -> ParamMap<Value> {
    let entries = items.sorted { $0.path < $1.path }
    return ParamMap(
      keys: entries.map(\.path), values: try entries.map { try transform($0.path, $0.param) }, isLocked: isLocked)
  }

  /// The container with parameters made of its own and of values for them.
  ///
  /// ```swift
  /// let slower = try gradients.combining(rates) { gradient, rate in gradient.replacing(value: gradient.value * rate) }
  /// ```
  ///
  /// - Throws: ``BloxError/Code/paramNotFound`` for a parameter without a value, or what the closure throws.
  public func combining<Value>(
    _ values: ParamMap<Value>, _ transform: (Param, Value) throws -> Param
  ) throws -> Params {
    try items.reduce(self) { result, entry in
      result.replacing(entry.path, with: try transform(entry.param, try values[entry.path]))
    }
  }
}
