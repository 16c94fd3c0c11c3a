// Scaling of features.

import BloxTrace

/// Features shifted and scaled to mean 0 and standard deviation 1, by numbers taken from training examples.
///
/// ```swift
/// let scaling = try Standardization(fitting: training)          // f32[n,features]
/// let (x, y) = (try scaling(training), try scaling(test))       // the test set by the training set's numbers
/// ```
public struct Standardization: TensorTree, Sendable {
  /// The mean of each feature.
  public var mean: Tensor
  /// The standard deviation of each feature, 1 where all examples agree.
  public var std: Tensor

  /// Takes mean and standard deviation over the first axis.
  ///
  /// - Throws: ``BloxError/Code/dtypeMismatch`` unless the examples are floating-point numbers, and
  ///   ``BloxError/Code/invalidShape`` without examples.
  public init(fitting examples: Tensor) throws {
    guard examples.dtype.isFloating else {
      throw BloxError(.dtypeMismatch, "Standardization: needs floating-point numbers; got \(examples.type)")
    }
    guard examples.rank > 0, examples.shape[0] > 0 else {
      throw BloxError(.invalidShape, "Standardization: \(examples.type) has no examples to take a mean of")
    }
    mean = try examples.mean([0])
    let deviation = try sqrt(examples.variance([0]))
    std = try select(deviation .== 0, Tensor.ones(like: deviation), deviation)
  }

  /// Visits both tensors.
  public mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&mean, "mean")
    try visitor.visit(&std, "std")
  }

  /// The examples shifted and scaled.
  public func callAsFunction(_ examples: Tensor) throws -> Tensor { try (examples - mean) / std }

  /// The examples as they were before.
  public func inverse(_ scaled: Tensor) throws -> Tensor { try scaled * std + mean }
}
