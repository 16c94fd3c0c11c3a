// The whole-expression cases of the group `slice` as functions of this library.

import BloxNN
import TestSupport

@testable import BloxTrace

/// Functions of a scalar, whose first three derivatives the references have.
let scalarFunctions: [String: @Sendable (Tensor) throws -> Tensor] = [
  "tanh_gauss": { try tanh($0) * exp(-$0 * $0) },
  "softplus": { try log1p(exp($0)) },
  "cubic": { try pow($0, 3) - 2 * $0 },
  "inverse_square": { try pow($0, -2) },
  "logistic_sqrt": { try sigmoid($0) / (1 + sqrt($0 * $0 + 1)) },
  "rsqrt_erf": { try rsqrt($0 * $0 + 1) * erf($0) },
  "pow": { try pow($0, 2.5) },
  "exp_of_pow": { try pow(1.5, $0 * $0) },
  "erf_inv_log": { try erfInv($0) * log(1 + $0) },
  "gelu": { try gelu($0, approximate: false) },
  "gelu_tanh": { try gelu($0) },
  "silu": { try silu($0) },
  "relu_squared": { try square(relu($0)) },
  "stop_gradient": { try $0 * stopGradient($0) * $0 },
  "branches": { x in try select(x .> 0.5, pow(x, 3), -x) },
  "abs_sign": { try abs($0) * $0 * sign($0) },
  "log_div": { try log($0) / $0 },
  "max_min": { try maximum($0 * $0, $0) * minimum($0, 1.5) },
  "numbers": { x in try exp(x * Tensor.arange(4, dtype: x.dtype)).sum() },
]

/// Functions of several tensors.
let compositeFunctions: [String: @Sendable ([Tensor]) throws -> [Tensor]] = [
  "logistic_loss": { x in [try log1p(exp(-x[2] * x[0].matmul(x[1]))).mean()] },
  "mlp_tanh": { x in [try tanh(x[0].matmul(x[1]) + x[2]).matmul(x[3])] },
  "mlp_relu": { x in [try relu(x[0].matmul(x[1])).matmul(x[2])] },
  "attention": { x in
    let scores = try x[0].dotGeneral(
      x[1], Op.DotDimensions(lhsBatch: [0], rhsBatch: [0], lhsContract: [2], rhsContract: [2]))
    return [
      try softmax(scores / 2).dotGeneral(
        x[2], Op.DotDimensions(lhsBatch: [0], rhsBatch: [0], lhsContract: [2], rhsContract: [1]))
    ]
  },
  "dot_batch_middle": { x in
    [
      try x[0].dotGeneral(
        x[1] * x[1], Op.DotDimensions(lhsBatch: [2], rhsBatch: [1], lhsContract: [0], rhsContract: [2]))
    ]
  },
  "cross_entropy": { x in [try -(oneHot(x[1], 4) * logSoftmax(x[0])).sum([-1]).mean()] },
  "logsumexp": { x in [try logSumExp(x[0] * x[1], [0])] },
  "softmax_gate": { x in [try softmax(x[0], axis: 0) * sigmoid(x[1])] },
  "layer_norm": { x in
    let centered = try x[0] - x[0].mean([-1], keepDimensions: true)
    return [try centered * rsqrt(square(centered).mean([-1], keepDimensions: true) + 1e-5) * x[1] + x[2]]
  },
  "max_minus_min": { x in [try x[0].max([1]).expandDims(1) - x[0].min([0]).expandDims(0) * x[1]] },
  "max_ties": { x in [try (x[0] * x[0]).max([1]) * x[1]] },
  "maximum_minimum": { x in [try maximum(x[0], x[1]) * minimum(x[0], x[1]) + maximum(x[0], 0.5)] },
  "select_compare": { x in [try select(x[0] .> x[1], x[0] * x[1], x[0] / (x[1] * x[1] + 1))] },
  "select_bool": { x in [try select(x[0] .> 0, exp(x[1]), x[1] * x[1])] },
  "reshape_transpose": { x in [try (x[0] * x[0]).reshape([3, 4]).transpose() * x[1].broadcast(to: [4, 3])] },
  "slice_pad_concat": { x in
    let padded = try x[0].slice(starts: [1], limits: [6], strides: [2]).pad(low: [1], high: [2], interior: [1])
    return [try concatenate([padded * x[1], (x[1] * x[1]).slice(2..<5)])]
  },
  "pad_negative": { x in
    let padding = Op.Padding(low: [1, -1], high: [-1, 2], interior: [1, 0])
    return [try Tensor.apply(.pad(padding), x[0] * x[0], x[1]) * 2]
  },
  "argmax_one_hot": { x in [try (x[0] * x[0] * oneHot(x[0].argmax(-1), 4)).sum([-1])] },
  "pow": { x in [try pow(x[0], x[1])] },
  "sub_div_neg": { x in [try -(x[0] - 2) / (x[1] * x[1] + 0.5) - x[0]] },
  "quadratic_form": { x in [try x[0].matmul(x[1].matmul(x[0]))] },
  "rosenbrock": { x in
    let (head, tail) = (try x[0].slice(0..<4), try x[0].slice(1..<5))
    return [try (100 * square(tail - square(head)) + square(1 - head)).sum()]
  },
  "softmax_entropy": { x in [try -(softmax(x[0]) * logSoftmax(x[0])).sum()] },
  "straight_through": { x in [try (x[0] + stopGradient(sign(x[0]) - x[0])) * x[1] * stopGradient(x[1])] },
  "gelu_silu": { x in [try gelu(x[0], approximate: false) * silu(x[1]) + gelu(x[1])] },
  "erf_inv": { x in [try erfInv(erf(x[0]) * x[1])] },
  "log_sqrt_abs": { x in [try log(abs(x[0]) + 1) * sqrt(x[1]) - log1p(x[1]) * sign(x[0])] },
  "integer_pow": { x in [try pow(x[0], 3) + pow(x[1], -2) * pow(x[0], 2)] },
  "normalize": { x in [try x[0] / abs(x[0]).sum([0, 2], keepDimensions: true)] },
  "two_outputs": { x in [try (exp(x[0]) * x[1]).sum([0]), try x[0].max([0]) - x[1]] },
]
