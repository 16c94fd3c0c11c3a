// Attention as a layer.

import BloxTrace

/// Multi-head attention of a sequence with itself or with a context: projections to queries, keys and values,
/// ``dotProductAttention(_:_:_:bias:mask:scale:isCausal:queryLengths:keyLengths:window:)``, and a projection back.
///
/// With fewer key and value heads than heads it is grouped-query attention, with one it is multi-query attention.
///
/// Children, in order of creation of their parameters: the ``Linear`` layers `query`, `key`, `value` and `output`.
///
/// ```swift
/// let attention = try MultiHeadAttention(
///   graph.child("attention"), features: 512, headCount: 8, isCausal: true, rotaryBase: 10_000, rng: rng)
/// let (y, params) = try attention(params, x)                     // x: [batch, time, 512]
/// ```
///
/// See ``KeyValueCache`` for decoding step by step.
public final class MultiHeadAttention: Module, Layer {
  /// The size of inputs and outputs.
  public let features: Int
  /// The number of query heads.
  public let headCount: Int
  /// The number of key and value heads, each of which serves as many query heads.
  public let keyValueHeadCount: Int
  /// The size of each head.
  public let headSize: Int
  /// Whether each step sees itself and earlier steps only.
  public let isCausal: Bool
  /// The base of rotary position embeddings; `nil` for none.
  public let rotaryBase: Double?
  /// The projection to queries.
  public let query: Linear
  /// The projection to keys.
  public let key: Linear
  /// The projection to values.
  public let value: Linear
  /// The projection of all heads to outputs.
  public let output: Linear

  /// Makes a layer.
  ///
  /// - Parameters:
  ///   - features: The size of inputs and outputs.
  ///   - headCount: The number of query heads.
  ///   - keyValueHeadCount: The number of key and value heads; that of query heads by default.
  ///   - headSize: The size of each head; `features / headCount` by default.
  ///   - isCausal: Whether each step sees itself and earlier steps only.
  ///   - rotaryBase: The base of rotary position embeddings; `nil` for none.
  ///   - useBias: Whether projections have biases.
  /// - Throws: ``BloxError/Code/invalidArgument`` for numbers that are not positive or do not divide.
  public init(
    _ graph: Graph, features: Int, headCount: Int, keyValueHeadCount: Int? = nil, headSize: Int? = nil,
    isCausal: Bool = false, rotaryBase: Double? = nil, useBias: Bool = false,
    kernelInitializer: Initializer = .lecunNormal, rng: Rng? = nil
  ) throws {
    let keyHeads = keyValueHeadCount ?? headCount
    func refused(_ problem: String) -> BloxError {
      BloxError(.invalidArgument, "MultiHeadAttention '\(graph.path)': \(problem)", modulePath: graph.path.description)
    }
    guard features > 0, headCount > 0, keyHeads > 0, headCount % keyHeads == 0 else {
      throw refused(
        "needs positive numbers of features (\(features)), heads (\(headCount)) and key heads (\(keyHeads)), which"
          + " divide the heads")
    }
    guard headSize != nil || features % headCount == 0 else {
      throw refused("\(headCount) heads do not divide \(features) features; give a headSize")
    }
    let size = headSize ?? features / headCount
    guard size > 0, rotaryBase == nil || size % 2 == 0 else {
      throw refused("the head size \(size) must be positive, and even for rotary embeddings")
    }
    let (width, overflow) = headCount.multipliedReportingOverflow(by: size)
    guard !overflow else { throw refused("\(headCount) heads of size \(size) are too many") }
    self.features = features
    self.headCount = headCount
    self.keyValueHeadCount = keyHeads
    self.headSize = size
    self.isCausal = isCausal
    self.rotaryBase = rotaryBase
    func projection(_ name: String, _ outputSize: Int) throws -> Linear {
      try Linear(
        graph.child(name), outputSize: outputSize, rng: rng, useBias: useBias, kernelInitializer: kernelInitializer)
    }
    query = try projection("query", width)
    key = try projection("key", keyHeads * size)
    value = try projection("value", keyHeads * size)
    output = try projection("output", features)
    try super.init(graph)
  }

  /// Maps `[batch, time, features]`, or `[time, features]`, to the same shape.
  public func callAsFunction(_ params: Params, _ inputs: Tensor) throws -> (Tensor, Params) {
    try self(params, inputs, context: nil)
  }

  /// Maps `[batch, time, features]`, or `[time, features]`, to the same shape.
  ///
  /// - Parameters:
  ///   - context: The sequence to attend to, `[batch, keys, …]`; the inputs themselves by default.
  ///   - mask: `bool`, where a step may see another; broadcasts to `[batch, heads, time, keys]`.
  ///   - keyLengths: How many steps of each sequence are real, `i32[batch]`; others are not seen.
  /// - Throws: ``BloxError/Code/shapeMismatch``.
  public func callAsFunction(
    _ params: Params, _ inputs: Tensor, context: Tensor?, mask: Tensor? = nil, keyLengths: Tensor? = nil
  ) throws -> (Tensor, Params) {
    try scoped {
      var (heads, params) = try projections(params, inputs, context)
      if let rotaryBase {
        heads.query = try rotaryEmbedding(heads.query, base: rotaryBase)
        heads.key = try rotaryEmbedding(heads.key, base: rotaryBase)
      }
      let y = try dotProductAttention(
        heads.query, heads.key, heads.value, mask: mask, isCausal: isCausal, keyLengths: keyLengths)
      return try output(params, joined(y))
    }
  }

  /// Queries, keys and values, `[…, time, heads, size]`.
  typealias Heads = (query: Tensor, key: Tensor, value: Tensor)

  /// The heads of inputs and context before position embeddings.
  func projections(_ params: Params, _ inputs: Tensor, _ context: Tensor?) throws -> (Heads, Params) {
    guard (2...3).contains(inputs.rank), inputs.shape[inputs.rank - 1] == features else {
      throw BloxError(
        .shapeMismatch,
        "MultiHeadAttention '\(path)': inputs must be [batch, time, \(features)]; got \(inputs.type)")
    }
    var params = params
    var (q, k, v): Heads
    (q, params) = try query(params, inputs)
    (k, params) = try key(params, context ?? inputs)
    (v, params) = try value(params, context ?? inputs)
    func split(_ x: Tensor, _ count: Int) throws -> Tensor {
      try x.reshape(Array(x.shape.dropLast()) + [count, headSize])
    }
    return (
      (try split(q, headCount), try split(k, keyValueHeadCount), try split(v, keyValueHeadCount)), params
    )
  }

  /// Heads side by side.
  func joined(_ heads: Tensor) throws -> Tensor {
    try heads.reshape(Array(heads.shape.dropLast(2)) + [headCount * headSize])
  }
}
