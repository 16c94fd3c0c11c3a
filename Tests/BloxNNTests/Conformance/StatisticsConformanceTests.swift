// Quantiles, differences, membership and patches agree with JAX (Scripts/make_statistics_fixtures.py).

import BloxNN
import TestSupport
import Testing

@testable import BloxTrace

@Suite("Conformance of statistics")
struct StatisticsConformanceTests {
  private func statistics(_ testCase: ConformanceCase) -> CaseBinding {
    let method = testCase.attrs["method"]?.string.flatMap { QuantileMethod(rawValue: $0) } ?? .linear
    func one(_ function: @escaping (Tensor) throws -> Tensor) -> CaseBinding { .run { [try function($0[0])] } }
    switch testCase.name {
    case "quantile/all": return one { try $0.quantile(0.4) }
    case "quantile/two_axes": return one { try $0.quantile(0.9, [2, 0], keepDimensions: true) }
    case "quantile/vector_kept": return .run { [try $0[0].quantile($0[1], [0, 2], keepDimensions: true)] }
    case "quantile/outside", "quantile/infinite": return .run { [try $0[0].quantile($0[1])] }
    case "quantile/nan": return one { try $0.quantile(0.5, [1]) }
    case let name where name.hasPrefix("quantile/integers"): return one { try $0.quantile(0.3, [0], method: method) }
    case let name where name.hasPrefix("quantile"): return .run { [try $0[0].quantile($0[1], [1], method: method)] }
    case "percentile": return one { try $0.percentile(12.5, [1]) }
    case "median/odd": return one { try $0.median([1]) }
    case "median/even": return one { try $0.median([0], keepDimensions: true) }
    case "median/all": return one { try $0.median() }
    case "nanquantile": return one { try $0.nanQuantile(0.3, [1]) }
    case "nanmedian": return one { try $0.nanMedian([1]) }
    case "nanmean": return one { try $0.nanMean([1]) }
    case "nanvar": return one { try $0.nanVariance([1], freedom: 1) }
    case "nanstd": return one { try $0.nanStandardDeviation([1], keepDimensions: true) }
    case "nanmax": return one { try $0.nanMax([1]) }
    case "nanmin": return one { try $0.nanMin([0]) }
    default: return .skip("not bound")
    }
  }

  private func neighbours(_ testCase: ConformanceCase) -> CaseBinding {
    switch testCase.name {
    case "diff", "diff/booleans": .run { [try $0[0].diff()] }
    case "diff/third", "diff/too_often": .run { [try $0[0].diff(3, axis: 0)] }
    case "diff/edges": .run { [try $0[0].diff(axis: 1, prepending: $0[1], appending: $0[2])] }
    case let name where name.hasPrefix("isin"): .run { [try $0[0].isIn($0[1])] }
    default: statistics(testCase)
    }
  }

  private func patches(_ testCase: ConformanceCase) throws -> CaseBinding {
    let attrs = testCase.attrs
    let window = attrs["window"]?.ints ?? []
    let count = window.count
    var padding = attrs["padding"]?.string == "SAME" ? Padding.same : .valid
    if let amounts = attrs["padding"]?.array {
      padding = .explicit(amounts.compactMap(\.ints).map { (low: $0[0], high: $0[1]) })
    }
    let layout =
      try attrs["spec"]?.strings.map { try ConvolutionLayout(input: $0[0], kernel: $0[1], output: $0[2]) }
      ?? .channelsFirst(spatialDimensions: count)
    func numbers(_ name: String) -> PerDimension { attrs[name]?.ints.map { PerDimension($0) } ?? 1 }
    return .run {
      [
        try convolutionPatches(
          $0[0], window: window, strides: numbers("strides"), padding: padding,
          inputDilation: numbers("lhs_dilation"), kernelDilation: numbers("rhs_dilation"), layout: layout)
      ]
    }
  }

  @Test("quantiles, statistics without NaN, differences, membership and patches are JAX's, with gradients")
  func all() throws {
    let report = try runGroup("statistics", from: "Statistics") { testCase in
      testCase.name.hasPrefix("patches") ? try patches(testCase) : neighbours(testCase)
    }
    #expect(report.ran == 42 && report.skipped.isEmpty)
  }
}
