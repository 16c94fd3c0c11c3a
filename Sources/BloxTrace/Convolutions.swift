// Convolutions of any number of dimensions, and their transposes.

import BloxIR

/// Where images, features and spatial dimensions are in the tensors of a convolution, as letters (JAX's dimension
/// numbers): `N` the images of a batch, `C` the features, `O` and `I` the output and input features of a kernel; every
/// other letter is a spatial dimension, the same in all three.
///
/// ```swift
/// let layout = try ConvolutionLayout(input: "NCHW", kernel: "OIHW", output: "NCHW")
/// ```
public struct ConvolutionLayout: Hashable, Sendable {
  let input, kernel, output: Op.Convolution.Layout

  /// Creates a layout from letters.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` when a letter is missing or there twice, or the spatial letters differ.
  public init(input: String, kernel: String, output: String) throws {
    let spatial = kernel.filter { $0 != "O" && $0 != "I" }
    func layout(_ text: String, _ what: String, _ batch: Character, _ feature: Character) throws
      -> Op.Convolution.Layout
    {
      let letters = Array(text)
      guard letters.count == spatial.count + 2, Set(letters).count == letters.count,
        let first = letters.firstIndex(of: batch), let second = letters.firstIndex(of: feature)
      else {
        throw ConvolutionLayout.error(
          "\(what) '\(text)' needs \(batch), \(feature) and the letters '\(spatial)' once each")
      }
      var places: [Int] = []
      for letter in spatial {
        guard let place = letters.firstIndex(of: letter) else {
          throw ConvolutionLayout.error(
            "\(what) '\(text)' lacks the spatial letter \(letter) of the kernel '\(kernel)'")
        }
        places.append(place)
      }
      return Op.Convolution.Layout(batch: first, feature: second, spatial: places)
    }
    self.input = try layout(input, "the input", "N", "C")
    self.kernel = try layout(kernel, "the kernel", "O", "I")
    self.output = try layout(output, "the output", "N", "C")
  }

  /// `[batch, spatial…, features]` with a kernel `[spatial…, input features, output features]`: `NHWC`, `HWIO`, `NHWC`
  /// in two dimensions.
  public static func channelsLast(spatialDimensions count: Int) -> ConvolutionLayout {
    let count = possible(count)
    let dense = Op.Convolution.Layout(batch: 0, feature: count + 1, spatial: Array(1..<(count + 1)))
    return ConvolutionLayout(
      input: dense,
      kernel: Op.Convolution.Layout(batch: count + 1, feature: count, spatial: Array(0..<count)), output: dense)
  }

  /// `[batch, features, spatial…]` with a kernel `[output features, input features, spatial…]`: `NCHW`, `OIHW`, `NCHW`
  /// in two dimensions.
  public static func channelsFirst(spatialDimensions count: Int) -> ConvolutionLayout {
    let count = possible(count)
    let dense = Op.Convolution.Layout(batch: 0, feature: 1, spatial: Array(2..<(count + 2)))
    return ConvolutionLayout(input: dense, kernel: dense, output: dense)
  }

  /// The nearest number of dimensions that a tensor could have: what meets a layout of another number says so.
  private static func possible(_ count: Int) -> Int { Swift.min(Swift.max(count, 0), 64) }

  package init(input: Op.Convolution.Layout, kernel: Op.Convolution.Layout, output: Op.Convolution.Layout) {
    self.input = input
    self.kernel = kernel
    self.output = output
  }

  private static func error(_ message: String) -> BloxError {
    BloxError(.invalidArgument, "ConvolutionLayout: \(message)")
  }
}

/// The convolution of inputs with a kernel, which is not turned round (`jax.lax.conv_general_dilated`).
///
/// ```swift
/// let images = Tensor.zeros([8, 28, 28, 3])
/// let kernel = Tensor.zeros([3, 3, 3, 16])
/// let y = try conv(images, kernel, strides: 2, padding: .same)  // [8, 14, 14, 16]
/// ```
///
/// - Parameters:
///   - inputs: `[batch, spatial…, features]`, or as `layout` says. Numbers of any dtype; the two tensors are promoted.
///   - kernel: `[spatial…, features / featureGroups, output features]`.
///   - strides: Elements from one position of the window to the next.
///   - padding: Zeros around the inputs.
///   - inputDilation: From one element of the inputs to the next; zeros are between them.
///   - kernelDilation: From one tap of the window to the next.
///   - layout: Channels last by default.
///   - featureGroups: Groups of input features, each of which meets its part of the output features; as many groups as
///     features make a depthwise convolution.
///   - batchGroups: Groups of images, each of which meets its part of the output features.
///   - preferred: The dtype that elements are multiplied and summed in and that the result has.
/// - Returns: `[batch, positions…, output features]`; a dimension of n elements has
///   `floor((n + padding - window) / stride) + 1` positions, where the window and the inputs count their dilation.
/// - Throws: ``BloxError/Code/shapeMismatch``, ``BloxError/Code/invalidArgument``, ``BloxError/Code/dtypeMismatch``.
public func conv(
  _ inputs: Tensor, _ kernel: Tensor, strides: PerDimension = 1, padding: Padding = .valid,
  inputDilation: PerDimension = 1, kernelDilation: PerDimension = 1, layout: ConvolutionLayout? = nil,
  featureGroups: Int = 1, batchGroups: Int = 1, preferred: DType? = nil, file: String = #fileID, line: Int = #line
) throws -> Tensor {
  try located(file, line) {
    let (inputs, kernel, layout) = try operands("conv", inputs, kernel, layout)
    let count = layout.input.spatial.count
    let inputSteps = try inputDilation.values(count, "input dilations", for: "conv")
    let window = try Window(kernel, layout, strides, kernelDilation, "conv")
    if padding.isRule, inputSteps.contains(where: { $0 != 1 }) {
      throw BloxError(
        .invalidArgument,
        "conv: the padding \(padding) is not defined for an input dilation; pass amounts, or use convTranspose")
    }
    let amounts = try padding.amounts(
      sizes: layout.input.spatial.map { inputs.shape[$0] }, window: window.extents, strides: window.strides, for: "conv"
    )
    let convolution = Op.Convolution(
      input: layout.input, kernel: layout.kernel, output: layout.output, strides: window.strides, low: amounts.low,
      high: amounts.high, inputDilation: inputSteps, kernelDilation: window.dilations, featureGroups: featureGroups,
      batchGroups: batchGroups, preferred: preferred == inputs.dtype ? nil : preferred)
    return try Tensor.apply(.convolution(convolution), inputs, kernel)
  }
}

/// The transposed convolution, which enlarges its inputs by the strides (`jax.lax.conv_transpose`): a convolution of the
/// inputs with `stride - 1` zeros between their elements. No time is spent on those.
///
/// With `padding` `.same`, n elements become `n * stride`; with `.valid`, `n * stride + max(window - stride, 0)`.
///
/// ```swift
/// let y = try convTranspose(Tensor.zeros([1, 6, 6, 4]), Tensor.zeros([3, 3, 4, 8]), strides: 2)  // [1, 12, 12, 8]
/// ```
///
/// - Parameters:
///   - inputs: `[batch, spatial…, features]`, or as `layout` says.
///   - kernel: `[spatial…, features / featureGroups, output features]`; with `transposeKernel` the kernel of the
///     convolution whose gradient this is: turned round, with the two features exchanged.
///   - strides: By how much the inputs are enlarged.
///   - padding: A rule for the size of the result, or the zeros around the spread inputs.
///   - kernelDilation: From one tap of the window to the next.
///   - layout: Channels last by default.
///   - transposeKernel: Whether the kernel is that of the forward convolution.
///   - featureGroups: Groups of input features, as in ``conv(_:_:strides:padding:inputDilation:kernelDilation:layout:featureGroups:batchGroups:preferred:file:line:)``.
///   - preferred: The dtype that elements are multiplied and summed in and that the result has.
/// - Throws: As `conv`.
public func convTranspose(
  _ inputs: Tensor, _ kernel: Tensor, strides: PerDimension = 1, padding: Padding = .same,
  kernelDilation: PerDimension = 1, layout: ConvolutionLayout? = nil, transposeKernel: Bool = false,
  featureGroups: Int = 1, preferred: DType? = nil, file: String = #fileID, line: Int = #line
) throws -> Tensor {
  try located(file, line) {
    var (inputs, kernel, layout) = try operands("convTranspose", inputs, kernel, layout)
    let window = try Window(kernel, layout, strides, kernelDilation, "convTranspose")
    let amounts = try padding.transposedAmounts(
      window: window.extents, strides: window.strides, for: "convTranspose")
    if transposeKernel {
      kernel = try kernel.flip(layout.kernel.spatial)
      layout = ConvolutionLayout(
        input: layout.input,
        kernel: Op.Convolution.Layout(
          batch: layout.kernel.feature, feature: layout.kernel.batch, spatial: layout.kernel.spatial),
        output: layout.output)
    }
    let convolution = Op.Convolution(
      input: layout.input, kernel: layout.kernel, output: layout.output, low: amounts.low, high: amounts.high,
      inputDilation: window.strides, kernelDilation: window.dilations, featureGroups: featureGroups,
      preferred: preferred == inputs.dtype ? nil : preferred)
    return try Tensor.apply(.convolution(convolution), inputs, kernel)
  }
}

/// Which part of a one-dimensional convolution is kept, as in `jnp.convolve`.
public enum ConvolutionMode: String, CaseIterable, Sendable {
  /// Every position at which the two overlap: `n + m - 1` elements.
  case full
  /// As many elements as the longer one has, around the middle.
  case same
  /// The positions at which the shorter one lies inside the longer: `max(n, m) - min(n, m) + 1` elements.
  case valid
}

/// The convolution of two vectors, of which the second is turned round (`jnp.convolve`); integers become `f32`.
///
/// - Throws: ``BloxError/Code/shapeMismatch`` unless both are vectors with elements.
public func convolve(
  _ a: Tensor, _ b: Tensor, mode: ConvolutionMode = .full, file: String = #fileID, line: Int = #line
) throws -> Tensor {
  try located(file, line) {
    let (a, b) = try vectors(a, b, "convolve")
    // The shorter one is the kernel: turning round makes the order irrelevant.
    let (long, short) = a.count >= b.count ? (a, b) : (b, a)
    return try slide(long, try short.flip([0]), mode)
  }
}

/// The correlation of two vectors: the second is moved along the first as it is (`jnp.correlate`); integers
/// become `f32`.
///
/// - Throws: ``BloxError/Code/shapeMismatch`` unless both are vectors with elements.
public func correlate(
  _ a: Tensor, _ b: Tensor, mode: ConvolutionMode = .valid, file: String = #fileID, line: Int = #line
) throws -> Tensor {
  try located(file, line) {
    let (a, b) = try vectors(a, b, "correlate")
    if a.count >= b.count { return try slide(a, b, mode) }
    return try slide(b, a, mode).flip([0])
  }
}

/// Both vectors in one floating dtype.
private func vectors(_ a: Tensor, _ b: Tensor, _ operation: String) throws -> (Tensor, Tensor) {
  guard a.rank == 1, b.rank == 1, a.count > 0, b.count > 0 else {
    throw BloxError(.shapeMismatch, "\(operation): needs two vectors with elements; got \(a.type), \(b.type)")
  }
  let promoted = try a.dtype.promoted(with: b.dtype)
  let dtype = promoted.isFloating ? promoted : .f32
  return (try a.cast(to: dtype), try b.cast(to: dtype))
}

/// Products of the kernel with a vector at least as long, position by position.
private func slide(_ vector: Tensor, _ kernel: Tensor, _ mode: ConvolutionMode) throws -> Tensor {
  let taps = kernel.count
  let amounts: (low: Int, high: Int) =
    switch mode {
    case .full: (taps - 1, taps - 1)
    case .valid: (0, 0)
    case .same: (taps / 2, (taps - 1) / 2)
    }
  let result = try conv(
    vector.reshape([1, vector.count, 1]), kernel.reshape([taps, 1, 1]), padding: .explicit([amounts]))
  return try result.reshape([result.count])
}

// MARK: - What both have in common

/// The operands in one dtype, with a layout that fits their rank.
private func operands(
  _ operation: String, _ inputs: Tensor, _ kernel: Tensor, _ layout: ConvolutionLayout?
) throws -> (Tensor, Tensor, ConvolutionLayout) {
  guard inputs.rank >= 2, inputs.rank == kernel.rank else {
    throw BloxError(
      .shapeMismatch,
      "\(operation): needs inputs and a kernel of one rank, at least 2; got \(inputs.type), \(kernel.type)")
  }
  let layout = layout ?? .channelsLast(spatialDimensions: inputs.rank - 2)
  guard layout.input.spatial.count == inputs.rank - 2 else {
    throw BloxError(
      .shapeMismatch,
      "\(operation): the layout has \(layout.input.spatial.count) spatial dimensions, the inputs have"
        + " \(inputs.rank - 2); got \(inputs.type), \(kernel.type)")
  }
  let dtype = try inputs.dtype.promoted(with: kernel.dtype)
  return (try inputs.cast(to: dtype), try kernel.cast(to: dtype), layout)
}

/// The numbers of a window, one for each spatial dimension.
private struct Window {
  let strides, dilations: [Int]
  /// Sizes with dilation.
  let extents: [Int]

  init(
    _ kernel: Tensor, _ layout: ConvolutionLayout, _ strides: PerDimension, _ dilations: PerDimension,
    _ operation: String
  ) throws {
    let count = layout.kernel.spatial.count
    self.strides = try strides.values(count, "strides", for: operation)
    self.dilations = try dilations.values(count, "kernel dilations", for: operation)
    var extents: [Int] = []
    for (place, dilation) in zip(layout.kernel.spatial, self.dilations) {
      guard dilation >= 1, let extent = WindowDimension.extent(kernel.shape[place], dilation: dilation) else {
        throw BloxError(.invalidArgument, "\(operation): the kernel dilation \(dilation) is out of range")
      }
      extents.append(extent)
    }
    self.extents = extents
  }
}
