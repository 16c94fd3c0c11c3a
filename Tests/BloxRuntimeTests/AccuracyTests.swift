// How far the functions are from the correctly rounded value, in units in the last place.
//
// f32 functions are compared with libm's in Double over every so many-th bit pattern, which covers all exponents and
// signs. Debug builds look at some thousands of patterns and release builds at some millions;
// `BLOX_ACCURACY_STRIDE=1 swift test -c release --filter AccuracyTests` looks at all of them. f64 functions are
// compared with libm's over random numbers, and libm's own error counts as ours.

import BloxIR
import BloxRuntime
import Foundation
import TestSupport
import Testing

@Suite("Accuracy") struct AccuracyTests {
  /// A function with its reference and the largest error allowed.
  struct Function: Sendable, CustomTestStringConvertible {
    let op: Op.Unary
    let bound: Double
    let reference: @Sendable (Double) -> Double
    init(_ op: Op.Unary, within bound: Double = 2, _ reference: @escaping @Sendable (Double) -> Double) {
      (self.op, self.bound, self.reference) = (op, bound, reference)
    }
    var testDescription: String { op.rawValue }
  }

  static let functions = [
    Function(.exp) { exp($0) }, Function(.log) { log($0) }, Function(.log1p) { log1p($0) },
    Function(.sqrt, within: 0.5) { $0.squareRoot() }, Function(.rsqrt) { 1 / $0.squareRoot() },
    Function(.tanh) { tanh($0) }, Function(.logistic) { 1 / (1 + exp(-$0)) }, Function(.erf) { erf($0) },
    Function(.exp2) { exp2($0) }, Function(.expm1) { expm1($0) }, Function(.cbrt) { cbrt($0) },
    Function(.sin) { sin($0) }, Function(.cos) { cos($0) }, Function(.tan) { tan($0) }, Function(.asin) { asin($0) },
    Function(.acos) { acos($0) }, Function(.atan) { atan($0) }, Function(.sinh) { sinh($0) },
    Function(.cosh) { cosh($0) }, Function(.asinh) { asinh($0) }, Function(.acosh) { acosh($0) },
    Function(.atanh) { atanh($0) }, Function(.erfc) { erfc($0) }, Function(.lgamma, within: 4) { logGamma($0) },
    Function(.roundNearestEven, within: 0) { $0.rounded(.toNearestOrEven) },
    Function(.roundNearestAway, within: 0) { $0.rounded(.toNearestOrAwayFromZero) },
  ]

  /// A prime, so that all low bits occur, unless the environment says otherwise.
  static let patternStride: UInt64 = {
    if let text = ProcessInfo.processInfo.environment["BLOX_ACCURACY_STRIDE"], let stride = UInt64(text), stride > 0 {
      return stride
    }
    var stride: UInt64 = 1021
    // The body of an assertion runs in debug builds only.
    assert(
      {
        stride = 1_049_347; return true
      }())
    return stride
  }()

  @Test("f32 functions are within 2 ulp over all normal numbers, and exact at special values", arguments: functions)
  func single(_ function: Function) throws {
    var worst = (error: 0.0, at: Float(0))
    var pattern: UInt64 = 0
    let chunk = 1 << 18
    while pattern < 1 << 32 {
      var inputs: [Float] = []
      inputs.reserveCapacity(chunk)
      while inputs.count < chunk, pattern < 1 << 32 {
        let x = Float(bitPattern: UInt32(pattern))
        if !x.isSubnormal { inputs.append(x) }
        pattern += Self.patternStride
      }
      let results = try apply(function.op, inputs)
      for (x, got) in zip(inputs, results) {
        let error = Self.error(got, of: function.reference(Double(x)))
        if error > worst.error { worst = (error, x) }
      }
    }
    #expect(worst.error <= function.bound, "\(worst.error) ulp at \(worst.at) (0x\(worst.at.bitPattern.hex))")
  }

  /// The distance of a result from the exact value in units in the last place; infinite where one is NaN alone.
  static func error(_ got: Float, of exact: Double) -> Double {
    if got.isNaN || exact.isNaN { return got.isNaN == exact.isNaN ? 0 : .infinity }
    let rounded = Float(exact)
    let flushed = rounded.isSubnormal ? Float(signOf: rounded, magnitudeOf: 0) : rounded
    if got == flushed { return got != 0 || got.sign == flushed.sign ? 0 : .infinity }
    // Whether a number rounds to the least normal one or is flushed depends on when the hardware looks.
    if flushed == 0 || got == 0 {
      return Swift.max(got.magnitude, flushed.magnitude) == .leastNormalMagnitude ? 0 : .infinity
    }
    // What overflows lies one unit above the largest number.
    let value = got.isInfinite ? Double(sign: got.sign, exponent: 128, significand: 1) : Double(got)
    let unit = Double(Swift.max(rounded.magnitude, .leastNormalMagnitude).nextDown.ulp)
    return ((value - exact) / unit).magnitude
  }

  @Test("f64 functions are within 4 ulp", arguments: functions)
  func double(_ function: Function) throws {
    var generator = SeededGenerator(seed: 21)
    let inputs = (0..<20_000).map { index -> Double in
      let exponent = Double(Int(generator.next() % 40)) - 32
      let x = Double.random(in: -1...1, using: &generator)
      return index % 2 == 0 ? x * exp2(exponent) : x * 8
    }
    let results = try apply(function.op, inputs)
    for (x, got) in zip(inputs, results) {
      let exact = function.reference(x)
      let want = exact.isSubnormal ? Double(signOf: exact, magnitudeOf: 0) : exact
      if want.isNaN || got.isNaN {
        #expect(want.isNaN == got.isNaN, "at \(x): got \(got), want \(want)")
        continue
      }
      // The zeros of lgamma are exempt.
      if function.op == .lgamma, want.magnitude < 0.01 { continue }
      let error = ((got - want) / want.ulp).magnitude
      #expect(got == want || error <= 4, "at \(x): got \(got), want \(want), \(error) ulp")
    }
  }

  /// Known values: ψ(1) = -γ, ψ(½) = -γ - 2 log 2, and the recurrence ψ(x + 1) = ψ(x) + 1/x.
  @Test("digamma has its known values and its recurrence, in both widths")
  func digamma() throws {
    let gamma = 0.57721566490153286
    let known = try apply(.digamma, [1.0, 0.5, 2, 100, -0.5, 0, -3, .infinity, -.infinity])
    let want = [
      -gamma, -gamma - 2 * log(2.0), 1 - gamma, 4.600161852738087, 0.03648997397857652, .nan, .nan, .infinity, .nan,
    ]
    for (got, want) in zip(known, want) {
      #expect(got == want || (got.isNaN && want.isNaN) || (got - want).magnitude <= 1e-15 + 4e-15 * want.magnitude)
    }
    var generator = SeededGenerator(seed: 22)
    let x = (0..<10_000).map { _ in Double.random(in: -30...30, using: &generator) }
    let (here, next) = (try apply(.digamma, x), try apply(.digamma, x.map { $0 + 1 }))
    for (index, x) in x.enumerated() {
      // The recurrence cancels; each side has an error of its own size, and x + 1 is rounded.
      let size = here[index].magnitude + next[index].magnitude + (1 / x).magnitude
      let slope = 1 + pow(Double.pi / sin(.pi * x), 2)
      #expect(
        (next[index] - here[index] - 1 / x).magnitude <= 1e-15 * (8 * size + 40 * slope), "digamma at \(x)")
    }
    let narrow = x.map { Float($0) }
    for (x, (got, wide)) in try zip(narrow, zip(apply(.digamma, narrow), apply(.digamma, narrow.map(Double.init)))) {
      #expect(Self.error(got, of: wide) <= 0.51, "digamma at \(x)")
    }
  }

  private func apply<T: BitwiseCopyable>(_ op: Op.Unary, _ inputs: [T]) throws -> [T] {
    let type = TensorType(T.self == Float.self ? .f32 : .f64, [inputs.count])
    let executable = try executable(program(of: .unary(op), [type]))
    return try executable.run([Storage(inputs)])[0].elements(as: T.self)
  }
}

private func logGamma(_ x: Double) -> Double {
  var sign: Int32 = 0
  return lgamma_r(x, &sign)
}

extension UInt32 {
  fileprivate var hex: String { String(self, radix: 16) }
}
