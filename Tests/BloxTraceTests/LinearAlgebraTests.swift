// Dtypes, leading dimensions, sizes of zero and error texts of linear algebra; values are compared elsewhere.

import BloxTrace
import Testing

@Suite("Linalg")
struct LinalgTests {
  @Test("Integers become f32, halves keep their dtype, and leading dimensions broadcast") func dtypes() throws {
    let a = try Tensor(shape: [2, 2], scalars: [4, 2, 2, 5], dtype: .i32)
    #expect(try Linalg.cholesky(a).scalars(as: Double.self) == [2, 0, 1, 2])
    #expect(try Linalg.cholesky(a).dtype == .f32)
    #expect(try Linalg.inv(a.cast(to: .bf16)).dtype == .bf16)
    #expect(try Linalg.eigh(a.cast(to: .f16)).vectors.dtype == .f16)
    #expect(try Linalg.lu(a.cast(to: .bf16)).pivots.dtype == .i32)
    let many = try Tensor.eye(2, dtype: .f64).broadcast(to: [3, 1, 2, 2]) * 2
    let sides = try Tensor.ones([4, 2, 5], dtype: .f64)
    #expect(try Linalg.solve(many, sides).shape == [3, 4, 2, 5])
    #expect(try Linalg.solve(many, Tensor.ones([2], dtype: .f64)).shape == [3, 1, 2])
    #expect(try Linalg.det(Tensor.zeros([0, 4, 4])).shape == [0])
    #expect(try Linalg.det(Tensor.zeros([2, 0, 0])).scalars(as: Double.self) == [1, 1])
    #expect(try Linalg.matrixPower(a, 0).scalars(as: Int.self) == [1, 0, 0, 1])
    #expect(try Linalg.norm(Tensor([3.0, -4]), .max).item() == 4.0)
    #expect(try Linalg.norm(Tensor([3.0, 0]), .count).item() == 1.0)
  }

  private func message(_ body: () throws -> Tensor) -> String {
    do {
      _ = try body()
      return "no error"
    } catch let error as BloxError { return error.message } catch { return "\(error)" }
  }

  @Test("Errors say what does not fit") func errors() throws {
    let flat = try Tensor.ones([3])
    let wide = try Tensor.ones([2, 3])
    let square = try Tensor.ones([3, 3])
    #expect(
      message { try Linalg.cholesky(flat) }
        == "cholesky: needs matrices, which have two dimensions or more; got f32[3]")
    #expect(message { try Linalg.inv(wide) } == "inv: needs square matrices; got f32[2,3]")
    #expect(message { try Linalg.expm(flat) } == "expm: needs square matrices; got f32[3]")
    #expect(
      message { try Linalg.solve(square, wide) }
        == "solve: the right side needs as many rows as the matrix; got f32[3,3], f32[2,3]")
    #expect(
      message { try Linalg.norm(flat, .p(0)) }
        == "norm: the power must be a finite number other than 0, not 0.0; there are .count, .max, .min")
    #expect(
      message { try grad { (x: Tensor) in try Linalg.qr(x).r.sum() }(wide) }.hasPrefix(
        "qr: there is a derivative where r is square"))
  }
}
