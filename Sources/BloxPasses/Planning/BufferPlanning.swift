// Buffer planning: where every value lives while the program runs.
//
// Program results are written straight into their own memory, or into a donated parameter that nobody reads any
// more. What is left goes into one arena, where values that do not live at the same time share bytes. Instructions
// keep their order.
import BloxIR

/// Returns the program with ``Instruction/buffers`` and ``Program/memory`` filled in.
///
/// The program must have no calls left. A result that is a parameter is handed through; results that are the same
/// value share memory.
public func planBuffers(_ program: Program) throws(BloxError) -> Program {
  for instruction in program.instructions {
    if let callee = instruction.op.primalCallee {
      throw BloxError(
        .runtime, "buffers of a program that calls @\(callee.program.name) cannot be planned: inline first",
        modulePath: instruction.note.scope.isEmpty ? nil : instruction.note.scope, location: instruction.note.location)
    }
  }
  var planner = BufferPlanner(program)
  planner.placeResults()
  planner.reuseDyingOperands()
  return planner.finish()
}

private struct BufferPlanner {
  let program: Program
  let storage: ValueStorage
  /// Per block, the place that is decided before the arena is packed.
  var locations: [BufferLocation?]
  /// Per block, the block whose memory it takes over while an instruction runs; itself when none.
  var heads: [Int]

  init(_ program: Program) {
    self.program = program
    storage = ValueStorage(program)
    locations = storage.blocks.map { block in
      switch block.origin {
      case .parameter(let index): .parameter(index)
      case .constant: block.lastUse == .max ? nil : .constant
      case .computed: nil
      }
    }
    heads = Array(storage.blocks.indices)
  }

  /// Gives each block that a result needs the memory of that result or of a donated parameter.
  mutating func placeResults() {
    var firstResult: [Int: Int] = [:]
    var order: [Int] = []
    for (index, result) in program.results.enumerated() {
      guard let value = result.operand.value else { continue }
      let block = storage.block(of: value)
      if firstResult[block] == nil, storage.blocks[block].origin.isWritten {
        firstResult[block] = index
        order.append(block)
      }
    }
    // The parameters that a result may take are those dead at its definition, so what an earlier result may take, a
    // later one may too: serving results in order of definition wastes no donation.
    order.sort { (storage.blocks[$0].definition, $0) < (storage.blocks[$1].definition, $1) }
    var donated = program.parameters.indices.filter { index in
      program.parameters[index].isDonated && storage.blocks[parameterBlock(index)].lastUse != .max
    }
    for block in order {
      let result = firstResult[block]!
      if let choice = bestDonation(for: block, label: program.results[result].label, among: donated) {
        donated.removeAll { $0 == choice }
        locations[block] = .parameter(choice)
      } else {
        locations[block] = .result(result)
      }
    }
  }

  private func parameterBlock(_ index: Int) -> Int { storage.block(of: program.parameterValue(index)) }

  /// The parameter of the same name if possible, else the one that was in use last, which keeps the others free for
  /// results that come later.
  private func bestDonation(for block: Int, label: ValueLabel?, among donated: [Int]) -> Int? {
    let target = storage.blocks[block]
    guard target.byteCount > 0 else { return nil }
    let inPlace: [Int] =
      target.origin == .computed
      ? program.instructions[target.definition].valuesReadInPlace(in: program).map { storage.block(of: $0) } : []
    let usable = donated.filter { index in
      let source = storage.blocks[parameterBlock(index)]
      guard source.byteCount == target.byteCount else { return false }
      return source.lastUse < target.definition
        || (source.lastUse == target.definition && readsOnlyInPlace(parameterBlock(index), at: target, inPlace))
    }
    if let label, let same = usable.first(where: { program.parameters[$0].label == label }) { return same }
    return usable.max { a, b in
      (storage.blocks[parameterBlock(a)].lastUse, b) < (storage.blocks[parameterBlock(b)].lastUse, a)
    }
  }

  /// Whether the instruction that writes `target` reads a block at the same index only, under whatever names.
  private func readsOnlyInPlace(_ block: Int, at target: MemoryBlock, _ inPlace: [Int]) -> Bool {
    let instruction = program.instructions[target.definition]
    let names = Set(instruction.operands.compactMap(\.value).filter { storage.block(of: $0) == block })
    return !names.isEmpty && names.count == inPlace.count { $0 == block }
  }

  /// Lets results of elementwise work take the memory of operands that die there.
  mutating func reuseDyingOperands() {
    for (index, instruction) in program.instructions.enumerated() where !instruction.isAlias(in: program) {
      var candidates: [Int]?
      var taken: Set<Int> = []
      for result in instruction.results {
        let block = storage.block(of: result)
        let target = storage.blocks[block]
        guard target.origin == .computed, target.byteCount > 0, canShare(block) else { continue }
        let inPlace = candidates ?? instruction.valuesReadInPlace(in: program).map { storage.block(of: $0) }
        candidates = inPlace
        let choice = inPlace.first { source in
          let operand = storage.blocks[source]
          return operand.origin == .computed && locations[source] == nil && operand.lastUse == index
            && operand.byteCount == target.byteCount && !taken.contains(source)
            && readsOnlyInPlace(source, at: target, inPlace)
        }
        guard let choice else { continue }
        taken.insert(choice)
        heads[block] = heads[choice]
      }
    }
  }

  /// Whether a block may start its life in another block's memory: not where a donated parameter was still in use.
  private func canShare(_ block: Int) -> Bool {
    switch locations[block] {
    case nil, .result: true
    case .parameter, .constant, .arena: false
    }
  }

  /// Packs the arena and writes the plan into the program.
  func finish() -> Program {
    var final = locations
    // A chain of blocks in one memory has at most one decided place, that of the result at its end.
    for block in locations.indices where heads[block] != block {
      if let place = locations[block] { final[heads[block]] = place }
    }
    var requestOf: [Int: Int] = [:]
    var requests: [ArenaRequest] = []
    for (block, memory) in storage.blocks.enumerated() where final[heads[block]] == nil {
      let end = max(memory.lastUse, memory.definition)
      if let request = requestOf[heads[block]] {
        let old = requests[request]
        requests[request] = ArenaRequest(byteCount: old.byteCount, start: old.start, end: max(old.end, end))
      } else {
        requestOf[heads[block]] = requests.count
        requests.append(ArenaRequest(byteCount: memory.byteCount, start: memory.definition, end: end))
      }
    }
    let (offsets, arenaBytes) = packArena(requests)
    for (head, request) in requestOf { final[head] = .arena(offset: offsets[request]) }
    var planned = program
    for index in planned.instructions.indices {
      planned.instructions[index].buffers = planned.instructions[index].results.map { result in
        final[heads[storage.block(of: result)]]!
      }
    }
    planned.memory = summary(arenaBytes: arenaBytes)
    return planned
  }

  private func summary(arenaBytes: Int) -> MemorySummary {
    var memory = MemorySummary(arenaBytes: arenaBytes, resultBytes: 0, aliasedBytes: 0)
    var counted: Set<Int> = []
    for result in program.results {
      guard let value = result.operand.value else {
        memory.resultBytes += program.type(of: result.operand).byteCount
        continue
      }
      let block = storage.block(of: value)
      guard counted.insert(block).inserted else { continue }
      let byteCount = storage.blocks[block].byteCount
      switch locations[block] {
      case .result: memory.resultBytes += byteCount
      case .parameter(let index) where program.parameters[index].isDonated: memory.aliasedBytes += byteCount
      case .parameter, .arena, .constant, nil: break
      }
    }
    return memory
  }
}

extension MemoryBlock.Origin {
  /// Whether an instruction puts the contents there, so that the place can be chosen.
  fileprivate var isWritten: Bool {
    switch self {
    case .constant, .computed: true
    case .parameter: false
    }
  }
}
