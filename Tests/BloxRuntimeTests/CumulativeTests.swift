// Cumulative kernels against the reference: every dtype, steps in both directions, numbers at the edges.

import BloxIR
import ProgramFuzzing
import TestSupport
import Testing

@testable import BloxRuntime

@Suite("Cumulative ops")
struct CumulativeTests {
  private func disagreement(_ op: Op, _ x: DenseConstant) throws -> String? {
    let got = try executable(program(of: op, [x.type])).run([x])[0]
    let want = try ReferenceInterpreter.evaluate(op, operands: [x])[0]
    return ProgramFuzzing.disagreement(got: got, want: want, try op.agreement([x]))
  }

  @Test("kernels agree with the reference for every dtype, shape and direction", arguments: Cumulative.allCases)
  func kernels(kind: Cumulative) throws {
    var generator = SeededGenerator(seed: 11)
    for shape in [[1], [9], [0, 3], [3, 0], [700, 3], [3, 700], [2, 5, 301], [20, 4, 1]] {
      for dtype in DType.allCases {
        let type = TensorType(dtype, shape)
        for axis in shape.indices {
          for reverse in [false, true] {
            let op = Op.cumulative(kind, axis: axis, reverse: reverse)
            guard (try? op.resultTypes(for: [type])) != nil else { continue }
            let elements = (0..<type.elementCount).map { _ in
              Literal(
                dtype.isFloating
                  ? Double.random(in: -2...2, using: &generator) : Double(Int.random(in: 0...100, using: &generator)),
                as: dtype)
            }
            let text = try disagreement(op, DenseConstant(type: type, elements: elements))
            #expect(text == nil, "\(op) of \(type): \(text ?? "")")
          }
        }
      }
    }
  }

  @Test("zeros, subnormals, infinities and NaN agree with the reference", arguments: Cumulative.allCases)
  func edges(kind: Cumulative) throws {
    var generator = SeededGenerator(seed: 12)
    for dtype in [DType.bf16, .f16, .f32, .f64] {
      let tiny = dtype == .f64 ? Double.leastNormalMagnitude / 16 : 1e-40
      let numbers = [0, -0.0, tiny, -tiny, 1, -1, 1e30, 1e-30, -.infinity, .infinity, .nan]
      for seed in 0..<40 {
        // NaN and infinities decide everything after them, so most draws are without.
        let drawn = seed % 4 == 0 ? numbers : Array(numbers.prefix(8))
        let elements = (0..<24).map { _ in Literal(drawn.randomElement(using: &generator)!, as: dtype) }
        let x = DenseConstant(type: TensorType(dtype, [8, 3]), elements: elements)
        for axis in [0, 1] {
          let text = try disagreement(.cumulative(kind, axis: axis, reverse: seed % 2 == 0), x)
          #expect(text == nil, "\(dtype), axis \(axis), draw \(seed): \(text ?? "")")
        }
      }
    }
  }

  @Test("a long f32 sum has the accuracy of its last rounding")
  func longSum() throws {
    let type = TensorType(.f32, [1 << 20])
    let x = DenseConstant(Literal(0.1, as: .f32), shape: type.shape)
    let sums = try executable(program(of: .cumulative(.sum, axis: 0, reverse: false), [type])).run([x])[0]
    let want = Double(Float(0.1)) * Double(1 << 20)
    #expect(abs(sums[(1 << 20) - 1].doubleValue - want) <= want * 0x1p-24)
  }
}
