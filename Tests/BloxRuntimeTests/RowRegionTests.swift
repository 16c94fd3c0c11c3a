// Regions with rows against the reference: lengths around the vectors and tiles, dtypes, threads, memory reuse.

import BloxIR
import BloxPasses
import BloxRuntime
import ProgramFuzzing
import TestSupport
import Testing

// Serialized, because tests set the number of threads.
@Suite(.serialized) struct RowRegionTests {
  static let shapes = [
    [1, 2], [7, 3], [3, 17], [5, 64], [2, 3, 100], [4, 1000], [70, 1025], [3, 16384], [0, 4], [300, 40],
  ]

  @Test("Softmax, norms and their kin compute what the reference does, for rows of any length", arguments: shapes)
  func lengths(shape: [Int]) throws {
    for dtype in [DType.f32, .f64, .bf16] {
      try check(program(TensorType(dtype, shape)), seed: UInt64(shape.reduce(0, +)), slowly: shape.reduce(1, *) < 500)
    }
  }

  @Test("Integer rows are exact", arguments: [DType.i32, .u8, .i64])
  func integers(dtype: DType) throws {
    let type = TensorType(dtype, [9, 33])
    let program = try BloxRuntimeTests.program([type]) { b, x in
      let sums = try b.emitOne(.reduce(.sum, axes: [1]), x)
      let spread = try b.emitOne(.broadcastInDim(shape: type.shape, dims: [0]), [sums])
      let above = try b.emitOne(.compare(.gt), [x[0], spread])
      return [sums, above, try b.emitOne(.reduce(.and, axes: [1]), [above])]
    }
    try check(program, seed: 3)
  }

  @Test("A constant for each row has no more elements than there are rows")
  func constants() throws {
    let type = TensorType(.f32, [50, 640])
    let program = try BloxRuntimeTests.program([type]) { b, x in
      let greatest = try b.emitOne(.reduce(.max, axes: [1]), x)
      let ones = try b.emitOne(.integerPow(0), [greatest])
      // Next to each other in the arena: one must not write over the others.
      let all = [greatest, ones, try b.emitOne(.unary(.neg), [greatest])]
      // And repeated along the row.
      let wide = try b.emitOne(.broadcastInDim(shape: type.shape, dims: [0]), [ones])
      return [try b.emitOne(.concatenate(axis: 0), all), try b.emitOne(.reduce(.sum, axes: [1]), [wide])]
    }
    try check(program, seed: 7)
  }

  @Test("A reshape drops the dimension along which an iota counts") func droppedIota() throws {
    let program = try Program(
      parsing: """
        // blox-ir 1
        program @f(%0: f32[3]) -> (f32[], f32[3]) {
          %1: f32[1,3] = iota {axis=0}
          %2: f32[3] = reshape %1
          %3: f32[] = reduce_min %2 {axes=[0]}
          %4: f32[3] = add %0, %2
          return %3, %4
        }
        """)
    try check(program, seed: 2)
  }

  @Test("A value of rows is repeated through two shapes")
  func twoShapes() throws {
    let program = try Program(
      parsing: """
        // blox-ir 1
        program @f(%0: f32[8,4,100]) -> (f32[32,100]) {
          %1: f32[8,4] = reduce_max %0 {axes=[2]}
          %2: f32[8,4,100] = broadcast_in_dim %1 {dims=[0,1]}
          %3: f32[8,4,100] = sub %0, %2
          %4: f32[32,100] = reshape %3
          %5: f32[32] = reshape %1
          %6: f32[32,100] = broadcast_in_dim %5 {dims=[0]}
          %7: f32[32,100] = mul %4, %6
          %8: f32[32,100] = exp %7
          return %8
        }
        """)
    try check(program, seed: 4)
  }

  @Test("Random bits and iotas of rows are repeated, through dimensions of one element in any order")
  func repeatedDraws() throws {
    let program = try Program(
      parsing: """
        // blox-ir 1
        program @f(%0: key[3]) -> (u32[3,1,40], u32[3,40]) {
          %1: u32[3,1,40] = random_bits %0 {shape=[1,40]}
          %2: u32[3,40,1,70] = broadcast_in_dim %1 {dims=[0,2,1]}
          %3: u32[3,1,40] = iota {axis=1}
          %4: u32[3,40,1,70] = broadcast_in_dim %3 {dims=[0,2,1]}
          %5: u32[3,40,1,70] = add %2, %4
          %6: u32[3,40] = reduce_sum %5 {axes=[2,3]}
          return %1, %6
        }
        """)
    try check(program, seed: 6)
  }

  @Test("A result takes the memory of the rows that it is made of")
  func inPlace() throws {
    let program = try Program(
      parsing: """
        // blox-ir 1
        program @softmax(%0: f32[64,100] {donated}) -> (f32[64,100]) {
          %1: f32[64] = reduce_max %0 {axes=[1]}
          %2: f32[64,100] = broadcast_in_dim %1 {dims=[0]}
          %3: f32[64,100] = sub %0, %2
          %4: f32[64,100] = exp %3
          %5: f32[64] = reduce_sum %4 {axes=[1]}
          %6: f32[64,100] = broadcast_in_dim %5 {dims=[0]}
          %7: f32[64,100] = div %4, %6
          return %7
        }
        """)
    try check(program, seed: 5)
    let executable = try Executable(planned: planBuffers(program.fused()))
    #expect(executable.memory.arenaBytes == 0)
    #expect(executable.program.instructions.map(\.op.name) == ["fusion"])
  }

  /// With every subset of passes and any number of threads, on ordinary numbers: one NaN would hide a row.
  private func check(_ program: Program, seed: UInt64, slowly: Bool = true) throws {
    var generator = SeededGenerator(seed: seed)
    let arguments = program.parameters.map { randomTensor($0.type, specials: false, &generator) }
    if let text = try failure(of: program, arguments, slowly: slowly) {
      Issue.record("\(text)\n\(program.text())")
    }
  }

  /// A norm, a softmax and a masked sum over the last dimension, with values of rows as results beside those of
  /// elements.
  private func program(_ type: TensorType) throws -> Program {
    let (shape, length) = (type.shape, type.shape.last!)
    let outer = TensorType(type.dtype, Array(shape.dropLast()))
    let dims = Array(outer.shape.indices)
    return try BloxRuntimeTests.program([type, TensorType(type.dtype, [length]), outer]) { b, x in
      func spread(_ value: Operand) throws -> Operand {
        try b.emitOne(.broadcastInDim(shape: shape, dims: dims), [value])
      }
      func sum(_ value: Operand) throws -> Operand { try b.emitOne(.reduce(.sum, axes: [dims.count]), [value]) }
      func binary(_ op: Op.Binary, _ a: Operand, _ c: Operand) throws -> Operand { try b.emitOne(.binary(op), [a, c]) }
      let scale = try b.emitOne(.broadcastInDim(shape: shape, dims: [dims.count]), [x[1]])
      let mean = try binary(.mul, sum(x[0]), splat(1 / Double(length), outer))
      let centred = try binary(.sub, x[0], spread(mean))
      let variance = try binary(.mul, sum(binary(.mul, centred, centred)), splat(1 / Double(length), outer))
      let kept = try b.emitOne(.reshape(outer.shape + [1]), [variance])
      let one = splat(1, TensorType(type.dtype, outer.shape + [1]))
      let root = try b.emitOne(.unary(.sqrt), [binary(.add, kept, one)])
      let inverse = try b.emitOne(.broadcastInDim(shape: shape, dims: Array(shape.indices)), [root])
      let normal = try binary(.mul, binary(.div, centred, inverse), scale)
      let largest = try b.emitOne(.reduce(.max, axes: [dims.count]), [normal])
      let weights = try b.emitOne(.unary(.exp), [binary(.sub, normal, spread(largest))])
      let total = try sum(weights)
      let gated = try binary(.add, binary(.div, weights, spread(total)), spread(x[2]))
      return [gated, total, normal]
    }
  }
}
