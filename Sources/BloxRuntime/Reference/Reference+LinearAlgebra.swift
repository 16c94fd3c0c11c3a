// Factorisations and triangular systems, in Double, by the textbook.
//
// A result is determined by its equation and conventions (signs, order, pivots) up to rounding, so engines are compared
// by what the factors multiply to. The methods here are not those of the kernels: Cholesky-Crout, Givens-free
// Householder on single columns, Gauss with partial pivoting, and cyclic Jacobi for eigenvalues.

import BloxIR

/// A matrix of Double in rows.
private struct Matrix {
  var rows: Int
  var columns: Int
  var elements: [Double]

  init(_ rows: Int, _ columns: Int, _ elements: [Double]) {
    (self.rows, self.columns, self.elements) = (rows, columns, elements)
  }

  init(_ rows: Int, _ columns: Int) { self.init(rows, columns, Array(repeating: 0, count: rows * columns)) }

  init(identity size: Int) {
    self.init(size, size)
    for i in 0..<size { self[i, i] = 1 }
  }

  subscript(row: Int, column: Int) -> Double {
    get { elements[row * columns + column] }
    set { elements[row * columns + column] = newValue }
  }

  var transposed: Matrix {
    var result = Matrix(columns, rows)
    for i in 0..<rows { for j in 0..<columns { result[j, i] = self[i, j] } }
    return result
  }

  var isFinite: Bool { elements.allSatisfy(\.isFinite) }
}

extension ReferenceInterpreter {
  /// The results for each of the matrices, which are rounded once to the dtype.
  static func linearAlgebra(_ op: LinearAlgebra, _ x: [DenseConstant], _ types: [TensorType]) -> [DenseConstant] {
    let operands = x.map { Array($0.doubles) }
    let shapes = x.map { Array($0.type.shape.suffix(2)) }
    let count = x[0].type.shape.dropLast(2).reduce(1, *)
    var results = types.map { _ in [Double]() }
    for index in 0..<count {
      let matrices = zip(operands, shapes).map { elements, shape in
        let size = shape[0] * shape[1]
        return Matrix(shape[0], shape[1], Array(elements[(index * size)..<((index + 1) * size)]))
      }
      for (position, elements) in evaluate(op, matrices).enumerated() { results[position] += elements }
    }
    return zip(types, results).map { type, elements in
      type.dtype.isFloating
        ? DenseConstant(type: type, rounding: elements)
        : DenseConstant(type: type, elements: elements.map { Literal($0, as: type.dtype) })
    }
  }

  private static func evaluate(_ op: LinearAlgebra, _ x: [Matrix]) -> [[Double]] {
    switch op {
    case .cholesky: return [cholesky(x[0]).elements]
    case .triangularSolve(let system): return [solve(system, x[0], x[1]).elements]
    case .qr(let fullMatrices): return qr(x[0], fullMatrices)
    case .eigh: return eigh(x[0])
    case .lu: return lu(x[0])
    }
  }

  /// Row by row; each element from those left of it and above.
  private static func cholesky(_ a: Matrix) -> Matrix {
    let n = a.rows
    var l = Matrix(n, n)
    for i in 0..<n {
      for j in 0...i {
        let known = (0..<j).reduce(0.0) { $0 + l[i, $1] * l[j, $1] }
        let rest = a[i, j] - known
        l[i, j] = i == j ? rest.squareRoot() : rest / l[j, j]
        if i == j, !(rest > 0 && rest.isFinite) {
          for r in 0..<n { for c in 0...r { l[r, c] = .nan } }
          return l
        }
      }
    }
    return l
  }

  /// Substitution for one unknown after the other; the other forms are turned into `a x = b`.
  private static func solve(_ system: LinearAlgebra.TriangularSolve, _ a: Matrix, _ b: Matrix) -> Matrix {
    if !system.leftSide {
      var mirrored = system
      mirrored.leftSide = true
      mirrored.transposed.toggle()
      return solve(mirrored, a, b.transposed).transposed
    }
    let matrix = system.transposed ? a.transposed : a
    let lower = system.lower != system.transposed
    var x = b
    for step in 0..<a.rows {
      let i = lower ? step : a.rows - 1 - step
      for column in 0..<b.columns {
        var rest = b[i, column]
        for j in lower ? 0..<i : (i + 1)..<a.rows { rest -= matrix[i, j] * x[j, column] }
        x[i, column] = system.unitDiagonal ? rest : rest / matrix[i, i]
      }
    }
    return x
  }

  /// One reflection per column, applied to all of `r` and `q`.
  private static func qr(_ a: Matrix, _ fullMatrices: Bool) -> [[Double]] {
    let (m, n) = (a.rows, a.columns)
    var r = a
    var q = Matrix(identity: m)
    for k in 0..<min(m, n) {
      let largest = (k..<m).reduce(0.0) { max($0, abs(r[$1, k])) }
      let isReflected = (k + 1..<max(m, k + 1)).contains { r[$0, k] != 0 } || largest.isNaN
      guard isReflected else { continue }
      var v = (0..<m).map { $0 < k ? 0 : r[$0, k] / largest }
      let norm = v.reduce(0.0) { $0 + $1 * $1 }.squareRoot()
      v[k] += v[k] < 0 ? -norm : norm
      let square = v.reduce(0.0) { $0 + $1 * $1 }
      for column in 0..<n {
        let factor = 2 * (k..<m).reduce(0.0) { $0 + v[$1] * r[$1, column] } / square
        for i in k..<m { r[i, column] -= factor * v[i] }
      }
      for i in k + 1..<max(m, k + 1) { r[i, k] = 0 }
      for row in 0..<m {
        let factor = 2 * (k..<m).reduce(0.0) { $0 + v[$1] * q[row, $1] } / square
        for i in k..<m { q[row, i] -= factor * v[i] }
      }
    }
    if !a.isFinite {
      let width = fullMatrices ? m : min(m, n)
      return [
        Array(repeating: .nan, count: m * width), Array(repeating: .nan, count: width * n),
      ]
    }
    let width = fullMatrices ? m : min(m, n)
    let thin = (0..<m).flatMap { i in (0..<width).map { q[i, $0] } }
    return [thin, Array(r.elements.prefix(width * n))]
  }

  /// Gauss' elimination; the largest magnitude of the column, the first such, becomes the pivot.
  private static func lu(_ a: Matrix) -> [[Double]] {
    var lu = a
    let (m, n) = (a.rows, a.columns)
    var order = Array(0..<m)
    var pivots: [Double] = []
    for k in 0..<min(m, n) {
      var pivot = k
      for i in k..<m where abs(lu[i, k]) > abs(lu[pivot, k]) { pivot = i }
      pivots.append(Double(pivot))
      order.swapAt(k, pivot)
      if pivot != k { for j in 0..<n { (lu[k, j], lu[pivot, j]) = (lu[pivot, j], lu[k, j]) } }
      // A column of zeros leaves nothing to eliminate.
      if lu[k, k] == 0 { continue }
      for i in k + 1..<max(m, k + 1) {
        lu[i, k] /= lu[k, k]
        for j in k + 1..<max(n, k + 1) { lu[i, j] -= lu[i, k] * lu[k, j] }
      }
    }
    return [lu.elements, pivots, order.map(Double.init)]
  }

  /// Jacobi's rotations until nothing is left off the diagonal.
  private static func eigh(_ a: Matrix) -> [[Double]] {
    let n = a.rows
    var d = a
    for i in 0..<n { for j in 0..<i { d[j, i] = a[i, j] } }
    guard d.isFinite else { return [Array(repeating: .nan, count: n), Array(repeating: .nan, count: n * n)] }
    let largest = d.elements.reduce(0.0) { max($0, abs($1)) }
    if largest > 0 { d.elements = d.elements.map { $0 / largest } }
    var v = Matrix(identity: n)
    for _ in 0..<100 {
      var isDiagonal = true
      for p in 0..<n {
        for q in p + 1..<max(n, p + 1) where abs(d[p, q]) > 1e-300 && abs(d[p, q]) > 1e-17 * offset(d, p, q) {
          isDiagonal = false
          rotate(&d, &v, p, q)
        }
      }
      if isDiagonal { break }
    }
    let order = (0..<n).sorted { (d[$0, $0], $0) < (d[$1, $1], $1) }
    var vectors = Matrix(n, n)
    for (column, source) in order.enumerated() {
      var leading = 0
      for i in 0..<n where abs(v[i, source]) > abs(v[leading, source]) { leading = i }
      for i in 0..<n { vectors[i, column] = v[leading, source] < 0 ? -v[i, source] : v[i, source] }
    }
    return [order.map { largest > 0 ? d[$0, $0] * largest : 0 }, vectors.elements]
  }

  /// What an element off the diagonal is small in comparison to.
  private static func offset(_ d: Matrix, _ p: Int, _ q: Int) -> Double {
    max((abs(d[p, p]) * abs(d[q, q])).squareRoot(), 1e-3)
  }

  private static func rotate(_ d: inout Matrix, _ v: inout Matrix, _ p: Int, _ q: Int) {
    let theta = (d[q, q] - d[p, p]) / (2 * d[p, q])
    let t = (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
    let c = 1 / (t * t + 1).squareRoot()
    let s = t * c
    for k in 0..<d.rows { (d[k, p], d[k, q]) = (c * d[k, p] - s * d[k, q], s * d[k, p] + c * d[k, q]) }
    for k in 0..<d.rows { (d[p, k], d[q, k]) = (c * d[p, k] - s * d[q, k], s * d[p, k] + c * d[q, k]) }
    for k in 0..<d.rows { (v[k, p], v[k, q]) = (c * v[k, p] - s * v[k, q], s * v[k, p] + c * v[k, q]) }
  }
}
