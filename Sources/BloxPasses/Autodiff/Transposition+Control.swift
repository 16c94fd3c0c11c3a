// Transposes of control flow.
//
// A linear scan runs backwards. What was carried forwards carries cotangents backwards; consts that the loop is linear
// in get a carry of their own, which sums what the iterations contribute. Which cotangents are not zero is a fixpoint,
// as for tangents.

import BloxIR

extension BloxError {
  /// The error for the gradient of a loop whose number of iterations is not known beforehand.
  static func reverseOfWhile(_ note: SourceNote) -> BloxError {
    BloxError(
      .notDifferentiable,
      "while: a loop that runs as long as a condition holds has a derivative in forward mode only (jvp, jacfwd): going"
        + " backwards would need the values of all iterations, whose number is not known beforehand. Use scan, or"
        + " forLoop with a range of Swift integers, and leave early with select",
      modulePath: note.scope.isEmpty ? nil : note.scope, location: note.location)
  }
}

extension Transposition {
  /// What the operands receive from the results' cotangents; `nil` for zero.
  mutating func transposeControl(
    _ control: Op.Control, _ instruction: Instruction, _ cts: [Operand?]
  ) throws(BloxError) -> [Operand?] {
    switch control {
    case .scan(let scan): return try transposeScan(scan, instruction, cts)
    case .loop: throw BloxError.reverseOfWhile(instruction.note)
    case .cond(let cond): return try transposeCond(cond, instruction, cts)
    case .checkpoint(let checkpoint): return try transposeCheckpoint(checkpoint, instruction, cts)
    }
  }

  private func isGiven(_ cts: some Sequence<Operand?>) -> [Bool] { cts.map { $0 != nil } }

  private mutating func transposeScan(
    _ scan: Op.Scan, _ instruction: Instruction, _ cts: [Operand?]
  ) throws(BloxError) -> [Operand?] {
    let body = scan.body.program
    var isLinear = instruction.operands.map { self.isLinear($0) }
    for index in scan.carry { isLinear[index] = true }
    let consts = (
      constants: (0..<scan.constCount).selecting(isLinear, false), linear: (0..<scan.constCount).selecting(isLinear)
    )
    let xs = (constants: scan.xs.selecting(isLinear, false), linear: scan.xs.selecting(isLinear))
    let residuals = consts.constants + xs.constants
    let ordered = try body.reordered(
      parameters: residuals + consts.linear + scan.carry + xs.linear, axes: builder.axes)

    let givenYs = isGiven(cts[scan.ys])
    var carried = isGiven(cts[..<scan.carryCount])
    var transposed: TransposedProgram
    let carryRange = consts.linear.count..<consts.linear.count + scan.carryCount
    repeat {
      transposed = try ordered.transposed(
        residualCount: residuals.count, given: carried + givenYs, axes: builder.axes)
      let grown = carried.union(transposed.isNonzero[carryRange])
      if grown == carried { break }
      carried = grown
    } while true

    let summed = consts.linear.selecting(transposed.isNonzero[..<carryRange.lowerBound])
    let types = ordered.parameters.dropFirst(residuals.count).map(\.type)
    let loop = try reversedBody(
      transposed, summed: summed.map { body.parameters[$0].type }, carried: carried, constCount: consts.constants.count,
      residuals.map { body.parameters[$0].type },
      carryRange, types)
    var contributions: [Operand?] = instruction.operands.map { _ in nil }
    if loop.results.isEmpty { return contributions }
    let backward = Op.Scan(
      body: loop, constCount: consts.constants.count, carryCount: carried.count(where: \.self) + summed.count,
      length: scan.length, isReversed: !scan.isReversed, unroll: scan.unroll)
    let seeds = zip(scan.carry, cts[..<scan.carryCount]).filter { carried[$0.0 - scan.constCount] }
      .map { $1 ?? builder.zeros(body.parameters[$0].type) }
    let results = try builder.emitAll(
      .control(.scan(backward)),
      consts.constants.map { residual(instruction.operands[$0]) } + seeds
        + summed.map { builder.zeros(body.parameters[$0].type) }
        + xs.constants.map { residual(instruction.operands[$0]) } + cts[scan.ys].compactMap { $0 })

    let targets =
      scan.carry.filter { carried[$0 - scan.constCount] } + summed
      + xs.linear.selecting(transposed.isNonzero[carryRange.upperBound...])
    for (index, result) in zip(targets, results) { contributions[index] = result }
    return contributions
  }

  /// consts, ct carry, sums, xs, ct ys  ->  ct carry, sums, ct xs
  private func reversedBody(
    _ transposed: TransposedProgram, summed: [TensorType], carried: [Bool], constCount: Int,
    _ residuals: [TensorType], _ carryRange: Range<Int>, _ types: [TensorType]
  ) throws(BloxError) -> Program {
    let carryTypes = Array(types[carryRange]).selecting(carried)
    let given = transposed.program.parameters.dropFirst(residuals.count).map(\.type)
    let ys = given.dropFirst(carryTypes.count)
    return try Program.region(
      residuals[..<constCount] + carryTypes + summed + residuals[constCount...] + ys, axes: builder.axes
    ) { (b, x) throws(BloxError) in
      let sums = constCount + carryTypes.count
      let stacked = sums + summed.count
      let slices = stacked + residuals.count - constCount
      let results = try b.splice(
        transposed.program,
        arguments: x[..<constCount] + x[stacked..<slices] + x[constCount..<sums] + x[slices...])
      var rest = results[...]
      let all = zip(transposed.isNonzero, types).map { isNonzero, type in
        isNonzero ? (operand: rest.removeFirst(), isNonzero: true) : (operand: b.zeros(type), isNonzero: false)
      }
      var outputs = Array(all[carryRange]).selecting(carried).map(\.operand)
      for (sum, term) in zip(x[sums..<stacked], all[..<carryRange.lowerBound].filter(\.isNonzero)) {
        outputs.append(try b.add(sum, term.operand))
      }
      return outputs + all[carryRange.upperBound...].filter(\.isNonzero).map(\.operand)
    }.asRegion()
  }

  private mutating func transposeCond(
    _ cond: Op.Cond, _ instruction: Instruction, _ cts: [Operand?]
  ) throws(BloxError) -> [Operand?] {
    let inputs = Array(instruction.operands.dropFirst())
    let isLinear = inputs.map { self.isLinear($0) }
    let order = inputs.indices.filter { !isLinear[$0] } + inputs.indices.filter { isLinear[$0] }
    let residualCount = isLinear.count(where: { !$0 })
    var branches: [TransposedProgram] = []
    var isNonzero = Array(repeating: false, count: isLinear.count - residualCount)
    for branch in cond.branches {
      let transposed = try branch.program.reordered(parameters: order, axes: builder.axes)
        .transposed(residualCount: residualCount, given: isGiven(cts), axes: builder.axes)
      branches.append(transposed)
      isNonzero = isNonzero.union(transposed.isNonzero)
    }
    var contributions: [Operand?] = instruction.operands.map { _ in nil }
    guard isNonzero.contains(true) else { return contributions }
    let types = inputs.selecting(isLinear).map { program.type(of: $0) }
    let programs = branches.map { branch in
      branch.program.returning(branch.results(for: isNonzero, types: types)).asRegion()
    }
    let results = try builder.emitAll(
      .control(.cond(Op.Cond(branches: programs, isPredicate: cond.isPredicate))),
      [residual(instruction.operands[0])] + inputs.selecting(isLinear, false).map { residual($0) }
        + cts.compactMap { $0 })
    let targets = inputs.indices.filter { isLinear[$0] }.selecting(isNonzero)
    for (index, result) in zip(targets, results) { contributions[index + 1] = result }
    return contributions
  }

  /// The body computes its residuals, then the cotangents; both stay together, apart from the rest of the program.
  private mutating func transposeCheckpoint(
    _ checkpoint: Op.Checkpoint, _ instruction: Instruction, _ cts: [Operand?]
  ) throws(BloxError) -> [Operand?] {
    let isLinear = instruction.operands.map { self.isLinear($0) }
    let split = try checkpoint.body.program.split(
      linear: isLinear, forcing: cts.map { _ in true }, axes: builder.axes)
    let transposed = try split.linear.transposed(
      residualCount: split.residualCount, given: isGiven(cts), axes: builder.axes)
    var contributions: [Operand?] = instruction.operands.map { _ in nil }
    guard transposed.isNonzero.contains(true) else { return contributions }
    let known = instruction.operands.selecting(isLinear, false).map { residual($0) }
    let operands = known + cts.compactMap { $0 }
    var backward = checkpoint
    backward.body = Op.Callee(
      try Program.region(operands.map { builder.type(of: $0) }, axes: builder.axes) { (b, x) throws(BloxError) in
        let residuals = try b.splice(split.known, arguments: x.prefix(known.count))
        return try b.splice(transposed.program, arguments: residuals + x.dropFirst(known.count))
      }.asRegion())
    let results = try builder.emitAll(.control(.checkpoint(backward)), operands)
    let targets = isLinear.indices.filter { isLinear[$0] }.selecting(transposed.isNonzero)
    for (index, result) in zip(targets, results) { contributions[index] = result }
    return contributions
  }
}
