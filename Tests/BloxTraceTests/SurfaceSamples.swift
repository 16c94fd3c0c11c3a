// Every function of the surface as a record, so that one generic test body serves gradients, lanes and compilation.

import BloxTrace
import TestSupport
import Testing

/// A function of the surface with the inputs it is tried on.
struct SurfaceSample: Sendable, CustomTestStringConvertible {
  /// An input: a shape and the interval its elements are drawn from.
  struct Input: Sendable {
    var shape: [Int]
    var low = -2.0
    var high = 2.0
  }

  let name: String
  let inputs: [Input]
  let function: @Sendable ([Tensor]) throws -> Tensor
  /// Whether the second derivative is defined and not zero everywhere.
  var isSmooth = true

  var testDescription: String { name }

  init(
    _ name: String, _ inputs: [Input], isSmooth: Bool = true,
    _ function: @escaping @Sendable ([Tensor]) throws -> Tensor
  ) {
    self.name = name
    self.inputs = inputs
    self.isSmooth = isSmooth
    self.function = function
  }

  /// Inputs drawn from a seed, in f64.
  func randomInputs(seed: UInt64) throws -> [Tensor] {
    var generator = SeededGenerator(seed: seed)
    return try inputs.map { input in
      let count = input.shape.reduce(1, *)
      return try Tensor(
        shape: input.shape,
        scalars: (0..<count).map { _ in Double.random(in: input.low...input.high, using: &generator) }, dtype: .f64)
    }
  }
}

/// A random f64 tensor of a type's shape.
func randomTensor(_ shape: [Int], _ generator: inout SeededGenerator) throws -> Tensor {
  let count = shape.reduce(1, *)
  let elements = (0..<count).map { _ in Double.random(in: -1...1, using: &generator) }
  return try Tensor(shape: shape, scalars: elements, dtype: .f64)
}

extension SurfaceSample {
  private static let any = [Input(shape: [2, 3])]
  private static let positive = [Input(shape: [2, 3], low: 0.3, high: 3)]
  private static let inside = [Input(shape: [2, 3], low: -0.9, high: 0.9)]
  private static let pair = [Input(shape: [2, 3]), Input(shape: [2, 3])]
  private static let stretched = [Input(shape: [2, 3]), Input(shape: [3])]
  private static let positivePair = [
    Input(shape: [2, 3], low: 0.3, high: 3), Input(shape: [2, 3], low: 0.3, high: 2),
  ]

  /// Functions of one tensor, elementwise.
  static let elementwise: [SurfaceSample] = [
    SurfaceSample("neg", any, isSmooth: false) { try -$0[0] },
    SurfaceSample("abs", positive, isSmooth: false) { try abs(-$0[0]) },
    SurfaceSample("sign", positive, isSmooth: false) { try sign($0[0]) },
    SurfaceSample("floor", [Input(shape: [4], low: 1.2, high: 1.8)], isSmooth: false) { try floor($0[0]) },
    SurfaceSample("ceil", [Input(shape: [4], low: 1.2, high: 1.8)], isSmooth: false) { try ceil($0[0]) },
    SurfaceSample("exp", any) { try exp($0[0]) },
    SurfaceSample("log", positive) { try log($0[0]) },
    SurfaceSample("log1p", positive) { try log1p($0[0]) },
    SurfaceSample("sqrt", positive) { try sqrt($0[0]) },
    SurfaceSample("rsqrt", positive) { try rsqrt($0[0]) },
    SurfaceSample("tanh", any) { try tanh($0[0]) },
    SurfaceSample("sigmoid", any) { try sigmoid($0[0]) },
    SurfaceSample("erf", any) { try erf($0[0]) },
    SurfaceSample("erfInv", inside) { try erfInv($0[0]) },
    SurfaceSample("square", any) { try square($0[0]) },
    SurfaceSample("clip inside", inside, isSmooth: false) { try clip($0[0], -1, 1) },
    SurfaceSample("clip outside", positive, isSmooth: false) { try clip($0[0], -1, 0.2) },
    SurfaceSample("relu", positive, isSmooth: false) { try relu($0[0]) },
    SurfaceSample("silu", any) { try silu($0[0]) },
    SurfaceSample("gelu by tanh", any) { try gelu($0[0]) },
    SurfaceSample("gelu by erf", any) { try gelu($0[0], approximate: false) },
    SurfaceSample("softplus", any) { try softplus($0[0]) },
    SurfaceSample("pow by a scalar", positive) { try pow($0[0], 2.5) },
    SurfaceSample("scalar to a power", any) { try pow(1.7, $0[0]) },
    SurfaceSample("pow by 3", any) { try pow($0[0], 3) },
    SurfaceSample("pow by -2", positive) { try pow($0[0], -2) },
    SurfaceSample("scalars on the right", any) { try (($0[0] + 2.0) * 3.0 - 1.0) / 4.0 * $0[0] },
    SurfaceSample("scalars on the left", positive) { try 1.0 / (2.0 - 3.0 * (1.0 + $0[0])) },
  ]

  /// Functions of several tensors, elementwise.
  static let binary: [SurfaceSample] = [
    SurfaceSample("add", stretched, isSmooth: false) { try $0[0] + $0[1] },
    SurfaceSample("sub", stretched, isSmooth: false) { try $0[0] - $0[1] },
    SurfaceSample("mul", stretched) { try $0[0] * $0[1] },
    SurfaceSample("div", positivePair) { try $0[0] / $0[1] },
    SurfaceSample(
      "rem", [Input(shape: [3], low: 2.2, high: 2.8), Input(shape: [3], low: 1, high: 1.05)], isSmooth: false
    ) { try $0[0] % $0[1] },
    SurfaceSample("pow", positivePair) { try pow($0[0], $0[1]) },
    SurfaceSample("maximum", pair, isSmooth: false) { try maximum($0[0], $0[1]) },
    SurfaceSample("minimum", pair, isSmooth: false) { try minimum($0[0], $0[1]) },
    SurfaceSample("select", pair) { try select($0[0] .> 0, square($0[0]) * $0[1], exp($0[1])) },
  ]

  /// Reductions and products.
  static let reductions: [SurfaceSample] = [
    SurfaceSample("sum over all", any, isSmooth: false) { try $0[0].sum() },
    SurfaceSample("sum over axis 0", any, isSmooth: false) { try $0[0].sum([0]) },
    SurfaceSample("sum, dimensions kept", any, isSmooth: false) { try $0[0].sum([-1], keepDimensions: true) },
    SurfaceSample("mean", any, isSmooth: false) { try $0[0].mean([1]) },
    SurfaceSample("variance", any) { try $0[0].variance([1]) },
    SurfaceSample("max", any, isSmooth: false) { try $0[0].max([1]) },
    SurfaceSample("min", any, isSmooth: false) { try $0[0].min([0]) },
    SurfaceSample("softmax", any) { try softmax($0[0]) },
    SurfaceSample("logSoftmax", any) { try logSoftmax($0[0], axis: 0) },
    SurfaceSample("logSumExp", any) { try logSumExp($0[0], [1]) },
    SurfaceSample("matrix times matrix", [Input(shape: [2, 3]), Input(shape: [3, 4])]) { try $0[0].matmul($0[1]) },
    SurfaceSample("f32 matrices multiplied in f64", [Input(shape: [2, 3]), Input(shape: [3, 2])]) {
      // The inputs of a sample are f64; a preferred dtype that they have already changes nothing.
      try $0[0].matmul($0[1], preferred: .f64)
    },
    SurfaceSample("vector times vector", [Input(shape: [3]), Input(shape: [3])]) { try $0[0].matmul($0[1]) },
    SurfaceSample("vector times matrices", [Input(shape: [3]), Input(shape: [2, 3, 2])]) { try $0[0].matmul($0[1]) },
    SurfaceSample("matrices times matrices", [Input(shape: [2, 1, 3]), Input(shape: [1, 3, 2])]) {
      try $0[0].matmul($0[1])
    },
    SurfaceSample("dotGeneral", [Input(shape: [2, 3, 2]), Input(shape: [3, 2, 2])]) {
      try $0[0].dotGeneral(
        $0[1], Op.DotDimensions(lhsBatch: [1], rhsBatch: [0], lhsContract: [2], rhsContract: [1]))
    },
  ]

  /// Rearrangements.
  static let shapes: [SurfaceSample] = [
    SurfaceSample("broadcast", [Input(shape: [1, 3])], isSmooth: false) { try $0[0].broadcast(to: [2, 2, 3]) },
    SurfaceSample("reshape", any, isSmooth: false) { try $0[0].reshape([3, -1]) },
    SurfaceSample("transpose", [Input(shape: [2, 1, 3])], isSmooth: false) { try $0[0].transpose([2, 0, 1]) },
    SurfaceSample("swapAxes", any, isSmooth: false) { try $0[0].swapAxes(0, -1) },
    SurfaceSample("expandDims", any, isSmooth: false) { try $0[0].expandDims(1) },
    SurfaceSample("squeeze", [Input(shape: [2, 1])], isSmooth: false) { try $0[0].squeeze() },
    SurfaceSample("slice with strides", [Input(shape: [5, 2])], isSmooth: false) {
      try $0[0].slice(starts: [1, 0], limits: [5, 2], strides: [2, 1])
    },
    SurfaceSample("slice of an axis", any, isSmooth: false) { try $0[0].slice(1..<3, axis: 1) },
    SurfaceSample("at", any, isSmooth: false) { try $0[0].at(-1, axis: 1) },
    SurfaceSample("pad", any, isSmooth: false) {
      try $0[0].pad(low: [1, -1], high: [0, 2], interior: [1, 0], value: 3)
    },
    SurfaceSample("concatenate", pair, isSmooth: false) { try concatenate($0, axis: 1) },
    SurfaceSample("stack", pair, isSmooth: false) { try stack($0, axis: -1) },
  ]

  static let all =
    elementwise + binary + reductions + shapes + functions + linearAlgebra + indexing + control
    + cumulative + convolutions + windows + ordering + statistics
}
