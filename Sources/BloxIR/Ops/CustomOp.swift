// Functions with derivatives of their own: what `customJVP` and `customVJP` stage.

extension Op {
  /// A function whose derivative is another program, not that of its instructions.
  ///
  /// With `x…` the operands, `y…` the results, and `d` one tangent or cotangent for each *floating-point* value of a
  /// list, in order, the programs have the signatures
  ///
  ///     primal    x…              -> y…
  ///     jvp       x…, d x…        -> y…, d y…
  ///     forward   x…              -> y…, residuals…
  ///     backward  residuals…, d y… -> d x…
  ///
  /// The primal program is what runs. Differentiation replaces `jvp` by its derivative program. It replaces `vjp` by
  /// the forward program for the values and by `linear` for the tangents, whose transpose is the backward program.
  public enum CustomOp: Hashable, Sendable {
    /// `custom_jvp @f %x… {jvp=@f.jvp}`
    case jvp(primal: Callee, jvp: Callee)
    /// `custom_vjp @f %x… {forward=@f.forward, backward=@f.backward}`
    case vjp(primal: Callee, forward: Callee, backward: Callee)
    /// `custom_linear %residuals…, %tangents… {backward=@f.backward}`: the linear map of which only the transpose is
    /// known. It cannot be evaluated.
    case linear(backward: Callee)

    var name: String {
      switch self {
      case .jvp: "custom_jvp"
      case .vjp: "custom_vjp"
      case .linear: "custom_linear"
      }
    }
  }

  /// What a program is to the op that names it.
  package enum CalleeRole: String, CaseIterable, Sendable {
    /// What the op computes. In text it stands before the operands, without a key.
    case primal
    case jvp, forward, backward
  }

  /// The programs that the op names, with their roles, in the order of text.
  package var callees: [(role: CalleeRole, callee: Callee)] {
    if case .call(let callee) = self { return [(.primal, callee)] }
    guard case .custom(let op) = self else { return [] }
    switch op {
    case .jvp(let primal, let jvp): return [(.primal, primal), (.jvp, jvp)]
    case .vjp(let primal, let forward, let backward):
      return [(.primal, primal), (.forward, forward), (.backward, backward)]
    case .linear(let backward): return [(.backward, backward)]
    }
  }

  /// Whether the op of a name has a program's name before its operands in text.
  static func namesProgram(_ name: String) -> Bool {
    name == "call" || CustomOp.Mnemonic(rawValue: name)?.roles.contains(.primal) ?? false
  }

  /// The program that computes the op's results from its operands, if the op names one.
  package var primalCallee: Callee? { callees.first { $0.role == .primal }?.callee }
}

extension BloxError {
  /// The error for a program that evaluates, or differentiates further, the tangent of a function with `customVJP`.
  package static var forwardModeOfCustomVJP: BloxError {
    BloxError(
      .notDifferentiable,
      "custom_vjp: a function with customVJP has a derivative in reverse mode only (grad, vjp, jacrev), but its forward"
        + " derivative is asked for (jvp, linearize, jacfwd, or hvp of a jvp); define customJVP for it instead")
  }
}

extension [TensorType] {
  /// The types of tangents: those of the floating-point values.
  package var differentiable: [TensorType] { filter(\.dtype.isFloating) }
}

extension Op.CustomOp {
  /// Checks that the programs fit each other and the operands.
  func resultTypes(_ rule: TypeRule) throws(BloxError) -> [TensorType] {
    switch self {
    case .jvp(let primal, let jvp):
      let (inputs, outputs) = try signature(primal, rule)
      try expect(
        jvp, takes: inputs + inputs.differentiable, returns: outputs + outputs.differentiable, "jvp", rule)
      return outputs
    case .vjp(let primal, let forward, let backward):
      let (inputs, outputs) = try signature(primal, rule)
      let residuals = Array(forward.program.resultTypes.dropFirst(outputs.count))
      try expect(forward, takes: inputs, returns: outputs + residuals, "forward", rule)
      try expect(
        backward, takes: residuals + outputs.differentiable, returns: inputs.differentiable, "backward", rule)
      return outputs
    case .linear(let backward):
      let (parameters, tangents) = (backward.program.parameters.map(\.type), backward.program.resultTypes)
      let residualCount = rule.operands.count - tangents.count
      try rule.expect(
        residualCount >= 0 && residualCount < parameters.count
          && Array(rule.operands.prefix(residualCount)) == Array(parameters.prefix(residualCount))
          && Array(rule.operands.suffix(tangents.count)) == tangents, .shapeMismatch,
        "takes residuals of @\(backward.program.name), which takes (\(list(parameters))), and a tangent for each of its"
          + " results (\(list(tangents)))")
      let results = Array(parameters.dropFirst(residualCount))
      try rule.expect(
        (results + tangents).allSatisfy(\.dtype.isFloating), .dtypeMismatch,
        "the cotangents of @\(backward.program.name) must be floating-point")
      return results
    }
  }

  /// The type of an operand, which a literal takes; `nil` when there is no such operand.
  func operandType(at index: Int, of count: Int) -> TensorType? {
    switch self {
    case .jvp(let primal, _), .vjp(let primal, _, _):
      return index < primal.program.parameters.count ? primal.program.parameters[index].type : nil
    case .linear(let backward):
      let tangents = backward.program.resultTypes
      let residualCount = count - tangents.count
      guard residualCount >= 0, residualCount <= backward.program.parameters.count, index < count else { return nil }
      return index < residualCount
        ? backward.program.parameters[index].type : tangents[index - residualCount]
    }
  }

  private func signature(_ primal: Op.Callee, _ rule: TypeRule) throws(BloxError) -> ([TensorType], [TensorType]) {
    try rule.expectSignature(primal.program, what: "the program @\(primal.program.name)")
    try rule.expect(
      !primal.program.results.isEmpty, .invalidArgument, "the program @\(primal.program.name) returns nothing")
    return (rule.operands, primal.program.resultTypes)
  }

  private func expect(
    _ callee: Op.Callee, takes inputs: [TensorType], returns outputs: [TensorType], _ role: String, _ rule: TypeRule
  ) throws(BloxError) {
    let (parameters, results) = (callee.program.parameters.map(\.type), callee.program.resultTypes)
    try rule.expect(
      parameters == inputs && results == outputs, .shapeMismatch,
      "the \(role) program @\(callee.program.name) must be (\(list(inputs))) -> (\(list(outputs))), not"
        + " (\(list(parameters))) -> (\(list(results)))")
  }

  private func list(_ types: [TensorType]) -> String { types.map(\.description).joined(separator: ", ") }
}
