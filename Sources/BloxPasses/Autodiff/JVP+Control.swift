// Tangents of control flow: the bodies' derivatives become the bodies.
//
// Which values of a carry have tangents is found as a fixpoint: those that start with one, and those that the body
// gives one. What starts without starts with zeros then.

import BloxIR

extension JVPProgram {
  /// The tangent of each result, `nil` where it is structurally zero.
  fileprivate var tangents: [Operand?] {
    var rest = program.results[hasTangent.count...].map(\.operand)[...]
    return hasTangent.map { $0 ? rest.removeFirst() : nil }
  }

  /// The program's results: the primal ones, and a tangent for those that are marked.
  fileprivate func results(_ positions: some Sequence<Int>, tangentsOf isMarked: [Bool]) -> [Operand] {
    let tangents = tangents
    let primals = positions.map { program.results[$0].operand }
    return primals
      + positions.filter { isMarked[$0] }.map {
        let type = program.type(of: program.results[$0].operand)
        return tangents[$0] ?? .splat(Literal(0, as: type.dtype), shape: type.shape)
      }
  }
}

extension [Bool] {
  /// Where this or another list is marked.
  func union(_ other: some Sequence<Bool>) -> [Bool] { zip(self, other).map { $0 || $1 } }
}

extension [Dual] {
  fileprivate var isActive: [Bool] { map { $0.tangent != nil } }
  fileprivate var primals: [Operand] { map(\.primal) }
}

extension JVPTransform {
  /// The results of control flow of which at least one input has a tangent.
  mutating func applyControl(_ control: Op.Control, _ inputs: [Dual]) throws(BloxError) -> [Dual] {
    switch control {
    case .scan(let scan): return try applyScan(scan, inputs)
    case .loop(let loop): return try applyLoop(loop, inputs)
    case .cond(let cond): return try applyCond(cond, inputs)
    case .checkpoint(var checkpoint):
      let derivative = try checkpoint.body.program.jvp(active: inputs.isActive, axes: builder.axes)
      checkpoint.body = Op.Callee(derivative.program.asRegion())
      let results = try builder.emitAll(
        .control(.checkpoint(checkpoint)), inputs.primals + inputs.compactMap(\.tangent))
      return duals(results[...], derivative.hasTangent)
    }
  }

  /// Primal results followed by the tangents of those that have one.
  private func duals(_ results: ArraySlice<Operand>, _ hasTangent: [Bool]) -> [Dual] {
    var tangents = results.dropFirst(hasTangent.count)
    return zip(results, hasTangent).map { Dual(primal: $0, tangent: $1 ? tangents.removeFirst() : nil) }
  }

  /// The tangents of the marked inputs, zeros where they have none.
  private func tangents(of inputs: [Dual], _ isActive: [Bool]) -> [Operand] {
    inputs.selecting(isActive).map { $0.tangent ?? builder.splat(0, like: $0.primal) }
  }

  /// The positions of each parameter's tangent among the parameters of a derivative.
  private func tangentPositions(_ isActive: [Bool]) -> [Int?] {
    var next = isActive.count
    return isActive.map { active in
      defer { if active { next += 1 } }
      return active ? next : nil
    }
  }

  /// scan consts, carry, xs  ->  scan consts, d consts, carry, d carry, xs, d xs
  private mutating func applyScan(_ scan: Op.Scan, _ inputs: [Dual]) throws(BloxError) -> [Dual] {
    var active = inputs.isActive
    var derivative: JVPProgram
    repeat {
      derivative = try scan.body.program.jvp(active: active, axes: builder.axes)
      let grown = Array(active[scan.carry]).union(derivative.hasTangent)
      if grown == Array(active[scan.carry]) { break }
      active.replaceSubrange(scan.carry, with: grown)
    } while true

    let groups = [0..<scan.constCount, scan.carry, scan.xs]
    let positions = tangentPositions(active)
    let order = groups.flatMap { group in Array(group) + group.compactMap { positions[$0] } }
    let hasTangent = Array(active[scan.carry]) + derivative.hasTangent[scan.ys]
    let body = derivative.program.returning(
      derivative.results(0..<scan.carryCount, tangentsOf: hasTangent)
        + derivative.results(scan.ys, tangentsOf: hasTangent))
    var wide = scan
    wide.body = Op.Callee(try body.reordered(parameters: order, axes: builder.axes).asRegion())
    wide.constCount += active[0..<scan.constCount].count(where: \.self)
    wide.carryCount += active[scan.carry].count(where: \.self)
    var operands: [Operand] = []
    for group in groups {
      let part = Array(inputs[group])
      operands += part.primals + tangents(of: part, Array(active[group]))
    }
    let results = try builder.emitAll(.control(.scan(wide)), operands)
    return duals(results[..<wide.carryCount], Array(hasTangent[..<scan.carryCount]))
      + duals(results[wide.carryCount...], Array(hasTangent[scan.carryCount...]))
  }

  /// while cond consts, body consts, carry  ->  while cond consts, body consts, d body consts, carry, d carry
  ///
  /// The condition looks at the values alone.
  private mutating func applyLoop(_ loop: Op.Loop, _ inputs: [Dual]) throws(BloxError) -> [Dual] {
    let consts = Array(inputs[loop.conditionConstCount..<loop.carry.lowerBound])
    let carry = Array(inputs[loop.carry])
    let activeConsts = consts.isActive
    var active = carry.isActive
    var derivative: JVPProgram
    repeat {
      derivative = try loop.body.program.jvp(active: activeConsts + active, axes: builder.axes)
      let grown = active.union(derivative.hasTangent)
      if grown == active { break }
      active = grown
    } while true

    let positions = tangentPositions(activeConsts + active)
    let order = [0..<loop.bodyConstCount, loop.carryParameters]
      .flatMap { group in Array(group) + group.compactMap { positions[$0] } }
    let body = derivative.program.returning(derivative.results(0..<loop.carryCount, tangentsOf: active))
    let tangentTypes = body.resultTypes.dropFirst(loop.carryCount)
    let condition = loop.condition.program
    let wide = Op.Loop(
      condition: try Program.region(condition.parameters.map(\.type) + tangentTypes, axes: builder.axes) {
        (b, x) throws(BloxError) in
        try b.splice(condition, arguments: x.prefix(condition.parameters.count))
      },
      body: try body.reordered(parameters: order, axes: builder.axes).asRegion(),
      conditionConstCount: loop.conditionConstCount,
      bodyConstCount: loop.bodyConstCount + activeConsts.count(where: \.self))
    let results = try builder.emitAll(
      .control(.loop(wide)),
      Array(inputs[..<loop.conditionConstCount]).primals + consts.primals + consts.compactMap(\.tangent)
        + carry.primals + tangents(of: carry, active))
    return duals(results[...], active)
  }

  /// cond which, x  ->  cond which, x, dx, with a tangent for each result that has one in any branch.
  private mutating func applyCond(_ cond: Op.Cond, _ inputs: [Dual]) throws(BloxError) -> [Dual] {
    let operands = Array(inputs.dropFirst())
    guard operands.contains(where: { $0.tangent != nil }) else {
      return try builder.emitAll(.control(.cond(cond)), inputs.primals).map { Dual(primal: $0, tangent: nil) }
    }
    var derivatives: [JVPProgram] = []
    var hasTangent = cond.branches[0].program.results.map { _ in false }
    for branch in cond.branches {
      derivatives.append(try branch.program.jvp(active: operands.isActive, axes: builder.axes))
      hasTangent = hasTangent.union(derivatives[derivatives.count - 1].hasTangent)
    }
    let branches = derivatives.map { derivative in
      derivative.program.returning(derivative.results(hasTangent.indices, tangentsOf: hasTangent)).asRegion()
    }
    let results = try builder.emitAll(
      .control(.cond(Op.Cond(branches: branches, isPredicate: cond.isPredicate))),
      [inputs[0].primal] + operands.primals + operands.compactMap(\.tangent))
    return duals(results[...], hasTangent)
  }
}
