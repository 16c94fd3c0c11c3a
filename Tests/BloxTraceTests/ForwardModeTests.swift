// jvp, vjp, linearize and what is built on them.

import BloxTrace
import Testing

@Suite("Forward mode, linear maps and Jacobians")
struct ForwardModeTests {
  private func close(_ a: Tensor, _ b: Tensor, _ tolerance: Double = 1e-5) throws -> Bool {
    guard a.type == b.type else { return false }
    return try zip(a.scalars(as: Double.self), b.scalars(as: Double.self)).allSatisfy {
      abs($0 - $1) <= tolerance * max(1, abs($1))
    }
  }

  @Test("jvp of x·sin-like functions along a direction") func jvpValue() throws {
    let (x, dx) = (try Tensor([0.5, -1, 2]), try Tensor([1, 2, 3]))
    let (y, dy) = try jvp({ (x: Tensor) in try tanh(x) * x }, primals: x, tangents: dx)
    #expect(try close(y, try tanh(x) * x))
    #expect(try close(dy, try dx * (tanh(x) + x * (1 - tanh(x) * tanh(x)))))
  }

  @Test("jvp of two arguments, one of them of integers") func jvpWithIntegers() throws {
    let (x, n) = (try Tensor([1, 2]), try Tensor([3, 4], dtype: .i32))
    let (_, dy) = try jvp(
      { (x: Tensor, n: Tensor) in try x * n }, primals: x, n, tangents: try Tensor([1, 1]), n)
    #expect(try dy.scalars(as: Float.self) == [3, 4])
  }

  @Test("vjp gives cotangents for each argument, zeros for integers") func vjpValue() throws {
    let (x, w, n) = (try Tensor([[1, 2]]), try Tensor([[3], [4]]), try Tensor([7], dtype: .i32))
    let (y, pullback) = try vjp({ (x: Tensor, w: Tensor, n: Tensor) in try x.matmul(w) }, x, w, n)
    #expect(try y.scalars(as: Float.self) == [11])
    let (dx, dw, dn) = try pullback(try Tensor([[2]]))
    #expect(try dx.scalars(as: Float.self) == [6, 8])
    #expect(try dw.scalars(as: Float.self) == [2, 4])
    #expect(try dn.type == n.type && dn.item() == 0)
    let error = try #require(throws: BloxError.self) { _ = try pullback(try Tensor([2])) }
    #expect(error.message == "pullback: the cotangent must have the output's types (f32[1,1]); got (f32[1])")
  }

  @Test("linearize evaluates the function once and maps many tangents") func linearizeOnce() throws {
    var calls = 0
    let x = try Tensor([1, 2, 3])
    let (y, map) = try linearize(
      { (x: Tensor) in
        calls += 1
        return try exp(x).sum()
      }, x)
    #expect(try close(y, exp(x).sum()))
    for direction in [[1, 0, 0], [0, 1, 0.5]] {
      let dx = try Tensor(direction)
      #expect(try close(map(dx), (dx * exp(x)).sum()))
    }
    #expect(calls == 1)
  }

  @Test("jacfwd and jacrev agree, also compiled and for matrices") func jacobians() throws {
    let w = try Tensor([[1, 2], [3, 4], [5, 6]])
    let function = { (x: Tensor) in try tanh(w.matmul(x)) }
    let x = try Tensor([[0.1, 0.2], [0.3, -0.1]])
    let forward = try jacfwd(function)(x)
    #expect(forward.shape == [3, 2, 2, 2])
    #expect(try close(forward, jacrev(function)(x)))
    #expect(try close(forward, jit(jacrev(function))(x)))
  }

  @Test("The Hessian of a quartic, and its product with a vector") func secondDerivatives() throws {
    let function = { (x: Tensor) in try (x * x * x * x).sum() + (x.at(0) * x.at(1)) }
    let x = try Tensor([1, 2])
    let matrix = try hessian(function)(x)
    #expect(try matrix.scalars(as: Float.self) == [12, 1, 1, 48])
    let v = try Tensor([1, -1])
    #expect(try close(hvp(function)(x, v), matrix.matmul(v)))
  }

  /// tanh(x · w)·w, with derivatives of every order.
  private func layer(_ x: Tensor, _ w: Tensor) throws -> Tensor { try tanh(x.matmul(w)).matmul(w.transpose()) }

  private func layerInputs() throws -> (x: Tensor, w: Tensor, dx: Tensor, dw: Tensor) {
    func numbers(_ shape: [Int], _ offset: Int) throws -> Tensor {
      let count = shape.reduce(1, *)
      return try Tensor(shape: shape, scalars: (0..<count).map { Double(($0 * 7 + offset) % 11 - 5) / 8 }, dtype: .f64)
    }
    return (try numbers([4, 3], 1), try numbers([3, 2], 2), try numbers([4, 3], 5), try numbers([3, 2], 8))
  }

  @Test("jvp of jit, jit of jvp and lanes of both are the jvp of the function") func jvpOfCompiled() throws {
    let (x, w, dx, dw) = try layerInputs()
    let (y, dy) = try jvp({ (x: Tensor, w: Tensor) in try layer(x, w) }, primals: x, w, tangents: dx, dw)
    let step = 1e-6
    let slope = try (layer(x + dx * step, w + dw * step) - layer(x - dx * step, w - dw * step)) / (2 * step)
    #expect(try close(dy, slope, 1e-8))

    let compiled = jit { (x: Tensor, w: Tensor) in try layer(x, w) }
    let ofJit = try jvp(compiled, primals: x, w, tangents: dx, dw)
    #expect(try close(ofJit.0, y, 1e-14) && close(ofJit.1, dy, 1e-14))
    let jitted = jit { (x: Tensor, w: Tensor, dx: Tensor, dw: Tensor) in
      try jvp(compiled, primals: x, w, tangents: dx, dw)
    }
    #expect(try close(jitted(x, w, dx, dw).1, dy, 1e-14))
    // One row to a lane.
    let rows = vmap(inAxes: [0, nil, 0, nil]) { (x: Tensor, w: Tensor, dx: Tensor, dw: Tensor) in
      try jvp(compiled, primals: x, w, tangents: dx, dw).1
    }
    #expect(try close(rows(x, w, dx, dw), dy, 1e-14))
    let ofLanes = try jvp(vmap(inAxes: [0, nil], compiled), primals: x, w, tangents: dx, dw)
    #expect(try close(ofLanes.1, dy, 1e-14))
  }

  @Test("vmap of vjp gives each lane its cotangents, and shared arguments one for each lane") func lanesOfVJP() throws {
    let (x, w, ct, _) = try layerInputs()
    let function = TensorFunction { (x: Tensor, w: Tensor) in try layer(x, w) }
    let (_, pullback) = try vjp(function, x, w)
    let (dx, dw) = try pullback(ct)
    let lanes = vmap(inAxes: [0, nil, 0]) { (x: Tensor, w: Tensor, ct: Tensor) in
      let (_, pullback) = try vjp(function, x, w)
      let (dx, dw) = try pullback(ct)
      return [dx, dw]
    }
    for result in [try lanes(x, w, ct), try jit(lanes)(x, w, ct)] {
      #expect(try close(result[0], dx, 1e-13))
      #expect(result[1].shape == [4, 3, 2])
      #expect(try close(result[1].sum([0]), dw, 1e-13))
    }
    // The pullback itself in lanes: the rows of the Jacobian.
    let row = TensorFunction { (x: Tensor) in try layer(x, w) }
    let (_, rowPullback) = try vjp(row, x.at(0))
    let jacobian = try vmap { (ct: Tensor) in try rowPullback(ct) }(Tensor.eye(3, dtype: .f64))
    #expect(try close(jacobian, jacfwd(row)(x.at(0)), 1e-13))
  }

  @Test("linearize inside jit and vmap, and its map transposed by vjp") func linearizeCompiled() throws {
    let (x, w, dx, _) = try layerInputs()
    let function = TensorFunction { (x: Tensor) in try layer(x, w) }
    let want = try jvp(function, primals: x, tangents: dx).1
    let compiled = jit { (x: Tensor, dx: Tensor) in
      let (y, map) = try linearize(function, x)
      return try [y, map(dx), map(dx * 2)]
    }
    let results = try compiled(x, dx)
    #expect(try close(results[0], layer(x, w), 1e-14))
    #expect(try close(results[1], want, 1e-14) && close(results[2], want * 2, 1e-14))
    let (_, map) = try linearize(function, x)
    #expect(try close(jit(map)(dx), want, 1e-14))
    let directions = try stack([dx, dx * -3])
    #expect(try close(vmap(map)(directions), stack([want, want * -3]), 1e-13))
    // A linear map is its own derivative, and its pullback is the function's.
    #expect(try close(jvp(map, primals: x, tangents: dx).1, want, 1e-14))
    #expect(try close(vjp(map, x).1(dx), vjp(function, x).1(dx), 1e-13))
  }

  @Test("The Hessian of an MLP's loss is that of central differences, by every composition") func mlpHessian() throws {
    let (x, w, _, _) = try layerInputs()
    let target = try Tensor([[1], [0], [2], [-1]], dtype: .f64)
    // All parameters in one tensor: w [3, 2], b [2], v [2, 1].
    let loss = { (p: Tensor) in
      let hidden = try tanh(x.matmul(p.slice(0..<6).reshape([3, 2])) + p.slice(6..<8))
      return try square(hidden.matmul(p.slice(8..<10).reshape([2, 1])) - target).mean()
    }
    let p = try concatenate([w.reshape([6]), Tensor([0.1, -0.2, 0.7, 0.3], dtype: .f64)])
    let matrix = try hessian(loss)(p)
    #expect(matrix.shape == [10, 10])
    let gradient = jit(grad(loss))
    let step = 1e-5
    let columns = try (0..<10).map { index in
      let direction = try Tensor.eye(10, dtype: .f64).at(index) * step
      return try (gradient(p + direction) - gradient(p - direction)) / (2 * step)
    }
    #expect(try close(matrix, stack(columns, axis: 1), 1e-8))
    #expect(try close(matrix, matrix.transpose(), 1e-13))
    let function = TensorFunction(loss)
    let others = [
      jacrev(jacrev(function)), jacrev(jacfwd(function)), jacfwd(jacfwd(function)), jit(hessian(function)),
      hessian(jit(function)), jacfwd(grad(function)),
    ]
    for (index, other) in others.enumerated() { #expect(try close(other(p), matrix, 1e-12), "composition \(index)") }
    let v = try Tensor.eye(10, dtype: .f64).at(3)
    #expect(try close(jit(hvp(loss))(p, v), matrix.at(3), 1e-12))
    let products = try vmap(inAxes: [nil, 0], hvp(loss))(p, Tensor.eye(10, dtype: .f64))
    #expect(try close(products, matrix, 1e-12))
  }

  @Test("Tangents of another type are an error") func wrongTangents() throws {
    let error = try #require(throws: BloxError.self) {
      try jvp({ (x: Tensor) in try x + 1 }, primals: Tensor([1, 2]), tangents: Tensor([1]))
    }
    #expect(
      error.message == "tangents must have the structure and types of the primals (f32[2]); got (f32[1])")
  }
}
