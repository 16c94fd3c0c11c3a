// Transposes of collectives, and of the linear map of a function with a backward program.

import BloxIR

extension Op.Collective {
  /// The collective that takes the result's cotangents to the operand's; `nil` for one that is not linear.
  ///
  /// The sum of all lanes' losses is what is differentiated, lane by lane: each lane's cotangent of a sum goes to all
  /// lanes (a sum again), a gathered part's cotangents are summed where the part came from, and permutations and
  /// exchanges go back.
  var transposed: Op.Collective? {
    var result = self
    switch exchange {
    case .sum: break
    case .max, .min: return nil
    case .allGather(let axis, let size): result.exchange = .reduceScatter(axis: axis, size: size)
    case .reduceScatter(let axis, let size): result.exchange = .allGather(axis: axis, size: size)
    case .allToAll(let split, let concat, let size):
      result.exchange = .allToAll(split: concat, concat: split, size: size)
    case .permute(let sources, let targets): result.exchange = .permute(sources: targets, targets: sources)
    }
    return result
  }
}

extension Transposition {
  /// What the operands of a `custom_linear` receive: the residuals nothing, the tangents what the backward program
  /// makes of the results' cotangents.
  mutating func transposeCustomLinear(
    _ backward: Op.Callee, _ instruction: Instruction, _ cotangents: [Operand?]
  ) throws(BloxError) -> [Operand?] {
    let residualCount = instruction.operands.count - backward.program.results.count
    let residuals = instruction.operands.prefix(residualCount)
    guard residuals.allSatisfy({ !isLinear($0) }) else { throw notLinear(instruction) }
    var arguments = residuals.map { residual($0) }
    for (value, cotangent) in zip(instruction.results, cotangents) {
      arguments.append(cotangent ?? builder.splat(0, program.type(of: value)))
    }
    return residuals.map { _ in nil } + (try builder.splice(backward.program, arguments: arguments))
  }
}

extension JVPRule {
  /// Collectives are linear but for extremes, whose derivative JAX does not define either.
  func collective(_ collective: Op.Collective, _ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    guard let dx = tangent(0) else { return nil }
    guard collective.transposed != nil else {
      throw BloxError(
        .notDifferentiable,
        "\(Op.collective(collective).name) has no derivative, as in JAX; apply stopGradient to its operand where it"
          + " only scales or shifts (as in a softmax), or gather with allGather and take the extreme of that")
    }
    return try b.emitOne(.collective(collective), [dx])
  }
}
