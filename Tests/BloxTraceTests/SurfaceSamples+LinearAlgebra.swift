// Linear algebra as records for the generic tests. Matrices are made symmetric and definite where a function needs it.

import BloxTrace

extension SurfaceSample {
  private static let square = [Input(shape: [3, 3], low: -1, high: 1)]
  private static let system = [Input(shape: [3, 3], low: -1, high: 1), Input(shape: [3, 2])]

  /// x xᵀ + 2
  private static func definite(_ x: Tensor) throws -> Tensor {
    try x.matmul(x.swapAxes(-1, -2)) + Tensor.eye(x.shape[0], dtype: .f64) * 2
  }

  /// A matrix far from singular: x plus 4 on the diagonal.
  private static func regular(_ x: Tensor) throws -> Tensor { try x + Tensor.eye(x.shape[0], dtype: .f64) * 4 }

  /// A symmetric matrix whose eigenvalues are far apart.
  private static func separated(_ x: Tensor) throws -> Tensor {
    let diagonal = try Tensor.eye(3, dtype: .f64) * Tensor([-6.0, 1, 9]).cast(to: .f64)
    return try (x + x.swapAxes(0, 1)) * 0.5 + diagonal
  }

  static let linearAlgebra: [SurfaceSample] = [
    SurfaceSample("cholesky", square) { try Linalg.cholesky(definite($0[0])) },
    SurfaceSample("cholesky of a lower triangle", square) {
      try Linalg.cholesky(regular($0[0]), symmetrized: false)
    },
    SurfaceSample("triangularSolve", system) { try Linalg.triangularSolve(regular($0[0]), $0[1]) },
    SurfaceSample("triangularSolve, right, upper, transposed, unit", system) {
      try Linalg.triangularSolve(
        $0[0], $0[1].swapAxes(0, 1), leftSide: false, lower: false, transposed: true, unitDiagonal: true)
    },
    SurfaceSample("solveTriangular of a vector", [square[0], Input(shape: [3])]) {
      try Linalg.solveTriangular(regular($0[0]), $0[1], transposed: true)
    },
    SurfaceSample("qr: q", [Input(shape: [4, 3])]) { try Linalg.qr($0[0]).q },
    SurfaceSample("qr: r", [Input(shape: [3, 3])]) { try Linalg.qr(regular($0[0])).r },
    SurfaceSample("qr of a square, full", [Input(shape: [3, 3])]) {
      let (q, r) = try Linalg.qr(regular($0[0]), fullMatrices: true)
      return try q * r
    },
    SurfaceSample("eigvalsh", square) { try Linalg.eigvalsh(separated($0[0])) },
    SurfaceSample("eigh: vectors", square) { try Linalg.eigh(separated($0[0]), symmetrized: false).vectors },
    SurfaceSample("lu of a square", square) { try Linalg.lu(regular($0[0])).lu },
    SurfaceSample("lu of a high matrix", [Input(shape: [4, 2])]) { try Linalg.lu($0[0]).lu },
    SurfaceSample("lu of a wide matrix", [Input(shape: [2, 4])]) { try Linalg.lu($0[0]).lu },
    SurfaceSample("solve", system) { try Linalg.solve(regular($0[0]), $0[1]) },
    SurfaceSample("solve, many matrices, one vector", [Input(shape: [2, 3, 3], low: -1, high: 1), Input(shape: [3])]) {
      try Linalg.solve($0[0] + Tensor.eye(3, dtype: .f64) * 4, $0[1])
    },
    SurfaceSample("choSolve", system) { try Linalg.choSolve(Linalg.cholesky(definite($0[0])), $0[1]) },
    SurfaceSample("inv", square) { try Linalg.inv(regular($0[0])) },
    SurfaceSample("det of 2", [Input(shape: [2, 2])]) { try Linalg.det($0[0]) },
    SurfaceSample("det of 3", square) { try Linalg.det($0[0]) },
    SurfaceSample("det of 4", [Input(shape: [4, 4])]) { try Linalg.det($0[0]) },
    SurfaceSample("slogdet", square) { try Linalg.slogdet(regular($0[0])).logAbsDet },
    SurfaceSample("matrixPower", square) { try Linalg.matrixPower($0[0], 5) },
    SurfaceSample("matrixPower of the inverse", square) { try Linalg.matrixPower(regular($0[0]), -2) },
    SurfaceSample("expm", square) { try Linalg.expm($0[0]) },
    SurfaceSample("norm", [Input(shape: [2, 3])]) { try Linalg.norm($0[0]) },
    SurfaceSample("norm of power 3", [Input(shape: [2, 3], low: 0.5, high: 2)]) { try Linalg.norm($0[0], .p(3), 0) },
    SurfaceSample("Frobenius norm", [Input(shape: [2, 3])]) { try Linalg.matrixNorm($0[0]) },
    SurfaceSample("column sum norm", [Input(shape: [2, 3], low: 0.5, high: 2)], isSmooth: false) {
      try Linalg.matrixNorm($0[0], .columnSum)
    },
    SurfaceSample("trace", [Input(shape: [2, 3])], isSmooth: false) { try Linalg.trace($0[0]) },
    SurfaceSample("optimizationBarrier", [Input(shape: [2, 3])]) { try exp(optimizationBarrier($0[0])) },
  ]
}
