// Collectives: ops between the lanes of named axes, which `vmap(axisName:)` binds.

extension Op {
  /// An exchange between the lanes of one or several named axes.
  ///
  /// Lanes are numbered in row-major order of the axes. With `groups`, which partition the lanes of a single axis
  /// into parts of one size, each group exchanges among itself, in the order in which the group lists its lanes.
  /// Dimension numbers are those of one lane's tensor. Nothing is inserted or removed (lax's `tiled`); the functions
  /// of the surface reshape where lax does.
  public struct Collective: Hashable, Sendable {
    /// What lanes exchange.
    public enum Exchange: Hashable, Sendable {
      /// The sum over the lanes, in each of them.
      case sum
      /// The largest of the lanes' elements; NaN if there is one.
      case max
      /// The smallest of the lanes' elements; NaN if there is one.
      case min
      /// The tensors of `size` lanes, joined along a dimension.
      case allGather(axis: Int, size: Int)
      /// The sum over `size` lanes; each keeps its part along a dimension.
      case reduceScatter(axis: Int, size: Int)
      /// Each lane splits its tensor into `size` parts, one for each lane, and joins what it receives.
      case allToAll(split: Int, concat: Int, size: Int)
      /// Lane `sources[i]` sends to lane `targets[i]`; lanes that receive nothing have zeros.
      case permute(sources: [Int], targets: [Int])
    }

    /// What lanes exchange.
    public var exchange: Exchange
    /// The named axes, outermost first.
    public var axes: [String]
    /// The lanes that exchange among themselves; all when `nil`.
    public var groups: [[Int]]?

    /// Creates a collective.
    public init(_ exchange: Exchange, axes: [String], groups: [[Int]]? = nil) {
      self.exchange = exchange
      self.axes = axes
      self.groups = groups
    }

    /// The op's name in program text.
    var name: String {
      switch exchange {
      case .sum: "psum"
      case .max: "pmax"
      case .min: "pmin"
      case .allGather: "all_gather"
      case .reduceScatter: "reduce_scatter"
      case .allToAll: "all_to_all"
      case .permute: "ppermute"
      }
    }

    /// The number of lanes that the op itself states, if it does.
    var statedSize: Int? {
      switch exchange {
      case .allGather(_, let size), .reduceScatter(_, let size), .allToAll(_, _, let size): size
      case .sum, .max, .min, .permute: nil
      }
    }

    /// Sizes of axes with which the op is well typed, as far as it says anything about them. Text is checked with
    /// them, which does not say what binds its axes.
    var plausibleAxes: [String: Int] {
      var sizes = Dictionary(axes.map { ($0, 1) }) { first, _ in first }
      guard let first = axes.first else { return sizes }
      switch exchange {
      case .permute(let sources, let targets):
        let last = (sources + targets).max() ?? 0
        sizes[first] = last < Int.max ? last + 1 : last
      case .sum, .max, .min, .allGather, .reduceScatter, .allToAll:
        sizes[first] = groups.map { $0.reduce(0) { $0 + $1.count } } ?? statedSize ?? 1
      }
      return sizes
    }
  }

  /// The named axes that the op itself mentions, with sizes with which it is well typed.
  var plausibleAxes: [String: Int] {
    if case .axisIndex(let name) = self { return [name: 1] }
    if case .collective(let collective) = self { return collective.plausibleAxes }
    return [:]
  }
}

extension Op.Collective {
  /// The number of lanes that exchange among themselves, after checking axes and groups.
  private func laneCount(_ rule: TypeRule, _ sizes: [String: Int]) throws(BloxError) -> Int {
    try rule.expect(!axes.isEmpty, .invalidArgument, "names no axis")
    try rule.expect(Set(axes).count == axes.count, .duplicateAxis, "names an axis twice in \(axes)")
    var count = 1
    for name in axes {
      guard let size = sizes[name] else { throw BloxError.unboundAxis(name, bound: Array(sizes.keys)) }
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      try rule.expect(!overflow, .invalidShape, "the axes \(axes) have too many lanes")
      count = product
    }
    guard let groups else { return count }
    try rule.expect(axes.count == 1, .invalidArgument, "groups need a single axis, not \(axes)")
    let lanes = groups.flatMap { $0 }
    let areParts = !groups.isEmpty && groups.allSatisfy { $0.count == groups[0].count }
    // The number first: there may be more lanes than fit in memory.
    try rule.expect(
      areParts && lanes.count == count && lanes.sorted() == Array(0..<count), .invalidArgument,
      "groups \(groups) must hold each of the \(count) lanes of '\(axes[0])' once, in parts of one size")
    return groups[0].count
  }

  func resultType(_ rule: TypeRule, _ sizes: [String: Int]) throws(BloxError) -> TensorType {
    try rule.expectCount(1)
    let type = rule.operands[0]
    let lanes = try laneCount(rule, sizes)
    if let stated = statedSize {
      try rule.expect(stated == lanes, .axisSizeMismatch, "is made for \(stated) lanes, but \(axes) has \(lanes)")
    }
    switch exchange {
    case .sum:
      try rule.expect(type.dtype.isNumeric, .dtypeMismatch, "needs numbers")
      return type
    case .max, .min:
      try rule.expect(type.dtype.isNumeric || type.dtype == .bool, .dtypeMismatch, "needs numbers or bool")
      return type
    case .allGather(let axis, _):
      try rule.expectAxis(axis, rank: type.rank)
      return try joined(type, axis, lanes, rule)
    case .reduceScatter(let axis, _):
      try rule.expect(type.dtype.isNumeric, .dtypeMismatch, "needs numbers")
      return try part(type, axis, lanes, rule)
    case .allToAll(let split, let concat, _):
      try rule.expectAxis(concat, rank: type.rank)
      return try joined(try part(type, split, lanes, rule), concat, lanes, rule)
    case .permute(let sources, let targets):
      try rule.expect(groups == nil && axes.count == 1, .invalidArgument, "needs a single axis and no groups")
      try rule.expect(
        sources.count == targets.count, .invalidArgument,
        "has \(sources.count) sources for \(targets.count) targets")
      for (what, list) in [("source", sources), ("target", targets)] {
        try rule.expect(
          list.allSatisfy { $0 >= 0 && $0 < lanes }, .invalidArgument,
          "a \(what) in \(list) is no lane of '\(axes[0])', which has \(lanes)")
        try rule.expect(Set(list).count == list.count, .invalidArgument, "a \(what) is given twice in \(list)")
      }
      return type
    }
  }

  /// The type with a dimension `lanes` times as long.
  private func joined(
    _ type: TensorType, _ axis: Int, _ lanes: Int, _ rule: TypeRule
  ) throws(BloxError) -> TensorType {
    var type = type
    let (size, overflow) = type.shape[axis].multipliedReportingOverflow(by: lanes)
    try rule.expect(!overflow, .invalidShape, "the result does not fit in memory")
    type.shape[axis] = size
    try type.validate(name)
    return type
  }

  /// The type with one of `lanes` parts of a dimension.
  private func part(_ type: TensorType, _ axis: Int, _ lanes: Int, _ rule: TypeRule) throws(BloxError) -> TensorType {
    try rule.expectAxis(axis, rank: type.rank)
    try rule.expect(
      lanes > 0 && type.shape[axis] % lanes == 0, .shapeMismatch,
      "axis \(axis) of size \(type.shape[axis]) does not split into \(lanes) equal parts")
    var type = type
    type.shape[axis] /= lanes
    return type
  }
}
