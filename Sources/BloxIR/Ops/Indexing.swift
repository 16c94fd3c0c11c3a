// Ops that read or write at places which are known when the program runs.

extension Op {
  /// Reading and writing at computed places.
  public enum Indexing: Hashable, Sendable {
    /// `reverse x`: the elements along the axes in opposite order.
    case reverse(axes: [Int])
    /// `dynamic_slice x, start…`: a window of these sizes. One scalar start for each dimension; starts are moved as far
    /// as needed for the window to lie inside.
    case dynamicSlice(sizes: [Int])
    /// `dynamic_update_slice x, update, start…`: `x` with a window replaced. Starts are moved like those of a slice.
    case dynamicUpdateSlice
    /// `gather x, indices`, or `gather x, indices, fill` in the mode that fills: windows of `x` at the indices.
    case gather(GatherDimensions)
    /// `scatter x, indices, updates`: `x` with windows combined with the updates, in the order of the indices.
    case scatter(ScatterKind, ScatterDimensions)

    /// The op's name in program text.
    var name: String {
      switch self {
      case .reverse: "reverse"
      case .dynamicSlice: "dynamic_slice"
      case .dynamicUpdateSlice: "dynamic_update_slice"
      case .gather: "gather"
      case .scatter(let kind, _): kind == .set ? "scatter" : "scatter_" + kind.rawValue
      }
    }
  }

  /// What becomes of windows that do not lie inside the operand.
  public enum IndexMode: String, CaseIterable, Hashable, Sendable {
    /// They are moved inside.
    case clip
    /// Reading gives the fill value in the whole window, writing leaves the whole window out.
    case fillOrDrop = "fill_or_drop"
    /// There are none, the caller says. Where there are some all the same, reading moves them inside and writing leaves
    /// them out, as XLA does.
    case promiseInBounds = "promise_in_bounds"
  }

  /// How a scatter combines an element with an update.
  public enum ScatterKind: String, CaseIterable, Hashable, Sendable {
    case set, add, mul, min, max
  }

  /// The dimension numbers of a gather, StableHLO's with the index vectors in the last dimension of the indices.
  ///
  /// The result has the dimensions of the indices but the last (its batch dimensions), and among them, at
  /// `offsetDims`, those of a window: the operand's dimensions that are neither collapsed nor batch dimensions.
  public struct GatherDimensions: Hashable, Sendable {
    /// The result's dimensions that walk through a window, ascending.
    public var offsetDims: [Int]
    /// The operand's dimensions, ascending, in which a window has size 1 and which the result does not have.
    public var collapsedDims: [Int]
    /// The operand's dimensions that go with batch dimensions of the indices: each batch element has its own part.
    public var operandBatchDims: [Int]
    /// The dimensions of the indices that go with them, in their order.
    public var indicesBatchDims: [Int]
    /// The operand's dimension that each element of an index vector is for.
    public var indexMap: [Int]
    /// The sizes of a window, one for each dimension of the operand.
    public var sliceSizes: [Int]
    /// What happens to windows outside.
    public var mode: IndexMode
    /// Whether the caller says that index vectors ascend.
    public var isSorted: Bool
    /// Whether the caller says that no two windows overlap.
    public var isUnique: Bool

    /// Creates dimension numbers.
    public init(
      offsetDims: [Int], collapsedDims: [Int], operandBatchDims: [Int] = [], indicesBatchDims: [Int] = [],
      indexMap: [Int], sliceSizes: [Int], mode: IndexMode, isSorted: Bool = false, isUnique: Bool = false
    ) {
      self.offsetDims = offsetDims
      self.collapsedDims = collapsedDims
      self.operandBatchDims = operandBatchDims
      self.indicesBatchDims = indicesBatchDims
      self.indexMap = indexMap
      self.sliceSizes = sliceSizes
      self.mode = mode
      self.isSorted = isSorted
      self.isUnique = isUnique
    }
  }

  /// The dimension numbers of a scatter, StableHLO's with the index vectors in the last dimension of the indices. They
  /// are those of the gather that would read the windows, with the updates in place of the result.
  public struct ScatterDimensions: Hashable, Sendable {
    /// The dimensions of the updates that walk through a window, ascending.
    public var windowDims: [Int]
    /// The operand's dimensions, ascending, in which a window has size 1 and which the updates do not have.
    public var insertedDims: [Int]
    /// The operand's dimensions that go with batch dimensions of the indices.
    public var operandBatchDims: [Int]
    /// The dimensions of the indices that go with them, in their order.
    public var indicesBatchDims: [Int]
    /// The operand's dimension that each element of an index vector is for.
    public var indexMap: [Int]
    /// What happens to windows outside.
    public var mode: IndexMode
    /// Whether the caller says that index vectors ascend.
    public var isSorted: Bool
    /// Whether the caller says that no two windows overlap.
    public var isUnique: Bool

    /// Creates dimension numbers.
    public init(
      windowDims: [Int], insertedDims: [Int], operandBatchDims: [Int] = [], indicesBatchDims: [Int] = [],
      indexMap: [Int], mode: IndexMode, isSorted: Bool = false, isUnique: Bool = false
    ) {
      self.windowDims = windowDims
      self.insertedDims = insertedDims
      self.operandBatchDims = operandBatchDims
      self.indicesBatchDims = indicesBatchDims
      self.indexMap = indexMap
      self.mode = mode
      self.isSorted = isSorted
      self.isUnique = isUnique
    }
  }
}

extension Op.GatherDimensions {
  /// The scatter that writes where this gather reads.
  package var scatter: Op.ScatterDimensions {
    Op.ScatterDimensions(
      windowDims: offsetDims, insertedDims: collapsedDims, operandBatchDims: operandBatchDims,
      indicesBatchDims: indicesBatchDims, indexMap: indexMap, mode: mode, isSorted: isSorted, isUnique: isUnique)
  }

  /// The operand's dimensions that a window has in the result.
  package func windowDims(rank: Int) -> [Int] {
    (0..<rank).filter { !collapsedDims.contains($0) && !operandBatchDims.contains($0) }
  }
}

extension Op.ScatterDimensions {
  /// The gather that reads where this scatter writes.
  package func gather(operand: [Int], updates: [Int]) -> Op.GatherDimensions {
    var sizes = operand.map { _ in 1 }
    let kept = operand.indices.filter { !insertedDims.contains($0) && !operandBatchDims.contains($0) }
    for (dim, window) in zip(kept, windowDims) { sizes[dim] = updates[window] }
    for dim in operandBatchDims { sizes[dim] = min(1, operand[dim]) }
    return Op.GatherDimensions(
      offsetDims: windowDims, collapsedDims: insertedDims, operandBatchDims: operandBatchDims,
      indicesBatchDims: indicesBatchDims, indexMap: indexMap, sliceSizes: sizes, mode: mode, isSorted: isSorted,
      isUnique: isUnique)
  }
}

// MARK: - Text

extension Op.Indexing {
  enum Mnemonic: String, CaseIterable {
    case reverse, gather, scatter
    case dynamicSlice = "dynamic_slice"
    case dynamicUpdateSlice = "dynamic_update_slice"
    case scatterAdd = "scatter_add"
    case scatterMul = "scatter_mul"
    case scatterMin = "scatter_min"
    case scatterMax = "scatter_max"
  }

  /// The attributes in text.
  var attributeTexts: [String] {
    func flags(_ mode: Op.IndexMode, sorted: Bool, unique: Bool) -> [String] {
      ["mode=\(mode.rawValue)"] + (sorted ? ["sorted"] : []) + (unique ? ["unique"] : [])
    }
    func batch(_ operand: [Int], _ indices: [Int]) -> [String] {
      operand.isEmpty && indices.isEmpty ? [] : ["batch=\(Spelling.list(operand))x\(Spelling.list(indices))"]
    }
    switch self {
    case .reverse(let axes): return ["axes=\(Spelling.list(axes))"]
    case .dynamicSlice(let sizes): return ["sizes=\(Spelling.list(sizes))"]
    case .dynamicUpdateSlice: return []
    case .gather(let dims):
      return ["offset=\(Spelling.list(dims.offsetDims))", "collapsed=\(Spelling.list(dims.collapsedDims))"]
        + batch(dims.operandBatchDims, dims.indicesBatchDims)
        + ["map=\(Spelling.list(dims.indexMap))", "sizes=\(Spelling.list(dims.sliceSizes))"]
        + flags(dims.mode, sorted: dims.isSorted, unique: dims.isUnique)
    case .scatter(_, let dims):
      return ["window=\(Spelling.list(dims.windowDims))", "inserted=\(Spelling.list(dims.insertedDims))"]
        + batch(dims.operandBatchDims, dims.indicesBatchDims) + ["map=\(Spelling.list(dims.indexMap))"]
        + flags(dims.mode, sorted: dims.isSorted, unique: dims.isUnique)
    }
  }

  init(_ mnemonic: Mnemonic, _ reader: inout AttributeReader) throws(BloxError) {
    switch mnemonic {
    case .reverse: self = .reverse(axes: try reader.integers("axes"))
    case .dynamicSlice: self = .dynamicSlice(sizes: try reader.integers("sizes"))
    case .dynamicUpdateSlice: self = .dynamicUpdateSlice
    case .gather:
      let (offset, collapsed) = (try reader.integers("offset"), try reader.integers("collapsed"))
      let batch = try reader.optionalPair("batch") ?? ([], [])
      self = .gather(
        Op.GatherDimensions(
          offsetDims: offset, collapsedDims: collapsed, operandBatchDims: batch.left, indicesBatchDims: batch.right,
          indexMap: try reader.integers("map"), sliceSizes: try reader.integers("sizes"),
          mode: try reader.word("mode", Op.IndexMode.self), isSorted: try reader.flag("sorted"),
          isUnique: try reader.flag("unique")))
    case .scatter: self = .scatter(.set, try Op.ScatterDimensions(&reader))
    case .scatterAdd: self = .scatter(.add, try Op.ScatterDimensions(&reader))
    case .scatterMul: self = .scatter(.mul, try Op.ScatterDimensions(&reader))
    case .scatterMin: self = .scatter(.min, try Op.ScatterDimensions(&reader))
    case .scatterMax: self = .scatter(.max, try Op.ScatterDimensions(&reader))
    }
  }
}

extension Op.ScatterDimensions {
  fileprivate init(_ reader: inout AttributeReader) throws(BloxError) {
    let (window, inserted) = (try reader.integers("window"), try reader.integers("inserted"))
    let batch = try reader.optionalPair("batch") ?? ([], [])
    self.init(
      windowDims: window, insertedDims: inserted, operandBatchDims: batch.left, indicesBatchDims: batch.right,
      indexMap: try reader.integers("map"), mode: try reader.word("mode", Op.IndexMode.self),
      isSorted: try reader.flag("sorted"), isUnique: try reader.flag("unique"))
  }
}
