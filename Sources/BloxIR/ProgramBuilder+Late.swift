// Parameters found while a program is being built, as tracing finds captured tensors.

extension ProgramBuilder {
  /// Adds a parameter after instructions have been added. ``finish(results:)`` moves it behind the other parameters
  /// and renumbers, so that values are in order of definition again.
  package mutating func lateParameter(_ parameter: Parameter) -> Value {
    let value = newValue(parameter.type)
    lateParameters.append((parameter, value))
    return value
  }

  /// The program with late parameters behind the early ones.
  func finishWithLateParameters(results: [ProgramResult]) -> Program {
    var newIndex = Array(repeating: 0, count: valueTypes.count)
    var types: [TensorType] = []
    func place(_ value: Value, at position: inout Int) {
      newIndex[value.index] = position
      types.append(valueTypes[value.index])
      position += 1
    }
    var position = 0
    for index in parameters.indices { place(Value(index), at: &position) }
    for (_, value) in lateParameters { place(value, at: &position) }
    for instruction in instructions {
      for result in instruction.results { place(result, at: &position) }
    }
    func renumbered(_ operand: Operand) -> Operand {
      guard case .value(let value) = operand else { return operand }
      return .value(Value(newIndex[value.index]))
    }
    let renamed = instructions.map { instruction in
      var copy = instruction
      copy.operands = instruction.operands.map(renumbered)
      copy.results = instruction.results.map { Value(newIndex[$0.index]) }
      return copy
    }
    return Program(
      name: name, parameters: parameters + lateParameters.map(\.0), instructions: renamed,
      results: results.map { ProgramResult(renumbered($0.operand), label: $0.label) }, types: types)
  }
}
