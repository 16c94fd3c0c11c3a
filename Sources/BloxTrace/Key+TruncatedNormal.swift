// Normal numbers between bounds.

import BloxIR

extension Key {
  /// Numbers of the standard normal distribution restricted to `(low, high)`.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for bounds with nothing between, or ``BloxError/Code/invalidDType`` for
  ///   a dtype that is not floating-point.
  public func truncatedNormal(
    _ shape: [Int] = [], low: Double = -2, high: Double = 2, dtype: DType = .f32, file: String = #fileID,
    line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard dtype.isFloating else {
        throw BloxError(.invalidDType, "truncatedNormal: needs a floating-point dtype, not \(dtype)")
      }
      guard low < high else {
        throw BloxError(.invalidArgument, "truncatedNormal: the bounds \(low) and \(high) leave nothing between")
      }
      // Every step is rounded to the dtype, as JAX has it.
      func rounded(_ x: Double) -> Double { Literal(x, as: dtype).doubleValue }
      let root = rounded(2.0.squareRoot())
      func share(below x: Double) -> Double {
        let scaled = rounded(rounded(x) / root)
        return dtype == .f64 ? errorFunction(scaled) : rounded(Double(XLAMath.erf(Float(scaled))))
      }
      let values = try erfInv(uniform(shape, low: share(below: low), high: share(below: high), dtype: dtype)) * root
      let (bottom, top) = (Literal(low, as: dtype), Literal(high, as: dtype))
      return try minimum(maximum(values, bottom.next(upwards: true)), top.next(upwards: false))
    }
  }
}

extension Literal {
  /// The next number of a floating-point dtype.
  fileprivate func next(upwards: Bool) -> Double {
    if doubleValue.isNaN || doubleValue == (upwards ? .infinity : -.infinity) { return doubleValue }
    // Bits count away from zero; both zeros are followed by the smallest number of either sign.
    if doubleValue == 0 {
      let smallest = Literal(dtype: dtype, bits: 1).doubleValue
      return upwards ? smallest : -smallest
    }
    return Literal(dtype: dtype, bits: (doubleValue > 0) == upwards ? bits + 1 : bits - 1).doubleValue
  }
}
