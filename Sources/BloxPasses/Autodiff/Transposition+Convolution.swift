// Transposes of convolutions, which are convolutions.
//
//   of the input     the cotangent, spread by the strides, meets the kernel turned round with its features exchanged:
//                    where the window took from, this one gives to
//   of the kernel    the input meets the cotangent as its kernel: images are what is summed over, and features of the
//                    input are the batch. Groups of features become groups of images and the other way round
//
// Both follow from the definition in BloxIR/Ops/Convolution.swift; the padding is what makes the sizes come out.

import BloxIR

extension Transposition {
  mutating func transpose(
    _ convolution: Op.Convolution, _ instruction: Instruction, operand index: Int, _ ct: Operand
  ) throws(BloxError) -> Operand {
    let other = instruction.operands[1 - index]
    guard !isLinear(other) else { throw notLinear(instruction) }
    let type = program.type(of: instruction.operands[index])
    // A cotangent in a preferred dtype is multiplied in that dtype, and the product is rounded to the operand's.
    let fixed = try converted(residual(other), to: builder.type(of: ct).dtype)
    let result =
      index == 0
      ? try transposeOfInput(convolution, ct, input: type.shape, kernel: fixed)
      : try transposeOfKernel(convolution, ct, input: fixed, kernel: type.shape)
    return try converted(result, to: type.dtype)
  }

  private mutating func transposeOfInput(
    _ convolution: Op.Convolution, _ ct: Operand, input: [Int], kernel: Operand
  ) throws(BloxError) -> Operand {
    let groups = convolution.featureGroups * convolution.batchGroups
    let taps = builder.type(of: kernel).shape
    let turned = try exchangingFeatures(of: reversing(kernel, convolution.kernel.spatial), convolution.kernel, groups)
    var transposed = convolution
    transposed.preferred = nil
    (transposed.input, transposed.output) = (convolution.output, convolution.input)
    (transposed.kernel.batch, transposed.kernel.feature) = (convolution.kernel.feature, convolution.kernel.batch)
    (transposed.strides, transposed.inputDilation) = (convolution.inputDilation, convolution.strides)
    (transposed.featureGroups, transposed.batchGroups) = (groups, 1)
    let cotangents = builder.type(of: ct).shape
    for dim in convolution.strides.indices {
      let window = Op.Convolution.dilated(taps[convolution.kernel.spatial[dim]], by: convolution.kernelDilation[dim])
      let spread = Op.Convolution.dilated(cotangents[convolution.output.spatial[dim]], by: convolution.strides[dim])
      let size = Op.Convolution.dilated(input[convolution.input.spatial[dim]], by: convolution.inputDilation[dim])
      transposed.low[dim] = window - 1 - convolution.low[dim]
      transposed.high[dim] = size + convolution.low[dim] - spread
    }
    let result = try builder.emitOne(.convolution(transposed), [ct, turned])
    guard convolution.batchGroups > 1 else { return result }
    // The features of one group of images after those of another: [group, feature] goes to [group, image], [feature].
    return try builder.movingGroups(
      result, groups, from: convolution.input.feature, to: convolution.input.batch)
  }

  private mutating func transposeOfKernel(
    _ convolution: Op.Convolution, _ ct: Operand, input: Operand, kernel: [Int]
  ) throws(BloxError) -> Operand {
    var transposed = convolution
    transposed.preferred = nil
    (transposed.input.batch, transposed.input.feature) = (convolution.input.feature, convolution.input.batch)
    transposed.kernel = convolution.output
    (transposed.kernel.batch, transposed.kernel.feature) = (convolution.output.feature, convolution.output.batch)
    transposed.output = convolution.kernel
    (transposed.output.batch, transposed.output.feature) = (convolution.kernel.feature, convolution.kernel.batch)
    (transposed.strides, transposed.kernelDilation) = (convolution.kernelDilation, convolution.strides)
    (transposed.featureGroups, transposed.batchGroups) = (convolution.batchGroups, convolution.featureGroups)
    let (inputs, cotangents) = (builder.type(of: input).shape, builder.type(of: ct).shape)
    for dim in convolution.strides.indices {
      let window = Op.Convolution.dilated(kernel[convolution.kernel.spatial[dim]], by: convolution.kernelDilation[dim])
      let spread = Op.Convolution.dilated(cotangents[convolution.output.spatial[dim]], by: convolution.strides[dim])
      let size = Op.Convolution.dilated(inputs[convolution.input.spatial[dim]], by: convolution.inputDilation[dim])
      transposed.high[dim] = window + spread - 1 - size - convolution.low[dim]
    }
    return try builder.emitOne(.convolution(transposed), [input, ct])
  }

  private mutating func reversing(_ kernel: Operand, _ axes: [Int]) throws(BloxError) -> Operand {
    let shape = builder.type(of: kernel).shape
    let turned = axes.filter { shape[$0] > 1 }.sorted()
    return turned.isEmpty ? kernel : try builder.emitOne(.indexing(.reverse(axes: turned)), [kernel])
  }

  /// A kernel of several groups with its features exchanged: its output features `[group, o]` and input features `[c]`
  /// become `[o]` and `[group, c]`.
  private mutating func exchangingFeatures(
    of kernel: Operand, _ layout: Op.Convolution.Layout, _ groups: Int
  ) throws(BloxError) -> Operand {
    groups == 1 ? kernel : try builder.movingGroups(kernel, groups, from: layout.batch, to: layout.feature)
  }
}

extension ProgramBuilder {
  /// Takes the outermost `groups` indices off one dimension and puts them outermost into another.
  mutating func movingGroups(
    _ x: Operand, _ groups: Int, from source: Int, to target: Int
  ) throws(BloxError) -> Operand {
    var shape = type(of: x).shape
    var split = shape
    split[source] /= groups
    split.insert(groups, at: source)
    // Positions after the split: the groups are at `source`, and what was behind them is one further.
    var order = Array(0..<split.count)
    order.remove(at: source)
    order.insert(source, at: target)
    shape[source] /= groups
    shape[target] *= groups
    return try reshape(try transpose(try reshape(x, to: split), order), to: shape)
  }
}
