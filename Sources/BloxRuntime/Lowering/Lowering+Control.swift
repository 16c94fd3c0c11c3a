// Lowering of control flow.
//
// A region's parameters that never move are the slots of the operands themselves, and its results that never move are
// those of the instruction, so that a branch or a const costs nothing. Slices of stacked tensors and carries that
// alternate have moving slots, which the loop's step sets.
import BloxIR
import BloxPasses

extension Lowering {
  mutating func lowerControl(_ control: Op.Control, _ instruction: Instruction) throws(BloxError) {
    switch control {
    case .scan(let scan): try lowerScan(scan, instruction)
    case .loop(let loop): try lowerLoop(loop, instruction)
    case .cond(let cond): try lowerCond(cond, instruction)
    case .checkpoint(let checkpoint):
      let steps = try lowerRegion(
        checkpoint.body.program, parameters: try filledSlots(instruction.operands), targets: resultSlots(instruction),
        arena: try workspaceStart(instruction))
      for step in steps { append(step) }
    }
  }

  private func list(_ steps: [Step]) -> StepList { StepList(steps: memory.keep(steps), count: steps.count) }

  /// The slots of operands. Literals are written to scratch first.
  private mutating func filledSlots(_ operands: some Sequence<Operand>) throws(BloxError) -> [Int32] {
    var slots: [Int32] = []
    for operand in operands {
      if case .splat(let literal, let shape) = operand {
        let type = TensorType(literal.dtype, shape)
        let slot = scratchSlot(byteCount: type.byteCount)
        fill(slot, literal, count: type.elementCount)
        slots.append(slot)
      } else {
        slots.append(try slot(operand))
      }
    }
    return slots
  }

  private mutating func lowerCond(_ cond: Op.Cond, _ instruction: Instruction) throws(BloxError) {
    let operands = try filledSlots(instruction.operands)
    let arena = try workspaceStart(instruction)
    var branches: [StepList] = []
    for branch in cond.branches {
      branches.append(
        list(
          try lowerRegion(
            branch.program, parameters: Array(operands.dropFirst()), targets: resultSlots(instruction), arena: arena)))
    }
    append(
      .branch(
        memory.keep(
          BranchStep(
            selector: operands[0], isPredicate: cond.isPredicate, branches: memory.keep(branches),
            count: branches.count))))
  }

  private mutating func lowerScan(_ scan: Op.Scan, _ instruction: Instruction) throws(BloxError) {
    let body = scan.body.program
    let consts = try filledSlots(instruction.operands[..<scan.constCount])
    var slices: [SliceMove] = []
    for (parameter, base) in zip(scan.xs, try filledSlots(instruction.operands[scan.xs])) {
      slices.append(
        SliceMove(slot: movingSlot(), base: base, stride: body.parameters[parameter].type.byteCount))
    }
    let xs = slices.map(\.slot)
    let ys = scan.ys.map { _ in movingSlot() }
    for (slot, result) in zip(ys, scan.ys) {
      let stride = body.type(of: body.results[result].operand).byteCount
      slices.append(SliceMove(slot: slot, base: self.slot(instruction.results[result]), stride: stride))
    }
    let carries = try self.carries(.scan(scan), scan.carry, instruction, ys: ys)
    let steps = try inLoop(invariant: consts) { (lowering) throws(BloxError) in
      try lowering.lowerRegion(
        body, parameters: consts + carries.map(\.parameter) + xs, targets: carries.map(\.target) + ys,
        arena: try lowering.workspaceStart(instruction))
    }
    append(
      .scan(
        memory.keep(
          ScanStep(
            body: list(steps), length: scan.length, isReversed: scan.isReversed, slices: memory.keep(slices),
            sliceCount: slices.count, carries: CarryList(carries: memory.keep(carries), count: carries.count)))))
  }

  private mutating func lowerLoop(_ loop: Op.Loop, _ instruction: Instruction) throws(BloxError) {
    let consts = try filledSlots(instruction.operands[..<loop.carry.lowerBound])
    let carries = try self.carries(.loop(loop), loop.carry, instruction, ys: [])
    let workspace = Op.Control.loop(loop).workspace
    let start = try workspaceStart(instruction)
    let predicate = try workspaceSlot(instruction, offset: workspace.conditionResult)
    let parameters = carries.map(\.parameter)
    let (condition, body) = try inLoop(invariant: consts) { (lowering) throws(BloxError) in
      let condition = try lowering.lowerRegion(
        loop.condition.program, parameters: consts[..<loop.conditionConstCount] + parameters, targets: [predicate],
        arena: start + workspace.conditionArena)
      let body = try lowering.lowerRegion(
        loop.body.program, parameters: consts[loop.conditionConstCount...] + parameters,
        targets: carries.map(\.target), arena: start)
      return (condition, body)
    }
    append(
      .loop(
        memory.keep(
          LoopStep(
            condition: list(condition), predicate: predicate, body: list(body),
            carries: CarryList(carries: memory.keep(carries), count: carries.count)))))
  }

  /// Where the carries of a loop are; what they start with is put where it must be.
  private mutating func carries(
    _ control: Op.Control, _ range: Range<Int>, _ instruction: Instruction, ys: [Int32]
  ) throws(BloxError) -> [CarryMove] {
    let workspace = control.workspace
    var carries: [CarryMove] = []
    for (index, place) in control.carryPlaces.enumerated() {
      let operand = instruction.operands[range.lowerBound + index]
      let result = slot(instruction.results[index])
      let type = program.type(of: instruction.results[index])
      var carry = CarryMove(
        place: .inPlace, initial: result, parameter: result, target: result, result: result, alternate: result,
        byteCount: type.byteCount)
      if place == .inPlace, case .splat(let literal, _) = operand {
        fill(result, literal, count: type.elementCount)
      } else {
        carry.initial = try filledSlots([operand])[0]
      }
      switch place {
      case .inPlace: break
      case .stacked(let y):
        carry.place = .stacked
        carry.parameter = movingSlot()
        carry.target = ys[y - control.carryPlaces.count]
      case .alternating:
        carry.place = .alternating
        carry.parameter = movingSlot()
        carry.target = movingSlot()
        guard let offset = workspace.alternates[index] else { throw unsupported("a carry without a second place") }
        carry.alternate = try workspaceSlot(instruction, offset: offset)
      }
      carries.append(carry)
    }
    return carries
  }
}
