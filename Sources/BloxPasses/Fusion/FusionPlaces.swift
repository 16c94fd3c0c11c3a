// Places: where in the program each region goes.
//
// A region goes where its last member stood. One that begins with a product goes where the product stood, or as soon
// after it as all that it reads is there: so neither the product's operands nor, were it later, the gradient of a
// parameter wait in memory. Single numbers are there as soon as what they are made of is: the step count of an
// optimizer, traced behind all gradients, holds none of them up. But a parameter that it may write its result over must
// not be read later: then it goes after the last reader.

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
    var places = earliest
    let products = groups.members.indices.filter { groups.kind[$0] == .contraction && !groups.members[$0].isEmpty }
    if !products.isEmpty {
      let ready = FusionPlaces.ready(program, roles, groups, regions)
      for group in products {
        earliest[group] = max(groups.members[group][0], FusionPlaces.latest(regions[group].inputs, roles, ready))
      }
      places = placesBehindReaders(of: products, regions, isBody: isBody)
    }
    // A region without results is one that all its readers compute again.
    for group in groups.members.indices where !regions[group].results.isEmpty { due[places[group]].append(group) }
  }

  /// The earliest places, but those of products behind all that reads parameters that they may write over.
  private func placesBehindReaders(of products: [Int], _ regions: [FusionRegion], isBody: Bool) -> [Int] {
    let readers = program.readersOfParameters
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
    return places
  }

  /// The first place at which each instruction's result can be there: its own, but for single numbers that of what
  /// they and their region are made of.
  private static func ready(
    _ program: Program, _ roles: FusionRoles, _ groups: FusionGroups, _ regions: [FusionRegion]
  ) -> [Int] {
    var ready = Array(program.instructions.indices)
    for (index, instruction) in program.instructions.enumerated()
    where instruction.results.allSatisfy({ program.type(of: $0).elementCount == 1 }) {
      let group = groups.ofInstruction[index]
      if group < 0 {
        ready[index] = latest(instruction.operands.compactMap(\.value), roles, ready)
      } else if groups.members[group].last == index, groups.kind[group] == .loop {
        // All are computed together, and all have one element.
        let place = latest(regions[group].inputs, roles, ready)
        for member in groups.members[group] { ready[member] = place }
      }
    }
    return ready
  }

  private static func latest(_ values: [Value], _ roles: FusionRoles, _ ready: [Int]) -> Int {
    values.map { roles.producer[$0.index] }.map { $0 < 0 ? -1 : ready[$0] }.max() ?? -1
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
