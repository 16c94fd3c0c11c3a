// What a region reads: views of buffers, counters, random words, constants.
//
// Movement of elements inside a region costs nothing of its own: it only changes the strides with which a parameter
// is read. A value that the region computes has the index of the iteration space and can be renamed, not moved.
import BloxIR
import BloxPasses
import CBloxKernels

/// Where a value of a region comes from.
enum TileSource {
  /// Elements of a buffer of the dtype that the region gives the value.
  case view(View, buffer: Int32)
  /// The index along an axis of a shape.
  case iota(shape: [Int], axis: Int)
  /// Random words of the keys in a buffer from a key on, `lane` of each.
  case bits(buffer: Int32, firstKey: Int, lane: Int)
  case constant(Literal)
  /// The value in a slot: computed by a micro-op, or another source that has been given a slot.
  case slot(Int)
}

extension TileCompiler {
  /// The source of an instruction that computes nothing, or `nil` when it needs a micro-op.
  mutating func source(of instruction: Instruction) throws(BloxError) -> TileSource? {
    let result = region.type(of: instruction.results[0])
    switch instruction.op {
    case .constant(let constant):
      if let literal = constant.splat { return .constant(literal) }
      return .view(View(dense: result.shape), buffer: try lowering.slot(ofConstant: constant))
    case .iota(let type, let axis):
      // Along a dimension of one element it is zero everywhere, also where a movement drops that dimension.
      return type.shape[axis] == 1 ? .constant(Literal(0, as: type.dtype)) : .iota(shape: type.shape, axis: axis)
    case .random(.bits): return try randomBits(instruction)
    case .stopGradient, .bitcastConvert, .checkpointName: return try renamed(instruction, result)
    case .convert(let dtype):
      return region.type(of: instruction.operands[0]).dtype == dtype ? try renamed(instruction, result) : nil
    // The first power is the operand itself. Were it a micro-op's slot, nobody would notice that the region returns
    // an operand which another result may overwrite.
    case .integerPow(1): return try renamed(instruction, result)
    case .integerPow(0): return .constant(Literal(1, as: result.dtype))
    case .reshape, .random(.wrap), .random(.unwrap), .broadcastInDim, .transpose, .slice:
      return try moved(instruction, result)
    case .unary, .binary, .compare, .select, .clamp, .fma, .integerPow, .reduce: return nil
    case .pad, .concatenate, .argReduce, .dotGeneral, .random(.seed), .random(.foldIn), .random(.split),
      .call, .axisIndex, .fusion:
      throw unsupported(instruction, "cannot run tile by tile")
    case .custom, .collective, .indexing: throw unsupported(instruction, "cannot run tile by tile")
    case .cumulative: throw unsupported(instruction, "cannot run tile by tile")
    case .control: throw unsupported(instruction, "cannot run tile by tile")
    case .linearAlgebra, .optimizationBarrier: throw unsupported(instruction, "cannot run tile by tile")
    case .convolution: throw unsupported(instruction, "cannot run tile by tile")
    case .window: throw unsupported(instruction, "cannot run tile by tile")
    case .ordering: throw unsupported(instruction, "cannot run tile by tile")
    case .debugPrint: throw unsupported(instruction, "cannot run tile by tile")
    }
  }

  /// The same elements at the same index.
  private mutating func renamed(_ instruction: Instruction, _ result: TensorType) throws(BloxError) -> TileSource {
    switch source(instruction.operands[0]) {
    case .constant(let literal): return .constant(Literal(dtype: result.dtype, bits: literal.bits))
    // Made in the dtype of the stream, so they need a slot before they can have another name.
    case .iota, .bits: return .slot(try slot(instruction.operands[0]))
    case .view(let view, let buffer): return .view(view, buffer: buffer)
    case .slot(let slot): return .slot(slot)
    }
  }

  /// The operand's elements at other indices.
  private mutating func moved(_ instruction: Instruction, _ result: TensorType) throws(BloxError) -> TileSource {
    let operand = region.type(of: instruction.operands[0])
    switch source(instruction.operands[0]) {
    case .constant(let literal):
      if literal.dtype == result.dtype { return .constant(literal) }
      throw unsupported(instruction, "renames the words of a constant key")
    case .view(let view, let buffer):
      if let view = view.moved(by: instruction.op, operand, result) { return .view(view, buffer: buffer) }
      throw unsupported(instruction, "is no strided view of its operand")
    case .iota(let shape, let axis):
      if let axis = movedAxis(axis, shape, by: instruction.op, result.shape) {
        return .iota(shape: result.shape, axis: axis)
      }
    case .bits(let buffer, let firstKey, let lane):
      if instruction.op.isAlias(operand: operand, result: result) {
        return .bits(buffer: buffer, firstKey: firstKey, lane: lane)
      }
    case .slot: break
    }
    let slot = try slot(instruction.operands[0])
    if instruction.op.isAlias(operand: operand, result: result), operand.dtype == result.dtype { return .slot(slot) }
    if slots[slot].ofRows, instruction.op.repeatsRows(operand.shape, rowLength: rowLength) {
      return .slot(append(.repeat, [slot], result.dtype, ofRows: false, cost: 0.03))
    }
    throw unsupported(instruction, "moves a value that the region computes")
  }

  /// Where an iota's axis goes, when the values along it stay in order and whole.
  private func movedAxis(_ axis: Int, _ shape: [Int], by op: Op, _ result: [Int]) -> Int? {
    switch op {
    case .broadcastInDim(_, let dims):
      return shape[axis] == result[dims[axis]] ? dims[axis] : nil
    case .transpose(let permutation): return permutation.firstIndex(of: axis)
    case .slice(let slice):
      return slice.starts[axis] == 0 && slice.strides[axis] == 1 ? axis : nil
    case .reshape:
      let inner = shape[(axis + 1)...].reduce(1, *)
      return result.indices.first { result[$0] == shape[axis] && result[($0 + 1)...].reduce(1, *) == inner }
    case .constant, .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow, .pad,
      .concatenate, .iota, .reduce, .argReduce, .dotGeneral, .random, .call, .axisIndex, .stopGradient, .fusion:
      return nil
    case .custom, .collective, .indexing: return nil
    case .cumulative: return nil
    case .control, .checkpointName: return nil
    case .linearAlgebra, .optimizationBarrier: return nil
    case .convolution: return nil
    case .window: return nil
    case .ordering: return nil
    case .debugPrint: return nil
    }
  }

  private func randomBits(_ instruction: Instruction) throws(BloxError) -> TileSource {
    let keys = region.type(of: instruction.operands[0])
    guard case .view(let view, let buffer) = source(instruction.operands[0]), view.isDense else {
      throw unsupported(instruction, "needs its keys in memory, one after the other")
    }
    let count = region.type(of: instruction.results[0]).elementCount
    return .bits(buffer: buffer, firstKey: view.offset, lane: keys.elementCount == 0 ? 1 : count / keys.elementCount)
  }
}

extension View {
  /// The view after an op that moves elements, or `nil` when no strides express it.
  fileprivate func moved(by op: Op, _ operand: TensorType, _ result: TensorType) -> View? {
    switch op {
    case .broadcastInDim(let shape, let dims): return broadcast(to: shape, dims: dims)
    case .transpose(let permutation): return transposed(permutation)
    case .slice(let slice): return sliced(starts: slice.starts, shape: result.shape, steps: slice.strides)
    case .reshape(let shape): return reshaped(shape)
    case .random(.wrap), .random(.unwrap):
      // Two words to a key: the offset counts in elements.
      guard isDense, op == .random(.unwrap) || offset % 2 == 0 else { return nil }
      var view = View(dense: result.shape)
      view.offset = op == .random(.unwrap) ? offset * 2 : offset / 2
      return view
    case .constant, .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow, .pad,
      .concatenate, .iota, .reduce, .argReduce, .dotGeneral, .random, .call, .axisIndex, .stopGradient, .fusion:
      return nil
    case .custom, .collective, .indexing: return nil
    case .cumulative: return nil
    case .control, .checkpointName: return nil
    case .linearAlgebra, .optimizationBarrier: return nil
    case .convolution: return nil
    case .window: return nil
    case .ordering: return nil
    case .debugPrint: return nil
    }
  }
}
