// Lowering of convolutions to products of patches with kernels.
//
//   input     as it is if its features or its images are innermost, else copied so that features are
//   kernel    a matrix of [tap, input feature] or [input feature, tap] rows and output feature columns, copied if needed
//   output    [image, position] or [position, image] rows and output feature columns, copied to its layout if needed
//
// A spread input is taken apart into phases (ConvolutionPhases.swift). Groups are a batch of products. Where each group
// has one channel, the channels are the lanes of vectors instead.
import BloxIR
import BloxPasses
import CBloxKernels

/// A convolution over a dense input: one phase of one.
private struct DenseConvolution {
  let attributes: Op.Convolution
  let dtype: DType
  let input, kernel: [Int]
  let windows: [DenseWindow]

  var groups: Int { attributes.featureGroups * attributes.batchGroups }
  /// Images of a group, and input features of a group.
  var images: Int { input[attributes.input.batch] / attributes.batchGroups }
  var features: Int { kernel[attributes.kernel.feature] }
  var outputFeatures: Int { kernel[attributes.kernel.batch] }
  var positions: Int { windows.reduce(1) { $0 * $1.positions } }
  var taps: Int { windows.reduce(1) { $0 * $1.taps } }
  var rows: Int { images * positions }
  var columns: Int { features * taps }

  /// Whether products compute it: not where there is nothing to sum, or channels are the lanes of vectors.
  var isProduct: Bool { columns > 0 && !(isChannelwise && blox_channels(kernelISA, dtype.kernel) != nil) }

  /// Whether every group is a single channel of input and output.
  var isChannelwise: Bool {
    groups > 1 && outputFeatures == groups && (attributes.batchGroups > 1 ? images == 1 : features == 1)
  }
}

extension Lowering {
  /// More phases than this are not taken apart: the input is spread instead.
  private static let mostPhases = 1024

  /// - Parameter epilogue: What becomes of the convolution, if not the instruction's result.
  mutating func lowerConvolution(
    _ instruction: Instruction, _ convolution: Op.Convolution, _ epilogue: Epilogue?
  ) throws(BloxError) {
    let result = program.type(of: instruction.results[0])
    guard result.elementCount > 0 else { return }
    let dtype = try productDType(instruction)
    var slots = try productOperands(instruction, dtype)
    var input = type(instruction.operands[0]).with(dtype: dtype)
    let kernel = type(instruction.operands[1]).with(dtype: dtype)
    var attributes = convolution
    var phases = phases(attributes, input: input.shape, kernel: kernel.shape, output: result.shape)
    if phases.reduce(1, { $0 * $1.count }) > Lowering.mostPhases {
      (slots[0], input) = spread(slots[0], input, attributes)
      attributes.inputDilation = attributes.strides.map { _ in 1 }
      phases = self.phases(attributes, input: input.shape, kernel: kernel.shape, output: result.shape)
    }
    let choices = combinations(phases)
    let parts = choices.map { choice in
      DenseConvolution(
        attributes: attributes, dtype: dtype, input: input.shape,
        kernel: kernelShape(kernel.shape, attributes, choice), windows: choice.map(\.window))
    }
    if let epilogue, parts.count == 1, parts[0].isProduct, convolution.givesRows(input: input.shape, result.shape) {
      let kernelView = kernelView(kernel.shape, parts[0], choices[0])
      return try lower(parts[0], input: slots[0], kernel: (slots[1], kernelView), epilogue)
    }
    let target =
      epilogue == nil ? productTarget(instruction, dtype) : scratchSlot(byteCount: result.with(dtype: dtype).byteCount)
    for (dense, choice) in zip(parts, choices) {
      try lower(
        dense, input: slots[0], kernel: (slots[1], kernelView(kernel.shape, dense, choice)),
        output: (target, outputView(result.shape, attributes, choice)))
    }
    if let epilogue {
      try lowerEpilogue(epilogue, product: target)
    } else {
      try roundProduct(instruction, dtype, target)
    }
  }

  // MARK: Phases

  private func phases(
    _ convolution: Op.Convolution, input: [Int], kernel: [Int], output: [Int]
  ) -> [[ConvolutionPhase]] {
    convolution.strides.indices.map { dim in
      let window = DenseWindow(
        size: input[convolution.input.spatial[dim]], low: convolution.low[dim],
        positions: output[convolution.output.spatial[dim]], step: convolution.strides[dim],
        taps: kernel[convolution.kernel.spatial[dim]], dilation: convolution.kernelDilation[dim])
      return ConvolutionPhase.phases(window, inputDilation: convolution.inputDilation[dim])
    }
  }

  /// Every way of taking one phase per dimension.
  private func combinations(_ phases: [[ConvolutionPhase]]) -> [[ConvolutionPhase]] {
    phases.reduce([[]]) { choices, next in choices.flatMap { choice in next.map { choice + [$0] } } }
  }

  private func kernelShape(_ shape: [Int], _ convolution: Op.Convolution, _ choice: [ConvolutionPhase]) -> [Int] {
    var shape = shape
    for (dim, phase) in zip(convolution.kernel.spatial, choice) { shape[dim] = phase.window.taps }
    return shape
  }

  private func kernelView(_ shape: [Int], _ dense: DenseConvolution, _ choice: [ConvolutionPhase]) -> View {
    sliced(shape, dense.attributes.kernel.spatial, choice.map { ($0.firstTap, $0.tapStride) }, dense.kernel)
  }

  private func sliced(_ shape: [Int], _ dims: [Int], _ steps: [(first: Int, stride: Int)], _ result: [Int]) -> View {
    var (starts, strides) = (shape.map { _ in 0 }, shape.map { _ in 1 })
    for (dim, step) in zip(dims, steps) { (starts[dim], strides[dim]) = (step.first, step.stride) }
    return View(dense: shape).sliced(starts: starts, shape: result, steps: strides)
  }

  private func outputView(_ shape: [Int], _ convolution: Op.Convolution, _ choice: [ConvolutionPhase]) -> View {
    var part = shape
    for (dim, phase) in zip(convolution.output.spatial, choice) { part[dim] = phase.window.positions }
    return sliced(shape, convolution.output.spatial, choice.map { ($0.firstPosition, $0.positionStride) }, part)
  }

  /// The input with its zeros between elements, in scratch.
  private mutating func spread(
    _ slot: Int32, _ type: TensorType, _ convolution: Op.Convolution
  ) -> (slot: Int32, type: TensorType) {
    var (shape, steps) = (type.shape, type.shape.map { _ in 1 })
    for (dim, dilation) in zip(convolution.input.spatial, convolution.inputDilation) {
      shape[dim] = Op.Convolution.dilated(shape[dim], by: dilation)
      steps[dim] = dilation
    }
    let target = scratchSlot(byteCount: type.with(shape: shape).byteCount)
    fill(target, Literal(0, as: type.dtype), count: shape.reduce(1, *))
    let (from, to) = (denseStrides(type.shape), denseStrides(shape))
    copy(
      from: slot, offset: 0, to: target, offset: 0, width: type.dtype.byteCount,
      shape.indices.map { StridedDimension(size: type.shape[$0], strides: [to[$0] * steps[$0], from[$0]]) })
    return (target, type.with(shape: shape))
  }

  // MARK: Layouts

  /// A convolution with what follows it; its output are the rows of a matrix.
  private mutating func lower(
    _ convolution: DenseConvolution, input: Int32, kernel: (slot: Int32, view: View), _ epilogue: Epilogue
  ) throws(BloxError) {
    let (place, patches) = patches(convolution, input)
    let matrix = kernelMatrix(convolution, kernel, patches)
    try append(product(convolution, patches, input: place, kernel: matrix), epilogue)
  }

  private mutating func lower(
    _ convolution: DenseConvolution, input: Int32, kernel: (slot: Int32, view: View), output: (slot: Int32, view: View)
  ) throws(BloxError) {
    let (place, patches) = patches(convolution, input)
    let rowView = output.view.transposed(convolution.attributes.outputOrder(featuresInner: patches.features_inner))
    guard rowView.elementCount > 0 else { return }
    let count = rowView.elementCount
    let isInPlace = rowView.isDense && rowView.offset == 0
    let width = convolution.dtype.byteCount
    let target = isInPlace ? output.slot : scratchSlot(byteCount: count * width)
    if convolution.columns == 0 {
      fill(target, Literal(0, as: convolution.dtype), count: count)
    } else {
      let matrix = kernelMatrix(convolution, kernel, patches)
      if convolution.isChannelwise, let function = blox_channels(kernelISA, convolution.dtype.kernel) {
        appendChannels(convolution, function, patches, input: place, kernel: matrix, target: target)
      } else {
        try append(product(convolution, patches, input: place, kernel: matrix), to: target)
      }
    }
    if !isInPlace {
      let from = denseStrides(rowView.shape)
      copy(
        from: target, offset: 0, to: output.slot, offset: rowView.offset, width: width,
        rowView.shape.indices.map {
          StridedDimension(size: rowView.shape[$0], strides: [rowView.strides[$0], from[$0]])
        })
    }
  }

  /// The kernel as a matrix.
  private mutating func kernelMatrix(
    _ convolution: DenseConvolution, _ kernel: (slot: Int32, view: View), _ patches: blox_patches
  ) -> Int32 {
    let layout = convolution.attributes.kernel
    let order =
      patches.features_inner && !convolution.isChannelwise
      ? layout.spatial + [layout.feature, layout.batch] : [layout.feature] + layout.spatial + [layout.batch]
    return dense(kernel.slot, kernel.view.transposed(order), convolution.dtype)
  }

  /// A view's elements one after the other: where they are, if they lie so, or a copy.
  private mutating func dense(_ slot: Int32, _ view: View, _ dtype: DType) -> Int32 {
    if view.isDense && view.offset == 0 { return slot }
    let type = TensorType(dtype, view.shape)
    let copied = scratchSlot(byteCount: type.byteCount)
    copy(slot, view, to: copied, type)
    return copied
  }

  /// The input with features or images innermost, and the patches of its first group.
  private mutating func patches(_ convolution: DenseConvolution, _ input: Int32) -> (slot: Int32, blox_patches) {
    let layout = convolution.attributes.input
    var strides = denseStrides(convolution.input)
    let (images, features) = (convolution.input[layout.batch], convolution.input[layout.feature])
    var slot = input
    var featuresInner = convolution.attributes.hasFeaturesInner(input: convolution.input)
    if convolution.isChannelwise { featuresInner = convolution.attributes.batchGroups == 1 }
    let (inner, size) = featuresInner ? (layout.feature, features) : (layout.batch, images)
    if size > 1 && strides[inner] != 1 {
      let outer = featuresInner ? layout.batch : layout.feature
      let order = [outer] + layout.spatial + [inner]
      let view = View(dense: convolution.input).transposed(order)
      let copied = scratchSlot(byteCount: TensorType(convolution.dtype, view.shape).byteCount)
      copy(input, view, to: copied, TensorType(convolution.dtype, view.shape))
      slot = copied
      for (dim, stride) in zip(order, denseStrides(view.shape)) { strides[dim] = stride }
    }
    var dims = convolution.windows.enumerated().map { dim, window in
      blox_patch_dimension(
        positions: Int64(window.positions), taps: Int64(window.taps), step: Int64(window.step),
        dilation: Int64(window.dilation), low: Int64(window.low), size: Int64(window.size),
        stride: Int64(strides[layout.spatial[dim]]))
    }
    if dims.isEmpty {
      dims = [blox_patch_dimension(positions: 1, taps: 1, step: 1, dilation: 1, low: 0, size: 1, stride: 1)]
    }
    let patches = blox_patches(
      images: Int64(convolution.images), image_stride: Int64(featuresInner ? strides[layout.batch] : 1),
      features: Int64(convolution.features), feature_stride: Int64(featuresInner ? 1 : strides[layout.feature]),
      rank: Int64(dims.count), dims: memory.keep(dims), positions: Int64(convolution.positions),
      taps: Int64(convolution.taps), features_inner: featuresInner)
    return (slot, patches)
  }

  // MARK: Steps

  private mutating func appendChannels(
    _ convolution: DenseConvolution, _ function: @escaping blox_channels_fn, _ patches: blox_patches, input: Int32,
    kernel: Int32, target: Int32
  ) {
    // A part takes some tens of microseconds.
    let rowWork = max(1, convolution.columns * convolution.outputFeatures)
    append(
      .channels(
        memory.keep(
          ChannelStep(
            function: function, patches: memory.keep(patches), input: input, kernel: kernel, target: target,
            channels: convolution.outputFeatures, rows: convolution.rows,
            rowsPerPart: max(1, (1 << 18) / rowWork, (convolution.rows + 255) / 256)))))
  }

  /// A product for each group, of its patches and its part of the kernel.
  private mutating func product(
    _ convolution: DenseConvolution, _ patches: blox_patches, input: Int32, kernel: Int32
  ) -> BatchedProduct {
    let groups = convolution.groups
    var shape = blox_gemm_args()
    shape.m = Int64(convolution.rows)
    shape.n = Int64(convolution.outputFeatures / groups)
    shape.k = Int64(convolution.columns)
    (shape.b_row, shape.b_column) = (Int64(convolution.outputFeatures), 1)
    shape.c_row = Int64(convolution.outputFeatures)
    shape.patches = memory.keep(patches)
    // The next group has the next features of the input, or the next images.
    let step =
      convolution.attributes.batchGroups > 1
      ? patches.images * patches.image_stride : patches.features * patches.feature_stride
    return BatchedProduct(
      dtype: convolution.dtype, path: BLOX_GEMM_PACKED, shape: shape, lhs: .buffer(input), rhs: .buffer(kernel),
      batch: [StridedDimension(size: groups, strides: [Int(step), Int(shape.n)])], targetStride: Int(shape.n))
  }
}
