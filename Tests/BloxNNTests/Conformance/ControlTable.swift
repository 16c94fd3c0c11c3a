// The reference vectors' loops, choices, checkpoints and compositions of transformations as functions of this library.

import BloxIR
import TestSupport

@testable import BloxTrace

private let noTensors: [Tensor] = []

/// Cases of the group `control`, by name.
func bindControl(_ testCase: ConformanceCase) -> CaseBinding {
  switch testCase.name.split(separator: "/").first {
  case "scan": return bindScan(testCase)
  case "while", "fori": return bindLoop(testCase)
  case "cond", "switch": return bindCond(testCase)
  case "vmap_scan", "vmap_while", "vmap_fori", "vmap_cond", "vmap_switch": return bindVectorizedControl(testCase)
  case "checkpoint":
    return .run { x in
      testCase.name == "checkpoint"
        ? [try checkpoint { (a: Tensor, b: Tensor) in try sin(sin(a.matmul(b))) }(x[0], x[1])]
        : [
          try checkpoint(policy: .dots) { (a: Tensor, b: Tensor) in try pow(tanh(a.matmul(b)), 3).sum() }(x[0], x[1])
        ]
    }
  case "custom_vjp", "custom_jvp": return bindCustomDerivatives(testCase)
  case _: return bindTransformations(testCase)
  }
}

private func bindScan(_ testCase: ConformanceCase) -> CaseBinding {
  /// A loop over two tensors with a body of tensors.
  func loop(
    _ initial: Int, _ xs: Int, reverse: Bool = false, unroll: Int = 1,
    _ body: @escaping ([Tensor], Tensor, Tensor) throws -> (Tensor, Tensor)
  ) -> CaseBinding {
    .run { x in
      let (carry, ys) = try scan(x[initial], x[xs], reverse: reverse, unroll: unroll) { try body(x, $0, $1) }
      return [carry, ys]
    }
  }
  switch testCase.name {
  case "scan/cumsum": return loop(0, 1) { _, s, x in (try s + x, try s * x) }
  case "scan/rnn":
    return loop(0, 3) { x, h, step in
      let next = try tanh(step.matmul(x[1]) + h.matmul(x[2]))
      return (next, next)
    }
  case "scan/reverse": return loop(1, 2, reverse: true) { x, s, y in (try s * x[0] + y, s) }
  case "scan/unroll": return loop(0, 1, unroll: 2) { _, s, x in (try sin(s) + x, try cos(s)) }
  case "scan/no_xs":
    return .run { x in pair(try scan(x[0], length: 4) { (s: Tensor) in (try s * x[1], s) }) }
  case "scan/no_ys":
    return .run { x in [try fold(x[0], x[1]) { (s: Tensor, x: Tensor) in try s + pow(x, 2).sum() }] }
  case "scan/length0": return loop(0, 1) { _, s, x in (try s + x, s) }
  case "scan/nested":
    return loop(0, 2) { x, s, row in
      try scan(s, row) { (r: Tensor, y: Tensor) in (try r * x[1] + y, try sin(r)) }
    }
  case "scan/checkpoint":
    return loop(0, 2) { x, s, y in
      try checkpoint { (s: Tensor, y: Tensor) in (try tanh(s.matmul(x[1]) + y), try s.sum()) }(s, y)
    }
  case _: return bindScanOfTrees(testCase)
  }
}

private func bindScanOfTrees(_ testCase: ConformanceCase) -> CaseBinding {
  switch testCase.name {
  case "scan/pytree":
    return .run { x in
      let start = ["a": x[0], "b": x[1]]
      let (carry, ys) = try scan(start, [x[2], x[3]]) { (s: [String: Tensor], x: [Tensor]) in
        let (a, b) = (s["a"]!, s["b"]!)
        return (["a": try a + x[0], "b": try b * x[1]], [a, try x[0] * x[1]])
      }
      return [carry["a"]!, carry["b"]!] + ys
    }
  case "scan/int_carry":
    return .run { x in
      let (carry, ys) = try scan([x[0], x[1]], x[2]) { (s: [Tensor], x: Tensor) in
        ([try s[0] + 1, try s[1] * x], try s[1] * s[0].cast(to: .f32))
      }
      return carry + [ys]
    }
  case "scan/const_jac":
    return .run { x in
      let last = { (w: Tensor) in try fold(x[1], x[2]) { (s: Tensor, y: Tensor) in try tanh(w.matmul(s) + y) } }
      return [try jacrev(last)(x[0])]
    }
  case "scan/grad_grad":
    return .run { x in
      let inner = grad { (v: Tensor) in
        try fold(x[1], x[2]) { (s: Tensor, y: Tensor) in try sin(v * s + y) }.sum()
      }
      return [try grad { (w: Tensor) in try pow(inner(w), 2).sum() }(x[0])]
    }
  case _: return unbound(testCase)
  }
}

private func pair(_ outputs: (Tensor, Tensor)) -> [Tensor] { [outputs.0, outputs.1] }

private func bindLoop(_ testCase: ConformanceCase) -> CaseBinding {
  switch testCase.name {
  case "while/0", "while/1":
    return .run { x in
      try whileLoop([x[0], x[1]], while: { try $0[0] .< 100 }) { s in [try s[0] * 2 + 1, try s[1] + 1] }
    }
  case "while/newton":
    return .run { x in
      [try whileLoop(x[0], while: { s in try abs(s * s - x[0]) .> 1e-4 * x[0] }) { s in try (s + x[0] / s) * 0.5 }]
    }
  case "while/collatz":
    return .run { x in
      try whileLoop([x[0], Tensor(0)], while: { try $0[0] .!= 1 }) { s in
        let half = try floorDivide(s[0], Tensor(2).cast(to: s[0].dtype))
        return [try select(mod(s[0], Tensor(2).cast(to: s[0].dtype)) .== 0, half, s[0] * 3 + 1), try s[1] + 1]
      }
    }
  case "while/jvp":
    return .run { x in
      let loop = { (a: Tensor) in try whileLoop(a, while: { try $0 .< 50 }) { s in try s * s + a } }
      return pair(try jvp(loop, primals: x[0], tangents: x[1]))
    }
  case "fori/static":
    return .run { x in [try forLoop(0..<5, x[0]) { i, s in try s * x[1] + i.cast(to: .f32) }] }
  case "fori/dynamic":
    return .run { x in
      [try forLoop(from: x[1], to: x[2], x[0]) { i, s in try s + sin(s) * i.cast(to: .f32) }]
    }
  case "fori/zero_trip": return .run { x in [try forLoop(3..<3, x[0]) { _, s in try s * 2 }] }
  case "fori/update":
    return .run { x in
      [
        try forLoop(0..<4, x[0]) { i, s in
          // s[i] = s[i - 1] + x1 with masks; index -1 is the last element.
          let positions = try Tensor.arange(s.count)
          let source = try select(i .== 0, Tensor(s.count - 1), i - 1)
          let previous = try select(positions .== source, s, Tensor.zeros(like: s)).sum()
          return try select(positions .== i, try (previous + x[1]).broadcast(to: s.shape), s)
        }
      ]
    }
  case _: return unbound(testCase)
  }
}

private func bindCond(_ testCase: ConformanceCase) -> CaseBinding {
  if testCase.op == "switch" {
    return .run { x in
      [try switchCase(x[0], [{ $0 }, { try pow($0, 2) }, { try exp($0) }] as [(Tensor) throws -> Tensor], x[1])]
    }
  }
  if testCase.name == "cond/nested" {
    return .run { x in
      [
        try cond(x[0] .> 0, x[1]) { a in
          try cond(x[0] .> 1, a) {
            try sin($0)
          } else: {
            try cos($0)
          }
        } else: { a in
          try -a
        }
      ]
    }
  }
  if testCase.name.hasSuffix("nan_safe") {
    return .run { x in
      [
        try cond(x[0], x[1]) { a in
          try log(a)
        } else: { a in
          try a * 0
        }
      ]
    }
  }
  if testCase.name.hasSuffix("pytree") {
    return .run { x in
      let out = try cond(x[0], x[1], x[2]) { a, b in
        ["u": a, "v": try b * 2]
      } else: { a, b in
        ["u": b, "v": a]
      }
      return [out["u"]!, out["v"]!]
    }
  }
  return .run { x in
    [
      try cond(x[0], x[1], x[2]) { a, b in
        try a * b
      } else: { a, b in
        try sin(a) - b
      }
    ]
  }
}

private func bindVectorizedControl(_ testCase: ConformanceCase) -> CaseBinding {
  func halves(_ s: Tensor, _ x: Tensor) throws -> (Tensor, Tensor) {
    try scan(s, x) { a, b in (try a * 0.5 + b, a) }
  }
  switch testCase.name {
  case "vmap_scan/carry": return .run { x in pair(try vmap(inAxes: [0, nil], halves)(x[0], x[1])) }
  case "vmap_scan/xs": return .run { x in pair(try vmap(inAxes: [nil, 0], halves)(x[0], x[1])) }
  case "vmap_scan/const":
    return .run { x in
      pair(try vmap { (w: Tensor) in try scan(x[1], x[2]) { a, b in (try tanh(a * w + b), a) } }(x[0]))
    }
  case "vmap_while/pred":
    return .run { x in
      try vmap { (a: Tensor) in
        try whileLoop([a, Tensor(0)], while: { try $0[0] .< 10 }) { s in [try s[0] * 2, try s[1] + 1] }
      }(x[0])
    }
  case "vmap_while/body_only":
    return .run { x in
      try vmap { (a: Tensor) in
        try whileLoop([Tensor(1.0), Tensor(0)], while: { try $0[1] .< 3 }) { s in [try s[0] * a, try s[1] + 1] }
      }(x[0])
    }
  case "vmap_fori":
    return .run { x in
      [
        try vmap { (n: Tensor) in
          try forLoop(from: Tensor(0).cast(to: n.dtype), to: n, Tensor(0.0)) { i, s in try s + x[1] * i.cast(to: .f32) }
        }(x[0])
      ]
    }
  case "vmap_cond/pred":
    return .run { x in
      [
        try vmap { (p: Tensor, a: Tensor) in
          try cond(p, a) {
            try $0 * 2
          } else: {
            try sin($0)
          }
        }(x[0], x[1])
      ]
    }
  case "vmap_cond/pred_unbatched":
    return .run { x in
      [
        try vmap { (a: Tensor) in
          try cond(x[0], a) {
            try $0 * 2
          } else: {
            try sin($0)
          }
        }(x[1])
      ]
    }
  case "vmap_switch":
    return .run { x in
      [
        try vmap { (i: Tensor, a: Tensor) in
          try switchCase(i, [{ try sin($0) }, { try cos($0) }, { try exp($0) }] as [(Tensor) throws -> Tensor], a)
        }(x[0], x[1])
      ]
    }
  case _: return unbound(testCase)
  }
}

/// A matrix and a vector.
private struct Affine: TensorTree {
  var a: Tensor
  var b: Tensor

  mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&a, "a")
    try visitor.visit(&b, "b")
  }
}

private func bindTransformations(_ testCase: ConformanceCase) -> CaseBinding {
  switch testCase.name {
  case "vmap/nested":
    return .run { x in
      let inner = vmap(inAxes: [0, nil]) { (a: Tensor, b: Tensor) in try a * b + 1 }
      return [try vmap(inAxes: [nil, 0], inner)(x[0], x[1])]
    }
  case "vmap/in_axes_tree":
    return .run { x in
      [
        try vmap(inAxes: [nil, 0, 1]) { (a: Tensor, b: Tensor, y: Tensor) in
          let line = Affine(a: a, b: b)
          return try line.a.matmul(y) + line.b
        }(x[0], x[1], x[2])
      ]
    }
  case "vmap/out_axes":
    return .run { x in pair(try vmap(outAxes: [0, 1]) { (a: Tensor) in (a, try a * 2) }(x[0])) }
  case "vmap/out_axes_none":
    return .run { x in pair(try vmap(outAxes: [0, nil]) { (a: Tensor) in (a, try x[1] * 2) }(x[0])) }
  case "vmap/axis_size":
    return .run { x in [try vmap(axisSize: 3) { (_: [Tensor]) in try x[0] * 2 }([])] }
  case "vmap/grad":
    return .run { x in
      let loss = { (w: Tensor, x: Tensor, y: Tensor) in try pow(w.matmul(x) - y, 2) }
      return [try vmap(inAxes: [nil, 0, 0], grad(loss))(x[0], x[1], x[2])]
    }
  case "grad/vmap":
    return .run { x in
      [try grad { (w: Tensor) in try vmap { (x: Tensor) in try tanh(w.matmul(x)) }(x[1]).sum() }(x[0])]
    }
  case "grad/value_and_grad_aux":
    return .run { x in
      let (value, aux, gradient) = try valueAndGrad { (w: Tensor) in (try sin(w).sum(), try w * 2) }(x[0])
      return [value, aux, gradient]
    }
  case "grad/argnums":
    return .run { x in
      try grad { (ad: [Tensor], b: Tensor) in try (ad[0] * pow(b, 2) * ad[1]).sum() }([x[0], x[2]], x[1])
    }
  case "grad/stop_gradient":
    return .run { x in [try grad { (a: Tensor) in try (a * pow(stopGradient(a), 2)).sum() }(x[0])] }
  case "grad/3rd": return .run { x in [try grad(grad(grad { (a: Tensor) in try tanh(a) * a }))(x[0])] }
  case "jacfwd": return .run { x in [try jacfwd { (a: Tensor) in try sin(a) * pow(a, 2).sum() }(x[0])] }
  case "jacrev":
    return .run { x in
      [try jacrev { (a: Tensor) in try a.expandDims(1) * cos(a).expandDims(0) }(x[0])]
    }
  case "hessian": return .run { x in [try hessian { (a: Tensor) in try exp(a).sum() * a.prod() }(x[0])] }
  case _: return bindMaps(testCase)
  }
}

private func bindMaps(_ testCase: ConformanceCase) -> CaseBinding {
  switch testCase.name {
  case "hvp":
    return .run { x in
      pair(try jvp(grad { (a: Tensor) in try pow(sin(a), 3).sum() }, primals: x[0], tangents: x[1]))
    }
  case "linearize":
    return .run { x in
      let (value, map) = try linearize({ (a: Tensor) in try sin(a) * a }, x[0])
      return [value, try map(x[1])]
    }
  case "vjp/aux":
    return .run { x in
      let (value, pullback) = try vjp({ (a: Tensor) in try sin(a) }, x[0])
      return [value, try pullback(x[1]), try x[0] + 1]
    }
  case "linear_transpose":
    return .run { x in
      let (_, pullback) = try vjp({ (a: Tensor) in try x[1].matmul(a) }, x[0])
      return [try pullback(x[2])]
    }
  case "jit/static":
    return .run { x in
      [try jit { (a: Tensor) in try (0..<4).reduce(Tensor.zeros(like: a)) { try $0 + pow(a, Double($1)) } }(x[0])]
    }
  case "jit/nested":
    return .run { x in
      let sine = jit { (a: Tensor) in try sin(a) }
      return [try jit { (a: Tensor) in try sine(a) + sine(a * 2) }(x[0])]
    }
  case "tree/ravel":
    return .run { x in
      [try concatenate([x[1], x[2], x[0]].map { try $0.reshape([-1]) })]
    }
  case _: return unbound(testCase)
  }
}
