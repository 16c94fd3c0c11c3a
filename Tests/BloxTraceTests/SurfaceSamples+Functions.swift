// The circular, hyperbolic and gamma functions, remainders, activations and products as records for the generic tests.

import BloxTrace

extension SurfaceSample {
  private static let any = [Input(shape: [2, 3])]
  private static let positive = [Input(shape: [2, 3], low: 0.3, high: 3)]
  private static let inside = [Input(shape: [2, 3], low: -0.9, high: 0.9)]
  private static let negative = [Input(shape: [2, 3], low: -2, high: -0.1)]
  private static let pair = [Input(shape: [2, 3]), Input(shape: [3])]
  private static let away = [Input(shape: [2, 3], low: 0.5, high: 2), Input(shape: [3], low: -2, high: -0.5)]
  private static let quotient = [Input(shape: [3], low: 2.2, high: 2.8), Input(shape: [3], low: -1.05, high: -1)]

  static let functions: [SurfaceSample] = [
    SurfaceSample("exp2", any) { try exp2($0[0]) },
    SurfaceSample("expm1", any) { try expm1($0[0]) },
    SurfaceSample("log2", positive) { try log2($0[0]) },
    SurfaceSample("log10", positive) { try log10($0[0]) },
    SurfaceSample("cbrt", positive) { try cbrt($0[0]) },
    SurfaceSample("reciprocal", positive) { try reciprocal($0[0]) },
    SurfaceSample("sin", any) { try sin($0[0]) },
    SurfaceSample("cos", any) { try cos($0[0]) },
    SurfaceSample("tan", inside) { try tan($0[0]) },
    SurfaceSample("asin", inside) { try asin($0[0]) },
    SurfaceSample("acos", inside) { try acos($0[0]) },
    SurfaceSample("atan", any) { try atan($0[0]) },
    SurfaceSample("sinh", any) { try sinh($0[0]) },
    SurfaceSample("cosh", any) { try cosh($0[0]) },
    SurfaceSample("asinh", any) { try asinh($0[0]) },
    SurfaceSample("acosh", [Input(shape: [2, 3], low: 1.3, high: 3)]) { try acosh($0[0]) },
    SurfaceSample("atanh", inside) { try atanh($0[0]) },
    SurfaceSample("erfc", any) { try erfc($0[0]) },
    SurfaceSample("lgamma", positive) { try lgamma($0[0]) },
    SurfaceSample("lgamma below 0", [Input(shape: [4], low: -0.8, high: -0.2)]) { try lgamma($0[0]) },
    SurfaceSample("digamma", positive) { try digamma($0[0]) },
    SurfaceSample("digamma below 0", [Input(shape: [4], low: -0.8, high: -0.2)]) { try digamma($0[0]) },
    SurfaceSample("sinc", any) { try sinc($0[0]) },
    SurfaceSample("sinc at 0", [Input(shape: [2], low: 0, high: 0)]) { try sinc($0[0]) },
    SurfaceSample("atan2", away) { try atan2($0[0], $0[1]) },
    SurfaceSample("hypot", away) { try hypot($0[0], $0[1]) },
    SurfaceSample("logAddExp", pair) { try logAddExp($0[0], $0[1]) },
    SurfaceSample("logAddExp at ties", any) { try logAddExp($0[0], $0[0] * 1.0) * $0[0] },
    SurfaceSample("xlogy", [Input(shape: [2, 3]), Input(shape: [3], low: 0.3, high: 2)]) { try xlogy($0[0], $0[1]) },
    SurfaceSample("mod", quotient, isSmooth: false) { try mod($0[0], $0[1]) },
    SurfaceSample("fmod", quotient, isSmooth: false) { try fmod($0[0], $0[1]) },
    SurfaceSample("floorDivide", quotient, isSmooth: false) { try floorDivide($0[0], $0[1]) },
    SurfaceSample("copySign", away, isSmooth: false) { try copySign($0[0], $0[1]) },
    SurfaceSample("round", [Input(shape: [4], low: 1.6, high: 2.4)], isSmooth: false) { try round($0[0]) },
    SurfaceSample("trunc", [Input(shape: [4], low: 1.2, high: 1.8)], isSmooth: false) { try trunc($0[0]) },
    SurfaceSample("nanToNum", any, isSmooth: false) { try nanToNum($0[0]) },
    SurfaceSample("clip by tensors", any, isSmooth: false) { try clip($0[0], Tensor(-5.0).cast(to: .f64), nil) },
    SurfaceSample("which", [Input(shape: [2, 3]), Input(shape: [3])]) {
      try which(Tensor([0, 1, 2], dtype: .i32), [square($0[0]), exp($0[1]), $0[0] * $0[1]])
    },
    SurfaceSample("logSigmoid", any) { try logSigmoid($0[0]) },
    SurfaceSample("relu6", positive, isSmooth: false) { try relu6($0[0]) },
    SurfaceSample("softSign", positive) { try softSign($0[0]) },
    SurfaceSample("leakyReLU", negative, isSmooth: false) { try leakyReLU($0[0]) },
    SurfaceSample("elu", negative) { try elu($0[0]) },
    SurfaceSample("celu", negative) { try celu($0[0], alpha: 0.7) },
    SurfaceSample("selu", negative) { try selu($0[0]) },
    SurfaceSample("hardTanh", inside, isSmooth: false) { try hardTanh($0[0]) },
    SurfaceSample("hardSigmoid", inside, isSmooth: false) { try hardSigmoid($0[0]) },
    SurfaceSample("hardSiLU", inside) { try hardSiLU($0[0]) },
    SurfaceSample("mish", any) { try mish($0[0]) },
    SurfaceSample("squareplus", any) { try squareplus($0[0]) },
    SurfaceSample("sparsePlus", inside) { try sparsePlus($0[0]) },
    SurfaceSample("glu", [Input(shape: [2, 4])]) { try glu($0[0]) },
    SurfaceSample("standardize", any) { try standardize($0[0]) },
    SurfaceSample("softmax over two axes", any) { try softmax($0[0], axes: [0, 1]) },
    SurfaceSample("masked softmax", any) { try softmax($0[0], axes: [1], mask: Tensor([1, 0, 1]).cast(to: .bool)) },
    SurfaceSample("weighted logSumExp", pair) { try logSumExp($0[0], weights: square($0[1]) + 0.5, [1]) },
    SurfaceSample("prod over all", any) { try $0[0].prod() },
    SurfaceSample("prod over axis 0", [Input(shape: [5, 2])]) { try $0[0].prod([0]) },
    SurfaceSample("prod, dimensions kept", [Input(shape: [2, 3, 2])]) {
      try $0[0].prod([0, -1], keepDimensions: true)
    },
    SurfaceSample("prod with a zero", [Input(shape: [4])]) {
      try ($0[0] * Tensor([0.0, 1, 1, 1]).cast(to: .f64)).prod() + square($0[0]).sum()
    },
    SurfaceSample("nanSum", any, isSmooth: false) { try $0[0].nanSum([1]) },
  ]
}
