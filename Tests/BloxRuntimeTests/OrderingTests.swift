// Sorting kernels against the reference: every dtype, many lengths and shapes, ties, several keys, adverse orders.

import BloxIR
import BloxPasses
import ProgramFuzzing
import TestSupport
import Testing

@testable import BloxRuntime

@Suite("Sorting")
struct OrderingTests {
  private func disagreement(_ op: Ordering, _ x: [DenseConstant]) throws -> String? {
    let got = try executable(program(of: .ordering(op), x.map(\.type))).run(x)
    let want = try ReferenceInterpreter.evaluate(.ordering(op), operands: x)
    for (got, want) in zip(got, want) where got.bytes != want.bytes {
      return ProgramFuzzing.disagreement(got: got, want: want, .bits) ?? "NaNs of other bits"
    }
    return nil
  }

  private static let dtypes = DType.allCases.filter { $0 != .key }

  @Test("One operand of every dtype, with ties, zeros of both signs, subnormals and NaNs", arguments: dtypes)
  func alone(dtype: DType) throws {
    var generator = SeededGenerator(seed: 21)
    for shape in [[1], [0, 3], [3, 0], [7], [64], [65], [3, 200], [200, 3], [2, 70, 5], [3000]] {
      let x = randomTensor(TensorType(dtype, shape), &generator)
      for axis in shape.indices {
        let text = try disagreement(.sort(Ordering.Sort(axis: axis)), [x])
        #expect(text == nil, "\(x.type), axis \(axis): \(text ?? "")")
      }
    }
  }

  @Test("Several operands and keys, of widths that differ", arguments: dtypes)
  func together(dtype: DType) throws {
    var generator = SeededGenerator(seed: 22)
    for shape in [[9], [64], [300], [4, 90], [90, 4], [2, 30, 3]] {
      for others in [[.i32], [.bool, .f64], [.u8, dtype, .key], [.f64, .f16]] as [[DType]] {
        let x = ([dtype] + others).map { randomTensor(TensorType($0, shape), &generator) }
        for keyCount in 1...x.count where !x.prefix(keyCount).contains(where: { $0.type.dtype == .key }) {
          for axis in shape.indices {
            let text = try disagreement(.sort(Ordering.Sort(axis: axis, keyCount: keyCount)), x)
            #expect(text == nil, "\(x.map(\.type)), \(keyCount) keys, axis \(axis): \(text ?? "")")
          }
        }
      }
    }
  }

  @Test("The largest elements, from none to all", arguments: dtypes)
  func largest(dtype: DType) throws {
    var generator = SeededGenerator(seed: 23)
    for shape in [[1], [3, 0], [0, 3], [8], [64], [65], [500], [5000], [3, 300], [300, 3], [2, 300, 3]] {
      let x = randomTensor(TensorType(dtype, shape), &generator)
      for axis in shape.indices {
        for count in [0, 1, 2, 7, 64, 100, shape[axis]] where count <= shape[axis] {
          let text = try disagreement(.topK(Ordering.TopK(count: count, axis: axis)), [x])
          #expect(text == nil, "\(count) of \(x.type), axis \(axis): \(text ?? "")")
        }
      }
    }
  }

  @Test("Lines that ascend, descend, are all alike or have few values", arguments: [DType.f32, .i64, .u8, .f16])
  func adverse(dtype: DType) throws {
    let count = 4000
    let orders: [(Int) -> Int] = [{ $0 }, { count - $0 }, { _ in 5 }, { $0 % 2 }, { $0 == 3999 ? 0 : $0 }]
    for (index, order) in orders.enumerated() {
      let x = vector((0..<count).map { Literal(order($0) / (dtype == .u8 ? 16 : 1), as: dtype) })
      let numbers = vector((0..<count).map { Literal($0, as: .i32) })
      for (name, op, operands) in [
        ("sort", Ordering.sort(Ordering.Sort(axis: 0)), [x]), ("argsort", .sort(Ordering.Sort(axis: 0)), [x, numbers]),
        ("top 1", .topK(Ordering.TopK(count: 1, axis: 0)), [x]),
        ("top 90", .topK(Ordering.TopK(count: 90, axis: 0)), [x]),
      ] {
        let text = try disagreement(op, operands)
        #expect(text == nil, "\(name) of order \(index): \(text ?? "")")
      }
    }
  }

  @Test("A line whose scratch is large, and lines that threads share")
  func large() throws {
    var generator = SeededGenerator(seed: 24)
    let line = (0..<200_000).map { _ in Literal(Double.random(in: -1...1, using: &generator), as: .f32) }
    let x = DenseConstant(type: TensorType(.f32, [line.count]), elements: line)
    let numbers = DenseConstant(
      type: TensorType(.i32, [line.count]), elements: line.indices.map { Literal($0, as: .i32) })
    #expect(try disagreement(.sort(Ordering.Sort(axis: 0)), [x, numbers]) == nil)
    for shape in [[2, 100_000], [100_000, 2], [400, 500]] {
      let y = DenseConstant(type: TensorType(.f32, shape), bytes: x.bytes)
      for axis in [0, 1] {
        #expect(try disagreement(.sort(Ordering.Sort(axis: axis)), [y]) == nil)
        #expect(try disagreement(.topK(Ordering.TopK(count: 2, axis: axis)), [y]) == nil)
      }
    }
  }

  @Test("A sort may take its operand's memory") func inPlace() throws {
    var generator = SeededGenerator(seed: 25)
    for shape in [[50], [500], [500, 3]] {
      let x = randomTensor(TensorType(.f32, shape), &generator)
      var builder = ProgramBuilder(name: "in_place")
      let parameter = builder.parameter(x.type)
      let sorted = try builder.emitOne(.ordering(.sort(Ordering.Sort(axis: 0))), [.value(parameter)])
      var program = builder.finish(results: [ProgramResult(sorted)])
      program.parameters[0].isDonated = true
      let storage = try Storage(x.bytes)
      let planned = try planBuffers(program)
      let got = try Executable(planned: planned).run([storage])[0]
      #expect(got.address == storage.address, "the plan does not share memory")
      let want = try ReferenceInterpreter.evaluate(.ordering(.sort(Ordering.Sort(axis: 0))), operands: [x])[0]
      #expect(got.elements(as: UInt8.self) == want.bytes)
    }
  }

  @Test("Ends of the order are those of jax.lax: sort takes NaNs, zeros and subnormals together, top_k none but NaNs")
  func edges() throws {
    // 1, -NaN, NaN, NaN', 3 ulp, -0, 0, -2 ulp, 1 ulp, -1 ulp, -1, inf, -inf
    let f32: [UInt64] = [
      0x3F80_0000, 0xFFC0_0000, 0x7FC0_0000, 0x7FC0_0001, 3, 0x8000_0000, 0, 0x8000_0002, 1, 0x8000_0001, 0xBF80_0000,
      0x7F80_0000, 0xFF80_0000,
    ]
    let f16: [UInt64] = [
      0x3C00, 0xFE00, 0x7E00, 0x7E01, 3, 0x8000, 0, 0x8002, 1, 0x8001, 0xBC00, 0x7C00, 0xFC00,
    ]
    let numbers = vector(f32.indices.map { Literal($0, as: .i32) })
    func places(_ bits: [UInt64], _ dtype: DType, _ op: Ordering, _ others: [DenseConstant]) throws -> [Int64] {
      let x = [vector(bits.map { Literal(dtype: dtype, bits: $0) })] + others
      let indices = try ReferenceInterpreter.evaluate(.ordering(op), operands: x)[1]
      #expect(try disagreement(op, x) == nil)
      return (0..<bits.count).map { indices[$0].signedValue }
    }
    let sort = Ordering.sort(Ordering.Sort(axis: 0))
    #expect(try places(f32, .f32, sort, [numbers]) == [12, 10, 4, 5, 6, 7, 8, 9, 0, 11, 1, 2, 3])
    #expect(try places(f16, .f16, sort, [numbers]) == [12, 10, 7, 9, 5, 6, 8, 4, 0, 11, 1, 2, 3])
    // JAX has the sign and the payload of a NaN decide, which no arithmetic defines: here all are first, in order.
    let top = Ordering.topK(Ordering.TopK(count: 13, axis: 0))
    #expect(try places(f32, .f32, top, []) == [1, 2, 3, 11, 0, 4, 8, 6, 5, 9, 7, 10, 12])
    #expect(try places(f16, .f16, top, []) == [1, 2, 3, 11, 0, 4, 8, 6, 5, 9, 7, 10, 12])
  }
}
