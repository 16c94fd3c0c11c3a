// Convolutions: what they compute, their type rule, and their attributes in text.

extension Op {
  /// A convolution, without turning the kernel round: element `[n, o, p]` of the result is the sum over taps `k` and
  /// input features `c` of
  ///
  ///     input[n, c, (p * stride + k * kernelDilation - low) / inputDilation] * kernel[o, c, k]
  ///
  /// where positions that are no whole number, or lie outside the input, count as zero; whether those zeros are
  /// multiplied, which shows where the kernel is not finite, is left open. Attributes as those of XLA's
  /// convolution and JAX's `conv_general_dilated`.
  public struct Convolution: Hashable, Sendable {
    /// Where a tensor has its dimensions.
    public struct Layout: Hashable, Sendable {
      /// The images of a batch; in a kernel, the output features.
      public var batch: Int
      /// The features; in a kernel, the input features of one group.
      public var feature: Int
      /// The dimensions that the window moves along.
      public var spatial: [Int]

      /// Creates a layout.
      public init(batch: Int, feature: Int, spatial: [Int]) {
        self.batch = batch
        self.feature = feature
        self.spatial = spatial
      }

      var list: [Int] { [batch, feature] + spatial }

      init(_ list: [Int]) { self.init(batch: list[0], feature: list[1], spatial: Array(list[2...])) }
    }

    /// The layout of the left operand, the input.
    public var input: Layout
    /// The layout of the right operand, the kernel.
    public var kernel: Layout
    /// The layout of the result.
    public var output: Layout
    /// Elements of the (dilated) input between neighbouring positions of the window, per spatial dimension.
    public var strides: [Int]
    /// Zeros before the first and after the last element of the (dilated) input; negative amounts crop.
    public var low, high: [Int]
    /// One more than the zeros between neighbouring elements of the input.
    public var inputDilation: [Int]
    /// Elements of the (dilated) input between neighbouring taps of the window.
    public var kernelDilation: [Int]
    /// Groups of input features; each meets its own part of the output features.
    public var featureGroups: Int
    /// Groups of images; each meets its own part of the output features, and the result has the batch of one group.
    public var batchGroups: Int
    /// The dtype that elements are multiplied and summed in and that the result has; the operands' when `nil`.
    public var preferred: DType?

    /// Creates a convolution; padding defaults to none, everything else to one.
    public init(
      input: Layout, kernel: Layout, output: Layout, strides: [Int]? = nil, low: [Int]? = nil, high: [Int]? = nil,
      inputDilation: [Int]? = nil, kernelDilation: [Int]? = nil, featureGroups: Int = 1, batchGroups: Int = 1,
      preferred: DType? = nil
    ) {
      let (ones, zeros) = (input.spatial.map { _ in 1 }, input.spatial.map { _ in 0 })
      self.input = input
      self.kernel = kernel
      self.output = output
      self.strides = strides ?? ones
      self.low = low ?? zeros
      self.high = high ?? zeros
      self.inputDilation = inputDilation ?? ones
      self.kernelDilation = kernelDilation ?? ones
      self.featureGroups = featureGroups
      self.batchGroups = batchGroups
      self.preferred = preferred
    }

    /// A size with `dilation - 1` zeros between neighbours, of a convolution that is known to be valid.
    package static func dilated(_ size: Int, by dilation: Int) -> Int { size == 0 ? 0 : (size - 1) * dilation + 1 }

    /// The window along a spatial dimension.
    package func window(_ dim: Int, taps: Int) -> WindowDimension {
      WindowDimension(
        size: taps, stride: strides[dim], baseDilation: inputDilation[dim], windowDilation: kernelDilation[dim],
        low: low[dim], high: high[dim])
    }
  }
}

// MARK: - Type rule

extension Op.Convolution {
  func resultType(_ rule: TypeRule) throws(BloxError) -> TensorType {
    try rule.expectCount(2)
    let (lhs, rhs) = (rule.operands[0], rule.operands[1])
    try rule.expect(lhs.dtype == rhs.dtype, .dtypeMismatch, "operands must have one dtype")
    try rule.expect(lhs.dtype.isNumeric, .dtypeMismatch, "needs numbers")
    try checkAttributes(rule)
    let (batch, features) = (lhs.shape[input.batch], lhs.shape[input.feature])
    let (taken, given) = (rhs.shape[kernel.feature], rhs.shape[kernel.batch])
    try rule.expect(
      features % featureGroups == 0 && features / featureGroups == taken, .shapeMismatch,
      "the input has \(features) features (dimension \(input.feature)) and the kernel takes \(taken)"
        + (featureGroups == 1 ? "" : " in each of \(featureGroups) groups") + " (dimension \(kernel.feature))")
    try rule.expect(
      given % (featureGroups * batchGroups) == 0, .shapeMismatch,
      "\(given) output features do not divide into \(featureGroups * batchGroups) groups")
    try rule.expect(
      batch % batchGroups == 0, .shapeMismatch, "a batch of \(batch) does not divide into \(batchGroups) groups")
    var shape = Array(repeating: 0, count: lhs.rank)
    shape[output.batch] = batch / batchGroups
    shape[output.feature] = given
    for dim in strides.indices {
      shape[output.spatial[dim]] = try positions(
        dim, size: lhs.shape[input.spatial[dim]], taps: rhs.shape[kernel.spatial[dim]], rule)
    }
    let result = TensorType(try rule.preferredDType(preferred, for: lhs.dtype), shape)
    try result.validate(rule.op.name)
    return result
  }

  private func checkAttributes(_ rule: TypeRule) throws(BloxError) {
    let rank = rule.operands[0].rank
    for (type, layout, what) in [
      (rule.operands[0], input, "input"), (rule.operands[1], kernel, "kernel"), (rule.operands[0], output, "output"),
    ] {
      try rule.expect(
        type.rank == rank && layout.list.count == rank, .shapeMismatch,
        "needs operands of rank \(input.list.count): two dimensions and \(input.spatial.count) spatial ones")
      try rule.expectDistinctAxes(layout.list, rank: rank, what: "\(what) dimension")
    }
    for (values, what, least) in [
      (strides, "stride", 1), (inputDilation, "input dilation", 1), (kernelDilation, "kernel dilation", 1),
      (low, "padding", -TensorType.byteLimit), (high, "padding", -TensorType.byteLimit),
    ] {
      try rule.expect(
        values.count == rank - 2, .invalidArgument, "needs a \(what) for each of the \(rank - 2) spatial dimensions")
      for value in values {
        try rule.expect(
          value >= least && value <= TensorType.byteLimit, .invalidArgument, "the \(what) \(value) is out of range")
      }
    }
    try rule.expect(
      featureGroups >= 1 && batchGroups >= 1, .invalidArgument, "needs at least one group of features and of images")
    try rule.expect(
      featureGroups == 1 || batchGroups == 1, .invalidArgument, "groups either features or the batch, not both")
    try rule.expect(
      featureGroups <= TensorType.byteLimit && batchGroups <= TensorType.byteLimit, .invalidArgument,
      "has too many groups")
  }

  /// The number of positions of the window along a spatial dimension.
  private func positions(_ dim: Int, size: Int, taps: Int, _ rule: TypeRule) throws(BloxError) -> Int {
    guard let count = window(dim, taps: taps).windowCount(over: size) else {
      throw rule.error(.invalidShape, "spatial dimension \(dim) with its padding and dilations is too large")
    }
    return count
  }
}

// MARK: - Text

extension Op.Convolution {
  /// The attributes in text: layouts as `[batch,feature,spatial…]`, those of a kernel as `[output,input,spatial…]`.
  var attributeTexts: [String] {
    func unlessOnes(_ key: String, _ values: [Int]) -> [String] {
      values.allSatisfy { $0 == 1 } ? [] : ["\(key)=\(Spelling.list(values))"]
    }
    var texts = [
      "input=\(Spelling.list(input.list))", "kernel=\(Spelling.list(kernel.list))",
      "output=\(Spelling.list(output.list))",
    ]
    texts += unlessOnes("strides", strides)
    if (low + high).contains(where: { $0 != 0 }) {
      texts.append("padding=\(Spelling.list(low))x\(Spelling.list(high))")
    }
    texts += unlessOnes("input_dilation", inputDilation) + unlessOnes("kernel_dilation", kernelDilation)
    if featureGroups != 1 { texts.append("feature_groups=\(featureGroups)") }
    if batchGroups != 1 { texts.append("batch_groups=\(batchGroups)") }
    return texts + (preferred.map { ["preferred=\($0)"] } ?? [])
  }

  init(_ reader: inout AttributeReader) throws(BloxError) {
    func layout(_ key: String) throws(BloxError) -> Layout {
      let list = try reader.integers(key)
      guard list.count >= 2 else {
        throw reader.source.error(at: reader.offset, expected: "\(key) with two dimensions or more")
      }
      return Layout(list)
    }
    let (input, kernel, output) = (try layout("input"), try layout("kernel"), try layout("output"))
    let strides = try reader.optionalIntegers("strides")
    let padding = try reader.optionalPair("padding")
    self.init(
      input: input, kernel: kernel, output: output, strides: strides, low: padding?.left, high: padding?.right,
      inputDilation: try reader.optionalIntegers("input_dilation"),
      kernelDilation: try reader.optionalIntegers("kernel_dilation"),
      featureGroups: try reader.optionalInteger("feature_groups") ?? 1,
      batchGroups: try reader.optionalInteger("batch_groups") ?? 1,
      preferred: try reader.optionalWord("preferred", DType.self))
  }
}
