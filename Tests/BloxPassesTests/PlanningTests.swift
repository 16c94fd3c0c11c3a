// Buffer planning: examples with their plans, and a property over random programs.
import BloxIR
import BloxPasses
import BloxRuntime
import TestSupport
import Testing

@Suite struct PlanningTests {
  let vector = TensorType(.f32, [100])

  private func planned(
    _ types: [TensorType], donated: [Int] = [],
    _ body: (inout ProgramBuilder, [Operand]) throws -> [Operand]
  ) throws -> Program {
    var builder = ProgramBuilder(name: "test")
    let parameters = types.enumerated().map { index, type in
      Operand.value(builder.parameter(Parameter(type, isDonated: donated.contains(index))))
    }
    let results = try body(&builder, parameters)
    return try planBuffers(builder.finish(results: results.map { ProgramResult($0) }))
  }

  @Test("A chain of elementwise work lives in the memory of its result")
  func chain() throws {
    let plan = try planned([vector]) { b, p in
      var y = p[0]
      for _ in 0..<4 { y = try b.emitOne(.unary(.neg), [y]) }
      return [y]
    }
    #expect(plan.instructions.map(\.buffers) == Array(repeating: [.result(0)], count: 4))
    #expect(plan.memory == MemorySummary(arenaBytes: 0, resultBytes: 400, aliasedBytes: 0))
  }

  @Test("Values that do not live together share the arena")
  func arena() throws {
    let wide = TensorType(.f32, [100, 8])
    let plan = try planned([vector]) { b, p in
      var y = p[0]
      for _ in 0..<3 {
        let x = try b.emitOne(.broadcastInDim(shape: wide.shape, dims: [0]), [y])
        y = try b.emitOne(.reduce(.sum, axes: [1]), [x])
      }
      return [y]
    }
    #expect(plan.memory?.arenaBytes == 3200 + 448)
  }

  @Test("A donated parameter that is still read, or read elsewhere, is not overwritten")
  func donationReasons() throws {
    let square = TensorType(.f32, [10, 10])
    let plan = try planned([square, vector, vector, TensorType(.f32, [3])], donated: [0, 1, 2, 3]) { b, p in
      let turned = try b.emitOne(.transpose([1, 0]), [p[0]])
      let sum = try b.emitOne(.binary(.add), [p[1], try b.emitOne(.reshape([100]), [turned])])
      return [turned, sum, p[2]]
    }
    #expect(
      plan.donationReport.map(\.outcome) == [
        // The transpose reads it while it writes; the sum comes later and prefers the operand that dies there.
        .unused(reason: "it is still read when the results of its size are written"),
        .reused(result: 1), .forwarded(result: 2), .unused(reason: "no result has its size, 12 bytes"),
      ])
    #expect(plan.memory == MemorySummary(arenaBytes: 0, resultBytes: 400, aliasedBytes: 800))
  }

  @Test("A slice that takes a run of its operand is part of it, where that keeps nobody else's memory")
  func slices() throws {
    let rows = TensorType(.f32, [6, 50])
    func part(_ start: Int, _ limit: Int) -> Op { .slice(Op.Slice(starts: [start, 0], limits: [limit, 50])) }
    let product = Op.dotGeneral(Op.DotDimensions(lhsContract: [1], rhsContract: [1]))
    let plan = try planned([rows, rows], donated: [1]) { b, p in
      // Of an argument; of that part; renamed; a column, which is no run.
      let some = try b.emitOne(part(2, 5), [p[0]])
      let one = try b.emitOne(part(1, 2), [some])
      let renamed = try b.emitOne(.reshape([5, 10]), [one])
      let column = try b.emitOne(.slice(Op.Slice(starts: [0, 1], limits: [6, 3])), [p[0]])
      // Of a value that dies before it, and of one that does not.
      let turned = try b.emitOne(.indexing(.reverse(axes: [1])), [p[1]])
      let early = try b.emitOne(part(0, 1), [turned])
      let late = try b.emitOne(part(5, 6), [turned])
      let first = try b.emitOne(product, [early, turned])
      let second = try b.emitOne(product, [late, some])
      // A result has memory of its own.
      let result = try b.emitOne(part(0, 2), [p[0]])
      return [first, second, try b.emitOne(product, [renamed, renamed]), column, result]
    }
    let buffers = Dictionary(uniqueKeysWithValues: plan.instructions.map { ($0.results[0].index, $0.buffers[0]) })
    #expect(buffers[2] == .operand(offset: 2 * 200) && buffers[3] == .operand(offset: 200))
    #expect(buffers[4] == .operand(offset: 0) && buffers[5] == .result(3))
    #expect(buffers[7] == .operand(offset: 0))
    if case .arena = buffers[8] {} else { Issue.record("a part outlives its operand: \(plan)") }
    #expect(buffers[11] == .result(4))
  }

  @Test("Constants stay in the executable, except where they are results")
  func constants() throws {
    let type = TensorType(.f32, [2])
    let table = DenseConstant(type: type, elements: [Literal(1, as: .f32), Literal(2, as: .f32)])
    let plan = try planned([type]) { b, p in
      let first = try b.emitOne(.constant(table), [])
      let sum = try b.emitOne(.binary(.add), [p[0], first])
      return [sum, try b.emitOne(.constant(table), [])]
    }
    #expect(plan.instructions.map(\.buffers) == [[.constant], [.result(0)], [.result(1)]])
  }

  @Test("In random programs no value is overwritten before its last use", arguments: 0..<60)
  func nothingIsOverwritten(seed: Int) throws {
    let random = try RandomProgram(seed: seed)
    let plan = try planBuffers(random.program)
    // The owner of each byte: the root of the value that was written there last.
    var owners: [MemoryRegion: [Int]] = [:]
    var roots = Array(plan.types.indices)
    var places: [BufferLocation] = plan.parameters.indices.map { .parameter($0) }
    var sources: [Value: Value] = [:]
    func bytes(_ value: Value) -> (MemoryRegion, Range<Int>) {
      let size = plan.type(of: value).byteCount
      switch places[value.index] {
      case .operand(let offset):
        let (region, range) = bytes(sources[value]!)
        return (region, (range.lowerBound + offset)..<(range.lowerBound + offset + size))
      case .arena(let offset): return (.arena, offset..<(offset + size))
      case .result(let index): return (.result(index), 0..<size)
      case .parameter(let index): return (.parameter(index), 0..<size)
      case .constant: return (.constant(value.index), 0..<size)
      }
    }
    func isIntact(_ value: Value) -> Bool {
      let (region, range) = bytes(value)
      return range.allSatisfy { owners[region]?[$0] == roots[value.index] }
    }
    func write(_ value: Value) {
      let (region, range) = bytes(value)
      var cells = owners[region] ?? []
      while cells.count < range.upperBound { cells.append(-1) }
      for byte in range { cells[byte] = value.index }
      owners[region] = cells
    }
    for index in plan.parameters.indices { write(plan.parameterValue(index)) }
    for (index, instruction) in plan.instructions.enumerated() {
      places.append(contentsOf: instruction.buffers)
      for value in instruction.operands.compactMap(\.value) {
        #expect(isIntact(value), "seed \(seed): instruction \(index) reads \(value) after it was overwritten")
      }
      if instruction.isAlias(in: plan) || instruction.isPartOfOperand, let source = instruction.operands[0].value {
        roots[instruction.results[0].index] = roots[source.index]
        sources[instruction.results[0]] = source
        continue
      }
      for moved in random.movedReads[index] {
        for result in instruction.results {
          let (a, b) = (bytes(moved), bytes(result))
          #expect(a.0 != b.0 || !a.1.overlaps(b.1), "seed \(seed): instruction \(index) overwrites \(moved)")
        }
      }
      for result in instruction.results {
        if case .parameter(let parameter) = places[result.index] { #expect(plan.parameters[parameter].isDonated) }
        if case .arena(let offset) = places[result.index] {
          #expect(offset % 64 == 0 && offset + plan.type(of: result).byteCount <= plan.memory!.arenaBytes)
        }
        write(result)
      }
    }
    for result in plan.results {
      guard let value = result.operand.value else { continue }
      #expect(isIntact(value), "seed \(seed): the result \(value) is overwritten")
      if case .arena = places[value.index] { Issue.record("seed \(seed): the result \(value) is in the arena") }
    }
  }

  @Test("Random programs give what their instructions give one by one", arguments: 0..<40)
  func plansCompute(seed: Int) throws {
    let random = try RandomProgram(seed: seed)
    let program = random.program
    let inputs = try program.parameters.map { parameter in
      try Storage((0..<parameter.type.elementCount).map { Float(($0 * 37 + seed) % 19 - 9) })
    }
    // Each instruction as a program of its own, all memory fresh.
    var values = inputs
    for instruction in program.instructions {
      var builder = ProgramBuilder(name: "one")
      let parameters = instruction.operands.map { Operand.value(builder.parameter(program.type(of: $0))) }
      let results = try builder.emit(instruction.op, parameters).map { ProgramResult(.value($0)) }
      let arguments = instruction.operands.compactMap { $0.value.map { values[$0.index] } }
      values += try Executable(planned: planBuffers(builder.finish(results: results))).run(arguments)
    }
    let want = program.results.map { values[$0.operand.value!.index].elements(as: UInt32.self) }
    let arguments = try inputs.map { try $0.withUnsafeBytes { try Storage(copying: $0) } }
    let exe = try Executable(planned: planBuffers(program))
    let kept = try exe.run(arguments, donating: arguments.map { _ in false })
    #expect(kept.map { $0.elements(as: UInt32.self) } == want, "seed \(seed)")
    for (argument, input) in zip(arguments, inputs) {
      #expect(argument.elements(as: UInt32.self) == input.elements(as: UInt32.self), "seed \(seed)")
    }
    #expect(try exe.run(arguments).map { $0.elements(as: UInt32.self) } == want, "seed \(seed)")
  }
}

private enum MemoryRegion: Hashable {
  case arena, result(Int), parameter(Int), constant(Int)
}

/// A program of random instructions over a few shapes, most of one size so that there is much to reuse.
private struct RandomProgram {
  var program: Program
  /// Per instruction, the operands that it does not read at the result's index.
  var movedReads: [[Value]] = []

  init(seed: Int) throws {
    var generator = SeededGenerator(seed: UInt64(seed))
    var builder = ProgramBuilder(name: "random")
    let shapes = [[6, 4], [4, 6], [24], [4]]
    var values: [Operand] = []
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let type = TensorType(.f32, shapes.randomElement(using: &generator)!)
      values.append(
        .value(builder.parameter(Parameter(type, isDonated: Bool.random(using: &generator)))))
    }
    for _ in 0..<Int.random(in: 1...25, using: &generator) {
      let x = values.suffix(6).randomElement(using: &generator)!
      let type = builder.type(of: x)
      let partners = values.filter { builder.type(of: $0) == type }
      let y = partners.randomElement(using: &generator)!
      let before = builder.instructions.count
      var moved: [Value] = []
      var results: [Operand]
      switch Int.random(in: 0..<9, using: &generator) {
      case 0: results = [try builder.emitOne(.unary(.neg), [x])]
      case 1: results = [try builder.emitOne(.binary(.max), [x, y])]
      case 2, 3: results = try builder.emit(RandomProgram.pair(type), [x, y]).map { .value($0) }
      case 4:
        let shape = type.elementCount == 24 ? shapes[Int.random(in: 0..<3, using: &generator)] : [4]
        results = [try builder.emitOne(.reshape(shape), [x])]
      case 5 where type.rank == 2:
        moved = [x.value!]
        results = [try builder.emitOne(.transpose([1, 0]), [x])]
      case 6 where type.rank == 2:
        moved = [x.value!]
        results = [try builder.emitOne(RandomProgram.reversed(type), [x, y])]
      case 7 where type.shape == [4]:
        moved = [x.value!]
        results = [try builder.emitOne(.broadcastInDim(shape: [6, 4], dims: [1]), [x])]
      case 8 where type.shape == [6, 4]:
        moved = [x.value!]
        results = [try builder.emitOne(.reduce(.max, axes: [0]), [x])]
      case 7 where type.shape == [24], 8 where type.shape == [24]:
        moved = [x.value!]
        let start = Int.random(in: 0...20, using: &generator)
        results = [try builder.emitOne(.slice(Op.Slice(starts: [start], limits: [start + 4])), [x])]
      default: results = [try builder.emitOne(.unary(.abs), [x])]
      }
      precondition(builder.instructions.count == before + 1)
      movedReads.append(moved)
      values += results
    }
    let results = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
      ProgramResult(values.suffix(8).randomElement(using: &generator)!)
    }
    program = builder.finish(results: results)
  }

  /// `(a, b) -> (a - b, b - a, a)` in one region.
  private static func pair(_ type: TensorType) throws -> Op {
    var region = ProgramBuilder(name: "pair")
    let (a, b) = (Operand.value(region.parameter(type)), Operand.value(region.parameter(type)))
    let results = try [
      region.emitOne(.binary(.sub), [a, b]), region.emitOne(.binary(.sub), [b, a]), region.emitOne(.unary(.abs), [a]),
    ]
    return .fusion(Op.Fusion(kind: .loop, region: region.finish(results: results.map { ProgramResult($0) })))
  }

  /// `a` read in reverse order of its dimensions plus `b`, in one region; the space is `a` transposed and back.
  private static func reversed(_ type: TensorType) throws -> Op {
    var region = ProgramBuilder(name: "reversed")
    let (a, b) = (Operand.value(region.parameter(type)), Operand.value(region.parameter(type)))
    let flat = try region.emitOne(.reshape(type.shape.reversed()), [a])
    let turned = try region.emitOne(.transpose([1, 0]), [flat])
    let sum = try region.emitOne(.binary(.add), [turned, b])
    return .fusion(Op.Fusion(kind: .loop, region: region.finish(results: [ProgramResult(sum)])))
  }
}
