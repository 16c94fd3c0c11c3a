// Tangents of functions with derivatives of their own.

import BloxIR

extension JVPTransform {
  /// The results of an op with a derivative of its own. Without tangents it stays as it is, so that a later
  /// differentiation still finds it.
  mutating func applyCustom(_ op: Op.CustomOp, _ inputs: [Dual]) throws(BloxError) -> [Dual] {
    let primals = inputs.map(\.primal)
    guard inputs.contains(where: { $0.tangent != nil }) else {
      return try builder.emit(.custom(op), primals).map { Dual(primal: .value($0), tangent: nil) }
    }
    switch op {
    case .jvp(let primal, let jvp):
      let results = try copy(jvp.program, primals + tangents(of: inputs))
      return paired(results.prefix(primal.program.results.count), with: results.dropFirst(primal.program.results.count))
    case .vjp(let primal, let forward, let backward):
      let values = try copy(forward.program, primals)
      let count = primal.program.results.count
      // A result that has no tangent has nothing to do with the backward program either.
      guard !backward.program.results.isEmpty, primal.program.resultTypes.contains(where: \.dtype.isFloating) else {
        return values.prefix(count).map { Dual(primal: $0, tangent: nil) }
      }
      let linear = try builder.emit(
        .custom(.linear(backward: backward)), values.dropFirst(count) + tangents(of: inputs))
      return paired(values.prefix(count), with: linear.map { .value($0) }[...])
    case .linear(let backward):
      let residualCount = inputs.count - backward.program.results.count
      guard inputs.prefix(residualCount).allSatisfy({ $0.tangent == nil }) else {
        throw BloxError.forwardModeOfCustomVJP.at(modulePath: builder.note.scope, location: builder.note.location)
      }
      let values = try builder.emit(.custom(op), primals)
      let linear = try builder.emit(
        .custom(op), primals.prefix(residualCount) + tangents(of: Array(inputs.dropFirst(residualCount))))
      return zip(values, linear).map { Dual(primal: .value($0), tangent: .value($1)) }
    }
  }

  /// The tangents of the floating-point inputs, zeros where there is none: a rule takes all of them.
  private func tangents(of inputs: [Dual]) -> [Operand] {
    inputs.filter { builder.type(of: $0.primal).dtype.isFloating }
      .map { $0.tangent ?? builder.splat(0, like: $0.primal) }
  }

  private func paired(_ primals: ArraySlice<Operand>, with tangents: ArraySlice<Operand>) -> [Dual] {
    var rest = tangents
    return primals.map { primal in
      Dual(primal: primal, tangent: builder.type(of: primal).dtype.isFloating ? rest.removeFirst() : nil)
    }
  }

  /// Copies a program's instructions. Calls are followed, since a call that reads tangents and primals has no
  /// transpose.
  private mutating func copy(_ program: Program, _ arguments: [Operand]) throws(BloxError) -> [Operand] {
    try evaluate(program, primals: arguments, tangents: arguments.map { _ in nil }).map(\.primal)
  }
}

extension Program {
  /// The program with the primal programs of ops in place of those ops that read something that depends on marked
  /// parameters.
  ///
  /// A rule may apply a function that has a rule of its own to tangents, to which it is linear. What counts for
  /// transposition are then the instructions of that function, as in JAX.
  func inliningCustomOps(onParameters isTangent: [Bool], axes: [String: Int]) throws(BloxError) -> Program {
    var program = self
    while true {
      guard program.instructions.contains(where: { $0.op.primalCallee != nil }) else { return program }
      let depends = program.dependents(onParameters: isTangent)
      var rewriter = Rewriter(program, axes: axes)
      var isChanged = false
      for instruction in program.instructions {
        let reads = instruction.operands.contains { $0.value.map { depends[$0.index] } ?? false }
        guard reads, let callee = instruction.op.primalCallee else {
          try rewriter.copy(instruction)
          continue
        }
        isChanged = true
        rewriter.builder.note = instruction.note
        rewriter.bind(
          instruction,
          to: try rewriter.builder.splice(callee.program, arguments: rewriter.operands(of: instruction)))
      }
      if !isChanged { return program }
      program = rewriter.finish()
    }
  }
}
