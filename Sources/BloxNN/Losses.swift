// Losses of classifiers and distributions, with optax's definitions: one value per example.

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
///   - classes: Integers of shape `[…]`; one out of range has no loss: 0. Other classes may have logits of -inf.
///   - labelSmoothing: The share of each target that is spread over all classes; see ``smoothLabels(_:_:)``.
/// - Returns: `[…]`.
public func softmaxCrossEntropy(
  _ logits: Tensor, classes: Tensor, labelSmoothing: Double = 0
) throws -> Tensor {
  let isRight = try rows(logits, classes, for: "softmaxCrossEntropy")
  guard labelSmoothing == 0 else {
    return try softmaxCrossEntropy(logits, smoothLabels(isRight.cast(to: logits.dtype.inexact), labelSmoothing))
  }
  return try -(select(isRight, logSoftmax(logits), 0).sum([-1]))
}

/// Distributions over the last axis, a share of which is spread over all classes: `(1 - alpha) * p + alpha / classes`.
public func smoothLabels(_ targets: Tensor, _ alpha: Double) throws -> Tensor {
  guard let count = targets.shape.last else {
    throw BloxError(.scalarInput, "smoothLabels: targets must have an axis of classes; got \(targets.type)")
  }
  return try (1 - alpha) * targets + alpha / Double(count)
}

/// The cross-entropy plus `epsilon` times the mean miss `1 - p`, one value per example (Leng et al., 2022).
public func polyCrossEntropy(_ logits: Tensor, _ targets: Tensor, epsilon: Double = 2) throws -> Tensor {
  let miss = try (targets * (1 - softmax(logits))).sum([-1])
  return try softmaxCrossEntropy(logits, targets) + epsilon * miss
}

/// The divergence of predicted distributions from targets over the last axis, one value per example.
///
/// - Parameters:
///   - logPredictions: Logarithms of probabilities.
///   - targets: Probabilities; 0 adds nothing.
public func klDivergence(_ logPredictions: Tensor, _ targets: Tensor) throws -> Tensor {
  let isZero = try targets .== 0
  // The logarithm sees no zero, whose derivative would be infinite.
  let logTargets = try select(isZero, 0, log(select(isZero, 1, targets)))
  return try (targets * (logTargets - logPredictions)).sum([-1])
}

/// The divergence of predicted distributions from targets, both given by logarithms, one value per example.
public func klDivergence(_ logPredictions: Tensor, logTargets: Tensor) throws -> Tensor {
  try (exp(logTargets) * (logTargets - logPredictions)).sum([-1])
}

/// `max(0, 1 - target * prediction)` for targets -1 and 1, one value per element.
public func hingeLoss(_ predictions: Tensor, _ targets: Tensor) throws -> Tensor {
  try maximum(1 - predictions * targets, 0)
}

/// How far the score of the right class is from a lead of 1, one value per example.
///
/// - Parameters:
///   - scores: `[…, classes]`.
///   - classes: Integers of shape `[…]`.
public func multiclassHingeLoss(_ scores: Tensor, classes: Tensor) throws -> Tensor {
  let isRight = try rows(scores, classes, for: "multiclassHingeLoss")
  return try select(isRight, scores, scores + 1.0).max([-1]) - select(isRight, scores, 0).sum([-1])
}

/// Rows that are true at the classes, which must fit the logits.
func rows(_ logits: Tensor, _ classes: Tensor, for operation: String) throws -> Tensor {
  guard let count = logits.shape.last, classes.shape == Array(logits.shape.dropLast()) else {
    throw BloxError(
      .shapeMismatch,
      "\(operation): logits \(logits.type) need classes of shape \(logits.shape.dropLast()); got \(classes.type)")
  }
  return try oneHot(classes, count, dtype: .bool)
}

/// The mean of the squared differences over all elements.
public func meanSquaredError(_ predictions: Tensor, _ targets: Tensor) throws -> Tensor {
  try expectSameShape(predictions, targets, "meanSquaredError")
  return try square(predictions - targets).mean()
}

/// The mean of the absolute differences over all elements.
public func meanAbsoluteError(_ predictions: Tensor, _ targets: Tensor) throws -> Tensor {
  try expectSameShape(predictions, targets, "meanAbsoluteError")
  return try abs(predictions - targets).mean()
}

/// Broadcasting `[n]` against `[n,1]` would silently average n² differences.
private func expectSameShape(_ predictions: Tensor, _ targets: Tensor, _ operation: String) throws {
  guard predictions.shape != targets.shape else { return }
  throw BloxError(
    .shapeMismatch, "\(operation): predictions \(predictions.type) and targets \(targets.type) differ in shape")
}
