// Factorisations and triangular systems: compiled against what defines them, in every size, batch and edge case.

import BloxIR
import BloxRuntime
import ProgramFuzzing
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("Linear algebra", .serialized)
struct LinearAlgebraTests {
  static let systems: [LinearAlgebra.TriangularSolve] = (0..<16).map {
    .init(leftSide: $0 & 1 == 0, lower: $0 & 2 == 0, transposed: $0 & 4 == 0, unitDiagonal: $0 & 8 == 0)
  }

  /// x xᵀ / n + 1 for random x: well-conditioned and positive definite.
  private func definite(_ dtype: DType, _ batch: [Int], _ n: Int, _ generator: inout SeededGenerator) -> DenseConstant {
    let count = batch.reduce(1, *)
    var elements: [Literal] = []
    for _ in 0..<count {
      let x = (0..<(n * n)).map { _ in Double.random(in: -1...1, using: &generator) }
      for i in 0..<n {
        for j in 0..<n {
          var dot = 0.0
          x.withUnsafeBufferPointer { x in for k in 0..<n { dot += x[i * n + k] * x[j * n + k] } }
          elements.append(Literal(dot / Double(n) + (i == j ? 1 : 0), as: dtype))
        }
      }
    }
    return DenseConstant(type: TensorType(dtype, batch + [n, n]), elements: elements)
  }

  @Test("Factors of matrices of every size multiply to them", arguments: [DType.f32, .f64])
  func factors(dtype: DType) throws {
    var generator = SeededGenerator(seed: 3)
    let shapes = [
      [0, 0], [1, 1], [2, 2], [3, 5], [5, 3], [3, 0], [0, 3], [2, 0, 4, 4], [2, 3, 4, 4], [33, 33], [70, 31], [31, 70],
      [80, 66], [66, 80], [1, 40], [40, 1],
    ]
    for shape in shapes {
      let x = randomTensor(TensorType(dtype, shape), specials: false, &generator)
      for op in [LinearAlgebra.qr(fullMatrices: false), .qr(fullMatrices: true), .lu] {
        let text = try disagreement(.linearAlgebra(op), [x])
        #expect(text == nil, "\(op) \(x.type): \(text ?? "")")
      }
    }
    for (batch, n) in [([], 0), ([], 1), ([2], 2), ([2, 3], 5), ([], 64), ([], 65), ([], 140), ([0], 3)]
      as [([Int], Int)]
    {
      let x = definite(dtype, batch, n, &generator)
      for op in [LinearAlgebra.cholesky, .eigh] where op == .cholesky || n <= 64 {
        let text = try disagreement(.linearAlgebra(op), [x])
        #expect(text == nil, "\(op) \(x.type): \(text ?? "")")
      }
    }
  }

  @Test("Triangular systems of every kind and size are solved", arguments: [DType.f32, .f64])
  func triangular(dtype: DType) throws {
    var generator = SeededGenerator(seed: 4)
    for (batch, n, m) in [([], 0, 2), ([], 1, 1), ([2], 3, 0), ([2, 2], 4, 3), ([], 63, 1), ([], 70, 9), ([], 9, 140)]
      as [([Int], Int, Int)]
    {
      let a = definite(dtype, batch, n, &generator)
      for system in LinearAlgebraTests.systems {
        // Small elements off the diagonal, since ones on it would let solutions grow without bound.
        let scale = Literal(system.unitDiagonal ? 1 / Double(max(1, n)) : 1, as: dtype)
        let factor = DenseConstant(scale, shape: a.type.shape)
        let scaled = try ReferenceInterpreter.evaluate(.binary(.mul), operands: [a, factor])[0]
        let b = randomTensor(
          TensorType(dtype, batch + (system.leftSide ? [n, m] : [m, n])), specials: false, &generator)
        let text = try disagreement(.linearAlgebra(.triangularSolve(system)), [scaled, b])
        #expect(text == nil, "\(system) \(a.type): \(text ?? "")")
      }
    }
  }

  @Test("Large matrices, which threads share, have the same bits with any number of them")
  func threads() throws {
    let threadCount = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(threadCount) }
    var generator = SeededGenerator(seed: 5)
    let a = definite(.f32, [], 130, &generator)
    let x = randomTensor(TensorType(.f32, [130, 140]), specials: false, &generator)
    let high = randomTensor(TensorType(.f32, [140, 130]), specials: false, &generator)
    let many = definite(.f32, [40], 6, &generator)
    var left = LinearAlgebra.TriangularSolve()
    left.transposed = true
    let right = LinearAlgebra.TriangularSolve(leftSide: false)
    let cases: [(LinearAlgebra, [DenseConstant])] = [
      (.cholesky, [a]), (.cholesky, [many]), (.eigh, [many]), (.qr(fullMatrices: true), [high]), (.lu, [high]),
      (.qr(fullMatrices: false), [x]), (.lu, [x]), (.triangularSolve(left), [a, x]),
      (.triangularSolve(right), [a, high]),
    ]
    for (op, operands) in cases {
      ThreadPool.setThreadCount(1)
      let compiled = try executable(program(of: .linearAlgebra(op), operands.map(\.type)))
      let single = try compiled.run(operands)
      let text = op.failure(operands, single, single)
      #expect(text == nil, "\(op): \(text ?? "")")
      for count in [2, 7] {
        ThreadPool.setThreadCount(count)
        #expect(try compiled.run(operands) == single, "\(op), \(count) threads")
      }
    }
  }

  /// A matrix of rows.
  private func matrix(_ rows: [[Double]], _ dtype: DType = .f32) -> DenseConstant {
    DenseConstant(
      type: TensorType(dtype, [rows.count, rows[0].count]), elements: rows.joined().map { Literal($0, as: dtype) })
  }

  private func bothEngines(_ op: LinearAlgebra, _ operands: [DenseConstant]) throws -> [[[Double]]] {
    let compiled = try executable(program(of: .linearAlgebra(op), operands.map(\.type))).run(operands)
    let reference = try ReferenceInterpreter.evaluate(.linearAlgebra(op), operands: operands)
    return [compiled, reference].map { $0.map { x in (0..<x.type.elementCount).map { x[$0].doubleValue } } }
  }

  @Test("Matrices without factors give NaN where the factors would be, and nothing traps")
  func edges() throws {
    for results in try bothEngines(.cholesky, [matrix([[1, 2], [2, 1]])]) {
      #expect(results[0].map(\.isNaN) == [true, false, true, true] && results[0][1] == 0)
    }
    for bad in [Double.nan, .infinity] {
      for op in [LinearAlgebra.eigh, .qr(fullMatrices: false), .cholesky] {
        for results in try bothEngines(op, [matrix([[bad, 0], [0, 1]])]) {
          #expect(results.allSatisfy { $0.contains(where: \.isNaN) }, "\(op) of \(bad)")
        }
      }
    }
    // What is not in the triangle that is read does not matter.
    for results in try bothEngines(.cholesky, [matrix([[4, .nan], [2, 5]])]) { #expect(results == [[2, 0, 1, 2]]) }
    for results in try bothEngines(.eigh, [matrix([[2, .nan], [0, 1]])]) {
      #expect(results == [[1, 2], [0, 1, 1, 0]])
    }
    // A singular matrix has LU factors; the first of equal magnitudes is the pivot.
    for results in try bothEngines(.lu, [matrix([[0, 1], [0, 2]])]) {
      #expect(results == [[0, 1, 0, 2], [0, 1], [0, 1]])
    }
    for results in try bothEngines(.lu, [matrix([[1, 2], [-1, 2], [2, 0]])]) {
      #expect(results == [[2, 0, -0.5, 2, 0.5, 1], [2, 1], [2, 1, 0]])
    }
    // The sign of a reflected column is the opposite of its first element's; a column that needs none keeps its own.
    for results in try bothEngines(.qr(fullMatrices: false), [matrix([[3, 0], [4, 5]])]) {
      #expect(zip(results[1], [-5, -4, 0, 3]).allSatisfy { abs($0 - $1) < 1e-6 }, "\(results[1])")
    }
    for results in try bothEngines(.qr(fullMatrices: false), [matrix([[2, 1], [0, 7]])]) {
      #expect(results == [[1, 0, 0, 1], [2, 1, 0, 7]])
    }
  }

  @Test("Eigenvalues of known matrices, equal ones and large and tiny ones, are exact to rounding")
  func eigenvalues() throws {
    // The second difference: 2 - 2 cos(k π / (n + 1)).
    let n = 40
    let rows = (0..<n).map { i in (0..<n).map { j in i == j ? 2.0 : abs(i - j) == 1 ? -1 : 0 } }
    for (dtype, bound) in [(DType.f32, 2.5e-7), (.f64, 2e-14)] {
      for scale in [1.0, 1e30, 1e-30] {
        let scaled = rows.map { $0.map { Literal($0 * scale, as: dtype).doubleValue } }
        for results in try bothEngines(.eigh, [matrix(scaled, dtype)]) {
          for (k, value) in results[0].enumerated() {
            let exact = 2 - 2 * cos(Double(k + 1) * Double.pi / Double(n + 1))
            #expect(abs(value / scale - exact) <= bound * 4, "\(dtype), scale \(scale), eigenvalue \(k)")
          }
        }
      }
    }
    let identity = (0..<6).map { i in (0..<6).map { $0 == i ? 3.0 : 0 } }
    for results in try bothEngines(.eigh, [matrix(identity)]) { #expect(results[0] == Array(repeating: 3, count: 6)) }
  }
}
