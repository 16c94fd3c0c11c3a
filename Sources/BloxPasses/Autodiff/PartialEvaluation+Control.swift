// Partial evaluation of control flow: one instruction becomes a known one and a linear one.
//
//   scan    known:  consts, carry, xs -> carry, ys, stacked residuals
//           linear: residual consts, d consts, d carry, stacked residuals, d xs -> d carry, d ys
//   cond    known:  which, x -> y, residuals of whichever branch ran
//           linear: which, residuals, dx -> dy
//
// What is linear in a carry is a fixpoint. Residuals of a scan are stacked only if they differ between iterations and
// are not stacked already: consts and slices of xs are read again, what depends on consts alone is computed once
// before the loop.

import BloxIR

extension Program {
  /// The program with control flow that reads linear values split in two.
  func splittingControl(linear isLinear: [Bool], axes: [String: Int]) throws(BloxError) -> Program {
    guard hasControl else { return self }
    var depends = types.map { _ in false }
    for (index, isLinear) in isLinear.enumerated() { depends[index] = isLinear }
    var rewriter = Rewriter(self, axes: axes)
    for instruction in instructions {
      let reads = instruction.operands.map { $0.value.map { depends[$0.index] } ?? false }
      guard case .control(let control) = instruction.op, reads.contains(true) else {
        for result in instruction.results { depends[result.index] = reads.contains(true) }
        try rewriter.copy(instruction)
        continue
      }
      rewriter.builder.note = instruction.note
      var splitter = ControlSplitter(builder: rewriter.builder, axes: axes)
      let parts = try splitter.split(control, rewriter.operands(of: instruction), reads)
      rewriter.builder = splitter.builder
      rewriter.bind(instruction, to: parts.operands)
      for (result, isLinear) in zip(instruction.results, parts.isLinear) { depends[result.index] = isLinear }
    }
    return rewriter.finish()
  }
}

/// The results of a split instruction.
struct SplitResults {
  var operands: [Operand]
  var isLinear: [Bool]

  /// Results in their order from those of the two parts.
  init(known: some Sequence<Operand>, linear: some Sequence<Operand>, _ isLinear: [Bool]) {
    var known = known.makeIterator()
    var linear = linear.makeIterator()
    self.isLinear = isLinear
    operands = isLinear.map { isLinear in
      guard let next = isLinear ? linear.next() : known.next() else {
        preconditionFailure("a part has fewer results than it should")
      }
      return next
    }
  }
}

/// Emits both parts of an instruction.
struct ControlSplitter {
  var builder: ProgramBuilder
  let axes: [String: Int]

  mutating func split(
    _ control: Op.Control, _ operands: [Operand], _ isLinear: [Bool]
  ) throws(BloxError) -> SplitResults {
    switch control {
    case .scan(let scan): return try splitScan(scan, operands, isLinear)
    case .loop(let loop): return try splitLoop(loop, operands, isLinear)
    case .cond(let cond): return try splitCond(cond, operands, isLinear)
    case .checkpoint(let checkpoint): return try splitCheckpoint(checkpoint, operands, isLinear)
    }
  }

  /// The results of an op, none of one that would have none.
  mutating func emit(_ control: Op.Control, _ operands: [Operand]) throws(BloxError) -> [Operand] {
    let regions = control.regions
    if regions[regions.count - 1].program.results.isEmpty { return [] }
    return try builder.emitAll(.control(control), operands)
  }

  // MARK: scan

  private mutating func splitScan(
    _ scan: Op.Scan, _ operands: [Operand], _ isLinear: [Bool]
  ) throws(BloxError) -> SplitResults {
    let body = scan.body.program
    var isLinear = isLinear
    var split: ProgramSplit
    repeat {
      let forced = Array(isLinear[scan.carry]) + scan.ys.map { _ in false }
      split = try body.split(linear: isLinear, forcing: forced, axes: axes)
      let grown = Array(split.isLinearResult[..<scan.carryCount])
      if grown == Array(isLinear[scan.carry]) { break }
      isLinear.replaceSubrange(scan.carry, with: grown)
    } while true

    let consts = (0..<scan.constCount).selecting(isLinear, false)
    let carry = scan.carry.selecting(isLinear, false)
    let xs = scan.xs.selecting(isLinear, false)
    let carried = consts.count..<consts.count + carry.count
    split = try split.reducingResiduals(
      isFree: (consts + carry + xs).indices.map { !carried.contains($0) },
      stored: carry.count..<split.knownResultCount, axes: axes)

    let residuals = ScanResiduals(split, constCount: consts.count, carryCount: carry.count)
    var known = scan
    known.body = Op.Callee(
      split.known.returning(
        split.known.results.prefix(split.knownResultCount).map(\.operand) + residuals.stacked.map { .value($0) }
      ).asRegion())
    known.constCount = consts.count
    known.carryCount = carry.count
    let knownOperands = operands.at(consts + carry + xs)
    let knownResults = try emit(.scan(known), knownOperands)
    let hoisted = try hoist(residuals.hoisted, from: split.known, knownOperands, constCount: consts.count)

    // The linear loop: its residuals become consts or xs.
    var constResiduals: [(position: Int, operand: Operand)] = []
    var stackedResiduals: [(position: Int, operand: Operand)] = []
    for (position, source) in residuals.sources.enumerated() {
      switch source {
      case .const(let index): constResiduals.append((position, knownOperands[index]))
      case .hoisted(let index): constResiduals.append((position, hoisted[index]))
      case .xs(let index): stackedResiduals.append((position, knownOperands[index]))
      case .result(let index): stackedResiduals.append((position, knownResults[index]))
      }
    }
    let linearConsts = (0..<scan.constCount).selecting(isLinear)
    let linearCarry = scan.carry.selecting(isLinear)
    let linearXs = scan.xs.selecting(isLinear)
    let first = split.residualCount
    let linearPositions = first..<first + linearConsts.count
    let carryPositions = linearPositions.upperBound..<linearPositions.upperBound + linearCarry.count
    let order =
      constResiduals.map(\.position) + linearPositions + carryPositions + stackedResiduals.map(\.position)
      + (carryPositions.upperBound..<split.linear.parameters.count)
    var linear = scan
    linear.body = Op.Callee(try split.linear.reordered(parameters: order, axes: axes).asRegion())
    linear.constCount = constResiduals.count + linearConsts.count
    linear.carryCount = linearCarry.count
    let linearResults = try emit(
      .scan(linear),
      constResiduals.map(\.operand) + operands.at(linearConsts + linearCarry) + stackedResiduals.map(\.operand)
        + operands.at(linearXs))
    return SplitResults(known: knownResults, linear: linearResults, split.isLinearResult)
  }

  /// Emits what depends on a loop's consts alone in front of the loop.
  mutating func hoist(
    _ values: [Value], from body: Program, _ operands: [Operand], constCount: Int
  ) throws(BloxError) -> [Operand] {
    var isNeeded = Set(values)
    var needed: [Instruction] = []
    for instruction in body.instructions.reversed() where instruction.results.contains(where: isNeeded.contains) {
      isNeeded.formUnion(instruction.operands.compactMap(\.value))
      needed.append(instruction)
    }
    var map: [Int: Operand] = [:]
    for (index, operand) in operands.prefix(constCount).enumerated() { map[index] = operand }
    func operand(_ old: Operand) -> Operand { old.value.flatMap { map[$0.index] } ?? old }
    for instruction in needed.reversed() {
      let results = try builder.copy(instruction, operands: instruction.operands.map { operand($0) })
      for (old, new) in zip(instruction.results, results) { map[old.index] = .value(new) }
    }
    return values.map { operand(.value($0)) }
  }

  // MARK: while

  /// The linear part runs the loop again: how often it runs is not known beforehand, so nothing can be stacked. It can
  /// be evaluated, but has no transpose.
  private mutating func splitLoop(
    _ loop: Op.Loop, _ operands: [Operand], _ isLinear: [Bool]
  ) throws(BloxError) -> SplitResults {
    let bodyConsts = Array(isLinear[loop.conditionConstCount..<loop.carry.lowerBound])
    var carry = Array(isLinear[loop.carry])
    var split: ProgramSplit
    repeat {
      split = try loop.body.program.split(linear: bodyConsts + carry, forcing: carry, axes: axes)
      if split.isLinearResult == carry { break }
      carry = split.isLinearResult
    } while true
    let isKnown = (bodyConsts + carry).map { !$0 }
    let linearCarry = carry.indices.filter { carry[$0] }.map {
      loop.condition.program.parameterValue($0 + loop.conditionConstCount)
    }
    guard isLinear.prefix(loop.conditionConstCount).allSatisfy({ !$0 }), !loop.condition.program.reads(linearCarry)
    else {
      throw BloxError(
        .notDifferentiable,
        "while: the condition depends on what the program is said to be linear in, so it is not linear")
    }
    let condition = try loop.condition.program.reordered(
      parameters: Array(0..<loop.conditionConstCount)
        + carry.indices.filter { !carry[$0] }.map { $0 + loop.conditionConstCount }, axes: axes)
    let known = Op.Loop(
      condition: condition,
      body: split.known.returning(split.known.results.prefix(split.knownResultCount).map(\.operand)),
      conditionConstCount: loop.conditionConstCount, bodyConstCount: bodyConsts.count(where: { !$0 }))
    let knownResults = try emit(
      .loop(known),
      operands.prefix(loop.conditionConstCount)
        + Array(operands.dropFirst(loop.conditionConstCount)).selecting(isKnown))
    let all = try emit(.loop(loop), operands)
    return SplitResults(known: knownResults, linear: all.selecting(carry), carry)
  }

  // MARK: checkpoint

  /// What the policy keeps is a residual; the rest is computed again beside the linear part.
  private mutating func splitCheckpoint(
    _ checkpoint: Op.Checkpoint, _ operands: [Operand], _ isLinear: [Bool]
  ) throws(BloxError) -> SplitResults {
    let split = try checkpoint.body.program.split(linear: isLinear, axes: axes)
    let knownOperands = operands.selecting(isLinear, false)
    let linearOperands = operands.selecting(isLinear)
    if checkpoint.policy == .everything {
      let known = try builder.splice(split.known, arguments: knownOperands)
      let linear = try builder.splice(
        split.linear, arguments: known.dropFirst(split.knownResultCount) + linearOperands)
      return SplitResults(known: known.prefix(split.knownResultCount), linear: linear, split.isLinearResult)
    }
    let plan = RecomputationPlan(split, checkpoint.policy)
    let known = try builder.splice(
      split.known.returning(
        split.known.results.prefix(split.knownResultCount).map(\.operand) + plan.saved.map { .value($0) }),
      arguments: knownOperands)
    let saved = known.dropFirst(split.knownResultCount)
    var again = checkpoint
    again.isRecomputation = true
    let all = knownOperands + saved + linearOperands
    again.body = Op.Callee(
      try Program.region(all.map { builder.type(of: $0) }, axes: axes) { (b, x) throws(BloxError) in
        let residuals = try plan.recompute(split, in: &b, x.prefix(knownOperands.count + saved.count))
        return try b.splice(split.linear, arguments: residuals + x.suffix(linearOperands.count))
      }.asRegion())
    return SplitResults(
      known: known.prefix(split.knownResultCount), linear: try emit(.checkpoint(again), all), split.isLinearResult)
  }
}

/// Where the linear loop finds each residual.
private struct ScanResiduals {
  enum Source {
    /// An operand of the known loop, by position.
    case const(Int), xs(Int)
    /// Computed before the loop, by position in `hoisted`.
    case hoisted(Int)
    /// A stacked result of the known loop.
    case result(Int)
  }

  private(set) var sources: [Source] = []
  /// Values of the known body that do not depend on the iteration.
  private(set) var hoisted: [Value] = []
  /// Values of the known body that it must stack besides its results.
  private(set) var stacked: [Value] = []

  init(_ split: ProgramSplit, constCount: Int, carryCount: Int) {
    let body = split.known
    let varies = body.dependents(
      onParameters: body.parameters.indices.map { $0 >= constCount }, effects: true)
    var results: [Value: Int] = [:]
    for (index, result) in body.results.prefix(split.knownResultCount).enumerated() where index >= carryCount {
      if let value = result.operand.value, results[value] == nil { results[value] = index }
    }
    for value in split.residuals.compactMap(\.value) {
      if value.index < constCount {
        sources.append(.const(value.index))
      } else if value.index >= constCount + carryCount, value.index < body.parameters.count {
        sources.append(.xs(value.index))
      } else if !varies[value.index] {
        sources.append(.hoisted(hoisted.count))
        hoisted.append(value)
      } else if let known = results[value] {
        sources.append(.result(known))
      } else {
        sources.append(.result(split.knownResultCount + stacked.count))
        stacked.append(value)
      }
    }
  }
}

/// How the residuals of a checkpointed program are found again.
private struct RecomputationPlan {
  /// Values of the known part that are kept.
  private(set) var saved: [Value] = []
  private var instructions: [Instruction] = []

  init(_ split: ProgramSplit, _ policy: CheckpointPolicy) {
    // The value that is named is kept, not its copy under the name: derivatives may read either.
    var isNamed: Set<Value> = []
    for instruction in split.known.instructions {
      if case .checkpointName = instruction.op, policy.keeps(instruction.op), let value = instruction.operands[0].value
      {
        isNamed.insert(value)
      }
    }
    var isNeeded = Set(split.residuals.compactMap(\.value))
    for instruction in split.known.instructions.reversed() {
      let read = instruction.results.filter { isNeeded.contains($0) }
      if read.isEmpty { continue }
      if isNamed.isEmpty ? policy.keeps(instruction.op) : read.contains(where: { isNamed.contains($0) }) {
        saved += read
      } else {
        instructions.append(instruction)
        isNeeded.formUnion(instruction.operands.compactMap(\.value))
      }
    }
    saved.sort()
    instructions.reverse()
  }

  /// The residuals, given the operands of the known part and what was saved.
  func recompute(
    _ split: ProgramSplit, in b: inout ProgramBuilder, _ given: some Collection<Operand>
  ) throws(BloxError) -> [Operand] {
    var map: [Int: Operand] = [:]
    let count = split.known.parameters.count
    for (index, operand) in given.enumerated() {
      map[index < count ? index : saved[index - count].index] = operand
    }
    func operand(_ old: Operand) -> Operand { old.value.flatMap { map[$0.index] } ?? old }
    for instruction in instructions {
      let values = try b.copy(instruction, operands: instruction.operands.map { operand($0) })
      for (old, new) in zip(instruction.results, values) { map[old.index] = .value(new) }
    }
    return split.residuals.map { operand($0) }
  }
}
