// Logic, tests of numbers, bounds, and choices between several tensors.

import BloxIR

// MARK: - Logic

/// Where both elements are true (not zero).
public func logicalAnd(_ a: Tensor, _ b: Tensor) throws -> Tensor { try a.cast(to: .bool) .& b.cast(to: .bool) }
/// Where at least one element is true (not zero).
public func logicalOr(_ a: Tensor, _ b: Tensor) throws -> Tensor { try a.cast(to: .bool) .| b.cast(to: .bool) }
/// Where exactly one element is true (not zero).
public func logicalXor(_ a: Tensor, _ b: Tensor) throws -> Tensor { try a.cast(to: .bool) .^ b.cast(to: .bool) }
/// Where elements are false (zero).
public func logicalNot(_ x: Tensor) throws -> Tensor { try .!x.cast(to: .bool) }

// MARK: - Tests

/// Where elements are NaN; nowhere for integers.
public func isNaN(_ x: Tensor) throws -> Tensor { try x .!= x }
/// Where elements are infinite; nowhere for integers.
public func isInfinite(_ x: Tensor) throws -> Tensor {
  guard x.dtype.isFloating else { return try Tensor.zeros(x.shape, dtype: .bool) }
  return try abs(x) .== Double.infinity
}
/// Where elements are positive infinity.
public func isPositiveInfinity(_ x: Tensor) throws -> Tensor { try x.cast(to: x.dtype.inexact) .== Double.infinity }
/// Where elements are negative infinity.
public func isNegativeInfinity(_ x: Tensor) throws -> Tensor { try x.cast(to: x.dtype.inexact) .== -Double.infinity }

/// Where `|a - b| <= atol + rtol * |b|`; infinities are close to themselves, NaN to nothing unless asked for.
public func isClose(
  _ a: Tensor, _ b: Tensor, rtol: Double = 1e-5, atol: Double = 1e-8, equalNaN: Bool = false
) throws -> Tensor {
  let dtype = try a.dtype.promoted(with: b.dtype).inexact
  let (x, y) = try Tensor.aligned(a.cast(to: dtype), b.cast(to: dtype), for: "isClose")
  let isNear = try abs(x - y) .<= atol + rtol * abs(y)
  let bothFinite = try isFinite(x) .& isFinite(y)
  let isSame = try (isNear .& bothFinite) .| (x .== y)
  return equalNaN ? try isSame .| (isNaN(x) .& isNaN(y)) : isSame
}

/// Whether all elements are close, as a `bool` scalar; see ``isClose(_:_:rtol:atol:equalNaN:)``.
public func allClose(
  _ a: Tensor, _ b: Tensor, rtol: Double = 1e-5, atol: Double = 1e-8, equalNaN: Bool = false
) throws -> Tensor {
  try isClose(a, b, rtol: rtol, atol: atol, equalNaN: equalNaN).all()
}

/// Whether two tensors have the same shape and elements, as a `bool` scalar.
public func arrayEqual(_ a: Tensor, _ b: Tensor, equalNaN: Bool = false) throws -> Tensor {
  guard a.shape == b.shape else { return try Tensor.zeros([], dtype: .bool) }
  let isSame = try a .== b
  return try (equalNaN ? isSame .| (isNaN(a) .& isNaN(b)) : isSame).all()
}

// MARK: - Bounds

/// NaN and infinities replaced by numbers: 0, the largest and the lowest by default.
public func nanToNum(
  _ x: Tensor, nan: Double = 0, positiveInfinity: Double? = nil, negativeInfinity: Double? = nil
) throws -> Tensor {
  guard x.dtype.isFloating else { return x }
  let largest = Literal(dtype: x.dtype, bits: Literal.highest(x.dtype).bits - 1).doubleValue
  let number = try select(isNaN(x), nan, x)
  let bounded = try select(number .== Double.infinity, positiveInfinity ?? largest, number)
  return try select(bounded .== -Double.infinity, negativeInfinity ?? -largest, bounded)
}

/// `min(max(x, low), high)` with tensors for bounds, which broadcast; `nil` for no bound.
///
/// The derivative at a bound is ½ for `x` and ½ for the bound, as `jnp.clip` has it.
public func clip(_ x: Tensor, _ low: Tensor?, _ high: Tensor?) throws -> Tensor {
  let raised = try low.map { try maximum(x, $0) } ?? x
  return try high.map { try minimum(raised, $0) } ?? raised
}

// MARK: - Choices

/// `select` between two scalars, as a tensor of a dtype.
public func select(_ predicate: Tensor, _ onTrue: Double, _ onFalse: Double, dtype: DType = .f32) throws -> Tensor {
  try select(predicate, Tensor.full([], onTrue, dtype: dtype), Tensor.full([], onFalse, dtype: dtype))
}

/// The element of the case that an integer index names, elementwise (`lax.select_n`); `bool` chooses between two.
///
/// An index outside the cases takes the nearest one. Index and cases broadcast; the cases' dtypes promote.
///
/// - Throws: ``BloxError/Code/invalidArgument`` without cases; ``BloxError/Code/dtypeMismatch`` for other indices.
public func which(_ index: Tensor, _ cases: [Tensor]) throws -> Tensor {
  guard let first = cases.first else { throw BloxError(.invalidArgument, "which: needs at least one case") }
  guard index.dtype.isInteger || index.dtype == .bool else {
    throw BloxError(.dtypeMismatch, "which: needs an integer or bool index; got \(index.type)")
  }
  let number = try index.dtype == .bool ? index.cast(to: .i32) : index
  var result = first
  for (position, other) in cases.enumerated().dropFirst() {
    result = try select(number .>= position, other, result)
  }
  guard cases.count == 1 else { return result }
  guard let shape = Tensor.broadcastShape(index.shape, first.shape) else {
    throw BloxError(.shapeMismatch, "which: the shapes of \(index.type) and \(first.type) do not broadcast")
  }
  return try first.broadcast(to: shape)
}

/// The element of the first case whose predicate holds, else of `otherwise` (`jnp.select`).
public func which(_ cases: [(predicate: Tensor, value: Tensor)], otherwise: Tensor) throws -> Tensor {
  try cases.reversed().reduce(otherwise) { try select($1.predicate, $1.value, $0) }
}
