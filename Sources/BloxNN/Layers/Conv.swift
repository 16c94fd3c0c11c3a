// Convolutions and their transposes as layers, channels last.

import BloxIR
import BloxTrace

/// A convolution along one, two or three dimensions (or more): as many as the kernel size has.
///
/// Parameters: `kernel [size…, in / groups, out]`, created first, and `bias [out]`; each draws one key.
///
/// ```swift
/// let conv = try Conv(graph.child("conv"), kernelSize: [3, 3], outputChannels: 64, rng: rng)
/// let (y, params) = try conv(params, x)  // x: [batch, height, width, channels]
/// ```
public final class Conv: Module, Layer {
  /// The window's size along each spatial dimension.
  public let kernelSize: [Int]
  /// The size of the outputs' last axis.
  public let outputChannels: Int
  /// What creates parameters.
  public let rng: Rng?
  /// Elements from one position of the window to the next.
  public let strides: PerDimension
  /// Zeros around the inputs.
  public let padding: Padding
  /// From one element of the inputs to the next, with zeros between them.
  public let inputDilation: PerDimension
  /// From one tap of the window to the next.
  public let kernelDilation: PerDimension
  /// Groups of channels; the number of input channels makes a depthwise convolution.
  public let featureGroupCount: Int
  /// Whether a bias is added.
  public let useBias: Bool
  /// What creates the kernel.
  public let kernelInitializer: Initializer
  /// What creates the bias.
  public let biasInitializer: Initializer
  /// Tags of the kernel.
  public let kernelMetadata: [String: MetadataValue]
  /// Tags of the bias.
  public let biasMetadata: [String: MetadataValue]

  /// Makes a layer; its input channels are taken from the first inputs it meets.
  public init(
    _ graph: Graph, kernelSize: PerDimension, outputChannels: Int, rng: Rng? = nil, strides: PerDimension = 1,
    padding: Padding = .same, inputDilation: PerDimension = 1, kernelDilation: PerDimension = 1,
    featureGroupCount: Int = 1, useBias: Bool = true, kernelInitializer: Initializer = .lecunNormal,
    biasInitializer: Initializer = .zeros, kernelMetadata: [String: MetadataValue] = [:],
    biasMetadata: [String: MetadataValue] = [:]
  ) throws {
    self.kernelSize = kernelSize.numbers
    self.outputChannels = outputChannels
    self.rng = rng
    self.strides = strides
    self.padding = padding
    self.inputDilation = inputDilation
    self.kernelDilation = kernelDilation
    self.featureGroupCount = featureGroupCount
    self.useBias = useBias
    self.kernelInitializer = kernelInitializer
    self.biasInitializer = biasInitializer
    self.kernelMetadata = kernelMetadata
    self.biasMetadata = biasMetadata
    try super.init(graph)
    try checkSettings("Conv '\(path)'", outputChannels: outputChannels, groups: featureGroupCount)
  }

  /// Maps `[…, spatial…, in]` to `[…, positions…, out]`; there may be any number of batch dimensions, none too.
  ///
  /// - Throws: ``BloxError/Code/shapeMismatch`` when dimensions are missing, or channels do not fit groups or kernel.
  public func callAsFunction(_ params: Params, _ inputs: Tensor) throws -> (Tensor, Params) {
    try scoped {
      let images = try SpatialInputs(
        inputs, rank: kernelSize.count, groups: featureGroupCount, layer: "Conv '\(path)'", kind: "conv")
      var params = params
      let kernel: Tensor
      (kernel, params) = try getParam(
        params, "kernel", shape: kernelSize + [images.channels / featureGroupCount, outputChannels],
        initializer: kernelInitializer, metadata: kernelMetadata, rng: rng)
      var outputs = try conv(
        images.flat, kernel, strides: strides, padding: padding, inputDilation: inputDilation,
        kernelDilation: kernelDilation, featureGroups: featureGroupCount)
      if useBias {
        let bias: Tensor
        (bias, params) = try getParam(
          params, "bias", shape: [outputChannels], initializer: biasInitializer, metadata: biasMetadata, rng: rng)
        outputs = try outputs + bias
      }
      return (try images.restored(outputs), params)
    }
  }
}

/// A transposed convolution, which enlarges its inputs by the strides.
///
/// Parameters: `kernel [size…, out, in / groups]`, created first, and `bias [out]`; each draws one key. The kernel is not
/// turned round.
///
/// ```swift
/// let up = try ConvTranspose(graph.child("up"), kernelSize: [3, 3], outputChannels: 3, rng: rng, strides: 2)
/// let (y, params) = try up(params, x)  // [batch, 2 * height, 2 * width, 3]
/// ```
public final class ConvTranspose: Module, Layer {
  /// The window's size along each spatial dimension.
  public let kernelSize: [Int]
  /// The size of the outputs' last axis.
  public let outputChannels: Int
  /// What creates parameters.
  public let rng: Rng?
  /// By how much the inputs are enlarged.
  public let strides: PerDimension
  /// A rule for the size of the outputs, or the zeros around the enlarged inputs.
  public let padding: Padding
  /// From one tap of the window to the next.
  public let kernelDilation: PerDimension
  /// Groups of channels.
  public let featureGroupCount: Int
  /// Whether a bias is added.
  public let useBias: Bool
  /// What creates the kernel.
  public let kernelInitializer: Initializer
  /// What creates the bias.
  public let biasInitializer: Initializer
  /// Tags of the kernel.
  public let kernelMetadata: [String: MetadataValue]
  /// Tags of the bias.
  public let biasMetadata: [String: MetadataValue]

  /// Makes a layer; its input channels are taken from the first inputs it meets.
  public init(
    _ graph: Graph, kernelSize: PerDimension, outputChannels: Int, rng: Rng? = nil, strides: PerDimension = 1,
    padding: Padding = .same, kernelDilation: PerDimension = 1, featureGroupCount: Int = 1, useBias: Bool = true,
    kernelInitializer: Initializer = .lecunNormal, biasInitializer: Initializer = .zeros,
    kernelMetadata: [String: MetadataValue] = [:], biasMetadata: [String: MetadataValue] = [:]
  ) throws {
    self.kernelSize = kernelSize.numbers
    self.outputChannels = outputChannels
    self.rng = rng
    self.strides = strides
    self.padding = padding
    self.kernelDilation = kernelDilation
    self.featureGroupCount = featureGroupCount
    self.useBias = useBias
    self.kernelInitializer = kernelInitializer
    self.biasInitializer = biasInitializer
    self.kernelMetadata = kernelMetadata
    self.biasMetadata = biasMetadata
    try super.init(graph)
    try checkSettings("ConvTranspose '\(path)'", outputChannels: outputChannels, groups: featureGroupCount)
  }

  /// Maps `[…, spatial…, in]` to `[…, positions…, out]`; there may be any number of batch dimensions, none too.
  ///
  /// - Throws: ``BloxError/Code/shapeMismatch`` when dimensions are missing, or channels do not fit groups or kernel.
  public func callAsFunction(_ params: Params, _ inputs: Tensor) throws -> (Tensor, Params) {
    try scoped {
      let images = try SpatialInputs(
        inputs, rank: kernelSize.count, groups: featureGroupCount, layer: "ConvTranspose '\(path)'",
        kind: "conv_transpose")
      var params = params
      let kernel: Tensor
      (kernel, params) = try getParam(
        params, "kernel", shape: kernelSize + [outputChannels, images.channels / featureGroupCount],
        initializer: kernelInitializer, metadata: kernelMetadata, rng: rng)
      var outputs = try convTranspose(
        images.flat, kernel, strides: strides, padding: padding, kernelDilation: kernelDilation,
        layout: .channelsLastOutputFirst(spatialDimensions: kernelSize.count), featureGroups: featureGroupCount)
      if useBias {
        let bias: Tensor
        (bias, params) = try getParam(
          params, "bias", shape: [outputChannels], initializer: biasInitializer, metadata: biasMetadata, rng: rng)
        outputs = try outputs + bias
      }
      return (try images.restored(outputs), params)
    }
  }
}

private func checkSettings(_ layer: String, outputChannels: Int, groups: Int) throws(BloxError) {
  guard outputChannels >= 0 else {
    throw BloxError(.invalidShape, "\(layer): the number of output channels \(outputChannels) is negative")
  }
  guard groups >= 1, outputChannels % groups == 0 else {
    throw BloxError(
      .invalidArgument,
      "\(layer): outputChannels (\(outputChannels)) must be divisible by featureGroupCount (\(groups)), which must be at"
        + " least 1")
  }
}

/// Inputs with any number of batch dimensions as images of one batch.
private struct SpatialInputs {
  /// `[batch, spatial…, channels]`.
  let flat: Tensor
  let channels: Int
  private let batch: [Int]

  init(_ inputs: Tensor, rank: Int, groups: Int, layer: String, kind: String) throws {
    guard inputs.rank >= rank + 1 else {
      throw BloxError(
        .shapeMismatch,
        "\(layer): Expected input rank >= \(rank + 1) for \(rank)D \(kind) (at least \(rank) spatial dims + 1 channel"
          + " dim), got \(inputs.rank).")
    }
    channels = inputs.shape[inputs.rank - 1]
    guard channels % groups == 0 else {
      throw BloxError(
        .shapeMismatch,
        "\(layer): input_channels (\(channels)) must be divisible by feature_group_count (\(groups)).")
    }
    batch = Array(inputs.shape.dropLast(rank + 1))
    flat = try inputs.reshape([batch.reduce(1, *)] + inputs.shape.suffix(rank + 1))
  }

  func restored(_ outputs: Tensor) throws -> Tensor { try outputs.reshape(batch + outputs.shape.dropFirst()) }
}

extension ConvolutionLayout {
  /// Channels last, with a kernel `[spatial…, output features, input features]`.
  fileprivate static func channelsLastOutputFirst(spatialDimensions count: Int) -> ConvolutionLayout {
    let dense = Op.Convolution.Layout(batch: 0, feature: count + 1, spatial: Array(1..<(count + 1)))
    return ConvolutionLayout(
      input: dense,
      kernel: Op.Convolution.Layout(batch: count, feature: count + 1, spatial: Array(0..<count)), output: dense)
  }
}
