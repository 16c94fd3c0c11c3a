// Reference vectors of linear algebra as functions of this library.

import BloxTrace
import TestSupport

/// Cases of the group `ops_linalg`.
func bindLinearAlgebra(_ testCase: ConformanceCase) -> CaseBinding {
  func unary(_ function: @escaping (Tensor) throws -> Tensor) -> CaseBinding { .run { [try function($0[0])] } }
  func binary(_ function: @escaping (Tensor, Tensor) throws -> Tensor) -> CaseBinding {
    .run { [try function($0[0], $0[1])] }
  }
  func flag(_ name: String) -> Bool { testCase.attrs[name]?.bool ?? false }
  switch testCase.op {
  case "cholesky": return unary { try Linalg.cholesky($0) }
  case "triangular_solve":
    return binary {
      try Linalg.triangularSolve(
        $0, $1, leftSide: flag("left_side"), lower: flag("lower"), transposed: flag("transpose_a"),
        unitDiagonal: flag("unit_diagonal"))
    }
  case "solve": return binary { try Linalg.solve($0, $1) }
  case "inv": return unary { try Linalg.inv($0) }
  case "det": return unary { try Linalg.det($0) }
  case "slogdet":
    return .run { x in
      let (sign, log) = try Linalg.slogdet(x[0])
      return [sign, log]
    }
  case "qr":
    return .run { x in
      let (q, r) = try Linalg.qr(x[0])
      return [q, r]
    }
  case "eigvalsh": return unary { try Linalg.eigvalsh($0) }
  case "cho_solve": return binary { try Linalg.choSolve(Linalg.cholesky($0), lower: true, $1) }
  case "matrix_power":
    let exponent = testCase.attrs["n"]?.int ?? 0
    return unary { try Linalg.matrixPower($0, exponent) }
  case "expm": return unary { try Linalg.expm($0) }
  case _: return unbound(testCase)
  }
}
