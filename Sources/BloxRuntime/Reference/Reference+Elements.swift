// How the interpreter reads and writes elements: the widths it computes in, rounding, and subnormals.
//
//   dtype            read as                       written back
//   bool             Bool, or the word 0 or 1      0 or 1
//   i8…i64           Int64                         the low bits: arithmetic wraps
//   u8…u64           UInt64                        the low bits
//   f32, bf16, f16   Float (wide sums: Double)     rounded once, to nearest even
//   f64              Double                        as is
//   key              UInt64, first word high       as is
//
// Subnormals (as XLA sets up the CPU): arithmetic, functions and comparisons read a subnormal f32 or f64 as zero
// of its sign and return zero of its sign instead of one. bf16 has the range of f32 and computes in f32, so the same
// holds for it. f16 computes in f32 as well, where its subnormals are ordinary numbers: they are kept. Reading and
// writing numbers is done here only, so flushing is too. What does not flush: ops that move bits (`bytes`, `words`),
// neg and abs, conversions between f32 and bf16 and from bf16 to bool, the operands of `pow`, and `rem` but for its
// divisor.

import BloxIR

extension ReferenceInterpreter {
  /// The number, or zero of its sign if it is subnormal.
  static func flush<F: BinaryFloatingPoint>(_ x: F) -> F {
    x.isSubnormal ? F(signOf: x, magnitudeOf: 0) : x
  }

  /// The element of a floating dtype nearest to a number, flushed. One rounding.
  ///
  /// Every NaN becomes the default one: which payload and sign arithmetic gives differs between machines.
  static func rounded(_ x: Double, to dtype: DType) -> Literal {
    if x.isNaN { return Literal(.nan, as: dtype) }
    return switch dtype {
    case .f64: Literal(flush(x), as: .f64)
    case .f32: Literal(dtype: .f32, bits: UInt64(flush(Float(x)).bitPattern))
    case .bf16:
      // A subnormal bf16 has a zero exponent field; what remains after flushing is its sign.
      switch HalfFloat.bf16Bits(x) {
      case let bits where bits & 0x7F80 == 0: Literal(dtype: .bf16, bits: UInt64(bits & 0x8000))
      case let bits: Literal(dtype: .bf16, bits: UInt64(bits))
      }
    case .f16: Literal(x, as: .f16)
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .key:
      preconditionFailure("\(dtype) is no floating dtype")
    }
  }
}

extension DenseConstant {
  /// The bit pattern of each element, zero-extended; nothing is flushed.
  var words: [UInt64] { (0..<type.elementCount).map { self[$0].bits } }

  /// The elements of `bool`.
  var bools: [Bool] { words.map { $0 != 0 } }

  /// The elements of a signed dtype.
  var signed: [Int64] { (0..<type.elementCount).map { self[$0].signedValue } }

  /// The elements of f32, bf16 or f16 as arithmetic reads them: subnormal ones as zero.
  var singles: [Float] {
    precondition(type.dtype.isFloating && type.dtype != .f64, "\(type) does not compute in f32")
    return (0..<type.elementCount).map { ReferenceInterpreter.flush(Float(self[$0].doubleValue)) }
  }

  /// The elements of any floating dtype as arithmetic reads them: subnormal ones as zero.
  var doubles: [Double] {
    type.dtype == .f64
      ? (0..<type.elementCount).map { ReferenceInterpreter.flush(self[$0].doubleValue) } : singles.map(Double.init)
  }

  /// The elements of any floating dtype as they are.
  var unflushedDoubles: [Double] { (0..<type.elementCount).map { self[$0].doubleValue } }

  /// Creates a tensor from bit patterns, of which bits beyond the dtype's width are dropped.
  init(type: TensorType, words: [UInt64]) {
    self.init(type: type, elements: words.map { Literal(dtype: type.dtype, bits: $0) })
  }

  /// Creates a `bool` tensor.
  init(type: TensorType, bools: [Bool]) {
    self.init(type: type, words: bools.map { $0 ? 1 : 0 })
  }

  /// Creates an integer tensor; values wrap to the dtype.
  init(type: TensorType, signed: [Int64]) {
    self.init(type: type, words: signed.map(UInt64.init(bitPattern:)))
  }

  /// Creates a floating tensor from results of arithmetic: flushed in the width they were computed in, rounded once
  /// to the dtype, and flushed there.
  init<F: BinaryFloatingPoint>(type: TensorType, rounding numbers: [F]) {
    self.init(
      type: type,
      elements: numbers.map {
        ReferenceInterpreter.rounded(Double(ReferenceInterpreter.flush($0)), to: type.dtype)
      })
  }
}
