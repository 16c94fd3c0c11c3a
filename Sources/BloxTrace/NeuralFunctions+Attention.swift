// Attention, with jax.nn.dot_product_attention's values, and rotary position embeddings.

import BloxIR

/// Scaled dot-product attention: for each query, the mean of the values, weighted by the softmax of the queries'
/// products with the keys.
///
/// ```swift
/// let y = try dotProductAttention(q, k, v, isCausal: true)      // [batch, time, heads, size]
/// ```
///
/// Fewer key and value heads than query heads make grouped (or, with one, multi-query) attention: each serves as many
/// neighbouring query heads. Products of half-precision inputs are summed, and their softmax is taken, in `f32`.
///
/// - Parameters:
///   - query: `[batch, queries, heads, size]`; leading dimensions may be missing in all three.
///   - key: `[batch, keys, keyHeads, size]`, of the query's dtype.
///   - value: As `key`.
///   - bias: What is added to the scaled products; broadcasts to `[batch, heads, queries, keys]`.
///   - mask: `bool`, where a query may see a key; broadcasts as `bias`. A query that sees nothing gets the mean of all
///     values, as in JAX.
///   - scale: The factor of the products; `1 / sqrt(size)` by default.
///   - isCausal: Whether query i sees keys 0 to i only.
///   - queryLengths: How many queries of each batch are real, `i32[batch]`; the outputs of others are 0.
///   - keyLengths: How many keys of each batch are real, `i32[batch]`; others are not seen.
///   - window: How many keys before and after its own position a query sees.
/// - Returns: A tensor of the query's shape.
/// - Throws: ``BloxError/Code/shapeMismatch``, ``BloxError/Code/dtypeMismatch``, ``BloxError/Code/invalidArgument``.
public func dotProductAttention(
  _ query: Tensor, _ key: Tensor, _ value: Tensor, bias: Tensor? = nil, mask: Tensor? = nil, scale: Double? = nil,
  isCausal: Bool = false, queryLengths: Tensor? = nil, keyLengths: Tensor? = nil,
  window: (before: Int, after: Int)? = nil, file: String = #fileID, line: Int = #line
) throws -> Tensor {
  try located(file, line) {
    let sizes = try AttentionSizes(query, key, value)
    let (b, t, s, k, g, h) = (sizes.batch, sizes.queries, sizes.keys, sizes.keyHeads, sizes.group, sizes.size)
    let dtype = query.dtype.computing
    // Query heads as [keyHeads, group]: head n belongs to key head n / group.
    let q = try query.reshape([b, t, k, g, h])
    let (keys, values) = (try key.reshape([b, s, k, h]), try value.reshape([b, s, k, h]))
    var logits = try einsum("btkgh,bskh->bkgts", q, keys, preferred: dtype) * (scale ?? 1 / Double(h).squareRoot())
    if let bias { logits = try (logits + sizes.grouped(bias, "bias")).cast(to: dtype) }
    if let mask = try sizes.mask(mask, isCausal, queryLengths, keyLengths, window) {
      // Finite, so that a query that sees nothing has a mean and a derivative instead of NaN.
      logits = try select(mask, logits, -0.7 * Double(Float.greatestFiniteMagnitude))
    }
    let weights = try softmax(logits.cast(to: .f32)).cast(to: key.dtype)
    var y = try einsum("bkgts,bskh->btkgh", weights, values).reshape([b, t, k * g, h])
    if let queryLengths {
      let isReal = try Tensor.iota([b, t], axis: 1) .< queryLengths.expandDims(1)
      y = try y * isReal.cast(to: y.dtype).reshape([b, t, 1, 1])
    }
    return try y.reshape(query.shape)
  }
}

/// The dimensions of an attention, checked.
private struct AttentionSizes {
  let batch: Int
  let queries: Int
  let keys: Int
  let keyHeads: Int
  /// Query heads per key head.
  let group: Int
  let size: Int

  init(_ query: Tensor, _ key: Tensor, _ value: Tensor) throws {
    guard (2...4).contains(query.rank), query.rank == key.rank, key.shape == value.shape else {
      throw BloxError(
        .shapeMismatch,
        "dotProductAttention: needs queries [batch, queries, heads, size], and keys and values of one shape [batch,"
          + " keys, heads, size]; got \(query.type), \(key.type) and \(value.type)")
    }
    guard query.dtype.isFloating, query.dtype == key.dtype, key.dtype == value.dtype else {
      throw BloxError(
        .dtypeMismatch,
        "dotProductAttention: needs one floating-point dtype; got \(query.type), \(key.type) and \(value.type)")
    }
    func padded(_ shape: [Int]) -> [Int] { [Int](repeating: 1, count: 4 - shape.count) + shape }
    let (q, k) = (padded(query.shape), padded(key.shape))
    guard q[0] == k[0], q[3] == k[3] else {
      throw BloxError(
        .shapeMismatch,
        "dotProductAttention: queries \(query.type) and keys \(key.type) differ in batch or size")
    }
    guard q[2] == k[2] || (k[2] > 0 && q[2] % k[2] == 0) else {
      throw BloxError(
        .shapeMismatch,
        "dotProductAttention: the number of query heads (\(q[2])) must be a multiple of that of the key heads"
          + " (\(k[2]))")
    }
    (batch, queries, keys, keyHeads, size) = (q[0], q[1], k[1], k[2], q[3])
    group = k[2] == 0 ? 1 : q[2] / k[2]
  }

  /// A bias or mask `[batch, heads, queries, keys]`, with fewer or single dimensions, as
  /// `[batch, keyHeads, group, queries, keys]`.
  func grouped(_ x: Tensor, _ name: String) throws -> Tensor {
    let full = [batch, keyHeads * group, queries, keys]
    let shape = [Int](repeating: 1, count: max(0, 4 - x.rank)) + x.shape
    guard shape.count == 4, zip(shape, full).allSatisfy({ $0 == 1 || $0 == $1 }) else {
      throw BloxError(
        .shapeMismatch,
        "dotProductAttention: the \(name) \(x.type) does not broadcast to [batch, heads, queries, keys], \(full)")
    }
    let heads = shape[1] == 1 ? [1, 1] : [keyHeads, group]
    return try x.reshape([shape[0]] + heads + shape[2...])
  }

  /// Where queries see keys, broadcasting to `[batch, keyHeads, group, queries, keys]`; `nil` for everywhere.
  func mask(
    _ mask: Tensor?, _ isCausal: Bool, _ queryLengths: Tensor?, _ keyLengths: Tensor?,
    _ window: (before: Int, after: Int)?
  ) throws -> Tensor? {
    var parts: [Tensor] = []
    if let mask {
      guard mask.dtype == .bool else {
        throw BloxError(.dtypeMismatch, "dotProductAttention: needs a bool mask; got \(mask.type)")
      }
      parts.append(try grouped(mask, "mask"))
    }
    let query = try Tensor.iota([queries, keys], axis: 0)
    let key = try Tensor.iota([queries, keys], axis: 1)
    if isCausal { parts.append(try key .<= query) }
    if let window {
      guard window.before >= 0, window.after >= 0 else {
        throw BloxError(
          .invalidArgument,
          "dotProductAttention: a window must not be negative; got \(window.before) before and \(window.after) after")
      }
      // No distance exceeds the number of positions, so that larger windows need no larger numbers.
      let (before, after) = (min(window.before, keys + queries), min(window.after, keys + queries))
      parts.append(try (query .<= key + before) .& (query .>= key - after))
    }
    if let queryLengths { parts.append(try isWithin(queryLengths, query, "queryLengths")) }
    if let keyLengths { parts.append(try isWithin(keyLengths, key, "keyLengths")) }
    guard var all = parts.first else { return nil }
    for part in parts.dropFirst() { all = try all .& part }
    return all
  }

  private func isWithin(_ lengths: Tensor, _ positions: Tensor, _ name: String) throws -> Tensor {
    guard lengths.dtype.isInteger, lengths.shape == [batch] else {
      throw BloxError(
        .shapeMismatch, "dotProductAttention: \(name) must be integers [\(batch)]; got \(lengths.type)")
    }
    return try positions .< lengths.cast(to: .i32).reshape([batch, 1, 1, 1, 1])
  }
}

/// Rotary position embedding (Su et al., 2021): turns pairs of features by angles that grow with the position, so that
/// products of queries and keys depend on their distance alone.
///
/// Feature i forms a pair with feature `size / 2 + i`, whose angle is `position / base^(2i / size)`.
///
/// - Parameters:
///   - x: `[…, time, heads, size]` with an even size.
///   - positions: The positions, integers or floating-point, `[time]` or `[…, time]`; 0, 1, 2, … by default.
///   - base: What the longest wavelength grows with.
/// - Returns: A tensor of the shape and dtype of `x`.
/// - Throws: ``BloxError/Code/shapeMismatch`` for an odd size, or positions that do not fit.
public func rotaryEmbedding(
  _ x: Tensor, positions: Tensor? = nil, base: Double = 10_000, file: String = #fileID, line: Int = #line
) throws -> Tensor {
  try located(file, line) {
    guard x.rank >= 3, let size = x.shape.last, size % 2 == 0, x.dtype.isFloating else {
      throw BloxError(
        .shapeMismatch,
        "rotaryEmbedding: needs floating-point [..., time, heads, size] with an even size; got \(x.type)")
    }
    let time = x.shape[x.rank - 3]
    let positions = try positions ?? Tensor.arange(time)
    guard positions.shape.last == time else {
      throw BloxError(
        .shapeMismatch, "rotaryEmbedding: positions \(positions.type) do not end with the \(time) steps of \(x.type)")
    }
    // Angles in f32 at least: half precision cannot tell large positions apart.
    let dtype = x.dtype.computing
    let pair = try Tensor.arange(size / 2, dtype: dtype)
    let frequency = try exp(pair * (-2 * logarithm(base) / Double(max(size, 1))))
    let angle = try positions.cast(to: dtype).expandDims(-1).expandDims(-1) * frequency
    let (sine, cosine) = (try sin(angle), try cos(angle))
    let first = try x.slice(0..<size / 2, axis: -1).cast(to: dtype)
    let second = try x.slice(size / 2..<size, axis: -1).cast(to: dtype)
    return try concatenate(
      [first * cosine - second * sine, second * cosine + first * sine], axis: -1
    ).cast(to: x.dtype)
  }
}
