// The reference vectors' less common elementwise operations, activations and losses as functions of this library.

import BloxIR
import BloxNN
import TestSupport

@testable import BloxTrace

/// A function of one tensor as a case.
private func unary(_ function: @escaping (Tensor) throws -> Tensor) -> CaseBinding { .run { [try function($0[0])] } }

/// A function of two tensors as a case.
private func binary(_ function: @escaping (Tensor, Tensor) throws -> Tensor) -> CaseBinding {
  .run { [try function($0[0], $0[1])] }
}

/// Functions of the group `ops_unary` beyond the first.
func bindFunction(_ testCase: ConformanceCase) -> CaseBinding {
  switch testCase.op {
  case "round_away": unary { try roundAwayFromZero($0) }
  case "round_even": unary { try round($0) }
  case "trunc": unary { try trunc($0) }
  case "exp2": unary { try exp2($0) }
  case "expm1": unary { try expm1($0) }
  case "log2": unary { try log2($0) }
  case "log10": unary { try log10($0) }
  case "cbrt": unary { try cbrt($0) }
  case "sin": unary { try sin($0) }
  case "cos": unary { try cos($0) }
  case "tan": unary { try tan($0) }
  case "asin": unary { try asin($0) }
  case "acos": unary { try acos($0) }
  case "atan": unary { try atan($0) }
  case "sinh": unary { try sinh($0) }
  case "cosh": unary { try cosh($0) }
  case "asinh": unary { try asinh($0) }
  case "acosh": unary { try acosh($0) }
  case "atanh": unary { try atanh($0) }
  case "erfc": unary { try erfc($0) }
  case "lgamma": unary { try lgamma($0) }
  case "digamma": unary { try digamma($0) }
  case "isinf": unary { try isInfinite($0) }
  case "nan_to_num": unary { try nanToNum($0) }
  case "deg2rad": unary { try radians(degrees: $0) }
  case "sinc": unary { try sinc($0) }
  case "population_count": unary { try populationCount($0) }
  case "clz": unary { try leadingZeroCount($0) }
  case _: unbound(testCase)
  }
}

/// Functions of the group `ops_binary` beyond the first.
func bindBinaryFunction(_ testCase: ConformanceCase) -> CaseBinding {
  switch testCase.op {
  case "atan2": binary { try atan2($0, $1) }
  case "nextafter": binary { try nextAfter($0, $1) }
  case "copysign": binary { try copySign($0, $1) }
  case "logaddexp": binary { try logAddExp($0, $1) }
  case "hypot": binary { try hypot($0, $1) }
  case "floor_divide": binary { try floorDivide($0, $1) }
  case "mod": binary { try mod($0, $1) }
  case "fmod": binary { try fmod($0, $1) }
  case "xlogy": binary { try xlogy($0, $1) }
  case "heaviside": binary { try heaviside($0, $1) }
  case _: unbound(testCase)
  }
}

/// Choices and tests of the group `ops_compare_select` beyond the first.
func bindChoice(_ testCase: ConformanceCase) -> CaseBinding {
  switch testCase.op {
  case "isclose": binary { try isClose($0, $1) }
  case "array_equal": binary { try arrayEqual($0, $1) }
  case _: unbound(testCase)
  }
}

/// Activations and losses of the group `ops_nn` beyond the first.
func bindActivation(_ testCase: ConformanceCase) -> CaseBinding {
  let attrs = testCase.attrs
  switch testCase.op {
  case "nn.relu6": return unary { try relu6($0) }
  case "nn.log_sigmoid": return unary { try logSigmoid($0) }
  case "nn.soft_sign": return unary { try softSign($0) }
  case "nn.leaky_relu":
    let slope = attrs["negative_slope"]?.double ?? 0.01
    return unary { try leakyReLU($0, negativeSlope: slope) }
  case "nn.elu":
    let alpha = attrs["alpha"]?.double ?? 1
    return unary { try elu($0, alpha: alpha) }
  case "nn.celu": return unary { try celu($0) }
  case "nn.selu": return unary { try selu($0) }
  case "nn.hard_tanh": return unary { try hardTanh($0) }
  case "nn.hard_sigmoid": return unary { try hardSigmoid($0) }
  case "nn.hard_swish": return unary { try hardSiLU($0) }
  case "nn.mish": return unary { try mish($0) }
  case "nn.squareplus": return unary { try squareplus($0) }
  case "nn.sparse_plus": return unary { try sparsePlus($0) }
  case "nn.glu":
    let axis = attrs["axis"]?.int ?? -1
    return unary { try glu($0, axis: axis) }
  case "nn.standardize":
    let axes = attrs["axis"]?.ints ?? attrs["axis"]?.int.map { [$0] } ?? [-1]
    return unary { try standardize($0, axes) }
  case "loss.sigmoid_bce": return binary { try sigmoidBinaryCrossEntropy($0, $1) }
  case "loss.l2_loss": return binary { try l2Loss($0, $1) }
  case "loss.huber": return binary { try huberLoss($0, $1) }
  case "loss.cosine_similarity": return binary { try cosineSimilarity($0, $1) }
  case _: return unbound(testCase)
  }
}
