// Simplification of control flow itself; what is in the regions is simplified as any program.
//
// - What need not be controlled is spliced (Unrolling.swift).
// - Literals that a region is given, and operands that it is given twice, are known inside.
// - A carry that a loop only hands on is a const.
// - What an iteration computes from consts alone is computed before the loop, unless it costs no more than reading it.

import BloxIR

extension Program {
  /// The program with simpler control flow. Regions that change are simplified again.
  func simplifyingControl(_ context: PassContext) throws(BloxError) -> Program {
    let program = try resolvingControl(axes: context.axes)
    var simplifier = ControlSimplifier(rewriter: Rewriter(program, axes: context.axes), context: context)
    for instruction in program.instructions {
      simplifier.rewriter.builder.note = instruction.note
      guard case .control(let control) = instruction.op,
        let results = try simplifier.simplify(control, simplifier.rewriter.operands(of: instruction))
      else {
        try simplifier.rewriter.copy(instruction)
        continue
      }
      simplifier.rewriter.bind(instruction, to: results)
      simplifier.isChanged = true
    }
    guard simplifier.isChanged else { return program }
    return try simplifier.rewriter.finish().eliminatingDeadCode(axes: context.axes)
  }
}

/// What a parameter of a region becomes.
private enum ParameterSource: Equatable {
  /// Another parameter.
  case parameter(Int)
  /// A literal.
  case known(Operand)
}

private struct ControlSimplifier {
  var rewriter: Rewriter
  let context: PassContext
  var isChanged = false

  /// The results of simpler control flow; `nil` when nothing is simpler.
  mutating func simplify(_ control: Op.Control, _ operands: [Operand]) throws(BloxError) -> [Operand]? {
    switch control {
    case .scan(let scan):
      if let results = try rewriter.builder.emitMovingInvariantCarry(scan, operands) { return results }
      if let results = try substitute(in: scan, operands) { return results }
      guard let hoisted = try hoist(from: scan.body.program, constCount: scan.constCount, operands) else { return nil }
      var next = scan
      next.body = Op.Callee(hoisted.body)
      next.constCount += hoisted.operands.count
      return try emit(
        .scan(next), operands[..<scan.constCount] + hoisted.operands + operands[scan.constCount...])
    case .loop(let loop):
      let given = Array(operands[loop.conditionConstCount...])
      guard let hoisted = try hoist(from: loop.body.program, constCount: loop.bodyConstCount, given) else { return nil }
      var next = loop
      next.body = Op.Callee(hoisted.body)
      next.bodyConstCount += hoisted.operands.count
      return try emit(
        .loop(next),
        operands[..<loop.conditionConstCount] + given[..<loop.bodyConstCount] + hoisted.operands
          + given[loop.bodyConstCount...])
    case .cond(let cond):
      let inputs = Array(operands.dropFirst())
      let sources = sources(of: inputs)
      guard !isIdentity(sources) else { return nil }
      var branches: [Program] = []
      for branch in cond.branches { branches.append(try substituted(branch.program, sources)) }
      return try emit(
        .cond(Op.Cond(branches: branches, isPredicate: cond.isPredicate)), [operands[0]] + kept(inputs, sources))
    case .checkpoint(var checkpoint):
      let sources = sources(of: operands)
      guard !isIdentity(sources) else { return nil }
      checkpoint.body = Op.Callee(try substituted(checkpoint.body.program, sources))
      return try emit(.checkpoint(checkpoint), kept(operands, sources))
    }
  }

  private mutating func emit(_ control: Op.Control, _ operands: [Operand]) throws(BloxError) -> [Operand] {
    try rewriter.builder.emitAll(.control(control), operands)
  }

  // MARK: Operands that are known or given twice

  /// What the parameters for some operands become; `types` are those of literals inside.
  private func sources(of operands: [Operand], unstacked: Bool = false) -> [ParameterSource] {
    var first: [Operand: Int] = [:]
    var sources: [ParameterSource] = []
    for (index, operand) in operands.enumerated() {
      if case .splat(let literal, let shape) = operand {
        sources.append(.known(.splat(literal, shape: unstacked ? Array(shape.dropFirst()) : shape)))
      } else {
        let known = first[operand] ?? index
        first[operand] = known
        sources.append(.parameter(known))
      }
    }
    return sources
  }

  private func isIdentity(_ sources: [ParameterSource]) -> Bool {
    sources.enumerated().allSatisfy { $1 == .parameter($0) }
  }

  /// The operands that are still given.
  private func kept(_ operands: [Operand], _ sources: [ParameterSource]) -> [Operand] {
    operands.indices.filter { sources[$0] == .parameter($0) }.map { operands[$0] }
  }

  /// The program with its parameters replaced, simplified.
  private func substituted(_ program: Program, _ sources: [ParameterSource]) throws(BloxError) -> Program {
    let kept = sources.indices.filter { sources[$0] == .parameter($0) }
    let region = try Program.region(kept.map { program.parameters[$0].type }, axes: context.axes) {
      (b, x) throws(BloxError) in
      var new: [Int: Operand] = [:]
      for (index, operand) in zip(kept, x) { new[index] = operand }
      let arguments = sources.map { source in
        switch source {
        case .parameter(let index): new[index]!
        case .known(let operand): operand
        }
      }
      return try b.splice(program, arguments: arguments)
    }
    return try region.simplified(context)
  }

  private mutating func substitute(in scan: Op.Scan, _ operands: [Operand]) throws(BloxError) -> [Operand]? {
    let consts = sources(of: Array(operands[..<scan.constCount]))
    let carry = scan.carry.map { ParameterSource.parameter($0) }
    let xs = sources(of: Array(operands[scan.xs]), unstacked: true).map { source -> ParameterSource in
      if case .parameter(let index) = source { .parameter(index + scan.xs.lowerBound) } else { source }
    }
    let all = consts + carry + xs
    guard !isIdentity(all) else { return nil }
    var next = scan
    next.body = Op.Callee(try substituted(scan.body.program, all))
    next.constCount = kept(Array(operands[..<scan.constCount]), consts).count
    return try emit(.scan(next), kept(operands, all))
  }

  // MARK: Invariants

  /// The body without what its consts alone determine, which is computed here; `nil` when there is nothing that is
  /// worth it.
  private mutating func hoist(
    from body: Program, constCount: Int, _ operands: [Operand]
  ) throws(BloxError) -> (body: Program, operands: [Operand])? {
    let values = body.worthHoisting(constCount: constCount)
    if values.isEmpty { return nil }
    var splitter = ControlSplitter(builder: rewriter.builder, axes: context.axes)
    let hoisted = try splitter.hoist(values, from: body, operands, constCount: constCount)
    rewriter.builder = splitter.builder
    let parameters = body.parameters
    let added = values.map { Parameter(body.type(of: $0)) }
    var inner = Rewriter(
      body, axes: context.axes, parameters: parameters[..<constCount] + added + parameters[constCount...])
    for index in parameters.indices {
      let position = index < constCount ? index : index + added.count
      inner.bind(body.parameterValue(index), to: .value(inner.builder.parameterValue(position)))
    }
    for instruction in body.instructions {
      try inner.copy(instruction)
      for result in instruction.results {
        guard let index = values.firstIndex(of: result) else { continue }
        inner.bind(result, to: .value(inner.builder.parameterValue(constCount + index)))
      }
    }
    return (try inner.finish().simplified(context), hoisted)
  }
}

extension Op.Scan {
  /// A loop without the carries that it only hands on.
  package struct InvariantCarry {
    /// The loop, to which those are consts. Its body may have no results left.
    package var scan: Op.Scan
    /// Its operands by position among those of the original.
    package var order: [Int]
    /// Which carries of the original are not among its results: they end as they start.
    package var isInvariant: [Bool]
  }

  /// scan x, c {carry=2} body: return f x, c   ->   scan c, x {consts=1, carry=1}, with c as the second result
  ///
  /// `nil` when every iteration makes a new value of every carry.
  package func movingInvariantCarry(axes: [String: Int]) throws(BloxError) -> InvariantCarry? {
    let program = body.program
    let isInvariant = carry.enumerated().map { index, parameter in
      program.results[index].operand == .value(program.parameterValue(parameter))
    }
    guard isInvariant.contains(true) else { return nil }
    let order =
      (0..<constCount) + carry.filter { isInvariant[$0 - constCount] }
      + carry.filter { !isInvariant[$0 - constCount] } + xs
    let results = program.results.enumerated().filter { $0.offset >= carryCount || !isInvariant[$0.offset] }
    var next = self
    next.body = Op.Callee(
      try program.returning(results.map(\.element.operand)).reordered(parameters: order, axes: axes))
    next.constCount += isInvariant.count(where: \.self)
    next.carryCount -= isInvariant.count(where: \.self)
    return InvariantCarry(scan: next, order: order, isInvariant: isInvariant)
  }
}

extension ProgramBuilder {
  /// The results of a loop to which the carries that it only hands on are consts; `nil` if it has none.
  mutating func emitMovingInvariantCarry(_ scan: Op.Scan, _ operands: [Operand]) throws(BloxError) -> [Operand]? {
    guard let moved = try scan.movingInvariantCarry(axes: axes) else { return nil }
    let results = try emitControl(.scan(moved.scan), operands.at(moved.order))
    var rest = results[...]
    return scan.carry.map { moved.isInvariant[$0 - scan.constCount] ? operands[$0] : rest.removeFirst() } + rest
  }
}

extension Program {
  /// Values that depend on the first parameters only, that something else reads, and that cost more than reading them.
  fileprivate func worthHoisting(constCount: Int) -> [Value] {
    let varies = dependents(onParameters: parameters.indices.map { $0 >= constCount }, effects: true)
    var isCostly = parameters.map { _ in false }
    var isRead = types.map { _ in false }
    for instruction in instructions {
      let isExpensive = !instruction.op.isCheapToRepeat
      let reads = instruction.operands.compactMap(\.value)
      for _ in instruction.results { isCostly.append(isExpensive || reads.contains { isCostly[$0.index] }) }
      if instruction.results.contains(where: { varies[$0.index] }) { for value in reads { isRead[value.index] = true } }
    }
    for case .value(let value) in results.map(\.operand) { isRead[value.index] = true }
    return (parameters.count..<types.count).filter { !varies[$0] && isCostly[$0] && isRead[$0] }.map { Value($0) }
  }
}
