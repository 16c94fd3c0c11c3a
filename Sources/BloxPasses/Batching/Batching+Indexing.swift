// Batching rules of indexing ops. Lanes with places of their own become a batch dimension of a gather or scatter.

import BloxIR

extension Batcher {
  mutating func batchIndexing(_ op: Op.Indexing, _ operands: [BatchedOperand]) throws(BloxError) -> Operand {
    switch op {
    case .reverse(let axes):
      return try builder.emitOne(.indexing(.reverse(axes: axes.belowLanes)), [operands[0].operand])
    case .dynamicSlice(let sizes): return try batchDynamicSlice(operands, sizes)
    case .dynamicUpdateSlice: return try batchDynamicUpdateSlice(operands)
    case .gather(let dims): return try batchGather(operands, dims)
    case .scatter(let kind, let dims): return try batchScatter(kind, operands, dims)
    }
  }

  // MARK: Windows

  /// Zero as a start, of the dtype of the others.
  private func zeroStart(_ starts: ArraySlice<BatchedOperand>) -> Operand {
    .splat(Literal(0, as: starts.first.map { builder.type(of: $0.operand).dtype } ?? .i32), shape: [])
  }

  /// `[lanes…, rank]` index vectors from starts; lanes only if one of them is mapped.
  private mutating func indexVectors(_ starts: ArraySlice<BatchedOperand>) throws(BloxError) -> BatchedOperand {
    let isMapped = starts.contains { $0.isMapped }
    var columns: [Operand] = []
    for start in starts {
      let value = isMapped ? try perLane(start) : start.operand
      let shape = isMapped ? [size, 1] : [1]
      columns.append(try builder.emitOne(.broadcastInDim(shape: shape, dims: isMapped ? [0] : []), [value]))
    }
    return BatchedOperand(
      operand: try builder.emitOne(.concatenate(axis: isMapped ? 1 : 0), columns), isMapped: isMapped)
  }

  private mutating func batchDynamicSlice(_ operands: [BatchedOperand], _ sizes: [Int]) throws(BloxError) -> Operand {
    let starts = operands.dropFirst()
    guard starts.contains(where: { $0.isMapped }) else {
      let all = [operands[0].operand, zeroStart(starts)] + starts.map(\.operand)
      return try builder.emitOne(.indexing(.dynamicSlice(sizes: [size] + sizes)), all)
    }
    let dims = Op.GatherDimensions(
      offsetDims: Array(sizes.indices), collapsedDims: [], indexMap: Array(sizes.indices), sliceSizes: sizes,
      mode: .clip,
      isSorted: true, isUnique: true)
    return try batchGather([operands[0], try indexVectors(starts)], dims)
  }

  private mutating func batchDynamicUpdateSlice(_ operands: [BatchedOperand]) throws(BloxError) -> Operand {
    let starts = operands.dropFirst(2)
    guard starts.contains(where: { $0.isMapped }) else {
      let all = [try perLane(operands[0]), try perLane(operands[1]), zeroStart(starts)] + starts.map(\.operand)
      return try builder.emitOne(.indexing(.dynamicUpdateSlice), all)
    }
    let rank = starts.count
    let dims = Op.ScatterDimensions(
      windowDims: Array(0..<rank), insertedDims: [], indexMap: Array(0..<rank), mode: .clip, isSorted: true,
      isUnique: true)
    return try batchScatter(.set, [operands[0], try indexVectors(starts), operands[1]], dims)
  }

  // MARK: Gather and scatter

  private mutating func batchGather(
    _ operands: [BatchedOperand], _ dims: Op.GatherDimensions
  ) throws(BloxError) -> Operand {
    if operands.count == 3, operands[2].isMapped { return try batchFill(operands, dims) }
    let (x, indices) = (operands[0], operands[1])
    var all = dims
    if x.isMapped {
      all.collapsedDims = dims.collapsedDims.belowLanes
      all.operandBatchDims = dims.operandBatchDims.belowLanes
      all.indexMap = dims.indexMap.belowLanes
      all.sliceSizes = [indices.isMapped ? min(1, size) : size] + dims.sliceSizes
    }
    all.offsetDims = dims.offsetDims.belowLanes
    if indices.isMapped {
      all.indicesBatchDims = dims.indicesBatchDims.belowLanes
    } else {
      all.offsetDims = [0] + all.offsetDims
    }
    if x.isMapped && indices.isMapped {
      all.operandBatchDims = [0] + all.operandBatchDims
      all.indicesBatchDims = [0] + all.indicesBatchDims
    }
    // Vectors ascend within a lane only; the same windows of a shared operand are read by several lanes.
    all.isSorted = dims.isSorted && !indices.isMapped
    all.isUnique = dims.isUnique && x.isMapped
    return try builder.emitOne(
      .indexing(.gather(all)), [x.operand, indices.operand] + operands.dropFirst(2).map(\.operand))
  }

  /// Every lane has a fill value of its own, but the op takes one: gather with any, and choose by a gathered mask.
  private mutating func batchFill(
    _ operands: [BatchedOperand], _ dims: Op.GatherDimensions
  ) throws(BloxError) -> Operand {
    let type = builder.type(of: operands[0].operand)
    let laneShape = operands[0].isMapped ? Array(type.shape.dropFirst()) : type.shape
    let indices = operands[1]
    let zero = BatchedOperand.shared(.splat(Literal(dtype: type.dtype, bits: 0), shape: []))
    let anything = operands[0].isMapped || indices.isMapped
    let values =
      anything
      ? try batchGather([operands[0], indices, zero], dims)
      : try perLane(
        .shared(try builder.emitOne(.indexing(.gather(dims)), [operands[0].operand, indices.operand, zero.operand])))
    let truth = try builder.emitOne(
      .broadcastInDim(shape: laneShape, dims: []), [.splat(Literal(1, as: .bool), shape: [])])
    let outside = BatchedOperand.shared(.splat(Literal(0, as: .bool), shape: []))
    let inside =
      indices.isMapped
      ? try batchGather([.shared(truth), indices, outside], dims)
      : try perLane(
        .shared(try builder.emitOne(.indexing(.gather(dims)), [truth, indices.operand, outside.operand])))
    let shape = builder.type(of: values).shape
    let fills = try builder.emitOne(.broadcastInDim(shape: shape, dims: [0]), [operands[2].operand])
    return try builder.select(inside, values, fills)
  }

  private mutating func batchScatter(
    _ kind: Op.ScatterKind, _ operands: [BatchedOperand], _ dims: Op.ScatterDimensions
  ) throws(BloxError) -> Operand {
    let indices = operands[1]
    let (x, updates) = (try perLane(operands[0]), try perLane(operands[2]))
    var all = dims
    all.insertedDims = dims.insertedDims.belowLanes
    all.operandBatchDims = dims.operandBatchDims.belowLanes
    all.indexMap = dims.indexMap.belowLanes
    all.windowDims = dims.windowDims.belowLanes
    if indices.isMapped {
      all.operandBatchDims = [0] + all.operandBatchDims
      all.indicesBatchDims = [0] + dims.indicesBatchDims.belowLanes
      all.isSorted = false
    } else {
      // The lanes are one more dimension of every window.
      all.windowDims = [0] + all.windowDims
    }
    return try builder.emitOne(.indexing(.scatter(kind, all)), [x, indices.operand, updates])
  }
}
