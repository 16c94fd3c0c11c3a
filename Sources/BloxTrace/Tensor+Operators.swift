// Operators. All throw, so that a bad shape is an error and not a trap; one `try` covers an expression.

import BloxIR

extension Tensor {
  static func binary(_ op: Op.Binary, _ a: Tensor, _ b: Tensor) throws -> Tensor {
    let (x, y) = try aligned(a, b, for: op.rawValue)
    return try apply(.binary(op), x, y)
  }

  static func binary(_ op: Op.Binary, _ a: Tensor, _ b: Double) throws -> Tensor {
    let x = try a.cast(to: a.dtype.withFloatScalar)
    return try apply(.binary(op), [.tensor(x), .splat(Literal(b, as: x.dtype), shape: x.shape)])
  }

  static func binary(_ op: Op.Binary, _ a: Double, _ b: Tensor) throws -> Tensor {
    let y = try b.cast(to: b.dtype.withFloatScalar)
    return try apply(.binary(op), [.splat(Literal(a, as: y.dtype), shape: y.shape), .tensor(y)])
  }

  static func binary(_ op: Op.Binary, _ a: Tensor, _ b: Int) throws -> Tensor {
    let x = try a.cast(to: a.dtype.withIntScalar)
    return try apply(.binary(op), [.tensor(x), .splat(Literal(b, as: x.dtype), shape: x.shape)])
  }

  static func binary(_ op: Op.Binary, _ a: Int, _ b: Tensor) throws -> Tensor {
    let y = try b.cast(to: b.dtype.withIntScalar)
    return try apply(.binary(op), [.splat(Literal(a, as: y.dtype), shape: y.shape), .tensor(y)])
  }

  static func compare(_ direction: Op.Comparison, _ a: Tensor, _ b: Tensor) throws -> Tensor {
    let (x, y) = try aligned(a, b, for: "compare")
    return try apply(.compare(direction), x, y)
  }

  static func compare(_ direction: Op.Comparison, _ a: Tensor, _ b: Double) throws -> Tensor {
    let x = try a.cast(to: a.dtype.withFloatScalar)
    return try apply(.compare(direction), [.tensor(x), .splat(Literal(b, as: x.dtype), shape: x.shape)])
  }

  static func compare(_ direction: Op.Comparison, _ a: Tensor, _ b: Int) throws -> Tensor {
    let x = try a.cast(to: a.dtype.withIntScalar)
    return try apply(.compare(direction), [.tensor(x), .splat(Literal(b, as: x.dtype), shape: x.shape)])
  }
}

/// Elementwise arithmetic with broadcasting; dtypes promote as in JAX, scalars take the tensor's dtype.
extension Tensor {
  /// The elementwise sum.
  public static func + (a: Tensor, b: Tensor) throws -> Tensor { try binary(.add, a, b) }
  /// Adds a scalar to each element.
  public static func + (a: Tensor, b: Double) throws -> Tensor { try binary(.add, a, b) }
  /// Adds a scalar to each element.
  public static func + (a: Double, b: Tensor) throws -> Tensor { try binary(.add, a, b) }
  /// Adds a scalar to each element.
  public static func + (a: Tensor, b: Int) throws -> Tensor { try binary(.add, a, b) }
  /// Adds a scalar to each element.
  public static func + (a: Int, b: Tensor) throws -> Tensor { try binary(.add, a, b) }

  /// The elementwise difference.
  public static func - (a: Tensor, b: Tensor) throws -> Tensor { try binary(.sub, a, b) }
  /// Subtracts a scalar from each element.
  public static func - (a: Tensor, b: Double) throws -> Tensor { try binary(.sub, a, b) }
  /// Subtracts each element from a scalar.
  public static func - (a: Double, b: Tensor) throws -> Tensor { try binary(.sub, a, b) }
  /// Subtracts a scalar from each element.
  public static func - (a: Tensor, b: Int) throws -> Tensor { try binary(.sub, a, b) }
  /// Subtracts each element from a scalar.
  public static func - (a: Int, b: Tensor) throws -> Tensor { try binary(.sub, a, b) }

  /// The elementwise product.
  public static func * (a: Tensor, b: Tensor) throws -> Tensor { try binary(.mul, a, b) }
  /// Multiplies each element by a scalar.
  public static func * (a: Tensor, b: Double) throws -> Tensor { try binary(.mul, a, b) }
  /// Multiplies each element by a scalar.
  public static func * (a: Double, b: Tensor) throws -> Tensor { try binary(.mul, a, b) }
  /// Multiplies each element by a scalar.
  public static func * (a: Tensor, b: Int) throws -> Tensor { try binary(.mul, a, b) }
  /// Multiplies each element by a scalar.
  public static func * (a: Int, b: Tensor) throws -> Tensor { try binary(.mul, a, b) }

  /// The elementwise quotient; integers become `f32` first.
  public static func / (a: Tensor, b: Tensor) throws -> Tensor {
    let dtype = try a.dtype.promoted(with: b.dtype).inexact
    return try binary(.div, try a.cast(to: dtype), try b.cast(to: dtype))
  }
  /// Divides each element by a scalar; integers become `f32` first.
  public static func / (a: Tensor, b: Double) throws -> Tensor { try binary(.div, try a.cast(to: a.dtype.inexact), b) }
  /// Divides a scalar by each element; integers become `f32` first.
  public static func / (a: Double, b: Tensor) throws -> Tensor { try binary(.div, a, try b.cast(to: b.dtype.inexact)) }
  /// Divides each element by a scalar; integers become `f32` first.
  public static func / (a: Tensor, b: Int) throws -> Tensor { try a / Double(b) }
  /// Divides a scalar by each element; integers become `f32` first.
  public static func / (a: Int, b: Tensor) throws -> Tensor { try Double(a) / b }

  /// The elementwise remainder with the sign of the dividend (`lax.rem`).
  public static func % (a: Tensor, b: Tensor) throws -> Tensor { try binary(.rem, a, b) }
  /// The remainder of each element by a scalar, with the sign of the element.
  public static func % (a: Tensor, b: Int) throws -> Tensor { try binary(.rem, a, b) }
  /// The remainder of each element by a scalar, with the sign of the element.
  public static func % (a: Tensor, b: Double) throws -> Tensor { try binary(.rem, a, b) }

  /// The negation of each element.
  public static prefix func - (a: Tensor) throws -> Tensor { try apply(.unary(.neg), a) }
}

/// Elementwise comparisons, which give `bool` tensors.
extension Tensor {
  /// Where elements are equal.
  public static func .== (a: Tensor, b: Tensor) throws -> Tensor { try compare(.eq, a, b) }
  /// Where elements equal a scalar.
  public static func .== (a: Tensor, b: Double) throws -> Tensor { try compare(.eq, a, b) }
  /// Where elements equal a scalar.
  public static func .== (a: Tensor, b: Int) throws -> Tensor { try compare(.eq, a, b) }
  /// Where elements differ.
  public static func .!= (a: Tensor, b: Tensor) throws -> Tensor { try compare(.ne, a, b) }
  /// Where elements differ from a scalar.
  public static func .!= (a: Tensor, b: Double) throws -> Tensor { try compare(.ne, a, b) }
  /// Where elements differ from a scalar.
  public static func .!= (a: Tensor, b: Int) throws -> Tensor { try compare(.ne, a, b) }
  /// Where left elements are smaller.
  public static func .< (a: Tensor, b: Tensor) throws -> Tensor { try compare(.lt, a, b) }
  /// Where elements are below a scalar.
  public static func .< (a: Tensor, b: Double) throws -> Tensor { try compare(.lt, a, b) }
  /// Where elements are below a scalar.
  public static func .< (a: Tensor, b: Int) throws -> Tensor { try compare(.lt, a, b) }
  /// Where left elements are not larger.
  public static func .<= (a: Tensor, b: Tensor) throws -> Tensor { try compare(.le, a, b) }
  /// Where elements are at most a scalar.
  public static func .<= (a: Tensor, b: Double) throws -> Tensor { try compare(.le, a, b) }
  /// Where elements are at most a scalar.
  public static func .<= (a: Tensor, b: Int) throws -> Tensor { try compare(.le, a, b) }
  /// Where left elements are larger.
  public static func .> (a: Tensor, b: Tensor) throws -> Tensor { try compare(.gt, a, b) }
  /// Where elements are above a scalar.
  public static func .> (a: Tensor, b: Double) throws -> Tensor { try compare(.gt, a, b) }
  /// Where elements are above a scalar.
  public static func .> (a: Tensor, b: Int) throws -> Tensor { try compare(.gt, a, b) }
  /// Where left elements are not smaller.
  public static func .>= (a: Tensor, b: Tensor) throws -> Tensor { try compare(.ge, a, b) }
  /// Where elements are at least a scalar.
  public static func .>= (a: Tensor, b: Double) throws -> Tensor { try compare(.ge, a, b) }
  /// Where elements are at least a scalar.
  public static func .>= (a: Tensor, b: Int) throws -> Tensor { try compare(.ge, a, b) }

  /// Logical or bitwise and.
  public static func .& (a: Tensor, b: Tensor) throws -> Tensor { try binary(.and, a, b) }
  /// Logical or bitwise or.
  public static func .| (a: Tensor, b: Tensor) throws -> Tensor { try binary(.or, a, b) }
  /// Logical or bitwise exclusive or.
  public static func .^ (a: Tensor, b: Tensor) throws -> Tensor { try binary(.xor, a, b) }
  /// Logical or bitwise not.
  public static prefix func .! (a: Tensor) throws -> Tensor { try apply(.unary(.not), a) }
}
