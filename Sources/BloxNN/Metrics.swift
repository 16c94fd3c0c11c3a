// Metrics: numbers for people, from predictions and targets.

import BloxTrace

/// The share of examples whose largest logit is at the right class, a scalar `f32`.
///
/// - Parameters:
///   - logits: `[…, classes]`; the first of equal logits counts.
///   - classes: Integers of shape `[…]`.
public func accuracy(_ logits: Tensor, classes: Tensor) throws -> Tensor {
  try (try logits.argmax(-1) .== (try classes.cast(to: .i32))).cast(to: .f32).mean()
}

/// The share of examples whose right class is among the `k` largest logits, a scalar `f32`.
///
/// - Parameters:
///   - logits: `[…, classes]`; of equal logits, those of smaller classes come first. NaN is the largest, as for
///     `argmax`.
///   - classes: Integers of shape `[…]`; a class out of range is never right.
///   - k: How many classes count.
public func topKAccuracy(_ logits: Tensor, classes: Tensor, k: Int) throws -> Tensor {
  guard k > 0 else { throw BloxError(.invalidArgument, "topKAccuracy: k must be at least 1; got \(k)") }
  let isRight = try rows(logits, classes, for: "topKAccuracy")
  // The rank of the right class, without sorting: how many classes come before it.
  let right = try select(isRight, logits, 0).sum([-1], keepDimensions: true)
  let index = try Tensor.iota(logits.shape, axis: -1)
  let isBefore = try index .< (try classes.cast(to: .i32).expandDims(-1))
  let (isNaN, isRightNaN) = (try logits .!= logits, try right .!= right)
  let isLarger = try (logits .> right) .| (isNaN .& (right .== right))
  let isEqual = try (logits .== right) .| (isNaN .& isRightNaN)
  let leads = try isLarger .| (isEqual .& isBefore)
  let rank = try leads.cast(to: .i32).sum([-1])
  return try ((rank .< k) .& isRight.any([-1])).cast(to: .f32).mean()
}

/// The share of examples whose logit has the sign of the target, a scalar `f32`.
///
/// - Parameter targets: 0 and 1, or `bool`, of the shape of the logits.
public func binaryAccuracy(_ logits: Tensor, _ targets: Tensor) throws -> Tensor {
  try ((logits .> 0) .== targets.cast(to: .bool)).cast(to: .f32).mean()
}

/// How often each class was predicted for each right class, `i32[count, count]`: right classes are rows, predictions
/// columns. Classes out of range are left out.
///
/// - Parameters:
///   - predictions: Integers, such as `logits.argmax(-1)`.
///   - classes: Integers of the same shape.
///   - count: The number of classes.
public func confusionMatrix(predictions: Tensor, classes: Tensor, count: Int) throws -> Tensor {
  guard predictions.shape == classes.shape else {
    throw BloxError(
      .shapeMismatch,
      "confusionMatrix: predictions \(predictions.type) and classes \(classes.type) differ in shape")
  }
  // In i32, so that counts beyond the whole numbers of f32 stay exact.
  let columns = try oneHot(predictions.reshape([-1]), count, dtype: .i32)
  return try oneHot(classes.reshape([-1]), count, dtype: .i32).transpose().matmul(columns)
}

/// The share of the predictions of each class that were right, from a ``confusionMatrix(predictions:classes:count:)``;
/// 0 for a class that was never predicted. `f32[count]`.
public func precision(_ confusion: Tensor) throws -> Tensor { try diagonalShare(confusion, along: 0) }

/// The share of the examples of each class that were found, from a ``confusionMatrix(predictions:classes:count:)``; 0
/// for a class without examples. `f32[count]`.
public func recall(_ confusion: Tensor) throws -> Tensor { try diagonalShare(confusion, along: 1) }

/// The harmonic mean of ``precision(_:)`` and ``recall(_:)`` of each class; 0 where both are. `f32[count]`.
public func f1Score(_ confusion: Tensor) throws -> Tensor {
  let (p, r) = (try precision(confusion), try recall(confusion))
  let isZero = try p + r .== 0
  return try select(isZero, 0, 2.0 * p * r / select(isZero, 1, p + r))
}

private func diagonalShare(_ confusion: Tensor, along axis: Int) throws -> Tensor {
  guard confusion.rank == 2, confusion.shape[0] == confusion.shape[1] else {
    throw BloxError(.shapeMismatch, "a confusion matrix is square; got \(confusion.type)")
  }
  let counts = try confusion.cast(to: .f32)
  let right = try (counts * Tensor.eye(confusion.shape[0])).sum([axis])
  return try right / maximum(counts.sum([axis]), 1)
}

/// `exp` of the mean cross-entropy: how many equally likely classes a model is as unsure as. A scalar.
///
/// - Parameter crossEntropies: One value per example, in nats.
public func perplexity(_ crossEntropies: Tensor) throws -> Tensor { try exp(crossEntropies.mean()) }
