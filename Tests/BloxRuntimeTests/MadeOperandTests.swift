// Products of operands that are made where they are packed: the bits of the program that makes them first.

import BloxIR
import BloxPasses
import BloxRuntime
import ProgramFuzzing
import TestSupport
import Testing

@Suite("Operands made where they are packed", .serialized)
struct MadeOperandTests {
  /// What an operand is made of.
  enum Making: CaseIterable {
    /// Halves, widened.
    case widened
    /// Small integers with a scale for each row and an offset for each column.
    case quantised
    /// A mask of another tensor, read turned around.
    case masked
    /// An index.
    case counted

    /// The types of what it reads.
    func parameters(_ type: TensorType) -> [TensorType] {
      switch self {
      case .widened: [type.with(dtype: .bf16)]
      case .quantised:
        [
          type.with(dtype: .i8), type.with(shape: Array(type.shape.dropLast())),
          type.with(shape: Array(type.shape.suffix(1))),
        ]
      case .masked: [type, type.with(shape: type.shape.reversed())]
      case .counted: [type]
      }
    }

    func emit(_ b: inout ProgramBuilder, _ type: TensorType, _ p: ArraySlice<Operand>) throws -> Operand {
      let p = Array(p)
      let rank = type.shape.count
      switch self {
      case .widened: return try b.emitOne(.convert(type.dtype), [p[0]])
      case .quantised:
        let scale = try b.emitOne(.broadcastInDim(shape: type.shape, dims: Array(0..<rank - 1)), [p[1]])
        let offset = try b.emitOne(.broadcastInDim(shape: type.shape, dims: [rank - 1]), [p[2]])
        let x = try b.emitOne(.binary(.mul), [try b.emitOne(.convert(type.dtype), [p[0]]), scale])
        return try b.emitOne(.binary(.add), [x, offset])
      case .masked:
        let turned = try b.emitOne(.transpose(Array((0..<rank).reversed())), [p[1]])
        let mask = try b.emitOne(.compare(.gt), [turned, splat(0, type)])
        return try b.emitOne(.select, [mask, p[0], splat(0, type)])
      case .counted:
        let index = try b.emitOne(.iota(type, axis: rank - 1), [])
        return try b.emitOne(.binary(.add), [p[0], try b.emitOne(.binary(.mul), [index, splat(1 / 64.0, type)])])
      }
    }
  }

  /// A product of one size, with its operands lying as they may.
  struct Shape: CustomTestStringConvertible {
    var batch: [Int] = []
    let m, k, n: Int
    var dtype = DType.f32
    /// Whether the product would pack its operands whatever they were.
    var isLarge: Bool { m > 1 && n > 1 && m * k * n > 8_000_000 }
    var testDescription: String { "\(batch) \(m) \(k) \(n) \(dtype)" }
  }

  static let shapes = [
    // Edges of panels on all sides; more columns than are in panels at once; sums over blocks of k.
    Shape(m: 150, k: 301, n: 210), Shape(m: 37, k: 210, n: 1100), Shape(m: 33, k: 1100, n: 310),
    Shape(m: 65, k: 530, n: 260, dtype: .f64), Shape(batch: [2, 3], m: 130, k: 250, n: 270),
    // Small ones and vectors: what is large of them is made in blocks.
    Shape(m: 3, k: 300, n: 700), Shape(m: 700, k: 300, n: 3), Shape(m: 20, k: 10, n: 30),
    Shape(m: 1, k: 300, n: 700), Shape(m: 700, k: 300, n: 1), Shape(batch: [3], m: 1, k: 300, n: 300),
    Shape(batch: [3], m: 300, k: 300, n: 1), Shape(m: 1, k: 5000, n: 1), Shape(m: 1, k: 2501, n: 301),
    // Blocks and slices of a single row.
    Shape(m: 2049, k: 77, n: 1, dtype: .f64), Shape(m: 1025, k: 77, n: 1),
  ]

  /// - Parameter turned: Whether each operand lies with its contracting dimension where the other would have it.
  private func program(
    _ shape: Shape, _ making: [Making?], turned: [Bool], isRegion: Bool
  ) throws -> Program {
    let rank = shape.batch.count
    let batch = Array(shape.batch.indices)
    let sizes = [
      turned[0] ? [shape.k, shape.m] : [shape.m, shape.k], turned[1] ? [shape.n, shape.k] : [shape.k, shape.n],
    ]
    let types = sizes.map { TensorType(shape.dtype, shape.batch + $0) }
    let dims = Op.DotDimensions(
      lhsBatch: batch, rhsBatch: batch, lhsContract: [turned[0] ? rank : rank + 1],
      rhsContract: [turned[1] ? rank + 1 : rank])
    let reads = zip(making, types).map { making, type in making?.parameters(type) ?? [type] }
    let result = TensorType(shape.dtype, shape.batch + [shape.m, shape.n])
    let parameters = reads.flatMap(\.self) + [result]
    func body(_ b: inout ProgramBuilder, _ p: [Operand]) throws -> [Operand] {
      let parts = [p[..<reads[0].count], p[reads[0].count..<p.count - 1]]
      var operands: [Operand] = []
      for (index, part) in parts.enumerated() {
        operands.append(try making[index]?.emit(&b, types[index], part) ?? part.first!)
      }
      let product = try b.emitOne(.dotGeneral(dims), operands)
      return [try b.emitOne(.binary(.add), [product, p.last!])]
    }
    guard isRegion else { return try BloxRuntimeTests.program(parameters, body) }
    let region = Op.fusion(Op.Fusion(kind: .contraction, region: try BloxRuntimeTests.program(parameters, body)))
    return try BloxRuntimeTests.program(parameters) { b, p in [try b.emitOne(region, p)] }
  }

  private func run(_ executable: Executable, _ arguments: [DenseConstant]) throws -> DenseConstant {
    try executable.run(arguments)[0]
  }

  @Test("Every way of making operands, and every way they lie, keeps the bits", arguments: shapes)
  func agreement(shape: Shape) throws {
    let making: [[Making?]] = Making.allCases.flatMap { [[$0, nil], [nil, $0]] } + [[.widened, .quantised]]
    let threadCount = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(threadCount) }
    for (index, making) in making.enumerated() {
      // All four ways for the first, then in turns.
      for turn in index == 0 ? 0..<4 : index % 4..<index % 4 + 1 {
        let turned = [turn & 1 != 0, turn & 2 != 0]
        let what = "\(shape.testDescription) \(making) \(turned)"
        let fused = try program(shape, making, turned: turned, isRegion: true)
        var generator = SeededGenerator(seed: UInt64(index))
        let arguments = fused.parameters.map { randomTensor($0.type, specials: false, &generator) }
        let executable = try BloxRuntimeTests.executable(fused)
        if shape.isLarge {
          #expect(executable.scratchBytes(threads: 0) == 0, "\(what): an operand is stored as a whole")
        }
        let want = try run(
          BloxRuntimeTests.executable(program(shape, making, turned: turned, isRegion: false)), arguments)
        for threads in [1, 3] {
          ThreadPool.setThreadCount(threads)
          let got = try run(executable, arguments)
          #expect(got.bytes == want.bytes, "\(what), \(threads) threads")
        }
      }
    }
  }

  @Test(
    "A vector whose elements lie apart is multiplied with a made matrix to the same bits", arguments: [true, false])
  func stridedVector(isContractionInner: Bool) throws {
    // The batch is the vector's last dimension.
    let (k, n) = (1_100, 333)
    let matrix = TensorType(.f32, isContractionInner ? [2, n, k] : [2, k, n])
    let dims = Op.DotDimensions(
      lhsBatch: [1], rhsBatch: [0], lhsContract: [0], rhsContract: [isContractionInner ? 2 : 1])
    let parameters = [TensorType(.f32, [k, 2]), matrix, matrix]
    func body(_ b: inout ProgramBuilder, _ p: [Operand]) throws -> [Operand] {
      [try b.emitOne(.dotGeneral(dims), [p[0], try b.emitOne(.binary(.mul), [p[1], p[2]])])]
    }
    let plain = try BloxRuntimeTests.program(parameters, body)
    let region = Op.fusion(Op.Fusion(kind: .contraction, region: plain))
    let fused = try executable(BloxRuntimeTests.program(parameters) { b, p in [try b.emitOne(region, p)] })
    #expect(fused.scratchBytes(threads: 0) == 0, "the matrix is stored as a whole")
    var generator = SeededGenerator(seed: 5)
    let arguments = plain.parameters.map { randomTensor($0.type, specials: false, &generator) }
    #expect(try run(fused, arguments) == run(executable(plain), arguments))
  }
}
