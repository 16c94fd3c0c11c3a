// Quantiles, differences and patches as records for the generic tests. Inputs have no ties.

import BloxTrace

extension SurfaceSample {
  private static let matrix = [Input(shape: [5, 3])]

  /// Squares, so that the second derivative is not zero.
  static let statistics: [SurfaceSample] = linearStatistics.map { sample in
    SurfaceSample(sample.name, sample.inputs) { try square(sample.function($0)) }
  }

  private static let linearStatistics: [SurfaceSample] = [
    SurfaceSample("median of columns", matrix) { try $0[0].median([0]) },
    SurfaceSample("quantiles of rows", matrix) { try $0[0].quantile(Tensor([0.2, 0.7]), [1]) },
    SurfaceSample("quantile of all, the lower", matrix) { try $0[0].quantile(0.3, method: .lower) },
    SurfaceSample("quantile at a computed place", [Input(shape: [5]), Input(shape: [2], low: 0.3, high: 0.45)]) {
      try $0[0].quantile($0[1])
    },
    SurfaceSample("mean but NaN", matrix) { try $0[0].nanMean([0]) },
    SurfaceSample("variance but NaN", matrix) { try $0[0].nanVariance([1], keepDimensions: true, freedom: 1) },
    SurfaceSample("largest but NaN", matrix) { try $0[0].nanMax([1]) },
    SurfaceSample("differences, twice", matrix) { try $0[0].diff(2, axis: 0, prepending: Tensor(0.5)) },
    SurfaceSample("patches", [Input(shape: [2, 4, 3, 2])]) {
      try convolutionPatches($0[0], window: [2, 2], strides: [2, 1], padding: .same)
    },
  ]
}
