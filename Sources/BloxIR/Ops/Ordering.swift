// Sorting, and the largest elements, along an axis.

/// An op on the order of elements along an axis.
public enum Ordering: Hashable, Sendable {
  /// Sorts operands of one shape together, by the first of them.
  case sort(Sort)
  /// The largest elements along an axis, largest first, and their indices along it as `i32`. NaN comes first, `0`
  /// before `-0`; equal elements keep their order.
  case topK(TopK)
}

extension Ordering {
  /// How operands are sorted: ascending by the keys, which are the first operands; where the first key is equal the
  /// second decides, and so on. NaN comes last, and zeros are equal. Subnormals count as zero, but those of `f16`.
  public struct Sort: Hashable, Sendable {
    /// The dimension that is sorted.
    public var axis: Int
    /// How many of the operands are keys.
    public var keyCount: Int
    /// Whether elements with equal keys must keep their order. Both engines keep it always.
    public var isStable: Bool

    /// Creates the description of a sort.
    public init(axis: Int, keyCount: Int = 1, isStable: Bool = true) {
      self.axis = axis
      self.keyCount = keyCount
      self.isStable = isStable
    }
  }

  /// How many of the largest elements are taken, and where.
  public struct TopK: Hashable, Sendable {
    /// How many elements are taken.
    public var count: Int
    /// The dimension along which they are.
    public var axis: Int

    /// Creates the description.
    public init(count: Int, axis: Int) {
      self.count = count
      self.axis = axis
    }
  }

  /// The names in text.
  enum Mnemonic: String, CaseIterable {
    case sort
    case topK = "top_k"
  }

  private var mnemonic: Mnemonic {
    switch self {
    case .sort: .sort
    case .topK: .topK
    }
  }

  /// The name in program text.
  package var name: String { mnemonic.rawValue }

  /// The attributes as `key=value`.
  var attributeTexts: [String] {
    switch self {
    case .sort(let sort):
      ["axis=\(sort.axis)"] + (sort.keyCount == 1 ? [] : ["keys=\(sort.keyCount)"]) + (sort.isStable ? ["stable"] : [])
    case .topK(let top): ["k=\(top.count)", "axis=\(top.axis)"]
    }
  }

  /// Reads the attributes of a named op.
  init(_ mnemonic: Mnemonic, _ reader: inout AttributeReader) throws(BloxError) {
    switch mnemonic {
    case .sort:
      self = .sort(
        Sort(
          axis: try reader.integer("axis"), keyCount: try reader.optionalInteger("keys") ?? 1,
          isStable: try reader.flag("stable")))
    case .topK: self = .topK(TopK(count: try reader.integer("k"), axis: try reader.integer("axis")))
    }
  }

  func resultTypes(_ rule: TypeRule) throws(BloxError) -> [TensorType] {
    switch self {
    case .sort(let sort): return try rule.sort(sort)
    case .topK(let top): return try rule.topK(top)
    }
  }
}

extension TypeRule {
  fileprivate func sort(_ sort: Ordering.Sort) throws(BloxError) -> [TensorType] {
    try expect(!operands.isEmpty, .invalidArgument, "needs an operand")
    for operand in operands {
      try expect(operand.shape == operands[0].shape, .shapeMismatch, "operands must have one shape")
    }
    try expectAxis(sort.axis, rank: operands[0].rank)
    try expect(
      sort.keyCount >= 1 && sort.keyCount <= operands.count, .invalidArgument,
      "the number of keys must be between 1 and \(operands.count), that of operands; it is \(sort.keyCount)")
    for key in operands.prefix(sort.keyCount) {
      try expect(key.dtype != .key, .dtypeMismatch, "random keys have no order; they can only be sorted by others")
    }
    return operands
  }

  fileprivate func topK(_ top: Ordering.TopK) throws(BloxError) -> [TensorType] {
    try expectCount(1)
    let operand = operands[0]
    try expectAxis(top.axis, rank: operand.rank)
    let size = operand.shape[top.axis]
    try expect(
      top.count >= 0 && top.count <= size, .invalidArgument,
      "k must be between 0 and \(size), the size of axis \(top.axis); it is \(top.count)")
    try expect(operand.dtype != .key, .dtypeMismatch, "has no meaning for \(operand.dtype)")
    try expect(size <= Int(Int32.max), .invalidShape, "axis \(top.axis) is too long for an i32 index")
    var values = operand
    values.shape[top.axis] = top.count
    // bool has one byte, its index four.
    let indices = values.with(dtype: .i32)
    try indices.validate(op.name)
    return [values, indices]
  }
}
