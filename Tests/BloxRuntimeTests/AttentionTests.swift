// Regions of attention: which programs have one, that no bit changes, and what memory that saves.

import BloxIR
import BloxPasses
import ProgramFuzzing
import TestSupport
import Testing

@testable import BloxRuntime

// Serialized, because the checks set the number of threads.
@Suite(.serialized) struct AttentionTests {
  struct Shape: CustomTestStringConvertible, Sendable {
    var batch = [2, 3]
    var queries = 5
    var keys = 9
    var features = 8
    var outputs = 7
    var testDescription: String { "\(batch) x \(queries) x \(keys), \(features) -> \(outputs)" }
  }

  static let shapes = [
    Shape(), Shape(batch: [], queries: 1, keys: 40, features: 3, outputs: 1), Shape(batch: [4], queries: 33, keys: 2),
    // Several blocks of rows, of which the last is shorter; the products pack.
    Shape(batch: [2], queries: 300, keys: 1100, features: 40, outputs: 33),
    // A row of scores is longer than a block.
    Shape(batch: [1], queries: 17, keys: 16_384, features: 64, outputs: 32),
  ]

  @Test("Attention computes what its three parts do, bit by bit, on any number of threads", arguments: shapes)
  func agrees(shape: Shape) throws {
    for dtype in [DType.f32, .f64] {
      let program = try attention(shape, dtype)
      let fused = try PassPipeline([.fuse], verifies: true).run(
        program, context: PassContext(leastAttentionBytes: 0))
      #expect(fused.instructions.map(\.op.name) == ["fusion"])
      var generator = SeededGenerator(seed: 21)
      let arguments = program.parameters.map { randomTensor($0.type, specials: false, &generator) }
      let small = shape.batch.reduce(shape.queries * shape.keys, *) < 1000
      let text = try failure(of: program, arguments, slowly: small)
      #expect(text == nil, "\(dtype): \(text ?? "")")
    }
  }

  @Test("Heads beside each other in the features, and queries that share keys") func layouts() throws {
    // As models have them: [batch, time, head, feature].
    let type = TensorType(.f32, [2, 6, 3, 8])
    let program = try BloxRuntimeTests.program([type, type, type]) { b, x in
      let dims = Op.DotDimensions(lhsBatch: [0, 2], rhsBatch: [0, 2], lhsContract: [3], rhsContract: [3])
      let scores = try b.emitOne(.dotGeneral(dims), [x[0], x[1]])
      let output = Op.DotDimensions(lhsBatch: [0, 1], rhsBatch: [0, 2], lhsContract: [3], rhsContract: [1])
      return [try b.emitOne(.dotGeneral(output), [try softmax(scores, &b), x[2]])]
    }
    let fused = try PassPipeline([.fuse]).run(program, context: PassContext(leastAttentionBytes: 0))
    #expect(fused.instructions.map(\.op.name) == ["fusion"])
    var generator = SeededGenerator(seed: 4)
    let arguments = program.parameters.map { randomTensor($0.type, specials: false, &generator) }
    #expect(try failure(of: program, arguments, slowly: true) == nil)
  }

  @Test("A product between two softmaxes belongs to one region") func chain() throws {
    let program = try BloxRuntimeTests.program(
      [[6, 8], [9, 8], [9, 7], [7, 5]].map { TensorType(.f32, $0) }
    ) { b, x in
      let first = try b.emitOne(.dotGeneral(Op.DotDimensions(lhsContract: [1], rhsContract: [1])), [x[0], x[1]])
      let dims = Op.DotDimensions(lhsContract: [1], rhsContract: [0])
      let second = try b.emitOne(.dotGeneral(dims), [try softmax(first, &b), x[2]])
      return [try b.emitOne(.dotGeneral(dims), [try softmax(second, &b), x[3]])]
    }
    let fused = try PassPipeline([.fuse], verifies: true).run(program, context: PassContext(leastAttentionBytes: 0))
    #expect(fused.instructions.map(\.op.name) == ["fusion", "fusion", "dot_general"])
    var generator = SeededGenerator(seed: 9)
    let arguments = program.parameters.map { randomTensor($0.type, specials: false, &generator) }
    #expect(try failure(of: program, arguments, slowly: true) == nil)
  }

  @Test("Scores that stay in the caches, or that something else reads, are stored") func stored() throws {
    let program = try attention(Shape(), .f32)
    #expect(try PassPipeline([.fuse]).run(program).instructions.count == 3)
    var kept = program
    kept.results.append(ProgramResult(.value(kept.instructions[0].results[0])))
    let fused = try PassPipeline([.fuse]).run(kept, context: PassContext(leastAttentionBytes: 0))
    #expect(fused.instructions.count == 3)
  }

  @Test("The memory of long attention does not grow with the square of its length") func memory() throws {
    let shape = Shape(batch: [4], queries: 2048, keys: 2048, features: 16, outputs: 16)
    let executable = try Compiler.compile(try attention(shape, .f32))
    #expect(executable.program.instructions.count == 1)
    #expect(executable.memory.arenaBytes == 0)
  }

  @Test("A region of another form is refused") func malformed() throws {
    let text = """
      // blox-ir 1
      program @f(%0: f32[4,8], %1: f32[8,4]) -> (f32[4,4]) {
        %2: f32[4,4] = fusion %0, %1 {kind=attention} region(%3: f32[4,8], %4: f32[8,4]) {
          %5: f32[4,4] = dot_general %3, %4 {contract=[1]x[0]}
          %6: f32[4,4] = exp %5
          return %6
        }
        return %2
      }
      """
    let error = #expect(throws: BloxError.self) { try Program(parsing: text).verify() }
    #expect(error?.message.contains("a region of kind=attention begins with dot_general of its parameters") == true)
  }

  /// Scaled scores with a bias and a mask, their softmax, and its product with the values.
  private func attention(_ shape: Shape, _ dtype: DType) throws -> Program {
    let batch = Array(shape.batch.indices)
    let rank = batch.count
    let scoreShape = shape.batch + [shape.queries, shape.keys]
    let types = [
      TensorType(dtype, shape.batch + [shape.queries, shape.features]),
      TensorType(dtype, shape.batch + [shape.keys, shape.features]),
      TensorType(dtype, shape.batch + [shape.keys, shape.outputs]), TensorType(dtype, scoreShape),
      TensorType(.bool, [shape.queries, shape.keys]),
    ]
    return try BloxRuntimeTests.program(types) { b, x in
      let score = Op.DotDimensions(lhsBatch: batch, rhsBatch: batch, lhsContract: [rank + 1], rhsContract: [rank + 1])
      let product = try b.emitOne(.dotGeneral(score), [x[0], x[1]])
      let scaled = try b.emitOne(.binary(.mul), [product, b.splat(0.25, like: product)])
      let biased = try b.emitOne(.binary(.add), [scaled, x[3]])
      let mask = try b.emitOne(.broadcastInDim(shape: scoreShape, dims: [rank, rank + 1]), [x[4]])
      let masked = try b.emitOne(.select, [mask, biased, b.splat(-1e30, like: biased)])
      let output = Op.DotDimensions(lhsBatch: batch, rhsBatch: batch, lhsContract: [rank + 1], rhsContract: [rank])
      return [try b.emitOne(.dotGeneral(output), [try softmax(masked, &b), x[2]])]
    }
  }

  private func softmax(_ scores: Operand, _ b: inout ProgramBuilder) throws -> Operand {
    let shape = b.type(of: scores).shape
    let dims = Array(shape.indices.dropLast())
    func spread(_ rows: Operand, _ b: inout ProgramBuilder) throws -> Operand {
      try b.emitOne(.broadcastInDim(shape: shape, dims: dims), [rows])
    }
    let most = try spread(try b.emitOne(.reduce(.max, axes: [dims.count]), [scores]), &b)
    let shares = try b.emitOne(.unary(.exp), [try b.emitOne(.binary(.sub), [scores, most])])
    let sums = try spread(try b.emitOne(.reduce(.sum, axes: [dims.count]), [shares]), &b)
    return try b.emitOne(.binary(.div), [shares, sums])
  }
}
