// XLA's erf for scalars known while tracing, so that truncated normals start from JAX's very bounds.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The natural logarithm of a number.
func logarithm(_ x: Double) -> Double { log(x) }

/// The error function of a number.
func errorFunction(_ x: Double) -> Double { erf(x) }

/// Scalar functions with the bits of XLA's CPU backend.
enum XLAMath {
  /// XLA's rational approximation of erf (f32): `x * N(x²) / D(x²)` by Horner's rule with fused multiply-adds.
  static func erf(_ x: Float) -> Float {
    if Swift.abs(x) >= Float(bitPattern: 0x4075_47CB) { return x < 0 ? -1 : 1 }
    let z = x * x
    let numerator = horner(z, [0x3970_2D51, 0x3B5F_5DA2, 0x3D50_B6EB, 0x3E3D_A740, 0x3F90_6EBA])
    let denominator = horner(
      z, [0xB3FD_3906, 0x37C5_88DF, 0x3A85_6D28, 0x3C66_87D4, 0x3DE3_4C21, 0x3EFE_B44A, 0x3F80_0000])
    return x * numerator / denominator
  }

  private static func horner(_ z: Float, _ coefficients: [UInt32]) -> Float {
    coefficients.dropFirst().reduce(Float(bitPattern: coefficients[0])) { sum, bits in
      Float(bitPattern: bits).addingProduct(sum, z)
    }
  }
}
