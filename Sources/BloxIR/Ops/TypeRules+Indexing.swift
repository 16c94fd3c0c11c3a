// Type rules of indexing ops, and the literals that they take.

extension Op.Indexing {
  func resultType(_ rule: TypeRule) throws(BloxError) -> TensorType {
    switch self {
    case .reverse(let axes):
      try rule.expectCount(1)
      try rule.expectDistinctAxes(axes, rank: rule.operands[0].rank)
      return rule.operands[0]
    case .dynamicSlice(let sizes): return try rule.dynamicSlice(sizes)
    case .dynamicUpdateSlice: return try rule.dynamicUpdateSlice()
    case .gather(let dims): return try rule.gather(dims)
    case .scatter(let kind, let dims): return try rule.scatter(kind, dims)
    }
  }

  /// The position of the first start among the operands, for the ops that have starts.
  private var firstStart: Int? {
    switch self {
    case .dynamicSlice: 1
    case .dynamicUpdateSlice: 2
    case .reverse, .gather, .scatter: nil
    }
  }

  /// Whether a literal may stand at an operand position. A literal among starts has the dtype of a start that is a
  /// value, or is an `i32`.
  func takesSplat(at index: Int, of operands: [Operand]) -> Bool {
    if case .gather = self { return index == 2 }
    guard let first = firstStart, index >= first, case .splat(let literal, _) = operands[index] else { return false }
    return literal.dtype == .i32 || operands[first...].contains { $0.value != nil }
  }

  /// The type of a literal at an operand position.
  func splatType(at index: Int, results: [TensorType], operands: [TensorType?]) -> TensorType? {
    if case .gather = self { return index == 2 ? results.first?.with(shape: []) : nil }
    guard let first = firstStart, index >= first else { return nil }
    return operands[first...].compactMap { $0 }.first ?? TensorType(.i32)
  }
}

extension TypeRule {
  /// Checks the starts, which are the operands from `first` on.
  private func expectStarts(from first: Int) throws(BloxError) {
    let rank = operands[0].rank
    try expect(
      operands.count == first + rank, .invalidArgument, "needs a start for each of \(rank) dimensions")
    for start in operands[first...] {
      try expect(
        start.dtype.isInteger && start.isScalar && start.dtype == operands[first].dtype, .dtypeMismatch,
        "starts must be integer scalars of one dtype")
    }
  }

  func dynamicSlice(_ sizes: [Int]) throws(BloxError) -> TensorType {
    try expect(!operands.isEmpty, .invalidArgument, "needs an operand")
    try expectStarts(from: 1)
    let operand = operands[0]
    try expect(sizes.count == operand.rank, .invalidArgument, "needs a size for each of \(operand.rank) dimensions")
    for (dim, size) in sizes.enumerated() {
      try expect(
        size >= 0 && size <= operand.shape[dim], .invalidArgument,
        "a window of size \(size) does not fit dimension \(dim) of size \(operand.shape[dim])")
    }
    return operand.with(shape: sizes)
  }

  func dynamicUpdateSlice() throws(BloxError) -> TensorType {
    try expect(operands.count >= 2, .invalidArgument, "needs an operand and an update")
    try expectStarts(from: 2)
    let (operand, update) = (operands[0], operands[1])
    try expect(operand.dtype == update.dtype, .dtypeMismatch, "the update must have the operand's dtype")
    try expect(operand.rank == update.rank, .shapeMismatch, "the update must have the operand's rank")
    for (dim, size) in update.shape.enumerated() {
      try expect(
        size <= operand.shape[dim], .invalidArgument,
        "an update of size \(size) does not fit dimension \(dim) of size \(operand.shape[dim])")
    }
    return operand
  }

  func gather(_ dims: Op.GatherDimensions) throws(BloxError) -> TensorType {
    try expect(
      operands.count == (dims.mode == .fillOrDrop ? 3 : 2), .invalidArgument,
      dims.mode == .fillOrDrop ? "takes an operand, indices and a fill value" : "takes an operand and indices")
    let operand = operands[0]
    if operands.count == 3 {
      try expect(
        operands[2] == operand.with(shape: []), .dtypeMismatch, "the fill value must be a scalar of the operand's dtype"
      )
    }
    let batch = try indexBatch(
      collapsed: dims.collapsedDims, operandBatch: dims.operandBatchDims, indicesBatch: dims.indicesBatchDims,
      map: dims.indexMap)
    try expect(
      dims.sliceSizes.count == operand.rank, .invalidArgument, "needs a size for each of \(operand.rank) dimensions")
    for (dim, size) in dims.sliceSizes.enumerated() {
      try expect(
        size >= 0 && size <= operand.shape[dim], .invalidArgument,
        "a window of size \(size) does not fit dimension \(dim) of size \(operand.shape[dim])")
    }
    for dim in dims.collapsedDims + dims.operandBatchDims {
      // Of an empty batch there are no windows, and none has an element.
      let isEmptyBatch = operand.shape[dim] == 0 && dims.operandBatchDims.contains(dim)
      try expect(
        dims.sliceSizes[dim] == (isEmptyBatch ? 0 : 1), .invalidArgument,
        "windows must have size 1 in dimension \(dim), which disappears")
    }
    let window = dims.windowDims(rank: operand.rank)
    let rank = batch.count + window.count
    try expectAscending(dims.offsetDims, rank: rank, what: "offset dimension")
    try expect(
      dims.offsetDims.count == window.count, .invalidArgument,
      "needs \(window.count) offset dimensions, one for each dimension of a window")
    let result = operand.with(shape: interleave(batch, window.map { dims.sliceSizes[$0] }, at: dims.offsetDims))
    try result.validate("gather")
    return result
  }

  func scatter(_ kind: Op.ScatterKind, _ dims: Op.ScatterDimensions) throws(BloxError) -> TensorType {
    try expectCount(3)
    let (operand, updates) = (operands[0], operands[2])
    try expect(operand.dtype == updates.dtype, .dtypeMismatch, "the updates must have the operand's dtype")
    let accepted =
      switch kind {
      case .set: true
      case .add, .mul: operand.dtype.isNumeric
      case .min, .max: operand.dtype.isNumeric || operand.dtype == .bool
      }
    try expect(accepted, .dtypeMismatch, "has no meaning for \(operand.dtype)")
    let batch = try indexBatch(
      collapsed: dims.insertedDims, operandBatch: dims.operandBatchDims, indicesBatch: dims.indicesBatchDims,
      map: dims.indexMap)
    let window = operand.shape.indices.filter {
      !dims.insertedDims.contains($0) && !dims.operandBatchDims.contains($0)
    }
    try expectAscending(dims.windowDims, rank: batch.count + window.count, what: "window dimension")
    try expect(
      dims.windowDims.count == window.count, .invalidArgument,
      "needs \(window.count) window dimensions, one for each dimension of a window")
    try expect(
      updates.rank == batch.count + window.count, .shapeMismatch,
      "the updates need \(batch.count + window.count) dimensions")
    for (dim, place) in zip(window, dims.windowDims) {
      try expect(
        updates.shape[place] <= operand.shape[dim], .invalidArgument,
        "a window of size \(updates.shape[place]) does not fit dimension \(dim) of size \(operand.shape[dim])")
    }
    let expected = interleave(batch, dims.windowDims.map { updates.shape[$0] }, at: dims.windowDims)
    try expect(
      updates.shape == expected, .shapeMismatch, "the updates must have the shape \(expected) to go with the indices")
    return operand
  }

  /// Checks what a gather and a scatter have in common and returns the batch shape: that of the indices without the
  /// index vectors.
  private func indexBatch(
    collapsed: [Int], operandBatch: [Int], indicesBatch: [Int], map: [Int]
  ) throws(BloxError) -> [Int] {
    let (operand, indices) = (operands[0], operands[1])
    try expect(indices.dtype.isInteger, .dtypeMismatch, "the indices must be integers")
    try expect(indices.rank > 0, .shapeMismatch, "the indices need a last dimension with the index vectors")
    let batch = Array(indices.shape.dropLast())
    try expect(
      indices.shape[batch.count] == map.count, .shapeMismatch,
      "the index vectors have \(indices.shape[batch.count]) elements for \(map.count) mapped dimensions")
    try expectAscending(collapsed, rank: operand.rank, what: "dimension")
    try expectDistinctAxes(collapsed + operandBatch, rank: operand.rank, what: "dimension")
    try expectDistinctAxes(map + operandBatch, rank: operand.rank, what: "mapped dimension")
    try expect(
      operandBatch.count == indicesBatch.count, .invalidArgument,
      "needs as many batch dimensions of the operand as of the indices")
    try expectDistinctAxes(indicesBatch, rank: batch.count, what: "batch dimension of the indices")
    for (dim, other) in zip(operandBatch, indicesBatch) {
      try expect(
        operand.shape[dim] == batch[other], .shapeMismatch,
        "batch dimensions differ: \(operand.shape[dim]) (operand dimension \(dim)) and \(batch[other])"
          + " (indices dimension \(other))")
    }
    return batch
  }

  private func expectAscending(_ axes: [Int], rank: Int, what: String) throws(BloxError) {
    try expectDistinctAxes(axes, rank: rank, what: what)
    try expect(axes == axes.sorted(), .invalidAxis, "\(what)s \(axes) must ascend")
  }

  /// The batch sizes with the window's at the given places.
  private func interleave(_ batch: [Int], _ window: [Int], at places: [Int]) -> [Int] {
    var (batch, window) = (batch[...], window[...])
    return (0..<batch.count + window.count).map {
      places.contains($0) ? window.popFirst() ?? 0 : batch.popFirst() ?? 0
    }
  }
}
