// Lowering: from a planned program to steps.
//
// Every buffer that a step reads or writes has a slot in a table of addresses. Slots of arguments come first, then
// those of results, both bound per call; the others (arena, scratch, constants) are bound once per run context.
//
// Regions of control flow are lowered into steps of their own with slots of the same table (Lowering+Control). What
// moves from iteration to iteration has a slot that the loop sets.
import BloxIR
import BloxPasses
import CBloxKernels

/// Where the address of a slot comes from.
enum SlotSource {
  case argument(Int)
  case result(Int)
  case arena(offset: Int)
  /// Memory that one instruction uses between its own steps.
  case scratch(offset: Int)
  /// Scratch that is not shared between instructions.
  case kept(offset: Int)
  case constant(Address)
  /// Set by a loop for each iteration.
  case moving
}

/// Builds the steps of one program.
struct Lowering {
  /// The program whose instructions are being lowered: the whole, or a region.
  private(set) var program: Program
  let memory = StepMemory()
  private(set) var steps: [Step] = []
  private(set) var slots: [SlotSource] = []
  /// The slot of each value, by index; -1 before its definition.
  private(set) var slotOfValue: [Int32] = []
  /// Per instruction, the number of steps up to its end.
  private(set) var stepEnds: [Int] = []
  /// The regions of the instruction that is being lowered, and those of instructions before it, by position.
  private var currentRegions: [StepMap] = []
  private var regions: [Int: [StepMap]] = [:]
  /// Which steps belong to which instruction.
  var map: StepMap {
    StepMap(
      program: program, stepCount: steps.count, stepEnds: stepEnds, slotOfValue: slotOfValue, regions: regions)
  }
  /// Slots of places in the arena, by offset.
  private var slotOfOffset: [Int: Int32] = [:]
  /// The slots of the program's parameters and results, and where its arena begins in that of the whole.
  private var parameterSlots: [Int32] = []
  private var targetSlots: [Int32] = []
  private var arenaBase = 0
  /// Scratch between steps: what the current instruction has taken, and the most that any has.
  private var scratchCursor = 0
  /// Scratch that instructions around the region have taken.
  private var scratchBase = 0
  private(set) var scratchBytes = 0
  /// Scratch that nothing else takes until the run ends.
  private(set) var keptBytes = 0
  /// The loops around what is being lowered, the outermost first.
  var loops: [LoopFrame] = []
  /// Constants that are right operands of products, in panels.
  var packedConstants: [PackedOperand: Int32] = [:]
  /// Scratch that each thread needs while it runs a part.
  private(set) var laneScratchBytes = 0
  /// What regions become, where somebody asks.
  var listings: [RegionListing]?
  /// The programs around what is being lowered, the outermost first, each with the instruction that it has come to.
  private var places: [(program: Program, instruction: Instruction?)] = []
  /// The instruction that is being lowered, for messages.
  private var current: Instruction? { places.last?.instruction }

  init(_ program: Program) {
    self.program = program
    for index in program.parameters.indices { slots.append(.argument(index)) }
    for index in program.results.indices { slots.append(.result(index)) }
    parameterSlots = program.parameters.indices.map { Int32($0) }
    targetSlots = program.results.indices.map { Int32(program.parameters.count + $0) }
    slotOfValue = Array(repeating: -1, count: program.types.count)
    for index in program.parameters.indices { slotOfValue[index] = Int32(index) }
  }

  /// Lowers a region as a list of steps of its own.
  ///
  /// - Parameters:
  ///   - parameters: The slots of the region's parameters.
  ///   - targets: The slots that its results are put into.
  ///   - arena: Where its arena begins in that of the whole.
  mutating func lowerRegion(
    _ region: Program, parameters: [Int32], targets: [Int32], arena: Int
  ) throws(BloxError) -> [Step] {
    let outer = (
      program, steps, slotOfValue, slotOfOffset, parameterSlots, targetSlots, arenaBase, scratchBase
    )
    let outerMap = (stepEnds, currentRegions, regions)
    let cursor = scratchCursor
    program = region
    steps = []
    (stepEnds, currentRegions, regions) = ([], [], [:])
    slotOfValue = parameters + Array(repeating: -1, count: region.types.count - parameters.count)
    slotOfOffset = [:]
    parameterSlots = parameters
    targetSlots = targets
    arenaBase = arena
    scratchBase = cursor
    try run()
    for (index, result) in region.results.enumerated() {
      guard let value = result.operand.value, slotOfValue[value.index] != targets[index] else { continue }
      copyWhole(from: slotOfValue[value.index], to: targets[index], region.type(of: value))
    }
    let (inner, innerMap) = (steps, map)
    (program, steps, slotOfValue, slotOfOffset, parameterSlots, targetSlots, arenaBase, scratchBase) = outer
    (stepEnds, currentRegions, regions) = outerMap
    currentRegions.append(innerMap)
    scratchCursor = cursor
    return inner
  }

  /// Lowers part of a region in place of the current instruction: its parameters are in the given slots.
  mutating func within(
    _ region: Program, parameters: [Int32], _ lower: (inout Lowering) throws(BloxError) -> Void
  ) throws(BloxError) {
    let outer = (program, slotOfValue)
    defer { (program, slotOfValue) = outer }
    program = region
    slotOfValue = parameters + Array(repeating: -1, count: region.types.count - parameters.count)
    try lower(&self)
  }

  /// Lets a value of a region be where the caller says, in place of where an instruction puts it.
  mutating func place(_ value: Value, in slot: Int32) { slotOfValue[value.index] = slot }

  /// A slot for an address that a loop sets.
  mutating func movingSlot() -> Int32 { append(.moving) }

  /// A slot for part of an instruction's workspace.
  mutating func workspaceSlot(_ instruction: Instruction, offset: Int) throws(BloxError) -> Int32 {
    append(.arena(offset: try workspaceStart(instruction) + offset))
  }

  /// Where an instruction's workspace begins in the arena of the whole.
  func workspaceStart(_ instruction: Instruction) throws(BloxError) -> Int {
    guard case .arena(let offset)? = instruction.workspace?.location else {
      throw unsupported("control flow without a workspace; run planBuffers first")
    }
    return arenaBase + offset
  }

  /// Lowers all instructions, then the results that no instruction writes.
  mutating func run() throws(BloxError) {
    places.append((program, nil))
    defer { places.removeLast() }
    for (index, instruction) in program.instructions.enumerated() {
      places[places.count - 1].instruction = instruction
      currentRegions = []
      scratchCursor = scratchBase
      do {
        try lower(instruction)
      } catch {
        throw error.at(modulePath: instruction.note.scope, location: instruction.note.location)
      }
      stepEnds.append(steps.count)
      if !currentRegions.isEmpty { regions[index] = currentRegions }
    }
    places[places.count - 1].instruction = nil
    for (index, result) in program.results.enumerated() {
      guard case .splat(let literal, let shape) = result.operand else { continue }
      fill(slot(ofResult: index), literal, count: TensorType(literal.dtype, shape).elementCount)
    }
  }

  private mutating func lower(_ instruction: Instruction) throws(BloxError) {
    if case .debugPrint(let print) = instruction.op { try lowerPrint(print, instruction) }
    if instruction.isAlias(in: program), let source = instruction.operands[0].value {
      slotOfValue[instruction.results[0].index] = slotOfValue[source.index]
      return
    }
    if case .operand(let offset)? = instruction.buffers.first { return try lowerPart(instruction, offset: offset) }
    guard instruction.buffers.count == instruction.results.count + (instruction.op.isControl ? 1 : 0) else {
      throw BloxError(.runtime, "the instruction \(describe(instruction)) has no buffers; run planBuffers first")
    }
    if case .constant(let constant) = instruction.op {
      return try lowerConstant(constant, instruction)
    }
    for (value, place) in zip(instruction.results, instruction.buffers) {
      slotOfValue[value.index] = slot(at: place)
    }
    switch instruction.op {
    case .fusion(let fusion):
      switch fusion.kind {
      case .loop, .row:
        try lowerTile(
          fusion.region, fusion.kind, operands: valueSlots(instruction), results: resultSlots(instruction))
      case .contraction: try lowerContraction(instruction, fusion.region)
      case .attention: try lowerAttention(instruction, fusion.region)
      }
    case .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow, .iota,
      .random(.bits), .stopGradient:
      try lowerAlone(instruction)
    case .broadcastInDim, .reshape, .transpose, .slice, .pad, .concatenate:
      try lowerMovement(instruction)
    case .reduce(let kind, let axes): try lowerReduce(instruction, kind, axes: axes)
    case .argReduce(let kind, let axis): try lowerArgReduce(instruction, kind, axis: axis)
    case .dotGeneral(let dims): try lowerDot(instruction, dims, nil)
    case .convolution(let convolution): try lowerConvolution(instruction, convolution, nil)
    case .random(let op): try lowerRandom(instruction, op)
    case .call: throw unsupported("calls must be inlined before a program is compiled")
    case .axisIndex(let name): throw BloxError.unboundAxis(name, bound: [])
    case .custom(let op):
      if case .linear = op { throw BloxError.forwardModeOfCustomVJP }
      throw unsupported("calls must be inlined before a program is compiled")
    case .collective(let collective): throw BloxError.unboundAxis(collective.axes.first ?? "", bound: [])
    case .indexing(let op): try lowerIndexing(instruction, op)
    case .cumulative(let kind, let axis, let reverse):
      try lowerCumulative(instruction, kind, axis: axis, reverse: reverse)
    case .control(let control): try lowerControl(control, instruction)
    case .checkpointName: try lowerAlone(instruction)
    case .constant: break
    case .linearAlgebra(let op): try lowerLinearAlgebra(instruction, op)
    case .window(let op): try lowerWindow(instruction, op)
    case .ordering(let op): try lowerOrdering(instruction, op)
    case .optimizationBarrier: throw unsupported("renames memory and needs no kernel")
    case .debugPrint: throw unsupported("prints a value, not a literal")
    }
  }

  /// A slice whose result is part of its operand's memory: the run finds out where.
  private mutating func lowerPart(_ instruction: Instruction, offset: Int) throws(BloxError) {
    guard let source = instruction.operands.first?.value,
      instruction.op.runStart(of: program.type(of: instruction.results[0]), in: program.type(of: source)) == offset
    else { throw unsupported("the result is no part of its operand") }
    let target = movingSlot()
    append(.part(memory.keep(PartStep(source: slot(source), target: target, offset: offset))))
    slotOfValue[instruction.results[0].index] = target
  }

  /// A constant lives in the executable; where it is a result it is copied, since its owner may give it away.
  private mutating func lowerConstant(_ constant: DenseConstant, _ instruction: Instruction) throws(BloxError) {
    let value = instruction.results[0].index
    let place = instruction.buffers[0]
    if case .constant = place {
      slotOfValue[value] = try slot(ofConstant: constant)
      return
    }
    slotOfValue[value] = slot(at: place)
    if let literal = constant.splat {
      fill(slotOfValue[value], literal, count: constant.type.elementCount)
    } else {
      copyWhole(from: try slot(ofConstant: constant), to: slotOfValue[value], constant.type)
    }
  }
}

// MARK: - Slots, scratch, steps

extension Lowering {
  func type(_ operand: Operand) -> TensorType { program.type(of: operand) }

  func slot(_ value: Value) -> Int32 { slotOfValue[value.index] }

  func slot(ofResult index: Int) -> Int32 { targetSlots[index] }

  /// The slot of an operand that must be a value; literals stand only where the caller handles them.
  func slot(_ operand: Operand) throws(BloxError) -> Int32 {
    guard let value = operand.value else { throw unsupported("a literal cannot stand here") }
    return slot(value)
  }

  func valueSlots(_ instruction: Instruction) throws(BloxError) -> [Int32] {
    var slots: [Int32] = []
    for operand in instruction.operands { slots.append(try slot(operand)) }
    return slots
  }

  func resultSlots(_ instruction: Instruction) -> [Int32] { instruction.results.map { slot($0) } }

  private mutating func slot(at place: BufferLocation) -> Int32 {
    switch place {
    case .parameter(let index): return parameterSlots[index]
    case .result(let index): return slot(ofResult: index)
    case .arena(let offset):
      if let known = slotOfOffset[offset] { return known }
      let new = append(.arena(offset: arenaBase + offset))
      slotOfOffset[offset] = new
      return new
    case .constant, .operand: return -1
    }
  }

  mutating func slot(ofConstant constant: DenseConstant) throws(BloxError) -> Int32 {
    append(.constant(try memory.keep(bytes: constant.bytes)))
  }

  /// A slot for memory that belongs to the executable.
  mutating func slot(ofConstant storage: Storage) -> Int32 { append(.constant(memory.keep(storage))) }

  /// A slot for memory that lasts until the current instruction has run.
  mutating func scratchSlot(byteCount: Int) -> Int32 {
    let offset = scratchCursor
    scratchCursor += byteCount.roundedUpToLine
    scratchBytes = max(scratchBytes, scratchCursor)
    return append(.scratch(offset: offset))
  }

  /// A slot for memory that lasts until the run ends.
  mutating func keptSlot(byteCount: Int) -> Int32 {
    let offset = keptBytes
    keptBytes += byteCount.roundedUpToLine
    return append(.kept(offset: offset))
  }

  /// Asks for scratch for each thread.
  mutating func needLaneScratch(byteCount: Int) { laneScratchBytes = max(laneScratchBytes, byteCount) }

  private mutating func append(_ source: SlotSource) -> Int32 {
    slots.append(source)
    return Int32(slots.count - 1)
  }

  mutating func append(_ step: Step) { steps.append(step) }

  /// Notes what a region of the current instruction became.
  mutating func list(_ lines: [String]) {
    guard let (program, instruction) = places.last, let instruction else { return }
    listings?.append(
      RegionListing(
        instruction: instruction, type: program.type(of: instruction.results[0]),
        around: places.dropLast().compactMap(\.instruction), lines: lines))
  }

  mutating func fill(_ target: Int32, _ literal: Literal, count: Int) {
    guard count > 0 else { return }
    append(
      .fill(
        memory.keep(
          FillStep(
            target: target, width: Int32(literal.dtype.byteCount), count: count, bits: literal.memoryBits, source: -1))
      ))
  }
}

// MARK: - Messages

extension Lowering {
  /// The error for something there is no kernel for; it shows the instruction.
  func unsupported(_ reason: String) -> BloxError {
    let place = current.map { ": " + describe($0) } ?? ""
    return BloxError(.unsupported, "\(reason)\(place) in @\(program.name)")
  }

  /// The instruction with its types, on one line.
  func describe(_ instruction: Instruction) -> String { instruction.summary(in: program) }
}

extension Instruction {
  /// The instruction with its types, on one line, for messages.
  package func summary(in program: Program) -> String {
    let results = results.map { "\($0): \(program.type(of: $0))" }.joined(separator: ", ")
    let operands = operands.map { operand in
      switch operand {
      case .value(let value): "\(value): \(program.type(of: value))"
      case .splat(let literal, _): "\(literal.doubleValue): \(program.type(of: operand))"
      }
    }
    return "\(results) = \(op.name) \(operands.joined(separator: ", "))"
  }
}

extension Int {
  /// The next multiple of 64: the bytes of whole cache lines.
  var roundedUpToLine: Int { (self + 63) / 64 * 64 }
}

extension Literal {
  /// The bits as they lie in little-endian memory: a key's first word comes first.
  var memoryBits: UInt64 { dtype == .key ? bits << 32 | bits >> 32 : bits }
}
