// Functions of neural networks, in their numerically stable forms and with JAX's derivatives.

import BloxIR

/// `max(x, 0)` with a derivative of 0 at 0; NaN stays.
public func relu(_ x: Tensor) throws -> Tensor { try select(try x .<= 0, 0, x) }

/// `x * sigmoid(x)`.
public func silu(_ x: Tensor) throws -> Tensor { try x * sigmoid(x) }

/// The Gaussian error linear unit: by the tanh approximation (JAX's default), or exactly through erf.
public func gelu(_ x: Tensor, approximate: Bool = true) throws -> Tensor {
  if approximate {
    let inner = try 0.7978845608028654 * (x + 0.044715 * pow(x, 3))
    return try x * (0.5 * (1 + tanh(inner)))
  }
  return try 0.5 * x * (1 + erf(x * 0.7071067811865476))
}

/// `log(1 + exp(x))` without overflow.
public func softplus(_ x: Tensor) throws -> Tensor {
  // max(x, 0) + log1p(exp(-|x|)), with both terms choosing the same side at 0 so that all derivatives there are right.
  let isPositive = try x .> 0
  return try select(isPositive, x, 0) + log1p(exp(select(isPositive, -x, x)))
}

/// The softmax along an axis: positive, summing to 1.
public func softmax(_ x: Tensor, axis: Int = -1, file: String = #fileID, line: Int = #line) throws -> Tensor {
  try located(file, line) {
    guard x.dtype.isFloating else { return try exponentialShares(x, axis: axis) }
    return try softmaxRule(axis: axis)(x)
  }
}

/// Softmax with its derivative in terms of its result, as JAX has it: nothing else must be kept for it.
private func softmaxRule(axis: Int) -> TensorFunction<Tensor, Tensor> {
  customJVP(name: "softmax") { (x: Tensor) in
    try exponentialShares(x, axis: axis)
  } jvp: { (x: Tensor, dx: Tensor) in
    let y = try exponentialShares(x, axis: axis)
    return (y, try y * (dx - (y * dx).sum([axis], keepDimensions: true)))
  }
}

private func exponentialShares(_ x: Tensor, axis: Int) throws -> Tensor {
  let shifted = try exp(x - stopGradient(x.max([axis], keepDimensions: true)))
  return try shifted / shifted.sum([axis], keepDimensions: true)
}

/// The logarithm of ``softmax(_:axis:)``, computed without its overflow or cancellation.
public func logSoftmax(_ x: Tensor, axis: Int = -1, file: String = #fileID, line: Int = #line) throws -> Tensor {
  try located(file, line) {
    let shifted = try x - stopGradient(x.max([axis], keepDimensions: true))
    return try shifted - log(exp(shifted).sum([axis], keepDimensions: true))
  }
}

/// `log(sum(exp(x)))` over axes (all by default), without overflow; -inf where all elements are.
///
/// - Parameter factors: What each `exp(x)` is multiplied with; broadcasts.
public func logSumExp(
  _ x: Tensor, _ axes: [Int]? = nil, factors: Tensor? = nil, keepDimensions: Bool = false, file: String = #fileID,
  line: Int = #line
) throws -> Tensor {
  try located(file, line) {
    let top = try x.max(axes, keepDimensions: true)
    // An infinite maximum would make inf - inf; shifting by 0 keeps the result right.
    let shift = try stopGradient(select(isFinite(top), top, 0))
    let terms = try factors.map { try exp(x - shift) * $0 } ?? exp(x - shift)
    let total = try log(terms.sum(axes, keepDimensions: true)) + shift
    guard !keepDimensions else { return total }
    return try total.squeeze(try Tensor.normalizedAxes(axes, rank: x.rank, for: "logSumExp"))
  }
}

/// Rows with a 1 at the class and 0 elsewhere; a class out of range gives a row of zeros.
///
/// - Parameters:
///   - classes: Integers of any shape.
///   - count: The number of classes, the size of the new last dimension.
public func oneHot(_ classes: Tensor, _ count: Int, dtype: DType = .f32, file: String = #fileID, line: Int = #line)
  throws -> Tensor
{
  try located(file, line) {
    guard classes.dtype.isInteger else {
      throw BloxError(.dtypeMismatch, "oneHot: needs integer classes; got \(classes.type)")
    }
    let shape = classes.shape + [count]
    // Numbers of 8 or 16 bits may be too few to count the classes.
    let wide = try classes.cast(to: classes.dtype.bitWidth < 32 ? .i32 : classes.dtype)
    let index = try Tensor.iota(shape, axis: shape.count - 1, dtype: wide.dtype)
    return try (try wide.expandDims(-1).broadcast(to: shape) .== index).cast(to: dtype)
  }
}
