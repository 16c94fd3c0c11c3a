// Places: where in the program each region goes.
//
// A region goes where its last member stood. One that begins with a product goes where the product stood, or as soon
// after it as all that it reads is there: so neither the product's operands nor, were it later, the gradient of a
// parameter wait in memory. But a parameter that it may write its result over must not be read later: then it goes
// after the last reader.

import BloxIR

/// When regions are due.
struct FusionPlaces {
  /// The groups that are due after each instruction.
  private(set) var due: [[Int]]

  private let program: Program
  private let roles: FusionRoles
  private let groups: FusionGroups
  /// The first place at which all is there that a group reads.
  private var earliest: [Int]

  init(
    _ program: Program, _ roles: FusionRoles, _ groups: FusionGroups, _ regions: [FusionRegion], isBody: Bool
  ) {
    self.program = program
    self.roles = roles
    self.groups = groups
    due = Array(repeating: [], count: program.instructions.count)
    earliest = groups.members.map { $0.last ?? 0 }
    let products = groups.members.indices.filter { groups.kind[$0] == .contraction && !groups.members[$0].isEmpty }
    for group in products {
      let sources = regions[group].inputs.map { roles.producer[$0.index] }
      earliest[group] = max(groups.members[group][0], sources.max() ?? -1)
    }
    let readers = products.isEmpty ? [] : program.readersOfParameters
    var places = earliest
    for group in products {
      let results = Set(regions[group].results.map { program.type(of: $0) })
      for value in regions[group].inputs where value.index < program.parameters.count {
        let parameter = program.parameters[value.index]
        guard isBody || parameter.isDonated, results.contains(parameter.type) else { continue }
        for reader in readers[value.index] where groups.ofInstruction[reader] != group {
          places[group] = max(places[group], place(of: reader))
        }
      }
    }
    // A region without results is one that all its readers compute again.
    for group in groups.members.indices where !regions[group].results.isEmpty { due[places[group]].append(group) }
  }

  /// Where an instruction is computed last.
  private func place(of index: Int) -> Int {
    let group = groups.ofInstruction[index]
    if group >= 0 { return earliest[group] }
    return roles.isEmitted(index) ? index : roles.users[index].map { place(of: $0) }.max() ?? index
  }
}

extension Program {
  /// The instructions that read each parameter.
  fileprivate var readersOfParameters: [[Int]] {
    var readers: [[Int]] = Array(repeating: [], count: parameters.count)
    for (index, instruction) in instructions.enumerated() {
      for case .value(let value) in instruction.operands where value.index < parameters.count {
        readers[value.index].append(index)
      }
    }
    return readers
  }
}
