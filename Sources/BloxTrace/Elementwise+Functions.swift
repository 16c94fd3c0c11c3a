// Powers, logarithms, circular, hyperbolic and gamma functions of tensors.
//
// Integers become `f32` first. Results are within 2 units in the last place in f32 (lgamma and digamma: 4, away from
// their zeros) and 4 in f64; bf16 and f16 compute in f32. Derivatives are JAX's.

import BloxIR

// MARK: - Exponentials, logarithms, roots

/// 2 to the power of each element.
public func exp2(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.exp2, x) }
/// `exp(x) - 1`, accurate near 0.
public func expm1(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.expm1, x) }
/// The logarithm to base 2 of each element.
public func log2(_ x: Tensor) throws -> Tensor { try log(x) / 0.6931471805599453 }
/// The logarithm to base 10 of each element.
public func log10(_ x: Tensor) throws -> Tensor { try log(x) / 2.302585092994046 }
/// The cube root of each element, also of negative ones.
public func cbrt(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.cbrt, x) }
/// One over each element; integers become `f32`.
public func reciprocal(_ x: Tensor) throws -> Tensor { try 1 / x }

/// `log(exp(a) + exp(b))` without overflow.
public func logAddExp(_ a: Tensor, _ b: Tensor) throws -> Tensor {
  let dtype = try a.dtype.promoted(with: b.dtype).inexact
  let (x, y) = try Tensor.aligned(a.cast(to: dtype), b.cast(to: dtype), for: "logAddExp")
  // Both terms choose the same side at ties, so that the derivatives there are ½ and ½.
  let isFirst = try x .>= y
  let (larger, smaller) = (try select(isFirst, x, y), try select(isFirst, y, x))
  let difference = try smaller - larger
  // NaN stands for a NaN operand or two equal infinities, and both give the sum.
  let isNumber = try difference .== difference
  return try select(isNumber, larger + log1p(exp(select(isNumber, difference, 0))), x + y)
}

/// `x * log(y)`, and 0 where `x` is 0 and `y` is a number.
public func xlogy(_ x: Tensor, _ y: Tensor) throws -> Tensor {
  let dtype = try x.dtype.promoted(with: y.dtype).inexact
  let (a, b) = try Tensor.aligned(x.cast(to: dtype), y.cast(to: dtype), for: "xlogy")
  let isZero = try (a .== 0) .& (b .== b)
  return try select(isZero, 0, a * log(select(isZero, 1, b)))
}

// MARK: - Circular functions

/// The sine of each element, in radians.
public func sin(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.sin, x) }
/// The cosine of each element, in radians.
public func cos(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.cos, x) }
/// The tangent of each element, in radians.
public func tan(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.tan, x) }
/// The inverse sine, in [-π/2, π/2]; NaN outside [-1, 1].
public func asin(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.asin, x) }
/// The inverse cosine, in [0, π]; NaN outside [-1, 1].
public func acos(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.acos, x) }
/// The inverse tangent, in [-π/2, π/2].
public func atan(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.atan, x) }

/// The angle of the point (x, y), in [-π, π]; broadcasts, promotes, and integers become `f32`.
public func atan2(_ y: Tensor, _ x: Tensor) throws -> Tensor {
  let dtype = try y.dtype.promoted(with: x.dtype).inexact
  return try Tensor.binary(.atan2, try y.cast(to: dtype), try x.cast(to: dtype))
}

/// The length of the hypotenuse, `sqrt(a² + b²)`, without overflow; infinite where either is.
public func hypot(_ a: Tensor, _ b: Tensor) throws -> Tensor {
  let dtype = try a.dtype.promoted(with: b.dtype).inexact
  let (x, y) = try Tensor.aligned(abs(a.cast(to: dtype)), abs(b.cast(to: dtype)), for: "hypot")
  let (larger, smaller) = (try maximum(x, y), try minimum(x, y))
  let isZero = try larger .== 0
  let ratio = try smaller / select(isZero, 1, larger)
  let length = try select(isZero, larger, larger * sqrt(1 + square(ratio)))
  return try select((x .== Double.infinity) .| (y .== Double.infinity), Double.infinity, length)
}

/// `sin(πx) / (πx)`, which is 1 at 0.
public func sinc(_ x: Tensor) throws -> Tensor {
  let scaled = try x.cast(to: x.dtype.inexact) * Double.pi
  let isZero = try scaled .== 0
  let safe = try select(isZero, 1, scaled)
  // The series takes over at 0, where it has the right derivatives too.
  return try select(isZero, 1 - square(select(isZero, scaled, 0)) / 6.0, sin(safe) / safe)
}

/// Degrees to radians.
public func radians(degrees x: Tensor) throws -> Tensor { try x.cast(to: x.dtype.inexact) * (Double.pi / 180) }
/// Radians to degrees.
public func degrees(radians x: Tensor) throws -> Tensor { try x.cast(to: x.dtype.inexact) * (180 / Double.pi) }

// MARK: - Hyperbolic functions

/// The hyperbolic sine of each element.
public func sinh(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.sinh, x) }
/// The hyperbolic cosine of each element.
public func cosh(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.cosh, x) }
/// The inverse hyperbolic sine of each element.
public func asinh(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.asinh, x) }
/// The inverse hyperbolic cosine of each element; NaN below 1.
public func acosh(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.acosh, x) }
/// The inverse hyperbolic tangent of each element; infinite at ±1, NaN beyond.
public func atanh(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.atanh, x) }

// MARK: - Error and gamma functions

/// `1 - erf(x)`, accurate where that is small.
public func erfc(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.erfc, x) }
/// The logarithm of the size of the gamma function; infinite at 0, -1, -2, ….
public func lgamma(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.lgamma, x) }
/// The derivative of ``lgamma(_:)``; NaN at 0, -1, -2, ….
public func digamma(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.digamma, x) }
