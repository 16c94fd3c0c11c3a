// Products with what follows them: the bits of the unfused program, on every path and with any number of threads.

import BloxIR
import BloxPasses
import BloxRuntime
import ProgramFuzzing
import TestSupport
import Testing

@Suite(.serialized) struct ContractionTests {
  /// What follows a product.
  enum Following: CaseIterable {
    /// A row for all rows, an activation and its mask.
    case activation
    /// A matrix that the result may write over, which is donated.
    case update
    /// A factor for each row, another matrix read turned around, an index.
    case movements
    /// Random bits.
    case dropout
    /// The product itself, and what is made of it.
    case product

    /// The types of what it reads beside the product.
    func parameters(_ type: TensorType) -> [TensorType] {
      switch self {
      case .activation: [type.with(shape: Array(type.shape.suffix(1)))]
      case .update: [type]
      case .movements: [type.with(shape: Array(type.shape.dropLast())), type.with(shape: type.shape.reversed())]
      case .dropout: [TensorType(.key)]
      case .product: []
      }
    }

    func emit(_ b: inout ProgramBuilder, _ x: Operand, _ p: ArraySlice<Operand>) throws -> [Operand] {
      let type = b.type(of: x)
      let rank = type.shape.count
      switch self {
      case .activation:
        let bias = try b.emitOne(.broadcastInDim(shape: type.shape, dims: [rank - 1]), [p.first!])
        let sum = try b.emitOne(.binary(.add), [x, bias])
        return [
          try b.emitOne(.binary(.max), [sum, splat(0, type)]), try b.emitOne(.compare(.gt), [sum, splat(0, type)]),
        ]
      case .update:
        return [try b.emitOne(.binary(.sub), [p.first!, try b.emitOne(.binary(.mul), [x, splat(3, type)])])]
      case .movements:
        let scale = try b.emitOne(.broadcastInDim(shape: type.shape, dims: Array(0..<rank - 1)), [p.first!])
        let turned = try b.emitOne(.transpose(Array((0..<rank).reversed())), [p.last!])
        let index = try b.emitOne(.iota(type, axis: 0), [])
        let scaled = try b.emitOne(.binary(.mul), [x, scale])
        return [try b.emitOne(.binary(.add), [scaled, try b.emitOne(.binary(.mul), [turned, index])])]
      case .dropout:
        let bits = try b.emitOne(.random(.bits(shape: type.shape, .u32)), [p.first!])
        let kept = try b.emitOne(.compare(.lt), [bits, splat(3e9, type.with(dtype: .u32))])
        return [try b.emitOne(.select, [kept, x, splat(0, type)])]
      case .product: return [x, try b.emitOne(.binary(.mul), [x, x])]
      }
    }
  }

  /// Shapes of `[batch…, m, k]` and `[batch…, k, n]`.
  struct Shape: CustomTestStringConvertible {
    var batch: [Int] = []
    let m, k, n: Int
    var dtypes: [DType] = [.f32]

    var testDescription: String { "\(batch) \(m) \(k) \(n)" }
  }

  static let shapes = [
    // In registers alone, vectors in long runs and short ones, nothing to sum.
    Shape(m: 5, k: 3, n: 4, dtypes: [.f32, .f64, .bf16, .f16, .i32, .u8]),
    Shape(m: 1, k: 7, n: 5000, dtypes: [.f32, .i32]), Shape(m: 4100, k: 9, n: 1), Shape(m: 6, k: 0, n: 70),
    // Small ones: several blocks of rows and of columns, sums over several blocks of k.
    Shape(m: 300, k: 20, n: 70, dtypes: [.f32, .bf16, .i32]), Shape(m: 9, k: 30, n: 700, dtypes: [.f32, .f64]),
    Shape(m: 40, k: 1100, n: 20), Shape(batch: [3, 2], m: 17, k: 8, n: 10), Shape(batch: [2], m: 33, k: 16, n: 600),
    // Packed ones, of which the sums are complete at once, and of which they wait.
    Shape(m: 230, k: 120, n: 610, dtypes: [.f32, .f64, .bf16]), Shape(m: 460, k: 1030, n: 50),
    Shape(m: 33, k: 1100, n: 310, dtypes: [.f32, .bf16]),
  ]

  private func program(_ shape: Shape, _ dtype: DType, _ following: Following) throws -> Program {
    let batch = Array(shape.batch.indices)
    let rank = batch.count
    let type = TensorType(dtype, shape.batch + [shape.m, shape.n])
    let types = [
      TensorType(dtype, shape.batch + [shape.m, shape.k]), TensorType(dtype, shape.batch + [shape.k, shape.n]),
    ]
    let dims = Op.DotDimensions(lhsBatch: batch, rhsBatch: batch, lhsContract: [rank + 1], rhsContract: [rank])
    let donated = following == .update ? [2] : []
    return try BloxRuntimeTests.program(types + following.parameters(type), donated: donated) { b, p in
      try following.emit(&b, try b.emitOne(.dotGeneral(dims), Array(p.prefix(2))), p.dropFirst(2))
    }
  }

  private func bits(_ executable: Executable, _ arguments: [DenseConstant]) throws -> [[UInt8]] {
    try executable.run(arguments.map { try Storage($0.bytes) }).map { $0.elements(as: UInt8.self) }
  }

  /// Runs a program as it is and fused, with several numbers of threads.
  private func compare(_ program: Program, seed: UInt64, _ what: String) throws {
    let fused = try program.fused()
    let plan = try planBuffers(fused)
    #expect(plan.instructions.count == 1 && plan.memory?.arenaBytes == 0, "\(what): \(plan.text())")
    var generator = SeededGenerator(seed: seed)
    let arguments = program.parameters.map { randomTensor($0.type, specials: false, &generator) }
    let want = try bits(executable(program), arguments)
    let executable = try Executable(planned: plan)
    let threadCount = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(threadCount) }
    for threads in [1, 2, 3, 8] {
      ThreadPool.setThreadCount(threads)
      #expect(try bits(executable, arguments) == want, "\(what), \(threads) threads, seed \(seed)")
    }
  }

  @Test("A product with what follows it has the bits of the two one after the other", arguments: shapes)
  func products(shape: Shape) throws {
    for dtype in shape.dtypes {
      for following in Following.allCases {
        try compare(program(shape, dtype, following), seed: 5, "\(dtype) \(following)")
      }
    }
  }

  @Test("So has a convolution, in groups and along the images of a kernel's gradient", arguments: [1, 2])
  func convolutions(groups: Int) throws {
    let forward = Op.Convolution(
      input: .init(batch: 0, feature: 3, spatial: [1, 2]), kernel: .init(batch: 3, feature: 2, spatial: [0, 1]),
      output: .init(batch: 0, feature: 3, spatial: [1, 2]), strides: [2, 1], low: [1, 1], high: [1, 1],
      featureGroups: groups)
    // Images are the input's features, so that rows are read along them.
    let gradient = Op.Convolution(
      input: .init(batch: 3, feature: 0, spatial: [1, 2]), kernel: .init(batch: 3, feature: 0, spatial: [1, 2]),
      output: .init(batch: 2, feature: 3, spatial: [0, 1]), low: [1, 1], high: [1, 1])
    let cases = [
      (forward, [3, 9, 11, 4], [3, 3, 4 / groups, 34]), (forward, [2, 30, 30, 64], [3, 3, 64 / groups, 70]),
      (gradient, [3, 9, 11, 4], [3, 9, 11, 6]), (gradient, [8, 12, 12, 5], [8, 12, 12, 30]),
    ]
    for (convolution, input, kernel) in cases {
      for dtype in [DType.f32, .bf16, .i32] {
        let types = [TensorType(dtype, input), TensorType(dtype, kernel)]
        let result = try Op.convolution(convolution).resultTypes(for: types)[0]
        for following in Following.allCases {
          let donated = following == .update ? [2] : []
          let program = try BloxRuntimeTests.program(types + following.parameters(result), donated: donated) { b, p in
            try following.emit(&b, try b.emitOne(.convolution(convolution), Array(p.prefix(2))), p.dropFirst(2))
          }
          try compare(program, seed: 6, "\(types[0]) \(types[1]) \(following)")
        }
      }
    }
  }

  @Test("Regions that no pass makes run too: a convolution of single channels, one in phases, a product turned around")
  func unusual() throws {
    let image = Op.Convolution.Layout(batch: 0, feature: 2, spatial: [1])
    let kernel = Op.Convolution.Layout(batch: 2, feature: 1, spatial: [0])
    let channels = Op.Convolution(input: image, kernel: kernel, output: image, featureGroups: 6)
    let phases = Op.Convolution(input: image, kernel: kernel, output: image, inputDilation: [2])
    let cases: [(Op, [[Int]])] = [
      (.convolution(channels), [[2, 9, 6], [3, 1, 6]]), (.convolution(phases), [[2, 9, 6], [3, 6, 4]]),
      (.dotGeneral(Op.DotDimensions(lhsContract: [0], rhsContract: [1])), [[8, 30], [70, 8]]),
    ]
    for (op, shapes) in cases {
      let types = shapes.map { TensorType(.f32, $0) }
      let body = { (b: inout ProgramBuilder, p: [Operand]) throws -> [Operand] in
        let x = try b.emitOne(op, Array(p))
        return [try b.emitOne(.unary(.tanh), [x]), x]
      }
      let region = Op.fusion(Op.Fusion(kind: .contraction, region: try BloxRuntimeTests.program(types, body)))
      var generator = SeededGenerator(seed: 8)
      let operands = types.map { randomTensor($0, specials: false, &generator) }
      let want = try bits(executable(BloxRuntimeTests.program(types, body)), operands)
      let got = try bits(executable(BloxRuntimeTests.program(of: region, types)), operands)
      #expect(got == want, "\(op.name) \(shapes)")
    }
  }
}
