// Lowering of reads and writes at computed places.
//
// What is written over is the first operand: its elements are copied to the result unless the plan has both in the same
// memory, and then the windows are written.
import BloxIR
import BloxPasses
import CBloxKernels

extension Lowering {
  mutating func lowerIndexing(_ instruction: Instruction, _ op: Op.Indexing) throws(BloxError) {
    let result = program.type(of: instruction.results[0])
    guard result.elementCount > 0 else { return }
    let target = slot(instruction.results[0])
    switch op {
    case .reverse(let axes):
      var view = View(dense: result.shape)
      for axis in axes {
        view.offset += (result.shape[axis] - 1) * view.strides[axis]
        view.strides[axis] = -view.strides[axis]
      }
      copy(try slot(instruction.operands[0]), view, to: target, result)
    case .dynamicSlice:
      let operand = type(instruction.operands[0])
      try appendWindow(
        instruction.operands.dropFirst(), of: operand.shape, window: result, from: slot(instruction.operands[0]),
        to: target, writes: false)
    case .dynamicUpdateSlice:
      try copyOperand(instruction, result)
      let update = type(instruction.operands[1])
      guard update.elementCount > 0 else { return }
      try appendWindow(
        instruction.operands.dropFirst(2), of: result.shape, window: update, from: slot(instruction.operands[1]),
        to: target, writes: true)
    case .gather(let dims): try lowerGather(instruction, dims, result)
    case .scatter(let kind, let dims): try lowerScatter(instruction, kind, dims, result)
    }
  }

  private mutating func copyOperand(_ instruction: Instruction, _ type: TensorType) throws(BloxError) {
    let (source, target) = (try slot(instruction.operands[0]), slot(instruction.results[0]))
    if source != target { copyWhole(from: source, to: target, type) }
  }

  /// - Parameters:
  ///   - shape: That of the tensor the window is cut out of or written to.
  ///   - window: The type of the window.
  private mutating func appendWindow(
    _ starts: ArraySlice<Operand>, of shape: [Int], window: TensorType, from source: Int32, to target: Int32,
    writes: Bool
  ) throws(BloxError) {
    let (whole, part) = (denseStrides(shape), denseStrides(window.shape))
    let dims = collapse(
      window.shape.indices.map { dim in
        StridedDimension(
          size: window.shape[dim], strides: writes ? [whole[dim], part[dim]] : [part[dim], whole[dim]])
      })
    var places: [DynamicSliceStep.Start] = []
    for (dim, operand) in starts.enumerated() {
      let dtype = type(operand).dtype
      let literal: Int
      switch operand {
      case .value: literal = 0
      case .splat(let element, _): literal = element.index
      }
      places.append(
        DynamicSliceStep.Start(
          slot: operand.value.map { slot($0) } ?? -1, literal: literal, width: Int32(dtype.byteCount),
          isSigned: dtype.kind == .signed, limit: shape[dim] - window.shape[dim], stride: whole[dim]))
    }
    append(
      .dynamicSlice(
        memory.keep(
          DynamicSliceStep(
            source: source, target: target, writes: writes, width: Int32(window.dtype.byteCount),
            rank: Int32(dims.count), dims: memory.keep(dims.map { Int64($0.size) }),
            targetStrides: memory.keep(dims.map { Int64($0.strides[0]) }),
            sourceStrides: memory.keep(dims.map { Int64($0.strides[1]) }), starts: memory.keep(places),
            startCount: places.count))))
  }

  private mutating func lowerGather(
    _ instruction: Instruction, _ dims: Op.GatherDimensions, _ result: TensorType
  ) throws(BloxError) {
    let operand = type(instruction.operands[0])
    let indices = type(instruction.operands[1])
    let windows = try self.windows(
      operand: operand, indices: indices, dims, result: result, drops: dims.mode == .fillOrDrop)
    let fill: Int32
    switch instruction.operands.dropFirst(2).first {
    case nil: fill = -1
    case .value(let value)?: fill = slot(value)
    case .splat(let literal, _)?: fill = try slot(ofConstant: DenseConstant(literal, shape: []))
    }
    let count = indices.shape.dropLast().reduce(1, *)
    // A part takes some tens of microseconds: a window has its price besides its bytes.
    let windowBytes = 64 + result.byteCount / max(1, count)
    append(
      .windows(
        memory.keep(
          WindowStep(
            kind: .gather(fill: fill), windows: memory.keep(windows), source: try slot(instruction.operands[0]),
            indices: try slot(instruction.operands[1]), target: slot(instruction.results[0]), count: count,
            perPart: max(1, (256 << 10) / windowBytes, (count + 63) / 64)))))
  }

  private mutating func lowerScatter(
    _ instruction: Instruction, _ kind: Op.ScatterKind, _ dims: Op.ScatterDimensions, _ result: TensorType
  ) throws(BloxError) {
    try copyOperand(instruction, result)
    let indices = type(instruction.operands[1])
    let updates = type(instruction.operands[2])
    guard updates.elementCount > 0 else { return }
    var combine: blox_tile_fn?
    if let binary = kind.binary {
      combine = blox_tile_binary(kernelISA, binary.kernel, result.dtype.kernel)
      guard combine != nil else { throw unsupported("no kernel combines \(result.dtype)") }
    }
    let reading = dims.gather(operand: result.shape, updates: updates.shape)
    let windows = try self.windows(
      operand: result, indices: indices, reading, result: updates, drops: dims.mode != .clip)
    // Every part goes through all index vectors, so parts must have much to write.
    let outer = windows.window_rank > 0 ? Int(windows.window_dims[0]) : 1
    let parts = min(outer / 64, updates.byteCount / (512 << 10), 8)
    append(
      .windows(
        memory.keep(
          WindowStep(
            kind: .scatter(combine), windows: memory.keep(windows), source: try slot(instruction.operands[2]),
            indices: try slot(instruction.operands[1]), target: slot(instruction.results[0]), count: outer,
            perPart: parts > 1 ? (outer + parts - 1) / parts : outer))))
  }

  private func windows(
    operand: TensorType, indices: TensorType, _ dims: Op.GatherDimensions, result: TensorType, drops: Bool
  ) throws(BloxError) -> blox_windows {
    let (strides, resultStrides) = (denseStrides(operand.shape), denseStrides(result.shape))
    let kept = dims.windowDims(rank: operand.rank)
    let window = collapse(
      zip(kept, dims.offsetDims).map { dim, place in
        StridedDimension(size: dims.sliceSizes[dim], strides: [strides[dim], resultStrides[place]])
      })
    let places = result.shape.indices.filter { !dims.offsetDims.contains($0) }
    let batch = collapse(
      places.enumerated().map { dim, place in
        let part = dims.indicesBatchDims.firstIndex(of: dim).map { strides[dims.operandBatchDims[$0]] } ?? 0
        return StridedDimension(size: indices.shape[dim], strides: [part, resultStrides[place]])
      })
    guard batch.count <= 32, window.count <= 32 else {
      throw unsupported("windows of more than 32 separate dimensions have no kernel")
    }
    var windows = blox_windows()
    windows.width = Int32(operand.dtype.byteCount)
    windows.index_width = Int32(indices.dtype.byteCount)
    windows.index_signed = indices.dtype.kind == .signed
    windows.drops = drops
    windows.batch_rank = Int32(batch.count)
    windows.batch_dims = memory.keep(batch.map { Int64($0.size) })
    windows.batch_operand_strides = memory.keep(batch.map { Int64($0.strides[0]) })
    windows.batch_result_strides = memory.keep(batch.map { Int64($0.strides[1]) })
    windows.index_count = Int32(dims.indexMap.count)
    windows.limits = memory.keep(dims.indexMap.map { Int64(operand.shape[$0] - dims.sliceSizes[$0]) })
    windows.index_strides = memory.keep(dims.indexMap.map { Int64(strides[$0]) })
    windows.window_rank = Int32(window.count)
    windows.window_dims = memory.keep(window.map { Int64($0.size) })
    windows.operand_strides = memory.keep(window.map { Int64($0.strides[0]) })
    windows.result_strides = memory.keep(window.map { Int64($0.strides[1]) })
    return windows
  }
}

extension Literal {
  /// An integer as an index; what is beyond `Int` counts as the largest one.
  fileprivate var index: Int { dtype.kind == .unsigned ? Int(clamping: bits) : Int(signedValue) }
}
