// Batching rules of the shape ops: dimension 0 passes through, all dimension numbers move up by one.

import BloxIR

extension Batcher {
  mutating func batchBroadcast(
    _ x: BatchedOperand, shape: [Int], dims: [Int]
  ) throws(BloxError) -> Operand {
    try builder.emitOne(.broadcastInDim(shape: [size] + shape, dims: [0] + dims.belowLanes), [x.operand])
  }

  mutating func batchTranspose(_ x: BatchedOperand, _ permutation: [Int]) throws(BloxError) -> Operand {
    try builder.emitOne(.transpose([0] + permutation.belowLanes), [x.operand])
  }

  mutating func batchSlice(_ x: BatchedOperand, _ slice: Op.Slice) throws(BloxError) -> Operand {
    let all = Op.Slice(
      starts: [0] + slice.starts, limits: [size] + slice.limits, strides: [1] + slice.strides)
    return try builder.emitOne(.slice(all), [x.operand])
  }

  mutating func batchConcatenate(_ operands: [BatchedOperand], axis: Int) throws(BloxError) -> Operand {
    var lanes: [Operand] = []
    for operand in operands { lanes.append(try perLane(operand)) }
    return try builder.emitOne(.concatenate(axis: axis + 1), lanes)
  }

  mutating func batchPad(
    _ x: BatchedOperand, value: BatchedOperand, _ padding: Op.Padding
  ) throws(BloxError) -> Operand {
    if !value.isMapped {
      return try builder.emitOne(.pad(padding.belowLanes), [x.operand, value.operand])
    }
    // Every lane has its own padding value, but the op takes one. Pad with anything, and choose by a mask that says
    // which elements are padding:
    //   pad x, v   ->   select (pad true, false), (pad x, 0), (broadcast v)
    let type = builder.type(of: x.operand)
    let laneType = x.isMapped ? type.with(shape: Array(type.shape.dropFirst())) : type
    let zero = Literal(dtype: type.dtype, bits: 0)
    let padded = try builder.emitOne(
      .pad(x.isMapped ? padding.belowLanes : padding), [x.operand, .splat(zero, shape: [])])
    let content = try perLane(BatchedOperand(operand: padded, isMapped: x.isMapped))

    let filled = try builder.emitOne(
      .broadcastInDim(shape: laneType.shape, dims: []), [.splat(Literal(1, as: .bool), shape: [])])
    let mask = try builder.emitOne(.pad(padding), [filled, .splat(Literal(0, as: .bool), shape: [])])
    let shape = builder.type(of: content).shape
    let values = try builder.emitOne(.broadcastInDim(shape: shape, dims: [0]), [value.operand])
    return try builder.select(try perLane(.shared(mask)), content, values)
  }
}

extension Op.Padding {
  /// The amounts of one lane as amounts of all lanes: none along the lanes.
  var belowLanes: Op.Padding {
    Op.Padding(low: [0] + low, high: [0] + high, interior: [0] + interior)
  }
}
