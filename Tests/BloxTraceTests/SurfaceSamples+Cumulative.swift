// Cumulative functions as records for the generic tests: gradients, lanes, compiled against eager.

import BloxTrace

extension SurfaceSample {
  private static let matrix = [Input(shape: [5, 3])]

  static let cumulative: [SurfaceSample] = [
    SurfaceSample("cumsum", matrix, isSmooth: false) { try $0[0].cumsum(axis: 0) },
    SurfaceSample("cumsum over all, reversed", matrix, isSmooth: false) { try $0[0].cumsum(reverse: true) },
    SurfaceSample("cumprod", matrix) { try $0[0].cumprod(axis: 0) },
    SurfaceSample("cumprod of rows, reversed", matrix) { try $0[0].cumprod(axis: -1, reverse: true) },
    SurfaceSample("cummax", matrix, isSmooth: false) { try $0[0].cummax(axis: 0) },
    SurfaceSample("cummin, reversed", matrix, isSmooth: false) { try $0[0].cummin(axis: 0, reverse: true) },
    SurfaceSample("cumLogSumExp", matrix) { try $0[0].cumLogSumExp(axis: 1) },
    SurfaceSample("cumLogSumExp of columns, reversed", matrix) { try $0[0].cumLogSumExp(axis: 0, reverse: true) },
  ]
}
