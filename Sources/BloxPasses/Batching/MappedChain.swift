// Why a result is mapped: the shortest chain from the lanes to it, for messages about `outAxes: nil`.

import BloxIR

/// A step of the chain: where a mapped value is defined.
package struct MappedStep: Sendable {
  /// The mapped value.
  package let value: Value
  /// The instruction that defines it; `nil` for a parameter.
  package let instruction: Instruction?
}

/// The values through which result `resultIndex` depends on the lanes, from a mapped parameter or an instruction
/// that asks for the lane's index to the result; empty when the result is the same in every lane.
///
/// Of several chains it is the shortest, and of several shortest ones the one through the first operands.
package func mappedSteps(
  _ program: Program, inAxes: [Int?], axisName: String?, resultIndex: Int
) -> [MappedStep] {
  guard case .value(var value) = program.results[resultIndex].operand else { return [] }
  let reasons = MappedReasons(program, axisName: axisName, isMapped: inAxes.map { $0 != nil })
  guard reasons.distance[value.index] != nil else { return [] }
  var chain: [MappedStep] = []
  while true {
    chain.append(MappedStep(value: value, instruction: reasons.definition[value.index]))
    guard let previous = reasons.origin[value.index] else { break }
    value = previous
  }
  return chain.reversed()
}

/// The steps of ``mappedSteps(_:inAxes:axisName:resultIndex:)`` for a message: labels of parameters, names of ops with
/// the module that ran them. A long chain is shown by its ends.
package func mappedChain(
  _ program: Program, inAxes: [Int?], axisName: String?, resultIndex: Int
) -> [String] {
  let steps = mappedSteps(program, inAxes: inAxes, axisName: axisName, resultIndex: resultIndex)
  let names = steps.map { step -> String in
    guard let instruction = step.instruction else {
      return program.parameters[step.value.index].label?.text ?? "\(step.value)"
    }
    let scope = instruction.note.scope
    return scope.isEmpty ? instruction.op.name : "\(instruction.op.name) in \(scope)"
  }
  return names.count <= 8 ? names : names.prefix(4) + ["…"] + names.suffix(3)
}

/// For each value how far it is from the lanes, and which operand leads there.
private struct MappedReasons {
  var distance: [Int?]
  var origin: [Value?]
  var definition: [Instruction?]

  init(_ program: Program, axisName: String?, isMapped: [Bool]) {
    distance = Array(repeating: nil, count: program.types.count)
    origin = Array(repeating: nil, count: program.types.count)
    definition = Array(repeating: nil, count: program.types.count)
    for index in program.parameters.indices where isMapped[index] { distance[index] = 0 }
    for instruction in program.instructions {
      for (index, value) in instruction.results.enumerated() {
        definition[value.index] = instruction
        let sources = self.sources(of: instruction, result: index, axisName: axisName)
        guard sources.isMapped else { continue }
        let nearest = sources.operands.min { (distance[$0.index] ?? 0) < (distance[$1.index] ?? 0) }
        origin[value.index] = nearest
        distance[value.index] = nearest.map { (distance[$0.index] ?? 0) + 1 } ?? 0
      }
    }
  }

  /// The mapped operands that a result depends on. Mapped without any: the instruction asks for the lane's index.
  private func sources(
    of instruction: Instruction, result: Int, axisName: String?
  ) -> (isMapped: Bool, operands: [Value]) {
    let mapped = instruction.operands.map { $0.value.flatMap { distance[$0.index] } != nil }
    guard let callee = instruction.callee?.program else {
      let operands = zip(instruction.operands, mapped).filter(\.1).compactMap(\.0.value)
      if case .axisIndex(let name) = instruction.op { return (name == axisName, []) }
      if case .collective(let collective) = instruction.op {
        return (collective.isMapped(overAxis: axisName, operand: mapped[0]), operands)
      }
      if instruction.op.isControl, operands.isEmpty {
        return (instruction.op.regions.contains { $0.program.asksForLane(of: axisName) }, [])
      }
      return (!operands.isEmpty, operands)
    }
    let chain = mappedSteps(
      callee, inAxes: mapped.map { $0 ? 0 : nil }, axisName: axisName, resultIndex: result)
    guard let first = chain.first else { return (false, []) }
    // A chain that begins at a parameter of the callee goes on at that argument.
    let argument = first.instruction == nil ? instruction.operands[first.value.index].value : nil
    return (true, argument.map { [$0] } ?? [])
  }
}

extension Program {
  /// Whether an instruction here or in a program inside asks for the lane's index or exchanges with other lanes.
  fileprivate func asksForLane(of axis: String?) -> Bool {
    guard let axis else { return false }
    return instructions.contains { instruction in
      switch instruction.op {
      case .axisIndex(let name): return name == axis
      case .collective(let collective): return collective.axes.contains(axis)
      case .control, .call, .custom:
        let inner = instruction.op.regions.map(\.program) + instruction.op.callees.map(\.callee.program)
        return inner.contains { $0.asksForLane(of: axis) }
      case .constant, .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow,
        .broadcastInDim, .reshape, .transpose, .slice, .pad, .concatenate, .iota, .reduce, .argReduce, .dotGeneral,
        .convolution, .window,
        .random, .stopGradient, .fusion, .checkpointName, .linearAlgebra, .ordering, .optimizationBarrier, .cumulative,
        .indexing,
        .debugPrint:
        return false
      }
    }
  }
}
