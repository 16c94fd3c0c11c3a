// Integers uniform between bounds that are tensors.

import BloxIR

extension Key {
  /// Integers uniform from the elements of one tensor up to, but without, those of another, as `jax.random.randint` draws
  /// them.
  ///
  /// Bounds beyond the dtype are moved to its ends; an empty range gives `low`.
  ///
  /// - Parameters:
  ///   - shape: The shape of the result, to which the bounds broadcast; that of both together when `nil`.
  ///   - low: The least numbers, of an integer dtype.
  ///   - high: The ends, of an integer dtype.
  /// - Throws: ``BloxError/Code/invalidDType`` for a dtype that is no integer, ``BloxError/Code/dtypeMismatch`` for bounds
  ///   that are none, or ``BloxError/Code/shapeMismatch`` when the bounds do not broadcast to the shape.
  public func randint(
    _ shape: [Int]? = nil, low: Tensor, high: Tensor, dtype: DType = .i32, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard dtype.isInteger else { throw BloxError(.invalidDType, "randint: needs an integer dtype, not \(dtype)") }
      guard low.dtype.isInteger, high.dtype.isInteger else {
        throw BloxError(.dtypeMismatch, "randint: the bounds must be integers; got \(low.type) and \(high.type)")
      }
      let shape = try Tensor.drawnShape(shape, "randint", [("low", low), ("high", high)])
      // Narrow dtypes are drawn as i32, where a range up to and including their maximum fits.
      let drawn: DType = dtype.bitWidth < 32 ? .i32 : dtype
      let words: DType = drawn.bitWidth == 64 ? .u64 : .u32
      let first = try low.clamped(to: dtype, beyond: false).cast(to: drawn).broadcast(to: shape)
      let end = try high.clamped(to: dtype, beyond: drawn != dtype).cast(to: drawn).broadcast(to: shape)
      let isEmpty = try end .<= first
      var span = try select(isEmpty, Tensor.splatted(1, words, shape), (end - first).cast(to: words))
      if drawn == dtype, let isBeyond = try high.exceeds(dtype)?.broadcast(to: shape) {
        span = try select(isBeyond .& .!isEmpty, span + 1, span)
      }
      // (high word * 2^width + low word) mod span, with the power reduced first. A span of 0 is the whole range, and the
      // remainder by 0 is the dividend.
      let half = try Tensor.splatted(UInt64(1) << UInt64(words.bitWidth / 2), words, shape)
      let root = try half % span
      let power = try (root * root) % span
      let (highKey, lowKey) = try split()
      let (upper, lower) = (try highKey.bits(shape, dtype: words), try lowKey.bits(shape, dtype: words))
      let offset = try ((upper % span) * power + lower % span) % span
      return try (first + offset.cast(to: drawn)).cast(to: dtype)
    }
  }
}

extension Tensor {
  fileprivate static func splatted(_ bits: UInt64, _ dtype: DType, _ shape: [Int]) throws -> Tensor {
    try Tensor(scalar: Literal(dtype: dtype, bits: bits)).broadcast(to: shape)
  }

  /// The integers moved into the range of a dtype, or up to one beyond it; the dtype stays.
  fileprivate func clamped(to target: DType, beyond: Bool) throws -> Tensor {
    var result = self
    let lowest = Int(Literal.lowest(target).integerValue)
    if dtype.kind == .signed, lowest > Int(Literal.lowest(dtype).integerValue) {
      result = try Tensor.apply(.binary(.max), [.tensor(result), .splat(Literal(lowest, as: dtype), shape: shape)])
    }
    let highest = Literal.highest(target).bits + (beyond ? 1 : 0)
    if highest < Literal.highest(dtype).bits {
      let limit = Literal(dtype: dtype, bits: highest)
      result = try Tensor.apply(.binary(.min), [.tensor(result), .splat(limit, shape: shape)])
    }
    return result
  }

  /// Where integers are greater than all of a dtype, or `nil` when they cannot be.
  fileprivate func exceeds(_ target: DType) throws -> Tensor? {
    let highest = Literal.highest(target).bits
    guard highest < Literal.highest(dtype).bits else { return nil }
    let limit = TensorOperand.splat(Literal(dtype: dtype, bits: highest), shape: shape)
    return try Tensor.apply(.compare(.gt), [.tensor(self), limit])
  }
}

extension Literal {
  /// The value of an integer; `u64` beyond `Int64` does not occur among the lowest ones.
  fileprivate var integerValue: Int64 { dtype.kind == .signed ? Int64(signedValue) : 0 }
}
