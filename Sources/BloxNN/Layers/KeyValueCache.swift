// The cache of keys and values for decoding.

import BloxTrace

/// The keys and values of the steps that a causal attention has seen, so that a further step computes its own only.
///
/// ```swift
/// var cache = try attention.initialCache(batch: 1, capacity: 256)
/// (y, cache, params) = try attention(params, prompt, cache: cache)   // prompt: [1, time, features]
/// (y, cache, params) = try attention(params, next, cache: cache)     // next: [1, 1, features]
/// ```
///
/// A cache is a tree of tensors of fixed shapes: one compiled step serves all lengths, and donating the cache lets the
/// step write it in place.
public struct KeyValueCache: TensorTree, Sendable {
  /// The keys with their position embeddings, `[batch, capacity, heads, size]`; zeros beyond the length.
  public var keys: Tensor
  /// The values, as ``keys``.
  public var values: Tensor
  /// The number of steps seen, `i32[]`.
  public var length: Tensor

  /// Makes a cache of tensors.
  public init(keys: Tensor, values: Tensor, length: Tensor) {
    self.keys = keys
    self.values = values
    self.length = length
  }

  /// Visits keys, values and length.
  public mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&keys, "keys")
    try visitor.visit(&values, "values")
    try visitor.visit(&length, "length")
  }

  /// The number of steps that fit.
  public var capacity: Int { keys.shape.count == 4 ? keys.shape[1] : 0 }

  /// The cache with the keys and values of further steps, `[batch, time, heads, size]`.
  func appending(keys newKeys: Tensor, values newValues: Tensor) throws -> KeyValueCache {
    func written(_ old: Tensor, _ new: Tensor) throws -> Tensor {
      try old.dynamicUpdateSlice(new.cast(to: old.dtype), at: length, axis: 1)
    }
    return KeyValueCache(
      keys: try written(keys, newKeys), values: try written(values, newValues),
      length: try length + newKeys.shape[1])
  }
}

extension MultiHeadAttention {
  /// An empty cache.
  ///
  /// - Parameters:
  ///   - batch: The number of sequences.
  ///   - capacity: The number of steps that fit.
  /// - Throws: ``BloxError/Code/invalidShape``.
  public func initialCache(batch: Int, capacity: Int, dtype: DType = .f32) throws -> KeyValueCache {
    let shape = [batch, capacity, keyValueHeadCount, headSize]
    return KeyValueCache(
      keys: try Tensor.zeros(shape, dtype: dtype), values: try Tensor.zeros(shape, dtype: dtype), length: Tensor(0))
  }

  /// Maps the next steps `[batch, time, features]` to the same shape; each sees itself and all steps before it.
  ///
  /// The outputs are NaN once more steps were seen than fit: the length may be known only while the program runs, when
  /// nothing can throw.
  ///
  /// - Parameter cache: The steps before these.
  /// - Throws: ``BloxError/Code/shapeMismatch`` when inputs and cache do not fit, ``BloxError/Code/invalidArgument``
  ///   when the attention is not causal.
  public func callAsFunction(
    _ params: Params, _ inputs: Tensor, cache: KeyValueCache
  ) throws -> (Tensor, KeyValueCache, Params) {
    try scoped {
      guard isCausal else {
        throw BloxError(
          .invalidArgument, "MultiHeadAttention '\(path)': a cache needs isCausal: true, as it has no later steps")
      }
      let shape = [inputs.shape.first ?? 0, cache.capacity, keyValueHeadCount, headSize]
      guard inputs.rank == 3, cache.keys.shape == shape, cache.values.shape == shape, cache.length.shape == [] else {
        throw BloxError(
          .shapeMismatch,
          "MultiHeadAttention '\(path)': inputs \(inputs.type) need a cache \(shape); got \(cache.keys.type)")
      }
      var (heads, params) = try projections(params, inputs, nil)
      let time = inputs.shape[1]
      guard time <= cache.capacity else {
        throw BloxError(
          .shapeMismatch,
          "MultiHeadAttention '\(path)': \(time) steps do not fit into a cache of \(cache.capacity)")
      }
      if let rotaryBase {
        let positions = try Tensor.arange(time) + cache.length
        heads.query = try rotaryEmbedding(heads.query, positions: positions, base: rotaryBase)
        heads.key = try rotaryEmbedding(heads.key, positions: positions, base: rotaryBase)
      }
      // The mask comes before the next length, which is then written where the last one was.
      let last = try Tensor.iota([time, cache.capacity], axis: 0) + cache.length
      let mask = try Tensor.iota([time, cache.capacity], axis: 1) .<= last
      let next = try cache.appending(keys: heads.key, values: heads.value)
      let dtype = heads.query.dtype
      let y = try dotProductAttention(
        heads.query, next.keys.cast(to: dtype), next.values.cast(to: dtype), mask: mask)
      let checked = try select(next.length .<= cache.capacity, y, .nan)
      let (outputs, after) = try output(params, joined(checked))
      return (outputs, next, after)
    }
  }
}
