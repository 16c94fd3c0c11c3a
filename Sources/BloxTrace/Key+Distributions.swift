// More distributions, each derived from uniform numbers or bits as JAX derives it.

import BloxIR

extension Key {
  /// Integers uniform in `low ..< high`, as `jax.random.randint` draws them.
  ///
  /// Bounds beyond the dtype are moved to its ends; an empty range gives `low`. The numbers are the remainder of twice
  /// as many random bits as the dtype has, so that the bias is at most the range over 2^width.
  ///
  /// - Throws: ``BloxError/Code/invalidDType`` for a dtype that is no integer.
  public func randint(
    _ shape: [Int] = [], low: Int, high: Int, dtype: DType = .i32, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard dtype.isInteger else {
        throw BloxError(
          .invalidDType, "randint: needs an integer dtype, not \(dtype)",
          location: SourceLocation(file: file, line: line))
      }
      // Narrow dtypes are drawn as i32, where a range up to and including their maximum fits.
      let drawn: DType = dtype.bitWidth < 32 ? .i32 : dtype
      let words: DType = drawn.bitWidth == 64 ? .u64 : .u32
      let (least, greatest) = dtype.integerBounds
      let first = min(max(low, least), greatest)
      let end = min(max(high, least), drawn == dtype ? greatest : greatest + 1)
      let mask: UInt64 = words == .u64 ? .max : 0xFFFF_FFFF
      var span = end > first ? UInt64(bitPattern: Int64(end &- first)) & mask : 1
      if drawn == dtype, high > greatest, end > first { span = (span &+ 1) & mask }

      // (high word * 2^width + low word) mod span, with the power reduced first. A span of 0 is the whole range, and
      // the remainder by 0 is the dividend.
      let half = UInt64(1) << UInt64(words.bitWidth / 2)
      let root = span == 0 ? half : half % span
      let square = (root &* root) & mask
      let power = span == 0 ? square : square % span
      let (highKey, lowKey) = try split()
      let divisor = Literal(dtype: words, bits: span)
      func modulo(_ x: Tensor) throws -> Tensor {
        try Tensor.apply(.binary(.rem), [.tensor(x), .splat(divisor, shape: x.shape)])
      }
      let upper = try modulo(highKey.bits(shape, dtype: words))
      let scaled = try Tensor.apply(
        .binary(.mul), [.tensor(upper), .splat(Literal(dtype: words, bits: power), shape: upper.shape)])
      let offset = try modulo(scaled + modulo(lowKey.bits(shape, dtype: words)))
      let moved = try Tensor.binary(.add, offset.cast(to: drawn), first)
      return try moved.cast(to: dtype)
    }
  }

  /// Numbers of the standard Gumbel distribution.
  ///
  /// - Parameter mode: Whether rare values come as often as they should.
  public func gumbel(
    _ shape: [Int] = [], mode: SamplingMode = .low, dtype: DType = .f32, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      switch mode {
      case .low: return try -log(-log(uniform(shape, low: dtype.leastNormal, high: 1, dtype: dtype)))
      case .high:
        let (coarse, fine) = try fractions(shape, dtype)
        let epsilon = try dtype.floatingLimits().epsilon
        let precise = try coarse + fine * epsilon + dtype.leastNormal
        // The upper half of the distribution comes from fractions near 0, which are as dense as numbers can be.
        return try -log(-log1p(-select(coarse .>= 0.5, coarse, precise)))
      }
    }
  }

  /// Numbers of the standard Cauchy distribution.
  public func cauchy(_ shape: [Int] = [], dtype: DType = .f32, file: String = #fileID, line: Int = #line) throws
    -> Tensor
  {
    try located(file, line) {
      let low = try dtype.isFloating ? dtype.floatingLimits().epsilon : 0
      return try tan((uniform(shape, low: low, high: 1, dtype: dtype) - 0.5) * Double.pi)
    }
  }

  /// Numbers of the exponential distribution with mean 1.
  public func exponential(_ shape: [Int] = [], dtype: DType = .f32, file: String = #fileID, line: Int = #line) throws
    -> Tensor
  {
    try located(file, line) {
      try -log1p(-uniform(shape, dtype: dtype))
    }
  }

  /// Numbers of the Laplace distribution with scale 1.
  public func laplace(_ shape: [Int] = [], dtype: DType = .f32, file: String = #fileID, line: Int = #line) throws
    -> Tensor
  {
    try located(file, line) {
      let u = try uniform(shape, low: -1 + dtype.spacingBelowOne, high: 1, dtype: dtype)
      return try sign(u) * log1p(-abs(u))
    }
  }

  /// Numbers of the logistic distribution with scale 1.
  public func logistic(_ shape: [Int] = [], dtype: DType = .f32, file: String = #fileID, line: Int = #line) throws
    -> Tensor
  {
    try located(file, line) {
      let u = try uniform(shape, low: dtype.leastNormal, high: 1, dtype: dtype)
      return try log(u / (1 - u))
    }
  }

  /// -1 or 1 with equal probability.
  public func rademacher(_ shape: [Int] = [], dtype: DType = .i32, file: String = #fileID, line: Int = #line) throws
    -> Tensor
  {
    try located(file, line) {
      try bernoulli(0.5, shape).cast(to: dtype) * 2 - 1
    }
  }

  /// Indices along an axis, drawn with probabilities softmax(logits): the Gumbel-max trick.
  ///
  /// - Parameters:
  ///   - logits: Unnormalised log-probabilities.
  ///   - shape: The shape of the result; its last dimensions are the logits' without the axis. That, when `nil`.
  /// - Returns: `i32` indices.
  /// - Throws: ``BloxError/Code/shapeMismatch`` when the shape does not end in the logits' other dimensions.
  public func categorical(
    _ logits: Tensor, axis: Int = -1, shape: [Int]? = nil, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let position = try Tensor.normalizedAxis(axis, rank: logits.rank, for: "categorical")
      let rest = logits.shape.removing([position])
      let shape = shape ?? rest
      guard shape.suffix(rest.count) == rest[...] else {
        throw BloxError(
          .shapeMismatch,
          "categorical: the shape \(shape) must end in \(rest), the shape of \(logits.type) without axis"
            + " \(axis)")
      }
      let extra = shape.count - rest.count
      var noiseShape = shape
      noiseShape.insert(logits.shape[position], at: extra + position)
      let noise = try gumbel(noiseShape, dtype: logits.dtype.inexact)
      return try (noise + logits.cast(to: logits.dtype.inexact)).argmax(self.shape.count + extra + position)
    }
  }
}

extension DType {
  /// The least and greatest value of an integer dtype, as far as `Int` reaches.
  fileprivate var integerBounds: (least: Int, greatest: Int) {
    kind == .signed
      ? (Int(Literal.lowest(self).signedValue), Int(Literal.highest(self).signedValue))
      : (0, Int(clamping: Literal.highest(self).bits))
  }

  /// The smallest positive normal number.
  var leastNormal: Double {
    switch self {
    case .f64: 0x1p-1022
    case .f16: 0x1p-14
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bf16, .f32, .key: 0x1p-126
    }
  }

  /// The distance from 1 to the next smaller number.
  fileprivate var spacingBelowOne: Double {
    1 - Literal(dtype: self, bits: Literal(1, as: self).bits - 1).doubleValue
  }
}
