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

/// One minus ``cosineSimilarity(_:_:epsilon:)``.
public func cosineDistance(_ a: Tensor, _ b: Tensor, epsilon: Double = 0) throws -> Tensor {
  try 1 - cosineSimilarity(a, b, epsilon: epsilon)
}

/// The squared difference, one value per element.
public func squaredError(_ predictions: Tensor, _ targets: Tensor) throws -> Tensor {
  try square(predictions - targets)
}

/// The absolute difference, one value per element.
public func absoluteError(_ predictions: Tensor, _ targets: Tensor) throws -> Tensor {
  try abs(predictions - targets)
}

/// The logarithm of the hyperbolic cosine of the difference, quadratic near 0 and linear beyond; one value per element.
public func logCosh(_ predictions: Tensor, _ targets: Tensor) throws -> Tensor {
  let error = try predictions - targets
  return try logAddExp(error, -error) - 0.6931471805599453
}

/// ``sigmoidBinaryCrossEntropy(_:_:)`` times `(1 - p)^gamma` for the probability p of the target, so that easy examples
/// count less (Lin et al., 2017); one value per element.
///
/// - Parameter alpha: The weight of targets 1, where that of targets 0 is `1 - alpha`; equal weights without it.
public func sigmoidFocalLoss(
  _ logits: Tensor, _ targets: Tensor, alpha: Double? = nil, gamma: Double = 2
) throws -> Tensor {
  let terms = try stack([logSigmoid(logits), logSigmoid(-logits)], axis: -1)
  let labels = try targets.cast(to: logits.dtype)
  let logMiss = try logSumExp(terms, weights: stack([1 - labels, labels], axis: -1), [-1])
  let loss = try sigmoidBinaryCrossEntropy(logits, labels) * exp(gamma * logMiss)
  guard let alpha else { return loss }
  return try (alpha * labels + (1 - alpha) * (1 - labels)) * loss
}
