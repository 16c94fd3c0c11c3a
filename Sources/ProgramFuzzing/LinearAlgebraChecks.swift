// Whether factors and solutions are right, by what defines them.
//
// Two methods may give factors that differ by much more than either is wrong, where a matrix is nearly singular or
// eigenvalues nearly coincide. So results are multiplied out and compared with the operands, within a few units of
// rounding for each row.

import BloxIR
import BloxRuntime

/// Says what is wrong with an instruction's results, given the reference's; `nil` when nothing is.
package func disagreement(
  _ op: Op, _ operands: [DenseConstant], got: [DenseConstant], want: [DenseConstant]
) throws -> String? {
  if case .linearAlgebra(let op) = op { return op.failure(operands, got, want) }
  for (got, want) in zip(got, want) {
    if let text = disagreement(got: got, want: want, try op.agreement(operands)) { return text }
  }
  return nil
}

/// A matrix of Double.
private struct Matrix {
  let rows: Int
  let columns: Int
  var elements: [Double]

  init(_ rows: Int, _ columns: Int, _ element: (Int, Int) -> Double) {
    (self.rows, self.columns) = (rows, columns)
    elements = (0..<rows).flatMap { i in (0..<columns).map { element(i, $0) } }
  }

  subscript(i: Int, j: Int) -> Double { elements[i * columns + j] }

  var transposed: Matrix { Matrix(columns, rows) { self[$1, $0] } }
  var magnitudes: Matrix { Matrix(rows, columns) { abs(self[$0, $1]) } }
  var largest: Double { elements.reduce(0) { max($0, abs($1)) } }
  var isFinite: Bool { elements.allSatisfy(\.isFinite) }
  /// Whether products of some elements stay within the range of f32.
  var isModerate: Bool { elements.allSatisfy { $0 == 0 || (abs($0) > 1e-9 && abs($0) < 1e9) } }

  static func * (a: Matrix, b: Matrix) -> Matrix {
    var product = Matrix(a.rows, b.columns) { _, _ in 0 }
    let (n, columns) = (a.columns, b.columns)
    // Plain loops over memory: this is what the checks of large matrices take their time with.
    product.elements.withUnsafeMutableBufferPointer { c in
      a.elements.withUnsafeBufferPointer { a in
        b.elements.withUnsafeBufferPointer { b in
          for i in 0..<c.count / max(1, columns) {
            for k in 0..<n {
              let x = a[i * n + k]
              for j in 0..<columns { c[i * columns + j] += x * b[k * columns + j] }
            }
          }
        }
      }
    }
    return product
  }

  static func - (a: Matrix, b: Matrix) -> Matrix { Matrix(a.rows, a.columns) { a[$0, $1] - b[$0, $1] } }

  static func identity(_ size: Int) -> Matrix { Matrix(size, size) { $0 == $1 ? 1 : 0 } }
}

extension DenseConstant {
  /// The matrices in the last two dimensions; with `vectors`, a row of the last one each.
  fileprivate func matrices(vectors: Bool = false) -> [Matrix] {
    let shape = vectors ? type.shape.dropLast() + [1] + type.shape.suffix(1) : type.shape
    let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
    let count = shape.dropLast(2).reduce(1, *)
    return (0..<count).map { index in
      Matrix(rows, columns) { self[(index * rows + $0) * columns + $1].doubleValue }
    }
  }
}

extension LinearAlgebra {
  /// Says what is wrong with results; `nil` when nothing is, or when nothing can be said: for elements that are not
  /// finite, or so large or small that products leave the range.
  package func failure(_ operands: [DenseConstant], _ got: [DenseConstant], _ want: [DenseConstant]) -> String? {
    for (got, want) in zip(got, want) where got.type != want.type { return "got \(got.type), want \(want.type)" }
    let unit = operands[0].type.dtype == .f64 ? 0x1p-52 : 0x1p-23
    let results = got.enumerated().map { $1.matrices(vectors: isVector($0)) }
    let wanted = want.enumerated().map { $1.matrices(vectors: isVector($0)) }
    let inputs = operands.map { $0.matrices() }
    for index in inputs[0].indices {
      let x = inputs.map { $0[index] }
      let text = failure(x, results.map { $0[index] }, wanted.map { $0[index] }, unit)
      if let text { return "matrix \(index): \(text)" }
    }
    return nil
  }

  private func isVector(_ result: Int) -> Bool {
    switch self {
    case .cholesky, .triangularSolve, .qr: false
    case .eigh: result == 0
    case .lu: result > 0
    }
  }

  private func failure(_ x: [Matrix], _ y: [Matrix], _ want: [Matrix], _ unit: Double) -> String? {
    let bound = 16 * unit * Double(max(4, x[0].rows, x[0].columns))
    switch self {
    case .cholesky: return choleskyFailure(x[0], y[0], want[0], bound)
    case .triangularSolve(let system): return system.failure(x[0], x[1], y[0], bound)
    case .qr:
      if !x[0].isFinite { return y.allSatisfy { $0.elements.allSatisfy(\.isNaN) } ? nil : "no NaN for such elements" }
      guard x[0].isModerate else { return nil }
      return difference("qᵀ q and 1", y[0].transposed * y[0], .identity(y[0].columns), bound)
        ?? difference("q r and a", y[0] * y[1], x[0], bound * x[0].largest)
        ?? difference("r and its upper triangle", y[1], y[1].triangle { $0 <= $1 }, 0)
    case .eigh: return eighFailure(x[0], y, bound)
    case .lu: return luFailure(x[0], y, bound)
    }
  }

  private func choleskyFailure(_ a: Matrix, _ l: Matrix, _ want: Matrix, _ bound: Double) -> String? {
    let symmetric = a.symmetric
    guard symmetric.isModerate else { return nil }
    if let text = difference("l and its lower triangle", l, l.triangle { $0 >= $1 }, 0) { return text }
    if !l.isFinite {
      // The reference has factors, but a matrix this close to singular may lose its definiteness in rounding.
      let least = want.rows == 0 ? 0 : (0..<want.rows).map { want[$0, $0] }.min() ?? 0
      return least * least <= bound * a.largest || !want.isFinite ? nil : "NaN for a positive definite matrix"
    }
    return difference("l lᵀ and a", l * l.transposed, symmetric, bound * a.largest)
  }

  private func eighFailure(_ a: Matrix, _ y: [Matrix], _ bound: Double) -> String? {
    let (w, v, symmetric) = (y[0], y[1], a.symmetric)
    if !symmetric.isFinite { return w.isFinite && w.columns > 0 ? "no NaN for such elements" : nil }
    guard symmetric.isModerate else { return nil }
    for i in 1..<max(1, w.columns) where w[0, i] < w[0, i - 1] { return "the eigenvalues are not in order" }
    for j in 0..<v.columns {
      let column = (0..<v.rows).map { v[$0, j] }
      let leading = column.reduce(0) { abs($1) > abs($0) + bound ? $1 : $0 }
      if leading < 0, !column.contains(where: { $0 > abs(leading) - bound }) { return "vector \(j) has the other sign" }
    }
    let scaled = Matrix(v.rows, v.columns) { v[$0, $1] * w[0, $1] }
    return difference("vᵀ v and 1", v.transposed * v, .identity(v.columns), bound)
      ?? difference("a v and v w", symmetric * v, scaled, bound * a.largest)
  }

  private func luFailure(_ a: Matrix, _ y: [Matrix], _ bound: Double) -> String? {
    let (m, least) = (a.rows, min(a.rows, a.columns))
    var order = Array(0..<m)
    for k in 0..<least {
      let pivot = Int(y[1][0, k])
      guard pivot >= k, pivot < m else { return "the pivot \(pivot) of row \(k)" }
      order.swapAt(k, pivot)
    }
    let permutation = Matrix(1, m) { y[2][$0, $1] }
    if permutation.elements != order.map(Double.init) { return "the pivots do not give the permutation" }
    guard a.isModerate else { return nil }
    let l = Matrix(m, least) { $0 > $1 ? y[0][$0, $1] : $0 == $1 ? 1 : 0 }
    let u = Matrix(least, a.columns) { $0 <= $1 ? y[0][$0, $1] : 0 }
    if l.largest > 1 { return "a factor below the diagonal is larger than 1" }
    let moved = Matrix(m, a.columns) { a[order[$0], $1] }
    return difference("l u and the permuted matrix", l * u, moved, bound * max(u.largest, a.largest))
  }

  fileprivate func difference(_ what: String, _ got: Matrix, _ want: Matrix, _ bound: Double) -> String? {
    LinearAlgebra.difference(what, got, want) { _, _ in bound }
  }

  /// Says where two matrices differ by more than a bound.
  fileprivate static func difference(
    _ what: String, _ got: Matrix, _ want: Matrix, _ bound: (Int, Int) -> Double
  ) -> String? {
    for i in 0..<want.rows {
      for j in 0..<want.columns where got[i, j] != want[i, j] {
        if abs(got[i, j] - want[i, j]) <= bound(i, j) || got[i, j].isNaN && want[i, j].isNaN { continue }
        return "\(what) differ at [\(i), \(j)]: \(got[i, j]) and \(want[i, j]), allowed \(bound(i, j))"
      }
    }
    return nil
  }
}

extension LinearAlgebra.TriangularSolve {
  /// Substitution solves a system whose elements are off by rounding: |a x - b| is small beside |a| |x|.
  fileprivate func failure(_ a: Matrix, _ b: Matrix, _ x: Matrix, _ unitBound: Double) -> String? {
    var matrix = a.triangle { lower ? $0 >= $1 : $0 <= $1 }
    if unitDiagonal { matrix = Matrix(a.rows, a.rows) { $0 == $1 ? 1 : matrix[$0, $1] } }
    if transposed { matrix = matrix.transposed }
    guard matrix.isModerate, b.isModerate, x.isModerate, (0..<a.rows).allSatisfy({ matrix[$0, $0] != 0 }) else {
      return nil
    }
    let product = leftSide ? matrix * x : x * matrix
    let scale = leftSide ? matrix.magnitudes * x.magnitudes : x.magnitudes * matrix.magnitudes
    return LinearAlgebra.difference("the product with the solution and b", product, b) {
      unitBound * (scale[$0, $1] + abs(b[$0, $1]))
    }
  }
}

extension Matrix {
  /// Zeros where the condition on row and column does not hold.
  fileprivate func triangle(_ isKept: (Int, Int) -> Bool) -> Matrix {
    Matrix(rows, columns) { isKept($0, $1) ? self[$0, $1] : 0 }
  }

  /// The symmetric matrix with this one's lower triangle.
  fileprivate var symmetric: Matrix { Matrix(rows, columns) { self[max($0, $1), min($0, $1)] } }
}
