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
    case .exp2: return F(exp2(wide))
    case .expm1: return F(expm1(wide))
    case .cbrt: return F(cbrt(wide))
    case .sin: return F(sin(wide))
    case .cos: return F(cos(wide))
    case .tan: return F(tan(wide))
    case .asin: return F(asin(wide))
    case .acos: return F(acos(wide))
    case .atan: return F(atan(wide))
    case .sinh: return F(sinh(wide))
    case .cosh: return F(cosh(wide))
    case .asinh: return F(asinh(wide))
    case .acosh: return F(acosh(wide))
    case .atanh: return F(atanh(wide))
    case .erfc: return F(erfc(wide))
    case .lgamma: return F(logGamma(wide))
    case .digamma: return F(digamma(wide))
    case .roundNearestEven: return x.rounded(.toNearestOrEven)
    case .roundNearestAway: return x.rounded(.toNearestOrAwayFromZero)
    case .neg, .abs, .not, .isFinite: preconditionFailure("\(op.rawValue) works on bits, see unary(_:_:)")
    case .populationCount, .clz: preconditionFailure("the type rule admits no floats")
    }
  }

  /// The logarithm of the size of the gamma function: infinite at 0, -1, -2, … and at both infinities.
  private static func logGamma(_ x: Double) -> Double {
    var sign: Int32 = 0
    return lgamma_r(x, &sign)
  }

  /// The slope of `logGamma`: an asymptotic series from 20 on, the recurrence below it and reflection below ½; NaN at
  /// 0, -1, -2, … as in XLA.
  private static func digamma(_ x: Double) -> Double {
    if x == .infinity { return x }
    guard x.isFinite, !(x <= 0 && x == x.rounded(.down)) else { return .nan }
    if x < 0.5 {
      // The tangent has period 1; its argument is kept small, where it is exact.
      let part = x.magnitude < 0.5 ? x : x - x.rounded(.toNearestOrEven)
      return digamma(1 - x) - .pi / tan(.pi * part)
    }
    var (y, sum) = (x, 0.0)
    while y < 20 {
      sum += 1 / y
      y += 1
    }
    let z = 1 / (y * y)
    let series = z * (1 / 12.0 - z * (1 / 120.0 - z * (1 / 252.0 - z * (1 / 240.0 - z * (1 / 132.0)))))
    return log(y) - 0.5 / y - series - sum
  }

  /// The angle of the point (x, y), with C's special cases.
  static func atan2(_ y: DenseConstant, _ x: DenseConstant) -> DenseConstant {
    let angles = zip(y.doubles, x.doubles).map { libmAtan2($0, $1) }
    return y.type.dtype == .f64
      ? DenseConstant(type: y.type, rounding: angles)
      : DenseConstant(type: y.type, rounding: angles.map { Float($0) })
  }

  private static func libmAtan2(_ y: Double, _ x: Double) -> Double {
    #if canImport(Glibc)
      Glibc.atan2(y, x)
    #elseif canImport(Musl)
      Musl.atan2(y, x)
    #else
      Darwin.atan2(y, x)
    #endif
  }

  /// The next number towards the other, by a step of the bits, which are ordered as the sizes are. No result is
  /// flushed. For equal numbers the other one; like all comparisons, this one reads subnormals as zero.
  static func nextafter(_ a: DenseConstant, _ b: DenseConstant) -> DenseConstant {
    let dtype = a.type.dtype
    let sign: UInt64 = 1 << UInt64(dtype.bitWidth - 1)
    let infinity = Literal(Double.infinity, as: dtype).bits
    let isZero = zip(a.doubles, b.doubles).map { $0 == 0 && $1 == 0 }
    func next(_ x: UInt64, _ y: UInt64, bothZero: Bool) -> UInt64 {
      let (sizeX, sizeY) = (x & ~sign, y & ~sign)
      if sizeX > infinity { return x }
      if sizeY > infinity || x == y || bothZero { return y }
      if sizeX == 0 { return y & sign | 1 }
      return (x ^ y) & sign != 0 || sizeX > sizeY ? x - 1 : x + 1
    }
    return DenseConstant(type: a.type, words: zip(zip(a.words, b.words), isZero).map { next($0.0, $0.1, bothZero: $1) })
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
