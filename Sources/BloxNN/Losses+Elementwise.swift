// Losses of single numbers and of vectors, with optax's definitions.

import BloxTrace

/// The cross-entropy of sigmoid(logits) against probabilities, one value per element, without overflow.
public func sigmoidBinaryCrossEntropy(_ logits: Tensor, _ targets: Tensor) throws -> Tensor {
  try -(targets * logSigmoid(logits)) - (1 - targets) * logSigmoid(-logits)
}

/// Half the squared difference, one value per element.
public func l2Loss(_ predictions: Tensor, _ targets: Tensor) throws -> Tensor {
  try 0.5 * square(predictions - targets)
}

/// Half the squared difference up to `delta`, growing linearly beyond; one value per element.
public func huberLoss(_ predictions: Tensor, _ targets: Tensor, delta: Double = 1) throws -> Tensor {
  let size = try abs(predictions - targets)
  let quadratic = try minimum(size, delta)
  return try 0.5 * square(quadratic) + delta * (size - quadratic)
}

/// The cosine of the angle between vectors along the last axis.
///
/// - Parameter epsilon: A lower bound of the norms, so that zero vectors give numbers.
public func cosineSimilarity(_ a: Tensor, _ b: Tensor, epsilon: Double = 0) throws -> Tensor {
  func unit(_ x: Tensor) throws -> Tensor {
    let norm = try sqrt(square(x).sum([-1], keepDimensions: true))
    return try x / (epsilon > 0 ? maximum(norm, epsilon) : norm)
  }
  return try (unit(a) * unit(b)).sum([-1])
}
