// Losses and metrics.

import BloxTrace

/// The cross-entropy of softmax(logits) against a distribution over the last axis, one value per example.
///
/// - Parameters:
///   - logits: `[…, classes]`.
///   - targets: Probabilities of the same shape, such as one-hot rows.
/// - Returns: `[…]`.
public func softmaxCrossEntropy(_ logits: Tensor, _ targets: Tensor) throws -> Tensor {
  try -((try targets * logSoftmax(logits)).sum([-1]))
}

/// The cross-entropy of softmax(logits) against integer classes, one value per example.
///
/// - Parameters:
///   - logits: `[…, classes]`.
///   - classes: Integers of shape `[…]`.
/// - Returns: `[…]`.
public func softmaxCrossEntropy(_ logits: Tensor, classes: Tensor) throws -> Tensor {
  guard let count = logits.shape.last, classes.shape == Array(logits.shape.dropLast()) else {
    throw BloxError(
      .shapeMismatch,
      "softmaxCrossEntropy: logits \(logits.type) need classes of shape \(logits.shape.dropLast());"
        + " got \(classes.type)")
  }
  return try softmaxCrossEntropy(logits, try oneHot(classes, count, dtype: logits.dtype))
}

/// The mean of the squared differences over all elements.
public func meanSquaredError(_ predictions: Tensor, _ targets: Tensor) throws -> Tensor {
  guard predictions.shape == targets.shape else {
    // Broadcasting [n] against [n,1] would silently average n² differences.
    throw BloxError(
      .shapeMismatch, "meanSquaredError: predictions \(predictions.type) and targets \(targets.type) differ in shape")
  }
  return try square(predictions - targets).mean()
}

/// The share of examples whose largest logit is at the right class, a scalar `f32`.
public func accuracy(_ logits: Tensor, classes: Tensor) throws -> Tensor {
  try (try logits.argmax(-1) .== (try classes.cast(to: .i32))).cast(to: .f32).mean()
}
