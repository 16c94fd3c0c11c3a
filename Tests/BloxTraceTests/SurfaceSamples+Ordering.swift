// Sorting as records for the generic tests: gradients, lanes, compiled against eager. Inputs have no ties.

import BloxTrace

extension SurfaceSample {
  private static let matrix = [Input(shape: [5, 3])]
  private static let two = [Input(shape: [4, 3]), Input(shape: [4, 3])]

  /// Squares, so that the second derivative is not zero.
  static let ordering: [SurfaceSample] = linearOrdering.map { sample in
    SurfaceSample(sample.name, sample.inputs) { try square(sample.function($0)) }
  }

  private static let linearOrdering: [SurfaceSample] = [
    SurfaceSample("sort", matrix) { try $0[0].sort() },
    SurfaceSample("sort of columns, descending", matrix) { try $0[0].sort(axis: 0, descending: true) },
    SurfaceSample("sort of all", matrix) { try $0[0].sort(axis: nil) },
    SurfaceSample("sort by another", two) { x in try sort([x[0], x[1]], axis: 0)[1] },
    SurfaceSample("sort by a constant", two) { x in
      let sorted = try sort([Tensor.iota([4, 3], axis: 0) % 2, x[0], x[1]], axis: 0, keyCount: 2)
      return try sorted[1] * sorted[2]
    },
    SurfaceSample("argsort and take", matrix) { x in try x[0].takeAlongAxis(x[0].argsort(axis: 0), axis: 0) },
    SurfaceSample("topK", matrix) { try $0[0].topK(2).values },
    SurfaceSample("topK of columns", matrix) { try $0[0].topK(4, axis: 0).values },
    SurfaceSample("unique", matrix) { try $0[0].unique(size: 17, fill: 3) },
  ]
}
