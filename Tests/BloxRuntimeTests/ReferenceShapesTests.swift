// Data movement, reductions and products on small cases worked out by hand.

import BloxIR
import Testing

@testable import BloxRuntime

struct ReferenceShapesTests: ReferenceSuite {
  private var matrix: DenseConstant { tensor(.i32, [1, 2, 3, 4, 5, 6], [2, 3]) }

  @Test("broadcast repeats along new dimensions and along operand dimensions of size 1")
  func broadcast() throws {
    #expect(
      try evaluate(.broadcastInDim(shape: [3, 2], dims: [0]), tensor(.i32, [1, 2, 3]))
        == tensor(.i32, [1, 1, 2, 2, 3, 3], [3, 2]))
    #expect(
      try evaluate(.broadcastInDim(shape: [2, 2, 3], dims: [0, 2]), tensor(.i32, [1, 2], [2, 1]))
        == tensor(.i32, [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2], [2, 2, 3]))
    #expect(
      try evaluate(.broadcastInDim(shape: [3, 2], dims: [1, 0]), tensor(.i32, [1, 2, 3, 4, 5, 6], [2, 3]))
        == tensor(.i32, [1, 4, 2, 5, 3, 6], [3, 2]))
  }

  @Test("transpose, reshape, slice and concatenate")
  func movement() throws {
    #expect(try evaluate(.transpose([1, 0]), matrix) == tensor(.i32, [1, 4, 2, 5, 3, 6], [3, 2]))
    // Three dimensions tell a permutation from its inverse: result dimension i is operand dimension p[i].
    let cube = tensor(.i32, (0..<24).map(Double.init), [2, 3, 4])
    let turned = try evaluate(.transpose([2, 0, 1]), cube)
    #expect(turned.type.shape == [4, 2, 3])
    #expect(turned.numbers[0..<7] == [0, 4, 8, 12, 16, 20, 1])
    #expect(try evaluate(.reshape([3, 2]), matrix) == tensor(.i32, [1, 2, 3, 4, 5, 6], [3, 2]))
    #expect(
      try evaluate(.slice(.init(starts: [0, 0], limits: [2, 3], strides: [1, 2])), matrix)
        == tensor(.i32, [1, 3, 4, 6], [2, 2]))
    #expect(try evaluate(.slice(.init(starts: [1, 1], limits: [2, 3])), matrix) == tensor(.i32, [5, 6], [1, 2]))
    #expect(
      try evaluate(.concatenate(axis: 1), matrix, tensor(.i32, [], [2, 0]), tensor(.i32, [8, 9], [2, 1]))
        == tensor(.i32, [1, 2, 3, 8, 4, 5, 6, 9], [2, 4]))
  }

  @Test("pad adds, crops and spreads")
  func pad() throws {
    let x = tensor(.f32, [1, 2, 3])
    let value = tensor(.f32, [9], [])
    let pad = { (low: Int, high: Int, interior: Int) in
      try evaluate(.pad(.init(low: [low], high: [high], interior: [interior])), x, value).numbers
    }
    #expect(try pad(1, 2, 0) == [9, 1, 2, 3, 9, 9])
    #expect(try pad(0, 0, 2) == [1, 9, 9, 2, 9, 9, 3])
    #expect(try pad(-1, -1, 0) == [2])
    #expect(try pad(-1, 1, 1) == [9, 2, 9, 3, 9])
    #expect(try pad(-3, 2, 0) == [9, 9])
    #expect(
      try evaluate(.pad(.init(low: [0, 1], high: [-1, 0])), matrix, tensor(.i32, [0], []))
        == tensor(.i32, [0, 1, 2, 3], [1, 4]))
  }

  @Test("iota counts along its axis in any dtype; narrow integers wrap")
  func iota() throws {
    #expect(try evaluate(.iota(TensorType(.f16, [2, 3]), axis: 1)) == tensor(.f16, [0, 1, 2, 0, 1, 2], [2, 3]))
    #expect(try evaluate(.iota(TensorType(.i64, [2, 3]), axis: 0)) == tensor(.i64, [0, 0, 0, 1, 1, 1], [2, 3]))
    #expect(try evaluate(.iota(TensorType(.u8, [258]), axis: 0)).numbers.suffix(3) == [255, 0, 1])
  }

  @Test("data movement keeps the bits of NaNs, -0 and subnormals")
  func bitsStay() throws {
    let bits: [UInt64] = [0x7FC0_0001, 0x8000_0000, 0x0000_0001, 0xFFFF_FFFF]
    let x = tensor(.f32, bits: bits)
    #expect(try evaluate(.reshape([2, 2]), x).patterns == bits)
    #expect(try evaluate(.concatenate(axis: 0), x, x).patterns == bits + bits)
    #expect(try evaluate(.bitcastConvert(.i32), x).patterns == bits)
    #expect(try evaluate(.select, tensor(.bool, [1, 1, 1, 1]), x, x).patterns == bits)
    #expect(try evaluate(.convert(.f32), x).patterns == bits)
    #expect(try evaluate(.stopGradient, x).patterns == bits)
  }

  // MARK: - Reductions

  @Test("reductions over leading, trailing, all and no axes")
  func reduceAxes() throws {
    #expect(try evaluate(.reduce(.sum, axes: [0]), matrix) == tensor(.i32, [5, 7, 9]))
    #expect(try evaluate(.reduce(.max, axes: [1]), matrix) == tensor(.i32, [3, 6]))
    #expect(try evaluate(.reduce(.sum, axes: [0, 1]), matrix) == tensor(.i32, [21], []))
    #expect(try evaluate(.reduce(.min, axes: []), matrix) == matrix)
    #expect(try evaluate(.reduce(.and, axes: [1]), matrix) == tensor(.i32, [0, 4]))
    #expect(try evaluate(.reduce(.or, axes: [1]), matrix) == tensor(.i32, [3, 7]))
  }

  @Test("a reduction of nothing is the identity")
  func reduceNothing() throws {
    let reduce = { (kind: Op.Reduction, dtype: DType) in
      try evaluate(.reduce(kind, axes: [0]), tensor(dtype, []))[0]
    }
    #expect(try reduce(.sum, .bf16) == Literal(0, as: .bf16))
    #expect(try reduce(.max, .f32) == Literal(-.infinity, as: .f32))
    #expect(try reduce(.min, .f64) == Literal(.infinity, as: .f64))
    #expect(try reduce(.max, .i8) == Literal(-128, as: .i8))
    #expect(try reduce(.min, .i64) == Literal(Int.max, as: .i64))
    #expect(try reduce(.max, .u16) == Literal(0, as: .u16))
    #expect(try reduce(.min, .u64) == Literal(dtype: .u64, bits: .max))
    #expect(try reduce(.and, .i16) == Literal(-1, as: .i16))
    #expect(try reduce(.and, .bool) == Literal(1, as: .bool))
    #expect(try reduce(.min, .bool) == Literal(1, as: .bool))
    #expect(try reduce(.or, .bool) == Literal(0, as: .bool))
  }

  @Test("float sums round once, integer sums wrap, NaN wins, one element is copied")
  func reduceValues() throws {
    let sum = { (x: DenseConstant) in try evaluate(.reduce(.sum, axes: [0]), x)[0] }
    // 2^24 + 1 + 1: adding in f32 would lose both ones.
    #expect(try sum(tensor(.f32, [16_777_216, 1, 1])).doubleValue == 16_777_218)
    #expect(try sum(tensor(.bf16, Array(repeating: 1, count: 300))).doubleValue == 300)
    #expect(try sum(tensor(.f16, [60000, 60000, -60000])).doubleValue == 60000)
    #expect(try sum(tensor(.f16, [60000, 60000])).doubleValue == .infinity)
    #expect(try sum(tensor(.u8, [200, 100])).doubleValue == 44)
    #expect(try sum(tensor(.f32, [-0.0, -0.0])) == Literal(0, as: .f32))
    #expect(try sum(tensor(.f32, [-0.0])) == Literal(-0.0, as: .f32))
    #expect(try sum(tensor(.f32, bits: [1])).bits == 1)
    #expect(try sum(tensor(.f32, bits: [1, 1])).bits == 0)
    #expect(try evaluate(.reduce(.max, axes: [0]), tensor(.f32, [1, .nan, 2]))[0].doubleValue.isNaN)
    #expect(try evaluate(.reduce(.max, axes: [0]), tensor(.f32, [-0.0, 0, -0.0]))[0].bits == 0)
    #expect(try evaluate(.reduce(.min, axes: [0]), tensor(.f32, [0, -0.0, 0]))[0].bits == 0x8000_0000)
    // Pairwise: a running sum of a million times 0.1 is wrong in the eleventh digit, this one in the fifteenth.
    let many = try sum(tensor(.f64, Array(repeating: 0.1, count: 4096)))
    #expect(abs(many.doubleValue - 409.6) < 1e-12)
  }

  @Test("argmax and argmin take the first NaN, else the first extreme")
  func argReduce() throws {
    let index = { (kind: Op.ArgReduction, x: DenseConstant) in try evaluate(.argReduce(kind, axis: 0), x).numbers }
    #expect(try index(.argmax, tensor(.f32, [1, 3, 3, .nan, 5, .nan])) == [3])
    #expect(try index(.argmin, tensor(.f32, [2, 1, 1])) == [1])
    #expect(try index(.argmax, tensor(.f32, [0, 1e-40, 1e-39])) == [0])
    #expect(try index(.argmax, tensor(.i8, [-128, -128])) == [0])
    #expect(try index(.argmin, tensor(.u64, bits: [.max, 1 << 63, 1 << 63])) == [1])
    #expect(try index(.argmin, tensor(.bool, [1, 0])) == [1])
    #expect(try evaluate(.argReduce(.argmax, axis: 1), matrix) == tensor(.i32, [2, 2]))
  }

  // MARK: - Products

  @Test("dot_general: matrix product, batch and several contracting dimensions, outer product")
  func dot() throws {
    let b = tensor(.i32, [1, 0, 2, 1, 0, 3], [3, 2])
    #expect(
      try evaluate(.dotGeneral(.init(lhsContract: [1], rhsContract: [0])), matrix, b)
        == tensor(.i32, [5, 11, 14, 23], [2, 2]))
    #expect(
      try evaluate(.dotGeneral(.init(lhsContract: [0, 1], rhsContract: [1, 0])), matrix, b)
        == tensor(.i32, [1 + 4 + 0 + 0 + 5 + 18], []))
    let x = tensor(.f32, [1, 2, 3, 4], [2, 2])
    #expect(
      try evaluate(.dotGeneral(.init(lhsBatch: [1], rhsBatch: [0], lhsContract: [0], rhsContract: [1])), x, x)
        == tensor(.f32, [1 * 1 + 3 * 2, 2 * 3 + 4 * 4]))
    #expect(
      try evaluate(
        .dotGeneral(.init(lhsContract: [], rhsContract: [])), tensor(.u8, [2, 200]), tensor(.u8, [3, 2, 1]))
        == tensor(.u8, [6, 4, 2, 88, 144, 200], [2, 3]))
    #expect(
      try evaluate(
        .dotGeneral(.init(lhsContract: [1], rhsContract: [0])), tensor(.f32, [], [2, 0]), tensor(.f32, [], [0, 2]))
        == tensor(.f32, [0, 0, 0, 0], [2, 2]))
  }

  @Test("dot_general accumulates wide and rounds once")
  func dotRounding() throws {
    let dims = Op.DotDimensions(lhsContract: [0], rhsContract: [0])
    let ones = { (dtype: DType) in tensor(dtype, [1, 1, 1]) }
    #expect(try evaluate(.dotGeneral(dims), tensor(.f32, [1e8, 1, -1e8]), ones(.f32)).numbers == [1])
    #expect(try evaluate(.dotGeneral(dims), tensor(.bf16, [256, 1, 1]), ones(.bf16)).numbers == [258])
    #expect(try evaluate(.dotGeneral(dims), tensor(.i8, [-128, -128, 3]), ones(.i8)).numbers == [3])
  }
}
