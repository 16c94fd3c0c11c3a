// The reference vectors' convolutions as functions of this library.

import BloxIR
import TestSupport

@testable import BloxTrace

extension JSON {
  /// A padding by its name or by pairs of amounts.
  var padding: Padding? {
    switch string {
    case "SAME": .same
    case "VALID": .valid
    case "SAME_LOWER": .sameLower
    case _?: nil
    case nil: array.map { .explicit($0.compactMap(\.ints).map { (low: $0[0], high: $0[1]) }) }
    }
  }
}

/// Cases of the group `ops_conv`.
func bindConvolution(_ testCase: ConformanceCase) throws -> CaseBinding {
  let attrs = testCase.attrs
  func steps(_ key: String) -> PerDimension { attrs[key]?.ints.map { PerDimension($0) } ?? 1 }
  func layout() throws -> ConvolutionLayout? {
    try attrs["dimension_numbers"]?.strings.map {
      try ConvolutionLayout(input: $0[0], kernel: $0[1], output: $0[2])
    }
  }
  let padding = attrs["padding"]?.padding ?? .valid
  switch testCase.op {
  case "conv_general_dilated":
    let (layout, groups) = (try layout(), attrs["feature_group_count"]?.int ?? 1)
    return .run { x in
      [
        try conv(
          x[0], x[1], strides: steps("window_strides"), padding: padding, inputDilation: steps("lhs_dilation"),
          kernelDilation: steps("rhs_dilation"), layout: layout, featureGroups: groups,
          batchGroups: attrs["batch_group_count"]?.int ?? 1)
      ]
    }
  case "conv_transpose":
    let layout = try layout()
    return .run { x in
      [
        try convTranspose(
          x[0], x[1], strides: steps("strides"), padding: padding, kernelDilation: steps("rhs_dilation"),
          layout: layout, transposeKernel: attrs["transpose_kernel"]?.bool ?? false)
      ]
    }
  case "jnp.convolve":
    guard let mode = attrs["mode"]?.string.flatMap(ConvolutionMode.init) else { return .skip("an unknown mode") }
    return .run { x in [try convolve(x[0], x[1], mode: mode)] }
  case _: return .skip("no function of this library")
  }
}
