// Elementwise ops at their edges: the values here come from XLA's CPU backend.

import BloxIR
import TestSupport
import Testing

@testable import BloxRuntime

/// One op at one point.
struct ElementwiseCase: CustomTestStringConvertible, Sendable {
  let op: Op
  let dtype: DType
  let operands: [Double]
  let expected: Double

  init(_ op: Op, _ dtype: DType, _ operands: [Double], _ expected: Double) {
    (self.op, self.dtype, self.operands, self.expected) = (op, dtype, operands, expected)
  }

  var testDescription: String { "\(op.name) \(dtype) \(operands)" }
}

struct ReferenceElementwiseTests: ReferenceSuite {
  private func check(_ c: ElementwiseCase) throws {
    let operands = c.operands.map { tensor(c.dtype, [$0], []) }
    let result = try ReferenceInterpreter.evaluate(c.op, operands: operands)[0][0]
    #expect(result == Literal(c.expected, as: result.dtype), "got \(result.doubleValue)")
  }

  // Subnormals in these tables: 1e-40 in f32, 6e-8 in f16 (the smallest there).
  static let unaryCases: [ElementwiseCase] = [
    .init(.unary(.neg), .f32, [1e-40], -1e-40), .init(.unary(.abs), .f32, [-1e-40], 1e-40),
    .init(.unary(.neg), .bf16, [0], -0.0), .init(.unary(.abs), .f64, [-.infinity], .infinity),
    .init(.unary(.neg), .i8, [-128], -128), .init(.unary(.abs), .i8, [-128], -128),
    .init(.unary(.neg), .u8, [1], 255), .init(.unary(.abs), .u64, [3], 3),
    .init(.unary(.sign), .f32, [-0.0], -0.0), .init(.unary(.sign), .f32, [-1e-40], -0.0),
    .init(.unary(.sign), .f32, [.nan], .nan), .init(.unary(.sign), .f16, [-6e-8], -1),
    .init(.unary(.sign), .i16, [-5], -1), .init(.unary(.sign), .u8, [200], 1),
    .init(.unary(.floor), .f32, [-1e-40], -0.0), .init(.unary(.floor), .f32, [-0.5], -1),
    .init(.unary(.ceil), .f32, [-0.5], -0.0), .init(.unary(.ceil), .f64, [1e300], 1e300),
    .init(.unary(.exp), .f32, [-.infinity], 0), .init(.unary(.exp), .f32, [89], .infinity),
    .init(.unary(.exp), .f32, [-88], 0), .init(.unary(.exp), .f64, [1], 2.718281828459045),
    .init(.unary(.log), .f32, [1e-40], -.infinity), .init(.unary(.log), .f32, [-1], .nan),
    .init(.unary(.log), .f16, [6e-8], -16.635532333438686), .init(.unary(.log1p), .f32, [-1], -.infinity),
    .init(.unary(.log1p), .f32, [-0.0], -0.0), .init(.unary(.log1p), .f32, [1e-30], 1e-30),
    .init(.unary(.sqrt), .f32, [-0.0], -0.0), .init(.unary(.sqrt), .f32, [-1], .nan),
    .init(.unary(.sqrt), .f64, [2], 1.4142135623730951), .init(.unary(.rsqrt), .f32, [-0.0], -.infinity),
    .init(.unary(.rsqrt), .f32, [1e-40], .infinity), .init(.unary(.rsqrt), .f32, [.infinity], 0),
    .init(.unary(.tanh), .f32, [100], 1), .init(.unary(.tanh), .bf16, [.nan], .nan),
    .init(.unary(.logistic), .f32, [-.infinity], 0), .init(.unary(.logistic), .f32, [0], 0.5),
    .init(.unary(.logistic), .f64, [800], 1), .init(.unary(.erf), .f32, [-.infinity], -1),
    .init(.unary(.erf), .f32, [1], 0.84270079294971487), .init(.unary(.erfInv), .f32, [1], .infinity),
    .init(.unary(.erfInv), .f32, [2], .nan), .init(.unary(.erfInv), .f64, [-1], -.infinity),
    .init(.unary(.isFinite), .f16, [.infinity], 0), .init(.unary(.isFinite), .f32, [.nan], 0),
    .init(.unary(.isFinite), .f64, [1e308], 1), .init(.unary(.not), .bool, [0], 1), .init(.unary(.not), .i8, [5], -6),
    .init(.unary(.not), .u16, [0], 65535),
  ]

  @Test("functions of one tensor at special values", arguments: unaryCases)
  func unary(_ c: ElementwiseCase) throws { try check(c) }

  static let binaryFloatCases: [ElementwiseCase] = [
    .init(.binary(.add), .f32, [16_777_216, 1], 16_777_216), .init(.binary(.add), .f32, [1e-40, 1e-40], 0),
    .init(.binary(.add), .f16, [6e-8, 6e-8], 1.1920928955078125e-07),
    .init(.binary(.sub), .f32, [.infinity, .infinity], .nan), .init(.binary(.mul), .f32, [1e-30, -1e-30], -0.0),
    .init(.binary(.mul), .f32, [1e-20, 1e-20], 0), .init(.binary(.mul), .f64, [1e-300, 1e-10], 0),
    .init(.binary(.mul), .bf16, [1.0078125, 1.0078125], 1.015625), .init(.binary(.div), .f32, [1, 1e-40], .infinity),
    .init(.binary(.div), .f32, [0, 0], .nan), .init(.binary(.div), .f32, [1, -0.0], -.infinity),
    .init(.binary(.rem), .f32, [-7, 3], -1), .init(.binary(.rem), .f32, [-4, 2], -0.0),
    .init(.binary(.rem), .f32, [1, 0], .nan), .init(.binary(.rem), .f32, [1, 1e-40], .nan),
    .init(.binary(.rem), .f32, [1e-40, 1], 1e-40), .init(.binary(.rem), .f32, [5, .infinity], 5),
    .init(.binary(.pow), .f32, [1, .nan], 1), .init(.binary(.pow), .f32, [.nan, 0], 1),
    .init(.binary(.pow), .f32, [-8, 1.0 / 3], .nan), .init(.binary(.pow), .f32, [-0.0, -1], -.infinity),
    .init(.binary(.pow), .f32, [-1, .infinity], 1), .init(.binary(.pow), .f32, [.infinity, 1e-40], .infinity),
    .init(.binary(.pow), .f32, [1e-30, 1.3], 0), .init(.binary(.max), .f32, [-0.0, 0], 0),
    .init(.binary(.max), .f32, [0, -0.0], 0), .init(.binary(.min), .f32, [0, -0.0], -0.0),
    .init(.binary(.min), .f32, [-0.0, 0], -0.0), .init(.binary(.max), .f32, [1, .nan], .nan),
    .init(.binary(.min), .f64, [.nan, 1], .nan), .init(.binary(.max), .f32, [1e-40, -1], 0),
    .init(.clamp, .f32, [-1, .nan, 1], .nan), .init(.clamp, .f32, [2, 0, 1], 1), .init(.clamp, .f32, [-1, 5, 1], 1),
    .init(.clamp, .f32, [-1, 1e-40, 1], 0), .init(.clamp, .u8, [10, 3, 20], 10),
    // (1 + 2^-12)^2 - 1 keeps its last bit only if the product is not rounded.
    .init(.fma, .f32, [1.000244140625, 1.000244140625, -1], 4.883408546447754e-4),
    .init(.fma, .f32, [1e-40, 1e38, 1], 1), .init(.fma, .f64, [.infinity, 0, 1], .nan),
  ]

  @Test("functions of two and three floats at special values", arguments: binaryFloatCases)
  func binaryFloats(_ c: ElementwiseCase) throws { try check(c) }

  static let integerCases: [ElementwiseCase] = [
    .init(.binary(.add), .i8, [127, 1], -128), .init(.binary(.sub), .u16, [0, 1], 65535),
    .init(.binary(.mul), .i32, [65536, 65536], 0), .init(.binary(.div), .i8, [7, 0], -1),
    .init(.binary(.div), .u8, [7, 0], 255), .init(.binary(.div), .i8, [-128, -1], -128),
    .init(.binary(.div), .i64, [-0x1p63, -1], -0x1p63), .init(.binary(.div), .i32, [-7, 2], -3),
    .init(.binary(.rem), .i8, [-128, -1], 0), .init(.binary(.rem), .i64, [-0x1p63, -1], 0),
    .init(.binary(.rem), .i32, [7, 0], 7), .init(.binary(.rem), .i32, [-7, 3], -1),
    .init(.binary(.rem), .u8, [7, 0], 7), .init(.binary(.pow), .i32, [3, 40], 689_956_897),
    .init(.binary(.pow), .i32, [2, -1], 0), .init(.binary(.pow), .i32, [-1, -3], -1),
    .init(.binary(.pow), .i32, [-1, -2], 1), .init(.binary(.pow), .i32, [1, -5], 1),
    .init(.binary(.pow), .i32, [0, -1], 0), .init(.binary(.pow), .i8, [0, 0], 1),
    .init(.binary(.pow), .u8, [3, 5], 243),
    .init(.binary(.shiftLeft), .i8, [1, 7], -128), .init(.binary(.shiftLeft), .i32, [1, 32], 0),
    .init(.binary(.shiftLeft), .i32, [1, -1], 0), .init(.binary(.shiftLeft), .u8, [255, 200], 0),
    .init(.binary(.shiftRightLogical), .i8, [-1, 4], 15), .init(.binary(.shiftRightLogical), .i8, [-1, 0], -1),
    .init(.binary(.shiftRightLogical), .i8, [-1, 8], 0), .init(.binary(.shiftRightArithmetic), .i8, [-128, 8], -1),
    .init(.binary(.shiftRightArithmetic), .i8, [64, -1], 0), .init(.binary(.shiftRightArithmetic), .i32, [-8, 1], -4),
    .init(.binary(.shiftRightArithmetic), .u8, [128, 1], 192), .init(.binary(.shiftRightArithmetic), .u8, [64, 9], 0),
    .init(.binary(.max), .u8, [200, 100], 200), .init(.binary(.max), .i8, [-56, 100], 100),
    .init(.binary(.max), .bool, [0, 1], 1), .init(.binary(.min), .bool, [0, 1], 0),
    .init(.binary(.xor), .bool, [1, 1], 0), .init(.binary(.and), .i8, [-1, 6], 6),
    .init(.integerPow(0), .i32, [0], 1), .init(.integerPow(3), .i8, [-5], -125), .init(.integerPow(9), .u8, [3], 227),
  ]

  @Test("integer ops wrap and are total", arguments: integerCases)
  func integers(_ c: ElementwiseCase) throws { try check(c) }

  @Test("for every integer dtype, quotient and remainder make up the dividend")
  func division() throws {
    for dtype in DType.allCases where dtype.isInteger {
      let seed: UInt64 = 11
      var generator = SeededGenerator(seed: seed)
      // Half of the divisors are small, so that quotients are not all 0.
      let a = tensor(dtype, bits: (0..<64).map { _ in generator.next() })
      let b = tensor(dtype, bits: (0..<64).map { $0 % 2 == 0 ? generator.next() : generator.next() % 5 })
      let product = try evaluate(.binary(.mul), try evaluate(.binary(.div), a, b), b)
      let sum = try evaluate(.binary(.add), product, try evaluate(.binary(.rem), a, b))
      #expect(sum == a, "\(dtype), seed \(seed)")
    }
  }

  @Test("16-bit products are the exact product rounded once: rounding to f32 in between changes nothing")
  func halfProducts() throws {
    for dtype in [DType.f16, .bf16] {
      let seed: UInt64 = 5
      var generator = SeededGenerator(seed: seed)
      let random = { (generator: inout SeededGenerator) in
        tensor(dtype, (0..<256).map { _ in Double.random(in: -8...8, using: &generator) })
      }
      let (a, b) = (random(&generator), random(&generator))
      let exact = zip(a.numbers, b.numbers).map { $0 * $1 }
      #expect(try evaluate(.binary(.mul), a, b) == tensor(dtype, exact), "\(dtype), seed \(seed)")
    }
  }

  @Test("comparisons: with NaN only ne holds, subnormals are zero, false is less than true")
  func compare() throws {
    let a = tensor(.f32, [.nan, 1e-40, -0.0, 1])
    let b = tensor(.f32, [.nan, 0, 0, 2])
    let expected: [Op.Comparison: [Double]] = [
      .eq: [0, 1, 1, 0], .ne: [1, 0, 0, 1], .lt: [0, 0, 0, 1], .le: [0, 1, 1, 1], .gt: [0, 0, 0, 0],
      .ge: [0, 1, 1, 0],
    ]
    for direction in Op.Comparison.allCases {
      #expect(try evaluate(.compare(direction), a, b).numbers == expected[direction], "\(direction)")
    }
    #expect(try evaluate(.compare(.lt), tensor(.u64, bits: [1]), tensor(.u64, bits: [.max])).numbers == [1])
    #expect(try evaluate(.compare(.gt), tensor(.i8, [-1]), tensor(.i8, [1])).numbers == [0])
    #expect(try evaluate(.compare(.lt), tensor(.bool, [0]), tensor(.bool, [1])).numbers == [1])
    #expect(try evaluate(.compare(.eq), tensor(.f16, [6e-8]), tensor(.f16, [0])).numbers == [0])
  }

  @Test("select takes elements by the predicate")
  func select() throws {
    #expect(
      try evaluate(.select, tensor(.bool, [1, 0, 1]), tensor(.i8, [1, 2, 3]), tensor(.i8, [-1, -2, -3])).numbers
        == [1, -2, 3])
  }

  @Test("integer_pow of floats multiplies by squares from the lowest bit of the exponent")
  func integerPow() throws {
    let x = Float(1.1)
    let square = x * x
    let pow = { (exponent: Int) in
      Float(try evaluate(.integerPow(exponent), tensor(.f32, [Double(x)])).numbers[0])
    }
    #expect(try pow(5) == x * (square * square))
    #expect(try pow(7) == x * square * (square * square))
    #expect(try pow(-3) == 1 / (x * square))
    let special = tensor(.f32, [.nan, .infinity, -0.0, 1e-40])
    #expect(try evaluate(.integerPow(0), special) == tensor(.f32, [1, 1, 1, 1]))
    #expect(try evaluate(.integerPow(1), special) == special)
    #expect(try evaluate(.integerPow(2), special) == tensor(.f32, [.nan, .infinity, 0, 0]))
    #expect(try evaluate(.integerPow(-1), special) == tensor(.f32, [.nan, 0, -.infinity, .infinity]))
    // bf16 rounds after each multiplication: 1.1 is 1.1015625 there.
    #expect(try evaluate(.integerPow(5), tensor(.bf16, [1.1])).numbers == [1.6171875])
  }

  // MARK: - Conversions

  static let conversions: [(DType, DType, [Double], [Double])] = [
    (.f32, .i8, [.nan, 300, -300, 1.9, -1.9], [0, 127, -128, 1, -1]),
    (.f32, .u8, [.nan, 300, -300, 1.9, -1.9], [0, 255, 0, 1, 0]),
    (.f32, .i32, [.infinity, -.infinity, 2e9], [2_147_483_647, -2_147_483_648, 2e9]),
    (.f64, .bool, [.nan, 0.1, -0.0, 0x1p-1060], [1, 1, 0, 0]), (.f32, .bool, [1e-40, 2], [0, 1]),
    (.bf16, .bool, [1e-40, 0], [1, 0]), (.i32, .bool, [256, 0], [1, 0]), (.bool, .f16, [1, 0], [1, 0]),
    (.i32, .i8, [300, -129], [44, 127]), (.i8, .u32, [-1], [4_294_967_295]), (.u8, .i64, [255], [255]),
    (.i32, .f32, [16_777_217, 16_777_219], [16_777_216, 16_777_220]),
    (.i32, .bf16, [16_842_753, 16_842_752, -16_842_753], [16_908_288, 16_777_216, -16_908_288]),
    (.i32, .f16, [70000, -2049], [.infinity, -2048]),
    (.f64, .f32, [1 + 0x1p-24, 1 + 0x1p-24 + 0x1p-50, 1e-40], [1, 1 + 0x1p-23, 0]),
    (.f64, .f16, [1 + 0x1p-11 + 0x1p-40, 65520, 6e-8], [1 + 0x1p-10, .infinity, 6e-8]),
    (.f64, .bf16, [1 + 0x1p-8 + 0x1p-40, -1e-40], [1 + 0x1p-7, -0.0]),
    (.f32, .bf16, [1e-40, 3.4e38], [1e-40, 3.4e38]), (.bf16, .f32, [1e-40], [9.18354961579912e-41]),
    (.bf16, .f64, [1e-40], [0]), (.f32, .f64, [-1e-40], [-0.0]), (.f16, .f32, [6e-8], [5.9604644775390625e-08]),
  ]

  @Test("conversions round once, saturate from floats and wrap between integers")
  func conversions() throws {
    for (from, to, values, expected) in Self.conversions {
      #expect(try evaluate(.convert(to), tensor(from, values)) == tensor(to, expected), "\(from) to \(to)")
    }
    #expect(try evaluate(.convert(.f32), tensor(.u64, bits: [.max])).numbers == [0x1p64])
    #expect(try evaluate(.convert(.f64), tensor(.i64, bits: [(1 << 53) + 1])).numbers == [0x1p53])
    #expect(try evaluate(.convert(.u64), tensor(.f64, [1e30, -1])).patterns == [.max, 0])
    // Just above the middle of two bf16 neighbours, by a bit that a Double does not hold.
    #expect(try evaluate(.convert(.bf16), tensor(.i64, bits: [(1 << 62) + (1 << 54) + 1])).numbers == [0x1p62 + 0x1p55])
    #expect(try evaluate(.convert(.bf16), tensor(.i64, bits: [(1 << 62) + (1 << 54)])).numbers == [0x1p62])
  }
}
