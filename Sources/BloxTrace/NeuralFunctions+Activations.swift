// Activation functions beside relu, silu, gelu and softplus, with jax.nn's definitions and derivatives.

import BloxIR

/// `-softplus(-x)`, the logarithm of ``sigmoid(_:)`` without underflow.
public func logSigmoid(_ x: Tensor) throws -> Tensor { try -softplus(-x) }

/// `min(max(x, 0), 6)`, with a derivative of 0 at both bounds; NaN stays.
public func relu6(_ x: Tensor) throws -> Tensor { try select(x .<= 0, 0, select(x .>= 6, 6, x)) }

/// `x / (1 + |x|)`.
public func softSign(_ x: Tensor) throws -> Tensor { try x / (abs(x) + 1.0) }

/// `x` for `x >= 0`, `negativeSlope * x` below.
public func leakyReLU(_ x: Tensor, negativeSlope: Double = 0.01) throws -> Tensor {
  try select(x .>= 0, x, x * negativeSlope)
}

/// `x` for `x > 0`, `alpha * (exp(x) - 1)` below.
public func elu(_ x: Tensor, alpha: Double = 1) throws -> Tensor {
  // The exponential sees no positive number, whose overflow would make the derivative NaN.
  let isPositive = try x .> 0
  return try select(isPositive, x, alpha * expm1(select(isPositive, 0, x)))
}

/// `max(x, 0) + alpha * (exp(min(x, 0) / alpha) - 1)`: ``elu(_:alpha:)`` with a continuous derivative.
public func celu(_ x: Tensor, alpha: Double = 1) throws -> Tensor {
  try maximum(x, 0.0) + alpha * expm1(minimum(x, 0.0) / alpha)
}

/// The self-normalizing unit: ``elu(_:alpha:)`` with the constants that keep mean 0 and variance 1.
public func selu(_ x: Tensor) throws -> Tensor {
  try 1.0507009873554804934193349852946 * elu(x, alpha: 1.6732632423543772848170429916717)
}

/// `x` between -1 and 1, the nearer of them elsewhere; the derivative at the bounds is 1.
public func hardTanh(_ x: Tensor) throws -> Tensor { try select(x .> 1, 1, select(x .< -1, -1, x)) }

/// `relu6(x + 3) / 6`.
public func hardSigmoid(_ x: Tensor) throws -> Tensor { try relu6(x + 3.0) / 6.0 }

/// `x * hardSigmoid(x)`, also called hard swish.
public func hardSiLU(_ x: Tensor) throws -> Tensor { try x * hardSigmoid(x) }

/// `x * tanh(softplus(x))`.
public func mish(_ x: Tensor) throws -> Tensor { try x * tanh(softplus(x)) }

/// `(x + sqrt(x² + b)) / 2`.
public func squareplus(_ x: Tensor, b: Double = 4) throws -> Tensor { try 0.5 * (x + sqrt(square(x) + b)) }

/// 0 up to -1, `(x + 1)² / 4` up to 1, `x` beyond.
public func sparsePlus(_ x: Tensor) throws -> Tensor {
  try select(x .<= -1, 0, select(x .>= 1, x, square(x + 1.0) / 4.0))
}

/// The gated linear unit: the first half along an axis times the sigmoid of the second.
///
/// - Throws: ``BloxError/Code/shapeMismatch`` when the axis has an odd size.
public func glu(_ x: Tensor, axis: Int = -1, file: String = #fileID, line: Int = #line) throws -> Tensor {
  try located(file, line) {
    let normalized = try Tensor.normalizedAxis(axis, rank: x.rank, for: "glu")
    let size = x.shape[normalized]
    guard size % 2 == 0 else {
      throw BloxError(.shapeMismatch, "glu: axis \(axis) of \(x.type) has size \(size), which must be even")
    }
    let gate = try sigmoid(x.slice(size / 2..<size, axis: normalized))
    return try x.slice(0..<size / 2, axis: normalized) * gate
  }
}

/// Mean 0 and variance 1 over axes (the last by default): `(x - mean) / sqrt(variance + epsilon)`.
///
/// The variance is the mean square minus the squared mean, as in jax.nn.
public func standardize(
  _ x: Tensor, _ axes: [Int] = [-1], epsilon: Double = 1e-5, file: String = #fileID, line: Int = #line
) throws -> Tensor {
  try located(file, line) {
    let mean = try x.mean(axes, keepDimensions: true)
    let variance = try square(x).mean(axes, keepDimensions: true) - square(mean)
    return try (x - mean) * rsqrt(variance + epsilon)
  }
}

/// The softmax over several axes together, of the elements where a mask holds; 0 elsewhere.
///
/// - Parameter mask: `bool`, of a shape that broadcasts to that of `x`; all elements take part without one.
public func softmax(_ x: Tensor, axes: [Int], mask: Tensor? = nil, file: String = #fileID, line: Int = #line) throws
  -> Tensor
{
  try located(file, line) {
    let (shifted, mask) = try shiftedByMaximum(x, axes, mask, for: "softmax")
    let exponentials = try exp(shifted)
    let kept = try mask.map { try select($0, exponentials, 0) } ?? exponentials
    return try kept / kept.sum(axes, keepDimensions: true)
  }
}

/// The logarithm of ``softmax(_:axes:mask:)``; -inf where the mask does not hold.
public func logSoftmax(_ x: Tensor, axes: [Int], mask: Tensor? = nil, file: String = #fileID, line: Int = #line) throws
  -> Tensor
{
  try located(file, line) {
    let (shifted, mask) = try shiftedByMaximum(x, axes, mask, for: "logSoftmax")
    let exponentials = try exp(shifted)
    let kept = try mask.map { try select($0, exponentials, 0) } ?? exponentials
    let result = try shifted - log(kept.sum(axes, keepDimensions: true))
    return try mask.map { try select($0, result, -Double.infinity) } ?? result
  }
}

/// `x` minus its maximum over axes, and the mask in the shape of `x`. Elements that do not take part become 0 first, so
/// that nothing they hold reaches a derivative.
private func shiftedByMaximum(
  _ x: Tensor, _ axes: [Int], _ mask: Tensor?, for operation: String
) throws -> (Tensor, Tensor?) {
  let number = try x.cast(to: x.dtype.inexact)
  guard let mask else { return (try number - stopGradient(number.max(axes, keepDimensions: true)), nil) }
  guard mask.dtype == .bool else {
    throw BloxError(.dtypeMismatch, "\(operation): needs a bool mask; got \(mask.type)")
  }
  let wide = try mask.broadcast(to: x.shape)
  let top = try select(wide, number, -Double.infinity).max(axes, keepDimensions: true)
  let shift = try stopGradient(select(isFinite(top), top, 0))
  return (try select(wide, number - shift, 0), wide)
}

/// `log(sum(weights * exp(x)))` over axes (all by default), without overflow.
///
/// - Parameter weights: Of a shape that broadcasts with that of `x`; a negative sum gives NaN.
public func logSumExp(
  _ x: Tensor, weights: Tensor, _ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID,
  line: Int = #line
) throws -> Tensor {
  try located(file, line) {
    let (number, factors) = try Tensor.aligned(x.cast(to: x.dtype.inexact), weights, for: "logSumExp")
    let isUsed = try factors .!= 0
    let used = try select(isUsed, number, -Double.infinity)
    let top = try used.max(axes, keepDimensions: true)
    let shift = try stopGradient(select(isFinite(top), top, 0))
    let terms = try factors * select(isUsed, exp(select(isUsed, number, 0) - shift), 0)
    let total = try log(terms.sum(axes, keepDimensions: true)) + shift
    guard !keepDimensions else { return total }
    return try total.squeeze(try Tensor.normalizedAxes(axes, rank: number.rank, for: "logSumExp"))
  }
}
