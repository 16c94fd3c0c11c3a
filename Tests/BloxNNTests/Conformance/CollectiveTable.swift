// The reference vectors' collectives and functions with derivatives of their own as functions of this library.

import BloxIR
import BloxNN
import TestSupport

@testable import BloxTrace

/// A function of one lane under `vmap` over axis `i`.
private func lanes(
  inAxis: Axis = 0, outAxis: Axis = 0, _ function: @escaping (Tensor) throws -> Tensor
) -> CaseBinding {
  .run { x in [try vmap(inAxes: [inAxis], outAxes: [outAxis], axisName: "i", function)(x[0])] }
}

/// Cases of the group `collectives`, by name.
func bindCollectives(_ testCase: ConformanceCase) -> CaseBinding {
  switch testCase.op {
  case "psum", "pmean", "pmax", "pmin": return bindReduction(testCase)
  case "axis_index": return lanes { try axisIndex("i") + $0.cast(to: .i32) * 0 }
  case "axis_size": return lanes { try axisSize("i") * $0 }
  case "all_gather":
    let (axis, tiled) = (testCase.name.hasSuffix("1") ? 1 : 0, testCase.name.contains("True"))
    return lanes { try allGather($0, "i", axis: axis, tiled: tiled) }
  case "ppermute": return lanes { try ppermute($0, "i", [(0, 1), (1, 2), (2, 3), (3, 0)]) }
  case "pshuffle": return lanes { try pshuffle($0, "i", [2, 0, 3, 1]) }
  case "all_to_all":
    let split = testCase.name == "all_to_all/axes" ? 1 : 0
    return lanes { try allToAll($0, "i", splitAxis: split, concatAxis: 0) }
  case "psum_scatter":
    let tiled = testCase.name.hasSuffix("tiled")
    return lanes { try psumScatter($0, "i", axis: tiled ? 1 : 0, tiled: tiled) }
  case "nested_axes":
    let inner = TensorFunction { (a: Tensor) in
      let sums = try psum(a, ["i", "j"]) + psum(a, "j")
      return try sums + axisIndex("i").cast(to: .f32) * 10.0 + axisIndex("j").cast(to: .f32)
    }
    return .run { x in [try vmap(axisName: "i", vmap(axisName: "j", inner))(x[0])] }
  case "spmd_dropout":
    return lanes { a in
      let keep = try Key(7).foldIn(axisIndex("i").cast(to: .u32)).bernoulli(0.5, a.shape)
      return try a * keep.cast(to: .f32)
    }
  case "batchnorm_sync":
    return lanes { a in
      let centered = try a - pmean(a.mean([0]), "i")
      return try centered * rsqrt(pmean(square(centered).mean([0]), "i") + 1e-3)
    }
  case "scan_psum":
    return .run { x in
      try vmap(axisName: "i") { (a: Tensor) in
        let (sum, sums) = try scan(Tensor(0.0), a) { sum, z in (try sum + psum(z, "i"), sum) }
        return [sum, sums]
      }(x[0])
    }
  case "mixed_in_axes":
    return .run { x in
      [try vmap(inAxes: [0, nil], axisName: "i") { (a: Tensor, b: Tensor) in try psum(a * b, "i") }(x[0], x[1])]
    }
  case _: return unbound(testCase)
  }
}

private func bindReduction(_ testCase: ConformanceCase) -> CaseBinding {
  func reduction(_ x: Tensor) throws -> Tensor {
    switch testCase.op {
    case "psum": try psum(x, "i")
    case "pmean": try pmean(x, "i")
    case "pmax": try pmax(x, "i")
    case _: try pmin(x, "i")
    }
  }
  switch testCase.name.split(separator: "/").dropFirst().first {
  case nil, "int": return lanes(reduction)
  case "out_none": return lanes(outAxis: nil, reduction)
  case "in_axis1": return lanes(inAxis: 1) { try reduction($0) + $0 }
  case "const": return lanes { try psum(Tensor(1.0), "i") * $0 }
  case "tree":
    return .run { x in try vmap(axisName: "i") { (a: Tensor) in try psum([a, a * 2.0], "i") }(x[0]) }
  case "grad_inside":
    return lanes { a in
      try grad { (z: Tensor) in try square(psum(z * a, "i")).sum() }(a)
    }
  case "normalise":
    return lanes { a in
      let mean = try pmean(a, "i")
      return try (a - mean) / sqrt(pmean(square(a), "i") + 1e-5)
    }
  case _: return unbound(testCase)
  }
}

/// Cases of the group `collective_groups`: one lane is one row.
func bindCollectiveGroups(_ testCase: ConformanceCase) throws -> CaseBinding {
  if testCase.op.hasPrefix("blox.") {
    return lanes { x in
      let layer = try norm(of: testCase)
      let (y, _) = try layer(Params(), x)
      return y
    }
  }
  var groups: [[Int]]?
  if let start = testCase.py.firstIndex(of: "["), let end = testCase.py.lastIndex(of: "]") {
    let text = Array(testCase.py[start...end].utf8)
    // The permutations' pairs are tuples; the case names say which they are.
    if testCase.op != "ppermute" { groups = try JSON(parsing: text, file: testCase.name).array?.compactMap(\.ints) }
  }
  let parts = groups
  switch testCase.op {
  case "psum": return lanes { try psum($0, "i", groups: parts) }
  case "pmean": return lanes { try pmean($0, "i", groups: parts) }
  case "pmax": return lanes { try pmax($0, "i", groups: parts) }
  case "pmin": return lanes { try pmin($0, "i", groups: parts) }
  case "all_gather": return lanes { try allGather($0, "i", groups: parts) }
  case "ppermute":
    let isFirst = testCase.name.hasSuffix("0")
    return lanes { try ppermute($0, "i", isFirst ? [(0, 2), (3, 1)] : [(1, 1)]) }
  case _: return unbound(testCase)
  }
}

/// A norm over two groups of two lanes, with parameters of its own.
private func norm(of testCase: ConformanceCase) throws -> any Layer {
  let (graph, groups) = (try Graph("net").child("layer"), [[0, 1], [2, 3]])
  switch testCase.op {
  case "blox.LayerNorm": return try LayerNorm(graph, axisName: "i", axisIndexGroups: groups)
  case "blox.RMSNorm": return try RMSNorm(graph, axisName: "i", axisIndexGroups: groups)
  case _: return try BatchNorm(graph, axisName: "i", axisIndexGroups: groups)
  }
}

/// Cases of the group `control` that are about derivatives of one's own.
func bindCustomDerivatives(_ testCase: ConformanceCase) -> CaseBinding {
  let clipped = customVJP(name: "clipped") { (x: Tensor) in
    try x * 2
  } forward: { x in
    (try x * 2, x)
  } backward: { x, ct in
    try minimum(maximum(ct * x, -0.5), 0.5)
  }
  let softplus = customJVP(name: "sp") { (x: Tensor) in
    try log(1 + exp(x))
  } jvp: { x, dx in
    (try log(1 + exp(x)), try sigmoid(x) * dx)
  }
  switch testCase.name {
  case "custom_vjp":
    return .run { x in
      let (value, gradient) = try valueAndGrad { (a: Tensor) in try square(clipped(a)).sum() }(x[0])
      return [value, gradient]
    }
  case "custom_vjp/vmap":
    return .run { x in [try vmap(grad { (a: Tensor) in try square(clipped(a)) })(x[0])] }
  case "custom_jvp":
    return .run { x in [try grad { (a: Tensor) in try softplus(a).sum() }(x[0])] }
  case _: return .skip("control flow has a table of its own")
  }
}
