// Elementwise functions of tensors.

import BloxIR

extension Tensor {
  /// Applies a function defined on floating-point numbers; integers become `f32` first.
  static func inexact(_ op: Op.Unary, _ x: Tensor) throws -> Tensor {
    try apply(.unary(op), try x.cast(to: x.dtype.inexact))
  }
}

/// The absolute value of each element; its derivative at 0 is 1.
public func abs(_ x: Tensor) throws -> Tensor { try Tensor.apply(.unary(.abs), x) }
/// -1, 0 or 1 by the sign of each element; keeps `-0.0` and NaN.
public func sign(_ x: Tensor) throws -> Tensor { try Tensor.apply(.unary(.sign), x) }
/// The largest integer not above each element.
public func floor(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.floor, x) }
/// The smallest integer not below each element.
public func ceil(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.ceil, x) }
/// e to the power of each element.
public func exp(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.exp, x) }
/// The natural logarithm of each element.
public func log(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.log, x) }
/// `log(1 + x)`, accurate near 0.
public func log1p(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.log1p, x) }
/// The square root of each element.
public func sqrt(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.sqrt, x) }
/// One over the square root of each element.
public func rsqrt(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.rsqrt, x) }
/// The hyperbolic tangent of each element.
public func tanh(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.tanh, x) }
/// `1 / (1 + exp(-x))` of each element.
public func sigmoid(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.logistic, x) }
/// The error function of each element.
public func erf(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.erf, x) }
/// The inverse of the error function; its domain is [-1, 1].
public func erfInv(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.erfInv, x) }
/// Where elements are neither infinite nor NaN.
public func isFinite(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.isFinite, x) }

/// Each element multiplied by itself.
public func square(_ x: Tensor) throws -> Tensor { try x * x }
/// The larger of two elements; NaN if either is.
public func maximum(_ a: Tensor, _ b: Tensor) throws -> Tensor { try Tensor.binary(.max, a, b) }
/// The larger of each element and a scalar; NaN stays.
public func maximum(_ a: Tensor, _ b: Double) throws -> Tensor { try Tensor.binary(.max, a, b) }
/// The smaller of two elements; NaN if either is.
public func minimum(_ a: Tensor, _ b: Tensor) throws -> Tensor { try Tensor.binary(.min, a, b) }
/// The smaller of each element and a scalar; NaN stays.
public func minimum(_ a: Tensor, _ b: Double) throws -> Tensor { try Tensor.binary(.min, a, b) }
/// `min(max(x, low), high)` of each element; the derivative at a bound is ½, as `jnp.clip` has it.
public func clip(_ x: Tensor, _ low: Double, _ high: Double) throws -> Tensor {
  try minimum(try maximum(x, low), high)
}
/// Each element of `base` to the power of the corresponding exponent.
public func pow(_ base: Tensor, _ exponent: Tensor) throws -> Tensor { try Tensor.binary(.pow, base, exponent) }
/// Each element to the power of a scalar.
public func pow(_ base: Tensor, _ exponent: Double) throws -> Tensor { try Tensor.binary(.pow, base, exponent) }
/// A scalar to the power of each element.
public func pow(_ base: Double, _ exponent: Tensor) throws -> Tensor { try Tensor.binary(.pow, base, exponent) }
/// Each element to a static integer power, by repeated multiplication.
public func pow(_ base: Tensor, _ exponent: Int) throws -> Tensor {
  exponent == 2 ? try base * base : try Tensor.apply(.integerPow(exponent), base)
}

/// `onTrue` where the predicate holds, `onFalse` elsewhere; all broadcast together.
///
/// - Throws: ``BloxError/Code/dtypeMismatch`` when the predicate is not `bool`.
public func select(_ predicate: Tensor, _ onTrue: Tensor, _ onFalse: Tensor) throws -> Tensor {
  let (a, b) = try Tensor.aligned(onTrue, onFalse, for: "select")
  guard let shape = Tensor.broadcastShape(predicate.shape, a.shape) else {
    throw BloxError(
      .shapeMismatch, "select: the shapes of \(predicate.type) and \(a.type) do not broadcast")
  }
  return try Tensor.apply(
    .select, try predicate.broadcast(to: shape), try a.broadcast(to: shape), try b.broadcast(to: shape))
}

/// `onTrue` where the predicate holds, a scalar elsewhere.
public func select(_ predicate: Tensor, _ onTrue: Tensor, _ onFalse: Double) throws -> Tensor {
  try select(predicate, onTrue, Tensor.full([], onFalse, dtype: onTrue.dtype.withFloatScalar))
}

/// A scalar where the predicate holds, `onFalse` elsewhere.
public func select(_ predicate: Tensor, _ onTrue: Double, _ onFalse: Tensor) throws -> Tensor {
  try select(predicate, Tensor.full([], onTrue, dtype: onFalse.dtype.withFloatScalar), onFalse)
}
