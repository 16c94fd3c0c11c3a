// Truth values with a probability, and the precision with which rare ones are drawn.

import BloxIR

/// How precisely rare values are drawn.
public enum SamplingMode: Sendable {
  /// From the bits of one word: nothing rarer than one in 2^23 (`f32`) is ever drawn.
  case low
  /// From two words, so that rare values come as often as they should.
  case high
}

extension Key {
  /// `true` with a probability.
  ///
  /// - Parameter mode: Whether probabilities below 2^-23 are exact.
  public func bernoulli(
    _ probability: Double = 0.5, _ shape: [Int] = [], mode: SamplingMode = .low, file: String = #fileID,
    line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      switch mode {
      case .low: return try uniform(shape) .< probability
      case .high:
        let (coarse, fine) = try fractions(shape, .f32)
        return try fine * DType.f32.floatingLimits().epsilon .< (probability - coarse)
      }
    }
  }

  /// `true` with the probability of each element of a tensor.
  ///
  /// - Parameters:
  ///   - probability: Probabilities; integers and truth values count as `f32`.
  ///   - shape: The shape of the result, to which the probabilities broadcast; theirs when `nil`.
  ///   - mode: Whether probabilities below the dtype's spacing at 1 are exact.
  /// - Throws: ``BloxError/Code/shapeMismatch`` when the probabilities do not broadcast to the shape.
  public func bernoulli(
    _ probability: Tensor, _ shape: [Int]? = nil, mode: SamplingMode = .low, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let drawn = try Tensor.drawnShape(shape, "bernoulli", [("probability", probability)])
      let p = try probability.cast(to: probability.dtype.inexact).broadcast(to: drawn)
      switch mode {
      case .low: return try uniform(drawn, dtype: p.dtype) .< p
      case .high:
        let (coarse, fine) = try fractions(drawn, p.dtype)
        return try fine * p.dtype.floatingLimits().epsilon .< (p - coarse)
      }
    }
  }

  /// Two independent tensors uniform in [0, 1): the second is what comes behind the first one's last digit.
  func fractions(_ shape: [Int], _ dtype: DType) throws -> (coarse: Tensor, fine: Tensor) {
    let both = try uniform([2] + shape, dtype: dtype)
    let axis = self.shape.count
    return (try both.at(0, axis: axis), try both.at(1, axis: axis))
  }
}

extension Tensor {
  /// The shape that is drawn for parameters which are tensors: theirs together, or one to which they broadcast.
  static func drawnShape(
    _ shape: [Int]?, _ function: String, _ parameters: [(name: String, tensor: Tensor)]
  ) throws -> [Int] {
    var together: [Int] = []
    for (name, tensor) in parameters {
      guard let next = broadcastShape(together, tensor.shape) else {
        let types = parameters.map { "\($0.name) \($0.tensor.type)" }.joined(separator: " and ")
        throw BloxError(.shapeMismatch, "\(function): the shapes of \(types) do not broadcast")
      }
      guard shape.map({ broadcastShape($0, tensor.shape) == $0 }) ?? true else {
        throw BloxError(
          .shapeMismatch, "\(function): \(name) \(tensor.type) does not broadcast to the shape \(shape ?? [])")
      }
      together = next
    }
    return shape ?? together
  }
}
