// Random programs and their transforms through every pass and both engines.
//
// A failure prints the seed and the program. BLOX_FUZZ_SECONDS runs for so many seconds, from BLOX_FUZZ_SEED on.

import BloxIR
import BloxPasses
import BloxRuntime
import Foundation
import Gallery
import ProgramFuzzing
import TestSupport
import Testing

// Serialized, because tests set the number of threads.
@Suite(.serialized) struct DifferentialProgramTests {
  @Test("Random programs compute the same with any passes, any number of threads, and as the reference does")
  func programs() throws {
    try repeated(count: 200) { seed in
      var generator = ProgramGenerator(seed: seed)
      try check(generator.make(), seed: seed)
    }
  }

  @Test("A region may return the first power of an operand that another result overwrites")
  func firstPower() throws {
    let type = TensorType(.f32, [5])
    let program = try program([type], donated: [0]) { b, x in
      let overwriting = try b.emitOne(.unary(.tanh), x)
      return [try b.emitOne(.integerPow(1), x), overwriting]
    }
    try check(program, seed: 1)
  }

  @Test("Derivatives and batched forms of random programs do, too")
  func transforms() throws {
    try repeated(count: 120) { seed in
      let options = ProgramGenerator.Options(steps: 2...9, maximumElements: 40, calls: 1, donates: false)
      var generator = ProgramGenerator(seed: seed, options)
      let program = try generator.make()
      let active = program.parameters.map { $0.type.dtype.isFloating }
      var choice = SeededGenerator(seed: seed)
      if active.contains(true) {
        try check(transformed { try program.jvp(active: active).program }, seed: seed)
        let differentiated = program.resultTypes.map { $0.dtype.isFloating }
        if differentiated.contains(true) {
          try check(transformed { try program.vjp(active: active, differentiated: differentiated) }, seed: seed)
        }
      }
      let inAxes = program.parameters.map { parameter in
        choice.next() % 3 == 0 ? nil : Int(choice.next() % UInt64(parameter.type.rank + 1))
      }
      try check(
        transformed { try batched(program, size: 3, axisName: nil, inAxes: inAxes, axes: [:]).program }, seed: seed)
    }
  }

  @Test("Programs over tensors that are divided between threads have the same bits for any passes and threads")
  func largePrograms() throws {
    try repeated(count: 40) { seed in
      let options = ProgramGenerator.Options(steps: 4...12, maximumElements: 600_000, sizes: [1, 3, 61, 500, 700])
      var generator = ProgramGenerator(seed: seed, options)
      try check(generator.make(), seed: seed, slowly: false)
    }
  }

  @Test("The gallery's programs and their derivatives do as well", arguments: GalleryEntry.all.map(\.name))
  func gallery(_ name: String) throws {
    let entry = try GalleryEntry.named(name)
    for stage in [Stage.traced, .jvp, .transposed, .grad] {
      guard let program = try transformed({ try entry.program(at: stage) }) else { continue }
      try check(program, seed: 1)
    }
    // What the command line shows as the end of the way is what runs.
    let planned = try entry.program(at: .planned)
    var generator = SeededGenerator(seed: 2)
    let arguments = planned.parameters.map { randomTensor($0.type, specials: false, &generator) }
    let shown = try Executable(planned: planned).run(arguments)
    let types = planned.parameters.map(\.type)
    let start = try [Stage.grad, .traced].map { try entry.program(at: $0) }
      .first { $0.parameters.map(\.type) == types }
    #expect(try shown == start.map { try Compiler.compile($0).run(arguments) })
  }

  /// Ops whose operands are long enough to be divided between threads.
  static let longOps: [(Op, [TensorType])] = {
    let row = TensorType(.f32, [100_003])
    let matrix = TensorType(.f32, [181, 431])
    let product = Op.DotDimensions(lhsContract: [1], rhsContract: [0])
    return [
      (.unary(.exp), [row]), (.unary(.tanh), [row.with(dtype: .f64)]), (.unary(.erfInv), [row]),
      (.unary(.log1p), [row.with(dtype: .bf16)]), (.binary(.pow), [row, row]), (.binary(.rem), [row, row]),
      (.binary(.div), [row.with(dtype: .i32), row.with(dtype: .i32)]), (.convert(.f16), [row.with(shape: [300_007])]),
      (.transpose([1, 0]), [matrix]), (.broadcastInDim(shape: [431, 181, 3], dims: [1, 0]), [matrix]),
      (.pad(Op.Padding(low: [1, 2], high: [3, -4], interior: [0, 1])), [matrix, TensorType(.f32)]),
      (.concatenate(axis: 1), [matrix, matrix]), (.iota(matrix.with(shape: [800, 701]), axis: 1), []),
      (.reduce(.sum, axes: [0]), [matrix]), (.reduce(.sum, axes: [1]), [matrix]),
      (.reduce(.sum, axes: [0]), [row.with(shape: [150_001])]), (.reduce(.max, axes: [0]), [row.with(dtype: .f64)]),
      (.reduce(.sum, axes: [0]), [row.with(dtype: .f64)]), (.argReduce(.argmax, axis: 1), [matrix]),
      (.dotGeneral(product), [TensorType(.f32, [70, 110]), TensorType(.f32, [110, 95])]),
      (.random(.bits(shape: [30_003], .u32)), [TensorType(.key, [2])]),
    ]
      + ConvolutionTests.large.map {
        (.convolution($0.convolution), [TensorType(.f32, $0.input), TensorType(.f32, $0.kernel)])
      }
  }()

  @Test("Work divided between threads agrees with the reference and has the same bits for any number of threads")
  func threads() throws {
    let threadCount = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(threadCount) }
    var generator = SeededGenerator(seed: 7)
    for (op, types) in DifferentialProgramTests.longOps {
      let isSum = op.name == "reduce_sum" || op.name == "conv_general_dilated"
      let operands = types.map { type in
        type.repeating(randomTensor(type.with(shape: [4099]), specials: !isSum, &generator))
      }
      ThreadPool.setThreadCount(1)
      if let text = try disagreement(op, operands) { Issue.record("\(text)") }
      let compiled = try executable(program(of: op, types))
      let single = try compiled.run(operands)
      for count in [2, 8] {
        ThreadPool.setThreadCount(count)
        #expect(try compiled.run(operands) == single, "\(op.name), \(count) threads")
      }
    }
  }

  /// The transformed program; `nil` where an op has no derivative.
  private func transformed(_ transform: () throws -> Program) throws -> Program? {
    do {
      let program = try transform()
      // A function with a backward program has no forward derivative that could be evaluated.
      return program.instructions.contains { $0.op.name == "custom_linear" } ? nil : program
    } catch let error as BloxError where error.code == .notDifferentiable || error.code == .gradientOfInteger {
      return nil
    }
  }

  private func check(_ program: Program?, seed: UInt64, slowly: Bool = true) throws {
    guard let program else { return }
    var generator = SeededGenerator(seed: seed)
    let arguments = program.parameters.map { randomArgument($0.type, &generator) }
    do {
      if let text = try failure(of: program, arguments, slowly: slowly) {
        Issue.record("seed \(seed): \(text)\n\(program.text())")
      }
    } catch {
      Issue.record("seed \(seed): \(error)\n\(program.text())")
    }
  }

  /// Moderate numbers with zeros of both signs, infinities and NaN among them, but no subnormals.
  private func randomArgument(_ type: TensorType, _ generator: inout SeededGenerator) -> DenseConstant {
    if type.elementCount > 1000 { return type.repeating(randomArgument(type.with(shape: [997]), &generator)) }
    let x = randomTensor(type, specials: false, &generator)
    guard type.dtype.isFloating else { return x }
    let specials = [0, -0.0, 1, -1, .infinity, -.infinity, .nan, 1e4].map { Literal($0, as: type.dtype) }
    return DenseConstant(
      type: type,
      elements: (0..<type.elementCount).map { index in
        generator.next() % 16 == 0 ? specials[Int(generator.next() % 8)] : x[index]
      })
  }

  /// Calls the body with seeds: so many, or for as long as the environment says.
  private func repeated(count: Int, _ body: (UInt64) throws -> Void) throws {
    let threadCount = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(threadCount) }
    let environment = ProcessInfo.processInfo.environment
    let first = environment["BLOX_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
    guard let seconds = environment["BLOX_FUZZ_SECONDS"].flatMap({ Double($0) }) else {
      for seed in first..<first + UInt64(count) { try body(seed) }
      return
    }
    let end = ContinuousClock.now + .seconds(seconds)
    var seed = first
    while ContinuousClock.now < end {
      try body(seed)
      seed += 1
    }
    print("seeds \(first) to \(seed - 1)")
  }
}
