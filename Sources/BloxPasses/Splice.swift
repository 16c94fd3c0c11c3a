// Splicing: the instructions of one program copied into another one.

import BloxIR

extension ProgramBuilder {
  /// Appends the instructions of a program, reading `arguments` for its parameters.
  ///
  /// Notes are kept; their scopes are put below the builder's current one.
  /// - Returns: What the program's results are in this builder.
  package mutating func splice(
    _ program: Program, arguments: some Sequence<Operand>
  ) throws(BloxError) -> [Operand] {
    var map = Array(arguments)
    try program.expect(argumentTypes: map.map { type(of: $0) })
    map.reserveCapacity(program.types.count)
    let outer = note
    for instruction in program.instructions {
      let operands = instruction.operands.map { $0.mapped(by: map) }
      for value in try copy(instruction, operands: operands, note: instruction.note.nested(in: outer)) {
        map.append(.value(value))
      }
    }
    return program.results.map { $0.operand.mapped(by: map) }
  }
}

extension Program {
  fileprivate func expect(argumentTypes: [TensorType]) throws(BloxError) {
    let expected = parameters.map(\.type)
    guard argumentTypes != expected else { return }
    func list(_ types: [TensorType]) -> String { types.map(\.description).joined(separator: ", ") }
    throw BloxError(
      .shapeMismatch, "@\(name) takes (\(list(expected))); got (\(list(argumentTypes)))")
  }
}

extension Operand {
  /// The operand with a value replaced by what stands at its index.
  fileprivate func mapped(by map: [Operand]) -> Operand {
    switch self {
    case .value(let value): map[value.index]
    case .splat: self
    }
  }
}

extension SourceNote {
  /// The note with its scope below an outer one, unless it starts with that already, and the outer location when it
  /// has none of its own.
  package func nested(in outer: SourceNote) -> SourceNote {
    var note = self
    if scope.isEmpty {
      note.scope = outer.scope
    } else if !outer.scope.isEmpty, scope != outer.scope, !scope.hasPrefix(outer.scope + "/") {
      note.scope = outer.scope + "/" + scope
    }
    note.location = location ?? outer.location
    return note
  }
}
