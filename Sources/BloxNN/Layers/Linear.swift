// The dense layer.

import BloxTrace

/// `inputs · kernel + bias` over the last axis.
///
/// Parameters: `kernel [in, out]`, created first, and `bias [out]`; each draws one key.
public final class Linear: Module, Layer {
  /// The size of the outputs' last axis.
  public let outputSize: Int
  /// What creates parameters.
  public let rng: Rng?
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

  /// A layer of the same inputs whose outputs are added, such as a ``LoRA``. Functions that were compiled before it is
  /// set do not see it.
  public var adapter: (any Layer)?

  /// Makes a layer; its input size is taken from the first inputs it meets.
  public init(
    _ graph: Graph, outputSize: Int, rng: Rng? = nil, useBias: Bool = true,
    kernelInitializer: Initializer = .lecunNormal, biasInitializer: Initializer = .zeros,
    kernelMetadata: [String: MetadataValue] = [:], biasMetadata: [String: MetadataValue] = [:]
  ) throws {
    self.outputSize = outputSize
    self.rng = rng
    self.useBias = useBias
    self.kernelInitializer = kernelInitializer
    self.biasInitializer = biasInitializer
    self.kernelMetadata = kernelMetadata
    self.biasMetadata = biasMetadata
    try super.init(graph)
    guard outputSize >= 0 else {
      throw BloxError(.invalidShape, "Linear '\(path)': the output size \(outputSize) is negative")
    }
  }

  /// Maps `[…, in]` to `[…, out]`.
  ///
  /// - Throws: ``BloxError/Code/scalarInput``, ``BloxError/Code/shapeMismatch`` when the kernel has another input size.
  public func callAsFunction(_ params: Params, _ inputs: Tensor) throws -> (Tensor, Params) {
    try scoped {
      guard let inputSize = inputs.shape.last else {
        throw BloxError(.scalarInput, "Linear '\(path)': input must not be scalar; got \(inputs.type)")
      }
      var params = params
      let kernel: Tensor
      (kernel, params) = try getParam(
        params, "kernel", shape: [inputSize, outputSize], initializer: kernelInitializer, metadata: kernelMetadata,
        rng: rng)
      guard kernel.rank == 2, kernel.shape[0] == inputSize else {
        throw BloxError(
          .shapeMismatch,
          "Linear '\(path)': the kernel is \(kernel.type), but inputs of type \(inputs.type) need [\(inputSize),\(outputSize)]"
        )
      }
      var outputs = try inputs.matmul(kernel)
      if useBias {
        let bias: Tensor
        (bias, params) = try getParam(
          params, "bias", shape: [outputSize], initializer: biasInitializer, metadata: biasMetadata, rng: rng)
        outputs = try outputs + bias
      }
      guard let adapter else { return (outputs, params) }
      let change: Tensor
      (change, params) = try adapter(params, inputs)
      return (try outputs + change, params)
    }
  }
}
