// Swift values as arguments of transformed functions: parts of the structure, not tensors.

/// A Swift value that may be an argument of a compiled function: it is part of the cache's key, and the function sees
/// it as it is, so that Swift's `if` and `switch` work on it.
///
/// Your own type needs no more than the conformance:
///
/// ```swift
/// enum Mode: StaticArgument { case training, inference }
///
/// let forward = jit { (params: Params, x: Tensor, mode: Mode) in
///   try mode == .training ? dropout(model(params, x)) : model(params, x)
/// }
/// try forward(params, x, .training)
/// ```
///
/// Numbers, strings and flags are wrapped in ``Static``. Conforming types are values: what a reference leads to could
/// change without changing the key.
public protocol StaticArgument: TensorTree, Hashable, Sendable {}

extension StaticArgument {
  /// Nothing: there are no tensors in it.
  public mutating func visitTensors(_ visitor: inout TensorVisitor) throws {}
  /// The value.
  public var staticPart: StaticPart { StaticPart(self) }
}

/// Any hashable value as a static argument; literals convert by themselves.
///
/// Values that are equal share a trace, as in JAX: 0.0 and -0.0 do. NaN, which equals nothing, is traced at each call.
///
/// ```swift
/// let power = jit { (x: Tensor, exponent: Static<Int>) in
///   try (0..<exponent.value).reduce(Tensor(1.0)) { y, _ in try y * x }
/// }
/// try power(x, 3)
/// try power(x, Static(count))
/// ```
public struct Static<Value: Hashable & Sendable>: StaticArgument {
  /// The value.
  public let value: Value

  /// Wraps a value.
  public init(_ value: Value) { self.value = value }
}

extension Static: CustomStringConvertible {
  /// The value as it prints itself.
  public var description: String { "\(value)" }
}

extension Static: ExpressibleByIntegerLiteral where Value: ExpressibleByIntegerLiteral {
  /// A whole number.
  public init(integerLiteral value: Value.IntegerLiteralType) { self.init(Value(integerLiteral: value)) }
}

extension Static: ExpressibleByFloatLiteral where Value: ExpressibleByFloatLiteral {
  /// A number.
  public init(floatLiteral value: Value.FloatLiteralType) { self.init(Value(floatLiteral: value)) }
}

extension Static: ExpressibleByBooleanLiteral where Value: ExpressibleByBooleanLiteral {
  /// A flag.
  public init(booleanLiteral value: Value.BooleanLiteralType) { self.init(Value(booleanLiteral: value)) }
}

extension Static: ExpressibleByUnicodeScalarLiteral where Value: ExpressibleByUnicodeScalarLiteral {
  /// A character of one scalar.
  public init(unicodeScalarLiteral value: Value.UnicodeScalarLiteralType) {
    self.init(Value(unicodeScalarLiteral: value))
  }
}

extension Static: ExpressibleByExtendedGraphemeClusterLiteral
where Value: ExpressibleByExtendedGraphemeClusterLiteral {
  /// A character.
  public init(extendedGraphemeClusterLiteral value: Value.ExtendedGraphemeClusterLiteralType) {
    self.init(Value(extendedGraphemeClusterLiteral: value))
  }
}

extension Static: ExpressibleByStringLiteral where Value: ExpressibleByStringLiteral {
  /// A text.
  public init(stringLiteral value: Value.StringLiteralType) { self.init(Value(stringLiteral: value)) }
}
