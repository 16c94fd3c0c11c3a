// Dead code: what nobody reads is not computed.
//
// One walk backwards marks what is read; no op is known by name. A call or region of which some results are read is
// replaced by one without the others, and without the parameters that it no longer needs. Parameters of the program
// itself stay: they are its signature. What a loop carries is read if the loop's result is, or if the next iteration
// reads it for something that is read. What is sorted by others, and then not read, is not sorted.

import BloxIR

extension Program {
  /// The program without instructions, callee results and region results that nobody reads.
  package func eliminatingDeadCode(axes: [String: Int] = [:]) throws(BloxError) -> Program {
    var trimmer = Trimmer(axes: axes)
    return try trimmer.trim(self)
  }
}

private struct Trimmer {
  let axes: [String: Int]
  /// The same callee is often called many times: each set of results it is asked for is trimmed once.
  private var done: [Request: Trimmed] = [:]

  init(axes: [String: Int]) { self.axes = axes }

  private struct Request: Hashable {
    let op: Op
    let live: [Bool]
  }

  /// A call, region or sort with what is left of it.
  private struct Trimmed {
    let op: Op
    /// The operands that it still reads, by position in the original.
    let operands: [Int]
    /// The results that it still has, by position in the original.
    let results: [Int]
  }

  mutating func trim(_ program: Program) throws(BloxError) -> Program {
    var live = Array(repeating: false, count: program.types.count)
    for case .value(let value) in program.results.map(\.operand) { live[value.index] = true }
    var trimmed: [Trimmed?] = Array(repeating: nil, count: program.instructions.count)
    var isDead = Array(repeating: false, count: program.instructions.count)
    for (index, instruction) in program.instructions.enumerated().reversed() {
      var read = instruction.results.map { live[$0.index] }
      if instruction.op.hasEffect, !read.contains(true), let first = instruction.results.first {
        // A call with effects keeps a result, so that every instruction defines something.
        live[first.index] = true
        read[0] = true
      }
      guard read.contains(true) || (read.isEmpty && instruction.op.hasEffect) else {
        isDead[index] = true
        continue
      }
      trimmed[index] = try trimNested(instruction.op, live: read)
      let kept = trimmed[index]?.operands ?? Array(instruction.operands.indices)
      for case .value(let value) in kept.map({ instruction.operands[$0] }) { live[value.index] = true }
    }
    let isTrimmed = zip(program.instructions, trimmed).contains { instruction, trimmed in
      trimmed.map { $0.op != instruction.op || $0.operands.count != instruction.operands.count } ?? false
    }
    guard isDead.contains(true) || isTrimmed else { return program }

    var rewriter = Rewriter(program, axes: axes)
    for (index, instruction) in program.instructions.enumerated() where !isDead[index] {
      guard let nested = trimmed[index] else {
        try rewriter.copy(instruction)
        continue
      }
      rewriter.builder.note = instruction.note
      let operands = nested.operands.map { rewriter.operand(instruction.operands[$0]) }
      let values = try rewriter.builder.emit(nested.op, operands)
      for (old, new) in zip(nested.results, values) { rewriter.bind(instruction.results[old], to: .value(new)) }
    }
    return rewriter.finish()
  }

  /// The call, region or sort with the results in `live` only; `nil` for other ops.
  private mutating func trimNested(_ op: Op, live: [Bool]) throws(BloxError) -> Trimmed? {
    if case .ordering(.sort(let sort)) = op {
      let kept = live.indices.filter { $0 < sort.keyCount || live[$0] }
      return Trimmed(op: op, operands: kept, results: kept)
    }
    guard op.nestedProgram != nil || op.isControl else { return nil }
    let request = Request(op: op, live: live)
    if let known = done[request] { return known }
    let result: Trimmed
    if let nested = op.nestedProgram {
      let results = live.indices.filter { live[$0] }
      let body = try trim(nested, results: results)
      let kept = body.usedParameters
      result = Trimmed(
        op: op.withNestedProgram(try body.reordered(parameters: kept, axes: axes)), operands: kept, results: results)
    } else if case .control(let control) = op {
      result = try trimControl(control, live: live)
    } else {
      return nil
    }
    done[request] = result
    return result
  }

  private mutating func trim(_ program: Program, results: [Int]) throws(BloxError) -> Program {
    var body = program
    body.results = results.map { program.results[$0] }
    return try trim(body)
  }

  private mutating func trimControl(_ control: Op.Control, live: [Bool]) throws(BloxError) -> Trimmed {
    switch control {
    case .scan(var scan):
      let (body, results) = try trimLoop(scan.body.program, scan.carry, live: live)
      let used = Set(body.usedParameters)
      let carry = results.filter { $0 < scan.carryCount }
      let consts = (0..<scan.constCount).filter { used.contains($0) }
      let kept = consts + carry.map { scan.carry[scan.constCount + $0] } + scan.xs.filter { used.contains($0) }
      scan.body = Op.Callee(try body.reordered(parameters: kept, axes: axes))
      scan.constCount = consts.count
      scan.carryCount = carry.count
      return Trimmed(op: .control(.scan(scan)), operands: kept, results: results)
    case .loop(let loop): return try trimWhile(loop, live: live)
    case .cond(let cond):
      let results = live.indices.filter { live[$0] }
      var branches: [Program] = []
      for branch in cond.branches { branches.append(try trim(branch.program, results: results)) }
      let kept = Set(branches.flatMap(\.usedParameters)).sorted()
      for index in branches.indices { branches[index] = try branches[index].reordered(parameters: kept, axes: axes) }
      let op = Op.Control.cond(Op.Cond(branches: branches, isPredicate: cond.isPredicate))
      return Trimmed(op: .control(op), operands: [0] + kept.map { $0 + 1 }, results: results)
    case .checkpoint: preconditionFailure("a checkpoint is trimmed as a call")
    }
  }

  private mutating func trimWhile(_ loop: Op.Loop, live: [Bool]) throws(BloxError) -> Trimmed {
    let condition = try trim(loop.condition.program)
    var live = live
    let decisive = condition.usedParameters
    for index in decisive where index >= loop.conditionConstCount { live[index - loop.conditionConstCount] = true }
    let (body, results) = try trimLoop(loop.body.program, loop.carryParameters, live: live)
    let used = Set(body.usedParameters)
    let bodyConsts = (0..<loop.bodyConstCount).filter { used.contains($0) }
    let consts = decisive.filter { $0 < loop.conditionConstCount }
    let trimmed = Op.Loop(
      condition: try condition.reordered(
        parameters: consts + results.map { $0 + loop.conditionConstCount }, axes: axes),
      body: try body.reordered(parameters: bodyConsts + results.map { $0 + loop.bodyConstCount }, axes: axes),
      conditionConstCount: consts.count, bodyConstCount: bodyConsts.count)
    return Trimmed(
      op: .control(.loop(trimmed)),
      operands: consts + bodyConsts.map { $0 + loop.conditionConstCount }
        + results.map { $0 + loop.carry.lowerBound }, results: results)
  }

  /// The body of a loop with the results that are needed: those in `live`, and what later iterations read for them.
  private mutating func trimLoop(
    _ program: Program, _ carry: Range<Int>, live: [Bool]
  ) throws(BloxError) -> (body: Program, results: [Int]) {
    var live = live
    while true {
      let results = live.indices.filter { live[$0] }
      let body = try trim(program, results: results)
      let read = body.usedParameters.filter { carry.contains($0) }.map { $0 - carry.lowerBound }
      guard read.contains(where: { !live[$0] }) else { return (body, results) }
      for index in read { live[index] = true }
    }
  }
}

extension Program {
  /// The parameters that something reads, in order.
  fileprivate var usedParameters: [Int] {
    let uses = useCounts()
    return parameters.indices.filter { uses[$0] > 0 }
  }
}

extension ProgramBuilder {
  /// The value of parameter `index`.
  package func parameterValue(_ index: Int) -> Value { Value(index) }
}

extension Op {
  /// The program that the op runs once, with its operands as arguments: a callee or a region.
  var nestedProgram: Program? {
    if case .call(let callee) = self { return callee.program }
    if case .control(.checkpoint(let checkpoint)) = self { return checkpoint.body.program }
    return region
  }

  /// The op with another program to run.
  func withNestedProgram(_ program: Program) -> Op {
    switch self {
    case .call: .call(Callee(program))
    case .fusion(let fusion): .fusion(Fusion(kind: fusion.kind, region: program))
    case .constant, .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow,
      .broadcastInDim, .reshape, .transpose, .slice, .pad, .concatenate, .iota, .reduce, .argReduce, .dotGeneral,
      .random, .axisIndex, .stopGradient:
      self
    case .custom, .collective, .indexing: self
    case .cumulative: self
    case .checkpointName: self
    case .control: with(regions: [program])
    case .linearAlgebra, .optimizationBarrier: self
    case .convolution: self
    case .window: self
    case .ordering: self
    case .debugPrint: self
    }
  }
}
