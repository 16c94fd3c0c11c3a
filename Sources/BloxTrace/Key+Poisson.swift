// The Poisson distribution.
//
// Sources: D. E. Knuth's product of uniform numbers for rates below 10, and for others the transformed rejection with
// squeeze of W. Hörmann, "The transformed rejection method for generating Poisson random variables", Insurance:
// Mathematics and Economics 12 (1993).

import BloxIR

extension Key {
  /// Numbers of the Poisson distribution.
  ///
  /// - Parameters:
  ///   - rate: The expected numbers; integers count as `f32`. A negative, infinite or NaN rate gives -1.
  ///   - shape: The shape of the result, to which the rates broadcast; theirs when `nil`.
  ///   - dtype: That of the result, an integer dtype.
  /// - Throws: ``BloxError/Code/shapeMismatch`` when the rates do not broadcast to the shape, or
  ///   ``BloxError/Code/invalidDType`` for a dtype that is no integer.
  public func poisson(
    _ rate: Tensor, _ shape: [Int]? = nil, dtype: DType = .i32, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard dtype.isInteger else { throw BloxError(.invalidDType, "poisson: needs an integer dtype, not \(dtype)") }
      let drawn = try Tensor.drawnShape(shape, "poisson", [("rate", rate)])
      let rates = try stopGradient(rate.cast(to: .f32).broadcast(to: drawn))
      return try perKey { key in
        guard rates.count > 0 else { return try Tensor.zeros(drawn, dtype: dtype) }
        let isLarge = try (rates .>= 10) .& (rates .< Double.infinity)
        let small = try key.countOfProducts(select(isLarge .| isNaN(rates) .| (rates .== Double.infinity), 0.0, rates))
        let large = try key.transformedRejection(select(isLarge, rates, 100_000.0))
        return try select(rates .== 0, Tensor.zeros(drawn, dtype: .i32), select(isLarge, large, small)).cast(to: dtype)
      }
    }
  }

  /// Numbers of one Poisson distribution.
  public func poisson(
    _ rate: Double, _ shape: [Int] = [], dtype: DType = .i32, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try poisson(Tensor(rate), shape, dtype: dtype)
    }
  }

  /// How many uniform numbers can be multiplied before the product falls below `exp(-rate)`, less the last one.
  private func countOfProducts(_ rates: Tensor) throws -> Tensor {
    let start = ProductState(
      key: self, count: try Tensor.zeros(rates.shape, dtype: .i32), logarithm: try Tensor.zeros(rates.shape))
    let end = try whileLoop(start) { state in
      try (state.logarithm .> -rates).any()
    } body: { state in
      let (next, sub) = try state.key.split()
      let goesOn = try state.logarithm .> -rates
      return ProductState(
        key: next, count: try select(goesOn, state.count + 1, state.count),
        logarithm: try state.logarithm + log(sub.uniform(rates.shape)))
    }
    return try end.count - 1
  }

  /// Proposals for all elements until each has accepted one; an element may accept again while others wait.
  private func transformedRejection(_ rates: Tensor) throws -> Tensor {
    let logRates = try log(rates)
    let b = try 0.931 + 2.53 * sqrt(rates)
    let a = try -0.059 + 0.02483 * b
    let inverseAlpha = try 1.1239 + 1.1328 / (b - 3.4)
    let squeeze = try 0.9277 - 3.6224 / (b - 2)
    let start = RejectionState(
      key: self, count: try Tensor.full(rates.shape, -1),
      isAccepted: try Tensor.zeros(rates.shape, dtype: .bool))
    let end = try whileLoop(start) { state in
      try (.!state.isAccepted).any()
    } body: { state in
      let keys = try state.key.split(3)
      let u = try keys.at(1).uniform(rates.shape) - 0.5
      let v = try keys.at(2).uniform(rates.shape)
      let us = try 0.5 - abs(u)
      let k = try floor((2 * a / us + b) * u + rates + 0.43)
      let s = try log(v * inverseAlpha / (a / square(us) + b))
      let t = try -rates + k * logRates - lgamma(k + 1)
      let isInside = try (us .>= 0.07) .& (v .<= squeeze)
      let isRejected = try (k .< 0) .| ((us .< 0.013) .& (v .> us))
      let accepts = try isInside .| (.!isRejected .& (s .<= t))
      return RejectionState(
        key: try keys.at(0), count: try select(accepts, k, state.count), isAccepted: try state.isAccepted .| accepts)
    }
    return try end.count.cast(to: .i32)
  }
}

/// A product of uniform numbers as its logarithm, and the number of factors.
private struct ProductState: TensorTree {
  var key: Key
  var count: Tensor
  var logarithm: Tensor

  mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&key, "key")
    try visitor.visit(&count, "count")
    try visitor.visit(&logarithm, "logarithm")
  }
}

/// What has been accepted.
private struct RejectionState: TensorTree {
  var key: Key
  var count: Tensor
  var isAccepted: Tensor

  mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&key, "key")
    try visitor.visit(&count, "count")
    try visitor.visit(&isAccepted, "isAccepted")
  }
}
