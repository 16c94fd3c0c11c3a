// Scheduling: examples with their orders, and properties over random programs.
import BloxIR
import BloxRuntime
import TestSupport
import Testing

@testable import BloxPasses

@Suite("Scheduling")
struct SchedulingTests {
  private func names(_ program: Program) -> [String] { program.instructions.map(\.op.name) }

  @Test("What frees memory runs as soon as it can")
  func forwards() throws {
    let wide = try makeProgram([.f32(1000)]) { (b, p) throws(BloxError) in
      var sums: [Operand] = []
      let ops: [Op.Unary] = [.sin, .cos, .tan]
      for op in ops { sums.append(try b.unary(op, p[0])) }
      for index in sums.indices { sums[index] = try b.emitOne(.reduce(.sum, axes: [0]), [sums[index]]) }
      return [try b.add(b.add(sums[0], sums[1]), sums[2])]
    }
    let scheduled = try wide.scheduled()
    #expect(names(scheduled) == ["sin", "reduce_sum", "cos", "reduce_sum", "add", "tan", "reduce_sum", "add"])
    #expect(try planBuffers(wide).memory?.arenaBytes == 3 * 4032)
    #expect(try planBuffers(scheduled).memory?.arenaBytes == 4032 + 64)
  }

  @Test("What is read late is computed late")
  func backwards() throws {
    let early = try makeProgram([.f32(20_000), .f32(10, 100)]) { (b, p) throws(BloxError) in
      let product = try b.emitOne(.dotGeneral(Op.DotDimensions(lhsContract: [0], rhsContract: [0])), [p[1], p[1]])
      var y = p[0]
      for _ in 0..<3 { y = try b.emitOne(.indexing(.reverse(axes: [0])), [b.unary(.sin, y)]) }
      let last = try b.emitOne(.reduce(.max, axes: [0]), [y])
      let sum = try b.add(product, b.emitOne(.broadcastInDim(shape: [100, 100], dims: []), [last]))
      return [try b.emitOne(.reduce(.sum, axes: [0, 1]), [sum])]
    }
    let scheduled = try early.scheduled()
    #expect(names(early).first == "dot_general")
    #expect(names(scheduled).firstIndex(of: "dot_general")! > names(scheduled).lastIndex(of: "reverse")!)
    #expect(try planBuffers(scheduled).memory!.arenaBytes < planBuffers(early).memory!.arenaBytes)
  }

  @Test("What was written in place still is: everybody else reads it first")
  func donation() throws {
    var step = try makeProgram([.f32(100, 100), .f32(100, 100)]) { (b, p) throws(BloxError) in
      let product = Op.dotGeneral(Op.DotDimensions(lhsContract: [1], rhsContract: [0]))
      // An update of the weights could run first, but their gradient's product reads them.
      let back = try b.emitOne(product, [p[1], p[0]])
      let more = try b.emitOne(product, [p[1], p[1]])
      let sums = try [back, more].map { x throws(BloxError) in
        try b.emitOne(.reduce(.sum, axes: [0, 1]), [x])
      }
      return [try b.binary(.sub, p[0], p[1]), try b.add(sums[0], sums[1])]
    }
    step.parameters[0].isDonated = true
    let scheduled = try step.scheduled()
    #expect(scheduled != step)
    #expect(try planBuffers(scheduled).donationReport == planBuffers(step).donationReport)
    #expect(try planBuffers(scheduled).memory!.peakBytes < planBuffers(step).memory!.peakBytes)
  }

  @Test("Regions are scheduled too, and an order that saves little stays")
  func regions() throws {
    let body = try makeProgram([.f32(1000)], name: "body") { (b, p) throws(BloxError) in
      let (x, y) = (try b.unary(.sin, p[0]), try b.unary(.cos, p[0]))
      let sums = try [x, y].map { x throws(BloxError) in try b.emitOne(.reduce(.sum, axes: [0]), [x]) }
      return [try b.emitOne(.broadcastInDim(shape: [1000], dims: []), [b.add(sums[0], sums[1])])]
    }
    let loop = try makeProgram([.f32(1000)]) { (b, p) throws(BloxError) in
      let scan = Op.Scan(body: body, constCount: 0, carryCount: 1, length: 4, isReversed: false, unroll: 1)
      return try b.emit(.control(.scan(scan)), p).map { .value($0) }
    }
    let scheduled = try loop.scheduled()
    #expect(
      names(scheduled.instructions[0].op.regions[0].program)
        == ["sin", "reduce_sum", "cos", "reduce_sum", "add", "broadcast_in_dim"])
    // The branches of the first test beside a large value: they are not worth another order.
    let large = try makeProgram([.f32(1000), .f32(1_000_000)]) { (b, p) throws(BloxError) in
      let (x, y) = (try b.unary(.sin, p[0]), try b.unary(.cos, p[0]))
      let z = try b.emitOne(.reduce(.sum, axes: [0]), [b.emitOne(.indexing(.reverse(axes: [0])), [p[1]])])
      let sums = try [x, y].map { x throws(BloxError) in try b.emitOne(.reduce(.sum, axes: [0]), [x]) }
      return [try b.add(b.add(sums[0], sums[1]), z)]
    }
    #expect(try large.scheduled() == large)
  }

  @Test("Random programs need no more memory, and keep every bit and the order of their effects")
  func randomPrograms() throws {
    var (before, after) = (0, 0)
    for seed in 0..<80 as Range<UInt64> {
      let program = try randomProgram(seed: seed, count: 60).inliningCalls()
      let scheduled = try program.scheduled()
      try scheduled.verify()
      let peaks = try [program, scheduled].map { BufferPlanner(try $0.planningRegions(), .whole).peakBytes }
      #expect(peaks[1] <= peaks[0], "seed \(seed)")
      before += peaks[0]
      after += peaks[1]
      func effects(_ program: Program) -> [String] { program.instructions.filter(\.op.hasEffect).map(\.op.name) }
      #expect(effects(scheduled) == effects(program), "seed \(seed)")
      let arguments = randomArguments(program, seed: seed)
      let expected = try ReferenceInterpreter.run(program, arguments)
      #expect(try sameBits(ReferenceInterpreter.run(scheduled, arguments), expected), "seed \(seed)\n\(scheduled)")
    }
    #expect(after * 10 < before * 9, "\(before) bytes before, \(after) after")
  }

  @Test("Small programs come near the least memory that any order needs")
  func leastMemory() throws {
    let count = 60
    var best = 0
    for seed in 0..<60 as Range<UInt64> {
      let program = try graph(seed: seed)
      let least = try leastPeak(program)
      let peak = BufferPlanner(try program.scheduled().planningRegions(), .whole).peakBytes
      #expect(peak >= least && Double(peak) <= 1.6 * Double(least), "seed \(seed): \(peak), least \(least)")
      best += peak == least ? 1 : 0
    }
    #expect(best * 10 >= count * 6, "the least memory in \(best) of \(count)")
  }

  /// Four values of different sizes, each made of up to two others, and their sums.
  private func graph(seed: UInt64) throws -> Program {
    var generator = SeededGenerator(seed: seed)
    return try makeProgram([.f32(1, 64)]) { (b, p) throws(BloxError) in
      var values = p
      for _ in 0..<4 {
        let parts = (0..<Int.random(in: 1...2, using: &generator)).map { _ in
          values[Int.random(in: 0..<values.count, using: &generator)]
        }
        values.append(try b.emitOne(.concatenate(axis: 1), parts + [p[0]]))
      }
      var sums: [Operand] = []
      for value in values.dropFirst() { sums.append(try b.emitOne(.reduce(.sum, axes: [1]), [value])) }
      return [try b.emitOne(.concatenate(axis: 0), sums)]
    }
  }

  /// The least peak of all orders.
  private func leastPeak(_ program: Program) throws -> Int {
    var least = Int.max
    var order: [Instruction] = []
    func extend(_ known: Set<Value>, _ left: [Instruction]) {
      guard !left.isEmpty else {
        var candidate = program
        candidate.instructions = order
        least = min(least, BufferPlanner(candidate, .whole).peakBytes)
        return
      }
      for index in left.indices
      where left[index].operands.allSatisfy({ $0.value.map(known.contains) ?? true }) {
        var rest = left
        let next = rest.remove(at: index)
        order.append(next)
        extend(known.union(next.results), rest)
        order.removeLast()
      }
    }
    extend(Set(program.parameters.indices.map { program.parameterValue($0) }), program.instructions)
    return least
  }
}
