// Windows and pooling as records for the generic tests: gradients, lanes, compiled against eager.

import BloxTrace

extension SurfaceSample {
  private static let row = [Input(shape: [7])]
  private static let image = [Input(shape: [2, 5, 4, 2])]

  /// Squares, so that the second derivative is not zero.
  static let windows: [SurfaceSample] = linearWindows.map { sample in
    SurfaceSample(sample.name, sample.inputs) { try square(sample.function($0)) }
  }

  private static let linearWindows: [SurfaceSample] = [
    SurfaceSample("maxPool", image) { try maxPool($0[0], window: [2, 2]) },
    SurfaceSample("maxPool that overlaps", image) { try maxPool($0[0], window: [3, 2], strides: 1, padding: .same) },
    SurfaceSample("minPool", image) {
      try minPool($0[0], window: [2, 3], strides: [2, 1], padding: .explicit([(1, 0), (2, 1)]))
    },
    SurfaceSample("avgPool", image) { try avgPool($0[0], window: [2, 2]) },
    SurfaceSample("avgPool of elements", image) { try avgPool($0[0], window: 3, strides: 2, padding: .same) },
    SurfaceSample("avgPool with padding", image) {
      try avgPool($0[0], window: [3, 3], strides: 2, padding: .same, countsPadding: true)
    },
    SurfaceSample("sums with dilations", row) {
      try $0[0].reduceWindow(
        .sum, window: [3], strides: 2, padding: .explicit([(4, -1)]), baseDilation: 3, windowDilation: 2)
    },
    SurfaceSample("largest with dilations", row) {
      try $0[0].reduceWindow(
        .max, window: [3], strides: 2, padding: .explicit([(2, -1)]), baseDilation: 2, windowDilation: 2)
    },
    SurfaceSample("sums from 3", row) { try $0[0].reduceWindow(.sum, window: [3], padding: .same, initial: 3) },
    SurfaceSample("products", [Input(shape: [4, 3])]) {
      try $0[0].reduceWindow(.prod, window: [2, 3], strides: [2, 1], padding: .explicit([(1, 0), (1, 1)]))
    },
    SurfaceSample("products with dilations", row) {
      try $0[0].reduceWindow(.prod, window: [2], strides: 2, baseDilation: 2, windowDilation: 3)
    },
  ]
}
