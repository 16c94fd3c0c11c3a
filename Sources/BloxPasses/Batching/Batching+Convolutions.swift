// Batching rule of convolutions: the lanes join a dimension that is independent anyway.
//
//   mapped    the lanes are              and come out
//   input     more images                among the images
//   kernel    more output features       among the output features of their group
//   both      more groups                outermost among the output features
//
// So a convolution of many lanes stays one convolution.

import BloxIR

extension Batcher {
  mutating func batchConvolution(
    _ convolution: Op.Convolution, _ input: BatchedOperand, _ kernel: BatchedOperand
  ) throws(BloxError) -> Operand {
    if size == 0 { return try noLanes(convolution, input, kernel) }
    var all = convolution
    let result: Operand
    if input.isMapped && kernel.isMapped {
      let inImages = convolution.batchGroups > 1
      if inImages { all.batchGroups *= size } else { all.featureGroups *= size }
      let images = try builder.joiningLanes(
        input.operand, to: inImages ? convolution.input.batch : convolution.input.feature)
      let kernels = try builder.joiningLanes(kernel.operand, to: convolution.kernel.batch)
      result = try builder.emitOne(.convolution(all), [images, kernels])
      return try builder.partingLanes(result, size, from: convolution.output.feature)
    }
    if input.isMapped {
      let images = try builder.joiningLanes(input.operand, to: convolution.input.batch, inside: all.batchGroups)
      result = try builder.emitOne(.convolution(all), [images, kernel.operand])
      return try builder.partingLanes(result, size, from: convolution.output.batch)
    }
    let groups = all.featureGroups * all.batchGroups
    let kernels = try builder.joiningLanes(kernel.operand, to: convolution.kernel.batch, inside: groups)
    result = try builder.emitOne(.convolution(all), [input.operand, kernels])
    return try builder.partingLanes(result, size, from: convolution.output.feature, inside: groups)
  }

  /// The result for no lanes: there cannot be zero groups, and what is joined with no lanes cannot be parted.
  private mutating func noLanes(
    _ convolution: Op.Convolution, _ input: BatchedOperand, _ kernel: BatchedOperand
  ) throws(BloxError) -> Operand {
    let lane = [input, kernel].map { x in
      let type = builder.type(of: x.operand)
      return x.isMapped ? type.with(shape: Array(type.shape.dropFirst())) : type
    }
    let result = try Op.convolution(convolution).resultTypes(for: lane)[0]
    return builder.splat(0, result.with(shape: [0] + result.shape))
  }
}

extension ProgramBuilder {
  /// Moves the lanes from dimension 0 into a dimension (counted without the lanes), inside its `groups` outermost
  /// indices: `[lanes, …, group * rest, …]` becomes `[…, group * lanes * rest, …]`.
  mutating func joiningLanes(_ x: Operand, to dim: Int, inside groups: Int = 1) throws(BloxError) -> Operand {
    let shape = type(of: x).shape
    var joined = Array(shape.dropFirst())
    var split = shape
    split[dim + 1] /= groups
    split.insert(groups, at: dim + 1)
    // The lanes go from the front to just behind the groups.
    let order = Array(1...(dim + 1)) + [0] + Array((dim + 2)..<split.count)
    joined[dim] *= shape[0]
    return try reshape(try transpose(try reshape(x, to: split), order), to: joined)
  }

  /// The reverse of ``joiningLanes(_:to:inside:)``.
  mutating func partingLanes(
    _ x: Operand, _ lanes: Int, from dim: Int, inside groups: Int = 1
  ) throws(BloxError) -> Operand {
    let shape = type(of: x).shape
    var parted = shape
    let rest = shape[dim] / (lanes * groups)
    parted[dim] = groups * rest
    let split = Array(shape[..<dim]) + [groups, lanes, rest] + Array(shape[(dim + 1)...])
    let order = [dim + 1] + (0..<split.count).filter { $0 != dim + 1 }
    return try reshape(try transpose(try reshape(x, to: split), order), to: [lanes] + parted)
  }
}
