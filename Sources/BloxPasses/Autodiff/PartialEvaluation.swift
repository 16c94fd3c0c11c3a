// Partial evaluation: splitting a jvp program into what the primal inputs determine and what the tangents do.
//
//   jvp        (primals…, tangents…)      -> (results…, result tangents…)
//   known      (primals…)                 -> (results…, residuals…)
//   linear     (residuals…, tangents…)    -> (result tangents…)
//
// An instruction belongs to the linear part when it reads something that depends on a tangent. Values of the known
// part that the linear part reads are the residuals.

import BloxIR

/// A program split for differentiation in reverse.
package struct Linearization {
  /// `(primals…) -> (results…, residuals…)`.
  package var known: Program
  /// `(residuals…, tangents…) -> (tangents of the results that have one…)`.
  package var linear: Program
  /// How many residuals there are.
  package var residualCount: Int
  /// For each result of the original program, whether it has a tangent.
  package var hasTangent: [Bool]
}

extension Program {
  /// Splits the program's derivative into a known part and a part that is linear in the tangents.
  ///
  /// - Parameters:
  ///   - active: Which parameters have tangents.
  ///   - differentiated: Which results' tangents are wanted; all when `nil`.
  package func linearized(
    active: [Bool], differentiated: [Bool]? = nil, axes: [String: Int] = [:]
  ) throws(BloxError) -> Linearization {
    let jvp = try jvp(active: active, axes: axes)
    let wanted = zip(jvp.hasTangent, differentiated ?? jvp.hasTangent.map { _ in true }).map { $0 && $1 }
    // Positions of the wanted tangents among the jvp program's results.
    var tangentResults: [Operand] = []
    var position = results.count
    for (hasTangent, isWanted) in zip(jvp.hasTangent, wanted) where hasTangent {
      if isWanted { tangentResults.append(jvp.program.results[position].operand) }
      position += 1
    }
    var derivative = jvp.program
    derivative.results = Array(jvp.program.results.prefix(results.count)) + tangentResults.map { ProgramResult($0) }
    derivative = try derivative.inliningCustomOps(onParametersFrom: parameters.count, axes: axes)
    var split = PartialEvaluation(
      program: derivative, knownParameters: parameters.count, name: name, axes: axes)
    return try split.run(
      primalResults: Array(derivative.results.prefix(results.count)),
      tangentResults: derivative.results.dropFirst(results.count).map(\.operand),
      hasTangent: wanted)
  }
}

private struct PartialEvaluation {
  let program: Program
  let knownParameters: Int
  let name: String
  let axes: [String: Int]
  /// Which values depend on a tangent, and which instructions the wanted tangents need.
  private var isLinear: [Bool]

  init(program: Program, knownParameters: Int, name: String, axes: [String: Int]) {
    self.program = program
    self.knownParameters = knownParameters
    self.name = name
    self.axes = axes
    isLinear = program.types.map { _ in false }
    for index in knownParameters..<program.parameters.count { isLinear[index] = true }
    for instruction in program.instructions {
      let reads = instruction.operands.contains { $0.value.map { isLinear[$0.index] } ?? false }
      for result in instruction.results { isLinear[result.index] = reads }
    }
  }

  mutating func run(
    primalResults: [ProgramResult], tangentResults: [Operand], hasTangent: [Bool]
  ) throws(BloxError) -> Linearization {
    let needed = linearInstructions(for: tangentResults)
    let residuals = residualValues(of: needed, tangentResults)

    // Known part.
    var known = ProgramBuilder(name: name + ".known", axes: axes)
    var knownMap: [Int: Operand] = [:]
    for index in 0..<knownParameters { knownMap[index] = .value(known.parameter(program.parameters[index])) }
    for instruction in program.instructions where !isLinear[instruction.results[0].index] {
      let operands = instruction.operands.map { $0.mapped(knownMap) }
      for (old, new) in zip(instruction.results, try known.copy(instruction, operands: operands)) {
        knownMap[old.index] = .value(new)
      }
    }
    var knownResults = primalResults.map { ProgramResult($0.operand.mapped(knownMap), label: $0.label) }
    knownResults += residuals.map { ProgramResult(Operand.value($0).mapped(knownMap)) }

    // Linear part.
    var linear = ProgramBuilder(name: name + ".linear", axes: axes)
    var linearMap: [Int: Operand] = [:]
    for residual in residuals { linearMap[residual.index] = .value(linear.parameter(program.type(of: residual))) }
    for index in knownParameters..<program.parameters.count {
      linearMap[index] = .value(linear.parameter(program.parameters[index]))
    }
    for instruction in needed {
      let operands = instruction.operands.map { $0.mapped(linearMap) }
      for (old, new) in zip(instruction.results, try linear.copy(instruction, operands: operands)) {
        linearMap[old.index] = .value(new)
      }
    }
    return Linearization(
      known: known.finish(results: knownResults),
      linear: linear.finish(results: tangentResults.map { ProgramResult($0.mapped(linearMap)) }),
      residualCount: residuals.count, hasTangent: hasTangent)
  }

  /// The linear instructions that the wanted tangents depend on, in order.
  private func linearInstructions(for tangents: [Operand]) -> [Instruction] {
    var isNeeded = program.types.map { _ in false }
    for case .value(let value) in tangents { isNeeded[value.index] = true }
    var kept: [Instruction] = []
    for instruction in program.instructions.reversed()
    where isLinear[instruction.results[0].index] && instruction.results.contains(where: { isNeeded[$0.index] }) {
      for case .value(let value) in instruction.operands { isNeeded[value.index] = true }
      kept.append(instruction)
    }
    return kept.reversed()
  }

  /// The known values that linear instructions read, in order of definition, with tangents that depend on no
  /// tangent: a rule of `customJVP` may return zeros that it has made.
  private func residualValues(of instructions: [Instruction], _ tangents: [Operand]) -> [Value] {
    var residuals: Set<Value> = []
    for instruction in instructions {
      for case .value(let value) in instruction.operands where !isLinear[value.index] { residuals.insert(value) }
    }
    for case .value(let value) in tangents where !isLinear[value.index] { residuals.insert(value) }
    return residuals.sorted()
  }
}

extension Operand {
  /// The operand with its value replaced; every value must be in the map.
  fileprivate func mapped(_ map: [Int: Operand]) -> Operand {
    guard case .value(let value) = self else { return self }
    guard let operand = map[value.index] else { preconditionFailure("no replacement for \(value)") }
    return operand
  }
}
