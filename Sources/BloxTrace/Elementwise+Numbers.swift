// Rounding, remainders, and functions of a number's sign and bits.

import BloxIR

// MARK: - Rounding

/// The nearest number with so many decimals, ties to the even one, as `jnp.round`; integers stay as they are. `bf16` and
/// `f16` are computed in `f32`.
///
/// - Parameter decimals: At least 0 for integers; negative ones round to tens, hundreds, ….
public func round(_ x: Tensor, decimals: Int = 0) throws -> Tensor {
  guard x.dtype.isFloating else {
    guard decimals >= 0 else {
      throw BloxError(
        .unsupported, "round: integers cannot be rounded to \(decimals) decimals; cast \(x.type) to a float first")
    }
    return x
  }
  if decimals == 0 { return try Tensor.apply(.unary(.roundNearestEven), x) }
  let wide = try x.cast(to: x.dtype.computing)
  let factor = (0..<Swift.min(decimals.magnitude, 400)).reduce(1.0) { factor, _ in factor * 10 }
  // No number of the dtype is as large: all have fewer decimals, or are nearest to 0.
  if try factor > wide.dtype.floatingLimits().max { return decimals > 0 ? x : try x * 0 }
  let rounded =
    decimals > 0
    ? try Tensor.apply(.unary(.roundNearestEven), wide * factor) / factor
    : try Tensor.apply(.unary(.roundNearestEven), wide / factor) * factor
  return try rounded.cast(to: x.dtype)
}

/// The nearest integer, ties away from zero, as `lax.round`.
public func roundAwayFromZero(_ x: Tensor) throws -> Tensor { try Tensor.inexact(.roundNearestAway, x) }

/// The integer part: rounding towards zero; integers stay as they are.
public func trunc(_ x: Tensor) throws -> Tensor {
  guard x.dtype.isFloating else { return x }
  return try select(x .< 0, ceil(x), floor(x))
}

// MARK: - Division with remainder

extension Tensor {
  /// Divisors of integers with 1 for 0, which has no remainder.
  fileprivate var withoutIntegerZeros: Tensor {
    get throws {
      guard dtype.isInteger else { return self }
      return try select(self .== 0, Tensor.full([], 1, dtype: dtype), self)
    }
  }

  /// Two numeric tensors of one type.
  fileprivate static func numbers(_ a: Tensor, _ b: Tensor, for operation: String) throws -> (Tensor, Tensor) {
    let dtype = try a.dtype.promoted(with: b.dtype)
    guard dtype.isNumeric || dtype == .bool else {
      throw BloxError(.dtypeMismatch, "\(operation): needs numbers; got \(a.type), \(b.type)")
    }
    let numeric = dtype == .bool ? DType.i32 : dtype
    return try aligned(a.cast(to: numeric), b.cast(to: numeric), for: operation)
  }
}

/// The remainder with the sign of the divisor, as Python's `%` and `jnp.mod`; 0 for integers divided by 0.
///
/// `%` between tensors is `lax.rem`, whose sign is the dividend's; see also ``fmod(_:_:)``.
public func mod(_ a: Tensor, _ b: Tensor) throws -> Tensor {
  let (x, divisor) = try Tensor.numbers(a, b, for: "mod")
  let y = try divisor.withoutIntegerZeros
  let remainder = try x % y
  if x.dtype.kind == .unsigned { return remainder }
  let isOther = try (remainder .< 0) .!= (y .< 0)
  return try select(isOther .& (remainder .!= 0), remainder + y, remainder)
}

/// The remainder of each element by a scalar, with the scalar's sign.
public func mod(_ a: Tensor, _ b: Double) throws -> Tensor {
  try mod(a, Tensor.full([], b, dtype: a.dtype.withFloatScalar))
}

/// The remainder of each element by a scalar, with the scalar's sign.
public func mod(_ a: Tensor, _ b: Int) throws -> Tensor {
  try mod(a, Tensor.full([], Double(b), dtype: a.dtype.withIntScalar))
}

/// The remainder with the sign of the dividend, as C's and `jnp.fmod`; 0 for integers divided by 0.
public func fmod(_ a: Tensor, _ b: Tensor) throws -> Tensor {
  let (x, y) = try Tensor.numbers(a, b, for: "fmod")
  return try x % y.withoutIntegerZeros
}

/// The largest integer not above the quotient, as Python's `//`; integers stay integers.
///
/// Integers divided by 0 give what `jnp.floor_divide` gives: all ones for unsigned ones, -1 for 0 and else -2.
public func floorDivide(_ a: Tensor, _ b: Tensor) throws -> Tensor {
  let (x, y) = try Tensor.numbers(a, b, for: "floorDivide")
  let quotient = try Tensor.binary(.div, x, y)
  switch x.dtype.kind {
  case .signed:
    let isLower = try (sign(x) .!= sign(y)) .& (x % y .!= 0)
    return try select(isLower, quotient - 1, quotient)
  case .floating:
    // After CPython: the dividend without its remainder divides with a small error, which rounding removes.
    let remainder = try x % y
    let isLower = try (remainder .!= 0) .& (sign(y) .!= sign(remainder))
    let rough = try (x - remainder) / y
    let whole = try roundAwayFromZero(select(isLower, rough - 1, rough))
    return try select(y .== 0, quotient, whole)
  case .unsigned, .boolean, .key: return quotient
  }
}

/// The quotient rounded down and the remainder with the divisor's sign.
public func divMod(_ a: Tensor, _ b: Tensor) throws -> (quotient: Tensor, remainder: Tensor) {
  (try floorDivide(a, b), try mod(a, b))
}

// MARK: - Signs and neighbours

/// Where the sign bit is set, also of -0 and NaN.
public func signBit(_ x: Tensor) throws -> Tensor {
  guard x.dtype.isFloating else { return try x .< 0 }
  let bits = try Tensor.apply(.bitcastConvert(x.dtype.bits), x)
  return try Tensor.binary(.shiftRightLogical, bits, x.dtype.bitWidth - 1) .!= 0
}

/// The magnitude of `x` with the sign of `y`.
public func copySign(_ x: Tensor, _ y: Tensor) throws -> Tensor {
  let dtype = try x.dtype.promoted(with: y.dtype).inexact
  let (a, b) = try Tensor.aligned(x.cast(to: dtype), y.cast(to: dtype), for: "copySign")
  let size = try abs(a)
  return try select(signBit(b), -size, size)
}

/// The next number after `x` towards `y`. Its derivative is 0, as in JAX.
public func nextAfter(_ x: Tensor, _ y: Tensor) throws -> Tensor {
  let dtype = try x.dtype.promoted(with: y.dtype).inexact
  return try Tensor.binary(.nextafter, try x.cast(to: dtype), try y.cast(to: dtype))
}

/// 0 for negative elements, 1 for positive ones, `atZero` at 0; NaN stays.
public func heaviside(_ x: Tensor, _ atZero: Tensor) throws -> Tensor {
  let dtype = try x.dtype.promoted(with: atZero.dtype).inexact
  let (a, b) = try Tensor.aligned(x.cast(to: dtype), atZero.cast(to: dtype), for: "heaviside")
  let step = try select(a .< 0, 0, select(a .> 0, 1, b))
  return try select(a .!= a, stopGradient(a), step)
}

// MARK: - Bits

/// The number of ones among each integer's bits.
public func populationCount(_ x: Tensor) throws -> Tensor { try Tensor.apply(.unary(.populationCount), x) }
/// The number of zeros above each integer's highest one; the width for 0.
public func leadingZeroCount(_ x: Tensor) throws -> Tensor { try Tensor.apply(.unary(.clz), x) }

/// `x << count`, 0 where `count` is not below the width.
public func shiftLeft(_ x: Tensor, _ count: Tensor) throws -> Tensor { try Tensor.binary(.shiftLeft, x, count) }
/// `x << count` for a static count.
public func shiftLeft(_ x: Tensor, _ count: Int) throws -> Tensor { try Tensor.binary(.shiftLeft, x, count) }
/// `x >> count` that fills with zeros.
public func shiftRightLogical(_ x: Tensor, _ count: Tensor) throws -> Tensor {
  try Tensor.binary(.shiftRightLogical, x, count)
}
/// `x >> count` that fills with zeros, for a static count.
public func shiftRightLogical(_ x: Tensor, _ count: Int) throws -> Tensor {
  try Tensor.binary(.shiftRightLogical, x, count)
}
/// `x >> count` that fills with the sign bit.
public func shiftRightArithmetic(_ x: Tensor, _ count: Tensor) throws -> Tensor {
  try Tensor.binary(.shiftRightArithmetic, x, count)
}
/// `x >> count` that fills with the sign bit, for a static count.
public func shiftRightArithmetic(_ x: Tensor, _ count: Int) throws -> Tensor {
  try Tensor.binary(.shiftRightArithmetic, x, count)
}

extension Tensor {
  /// The bits read as another dtype, as `lax.bitcast_convert_type`. A narrower dtype adds a last dimension that holds
  /// the parts of each element, lowest first; a wider one takes them from there.
  ///
  /// - Throws: ``BloxError/Code/dtypeMismatch`` for keys and `bool`; ``BloxError/Code/shapeMismatch`` when the last
  ///   dimension does not hold the parts of a wider dtype.
  public func bitcast(to dtype: DType, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      let (from, to) = (self.dtype.bitWidth, dtype.bitWidth)
      if from == to { return try Tensor.apply(.bitcastConvert(dtype), self) }
      guard self.dtype.isNumeric, dtype.isNumeric else {
        throw BloxError(.dtypeMismatch, "bitcast: \(type) has elements of another width than \(dtype)")
      }
      if from > to {
        let words = try Tensor.apply(.bitcastConvert(self.dtype.bits), self).expandDims(-1)
        let wide = try words.broadcast(to: shape + [from / to])
        let offsets = try Tensor.iota(wide.shape, axis: rank, dtype: wide.dtype) * to
        return try shiftRightLogical(wide, offsets).cast(to: dtype.bits).bitcast(to: dtype)
      }
      guard shape.last == to / from else {
        throw BloxError(
          .shapeMismatch, "bitcast: \(dtype) is made of \(to / from) elements of the last dimension; got \(type)")
      }
      let parts = try Tensor.apply(.bitcastConvert(self.dtype.bits), self).cast(to: dtype.bits)
      let offsets = try Tensor.iota(shape, axis: rank - 1, dtype: dtype.bits) * from
      return try Tensor.apply(.reduce(.or, axes: [rank - 1]), shiftLeft(parts, offsets)).bitcast(to: dtype)
    }
  }
}

/// The numbers rounded to those that a narrower floating dtype has, in their own dtype (`lax.reduce_precision`).
/// What is beyond its range becomes infinite; what would be subnormal there becomes 0.
///
/// - Throws: ``BloxError/Code/dtypeMismatch`` when either dtype is not floating-point.
public func reducePrecision(_ x: Tensor, to dtype: DType, file: String = #fileID, line: Int = #line) throws -> Tensor {
  try located(file, line) {
    guard x.dtype.isFloating else {
      throw BloxError(.dtypeMismatch, "reducePrecision: needs a floating-point dtype; got \(x.type)")
    }
    let least = try dtype.floatingLimits().smallestNormal
    let rounded = try x.cast(to: dtype).cast(to: x.dtype)
    return try select(abs(rounded) .< least, rounded * 0.0, rounded)
  }
}

extension DType {
  /// The unsigned dtype of the same width, which holds the bits.
  fileprivate var bits: DType {
    switch self {
    case .bool, .i8, .u8: .u8
    case .i16, .u16, .bf16, .f16: .u16
    case .i32, .u32, .f32: .u32
    case .i64, .u64, .f64, .key: .u64
    }
  }
}
