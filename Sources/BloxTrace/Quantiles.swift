// Medians and quantiles, and statistics that leave NaN out.

import BloxIR

/// What a quantile is when it lies between two elements (NumPy's `method`).
public enum QuantileMethod: String, CaseIterable, Hashable, Sendable {
  /// Between the two, in proportion.
  case linear
  /// The smaller one.
  case lower
  /// The larger one.
  case higher
  /// The nearer one; the smaller of two at one distance.
  case nearest
  /// Their mean.
  case midpoint
}

extension Tensor {
  /// The element below which a fraction of all lies, over axes (all by default; `jnp.quantile`). Integers become `f32`.
  ///
  /// Of n sorted elements it is the one at `fraction * (n - 1)`, counted from 0. NaN if there is one; of no elements too.
  /// Gradients go to the two elements that it lies between.
  ///
  /// - Parameters:
  ///   - fraction: From 0, the smallest, to 1, the largest.
  ///   - axes: The axes that the result lacks, or that have size 1 in it with `keepDimensions`.
  ///   - method: What it is between two elements.
  /// - Throws: ``BloxError/Code/invalidArgument`` for another fraction, ``BloxError/Code/invalidAxis`` for axes that there
  ///   are not or that are given twice, ``BloxError/Code/dtypeMismatch`` for keys.
  public func quantile(
    _ fraction: Double, _ axes: [Int]? = nil, keepDimensions: Bool = false, method: QuantileMethod = .linear,
    file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try quantiles(Tensor.fraction(fraction, "quantile"), axes, keepDimensions, method, ignoresNaN: false)
    }
  }

  /// Several quantiles at once, along a first axis of the result.
  ///
  /// - Parameter fractions: A vector or scalar of fractions; those outside of 0 to 1 count as 0 and 1.
  /// - Throws: As the quantile of one fraction, and ``BloxError/Code/shapeMismatch`` for fractions of higher rank.
  public func quantile(
    _ fractions: Tensor, _ axes: [Int]? = nil, keepDimensions: Bool = false, method: QuantileMethod = .linear,
    file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) { try quantiles(fractions, axes, keepDimensions, method, ignoresNaN: false) }
  }

  /// As `quantile`, of the elements that are no NaN.
  public func nanQuantile(
    _ fraction: Double, _ axes: [Int]? = nil, keepDimensions: Bool = false, method: QuantileMethod = .linear,
    file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try quantiles(Tensor.fraction(fraction, "nanQuantile"), axes, keepDimensions, method, ignoresNaN: true)
    }
  }

  /// The quantile of a percentage, from 0 to 100 (`jnp.percentile`); see `quantile`.
  public func percentile(
    _ percentage: Double, _ axes: [Int]? = nil, keepDimensions: Bool = false, method: QuantileMethod = .linear,
    file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard percentage >= 0, percentage <= 100 else {
        throw BloxError(.invalidArgument, "percentile: \(percentage) of \(type) is not between 0 and 100")
      }
      return try quantiles(Tensor(percentage, dtype: .f32) / 100, axes, keepDimensions, method, ignoresNaN: false)
    }
  }

  /// The middle element over axes (all by default), or the mean of the two in the middle (`jnp.median`).
  public func median(
    _ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try quantile(0.5, axes, keepDimensions: keepDimensions, method: .midpoint, file: file, line: line)
  }

  /// The median of the elements that are no NaN.
  public func nanMedian(
    _ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try nanQuantile(0.5, axes, keepDimensions: keepDimensions, method: .midpoint, file: file, line: line)
  }

  private static func fraction(_ fraction: Double, _ name: String) throws -> Tensor {
    guard fraction >= 0, fraction <= 1 else {
      throw BloxError(.invalidArgument, "\(name): the fraction \(fraction) is not between 0 and 1")
    }
    return Tensor(fraction)
  }

  private func quantiles(
    _ fractions: Tensor, _ axes: [Int]?, _ keepDimensions: Bool, _ method: QuantileMethod, ignoresNaN: Bool
  ) throws -> Tensor {
    guard fractions.rank <= 1 else {
      throw BloxError(.shapeMismatch, "quantile: the fractions must be a scalar or vector; got \(fractions.type)")
    }
    let reduced = try Tensor.normalizedAxes(axes, rank: rank, for: "quantile")
    let kept = (0..<rank).filter { !reduced.contains($0) }
    let outer = kept.map { shape[$0] }
    let size = reduced.reduce(1) { $0 * shape[$1] }
    let dtype = dtype.inexact
    // [kept…, all reduced]
    let elements = try cast(to: dtype).transpose(kept + reduced).reshape(outer + [size])
    let whole = fractions.rank == 0 ? outer : [fractions.count] + outer
    let result =
      size == 0
      ? try Tensor.full(whole, .nan, dtype: dtype)
      : try elements.sortedQuantiles(fractions, method, ignoresNaN: ignoresNaN)
    guard keepDimensions else { return result }
    return try result.reshape(
      fractions.shape + shape.indices.map { reduced.contains($0) ? 1 : shape[$0] })
  }

  /// Quantiles along the last axis, which has elements: `[fractions…, others…]`.
  private func sortedQuantiles(
    _ fractions: Tensor, _ method: QuantileMethod, ignoresNaN: Bool
  ) throws -> Tensor {
    // Half precision cannot tell the places of more than some hundred elements apart.
    let placing = dtype.computing
    let sorted = try sort()
    let isMissing = try self .!= self
    let missing = try isMissing.sum([-1])
    // How many elements take part in each row, beside the fractions in front.
    var count = try Tensor.full(missing.shape, Double(shape[rank - 1]), dtype: placing)
    if ignoresNaN { count = try count - missing.cast(to: placing) }
    let last = try maximum(count - 1, 0)
    let places = try fractions.cast(to: placing).reshape(fractions.shape + missing.shape.map { _ in 1 }) * last
    let (low, high) = (try clip(floor(places), Tensor(0), last), try clip(ceil(places), Tensor(0), last))

    func element(_ place: Tensor) throws -> Tensor {
      // Rows are the last axis' owners: the fractions go behind them and come back to the front.
      let lanes = try fractions.rank == 0 ? place.expandDims(-1) : place.moveAxis(0, to: -1)
      let taken = try sorted.takeAlongAxis(lanes.cast(to: .i32), axis: -1)
      return try fractions.rank == 0 ? taken.squeeze([-1]) : taken.moveAxis(-1, to: 0)
    }
    let result: Tensor
    switch method {
    case .lower: result = try element(low)
    case .higher: result = try element(high)
    case .nearest: result = try element(select(places - low .<= 0.5, low, high))
    case .midpoint: result = try (element(low) + element(high)) * 0.5
    case .linear:
      let weight = try (places - low).cast(to: dtype)
      result = try element(low) * (1 - weight) + element(high) * weight
    }
    return try select(ignoresNaN ? count .== 0 : missing .> 0, Tensor(.nan, dtype: dtype), result)
  }
}

extension Tensor {
  /// The mean over axes (all by default) of the elements that are no NaN; NaN where there are none (`jnp.nanmean`).
  /// `bf16` and `f16` are summed and divided in `f32`.
  public func nanMean(
    _ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard dtype.isFloating else { return try mean(axes, keepDimensions: keepDimensions) }
      let count = try (self .== self).sum(axes, keepDimensions: keepDimensions)
      let total = try cast(to: dtype.computing).nanSum(axes, keepDimensions: keepDimensions)
      return try (total / count.cast(to: total.dtype)).cast(to: dtype)
    }
  }

  /// The mean squared distance from the mean over axes (all by default), of the elements that are no NaN
  /// (`jnp.nanvar`).
  ///
  /// - Parameter freedom: How many to take off the number of elements before dividing by it.
  public func nanVariance(
    _ axes: [Int]? = nil, keepDimensions: Bool = false, freedom: Int = 0, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard dtype.isFloating else { return try variance(axes, keepDimensions: keepDimensions, freedom: freedom) }
      let wide = try cast(to: dtype.computing)
      let total = try square(wide - wide.nanMean(axes, keepDimensions: true)).nanSum(
        axes, keepDimensions: keepDimensions)
      let count = try (self .== self).sum(axes, keepDimensions: keepDimensions).cast(to: wide.dtype) - Double(freedom)
      return try select(count .> 0, total / count, Tensor(.nan, dtype: wide.dtype)).cast(to: dtype)
    }
  }

  /// The square root of ``nanVariance(_:keepDimensions:freedom:file:line:)`` (`jnp.nanstd`).
  public func nanStandardDeviation(
    _ axes: [Int]? = nil, keepDimensions: Bool = false, freedom: Int = 0, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try sqrt(nanVariance(axes, keepDimensions: keepDimensions, freedom: freedom, file: file, line: line))
  }

  /// The largest element over axes (all by default) that is no NaN; NaN where there is none (`jnp.nanmax`).
  public func nanMax(
    _ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard dtype.isFloating else { return try max(axes, keepDimensions: keepDimensions) }
      let numbers = try select(self .== self, self, Tensor(-Double.infinity, dtype: dtype))
      return try numbers.max(axes, keepDimensions: keepDimensions).missing(in: self, axes, keepDimensions)
    }
  }

  /// The smallest element over axes (all by default) that is no NaN; NaN where there is none (`jnp.nanmin`).
  public func nanMin(
    _ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard dtype.isFloating else { return try min(axes, keepDimensions: keepDimensions) }
      let numbers = try select(self .== self, self, Tensor(Double.infinity, dtype: dtype))
      return try numbers.min(axes, keepDimensions: keepDimensions).missing(in: self, axes, keepDimensions)
    }
  }

  /// NaN where all elements over axes are.
  private func missing(in elements: Tensor, _ axes: [Int]?, _ keepDimensions: Bool) throws -> Tensor {
    let allNaN = try (elements .!= elements).all(axes, keepDimensions: keepDimensions)
    return try select(allNaN, Tensor(.nan, dtype: dtype), self)
  }
}
