// The reference vectors' operations as functions of this library: elementwise, comparisons, conversions, products.

import BloxIR
import TestSupport

@testable import BloxTrace

/// Why an operation is left out.
func unbound(_ testCase: ConformanceCase) -> CaseBinding {
  .skip("no function of the tables stands for op \(testCase.op)")
}

/// A function of one tensor as a case.
private func unary(_ function: @escaping (Tensor) throws -> Tensor) -> CaseBinding { .run { [try function($0[0])] } }

/// A function of two tensors as a case.
private func binary(_ function: @escaping (Tensor, Tensor) throws -> Tensor) -> CaseBinding {
  .run { [try function($0[0], $0[1])] }
}

/// Cases of the group `ops_unary`.
func bindUnary(_ testCase: ConformanceCase) -> CaseBinding {
  switch testCase.op {
  case "neg": unary { try -$0 }
  case "abs": unary { try abs($0) }
  case "sign": unary { try sign($0) }
  case "floor": unary { try floor($0) }
  case "ceil": unary { try ceil($0) }
  case "exp": unary { try exp($0) }
  case "log": unary { try log($0) }
  case "log1p": unary { try log1p($0) }
  case "sqrt": unary { try sqrt($0) }
  case "rsqrt": unary { try rsqrt($0) }
  case "tanh": unary { try tanh($0) }
  case "logistic": unary { try sigmoid($0) }
  case "erf": unary { try erf($0) }
  case "erf_inv": unary { try erfInv($0) }
  case "is_finite": unary { try isFinite($0) }
  case "isnan": unary { try $0 .!= $0 }
  case "square": unary { try square($0) }
  case "reciprocal": unary { try 1 / $0 }
  case "stop_gradient": unary { try stopGradient($0) }
  case "bitwise_not": unary { try .!$0 }
  case _: bindFunction(testCase)
  }
}

/// Cases of the group `ops_binary`.
func bindBinary(_ testCase: ConformanceCase) -> CaseBinding {
  switch testCase.op {
  case "add", "jnp.add": return binary { try $0 + $1 }
  case "sub", "jnp.subtract": return binary { try $0 - $1 }
  case "mul", "jnp.multiply": return binary { try $0 * $1 }
  // `lax.div` divides integers without converting them, which no operator does.
  case "div": return binary { try Tensor.apply(.binary(.div), $0, $1) }
  case "jnp.divide": return binary { try $0 / $1 }
  case "max", "jnp.maximum": return binary { try maximum($0, $1) }
  case "min", "jnp.minimum": return binary { try minimum($0, $1) }
  case "rem": return binary { try $0 % $1 }
  case "pow", "jnp.power": return binary { try pow($0, $1) }
  case "and": return binary { try $0 .& $1 }
  case "or": return binary { try $0 .| $1 }
  case "xor": return binary { try $0 .^ $1 }
  case "bitwise_not": return unary { try .!$0 }
  case "shift_left": return binary { try Tensor.binary(.shiftLeft, $0, $1) }
  case "shift_right_arithmetic": return binary { try Tensor.binary(.shiftRightArithmetic, $0, $1) }
  case "shift_right_logical": return binary { try Tensor.binary(.shiftRightLogical, $0, $1) }
  case "integer_pow":
    guard let exponent = testCase.attrs["y"]?.int else { return unbound(testCase) }
    return unary { try Tensor.apply(.integerPow(exponent), $0) }
  case _: return bindBinaryFunction(testCase)
  }
}

/// Cases of the group `ops_compare_select`.
func bindCompareSelect(_ testCase: ConformanceCase) -> CaseBinding {
  switch testCase.op {
  case "eq": return binary { try $0 .== $1 }
  case "ne": return binary { try $0 .!= $1 }
  case "lt": return binary { try $0 .< $1 }
  case "le": return binary { try $0 .<= $1 }
  case "gt": return binary { try $0 .> $1 }
  case "ge": return binary { try $0 .>= $1 }
  case "select_n":
    return .run { x in [try which(x[0], Array(x.dropFirst()))] }
  case "where": return .run { x in [try select(x[0], x[1], x[2])] }
  case "clip": return .run { x in [try clip(x[0], x[1], x[2])] }
  case "clamp":
    return .run { x in
      let (low, high) = (try x[0].broadcast(to: x[1].shape), try x[2].broadcast(to: x[1].shape))
      return [try Tensor.apply(.clamp, low, x[1], high)]
    }
  case _: return bindChoice(testCase)
  }
}

/// Cases of the group `ops_convert`, except the promotion table.
func bindConvert(_ testCase: ConformanceCase) throws -> CaseBinding {
  switch testCase.op {
  case "convert_element_type":
    let dtype = try DType(stored: testCase.attrs["new_dtype"]?.string ?? "")
    return unary { try $0.cast(to: dtype) }
  case "bitcast_convert_type":
    let dtype = try DType(stored: testCase.attrs["new_dtype"]?.string ?? "")
    return unary { try $0.bitcast(to: dtype) }
  case "reduce_precision":
    let dtype: DType = testCase.attrs["mantissa_bits"]?.int == 7 ? .bf16 : .f16
    return unary { try reducePrecision($0, to: dtype) }
  case "promote_types": return .skip("the promotion table has a test of its own")
  case _: return unbound(testCase)
  }
}

/// Cases of the group `ops_dot`.
func bindDot(_ testCase: ConformanceCase) throws -> CaseBinding {
  switch testCase.op {
  case "dot_general":
    let numbers = testCase.attrs["dimension_numbers"]?.array?.map { $0.array?.map { $0.ints ?? [] } ?? [] } ?? []
    let dims = Op.DotDimensions(
      lhsBatch: numbers[1][0], rhsBatch: numbers[1][1], lhsContract: numbers[0][0], rhsContract: numbers[0][1],
      preferred: try testCase.attrs["preferred_element_type"]?.string.map { try DType(stored: $0) })
    return binary { try $0.dotGeneral($1, dims) }
  case "jnp.matmul": return binary { try $0.matmul($1) }
  case "jnp.dot": return binary { try $0.dot($1) }
  case "jnp.tensordot":
    let count = testCase.attrs["axes"]?.int ?? 0
    return binary { try $0.tensordot($1, axes: count) }
  case "einsum":
    let specification = testCase.attrs["spec"]?.string ?? ""
    return .run { [try einsum(specification, $0)] }
  case "jnp.outer": return binary { try $0.outer($1) }
  case "jnp.vdot": return binary { try $0.vdot($1) }
  case "jnp.kron": return binary { try $0.kron($1) }
  case _: return unbound(testCase)
  }
}
