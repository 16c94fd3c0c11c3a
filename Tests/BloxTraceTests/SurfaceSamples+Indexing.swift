// Indexing and rearranging as records for the generic tests: gradients, lanes, compiled against eager.

import BloxTrace

extension SurfaceSample {
  private static let matrix = [Input(shape: [4, 3])]
  private static let two = [Input(shape: [4, 3]), Input(shape: [5, 3])]

  private static func places(_ numbers: [Int], _ shape: [Int]? = nil) throws -> Tensor {
    try Tensor(shape: shape ?? [numbers.count], scalars: numbers, dtype: .i32)
  }

  /// Squares, so that the second derivative is not zero.
  static let indexing: [SurfaceSample] = linearIndexing.map { sample in
    SurfaceSample(sample.name, sample.inputs) { try square(sample.function($0)) }
  }

  private static let linearIndexing: [SurfaceSample] = [
    SurfaceSample("row", matrix) { try $0[0][2] },
    SurfaceSample("window", matrix) { try $0[0][1..<3, .stride(by: -2)] },
    SurfaceSample("rows at places", matrix) { try $0[0][places([3, 0, 3, -1, 2])] },
    SurfaceSample("places apart", [Input(shape: [3, 2, 4])]) { try $0[0][places([0, 2]), 0..., places([3, 3])] },
    SurfaceSample("take outside", matrix) { try $0[0].take(places([1, 7, -9]), axis: 0, fill: 0) },
    SurfaceSample("take of columns", matrix) { try $0[0].take(places([2, 0, 0, 1], [2, 2]), axis: 1) },
    SurfaceSample("takeAlongAxis", matrix) { try $0[0].takeAlongAxis(places([2, 0, 1, 1], [4, 1]), axis: 1) },
    SurfaceSample("set row", [Input(shape: [4, 3]), Input(shape: [3])]) { try $0[0].at[1].set($0[1]) },
    SurfaceSample("set window", [Input(shape: [4, 3]), Input(shape: [2, 1])]) { try $0[0].at[1..<3, 0...].set($0[1]) },
    SurfaceSample("set places twice", two) { try $0[0].at[places([0, 2, 0, 9, 1])].set($0[1]) },
    SurfaceSample("add to places", two) { try $0[0].at[places([0, 2, 0, 9, 1])].add($0[1]) },
    SurfaceSample("multiply places", [Input(shape: [4, 3], low: 0.5, high: 2)]) {
      try $0[0].at[places([0, 2])].multiply(3)
    },
    SurfaceSample("max at places", [Input(shape: [4]), Input(shape: [3])]) {
      try $0[0].at[places([0, 2, 3])].max($0[1])
    },
    SurfaceSample("strided update", [Input(shape: [4, 3]), Input(shape: [2, 3])]) {
      try $0[0].at[.stride(by: 2), places([0, 1, 2])].add($0[1])
    },
    SurfaceSample("dynamicSlice", matrix) { try $0[0].dynamicSlice([Tensor(2), Tensor(-5)], sizes: [3, 2]) },
    SurfaceSample("dynamicUpdateSlice", [Input(shape: [4, 3]), Input(shape: [2, 2])]) {
      try $0[0].dynamicUpdateSlice($0[1], at: [Tensor(1), Tensor(9)])
    },
    SurfaceSample("flip", matrix) { try $0[0].flip([0]) },
    SurfaceSample("roll", matrix) { try $0[0].roll(-1, axis: 1) },
    SurfaceSample("repeated", matrix) { try $0[0].repeated(2, axis: 0) },
    SurfaceSample("tile", matrix) { try $0[0].tile([2, 1, 3]) },
    SurfaceSample("tril", matrix) { try $0[0].tril(-1) },
    SurfaceSample("diag of a vector", [Input(shape: [3])]) { try $0[0].diag(1) },
    SurfaceSample("diagonal", [Input(shape: [3, 4, 2])]) { try $0[0].diagonal(1) },
    SurfaceSample("rot90", matrix) { try $0[0].rot90(3) },
    SurfaceSample("pad by reflection", matrix) { try $0[0].pad([(2, 1), (0, 2)], mode: .reflect) },
    SurfaceSample("segmentSum", [Input(shape: [4, 2])]) { try segmentSum($0[0], places([1, 0, 1, 5]), count: 3) },
    SurfaceSample("interp", [Input(shape: [3], low: 0.1, high: 0.9), Input(shape: [3])]) {
      try interp($0[0], Tensor([0, 0.05, 1]).cast(to: $0[0].dtype), $0[1])
    },
  ]
}
