// Regions: the program of one group, with the cheap values that it repeats.

import BloxIR

/// One region before it is built.
struct FusionRegion {
  let kind: Op.FusionKind
  /// The values that it reads, in order of first use.
  var inputs: [Value] = []
  /// The members' values that are read outside it.
  var results: [Value] = []
  /// The instructions in it, members and repeated ones, in order.
  var order: [Int] = []

  /// - Parameters:
  ///   - members: In program order.
  ///   - isInside: Whether an instruction is one of the members.
  init(
    _ program: Program, _ roles: FusionRoles, members: [Int], kind: Op.FusionKind, isInside: (Int) -> Bool
  ) {
    self.kind = kind
    // A value that something here reads from memory is not repeated for others: it has one name in the region.
    let fetched = Set(members.flatMap { roles.leaves(of: $0) })
    var known: Set<Value> = []
    for member in members {
      add(member, program, roles, fetched, &known)
      if roles.isResult[member] || roles.isRead(member, outside: isInside) {
        results += program.instructions[member].results
      }
    }
  }

  /// The regions of all groups.
  static func all(_ program: Program, _ roles: FusionRoles, _ groups: FusionGroups) -> [FusionRegion] {
    groups.members.indices.map { group in
      FusionRegion(program, roles, members: groups.members[group], kind: groups.kind[group]) {
        groups.ofInstruction[$0] == group
      }
    }
  }

  private mutating func add(
    _ index: Int, _ program: Program, _ roles: FusionRoles, _ fetched: Set<Value>, _ known: inout Set<Value>
  ) {
    for case .value(let value) in program.instructions[index].operands where !known.contains(value) {
      let source = roles.producer[value.index]
      if source >= 0 && roles.repeats(source, in: index) && !fetched.contains(value) {
        add(source, program, roles, fetched, &known)
      } else {
        inputs.append(value)
        known.insert(value)
      }
    }
    order.append(index)
    known.formUnion(program.instructions[index].results)
  }

  /// The region's program.
  func build(_ program: Program) throws(BloxError) -> Program {
    var builder = ProgramBuilder(name: "region")
    // Not a `Rewriter`: it has room for every value of the program, of which a region has few.
    var bindings: [Value: Value] = [:]
    for value in inputs { bindings[value] = builder.parameter(program.type(of: value)) }
    func operand(_ old: Operand) -> Operand {
      guard let value = old.value else { return old }
      guard let new = bindings[value] else { preconditionFailure("\(value) is read in a region before it is there") }
      return .value(new)
    }
    for index in order {
      let instruction = program.instructions[index]
      let values = try builder.copy(instruction, operands: instruction.operands.map(operand))
      for (old, new) in zip(instruction.results, values) { bindings[old] = new }
    }
    return builder.finish(results: results.map { ProgramResult(operand(.value($0))) })
  }

  /// Where the region came from: the innermost module that has all of its instructions.
  func note(in program: Program) -> SourceNote {
    let notes = order.map { program.instructions[$0].note }
    var common = notes.first?.scope.split(separator: "/") ?? []
    for note in notes {
      let parts = note.scope.split(separator: "/")
      common = Array(zip(common, parts).prefix { $0 == $1 }.map(\.0))
    }
    return SourceNote(scope: common.joined(separator: "/"), location: notes.first?.location)
  }
}
