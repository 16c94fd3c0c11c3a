// One parameter: a value with what must be known about it.

import BloxTrace

/// A value of a parameter's metadata.
public enum MetadataValue: Hashable, Sendable {
  /// A text, such as a tag.
  case string(String)
  /// A whole number.
  case int(Int)
  /// A number.
  case double(Double)
  /// A flag.
  case bool(Bool)
  /// Mesh axis names per dimension, `nil` where a dimension is not sharded.
  case axes([String?])
}

extension MetadataValue {
  /// Numbers are the same where their bits are: a tag of NaN equals itself, and 0 is not -0.
  public static func == (a: MetadataValue, b: MetadataValue) -> Bool {
    switch (a, b) {
    case (.string(let a), .string(let b)): a == b
    case (.int(let a), .int(let b)): a == b
    case (.double(let a), .double(let b)): a.bitPattern == b.bitPattern
    case (.bool(let a), .bool(let b)): a == b
    case (.axes(let a), .axes(let b)): a == b
    case (.string, _), (.int, _), (.double, _), (.bool, _), (.axes, _): false
    }
  }

  /// Hashes what is compared.
  public func hash(into hasher: inout Hasher) {
    switch self {
    case .string(let text): hasher.combine(text)
    case .int(let value): hasher.combine(value)
    case .double(let value): hasher.combine(value.bitPattern)
    case .bool(let value): hasher.combine(value)
    case .axes(let axes): hasher.combine(axes)
    }
  }
}

extension MetadataValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral
{
  /// A text.
  public init(stringLiteral value: String) { self = .string(value) }
  /// A whole number.
  public init(integerLiteral value: Int) { self = .int(value) }
  /// A number.
  public init(floatLiteral value: Double) { self = .double(value) }
  /// A flag.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension MetadataValue: CustomStringConvertible {
  /// The value as it would be written.
  public var description: String {
    switch self {
    case .string(let text): "'\(text)'"
    case .int(let value): "\(value)"
    case .double(let value): "\(value)"
    case .bool(let value): "\(value)"
    case .axes(let axes): "(" + axes.map { $0.map { "'\($0)'" } ?? "nil" }.joined(separator: ", ") + ")"
    }
  }
}

/// A parameter: its value, whether it receives gradients, and tags.
///
/// `isTrainable` and `metadata` belong to the structure: changing them makes a compiled function trace anew.
public struct Param: Sendable {
  /// The value.
  public var value: Tensor
  /// Whether the parameter receives gradients; state such as counters and running statistics does not.
  public var isTrainable: Bool
  /// Tags, such as `sharding` or `tag`.
  public var metadata: [String: MetadataValue]

  /// Makes a parameter.
  public init(_ value: Tensor, isTrainable: Bool = true, metadata: [String: MetadataValue] = [:]) {
    self.value = value
    self.isTrainable = isTrainable
    self.metadata = metadata
  }

  /// A copy with some fields changed.
  public func replacing(
    value: Tensor? = nil, isTrainable: Bool? = nil, metadata: [String: MetadataValue]? = nil
  ) -> Param {
    Param(
      value ?? self.value, isTrainable: isTrainable ?? self.isTrainable, metadata: metadata ?? self.metadata)
  }

  /// The mesh axes of the `sharding` metadata; empty when there are none.
  public var sharding: [String?] {
    guard case .axes(let axes)? = metadata["sharding"] else { return [] }
    return axes
  }
}

extension Param: TensorTree {
  /// Visits the value.
  public mutating func visitTensors(_ visitor: inout TensorVisitor) throws { try visitor.visit(&value, .transparent) }
  /// The flag and the metadata.
  public var staticPart: StaticPart { StaticPart(ParamFlags(isTrainable: isTrainable, metadata: metadata)) }
}

/// What of a parameter belongs to the structure.
struct ParamFlags: Hashable, Sendable {
  var isTrainable: Bool
  var metadata: [String: MetadataValue]
}

extension ParamFlags: ExplainedStaticPart {
  /// Whether it is trainable, and its metadata.
  func differences(from old: any ExplainedStaticPart, at path: String) -> [CacheDifference] {
    guard let old = old as? ParamFlags else { return [] }
    var found: [CacheDifference] = []
    if old.isTrainable != isTrainable {
      let names = [true: "trainable", false: "not trainable"]
      found.append(
        CacheDifference(.trainable, path: path, old: names[old.isTrainable] ?? "", new: names[isTrainable] ?? ""))
    }
    if old.metadata != metadata {
      found.append(CacheDifference(.metadata, path: path, old: old.metadataText, new: metadataText))
    }
    return found
  }

  private var metadataText: String {
    let tags = metadata.keys.sorted().map { "'\($0)': \(metadata[$0].map(\.description) ?? "")" }
    return "{\(tags.joined(separator: ", "))}"
  }
}

extension Param: CustomStringConvertible {
  /// `Param[T](value=f32[3,4], metadata={…})`, with `[N]` for parameters that are not trainable.
  public var description: String {
    let tags = metadata.keys.sorted().map { "'\($0)': \(metadata[$0].map(\.description) ?? "")" }
    return "Param[\(isTrainable ? "T" : "N")](value=\(value.type), metadata={\(tags.joined(separator: ", "))})"
  }
}
