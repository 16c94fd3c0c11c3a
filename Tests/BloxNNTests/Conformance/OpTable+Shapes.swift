// The reference vectors' reductions, rearrangements and functions of networks as functions of this library.

import BloxIR
import BloxNN
import TestSupport

@testable import BloxTrace

/// The attribute `axis`: `nil` for all axes.
private func axes(_ testCase: ConformanceCase) -> [Int]? {
  testCase.attrs["axis"]?.ints ?? testCase.attrs["axis"]?.int.map { [$0] }
}

/// Cases of the group `ops_reduce`.
func bindReduce(_ testCase: ConformanceCase) -> CaseBinding {
  let axes = axes(testCase)
  let keep = testCase.attrs["keepdims"]?.bool ?? false
  func reduction(_ function: @escaping (Tensor) throws -> Tensor) -> CaseBinding { .run { [try function($0[0])] } }
  switch testCase.op {
  case "jnp.sum": return reduction { try $0.sum(axes, keepDimensions: keep) }
  case "jnp.prod": return reduction { try $0.prod(axes, keepDimensions: keep) }
  case "jnp.nansum": return reduction { try $0.nanSum(axes, keepDimensions: keep) }
  case "jnp.count_nonzero": return reduction { try $0.countNonzero(axes, keepDimensions: keep) }
  case "jnp.max": return reduction { try $0.max(axes, keepDimensions: keep) }
  case "jnp.min": return reduction { try $0.min(axes, keepDimensions: keep) }
  case "jnp.mean": return reduction { try $0.mean(axes, keepDimensions: keep) }
  case "jnp.all": return reduction { try $0.all(axes, keepDimensions: keep) }
  case "jnp.any": return reduction { try $0.any(axes, keepDimensions: keep) }
  case "jnp.var", "jnp.std":
    let (isDeviation, freedom) = (testCase.op == "jnp.std", testCase.attrs["ddof"]?.int ?? 0)
    return reduction {
      let variance = try $0.variance(axes, freedom: freedom)
      return isDeviation ? try sqrt(variance) : variance
    }
  case "jnp.average": return reduction { try $0.average(axes) }
  case "jnp.median": return reduction { try $0.median(axes, keepDimensions: keep) }
  case "jnp.quantile": return .run { [try $0[0].quantile($0[1])] }
  case "jnp.linalg.norm":
    if testCase.attrs["ord"] != nil { return reduction { try Linalg.norm($0, .p(1)) } }
    return reduction { try $0.norm(axes) }
  case "jnp.ptp": return reduction { try $0.max(axes) - $0.min(axes) }
  case "jnp.argmax", "lax.argmax", "jnp.argmin", "lax.argmin":
    let isMax = testCase.op.hasSuffix("argmax")
    return reduction { x in
      var index = try isMax ? x.argmax(axes?.first) : x.argmin(axes?.first)
      if keep {
        let removed = axes?.map { $0 < 0 ? $0 + x.rank : $0 }
        index = try index.reshape(x.shape.indices.map { removed?.contains($0) ?? true ? 1 : x.shape[$0] })
      }
      return try index.cast(to: DType(stored: testCase.attrs["index_dtype"]?.string ?? "int32"))
    }
  case "logsumexp":
    return .run { x in [try logSumExp(x[0], axes, factors: testCase.attrs["b"] == nil ? nil : x[1])] }
  case "reduce":
    let dimensions = testCase.attrs["dimensions"]?.ints ?? []
    let kind: Op.Reduction
    switch testCase.attrs["computation"]?.string {
    case "add": kind = .sum
    case "max": kind = .max
    case "min": kind = .min
    case "and": kind = .and
    case "or": kind = .or
    case "mul": kind = .prod
    case "xor": kind = .xor
    case let other: return .skip("there is no reduction by \(other ?? "")")
    }
    return reduction { try Tensor.apply(.reduce(kind, axes: dimensions), $0) }
  case _: return unbound(testCase)
  }
}

/// Cases of the group `ops_shape`.
func bindShape(_ testCase: ConformanceCase) throws -> CaseBinding {
  let attrs = testCase.attrs
  func single(_ function: @escaping (Tensor) throws -> Tensor) -> CaseBinding { .run { [try function($0[0])] } }
  func ints(_ key: String) -> [Int] { attrs[key]?.ints ?? [] }
  func int(_ key: String) -> Int { attrs[key]?.int ?? 0 }
  switch testCase.op {
  case "broadcast_in_dim":
    let (shape, dims) = (ints("shape"), ints("broadcast_dimensions"))
    return single { x in
      // The IR's op repeats along new dimensions only; sizes of 1 stretch by `broadcast`.
      let placed = shape.indices.map { dims.firstIndex(of: $0).map { x.shape[$0] } ?? 1 }
      return try x.reshape(placed).broadcast(to: shape)
    }
  case "transpose": return single { try $0.transpose(ints("permutation")) }
  case "reshape":
    return single { x in
      let ordered = try attrs["dimensions"]?.ints.map { try x.transpose($0) } ?? x
      return try ordered.reshape(ints("new_sizes"))
    }
  case "slice":
    return single {
      try $0.slice(starts: ints("start_indices"), limits: ints("limit_indices"), strides: attrs["strides"]?.ints)
    }
  case "concatenate": return .run { [try concatenate($0, axis: int("dimension"))] }
  case "stack": return .run { [try stack($0, axis: int("axis"))] }
  case "split":
    let (sections, axis) = (int("sections"), int("axis"))
    return .run { x in
      let size = x[0].shape[axis] / sections
      return try (0..<sections).map { try x[0].slice($0 * size..<($0 + 1) * size, axis: axis) }
    }
  case "pad":
    let amounts = attrs["padding_config"]?.array?.compactMap(\.ints) ?? []
    let padding = Op.Padding(low: amounts.map { $0[0] }, high: amounts.map { $0[1] }, interior: amounts.map { $0[2] })
    return .run { x in [try Tensor.apply(.pad(padding), x[0], x[1])] }
  case "jnp.pad" where attrs["mode"]?.string == "constant":
    let amounts = attrs["pad_width"]?.array?.compactMap(\.ints) ?? []
    return single { try $0.pad(low: amounts.map { $0[0] }, high: amounts.map { $0[1] }) }
  case "iota":
    let dtype = try DType(stored: attrs["dtype"]?.string ?? "")
    return .run { _ in [try Tensor.iota(ints("shape"), axis: int("dimension"), dtype: dtype)] }
  case "arange":
    guard let count = attrs["args"]?.ints, count.count == 1 else { return bindRearrangement(testCase) }
    return .run { _ in [try Tensor.arange(count[0])] }
  case "eye": return .run { _ in [try Tensor.eye(ints("args")[0])] }
  case "squeeze": return single { try $0.squeeze([int("axis")]) }
  case "expand_dims": return single { try $0.expandDims(int("axis")) }
  case "swapaxes": return single { try $0.swapAxes(int("axis1"), int("axis2")) }
  case "ravel": return single { try $0.reshape([-1]) }
  case _: return bindRearrangement(testCase)
  }
}

/// Cases of the group `ops_nn`.
func bindNN(_ testCase: ConformanceCase) -> CaseBinding {
  func single(_ function: @escaping (Tensor) throws -> Tensor) -> CaseBinding { .run { [try function($0[0])] } }
  switch testCase.op {
  case "nn.relu": return single { try relu($0) }
  case "nn.sigmoid": return single { try sigmoid($0) }
  case "nn.silu": return single { try silu($0) }
  case "nn.softplus": return single { try softplus($0) }
  case "nn.tanh": return single { try tanh($0) }
  case "nn.dot_product_attention":
    let isCausal = testCase.attrs["is_causal"]?.bool ?? false
    return .run { [try dotProductAttention($0[0], $0[1], $0[2], mask: $0.count > 3 ? $0[3] : nil, isCausal: isCausal)] }
  case "nn.gelu":
    let approximate = testCase.attrs["approximate"]?.bool ?? true
    return single { try gelu($0, approximate: approximate) }
  case "nn.softmax", "nn.log_softmax":
    let isLog = testCase.op == "nn.log_softmax"
    guard let axis = testCase.attrs["axis"]?.int, testCase.attrs["where"] == nil else {
      let several = axes(testCase) ?? [-1]
      return .run { x in
        let mask = x.count > 1 ? x[1] : nil
        return [try isLog ? logSoftmax(x[0], axes: several, mask: mask) : softmax(x[0], axes: several, mask: mask)]
      }
    }
    return single { try isLog ? logSoftmax($0, axis: axis) : softmax($0, axis: axis) }
  case "nn.logsumexp":
    let axes = axes(testCase)
    return single { try logSumExp($0, axes) }
  case "loss.softmax_cross_entropy": return .run { [try softmaxCrossEntropy($0[0], $0[1])] }
  case "loss.softmax_cross_entropy_int": return .run { [try softmaxCrossEntropy($0[0], classes: $0[1])] }
  case _: return bindActivation(testCase)
  }
}
