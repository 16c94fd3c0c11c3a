// Reductions over windows that move along a tensor, and the two linear maps that their derivatives are made of.

extension Op {
  /// An op on the elements under windows. Taps are visited in row-major order; those on padding and in the gaps of a
  /// base dilation do not count.
  public enum WindowOp: Hashable, Sendable {
    /// `reduce_window_… x`: the elements of each window combined one after the other, starting from the reduction's
    /// identity, in the operand's dtype. A window of one tap copies its element.
    case reduce(Reduction, Window)
    /// `select_and_gather_add tangents, x`: of each window the tangent where `x` is extreme; 0 for windows without an
    /// element.
    case selectAndGatherAdd(WindowSelection, Window)
    /// `select_and_scatter_add source, x`: for each window its element of the source, added where `x` is extreme, in the
    /// order of the windows. The transpose of `select_and_gather_add`.
    case selectAndScatterAdd(WindowSelection, Window)

    /// Where the windows are.
    package var window: Window {
      switch self {
      case .reduce(_, let window), .selectAndGatherAdd(_, let window), .selectAndScatterAdd(_, let window): window
      }
    }

    /// The op's name in program text.
    var name: String {
      switch self {
      case .reduce(let kind, _): "reduce_window_" + kind.rawValue
      case .selectAndGatherAdd: Mnemonic.selectAndGatherAdd.rawValue
      case .selectAndScatterAdd: Mnemonic.selectAndScatterAdd.rawValue
      }
    }
  }

  /// Which element of a window is selected: the first one, unless a later one beats it. A later element beats a NaN,
  /// and a NaN beats any element, as in XLA, whose comparison is "greater or equal" ("less or equal" for `min`).
  public enum WindowSelection: String, CaseIterable, Hashable, Sendable {
    case max, min
  }

  /// Windows along all dimensions of a tensor; one number for each dimension everywhere.
  public struct Window: Hashable, Sendable {
    /// The number of taps.
    public var sizes: [Int]
    /// The places from one window to the next.
    public var strides: [Int]
    /// The places from one element to the next.
    public var baseDilations: [Int]
    /// The places from one tap to the next.
    public var windowDilations: [Int]
    /// Places in front of the first element; negative ones cut off elements.
    public var low: [Int]
    /// Places behind the last element; negative ones cut off elements.
    public var high: [Int]

    /// Creates windows; strides and dilations default to 1, padding to none.
    public init(
      sizes: [Int], strides: [Int]? = nil, baseDilations: [Int]? = nil, windowDilations: [Int]? = nil,
      low: [Int]? = nil, high: [Int]? = nil
    ) {
      let ones = sizes.map { _ in 1 }
      let zeros = sizes.map { _ in 0 }
      self.sizes = sizes
      self.strides = strides ?? ones
      self.baseDilations = baseDilations ?? ones
      self.windowDilations = windowDilations ?? ones
      self.low = low ?? zeros
      self.high = high ?? zeros
    }
  }
}

extension Op.Window {
  /// Windows dimension by dimension.
  package init(_ dimensions: [WindowDimension]) {
    self.init(
      sizes: dimensions.map(\.size), strides: dimensions.map(\.stride), baseDilations: dimensions.map(\.baseDilation),
      windowDilations: dimensions.map(\.windowDilation), low: dimensions.map(\.low), high: dimensions.map(\.high))
  }

  /// The windows dimension by dimension.
  package var dimensions: [WindowDimension] {
    sizes.indices.map {
      WindowDimension(
        size: sizes[$0], stride: strides[$0], baseDilation: baseDilations[$0], windowDilation: windowDilations[$0],
        low: low[$0], high: high[$0])
    }
  }

  /// Whether each window has one tap.
  package var hasOneTap: Bool { sizes.allSatisfy { $0 == 1 } }

  /// The windows of one lane as windows of all lanes: one of size 1 for each.
  package var belowLanes: Op.Window { Op.Window([WindowDimension(size: 1)] + dimensions) }

  /// Whether there is a number for each of so many dimensions.
  func isComplete(rank: Int) -> Bool {
    [sizes, strides, baseDilations, windowDilations, low, high].allSatisfy { $0.count == rank }
  }
}

// MARK: - Text

extension Op.WindowOp {
  enum Mnemonic: String, CaseIterable {
    case reduceSum = "reduce_window_sum"
    case reduceProd = "reduce_window_prod"
    case reduceMax = "reduce_window_max"
    case reduceMin = "reduce_window_min"
    case reduceAnd = "reduce_window_and"
    case reduceOr = "reduce_window_or"
    case reduceXor = "reduce_window_xor"
    case selectAndGatherAdd = "select_and_gather_add"
    case selectAndScatterAdd = "select_and_scatter_add"
  }

  /// The attributes in text.
  var attributeTexts: [String] {
    switch self {
    case .reduce(_, let window): window.attributeTexts
    case .selectAndGatherAdd(let selection, let window), .selectAndScatterAdd(let selection, let window):
      ["select=\(selection.rawValue)"] + window.attributeTexts
    }
  }

  init(_ mnemonic: Mnemonic, _ reader: inout AttributeReader) throws(BloxError) {
    switch mnemonic {
    case .reduceSum: self = .reduce(.sum, try Op.Window(&reader))
    case .reduceProd: self = .reduce(.prod, try Op.Window(&reader))
    case .reduceMax: self = .reduce(.max, try Op.Window(&reader))
    case .reduceMin: self = .reduce(.min, try Op.Window(&reader))
    case .reduceAnd: self = .reduce(.and, try Op.Window(&reader))
    case .reduceOr: self = .reduce(.or, try Op.Window(&reader))
    case .reduceXor: self = .reduce(.xor, try Op.Window(&reader))
    case .selectAndGatherAdd:
      self = .selectAndGatherAdd(try reader.word("select", Op.WindowSelection.self), try Op.Window(&reader))
    case .selectAndScatterAdd:
      self = .selectAndScatterAdd(try reader.word("select", Op.WindowSelection.self), try Op.Window(&reader))
    }
  }
}

extension Op.Window {
  fileprivate var attributeTexts: [String] {
    func text(_ key: String, _ values: [Int], default usual: Int) -> [String] {
      values.allSatisfy { $0 == usual } && values.count == sizes.count ? [] : ["\(key)=\(Spelling.list(values))"]
    }
    return ["window=\(Spelling.list(sizes))"] + text("strides", strides, default: 1)
      + text("base_dilation", baseDilations, default: 1) + text("window_dilation", windowDilations, default: 1)
      + text("low", low, default: 0) + text("high", high, default: 0)
  }

  fileprivate init(_ reader: inout AttributeReader) throws(BloxError) {
    self.init(
      sizes: try reader.integers("window"), strides: try reader.optionalIntegers("strides"),
      baseDilations: try reader.optionalIntegers("base_dilation"),
      windowDilations: try reader.optionalIntegers("window_dilation"), low: try reader.optionalIntegers("low"),
      high: try reader.optionalIntegers("high"))
  }
}
