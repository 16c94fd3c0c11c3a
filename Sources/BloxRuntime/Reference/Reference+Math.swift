// Functions of one floating-point number.
//
// f32 (and the 16-bit dtypes, which compute in f32 and round once more) evaluate in Double with libm and round once:
// correctly rounded but for rare ties that libm's own error decides. The exception is `erf_inv`: random normals are
// made with it, and samples equal JAX's only if it is XLA's polynomial, bit for bit.

import BloxIR

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The two widths that floating-point ops compute in.
protocol ReferenceFloat: BinaryFloatingPoint {
  /// The inverse of the error function: ±inf at ±1, NaN outside.
  static func inverseErf(_ x: Self) -> Self
}

// Not members of the op families: inside them, cases such as `exp` hide libm's functions.
extension ReferenceInterpreter {
  /// The function at a number that has been flushed; the result is flushed when it is written.
  static func apply<F: ReferenceFloat>(_ op: Op.Unary, to x: F) -> F {
    let wide = Double(x)
    switch op {
    case .sign: return x.isNaN || x == 0 ? x : F(signOf: x, magnitudeOf: 1)
    case .floor: return x.rounded(.down)
    case .ceil: return x.rounded(.up)
    case .exp: return F(exp(wide))
    case .log: return F(log(wide))
    case .log1p: return F(log1p(wide))
    case .sqrt: return x.squareRoot()
    case .rsqrt: return F(1 / wide.squareRoot())  // -inf at -0, as 1 / sqrt(-0).
    case .tanh: return F(tanh(wide))
    case .logistic: return F(1 / (1 + exp(-wide)))
    case .erf: return F(erf(wide))
    case .erfInv: return F.inverseErf(x)
    case .neg, .abs, .not, .isFinite: preconditionFailure("\(op.rawValue) works on bits, see unary(_:_:)")
    }
  }

  /// C's pow, with its special cases: `pow(1, nan)` and `pow(nan, 0)` are 1.
  static func libmPow(_ a: Double, _ b: Double) -> Double { pow(a, b) }
}

// MARK: - erf_inv in f32, as XLA computes it

extension Float: ReferenceFloat {
  /// M. Giles, "Approximating the erfinv function" (GPU Computing Gems, 2011): a polynomial in `-log(1 - x²)`, one
  /// for the middle and one, in the square root, for the tails.
  static func inverseErf(_ x: Float) -> Float {
    if abs(x) == 1 { return x * .infinity }
    let w = -xlaLog1p(-(x * x))
    let p =
      w < 5
      ? horner(
        w - 2.5,
        [
          2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503,
          -0.00417768164, 0.246640727, 1.50140941,
        ])
      : horner(
        w.squareRoot() - 3,
        [
          -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
          0.00943887047, 1.00167406, 2.83297682,
        ])
    return p * x
  }

  /// XLA's `log1p`: a rational function near zero, else the logarithm of the rounded sum.
  private static func xlaLog1p(_ x: Float) -> Float {
    guard abs(x) < Float(bitPattern: 0x3ED4_13CD) else { return xlaLog(1 + x) }
    let numerator = horner(
      x,
      [4.527e-05] + bits([0x3EFF_40C5, 0x40D2_84FA, 0x41EF_4B9C, 0x4273_CC76, 0x4264_73AD, 0x41A0_5101]))
    let denominator = horner(
      x, [1] + bits([0x4171_01AD, 0x42A6_185B, 0x435D_C32D, 0x439A_8CA3, 0x4358_6D8A, 0x4270_7982]))
    let square = x * x
    return x + fma(square, -0.5, (x * square) * (numerator / denominator))
  }

  /// XLA's `log`, after Cephes' logf: `x = m · 2^e` with m in [√½, √2), three interleaved polynomials in `m - 1`,
  /// and `e · log 2` in two parts.
  private static func xlaLog(_ x: Float) -> Float {
    guard x >= .leastNormalMagnitude, x.isFinite else {
      return x.isNaN || x < 0 ? .nan : (x == .infinity ? x : -.infinity)
    }
    var exponent = Float(x.exponent + 1)
    var mantissa = x.significand / 2  // In [½, 1).
    if mantissa < Float(bitPattern: 0x3F35_04F3) {
      exponent -= 1
      mantissa += mantissa
    }
    let t = mantissa - 1
    let square = t * t
    let cube = square * t
    let c = bits([
      0x3D90_21BB, 0xBDEB_D1B8, 0xBDFE_5D4F, 0x3E11_E9BF, 0x3E4C_CEAC, 0xBE7F_FFFC, 0x3DEF_251A, 0xBE2A_AE50,
      0x3EAA_AAAA,
    ])
    let first = fma(fma(t, c[0], c[1]), t, c[6])
    let second = fma(fma(t, c[2], c[3]), t, c[7])
    let third = fma(fma(t, c[4], c[5]), t, c[8])
    let series = fma(fma(first, cube, second), cube, third)
    let low = fma(series, cube, exponent * Float(bitPattern: 0xB95E_8083))
    return fma(exponent, Float(bitPattern: 0x3F31_8000), fma(-square, 0.5, t) + low)
  }

  /// `a * b + c`, rounded once.
  private static func fma(_ a: Float, _ b: Float, _ c: Float) -> Float { c.addingProduct(a, b) }

  /// The polynomial with the given coefficients, highest power first; one fma per step.
  private static func horner(_ x: Float, _ coefficients: [Float]) -> Float {
    coefficients.dropFirst().reduce(coefficients[0]) { fma($0, x, $1) }
  }

  private static func bits(_ patterns: [UInt32]) -> [Float] { patterns.map(Float.init(bitPattern:)) }
}

// MARK: - erf_inv in f64

extension Double: ReferenceFloat {
  /// Winitzki's closed formula (relative error 2e-3), then Halley's iteration, which triples the correct digits.
  static func inverseErf(_ x: Double) -> Double {
    let magnitude = abs(x)
    guard magnitude < 1 else { return magnitude == 1 ? x * .infinity : .nan }
    let halfSqrtPi = 0.886_226_925_452_758
    // Below, the next term of the series, π/12 · x², is less than half an ulp.
    if magnitude < 1e-8 { return x * halfSqrtPi }

    let a = 0.147
    let logarithm = log((1 - magnitude) * (1 + magnitude))
    let center = 2 / (.pi * a) + logarithm / 2
    // The difference of the two roots, written without cancellation: -logarithm/a over their sum.
    let root = (center * center - logarithm / a).squareRoot()
    var y = (-logarithm / a / (root + center)).squareRoot()
    for _ in 0..<3 {
      // Near 1, erf has lost the digits that erfc has; 1 - magnitude is exact there.
      let error = magnitude > 0.5 ? (1 - magnitude) - erfc(y) : erf(y) - magnitude
      let step = error * halfSqrtPi * exp(y * y)
      y -= step / (1 + y * step)
    }
    return x < 0 ? -y : y
  }
}
