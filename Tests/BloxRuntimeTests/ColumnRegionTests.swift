// Reductions over leading dimensions inside regions: the bits of the same reductions outside, for any number of threads.

import BloxIR
import BloxPasses
import BloxRuntime
import ProgramFuzzing
import TestSupport
import Testing

// Serialized, because tests set the number of threads.
@Suite(.serialized) struct ColumnRegionTests {
  /// Around blocks of rows, vectors, tiles and pieces; the first dimension is reduced.
  static let shapes = [
    [2, 3], [31, 1], [33, 17], [7, 4000], [64, 256], [100, 40], [1000, 10], [5000, 2], [1024, 96], [300, 1000],
    [40_000, 1], [131_073, 1], [130, 4, 64],
  ]

  @Test("A sum and a maximum of columns have the bits that they have outside", arguments: shapes)
  func columns(shape: [Int]) throws {
    for dtype in [DType.f32, .f64, .i32, .u8] {
      try checkFused(columnProgram(dtype, shape, axes: [0]))
    }
  }

  @Test("Reductions of everything have the bits that they have outside", arguments: shapes)
  func everything(shape: [Int]) throws {
    for dtype in [DType.f32, .f64, .i64] {
      try checkFused(columnProgram(dtype, shape, axes: Array(shape.indices)))
    }
  }

  @Test("Masks are reduced too")
  func masks() throws {
    let program = try program([TensorType(.f32, [70, 33])]) { b, x in
      let above = try b.emitOne(.compare(.gt), [x[0], splat(0, TensorType(.f32, [70, 33]))])
      let kept = try b.emitOne(.unary(.not), [above])
      return try [.and, .or, .xor].map { try b.emitOne(.reduce($0, axes: [0]), [kept]) } + [kept]
    }
    try checkFused(program)
  }

  @Test("Sums of columns beside sums of rows, with as many columns as rows, in the memory of an operand")
  func squares() throws {
    let text = """
      // blox-ir 1
      program @norm(%0: f32[256,256] {donated}, %1: f32[256] {donated}) -> (f32[256,256], f32[256], f32[256]) {
        %2: f32[256] = exp %1
        %3: f32[256,256] = broadcast_in_dim %2 {dims=[0]}
        %4: f32[256,256] = mul %0, %3
        %5: f32[256] = reduce_sum %4 {axes=[1]}
        %6: f32[256] = add %5, %1
        %7: f32[256,256] = broadcast_in_dim %6 {dims=[0]}
        %8: f32[256,256] = sub %4, %7
        %9: f32[256] = reduce_sum %4 {axes=[0]}
        %10: f32[256] = reduce_max %8 {axes=[0]}
        return %8, %9, %10
      }
      """
    let program = try Program(parsing: text)
    try checkFused(program)
    let executable = try Executable(planned: planBuffers(program.fused()))
    #expect(executable.program.instructions.map(\.op.name) == ["fusion"])
    #expect(executable.memory.aliasedBytes == (256 * 256 + 256) * 4 && executable.memory.arenaBytes == 0)
  }

  @Test("A sum of a million numbers is as accurate as a sum by pairs")
  func accuracy() throws {
    var generator = SeededGenerator(seed: 11)
    let x = (0..<1 << 20).map { _ in Float.random(in: 0..<1, using: &generator) }
    let exact = x.reduce(0.0) { $0 + Double($1) * 3 }
    for shape in [[1 << 20], [1 << 14, 64]] {
      let program = try program([TensorType(.f32, shape)]) { b, p in
        let tripled = try b.emitOne(.binary(.mul), [p[0], splat(3, TensorType(.f32, shape))])
        return [try b.emitOne(.reduce(.sum, axes: Array(shape.indices)), [tripled])]
      }.fused()
      let sum: [Float] = try run(program, [x])
      #expect(abs(Double(sum[0]) - exact) < exact * 2e-7)
    }
  }

  @Test("A sum of what a broadcast repeats under another shape")
  func reshapedBroadcast() throws {
    let program = try Program(
      parsing: """
        // blox-ir 1
        program @f(%0: f32[1,3]) -> (f32[15], f32[]) {
          %1: f32[5,1,3] = broadcast_in_dim %0 {dims=[1,2]}
          %2: f32[15] = reshape %1
          %3: f32[] = reduce_sum %2 {axes=[0]}
          return %2, %3
        }
        """)
    var generator = SeededGenerator(seed: 1)
    let arguments = program.parameters.map { randomTensor($0.type, specials: false, &generator) }
    if let text = try failure(of: program, arguments) { Issue.record("\(text)") }
  }

  @Test("A region that reads a sum before it is complete is an error that shows the instruction")
  func incomplete() throws {
    let text = """
      // blox-ir 1
      program @early(%0: f32[64,256]) -> (f32[64,256]) {
        %1: f32[64,256] = fusion %0 {kind=loop} region(%2: f32[64,256]) {
          %3: f32[256] = reduce_sum %2 {axes=[0]}
          %4: f32[64,256] = broadcast_in_dim %3 {dims=[1]}
          %5: f32[64,256] = sub %2, %4
          return %5
        }
        return %1
      }
      """
    let error = #expect(throws: BloxError.self) { try executable(Program(parsing: text)) }
    #expect(error?.code == .unsupported)
    let expected = "reads %1, which is complete only when its region ends"
    #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
  }

  /// What is read elsewhere, what is not, a row that is read for every column, and two reductions of one value.
  private func columnProgram(_ dtype: DType, _ shape: [Int], axes: [Int]) throws -> Program {
    let type = TensorType(dtype, shape)
    return try program([type, type, TensorType(dtype, Array(shape.dropFirst()))]) { b, x in
      let bias = try b.emitOne(.broadcastInDim(shape: shape, dims: Array(1..<shape.count)), [x[2]])
      let biased = try b.emitOne(.binary(.add), [x[0], bias])
      let scaled = try b.emitOne(.binary(.mul), [biased, x[1]])
      let sum = try b.emitOne(.reduce(.sum, axes: axes), [scaled])
      let largest = try b.emitOne(.reduce(.max, axes: axes), [scaled])
      // A region of a single row, as a few elements are that are reduced to one, has no columns.
      let isRow = axes.reduce(1) { $0 * shape[$1] } == type.elementCount && type.elementCount <= 16384
      return [biased, sum, largest] + (isRow ? [] : [try b.emitOne(.reduce(.min, axes: axes), [x[1]])])
    }
  }

  /// All reductions are in a region, which gives the bits that the program gives without it.
  private func checkFused(_ program: Program) throws {
    let fused = try program.fused()
    let outside = fused.instructions.count { if case .reduce = $0.op { true } else { false } }
    #expect(outside == 0, "\(fused.text())")
    var generator = SeededGenerator(seed: UInt64(program.types.count))
    let arguments = program.parameters.map { randomTensor($0.type, specials: false, &generator) }
    let elements = program.parameters.reduce(0) { $0 + $1.type.elementCount }
    if let text = try failure(of: program, arguments, slowly: elements < 20_000) {
      Issue.record("\(text)\n\(program.text())")
    }
  }
}
