// What the numbers of a dtype can be: NumPy's finfo and iinfo.

import BloxIR

/// The limits of a floating-point dtype (`jnp.finfo`).
public struct FloatingLimits: Hashable, Sendable {
  /// The distance from 1 to the next number.
  public var epsilon: Double
  /// The largest finite number.
  public var max: Double
  /// The lowest finite number.
  public var min: Double
  /// The smallest positive normal number.
  public var smallestNormal: Double
  /// The smallest positive number; arithmetic flushes it to zero, except in `f16`.
  public var smallestSubnormal: Double
  /// The number of bits of an element.
  public var bitWidth: Int
  /// The number of stored bits of the significand.
  public var significandBits: Int
}

extension DType {
  /// The limits of the dtype's numbers.
  ///
  /// - Throws: ``BloxError/Code/dtypeMismatch`` for a dtype that is not floating-point.
  public func floatingLimits() throws -> FloatingLimits {
    let significandBits: Int
    switch self {
    case .bf16: significandBits = 7
    case .f16: significandBits = 10
    case .f32: significandBits = 23
    case .f64: significandBits = 52
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .key:
      throw BloxError(.dtypeMismatch, "floatingLimits: \(self) is not a floating-point dtype")
    }
    func number(_ bits: UInt64) -> Double { Literal(dtype: self, bits: bits).doubleValue }
    let one = Literal(1, as: self).bits
    let infinity = Literal(Double.infinity, as: self).bits
    return FloatingLimits(
      epsilon: number(one + 1) - 1, max: number(infinity - 1), min: -number(infinity - 1),
      smallestNormal: number(1 << UInt64(significandBits)), smallestSubnormal: number(1), bitWidth: bitWidth,
      significandBits: significandBits)
  }

  /// The lowest and the highest integer of the dtype (`jnp.iinfo`), as literals, because `u64` exceeds `Int`.
  ///
  /// - Throws: ``BloxError/Code/dtypeMismatch`` for a dtype that is not an integer.
  public func integerLimits() throws -> (min: Literal, max: Literal) {
    guard isInteger else { throw BloxError(.dtypeMismatch, "integerLimits: \(self) is not an integer dtype") }
    return (.lowest(self), .highest(self))
  }
}
