// Lowering of ops that move elements: each is one or more strided copies.
import BloxIR
import CBloxKernels

extension Lowering {
  mutating func lowerMovement(_ instruction: Instruction) throws(BloxError) {
    let result = program.type(of: instruction.results[0])
    let target = slot(instruction.results[0])
    guard result.elementCount > 0 else { return }
    let source = View(dense: type(instruction.operands[0]).shape)
    switch instruction.op {
    case .broadcastInDim(let shape, let dims):
      copy(try slot(instruction.operands[0]), source.broadcast(to: shape, dims: dims), to: target, result)
    case .transpose(let permutation):
      copy(try slot(instruction.operands[0]), source.transposed(permutation), to: target, result)
    case .slice(let slice):
      let view = source.sliced(starts: slice.starts, shape: result.shape, steps: slice.strides)
      copy(try slot(instruction.operands[0]), view, to: target, result)
    case .pad(let padding): try lowerPad(instruction, padding)
    case .concatenate(let axis): try lowerConcatenate(instruction, axis: axis)
    case .reshape, .constant, .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow,
      .iota, .reduce, .argReduce, .dotGeneral, .random, .call, .axisIndex, .stopGradient, .fusion:
      throw unsupported("no movement of elements")
    case .custom, .collective, .indexing: throw unsupported("no movement of elements")
    case .cumulative: throw unsupported("no movement of elements")
    case .control, .checkpointName: throw unsupported("no movement of elements")
    case .ordering: throw unsupported("no movement of elements")
    case .linearAlgebra, .optimizationBarrier: throw unsupported("no movement of elements")
    case .convolution: throw unsupported("no movement of elements")
    case .window: throw unsupported("no movement of elements")
    case .debugPrint: throw unsupported("no movement of elements")
    }
  }

  /// Fills the result with the padding value, then copies the operand's elements that are not cropped.
  private mutating func lowerPad(_ instruction: Instruction, _ padding: Op.Padding) throws(BloxError) {
    let operand = type(instruction.operands[0])
    let result = program.type(of: instruction.results[0])
    let target = slot(instruction.results[0])
    switch instruction.operands[1] {
    case .splat(let literal, _): fill(target, literal, count: result.elementCount)
    case .value(let value):
      append(
        .fill(
          memory.keep(
            FillStep(
              target: target, width: Int32(result.dtype.byteCount), count: result.elementCount, bits: 0,
              source: slot(value)))))
    }
    let (from, to) = (denseStrides(operand.shape), denseStrides(result.shape))
    var (sourceOffset, targetOffset) = (0, 0)
    var dims: [StridedDimension] = []
    for dim in operand.shape.indices {
      // Element i lands at low + i * step; negative amounts crop what falls outside.
      let (low, step) = (padding.low[dim], padding.interior[dim] + 1)
      let first = low < 0 ? (-low + step - 1) / step : 0
      let room = result.shape[dim] - 1 - low
      let last = room < 0 ? -1 : min(operand.shape[dim] - 1, room / step)
      guard first <= last else { return }
      sourceOffset += first * from[dim]
      targetOffset += (low + first * step) * to[dim]
      dims.append(StridedDimension(size: last - first + 1, strides: [to[dim] * step, from[dim]]))
    }
    copy(
      from: try slot(instruction.operands[0]), offset: sourceOffset, to: target, offset: targetOffset,
      width: result.dtype.byteCount, dims)
  }

  private mutating func lowerConcatenate(_ instruction: Instruction, axis: Int) throws(BloxError) {
    let result = program.type(of: instruction.results[0])
    let strides = denseStrides(result.shape)
    var start = 0
    for operand in instruction.operands {
      let shape = type(operand).shape
      let from = denseStrides(shape)
      copy(
        from: try slot(operand), offset: 0, to: slot(instruction.results[0]), offset: start * strides[axis],
        width: result.dtype.byteCount,
        shape.indices.map { StridedDimension(size: shape[$0], strides: [strides[$0], from[$0]]) })
      start += shape[axis]
    }
  }

  /// Copies a view to a dense buffer of a type.
  mutating func copy(_ source: Int32, _ view: View, to target: Int32, _ type: TensorType) {
    let to = denseStrides(view.shape)
    copy(
      from: source, offset: view.offset, to: target, offset: 0, width: type.dtype.byteCount,
      view.shape.indices.map { StridedDimension(size: view.shape[$0], strides: [to[$0], view.strides[$0]]) })
  }

  mutating func copyWhole(from source: Int32, to target: Int32, _ type: TensorType) {
    copy(source, View(dense: type.shape), to: target, type)
  }

  /// From this size on, a transpose does not stay in the caches until it is read.
  private static let streamedBytes = 16 << 20

  /// Adds a copy; offsets and strides (target first) in elements.
  mutating func copy(
    from source: Int32, offset sourceOffset: Int, to target: Int32, offset targetOffset: Int, width: Int,
    _ dimensions: [StridedDimension]
  ) {
    guard dimensions.allSatisfy({ $0.size > 0 }) else { return }
    let dims = collapse(dimensions)
    let byteCount = dims.reduce(width) { $0 * $1.size }
    let last = dims.last?.strides ?? [1, 1]
    let isTransposed = last[0] == 1 && last[1] != 0 && last[1] != 1 && dims.contains { $0.strides[1] == 1 }
    let isStreamed = isTransposed && byteCount >= Lowering.streamedBytes
    // A part should take some microseconds; the longest of the outer dimensions gives the most even parts.
    let outer = dims.indices.prefix(max(1, dims.count - 1)).max { (dims[$0].size, -$0) < (dims[$1].size, -$1) } ?? 0
    // What is written past the caches is read row by row of the source, if there are rows enough for parts.
    let split = isStreamed && dims[dims.count - 1].size >= 512 ? dims.count - 1 : outer
    let size = dims.isEmpty ? 1 : dims[split].size
    let wanted = min(64, byteCount / (256 << 10), size)
    var length = size
    if wanted > 1 {
      // Whole cache lines, where the dimension is the contiguous one.
      let unit = dims[split].strides[0] == 1 ? 64 : 1
      length = ((size + wanted - 1) / wanted + unit - 1) / unit * unit
    }
    let step = CopyStep(
      source: source, target: target, sourceOffset: sourceOffset * width, targetOffset: targetOffset * width,
      width: Int32(width), rank: Int32(dims.count), dims: memory.keep(dims.map { Int64($0.size) }),
      targetStrides: memory.keep(dims.map { Int64($0.strides[0]) }),
      sourceStrides: memory.keep(dims.map { Int64($0.strides[1]) }), splitDimension: split, splitLength: length,
      parts: (size + length - 1) / length, isStreamed: isStreamed)
    append(.copy(memory.keep(step)))
  }
}
