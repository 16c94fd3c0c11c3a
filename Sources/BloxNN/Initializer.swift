// Initial values of parameters, equal to JAX's for the same key.

import BloxTrace

/// What creates a parameter's value from a key and a shape.
public struct Initializer: Sendable, CustomStringConvertible {
  /// What the initializer is called.
  public let description: String
  private let needsKey: Bool
  private let make: @Sendable (Key, [Int], DType) throws -> Tensor

  /// Makes an initializer that draws from a key.
  public init(_ description: String, _ make: @escaping @Sendable (Key, [Int], DType) throws -> Tensor) {
    self.description = description
    needsKey = true
    self.make = make
  }

  /// Makes an initializer that needs no key.
  public init(constant description: String, _ make: @escaping @Sendable ([Int], DType) throws -> Tensor) {
    self.description = description
    needsKey = false
    self.make = { _, shape, dtype in try make(shape, dtype) }
  }

  /// A value of a shape.
  ///
  /// - Throws: ``BloxError/Code/missingRng`` when the initializer needs a key and there is none,
  ///   ``BloxError/Code/invalidShape`` for negative sizes or too many elements.
  public func callAsFunction(_ key: Key?, _ shape: [Int], _ dtype: DType = .f32) throws -> Tensor {
    try self(key, shape, dtype, for: nil)
  }

  func callAsFunction(_ key: Key?, _ shape: [Int], _ dtype: DType, for path: ParamPath?) throws -> Tensor {
    guard key != nil || !needsKey else {
      throw BloxError(
        .missingRng,
        "the initializer \(description)\(path.map { " of '\($0)'" } ?? "") needs a random key; give the layer an rng")
    }
    // Initializers multiply sizes, which is safe for the shapes of tensors only.
    try TensorType(dtype, shape).validate(path.map { "parameter '\($0)'" } ?? description)
    return try make(key ?? Key(0), shape, dtype)
  }
}

extension Initializer {
  /// Zeros.
  public static let zeros = Initializer(constant: "zeros") { try Tensor.zeros($0, dtype: $1) }
  /// Ones.
  public static let ones = Initializer(constant: "ones") { try Tensor.ones($0, dtype: $1) }
  /// One value everywhere.
  public static func constant(_ value: Double) -> Initializer {
    Initializer(constant: "constant(\(value))") { try Tensor.full($0, value, dtype: $1) }
  }

  /// Normally distributed values.
  public static func normal(stddev: Double = 0.01) -> Initializer {
    Initializer("normal(stddev: \(stddev))") { try $0.normal($1, dtype: $2) * stddev }
  }

  /// Values uniform in `[0, scale)`.
  public static func uniform(scale: Double = 0.01) -> Initializer {
    Initializer("uniform(scale: \(scale))") { try $0.uniform($1, dtype: $2) * scale }
  }

  /// Normally distributed values between `lower` and `upper` standard deviations.
  public static func truncatedNormal(stddev: Double = 0.01, lower: Double = -2, upper: Double = 2) -> Initializer {
    Initializer("truncatedNormal(stddev: \(stddev))") {
      try $0.truncatedNormal($1, low: lower, high: upper, dtype: $2) * stddev
    }
  }

  /// What the variance is divided by.
  public enum Fan: String, Sendable {
    /// The number of inputs.
    case `in`
    /// The number of outputs.
    case out
    /// The mean of both.
    case average
    /// The geometric mean of both.
    case geometric
  }

  /// The distribution of a variance-scaled initializer.
  public enum Distribution: String, Sendable {
    /// A normal distribution.
    case normal
    /// A normal distribution cut off at two standard deviations, rescaled to the wanted variance.
    case truncatedNormal
    /// A uniform distribution around 0.
    case uniform
  }

  /// Values whose variance is `scale / fan`.
  ///
  /// The fans are the sizes at `inAxis` and `outAxis` times the number of elements per pair of both, not counting
  /// `batchAxes`, along which there are as many values of their own.
  public static func varianceScaling(
    scale: Double, fan: Fan, _ distribution: Distribution, inAxis: Int = -2, outAxis: Int = -1, batchAxes: [Int] = []
  ) -> Initializer {
    Initializer("varianceScaling(scale: \(scale), fan: \(fan), \(distribution))") { key, shape, dtype in
      guard shape.count >= 2 else {
        throw BloxError(
          .invalidShape,
          "varianceScaling: a fan needs at least two dimensions, and the shape \(shape) has \(shape.count)")
      }
      let (inputs, outputs) = try fans(shape, inAxis, outAxis, batchAxes)
      let denominator =
        switch fan {
        case .in: inputs
        case .out: outputs
        case .average: (inputs + outputs) / 2
        case .geometric: (inputs * outputs).squareRoot()
        }
      // Every step in f32, as JAX has it, so that values agree to the last bit.
      let variance = Float(scale / denominator)
      switch distribution {
      case .normal: return try key.normal(shape, dtype: dtype) * Double(variance.squareRoot())
      case .truncatedNormal:
        let stddev = variance.squareRoot() / Float(0.87962566103423978)
        return try key.truncatedNormal(shape, dtype: dtype) * Double(stddev)
      case .uniform:
        return try key.uniform(shape, low: -1, high: 1, dtype: dtype) * Double((3 * variance).squareRoot())
      }
    }
  }

  private static func fans(
    _ shape: [Int], _ inAxis: Int, _ outAxis: Int, _ batchAxes: [Int]
  ) throws -> (Double, Double) {
    for axis in [inAxis, outAxis] + batchAxes where axis < -shape.count || axis >= shape.count {
      throw BloxError(.invalidAxis, "varianceScaling: axis \(axis) is out of range for the shape \(shape)")
    }
    let (a, b) = ((inAxis + shape.count) % shape.count, (outAxis + shape.count) % shape.count)
    let lanes = Set(batchAxes.map { ($0 + shape.count) % shape.count }).sorted().map { Double(shape[$0]) }
    // Divided, not multiplied over the other axes: JAX's embeddings name one axis as both, whose size then cancels.
    let (inputs, outputs) = (Double(shape[a]), Double(shape[b]))
    let receptive = lanes.reduce(shape.reduce(1.0) { $0 * Double($1) } / inputs / outputs, /)
    return (inputs * receptive, outputs * receptive)
  }

  /// LeCun's scaling of a truncated normal distribution: variance 1 / inputs.
  public static let lecunNormal = varianceScaling(scale: 1, fan: .in, .truncatedNormal)
  /// LeCun's scaling of a uniform distribution.
  public static let lecunUniform = varianceScaling(scale: 1, fan: .in, .uniform)
  /// Glorot's scaling of a truncated normal distribution: variance 2 / (inputs + outputs).
  public static let glorotNormal = varianceScaling(scale: 1, fan: .average, .truncatedNormal)
  /// Glorot's scaling of a uniform distribution.
  public static let glorotUniform = varianceScaling(scale: 1, fan: .average, .uniform)
  /// He's scaling of a truncated normal distribution: variance 2 / inputs.
  public static let heNormal = varianceScaling(scale: 2, fan: .in, .truncatedNormal)
  /// He's scaling of a uniform distribution.
  public static let heUniform = varianceScaling(scale: 2, fan: .in, .uniform)
}
