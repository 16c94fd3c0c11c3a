// Convolutions as records for the generic tests.

import BloxTrace

extension SurfaceSample {
  private static func inputs(_ input: [Int], _ kernel: [Int]) -> [Input] {
    [Input(shape: input, low: -1, high: 1), Input(shape: kernel, low: -1, high: 1)]
  }

  static let convolutions: [SurfaceSample] = [
    SurfaceSample("conv", inputs([2, 4, 3, 2], [2, 2, 2, 3])) { try conv($0[0], $0[1]) },
    SurfaceSample("conv, strides and padding", inputs([1, 5, 4, 2], [3, 2, 2, 2])) {
      try conv($0[0], $0[1], strides: [2, 1], padding: .same)
    },
    SurfaceSample("conv, dilations", inputs([1, 3, 2], [2, 2, 3])) {
      try conv($0[0], $0[1], padding: .explicit([(2, 1)]), inputDilation: 3, kernelDilation: 2)
    },
    SurfaceSample("conv, strides and both dilations", inputs([2, 4, 1], [3, 1, 2])) {
      try conv($0[0], $0[1], strides: 2, padding: .explicit([(-1, 3)]), inputDilation: 2, kernelDilation: 3)
    },
    SurfaceSample("conv, channels first", inputs([2, 3, 4, 3], [2, 3, 2, 2])) {
      try conv($0[0], $0[1], padding: .same, layout: .channelsFirst(spatialDimensions: 2))
    },
    SurfaceSample("conv, a layout of its own", inputs([4, 2, 3, 3], [2, 2, 3, 2])) {
      try conv($0[0], $0[1], layout: ConvolutionLayout(input: "HNCW", kernel: "OHIW", output: "CWHN"))
    },
    SurfaceSample("conv, feature groups", inputs([2, 3, 4], [2, 2, 6])) {
      try conv($0[0], $0[1], featureGroups: 2)
    },
    SurfaceSample("conv, depthwise", inputs([2, 4, 3], [2, 1, 3])) {
      try conv($0[0], $0[1], strides: 2, padding: .same, featureGroups: 3)
    },
    SurfaceSample("conv, two outputs for each channel", inputs([1, 4, 2], [3, 1, 4])) {
      try conv($0[0], $0[1], padding: .same, featureGroups: 2)
    },
    SurfaceSample("conv, batch groups", inputs([4, 3, 2], [2, 2, 4])) {
      try conv($0[0], $0[1], batchGroups: 2)
    },
    SurfaceSample("conv, as many batch groups as images", inputs([3, 4, 2], [2, 2, 3])) {
      try conv($0[0], $0[1], batchGroups: 3)
    },
    SurfaceSample("conv in three dimensions", inputs([1, 3, 2, 3, 1], [2, 2, 2, 1, 2])) {
      try conv($0[0], $0[1], padding: .same)
    },
    SurfaceSample("conv without spatial dimensions", inputs([2, 3], [3, 2])) { try conv($0[0], $0[1]) },
    SurfaceSample("convTranspose", inputs([1, 3, 3, 2], [3, 3, 2, 2])) {
      try convTranspose($0[0], $0[1], strides: 2)
    },
    SurfaceSample("convTranspose, valid, the forward kernel", inputs([2, 3, 3], [3, 2, 3])) {
      try convTranspose($0[0], $0[1], strides: 2, padding: .valid, transposeKernel: true)
    },
    SurfaceSample("convTranspose, groups and dilation", inputs([1, 3, 4], [2, 2, 6])) {
      try convTranspose($0[0], $0[1], strides: 3, kernelDilation: 2, featureGroups: 2)
    },
    SurfaceSample("convolve", inputs([5], [3])) { try convolve($0[0], $0[1]) },
    SurfaceSample("correlate", inputs([2], [5])) { try correlate($0[0], $0[1], mode: .same) },
  ]
}
