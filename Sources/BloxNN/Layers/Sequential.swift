// Layers one after the other.

import BloxTrace

/// Applies layers and plain functions in order.
///
/// ```swift
/// let model = try Sequential(graph.child("net"), [.layer(hidden), .function("relu", relu), .layer(output)])
/// ```
public final class Sequential: Module, Layer {
  /// A step of the sequence.
  public enum Step: CustomStringConvertible {
    /// A layer, which gets parameters and inputs.
    case layer(any Layer)
    /// A function of the inputs alone.
    case function(String, (Tensor) throws -> Tensor)

    /// The layer's type or the function's name.
    public var description: String {
      switch self {
      case .layer(let layer): "\(type(of: layer))"
      case .function(let name, _): name
      }
    }
  }

  /// The steps in order.
  public let steps: [Step]
  /// The names of the steps; positions when none were given.
  public let names: [String]

  /// Makes a sequence.
  public init(_ graph: Graph, _ steps: [Step]) throws {
    self.steps = steps
    names = steps.indices.map(String.init)
    try super.init(graph)
  }

  /// Makes a sequence of named steps.
  public init(_ graph: Graph, named steps: KeyValuePairs<String, Step>) throws {
    self.steps = steps.map(\.value)
    names = steps.map(\.key)
    try super.init(graph)
  }

  /// The outputs of the last step.
  public func callAsFunction(_ params: Params, _ inputs: Tensor) throws -> (Tensor, Params) {
    try scoped {
      var (x, params) = (inputs, params)
      for step in steps {
        switch step {
        case .layer(let layer): (x, params) = try layer(params, x)
        case .function(_, let function): x = try function(x)
        }
      }
      return (x, params)
    }
  }
}
