// Random numbers: keys, and uniform and normal values drawn from them. Same key, same values, as in JAX 0.10 with its
// default generator.

import BloxIR

/// A random key, or a tensor of keys (threefry2x32 in JAX's partitionable layout).
///
/// Nothing about randomness is hidden: the same key always gives the same numbers, so derive a new key for each use.
///
/// ```swift
/// let key = Key(42)
/// let (a, b) = try key.split()
/// let noise = try a.normal([128, 1])
/// ```
public struct Key: TensorTree, Sendable {
  /// The keys as a tensor of dtype `key`.
  public var tensor: Tensor

  /// The key of a seed: words `(0, seed mod 2^32)`, as JAX without 64-bit types has it.
  public init(_ seed: some BinaryInteger) {
    let low = UInt32(truncatingIfNeeded: seed)
    tensor = Tensor(scalar: Literal(dtype: .key, bits: UInt64(low)))
  }

  /// Keys from a tensor of dtype `key`.
  ///
  /// - Throws: ``BloxError/Code/dtypeMismatch`` for another dtype.
  public init(_ tensor: Tensor) throws {
    guard tensor.dtype == .key else {
      throw BloxError(.dtypeMismatch, "Key: needs a tensor of dtype key; got \(tensor.type); use Key(words:) for words")
    }
    self.tensor = tensor
  }

  /// Keys from their words, `u32[…,2]` (JAX's `wrap_key_data`).
  public init(words: Tensor) throws { tensor = try Tensor.apply(.random(.wrap), words) }
  /// The keys' words, `u32[…,2]` (JAX's `key_data`).
  public func words(file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) { try Tensor.apply(.random(.unwrap), tensor) }
  }

  /// Visits the tensor of keys.
  public mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&tensor, .transparent)
  }

  /// The shape of the tensor of keys, empty for a single one.
  public var shape: [Int] { tensor.shape }
  /// The key at an index along an axis.
  public func at(_ index: Int, axis: Int = 0, file: String = #fileID, line: Int = #line) throws -> Key {
    try located(file, line) { try Key(tensor.at(index, axis: axis)) }
  }

  /// A new key from this one and a number, such as a step or lane index.
  public func foldIn(_ data: Int, file: String = #fileID, line: Int = #line) throws -> Key {
    try located(file, line) {
      try Key(
        Tensor.apply(
          .random(.foldIn), [.tensor(tensor), .splat(Literal(data, as: .u32), shape: tensor.shape)]))
    }
  }

  /// A new key for each key and integer of a tensor; either may be a scalar.
  public func foldIn(_ data: Tensor, file: String = #fileID, line: Int = #line) throws -> Key {
    try located(file, line) {
      guard data.dtype.isInteger else {
        throw BloxError(.dtypeMismatch, "foldIn: needs integer data; got \(data.type)")
      }
      let words = try data.cast(to: .u32)
      guard let shape = Tensor.broadcastShape(tensor.shape, words.shape) else {
        throw BloxError(.shapeMismatch, "foldIn: \(tensor.type) and \(data.type) do not broadcast")
      }
      return try Key(
        Tensor.apply(.random(.foldIn), try tensor.broadcast(to: shape), try words.broadcast(to: shape)))
    }
  }

  /// `count` new keys, along a new last axis.
  public func split(_ count: Int, file: String = #fileID, line: Int = #line) throws -> Key {
    try located(file, line) { try split([count]) }
  }
  /// New keys of a shape appended to this one's.
  public func split(_ shape: [Int], file: String = #fileID, line: Int = #line) throws -> Key {
    try located(file, line) { try Key(Tensor.apply(.random(.split(shape)), tensor)) }
  }

  /// Two new keys; of a tensor of keys two tensors, with two new keys of each.
  public func split(file: String = #fileID, line: Int = #line) throws -> (Key, Key) {
    try located(file, line) {
      let keys = try split(2)
      return (try keys.at(0, axis: -1), try keys.at(1, axis: -1))
    }
  }

  /// Uniform random words of an unsigned dtype.
  public func bits(_ shape: [Int] = [], dtype: DType = .u32, file: String = #fileID, line: Int = #line) throws -> Tensor
  {
    try located(file, line) {
      try Tensor.apply(.random(.bits(shape: shape, dtype)), tensor)
    }
  }
}

extension Key {
  /// Numbers uniform in `[low, high)`.
  ///
  /// The 23 (`f32`) random bits become a fraction in [0, 1) which is scaled and shifted with one rounding, as XLA's
  /// compiled code does.
  public func uniform(
    _ shape: [Int] = [], low: Double = 0, high: Double = 1, dtype: DType = .f32, file: String = #fileID,
    line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let fraction = try unitFraction(shape, dtype)
      let (lowest, highest) = (Literal(low, as: dtype), Literal(high, as: dtype))
      if lowest.doubleValue == 0, highest.doubleValue == 1 { return fraction }
      // The width is rounded to the dtype before it is used.
      let width = Literal(highest.doubleValue - lowest.doubleValue, as: dtype)
      return try fraction.scaled(
        by: .splat(width, shape: fraction.shape), from: .splat(lowest, shape: fraction.shape))
    }
  }

  /// Numbers uniform between the elements of two tensors, of which they have the gradients of the interval's ends.
  ///
  /// - Parameters:
  ///   - shape: The shape of the result, to which the bounds broadcast; that of both bounds together when `nil`.
  ///   - low: The lower bounds.
  ///   - high: The upper bounds, which are not drawn unless rounding gives them.
  /// - Throws: ``BloxError/Code/shapeMismatch`` when the bounds do not broadcast to the shape, or
  ///   ``BloxError/Code/invalidDType`` for a dtype that is not floating-point.
  public func uniform(
    _ shape: [Int]? = nil, low: Tensor, high: Tensor, dtype: DType = .f32, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let drawn = try Tensor.drawnShape(shape, "uniform", [("low", low), ("high", high)])
      let fraction = try unitFraction(drawn, dtype)
      let (low, high) = (try low.cast(to: dtype).broadcast(to: drawn), try high.cast(to: dtype).broadcast(to: drawn))
      let width = try (high - low).broadcast(to: fraction.shape)
      return try fraction.scaled(by: .tensor(width), from: .tensor(low.broadcast(to: fraction.shape)))
    }
  }

  /// Random mantissa bits under the exponent of 1, minus 1: uniform in [0, 1).
  private func unitFraction(_ shape: [Int], _ dtype: DType) throws -> Tensor {
    let format: (words: DType, mantissaBits: Int)
    switch dtype {
    case .f32: format = (.u32, 23)
    case .f64: format = (.u64, 52)
    case .f16: format = (.u16, 10)
    case .bf16: format = (.u16, 7)
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .key:
      throw BloxError(.invalidDType, "uniform: needs a floating-point dtype, not \(dtype)")
    }
    // bf16 has fewer mantissa bits than a byte: JAX draws bytes and widens them.
    let words = try dtype == .bf16 ? bits(shape, dtype: .u8).cast(to: .u16) : bits(shape, dtype: format.words)
    let drawn = dtype == .bf16 ? 8 : format.words.bitWidth
    let shifted = try Tensor.binary(.shiftRightLogical, words, drawn - format.mantissaBits)
    let one = Literal(1, as: dtype)
    let bits = try Tensor.apply(
      .binary(.or),
      [.tensor(shifted), .splat(Literal(dtype: format.words, bits: one.bits), shape: shifted.shape)])
    return try Tensor.apply(.bitcastConvert(dtype), bits) - 1
  }

  /// Numbers of the standard normal distribution, by inverting its distribution function.
  public func normal(_ shape: [Int] = [], dtype: DType = .f32, file: String = #fileID, line: Int = #line) throws
    -> Tensor
  {
    try located(file, line) {
      let low = Literal.afterMinusOne(dtype)
      let uniform = try uniform(shape, low: low, high: 1, dtype: dtype)
      return try erfInv(uniform) * 2.0.squareRoot()
    }
  }

  /// The numbers `0 ..< count` in random order, as `jax.random.permutation` orders them.
  ///
  /// The order is made on the host, for data pipelines: the key must be concrete.
  public func permutation(_ count: Int, file: String = #fileID, line: Int = #line) throws -> [Int] {
    try located(file, line) {
      guard count >= 0 else { throw BloxError(.invalidArgument, "permutation: the count \(count) is negative") }
      guard count <= Int(Int32.max) else {
        throw BloxError(.invalidArgument, "permutation: \(count) places are more than i32 can number")
      }
      var order = Array(0..<count)
      var key = self
      for _ in 0..<Self.shuffleRounds(count) {
        let (next, sub) = try key.split()
        key = next
        let bits = try sub.bits([count]).scalars(as: UInt32.self)
        let sorted = order.indices.sorted { (bits[$0], $0) < (bits[$1], $1) }
        order = sorted.map { order[$0] }
      }
      return order
    }
  }
}

extension Tensor {
  /// `max(self * width + low, low)`, rounded once in `f32` and `f64`.
  fileprivate func scaled(by width: TensorOperand, from low: TensorOperand) throws -> Tensor {
    let moved: Tensor
    if dtype == .f32 || dtype == .f64 {
      moved = try Tensor.apply(.fma, [.tensor(self), width, low])
    } else {
      moved = try Tensor.apply(.binary(.add), [.tensor(Tensor.apply(.binary(.mul), [.tensor(self), width])), low])
    }
    return try Tensor.apply(.binary(.max), [low, .tensor(moved)])
  }
}

extension Literal {
  /// The smallest number above -1.
  fileprivate static func afterMinusOne(_ dtype: DType) -> Double {
    Literal(dtype: dtype, bits: Literal(-1, as: dtype).bits - 1).doubleValue
  }
}
