// Random programs and their transforms through every pass and both engines.
//
// A failure prints the seed and the program. BLOX_FUZZ_SECONDS runs for so many seconds, from BLOX_FUZZ_SEED on.

import BloxIR
import BloxPasses
import BloxRuntime
import Foundation
import ProgramFuzzing
import TestSupport
import Testing

@Suite struct DifferentialProgramTests {
  @Test("Random programs compute the same with any passes, any number of threads, and as the reference does")
  func programs() throws {
    try repeated(count: 300) { seed in
      var generator = ProgramGenerator(seed: seed)
      try check(generator.make(), seed: seed)
    }
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
    try repeated(count: 60) { seed in
      let options = ProgramGenerator.Options(steps: 4...12, maximumElements: 600_000, sizes: [1, 3, 61, 500, 700])
      var generator = ProgramGenerator(seed: seed, options)
      try check(generator.make(), seed: seed, slowly: false)
    }
  }

  /// The transformed program; `nil` where an op has no derivative.
  private func transformed(_ transform: () throws -> Program) throws -> Program? {
    do {
      return try transform()
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
