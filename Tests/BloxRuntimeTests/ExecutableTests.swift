// What callers of an executable rely on: memory, threads, errors.
import BloxIR
import BloxPasses
import BloxRuntime
import ProgramFuzzing
import TestSupport
import Testing

@Suite(.serialized) struct ExecutableTests {
  let vector = TensorType(.f32, [1000])

  @Test("A donated argument's storage becomes the result, and is left alone when it is not really given")
  func donation() throws {
    let update = try fusion([vector, vector]) { b, p in [try b.emitOne(.binary(.sub), p)] }
    let exe = try executable(program([vector, vector], donated: [0]) { b, p in [try b.emitOne(update, p)] })
    #expect(exe.program.donationReport.map(\.outcome) == [.reused(result: 0)])
    #expect(exe.memory == MemorySummary(arenaBytes: 0, resultBytes: 0, aliasedBytes: 4000))
    let (x, y) = (ramp(1000), ramp(1000, modulo: 5))
    let want = zip(x, y).map(-)
    let (given, gradient) = (try Storage(x), try Storage(y))
    let results = try exe.run([given, gradient])
    #expect(results[0] === given)
    #expect(given.elements(as: Float.self) == want)
    let kept = try Storage(x)
    let copied = try exe.run([kept, gradient], donating: [false, false])
    #expect(copied[0] !== kept)
    #expect(kept.elements(as: Float.self) == x)
    #expect(copied[0].elements(as: Float.self) == want)
  }

  @Test("In place, results that are read again or exchanged come out right")
  func inPlaceOrder() throws {
    let op = try fusion([vector, vector]) { b, p in
      let sum = try b.emitOne(.binary(.add), p)
      // Reads both parameters after the first result could have overwritten one of them.
      return [sum, try b.emitOne(.binary(.mul), p)]
    }
    let (x, y) = (ramp(1000), ramp(1000, modulo: 5))
    let exe = try executable(
      program([vector, vector], donated: [0, 1]) { b, p in try b.emit(op, p).map { .value($0) } })
    let results = try exe.run([Storage(x), Storage(y)]).map { $0.elements(as: Float.self) }
    #expect(results == [zip(x, y).map(+), zip(x, y).map(*)])
    let swap = try fusion([vector, vector]) { b, p in [p[1], p[0], try b.emitOne(.unary(.neg), [p[1]])] }
    let swapped = try executable(
      program([vector, vector], donated: [0, 1]) { b, p in try b.emit(swap, p).map { .value($0) } })
    let exchanged = try swapped.run([Storage(x), Storage(y)]).map { $0.elements(as: Float.self) }
    #expect(exchanged == [y, x, y.map { -$0 }])
  }

  @Test("Arguments are handed through, equal results shared, literals and constants written")
  func otherResults() throws {
    let constant = DenseConstant(type: TensorType(.f32, [2]), elements: [Literal(1, as: .f32), Literal(2, as: .f32)])
    let exe = try executable(
      program([vector]) { b, p in
        let y = try b.emitOne(.unary(.neg), p)
        let square = try b.emitOne(.reshape([10, 100]), p)
        return [p[0], y, y, square, splat(3, TensorType(.f32, [2])), try b.emitOne(.constant(constant), [])]
      })
    let x = try Storage(ramp(1000))
    let results = try exe.run([x])
    #expect(results[0] === x && results[3] === x && results[1] === results[2])
    #expect(results[1].elements(as: Float.self) == ramp(1000).map { -$0 })
    #expect(results[4].elements(as: Float.self) == [3, 3])
    #expect(results[5].elements(as: Float.self) == [1, 2])
    #expect(exe.memory == MemorySummary(arenaBytes: 0, resultBytes: 4016, aliasedBytes: 0))
  }

  @Test("Scalars and empty tensors run")
  func smallest() throws {
    let scalar = TensorType(.f32)
    let y: [Float] = try run(
      program([scalar]) { b, p in [try b.emitOne(.binary(.add), [p[0], splat(1, scalar)])] }, [[Float(2)]])
    #expect(y == [3])
    let empty = TensorType(.f32, [0, 3])
    let exe = try executable(
      program([empty]) { b, p in
        let turned = try b.emitOne(.transpose([1, 0]), p)
        let product = try b.emitOne(.dotGeneral(Op.DotDimensions(lhsContract: [1], rhsContract: [0])), [turned, p[0]])
        return [turned, product, try b.emitOne(.unary(.exp), p), try b.emitOne(.reduce(.sum, axes: [0]), p)]
      })
    let results = try exe.run([Storage([Float]())])
    #expect(results.map { $0.elements(as: Float.self) } == [[], Array(repeating: 0, count: 9), [], [0, 0, 0]])
  }

  /// A program with every kind of step that runs on several threads.
  private func wideProgram() throws -> Program {
    let (m, n) = (300, 1031)
    let matrix = TensorType(.f32, [m, n])
    let region = try fusion([matrix, TensorType(.f32, [n])]) { b, p in
      let bias = try b.emitOne(.broadcastInDim(shape: matrix.shape, dims: [1]), [p[1]])
      let sum = try b.emitOne(.binary(.add), [p[0], bias])
      return [try b.emitOne(.unary(.tanh), [try b.emitOne(.unary(.exp), [sum])])]
    }
    return try program([matrix, TensorType(.f32, [n])]) { b, p in
      let y = try b.emitOne(region, p)
      let turned = try b.emitOne(.transpose([1, 0]), [y])
      let product = try b.emitOne(.dotGeneral(Op.DotDimensions(lhsContract: [1], rhsContract: [0])), [y, turned])
      let seed = try b.emitOne(.constant(DenseConstant(Literal(1, as: .i32), shape: [])), [])
      let keys = try b.emitOne(.random(.seed), [seed])
      return [
        y, turned, product, try b.emitOne(.reduce(.sum, axes: [0]), [y]), try b.emitOne(.reduce(.sum, axes: [1]), [y]),
        try b.emitOne(.reduce(.sum, axes: [0, 1]), [y]),
        try b.emitOne(.random(.bits(shape: [100_000], .u32)), [keys]),
      ]
    }
  }

  @Test("Every number of threads gives the same bits")
  func threads() throws {
    let before = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(before) }
    let exe = try executable(wideProgram())
    let arguments = try [Storage(ramp(300 * 1031).map { $0 / 7 }), Storage(ramp(1031).map { $0 / 3 })]
    ThreadPool.setThreadCount(1)
    let want = try exe.run(arguments).map { $0.elements(as: UInt8.self) }
    for count in [2, 3, 8] {
      ThreadPool.setThreadCount(count)
      for _ in 0..<5 {
        #expect(try exe.run(arguments).map { $0.elements(as: UInt8.self) } == want, "\(count) threads")
      }
    }
  }

  @Test("Updates of many small parameters are one step, and keep their bits and their order")
  func manyUpdates() throws {
    let (count, type) = (60, TensorType(.f32, [700]))
    // Parameters and moments in turns; every tenth update reads the parameter before it, as it was or as it is now.
    let updates = try program(Array(repeating: type, count: 2 * count), donated: Array(0..<2 * count)) { b, p in
      var results: [Operand] = []
      for index in 0..<count {
        let moment = try b.emitOne(.binary(.mul), [p[2 * index + 1], splat(0.9, type)])
        let root = try b.emitOne(.unary(.sqrt), [try b.emitOne(.unary(.abs), [moment])])
        let before = index % 10 == 9 ? (index % 20 == 19 ? p[2 * index - 2] : results[2 * index - 2]) : p[2 * index]
        results += [try b.emitOne(.binary(.sub), [before, root]), moment]
      }
      return results
    }
    let executable = try Compiler.compile(updates)
    #expect(executable.stepCount < executable.program.instructions.count / 4, "\(executable.stepCount) steps")
    var generator = SeededGenerator(seed: 31)
    let arguments = updates.parameters.map { randomTensor($0.type, specials: false, &generator) }
    let want = try ReferenceInterpreter.run(updates, arguments)
    let threadCount = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(threadCount) }
    for threads in [1, 2, 3] {
      ThreadPool.setThreadCount(threads)
      #expect(try executable.run(arguments) == want, "\(threads) threads")
    }
    let observed = try executable.run(arguments.map { try Storage($0.bytes) }, checks: [.nan])
    #expect(zip(observed, want).allSatisfy { $0.elements(as: UInt8.self) == $1.bytes })
  }

  @Test("An update is no step with a region that reads part of what it writes over")
  func partsOfUpdated() throws {
    let (count, type) = (8, TensorType(.f32, [30_000]))
    let updates = try program(Array(repeating: type, count: count), donated: Array(0..<count)) { b, p in
      var roots: [Operand] = []
      for parameter in p {
        let part = try b.emitOne(.slice(Op.Slice(starts: [15_000], limits: [30_000])), [parameter])
        let rows = try b.emitOne(.reshape([150, 100]), [part])
        roots.append(try b.emitOne(.unary(.sqrt), [try b.emitOne(.unary(.abs), [rows])]))
      }
      // The last part that is read is of what is written first.
      return try roots + p.reversed().map { try b.emitOne(.binary(.mul), [$0, splat(0.5, type)]) }
    }
    let executable = try Compiler.compile(updates)
    let hasParts = executable.program.instructions.contains { $0.isPartOfOperand }
    #expect(hasParts)
    // Each part is found and read on its own; the updates are one step.
    #expect(executable.stepCount == 2 * count + 1)
    var generator = SeededGenerator(seed: 37)
    let arguments = updates.parameters.map { randomTensor($0.type, specials: false, &generator) }
    let want = try ReferenceInterpreter.run(updates, arguments)
    for _ in 0..<20 { #expect(try executable.run(arguments) == want) }
  }

  @Test("Simultaneous calls of one executable do not disturb each other")
  func concurrentCalls() async throws {
    let exe = try executable(wideProgram())
    let inputs = (0..<4).map { ramp(300 * 1031, modulo: 11 + $0).map { $0 / 7 } }
    let bias = try Storage(ramp(1031).map { $0 / 3 })
    let want = try inputs.map { try exe.run([Storage($0), bias]).map { $0.elements(as: UInt8.self) } }
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for round in 0..<12 {
        group.addTask {
          let index = round % inputs.count
          return try exe.run([Storage(inputs[index]), bias]).map { $0.elements(as: UInt8.self) } == want[index]
        }
      }
      for try await isEqual in group { #expect(isEqual) }
    }
  }

  @Test("Memory that a result gave back serves the next one of its size, aligned as vectors and pages want")
  func storageReuse() throws {
    // A size that no other test uses.
    let size = 3_333_333
    let address = try Storage(byteCount: size).address
    #expect(try Storage(byteCount: size).address == address)
    #expect(Int(bitPattern: address) % (2 << 20) == 0)
    #expect(try Int(bitPattern: Storage(byteCount: 5).address) % 64 == 0)
    #expect(throws: BloxError.self) { try Storage(byteCount: 1 << 60) }
  }

  @Test("The pool runs every part once, nested calls too")
  func pool() {
    let counts = UnsafeMutablePointer<Int32>.allocate(capacity: 70_000)
    defer { counts.deallocate() }
    counts.initialize(repeating: 0, count: 70_000)
    nonisolated(unsafe) let cells = counts
    ThreadPool.parallel(parts: 70_000) { cells[$0] += 1 }
    #expect((0..<70_000).allSatisfy { counts[$0] == 1 })
    ThreadPool.parallel(parts: 100) { outer in
      ThreadPool.parallel(parts: 10) { cells[outer * 10 + $0] += 1 }
    }
    #expect((0..<1000).allSatisfy { counts[$0] == 2 })
  }

  @Test("Wrong arguments are refused with what was expected")
  func wrongArguments() throws {
    let exe = try executable(program([vector]) { b, p in [try b.emitOne(.unary(.neg), p)] })
    #expect(throws: BloxError(.runtime, "@test takes 1 arguments; got 0")) { try exe.run([]) }
    #expect(
      throws: BloxError(.runtime, "argument 0 of @test is f32[1000], which takes 4000 bytes; got 8")
    ) { try exe.run([Storage([Float(1), 2])]) }
  }
}
