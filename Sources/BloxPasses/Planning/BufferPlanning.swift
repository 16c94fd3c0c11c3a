// Buffer planning: where every value lives while the program runs.
//
// Program results are written straight into their own memory, or into a donated parameter that nobody reads any
// more. What is left goes into one arena, where values that do not live at the same time share bytes. Instructions
// keep their order.
//
// Regions of control flow are planned first, each with an arena of its own, which becomes part of the instruction's
// workspace in the arena of the program around it (Control+Workspace.swift).
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
  return try program.planned(in: .whole)
}

/// What a plan may do with the parameters and results of a program.
struct PlanningContext {
  /// The parameters of a region that may be written over by results, their new values: parameter by result. `nil` for a
  /// whole program, which may write over those that are donated.
  var writable: [Int: Int]?
  /// The results of a region that an iteration of a loop hands out as well as on.
  var stacked: Range<Int> = 0..<0

  static let whole = PlanningContext()

  /// Whether a parameter may be written over once nobody reads it any more.
  func mayWrite(parameter: Int, of program: Program) -> Bool {
    writable?.values.contains(parameter) ?? program.parameters[parameter].isDonated
  }
}

extension Program {
  fileprivate func planned(in context: PlanningContext) throws(BloxError) -> Program {
    try BufferPlanner(planningRegions(), context).finish()
  }

  /// The program with memory plans in its regions, but not for itself.
  func planningRegions() throws(BloxError) -> Program {
    var program = self
    for index in instructions.indices {
      guard case .control(let control) = instructions[index].op else { continue }
      program.instructions[index].op = .control(try control.planningRegions())
    }
    return program
  }
}

extension Op.Control {
  /// What a plan may do with the regions, in order.
  var planningContexts: [PlanningContext] {
    regions.map { region in
      var context = PlanningContext(writable: [:])
      for (result, parameter) in region.writable.enumerated() { context.writable?[result] = parameter }
      if case .scan(let scan) = self { context.stacked = scan.ys }
      return context
    }
  }

  fileprivate func planningRegions() throws(BloxError) -> Op.Control {
    var programs: [Program] = []
    for (region, context) in zip(regions, planningContexts) {
      // Buffers are those of the call, so calls cannot be inside either.
      for instruction in region.program.instructions where instruction.op.primalCallee != nil {
        throw BloxError(.runtime, "buffers of a region with calls cannot be planned: inline first")
          .at(modulePath: instruction.note.scope, location: instruction.note.location)
      }
      programs.append(try region.program.planned(in: context))
    }
    return with(regions: programs)
  }
}

/// Decides where values live. It has decided what is not in the arena when it is made.
struct BufferPlanner {
  private let program: Program
  let storage: ValueStorage
  /// Per block, the place that is decided before the arena is packed.
  private var locations: [BufferLocation?]
  /// Per block, the block whose memory it takes over while an instruction runs; itself when none.
  private var heads: [Int]
  /// What is written over, and would not be if something else read it later: the block that is written, and the one
  /// whose memory it takes.
  private(set) var overwritten: [(block: Int, taken: Int)] = []
  private let context: PlanningContext

  /// - Parameter program: One whose regions are planned.
  init(_ program: Program, _ context: PlanningContext) {
    self.program = program
    self.context = context
    storage = ValueStorage(program, context)
    locations = storage.blocks.map { block in
      switch block.origin {
      case .parameter(let index): .parameter(index)
      case .constant: block.lastUse == .max ? nil : .constant
      case .computed: nil
      }
    }
    heads = Array(storage.blocks.indices)
    placeResults()
    reuseDyingOperands()
    // A chain of blocks in one memory has at most one decided place, that of the result at its end.
    for block in locations.indices where heads[block] != block {
      if let place = locations[block] { locations[heads[block]] = place }
    }
  }

  /// Gives each block that a result needs the memory of that result or of a donated parameter.
  private mutating func placeResults() {
    var firstResult: [Int: Int] = [:]
    var order: [Int] = []
    for (index, result) in program.results.enumerated() {
      guard let value = result.operand.value else { continue }
      let block = storage.block(of: value)
      guard storage.blocks[block].origin.isWritten else { continue }
      if firstResult[block] == nil {
        firstResult[block] = index
        order.append(block)
      } else if let first = firstResult[block], !context.stacked.contains(first), context.stacked.contains(index) {
        // What is carried as well as stacked is written into the stack, where the next iteration reads it.
        firstResult[block] = index
      }
    }
    // The parameters that a result may take are those dead at its definition, so what an earlier result may take, a
    // later one may too: serving results in order of definition wastes no donation.
    order.sort { (storage.blocks[$0].definition, $0) < (storage.blocks[$1].definition, $1) }
    var donated = program.parameters.indices.filter { index in
      context.mayWrite(parameter: index, of: program) && storage.blocks[parameterBlock(index)].lastUse != .max
    }
    for block in order {
      let result = firstResult[block]!
      let usable = context.writable.map { writable in donated.filter { writable[result] == $0 } } ?? donated
      if let choice = bestDonation(for: block, label: program.results[result].label, among: usable) {
        donated.removeAll { $0 == choice }
        locations[block] = .parameter(choice)
        overwritten.append((block, parameterBlock(choice)))
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
      target.origin == .computed ? blocksReadInPlace(program.instructions[target.definition], for: block) : []
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

  /// The blocks whose memory the result in `block` may take over while its instruction runs.
  private func blocksReadInPlace(_ instruction: Instruction, for block: Int) -> [Int] {
    if case .control(let control) = instruction.op {
      let index = instruction.results.firstIndex { storage.block(of: $0) == block }
      let start = index.flatMap { control.initialValue(ofCarry: $0, instruction) }
      return start.map { isWhole($0) ? [storage.block(of: $0)] : [] } ?? []
    }
    return instruction.valuesReadInPlace(in: program).filter(isWhole).map { storage.block(of: $0) }
  }

  /// Whether a value is no part of its block.
  private func isWhole(_ value: Value) -> Bool {
    program.type(of: value).byteCount == storage.blocks[storage.block(of: value)].byteCount
  }

  /// Whether the instruction that writes `target` reads a block at the same index only, under whatever names.
  private func readsOnlyInPlace(_ block: Int, at target: MemoryBlock, _ inPlace: [Int]) -> Bool {
    let instruction = program.instructions[target.definition]
    let names = Set(instruction.operands.compactMap(\.value).filter { storage.block(of: $0) == block })
    return !names.isEmpty && names.count == inPlace.count { $0 == block }
  }

  /// Lets results of elementwise work take the memory of operands that die there.
  private mutating func reuseDyingOperands() {
    for (index, instruction) in program.instructions.enumerated()
    where !storage.isName(index, instruction, in: program) {
      var candidates: [Int]?
      var taken: Set<Int> = []
      for result in instruction.results {
        let block = storage.block(of: result)
        let target = storage.blocks[block]
        guard target.origin == .computed, target.byteCount > 0, canShare(block) else { continue }
        let inPlace = candidates ?? blocksReadInPlace(instruction, for: block)
        // Other instructions treat all their results alike.
        if !instruction.op.isControl { candidates = inPlace }
        let choice = inPlace.first { source in
          let operand = storage.blocks[source]
          return operand.origin == .computed && locations[source] == nil && operand.lastUse == index
            && operand.byteCount == target.byteCount && !taken.contains(source)
            && readsOnlyInPlace(source, at: target, inPlace)
        }
        guard let choice else { continue }
        taken.insert(choice)
        heads[block] = heads[choice]
        overwritten.append((block, choice))
      }
    }
  }

  /// Whether a block may start its life in another block's memory: not where a donated parameter was still in use.
  private func canShare(_ block: Int) -> Bool {
    switch locations[block] {
    case nil, .result: true
    case .parameter, .constant, .arena, .operand: false
    }
  }

  /// Whether a block is in the arena.
  func isInArena(_ block: Int) -> Bool { locations[heads[block]] == nil }

  /// What needs room in the arena, and for each its block, or its instruction where it is a workspace.
  private func requests() -> [(owner: Owner, request: ArenaRequest)] {
    var requestOf: [Int: Int] = [:]
    var requests: [(owner: Owner, request: ArenaRequest)] = []
    for (block, memory) in storage.blocks.enumerated() where isInArena(block) {
      let end = max(memory.lastUse, memory.definition)
      if let index = requestOf[heads[block]] {
        requests[index].request.end = max(requests[index].request.end, end)
      } else {
        requestOf[heads[block]] = requests.count
        let request = ArenaRequest(byteCount: memory.byteCount, start: memory.definition, end: end)
        requests.append((.block(heads[block]), request))
      }
    }
    for (index, instruction) in program.instructions.enumerated() {
      guard case .control(let control) = instruction.op else { continue }
      let request = ArenaRequest(byteCount: control.workspace.byteCount, start: index, end: index)
      requests.append((.workspace(index), request))
    }
    return requests
  }

  private enum Owner {
    case block(Int)
    case workspace(Int)
  }

  /// What is in use of the arena where most is, and the memory of new results: what no packing can go below.
  var peakBytes: Int {
    var changes = Array(repeating: 0, count: program.instructions.count + 1)
    for (_, request) in requests() {
      changes[request.start] += aligned(request.byteCount)
      changes[request.end + 1] -= aligned(request.byteCount)
    }
    var (inUse, most) = (0, 0)
    for change in changes {
      inUse += change
      most = max(most, inUse)
    }
    return most + summary(arenaBytes: 0).resultBytes
  }

  /// Packs the arena and writes the plan into the program.
  func finish() -> Program {
    let requests = requests()
    let (offsets, arenaBytes) = packArena(requests.map(\.request))
    var places = locations
    var workspaces: [Int: BufferLocation] = [:]
    for (offset, (owner, _)) in zip(offsets, requests) {
      switch owner {
      case .block(let block): places[block] = .arena(offset: offset)
      case .workspace(let instruction): workspaces[instruction] = .arena(offset: offset)
      }
    }
    var planned = program
    for (index, instruction) in program.instructions.enumerated() {
      if !instruction.results.allSatisfy(isWhole) {
        planned.instructions[index].buffers = [.operand(offset: storage.parts[index] ?? 0)]
        continue
      }
      planned.instructions[index].buffers = instruction.results.map { result in
        places[heads[storage.block(of: result)]]!
      }
      if let workspace = workspaces[index] { planned.instructions[index].buffers.append(workspace) }
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
      case .parameter, .arena, .constant, .operand, nil: break
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

extension Op.Control {
  /// The value that a carry starts with, if the loop writes over it in place and reads it as nothing else.
  fileprivate func initialValue(ofCarry index: Int, _ instruction: Instruction) -> Value? {
    let places = carryPlaces
    guard places.indices.contains(index), places[index] == .inPlace else { return nil }
    let start: Int
    switch self {
    case .scan(let scan): start = scan.carry.lowerBound
    case .loop(let loop): start = loop.carry.lowerBound
    case .cond, .checkpoint: return nil
    }
    guard let value = instruction.operands[start + index].value,
      instruction.operands.count(where: { $0.value == value }) == 1
    else { return nil }
    return value
  }
}
