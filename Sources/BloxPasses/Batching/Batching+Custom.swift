// Batching of functions with derivatives of their own: all their programs get lanes, and stay each other's
// derivatives.
//
// A value and its tangent or cotangent have one type, so they are mapped together. What is mapped in one program of an
// op and not in another is therefore mapped in all: its value is repeated for each lane. The one exception is the
// cotangent of an argument that all lanes share: it is the sum of what the lanes make it.

import BloxIR

extension Batcher {
  mutating func batchCustom(
    _ op: Op.CustomOp, _ operands: [BatchedOperand]
  ) throws(BloxError) -> [BatchedOperand] {
    let isMapped = operands.map(\.isMapped)
    let batch: (op: Op.CustomOp, isMapped: [Bool])
    switch op {
    case .jvp(let primal, let jvp): batch = try batchJVP(primal, jvp, isMapped)
    case .vjp(let primal, let forward, let backward): batch = try batchVJP(primal, forward, backward, isMapped)
    case .linear(let backward):
      let residualCount = operands.count - backward.program.results.count
      // One lane's tangents reach every result.
      let results = Array(
        repeating: isMapped.contains(true), count: backward.program.parameters.count - residualCount)
      let lanes = try laneProgram(
        backward, isMapped.prefix(residualCount) + results, results: Array(isMapped.dropFirst(residualCount)),
        summing: true)
      batch = (.linear(backward: lanes), results)
    }
    let values = try builder.emit(.custom(batch.op), operands.map(\.operand))
    return zip(values, batch.isMapped).map { BatchedOperand(operand: .value($0), isMapped: $1) }
  }

  private mutating func batchJVP(
    _ primal: Op.Callee, _ jvp: Op.Callee, _ isMapped: [Bool]
  ) throws(BloxError) -> (Op.CustomOp, [Bool]) {
    let types = primal.program.parameters.map(\.type)
    let inputs = isMapped + isMapped.differentiable(types)
    let (primalLanes, jvpLanes) = (try lanes(primal, isMapped), try lanes(jvp, inputs))
    let results = primal.program.resultTypes
    var isResultMapped = zip(primalLanes.outAxes, jvpLanes.outAxes).map { $0 != nil || $1 != nil }
    var tangents = jvpLanes.outAxes.dropFirst(results.count)
    for (index, type) in results.enumerated() where type.dtype.isFloating {
      isResultMapped[index] = tangents.removeFirst() != nil || isResultMapped[index]
    }
    return (
      .jvp(
        primal: try laneProgram(primal, isMapped, results: isResultMapped),
        jvp: try laneProgram(jvp, inputs, results: isResultMapped + isResultMapped.differentiable(results))),
      isResultMapped
    )
  }

  private mutating func batchVJP(
    _ primal: Op.Callee, _ forward: Op.Callee, _ backward: Op.Callee, _ isMapped: [Bool]
  ) throws(BloxError) -> (Op.CustomOp, [Bool]) {
    let (primalLanes, forwardLanes) = (try lanes(primal, isMapped), try lanes(forward, isMapped))
    let results = zip(primalLanes.outAxes, forwardLanes.outAxes).map { $0 != nil || $1 != nil }
    let residuals = forwardLanes.outAxes.dropFirst(results.count).map { $0 != nil }
    return (
      .vjp(
        primal: try laneProgram(primal, isMapped, results: results),
        forward: try laneProgram(forward, isMapped, results: results + residuals),
        backward: try laneProgram(
          backward, residuals + results.differentiable(primal.program.resultTypes),
          results: isMapped.differentiable(primal.program.parameters.map(\.type)), summing: true)),
      results
    )
  }

  /// The callee over all lanes, with results mapped as given: repeated where they are the same in every lane, and
  /// with `summing` summed where they are mapped but must not be.
  mutating func laneProgram(
    _ callee: Op.Callee, _ isMapped: [Bool], results wanted: [Bool], summing: Bool = false
  ) throws(BloxError) -> Op.Callee {
    let lanes = try lanes(callee, isMapped)
    let has = lanes.outAxes.map { $0 != nil }
    if has == wanted { return lanes.program == callee.program ? callee : named(lanes.program) }
    var rewriter = Rewriter(lanes.program, axes: axes)
    for instruction in lanes.program.instructions { try rewriter.copy(instruction) }
    var results: [ProgramResult] = []
    for (index, result) in lanes.program.results.enumerated() {
      var operand = rewriter.operand(result.operand)
      switch (has[index], wanted[index]) {
      case (true, true), (false, false): break
      case (false, true): operand = try rewriter.builder.repeated(operand, size)
      case (true, false):
        precondition(summing, "only cotangents are summed over lanes")
        operand = try rewriter.builder.reduceSum(operand, axes: [0])
      }
      results.append(ProgramResult(operand, label: result.label))
    }
    return named(rewriter.builder.finish(results: results))
  }

  private func named(_ program: Program) -> Op.Callee {
    var program = program
    program.name += ".vmap"
    return Op.Callee(program)
  }
}

extension [Bool] {
  /// The flags of the floating-point values.
  fileprivate func differentiable(_ types: [TensorType]) -> [Bool] {
    zip(self, types).filter(\.1.dtype.isFloating).map(\.0)
  }
}

extension ProgramBuilder {
  /// One copy per lane along a new dimension 0.
  mutating func repeated(_ operand: Operand, _ size: Int) throws(BloxError) -> Operand {
    let shape = type(of: operand).shape
    switch operand {
    case .splat(let literal, _): return .splat(literal, shape: [size] + shape)
    case .value:
      return try emitOne(.broadcastInDim(shape: [size] + shape, dims: Array(1..<shape.count + 1)), [operand])
    }
  }
}
