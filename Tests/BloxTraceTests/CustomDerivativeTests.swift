// customJVP and customVJP in every transformation, and what they refuse.

import BloxPasses
import Testing

@testable import BloxTrace

@Suite("customJVP and customVJP")
struct CustomDerivativeTests {
  /// x³, with a tangent twice as large as it should be, so that the rule can be told from differentiation.
  private static func cube(_ x: Tensor) throws -> Tensor {
    let function = customJVP(name: "cube") { (x: Tensor) in
      try x * x * x
    } jvp: { x, dx in
      let slope = try 6 * x * x
      return (try cube(x), try slope * dx)
    }
    return try function(x)
  }

  /// x³ with a cotangent twice as large.
  private let cubeVJP = customVJP(name: "cube") { (x: Tensor) in
    try x * x * x
  } forward: { x in
    (try x * x * x, x)
  } backward: { x, ct in
    let slope = try 6 * x * x
    return try slope * ct
  }

  private let x = (try? Tensor([1, 2, -0.5])) ?? Tensor(0)

  private func expect(
    _ got: Tensor, _ want: [Double], sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    try expectClose(got, Tensor(want), rtol: 1e-6, atol: 1e-6, sourceLocation: sourceLocation)
  }

  @Test("the primal function runs eagerly, compiled and in lanes") func primal() throws {
    let functions = [TensorFunction { (x: Tensor) in try Self.cube(x) }, cubeVJP]
    for function in functions {
      try expect(function(x), [1, 8, -0.125])
      try expect(jit(function)(x), [1, 8, -0.125])
      try expect(vmap(function)(x), [1, 8, -0.125])
      try expect(jit(vmap(jit(function)))(x), [1, 8, -0.125])
    }
  }

  @Test("gradients follow the rule, in every composition") func gradients() throws {
    for function in [TensorFunction { (x: Tensor) in try Self.cube(x) }, cubeVJP] {
      let sum = TensorFunction { (x: Tensor) in try function(x).sum() }
      let want = [6, 24, 1.5]
      try expect(grad(sum)(x), want)
      try expect(jit(grad(sum))(x), want)
      try expect(grad(jit(sum))(x), want)
      try expect(vmap(grad(function))(x), want)
      let lanes = vmap(function)
      try expect(grad { (x: Tensor) in try lanes(x).sum() }(x), want)
      let compiled = jit(function)
      try expect(jit(vmap(grad(compiled)))(x), want)
      try expect(jacrev(function)(x).reshape([9]), [6, 0, 0, 0, 24, 0, 0, 0, 1.5])
      let (_, pullback) = try vjp(function, x)
      try expect(pullback(Tensor([1, 0.5, 2])), [6, 12, 3])
    }
  }

  @Test("a rule that calls its own function is followed to higher orders") func secondOrder() throws {
    let scalar = TensorFunction { (x: Tensor) in try Self.cube(x) }
    // 6x² by the rule; its own derivative is the ordinary 12x.
    try expect(vmap(grad(grad(scalar)))(x), [12, 24, -6])
    try expect(vmap(grad(grad(cubeVJP)))(x), [12, 24, -6])
    let (_, forwardOverReverse) = try jvp(grad(scalar), primals: Tensor(2.0), tangents: Tensor(1.0))
    #expect(try forwardOverReverse.item() == 24)
    #expect(try jvp(grad(cubeVJP), primals: Tensor(2.0), tangents: Tensor(1.0)).1.item() == 24)
    #expect(try hessian(cubeVJP)(Tensor(2.0)).item() == 24)
    // exp with a rule in terms of itself: all its derivatives are exp times powers of two, up to the level at which
    // rules are no longer traced into each other.
    func doubled(_ x: Tensor) throws -> Tensor {
      try customJVP { (x: Tensor) in
        try exp(x)
      } jvp: { x, dx in
        let y = try doubled(x)
        return (y, try 2 * y * dx)
      }(x)
    }
    let first = grad(TensorFunction { (x: Tensor) in try doubled(x) })
    let values = [first, grad(first), grad(grad(first)), grad(grad(grad(first)))]
    #expect(try values.map { try $0(Tensor(0.0)).item() } == [2, 4, 8, 16])
  }

  @Test("jvp, linearize and jacfwd follow customJVP") func forwardMode() throws {
    let function = TensorFunction { (x: Tensor) in try Self.cube(x) }
    let dx = try Tensor([1, 0.5, 2])
    let (y, dy) = try jvp(function, primals: x, tangents: dx)
    try expect(y, [1, 8, -0.125])
    try expect(dy, [6, 12, 3])
    try expect(linearize(function, x).1(dx), [6, 12, 3])
    try expect(jit { (x: Tensor, dx: Tensor) in try jvp(function, primals: x, tangents: dx).1 }(x, dx), [6, 12, 3])
    try expect(jacfwd(function)(x).reshape([9]), [6, 0, 0, 0, 24, 0, 0, 0, 1.5])
    try expect(vmap { (x: Tensor, dx: Tensor) in try jvp(function, primals: x, tangents: dx).1 }(x, dx), [6, 12, 3])
  }

  @Test("forward mode of customVJP says to define customJVP") func noForwardMode() throws {
    let message =
      "custom_vjp: a function with customVJP has a derivative in reverse mode only (grad, vjp, jacrev), but its forward"
      + " derivative is asked for (jvp, linearize, jacfwd, or hvp of a jvp); define customJVP for it instead"
    let tangent = TensorFunction { (x: Tensor) in try jvp(cubeVJP, primals: x, tangents: x).1 }
    let errors = [
      try thrown { try tangent(x) }, try thrown { try jit(tangent)(x) }, try thrown { try linearize(cubeVJP, x).1(x) },
      try thrown { try jacfwd(cubeVJP)(x) }, try thrown { try jvp(tangent, primals: x, tangents: x).1 },
    ]
    for error in errors {
      #expect(error.code == .notDifferentiable)
      #expect(error.message == message)
    }
  }

  @Test("trees, integers and several arguments; only what is asked for is differentiated") func trees() throws {
    func scale(_ p: [String: Tensor], _ n: Tensor) throws -> [Tensor] {
      [try p["w"]! * n, try p["b"]! + p["w"]!, n]
    }
    let function = customVJP(name: "scale", scale) { p, n in
      (try scale(p, n), [p["w"]!, n])
    } backward: { residuals, ct in
      // The cotangent of the integer output is zeros, and that of the integer argument is ignored.
      let w = try ct[0] * residuals[1] * 10 + ct[1] + ct[2].cast(to: .f32)
      return (["w": w, "b": try ct[1] * 7], ct[2])
    }
    let p = ["w": try Tensor([1, 2]), "b": try Tensor([3, 4])]
    let n = try Tensor([5, 6], dtype: .i32)
    let gradient = try grad { (p: [String: Tensor], n: Tensor) in
      let y = try function(p, n)
      return try (y[0] + y[1] * y[2]).sum()
    }(p, n)
    try expect(gradient["w"]!, [55, 66])
    try expect(gradient["b"]!, [35, 42])
    let onlyFirst = try grad { (p: [String: Tensor], n: Tensor) in try function(p, n)[0].sum() }(p, n)
    try expect(onlyFirst["b"]!, [0, 0])

    func product(_ a: Tensor, _ b: Tensor, _ n: Tensor) throws -> Tensor { try a * b * n }
    let weighted = customJVP(product) { x, dx in
      let slope = try dx.0 * x.1 + 100 * x.0 * dx.1
      return (try product(x.0, x.1, x.2), try x.2 * slope)
    }
    let (a, b) = (try Tensor([2, 3]), try Tensor([4, 5]))
    try expect(grad { (a: Tensor) in try weighted(a, b, n).sum() }(a), [20, 30])
    try expect(grad { (b: Tensor) in try weighted(a, b, n).sum() }(b), [1000, 1800])
    // Lanes of one argument only: the other's cotangent is the sum over the lanes.
    let lanes = vmap(inAxes: [0, nil, 0], weighted)
    try expect(grad { (b: Tensor) in try lanes(a, b.at(0), n).sum() }(b), [100 * (10 + 18), 0])
  }

  @Test("vmap repeats what one program maps and another does not, and sums cotangents of shared arguments")
  func lanes() throws {
    // The value does not depend on the second argument, but the tangent and the residuals do.
    func twice(_ a: Tensor, _ b: Tensor) throws -> Tensor { try a * 2 }
    let function = customVJP(twice) { a, b in
      let y = try a * 2 + b * 0
      return (y, b)
    } backward: { b, ct in
      (try ct * b, try ct * 3)
    }
    let b = try Tensor([1, 2, 3])
    let lanes = vmap(inAxes: [nil, 0], function)
    try expect(lanes(Tensor(5.0), b), [10, 10, 10])
    #expect(try grad { (a: Tensor) in try lanes(a, b).sum() }(Tensor(5.0)).item() == 6)
    try expect(grad { (b: Tensor) in try lanes(Tensor(5.0), b).sum() }(b), [3, 3, 3])
    try expect(vmap(inAxes: [nil, 0], grad(function))(Tensor(5.0), b), [1, 2, 3])
    let rule = customJVP(twice) { x, dx in
      let tangent = try dx.0 * x.1 + dx.1
      return (try x.0 * 2, tangent)
    }
    let ruleLanes = vmap(inAxes: [nil, 0], rule)
    try expect(ruleLanes(Tensor(5.0), b), [10, 10, 10])
    #expect(try grad { (a: Tensor) in try ruleLanes(a, b).sum() }(Tensor(5.0)).item() == 6)
    try expect(jvp({ (a: Tensor) in try ruleLanes(a, b) }, primals: Tensor(5.0), tangents: Tensor(2.0)).1, [2, 4, 6])
    // A named axis inside the rule.
    let mean = customJVP { (a: Tensor) in
      try pmean(a, "i")
    } jvp: { a, da in
      (try pmean(a, "i"), try 2 * pmean(da, "i"))
    }
    try expect(grad { (a: Tensor) in try vmap(axisName: "i", mean)(a).sum() }(b), [2, 2, 2])
  }

  @Test("a rule may return zeros, apply other rules to tangents, and capture concrete tensors") func rules() throws {
    let constant = customJVP { (x: Tensor) in
      try floor(x)
    } jvp: { x, dx in
      (try floor(x), try Tensor.zeros(x.shape))
    }
    try expect(grad { (x: Tensor) in try constant(x).sum() }(x), [0, 0, 0])
    try expect(linearize(constant, x).1(x), [0, 0, 0])
    let triple = customJVP { (x: Tensor) in
      try 3 * x
    } jvp: { x, dx in
      (try 3 * x, try 5 * dx)
    }
    let nested = customJVP { (x: Tensor) in
      try x * x
    } jvp: { x, dx in
      (try x * x, try triple(jit(triple)(dx)) * x)
    }
    // Transposition goes by the instructions of `triple`, as in JAX.
    try expect(grad { (x: Tensor) in try nested(x).sum() }(x), [9, 18, -4.5])
    let scale = try Tensor([1, 10, 100])
    let captured = customVJP { (x: Tensor) in
      try x * scale
    } forward: { x in
      (try x * scale, [Tensor]())
    } backward: { _, ct in
      try ct * scale * 2
    }
    try expect(jit(grad { (x: Tensor) in try captured(x).sum() })(x), [2, 20, 200])
  }

  @Test("what does not fit is an error that names the rule") func errors() throws {
    let wrongTangent = customJVP(name: "f") { (x: Tensor) in
      try x * 2
    } jvp: { x, dx in
      (try x * 2, try dx.sum())
    }
    #expect(
      try thrown { try jit(wrongTangent)(x) }.message
        == "@f.jvp must return tangents of the types (f32[3]); it returns (f32[])")
    let wrongValue = customVJP(name: "f") { (x: Tensor) in
      try x * 2
    } forward: { x in
      (try x.sum(), x)
    } backward: { _, ct in
      ct
    }
    #expect(
      try thrown { try grad { (x: Tensor) in try wrongValue(x).sum() }(x) }.message
        == "@f.forward must return values of the types (f32[3]); it returns (f32[])")
    let wrongCotangent = customVJP(name: "f") { (x: Tensor) in
      try x.sum()
    } forward: { x in
      (try x.sum(), x)
    } backward: { _, ct in
      ct
    }
    #expect(
      try thrown { try grad(wrongCotangent)(x) }.message
        == "@f.backward must return cotangents of the types (f32[3]); it returns (f32[])")
    let nonlinear = customJVP(name: "f") { (x: Tensor) in
      try x.sum()
    } jvp: { x, dx in
      (try x.sum(), try exp(dx).sum())
    }
    #expect(
      try thrown { try grad(nonlinear)(x) }.message
        == "exp is not linear in its operands, so it has no transpose; only linear programs can be transposed")
    let leak = try thrown {
      try jit { (x: Tensor) in
        try customJVP(name: "f") { (y: Tensor) in
          try x * y
        } jvp: { y, dy in
          (try x * y, try x * dy)
        }(x)
      }(x)
    }
    #expect(leak.code == .leakedTracer)
    #expect(
      leak.message
        == "@f: the function reads a traced tensor of type f32[3] from outside; a function with customJVP or customVJP"
        + " must get traced tensors as arguments")
    let ruleLeak = try thrown {
      try grad { (x: Tensor) in
        try customJVP(name: "f") { (y: Tensor) in
          try y * 2
        } jvp: { y, dy in
          (try y * 2, try x * dy)
        }(x).sum()
      }(x)
    }
    #expect(ruleLeak.message.hasPrefix("@f.jvp: its jvp rule reads a traced tensor of type f32[3] from outside"))
  }

  @Test("programs print their rules, and inlining leaves the function only") func text() throws {
    let program = try makeProgram(name: "main", { (x: Tensor) in try cubeVJP(x) }, x)
    #expect(program.text().contains("= custom_vjp @cube %0 {forward=@cube.forward, backward=@cube.backward}"))
    #expect(try Program(parsing: program.text()) == program)
    #expect(try Pass.inline.run(program).instructions.map(\.op.name) == ["mul", "mul"])
  }
}
