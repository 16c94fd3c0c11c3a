// Batching of control flow.
//
// Which values of a carry are mapped is a fixpoint: those that start mapped, and those that the body makes so. All
// lanes run a loop together. Where they disagree on a condition, a `while` runs until the last lane has ended, and
// lanes that have ended keep their carry; where they disagree on a branch, all branches run and `select` chooses.

import BloxIR

extension Batcher {
  /// The results of control flow over all lanes. Its bodies may ask about the lanes, so it is looked at even when no
  /// operand is mapped.
  mutating func batchControl(
    _ control: Op.Control, _ operands: [BatchedOperand]
  ) throws(BloxError) -> [BatchedOperand] {
    switch control {
    case .scan(let scan): return try batchScan(scan, operands)
    case .loop(let loop): return try batchLoop(loop, operands)
    case .cond(let cond): return try batchCond(cond, operands)
    case .checkpoint(var checkpoint):
      let lanes = try lanes(checkpoint.body, operands.map(\.isMapped))
      checkpoint.body = Op.Callee(lanes.program.asRegion())
      return try emit(.checkpoint(checkpoint), operands.map(\.operand), lanes.outAxes.map { $0 != nil })
    }
  }

  private mutating func emit(
    _ control: Op.Control, _ operands: [Operand], _ isMapped: [Bool]
  ) throws(BloxError) -> [BatchedOperand] {
    let results = try builder.emitAll(.control(control), operands)
    return zip(results, isMapped).map { BatchedOperand(operand: $0, isMapped: $1) }
  }

  /// Operands that are mapped where they must be.
  private mutating func mapped(
    _ operands: some Sequence<BatchedOperand>, _ isMapped: [Bool]
  ) throws(BloxError) -> [Operand] {
    var results: [Operand] = []
    for (operand, isMapped) in zip(operands, isMapped) {
      results.append(isMapped ? try perLane(operand) : operand.operand)
    }
    return results
  }

  /// Exchanges the first two dimensions: lanes and iterations.
  private mutating func exchanged(_ operand: Operand) throws(BloxError) -> Operand {
    if case .splat(let literal, let shape) = operand {
      return .splat(literal, shape: [shape[1], shape[0]] + shape.dropFirst(2))
    }
    return try builder.transpose(operand, [1, 0] + (2..<builder.type(of: operand).rank))
  }

  private mutating func batchScan(
    _ scan: Op.Scan, _ operands: [BatchedOperand]
  ) throws(BloxError) -> [BatchedOperand] {
    var isMapped = operands.map(\.isMapped)
    var results: [Bool]
    repeat {
      results = try lanes(scan.body, isMapped).outAxes.map { $0 != nil }
      let grown = Array(isMapped[scan.carry]).union(results)
      if grown == Array(isMapped[scan.carry]) { break }
      isMapped.replaceSubrange(scan.carry, with: grown)
    } while true
    results.replaceSubrange(0..<scan.carryCount, with: isMapped[scan.carry])
    var wide = scan
    wide.body = Op.Callee(try laneProgram(scan.body, isMapped, results: results).program.asRegion())
    var inputs = try mapped(operands, isMapped)
    // The loop goes over the leading dimension, and an iteration sees the lanes first: [lanes, length, …] and back.
    for index in scan.xs where isMapped[index] { inputs[index] = try exchanged(inputs[index]) }
    var outputs = try emit(.scan(wide), inputs, results)
    for index in scan.ys where results[index] { outputs[index].operand = try exchanged(outputs[index].operand) }
    return outputs
  }

  private mutating func batchLoop(
    _ loop: Op.Loop, _ operands: [BatchedOperand]
  ) throws(BloxError) -> [BatchedOperand] {
    let consts = operands.prefix(loop.conditionConstCount).map(\.isMapped)
    let bodyConsts = operands[loop.conditionConstCount..<loop.carry.lowerBound].map(\.isMapped)
    var carry = operands[loop.carry].map(\.isMapped)
    var decidesPerLane = false
    repeat {
      let results = try lanes(loop.body, bodyConsts + carry).outAxes.map { $0 != nil }
      decidesPerLane = try lanes(loop.condition, consts + carry).outAxes[0] != nil
      let grown = carry.union(results).map { $0 || decidesPerLane }
      if grown == carry { break }
      carry = grown
    } while true
    let condition = try lanes(loop.condition, consts + carry).program
    let body = try laneProgram(loop.body, bodyConsts + carry, results: carry).program
    let start = try mapped(operands[loop.carry], carry)
    let given = operands[..<loop.carry.lowerBound].map(\.operand)
    guard decidesPerLane else {
      let wide = Op.Loop(
        condition: condition.asRegion(), body: body.asRegion(), conditionConstCount: loop.conditionConstCount,
        bodyConstCount: loop.bodyConstCount)
      return try emit(.loop(wide), given + start, carry)
    }
    let wide = try freezing(condition, body, loop)
    return try emit(.loop(wide), given.prefix(loop.conditionConstCount) + given + start, carry)
  }

  /// The loop that runs while any lane goes on, and leaves the carry of the others as it is.
  private func freezing(_ condition: Program, _ body: Program, _ loop: Op.Loop) throws(BloxError) -> Op.Loop {
    let conditionTypes = condition.parameters.map(\.type)
    let consts = conditionTypes.prefix(loop.conditionConstCount)
    let any = try Program.region(conditionTypes, axes: axes) { (b, x) throws(BloxError) in
      let isRunning = try b.splice(condition, arguments: x)[0]
      return [try b.emitOne(.reduce(.or, axes: [0]), [isRunning])]
    }
    let step = try Program.region(consts + body.parameters.map(\.type), axes: axes) { (b, x) throws(BloxError) in
      let carry = Array(x.suffix(loop.carryCount))
      let isRunning = try b.splice(condition, arguments: x.prefix(consts.count) + carry)[0]
      let next = try b.splice(body, arguments: x.dropFirst(consts.count))
      var results: [Operand] = []
      for (new, old) in zip(next, carry) { results.append(try b.selectLanes(isRunning, new, old)) }
      return results
    }
    return Op.Loop(
      condition: any.asRegion(), body: step.asRegion(), conditionConstCount: loop.conditionConstCount,
      bodyConstCount: consts.count + loop.bodyConstCount)
  }

  private mutating func batchCond(
    _ cond: Op.Cond, _ operands: [BatchedOperand]
  ) throws(BloxError) -> [BatchedOperand] {
    let isMapped = operands.dropFirst().map(\.isMapped)
    let inputs = operands.dropFirst().map(\.operand)
    var results = cond.branches[0].program.results.map { _ in false }
    for branch in cond.branches { results = results.union(try lanes(branch, isMapped).outAxes.map { $0 != nil }) }
    if operands[0].isMapped { results = results.map { _ in true } }
    var branches: [Program] = []
    for branch in cond.branches { branches.append(try laneProgram(branch, isMapped, results: results).program) }
    guard operands[0].isMapped else {
      let wide = Op.Cond(branches: branches.map { $0.asRegion() }, isPredicate: cond.isPredicate)
      return try emit(.cond(wide), [operands[0].operand] + inputs, results)
    }
    let last = branches.count - 1
    var chosen = try builder.splice(branches[last], arguments: inputs)
    // Indices below 0 mean the first branch, those beyond the last one the last.
    for index in (0..<last).reversed() {
      let isChosen =
        cond.isPredicate
        ? operands[0].operand
        : try builder.compare(.le, operands[0].operand, builder.splat(Double(index), like: operands[0].operand))
      let values = try builder.splice(branches[index], arguments: inputs)
      for (position, value) in values.enumerated() {
        chosen[position] = try builder.selectLanes(isChosen, value, chosen[position])
      }
    }
    return chosen.map { .mapped($0) }
  }
}

extension ProgramBuilder {
  /// For each lane the whole of one tensor or of the other; the predicate is `bool[lanes]`.
  fileprivate mutating func selectLanes(
    _ predicate: Operand, _ onTrue: Operand, _ onFalse: Operand
  ) throws(BloxError) -> Operand {
    let shape = type(of: onTrue).shape
    let wide =
      shape.count == 1 ? predicate : try emitOne(.broadcastInDim(shape: shape, dims: [0]), [predicate])
    return try select(wide, onTrue, onFalse)
  }
}
