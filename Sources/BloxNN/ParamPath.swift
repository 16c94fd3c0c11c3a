// Paths of parameters.

/// The path of a parameter: the names of the graph nodes down to it, and its own name.
public struct ParamPath: Hashable, Sendable {
  /// The names from the root.
  public let components: [String]

  /// A path of names.
  public init(_ components: [String]) { self.components = components }

  /// The path with one more name.
  public func appending(_ name: String) -> ParamPath { ParamPath(components + [name]) }
}

extension ParamPath: ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
  /// A path written with slashes, such as `"net/linear/kernel"`.
  public init(stringLiteral text: String) { components = text.split(separator: "/").map(String.init) }
  /// A path written as a list of names.
  public init(arrayLiteral components: String...) { self.components = components }
}

extension ParamPath: Comparable {
  /// Order by names, as Python orders tuples.
  public static func < (a: ParamPath, b: ParamPath) -> Bool {
    // Unicode scalars, not Swift's canonical order, so that the order is Python's.
    a.components.lexicographicallyPrecedes(b.components) { x, y in
      x.unicodeScalars.lexicographicallyPrecedes(y.unicodeScalars)
    }
  }
}

extension ParamPath: CustomStringConvertible {
  /// The names joined with slashes.
  public var description: String { components.joined(separator: "/") }
}
