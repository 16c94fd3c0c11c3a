// Contractions: a product and the region that follows it become one region, which works on each block of the product
// while that is in the cache.
//
// before:  %3 = dot_general %0, %1               after:  %3 = fusion %0, %1, %2 {kind=contraction} region(…) {
//          %4 = fusion %3, %2 {kind=loop} …                %7 = dot_general %4, %5
//                                                          %8 = add %7, %6
//                                                          return %8 }
//
// So bias, activation, residual and scale cost no pass over memory, and a parameter is updated by its gradient without
// the gradient ever being stored: `w - 0.1 * dot_general(x, dy)` is computed in the parameter's memory.
//
// A product is joined with the first region that
// - runs element by element over the product's own shape (a region with rows reads a row at a time, a block has parts),
// - reads the product at the index that it computes, and nowhere else,
// - and lets no way lead from another reader of the product back into it.
// The product is a result of the region too if others read it.

import BloxIR

struct ContractionFusion {
  private(set) var groups: FusionGroups
  private let program: Program
  private let roles: FusionRoles
  private let ways: FusionWays

  init(_ program: Program, _ roles: FusionRoles, _ groups: FusionGroups, _ ways: FusionWays) {
    self.program = program
    self.roles = roles
    self.groups = groups
    self.ways = ways
  }

  /// Joins what can be joined, from the first product to the last.
  mutating func join() {
    // Those read elsewhere too. With one reader no way can lead out of the region and back.
    var shared: [Int] = []
    for index in program.instructions.indices where program.instructions[index].takesEpilogue(in: program) {
      let readers = ways.readers(of: index)
      var tried: Set<Int> = []
      for reader in readers.sorted() {
        let group = groups.ofInstruction[reader]
        guard group >= 0, tried.insert(group).inserted, follows(index, group) else { continue }
        groups.addProduct(index, to: group)
        if !readers.isSubset(of: groups.members[group]) || roles.isResult[index] { shared.append(index) }
        break
      }
    }
    // The search for ways trusts levels, and regions of several levels may lead around them.
    if !shared.isEmpty { separate(shared) }
  }

  /// Whether a group can work on the blocks of a product.
  private func follows(_ product: Int, _ group: Int) -> Bool {
    let members = groups.members[group]
    let value = program.instructions[product].results[0]
    guard groups.kind[group] == .loop,
      members.allSatisfy({
        program.type(of: program.instructions[$0].results[0]).shape == program.type(of: value).shape
      })
    else { return false }
    let inside = Set(members + [product])
    let region = FusionRegion(program, roles, members: [product] + members, kind: .contraction) { inside.contains($0) }
    let readsInPlace = region.order.dropFirst().allSatisfy { index in
      let instruction = program.instructions[index]
      return !instruction.operands.contains(.value(value)) || instruction.op.isElementwise
    }
    return readsInPlace && region.inputs.count <= inputLimit
      && !ways.leadsBack(from: [product], to: members, inside, in: groups)
  }

  /// Takes products out of their regions again if regions read each other in a circle.
  private mutating func separate(_ shared: [Int]) {
    var count = Array(repeating: 0, count: program.instructions.count)
    var ready: [Int] = []
    var readers: [[Int]] = Array(repeating: [], count: program.instructions.count)
    // A unit is known by its first member.
    func unit(_ index: Int) -> Int { ways.unit(of: index, in: groups)[0] }
    for index in program.instructions.indices where roles.isEmitted(index) && unit(index) == index {
      var sources: Set<Int> = []
      for member in ways.unit(of: index, in: groups) {
        for value in roles.leaves(of: member) where roles.producer[value.index] >= 0 {
          sources.insert(unit(roles.producer[value.index]))
        }
      }
      sources.remove(index)
      count[index] = sources.count
      for source in sources { readers[source].append(index) }
      if sources.isEmpty { ready.append(index) }
    }
    while let next = ready.popLast() {
      for reader in readers[next] {
        count[reader] -= 1
        if count[reader] == 0 { ready.append(reader) }
      }
    }
    for product in shared where count[unit(product)] > 0 { groups.removeProduct(product) }
  }
}

extension Instruction {
  /// Whether this is a product whose blocks a region can work on: one that is written as rows of a matrix. The runtime
  /// runs regions with other products in two steps, which saves nothing.
  fileprivate func takesEpilogue(in program: Program) -> Bool {
    guard results.count == 1, operands.allSatisfy({ $0.value != nil }),
      program.type(of: results[0]).elementCount > 1
    else { return false }
    if case .dotGeneral = op { return true }
    guard case .convolution(let convolution) = op else { return false }
    let (input, kernel) = (program.type(of: operands[0]).shape, program.type(of: operands[1]).shape)
    // One channel a group has a kernel of its own.
    let groups = convolution.featureGroups * convolution.batchGroups
    let isChannelwise = groups > 1 && kernel[convolution.kernel.batch] == groups
    return !isChannelwise && convolution.givesRows(input: input, program.type(of: results[0]).shape)
  }
}
