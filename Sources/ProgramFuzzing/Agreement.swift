// How compiled programs are held against the reference interpreter: running both, and how much they may differ.

import BloxIR
import BloxPasses
import BloxRuntime

/// How close a compiled op's result is to the reference's for the same operands.
package enum Agreement {
  /// The same bits. Two NaNs are the same whatever their payloads, since machines differ in what arithmetic gives.
  case bits
  /// The same bits, but a result that rounds up to the least normal number may be flushed: hardware looks at the
  /// exact result, the reference at the rounded one.
  case arithmetic
  /// At most so many representable values apart. Where subnormals are flushed, zero's neighbour is the least normal.
  case ulps(Int)
  /// A float sum of so many terms: the error is relative to the sum of the magnitudes, which is `scale`. Where a
  /// product of finite numbers may overflow, it may also meet an infinity of the other sign.
  case sum(terms: Int, scale: DenseConstant, overflows: Bool)
  /// A float product of so many factors: the error is relative to it. Partial products lie between the product of the
  /// factors below 1, `down`, and that of those above 1, `up`; if these leave the range, the order decides the result.
  case product(terms: Int, down: DenseConstant, up: DenseConstant)
  /// As far apart as a program makes of small differences, for which there is no bound. What such a program is made of
  /// is compared where it stands on its own. Integers are as far apart only where floats decide them, as pivots do; if
  /// not, they have the same bits.
  case unbounded(decided: Bool)
}

/// The bounds of functions that are not exact, in units in the last place of the result.
///
/// The reference is correctly rounded in f32 and libm in f64. Everything that is not listed has the same bits. In
/// bf16 and f16 the f32 function is rounded once more, which leaves one unit.
package enum Accuracy {
  /// The bound for a function of a dtype.
  package static func ulps(_ op: Op.Unary, _ dtype: DType) -> Int {
    let (single, double) =
      switch op {
      case .neg, .abs, .sign, .floor, .ceil, .sqrt, .not, .isFinite: (0, 0)
      case .exp: (2, 2)
      case .log: (2, 2)
      case .log1p: (2, 2)
      case .rsqrt: (2, 0)
      case .tanh: (2, 4)
      case .logistic: (2, 4)
      case .erf: (2, 2)
      // The reference is XLA's polynomial, so that samples equal JAX's.
      case .erfInv: (0, 4)
      case .exp2: (2, 2)
      // f32 widens to f64: what is left is a tie that one of the two roundings decides otherwise.
      case .expm1, .cbrt, .sinh, .cosh, .asinh, .acosh, .atanh: (1, 4)
      case .sin, .cos, .asin, .acos, .atan: (1, 2)
      case .tan: (1, 4)
      case .erfc: (1, 0)
      case .lgamma: (2, 0)
      // Near its zeros, which are at 1.46 and between the integers below 0, f64 has few digits.
      case .digamma: (2, 1 << 20)
      case .roundNearestEven, .roundNearestAway, .populationCount, .clz: (0, 0)
      }
    return bound(single: single, double: double, dtype)
  }

  /// The bound for a function of a dtype.
  package static func ulps(_ op: Op.Binary, _ dtype: DType) -> Int {
    switch op {
    case .pow: bound(single: 1, double: 1, dtype)
    case .atan2: bound(single: 1, double: 3, dtype)
    case .nextafter: 0
    case .add, .sub, .mul, .div, .rem, .max, .min, .and, .or, .xor, .shiftLeft, .shiftRightLogical,
      .shiftRightArithmetic:
      0
    }
  }

  private static func bound(single: Int, double: Int, _ dtype: DType) -> Int {
    switch dtype {
    case .f32: single
    case .f64: double
    case .bf16, .f16: min(single, 1)
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .key: 0
    }
  }
}

extension Op {
  /// How close the compiled result is to the reference's for these operands.
  package func agreement(_ operands: [DenseConstant]) throws -> Agreement {
    switch self {
    case .unary(let op): return .ulps(Accuracy.ulps(op, operands[0].type.dtype))
    case .binary(.mul), .binary(.div), .fma, .integerPow: return .arithmetic
    case .binary(let op): return .ulps(Accuracy.ulps(op, operands[0].type.dtype))
    case .reduce(.prod, let axes) where operands[0].type.dtype.isFloating:
      let terms = axes.reduce(1) { $0 * operands[0].type.shape[$1] }
      if terms == 1 { return .bits }
      let (down, up) = try partialProducts(operands[0])
      return .product(terms: terms, down: down, up: up)
    case .reduce(.sum, let axes) where operands[0].type.dtype.isFloating:
      let terms = axes.reduce(1) { $0 * operands[0].type.shape[$1] }
      return terms == 1 ? .bits : .sum(terms: terms, scale: try magnitudes(operands), overflows: false)
    case .dotGeneral(var dims) where (dims.preferred ?? operands[0].type.dtype).isFloating:
      dims.preferred = nil
      let terms = dims.lhsContract.reduce(1) { $0 * operands[0].type.shape[$1] }
      return .sum(
        terms: terms, scale: try Op.dotGeneral(dims).magnitudes(operands),
        overflows: operands.contains(where: \.isLarge))
    case .convolution(var convolution) where (convolution.preferred ?? operands[0].type.dtype).isFloating:
      // Whether zeros of the padding are multiplied is left open, and with infinities they would make NaN.
      let kernel = operands[1]
      if (0..<kernel.type.elementCount).contains(where: { !kernel[$0].doubleValue.isFinite }) {
        return .unbounded(decided: false)
      }
      convolution.preferred = nil
      let terms = convolution.kernel.spatial.reduce(operands[1].type.shape[convolution.kernel.feature]) {
        $0 * operands[1].type.shape[$1]
      }
      return .sum(
        terms: terms, scale: try Op.convolution(convolution).magnitudes(operands),
        overflows: operands.contains(where: \.isLarge))
    case .convolution: return .bits
    case .constant, .compare, .select, .clamp, .convert, .bitcastConvert, .broadcastInDim, .reshape, .transpose, .slice,
      .pad, .concatenate, .iota, .reduce, .argReduce, .dotGeneral, .random, .call, .axisIndex,
      .stopGradient, .fusion:
      return .bits
    case .custom, .collective: return .bits
    case .cumulative(let kind, let axis, _) where operands[0].type.dtype.isFloating:
      return try cumulativeAgreement(kind, terms: operands[0].type.shape[axis], operands[0])
    case .cumulative: return .bits
    case .indexing(.scatter(.mul, _)): return .arithmetic
    case .indexing: return .bits
    case .window(.reduce(.prod, _)): return .arithmetic
    // Elements are combined in one order, that of the taps.
    case .window: return .bits
    case .checkpointName: return .bits
    case .control:
      if regions.allSatisfy({ $0.program.isExact }) { return .bits }
      return .unbounded(decided: regions.contains { $0.program.decidesByFloats })
    // Results are compared by what they are factors of; see LinearAlgebraChecks.swift.
    case .linearAlgebra: return .bits
    case .ordering: return .bits
    case .optimizationBarrier: return .bits
    case .debugPrint: return .bits
    }
  }

  /// Like reductions of what each element combines.
  private func cumulativeAgreement(_ kind: Cumulative, terms: Int, _ x: DenseConstant) throws -> Agreement {
    switch kind {
    // f32 sums accumulate in f64 on both sides, one after the other.
    case .sum: return .arithmetic
    case .max, .min: return .bits
    case .prod:
      let (down, up) = try partialProducts(x)
      return .product(terms: terms, down: down, up: up)
    case .logSumExp:
      let sizes = try wideMagnitudes(x)
      let shifted = try ReferenceInterpreter.evaluate(
        .binary(.add), operands: [sizes, DenseConstant(Literal(1, as: .f64), shape: x.type.shape)])
      guard case .cumulative(_, let axis, let reverse) = self else { return .bits }
      let largest = Op.cumulative(.max, axis: axis, reverse: reverse)
      let scale = try ReferenceInterpreter.evaluate(largest, operands: shifted)[0]
      return .sum(terms: terms + 4, scale: scale, overflows: false)
    }
  }

  /// The op on the magnitudes of its operands, which must be floating-point, in f64, where f32 does not overflow.
  private func magnitudes(_ operands: [DenseConstant]) throws -> DenseConstant {
    try ReferenceInterpreter.evaluate(self, operands: operands.map(wideMagnitudes))[0]
  }

  /// The op, a product, on the magnitudes below 1 and on those above 1.
  private func partialProducts(_ x: DenseConstant) throws -> (down: DenseConstant, up: DenseConstant) {
    let sizes = try wideMagnitudes(x)
    let one = DenseConstant(Literal(1, as: .f64), shape: sizes.type.shape)
    func partial(_ op: Op.Binary) throws -> DenseConstant {
      let bounded = try ReferenceInterpreter.evaluate(.binary(op), operands: [sizes, one])
      return try ReferenceInterpreter.evaluate(self, operands: bounded)[0]
    }
    return (try partial(.min), try partial(.max))
  }

  private func wideMagnitudes(_ operand: DenseConstant) throws -> DenseConstant {
    let wide = try ReferenceInterpreter.evaluate(.convert(.f64), operands: [operand])
    return try ReferenceInterpreter.evaluate(.unary(.abs), operands: wide)[0]
  }
}

extension DenseConstant {
  /// Whether products of such numbers may leave the range of f32 on the way to a sum inside it.
  fileprivate var isLarge: Bool {
    (0..<type.elementCount).contains { self[$0].doubleValue.isFinite && abs(self[$0].doubleValue) > 1e18 }
  }
}

extension Program {
  /// Whether some instruction makes numbers that are not floats of floats: comparisons, conversions, pivots, orders.
  fileprivate var decidesByFloats: Bool {
    instructions.contains { instruction in
      if instruction.op.regions.contains(where: { $0.program.decidesByFloats }) { return true }
      if case .call(let callee) = instruction.op, callee.program.decidesByFloats { return true }
      return instruction.operands.contains { type(of: $0).dtype.isFloating }
        && instruction.results.contains { !type(of: $0).dtype.isFloating }
    }
  }

  /// Whether every instruction gives the same bits on both engines.
  fileprivate var isExact: Bool {
    instructions.allSatisfy { instruction in
      let isOfFloats = (instruction.results.map { type(of: .value($0)) } + instruction.operands.map { type(of: $0) })
        .contains(where: \.dtype.isFloating)
      switch instruction.op {
      case .control: return instruction.op.regions.allSatisfy { $0.program.isExact }
      case .call(let callee): return callee.program.isExact
      case .fusion(let fusion): return fusion.region.isExact
      case .custom: return instruction.op.primalCallee?.program.isExact ?? true
      case .unary(let op): return !isOfFloats || Accuracy.ulps(op, type(of: instruction.operands[0]).dtype) == 0
      case .binary(.add), .binary(.sub), .binary(.max), .binary(.min): return true
      case .binary, .fma, .integerPow, .dotGeneral, .convolution, .reduce: return !isOfFloats
      case .constant, .compare, .select, .clamp, .convert, .bitcastConvert, .broadcastInDim, .reshape, .transpose,
        .slice, .pad, .concatenate, .iota, .argReduce, .random, .axisIndex, .stopGradient, .collective,
        .checkpointName, .optimizationBarrier, .debugPrint:
        return true
      case .linearAlgebra: return false
      case .window(.reduce(.prod, _)): return !isOfFloats
      case .window: return true
      case .cumulative, .indexing: return !isOfFloats
      case .ordering: return true
      }
    }
  }
}

/// Says where a compiled result is further from the reference's than allowed; `nil` when it is nowhere.
package func disagreement(got: DenseConstant, want: DenseConstant, _ agreement: Agreement) -> String? {
  guard got.type == want.type else { return "got \(got.type), want \(want.type)" }
  if got.bytes == want.bytes { return nil }
  for index in 0..<got.type.elementCount where !agrees(got[index], want[index], at: index, agreement) {
    let wrong = (index..<got.type.elementCount).filter { !agrees(got[$0], want[$0], at: $0, agreement) }
    return "at element \(index): got \(describe(got[index])), want \(describe(want[index]));"
      + " \(wrong.count) of \(got.type.elementCount) differ"
  }
  return nil
}

private func agrees(_ got: Literal, _ want: Literal, at index: Int, _ agreement: Agreement) -> Bool {
  if got.bits == want.bits { return true }
  guard got.dtype.isFloating else {
    if case .unbounded(decided: true) = agreement { return true }
    return false
  }
  let (x, y) = (got.doubleValue, want.doubleValue)
  if x.isNaN && y.isNaN { return true }
  switch agreement {
  case .bits: return false
  case .unbounded: return true
  case .arithmetic: return place(got) == 0 && abs(place(want)) == 1 && got.dtype != .f16
  case .ulps(let limit):
    if x.isNaN || y.isNaN || limit == 0 { return false }
    // Zeros have the same sign, and what is flushed is zero indeed.
    if place(got) == 0 && (place(want) == 0 || x != 0) { return false }
    return abs(place(got) - place(want)) <= limit
  case .sum(let terms, let scale, let overflows):
    let scale = scale[index].doubleValue
    // NaN and infinities among the terms give the same in any order: an infinity, or NaN as above.
    if scale.isNaN || scale == .infinity && got.dtype != .f64 { return x == y || overflows && x.isNaN }
    // Large terms may overflow in one order of additions and cancel in another.
    if scale > Literal(dtype: got.dtype, bits: Literal.highest(got.dtype).bits - 1).doubleValue / 2 { return true }
    // Half a unit for each addition in the accumulator's dtype, one more for the last rounding.
    let accumulator = got.dtype == .f64 ? Double.ulpOfOne : Double(Float.ulpOfOne)
    let bound = (accumulator * Double(terms) / 2 + 2 * epsilon(got.dtype)) * scale
    return abs(x - y) <= bound + leastNonzero(got.dtype)
  case .product(let terms, let down, let up):
    let largest = Literal(dtype: got.dtype, bits: Literal.highest(got.dtype).bits - 1).doubleValue
    // f16 and bf16 round once for each group of neighbouring axes.
    guard up[index].doubleValue < largest / 2, down[index].doubleValue * largest > 64 else { return true }
    let accumulator = got.dtype == .f64 ? Double.ulpOfOne : Double(Float.ulpOfOne)
    return abs(x - y) <= (accumulator * Double(terms) + 3 * epsilon(got.dtype)) * abs(y)
  }
}

/// A literal's number and bits.
package func describe(_ literal: Literal) -> String {
  let number = literal.dtype == .key || literal.dtype == .u64 ? "\(literal.bits)" : "\(literal.doubleValue)"
  return number + " (0x" + String(literal.bits, radix: 16) + ")"
}

/// Floats in order, neighbours one apart, both zeros and flushed subnormals at 0.
package func place(_ literal: Literal) -> Int {
  let signBit: UInt64 = 1 << UInt64(literal.dtype.bitWidth - 1)
  let magnitude = Int(literal.bits & (signBit - 1))
  // f16 keeps its subnormals; in the others they count as zero.
  let first: Int
  switch literal.dtype {
  case .f32: first = 1 << 23
  case .f64: first = 1 << 52
  case .bf16: first = 1 << 7
  case .f16, .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .key: first = 1
  }
  let position = max(0, magnitude - first + 1)
  return literal.bits & signBit == 0 ? position : -position
}

private func epsilon(_ dtype: DType) -> Double {
  switch dtype {
  case .f64: 0x1p-52
  case .f32: 0x1p-23
  case .f16: 0x1p-10
  case .bf16: 0x1p-7
  case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .key: 0
  }
}

/// What may get lost when a small sum is flushed, or rounded to a subnormal f16.
private func leastNonzero(_ dtype: DType) -> Double {
  switch dtype {
  case .f64: Double.leastNormalMagnitude
  case .f32, .bf16: Double(Float.leastNormalMagnitude)
  case .f16: 0x1p-24
  case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .key: 0
  }
}

// MARK: - Running

extension Executable {
  /// Runs on constants instead of memory; arguments are copied, so donation does not show.
  package func run(_ arguments: [DenseConstant]) throws -> [DenseConstant] {
    let results = try run(arguments.map { try Storage($0.bytes) })
    return zip(results, program.resultTypes).map { DenseConstant(type: $1, bytes: $0.elements(as: UInt8.self)) }
  }
}
