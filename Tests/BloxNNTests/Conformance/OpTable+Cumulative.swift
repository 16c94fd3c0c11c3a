// Reference vectors of cumulative functions as functions of this library.

import BloxTrace
import TestSupport

/// Cases of the group `ops_cumulative`.
func bindCumulative(_ testCase: ConformanceCase) -> CaseBinding {
  let axis = testCase.attrs["axis"]?.int
  let reverse = testCase.attrs["reverse"]?.bool ?? false
  func unary(_ function: @escaping (Tensor) throws -> Tensor) -> CaseBinding { .run { [try function($0[0])] } }
  switch testCase.op {
  case "cumsum", "jnp.cumsum": return unary { try $0.cumsum(axis: axis, reverse: reverse) }
  case "cumprod": return unary { try $0.cumprod(axis: axis, reverse: reverse) }
  case "cummax": return unary { try $0.cummax(axis: axis, reverse: reverse) }
  case "cummin": return unary { try $0.cummin(axis: axis, reverse: reverse) }
  case "cumlogsumexp": return unary { try $0.cumLogSumExp(axis: axis, reverse: reverse) }
  case "jnp.diff":
    return unary { x in
      let count = x.shape[x.rank - 1]
      return try x.slice(1..<count, axis: -1) - x.slice(0..<(count - 1), axis: -1)
    }
  case "associative_scan" where testCase.inputs.count == 1:
    return unary { try associativeScan($0) { a, b in try a * b } }
  case "associative_scan":
    // Affine maps x -> a x + b, composed.
    return .run { try associativeScan($0) { a, b in [try a[0] * b[0], try a[1] * b[0] + b[1]] } }
  case _: return unbound(testCase)
  }
}
