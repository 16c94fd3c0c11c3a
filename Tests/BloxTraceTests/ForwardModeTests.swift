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

  @Test("Tangents of another type are an error") func wrongTangents() throws {
    let error = try #require(throws: BloxError.self) {
      try jvp({ (x: Tensor) in try x + 1 }, primals: Tensor([1, 2]), tangents: Tensor([1]))
    }
    #expect(
      error.message == "tangents must have the structure and types of the primals (f32[2]); got (f32[1])")
  }
}
