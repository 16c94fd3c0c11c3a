// Partial evaluation: splitting a jvp program into what the primal inputs determine and what the tangents do.
//
//   jvp        (primals…, tangents…)      -> (results…, result tangents…)
//   known      (primals…)                 -> (results…, residuals…)
//   linear     (residuals…, tangents…)    -> (result tangents…)
//
// An instruction belongs to the linear part when it reads something that depends on a tangent. Values of the known
// part that the linear part reads are the residuals. Control flow that reads such things has been split into an
// instruction of each part before (PartialEvaluation+Control.swift).

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
    // Control flow is split as a whole, so tangents that nobody wants must not be among its results.
    if derivative.hasControl { derivative = try derivative.eliminatingDeadCode(axes: axes) }
    let isLinear = derivative.parameters.indices.map { $0 >= parameters.count }
    derivative = try derivative.preparedForSplit(linear: isLinear, axes: axes)
    let evaluation = PartialEvaluation(program: derivative, isLinearParameter: isLinear, name: name, axes: axes)
    let split = try evaluation.run(
      knownResults: Array(derivative.results.prefix(results.count)),
      linearResults: derivative.results.dropFirst(results.count).map(\.operand))
    return Linearization(
      known: split.known, linear: split.linear, residualCount: split.residualCount, hasTangent: wanted)
  }

  /// Splits the program into what the known parameters determine and what the others do.
  ///
  /// - Parameters:
  ///   - isLinear: Which parameters the linear part depends on.
  ///   - forced: Results that belong to the linear part even where they are known.
  func split(linear isLinear: [Bool], forcing forced: [Bool]? = nil, axes: [String: Int]) throws(BloxError)
    -> ProgramSplit
  {
    let program = try preparedForSplit(linear: isLinear, axes: axes)
    let depends = program.dependents(onParameters: isLinear)
    let isLinearResult = program.results.enumerated().map { index, result in
      forced?[index] == true || result.operand.value.map { depends[$0.index] } ?? false
    }
    let evaluation = PartialEvaluation(program: program, isLinearParameter: isLinear, name: name, axes: axes)
    var split = try evaluation.run(
      knownResults: program.results.selecting(isLinearResult, false),
      linearResults: program.results.selecting(isLinearResult).map(\.operand))
    split.isLinearResult = isLinearResult
    return split
  }

  /// The program with every instruction wholly in the known or in the linear part.
  private func preparedForSplit(linear isLinear: [Bool], axes: [String: Int]) throws(BloxError) -> Program {
    try inliningCustomOps(onParameters: isLinear, axes: axes).splittingControl(linear: isLinear, axes: axes)
  }
}

/// A program in two parts.
struct ProgramSplit {
  /// `(known parameters…) -> (known results…, residuals…)`.
  var known: Program
  /// `(residuals…, linear parameters…) -> (linear results…)`.
  var linear: Program
  /// How many residuals there are.
  var residualCount: Int
  /// For each result of the whole, whether it is in the linear part.
  var isLinearResult: [Bool] = []

  /// How many results the known part has besides the residuals.
  var knownResultCount: Int { known.results.count - residualCount }
  /// What the residuals are in the known part.
  var residuals: [Operand] { known.results[knownResultCount...].map(\.operand) }
}

private struct PartialEvaluation {
  let program: Program
  let name: String
  let axes: [String: Int]
  /// Which values depend on a tangent.
  private let isLinear: [Bool]

  init(program: Program, isLinearParameter: [Bool], name: String, axes: [String: Int]) {
    self.program = program
    self.name = name
    self.axes = axes
    isLinear = program.dependents(onParameters: isLinearParameter)
  }

  func run(knownResults: [ProgramResult], linearResults: [Operand]) throws(BloxError) -> ProgramSplit {
    let needed = linearInstructions(for: linearResults)
    let residuals = residualValues(of: needed, linearResults)

    // Known part.
    var known = ProgramBuilder(name: name + ".known", axes: axes)
    var knownMap: [Int: Operand] = [:]
    for index in program.parameters.indices where !isLinear[index] {
      knownMap[index] = .value(known.parameter(program.parameters[index]))
    }
    for instruction in program.instructions where !isLinear[instruction.results[0].index] {
      let operands = instruction.operands.map { $0.mapped(knownMap) }
      for (old, new) in zip(instruction.results, try known.copy(instruction, operands: operands)) {
        knownMap[old.index] = .value(new)
      }
    }
    let knownValues =
      knownResults.map { ProgramResult($0.operand.mapped(knownMap), label: $0.label) }
      + residuals.map { ProgramResult(Operand.value($0).mapped(knownMap)) }

    // Linear part.
    var linear = ProgramBuilder(name: name + ".linear", axes: axes)
    var linearMap: [Int: Operand] = [:]
    for residual in residuals { linearMap[residual.index] = .value(linear.parameter(program.type(of: residual))) }
    for index in program.parameters.indices where isLinear[index] {
      linearMap[index] = .value(linear.parameter(program.parameters[index]))
    }
    for instruction in needed {
      let operands = instruction.operands.map { $0.mapped(linearMap) }
      for (old, new) in zip(instruction.results, try linear.copy(instruction, operands: operands)) {
        linearMap[old.index] = .value(new)
      }
    }
    return ProgramSplit(
      known: known.finish(results: knownValues),
      linear: linear.finish(results: linearResults.map { ProgramResult($0.mapped(linearMap)) }),
      residualCount: residuals.count)
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
