// Rows: regions are joined with the reductions of rows between them, so that a row is read once.
//
// before:  %1 = reduce_max %0 {axes=[1]}         after:  %1 = fusion %0 {kind=row} region(…) {
//          %2 = fusion %0, %1 {kind=loop} …                %3 = reduce_max %2 {axes=[1]}
//          %3 = reduce_sum %2 {axes=[1]}                   %4 = broadcast_in_dim %3 {shape=[8,128], dims=[0]}
//          %4 = fusion %2, %3 {kind=loop} …                … }
//
// A region with rows has an iteration space of `rows` times `rowLength` elements. Each of its values has an element
// for each of these, or one for each row. Reductions of the trailing dimensions lead from the first to the second,
// broadcasts along them back. Softmax, cross-entropy, the norms and their gradients are one region each.
//
// A reduction is joined with the regions that it reads and that read it, those with further reductions of rows of the
// same length, and so on, as long as the whole can run row by row, reads few tensors, and no way leads out of it and
// back: then it could be put nowhere in the program.

import BloxIR

struct RowFusion {
  private(set) var groups: FusionGroups
  /// The spaces of groups with rows.
  private(set) var spaces: [Int: RowSpace] = [:]
  private let program: Program
  private let roles: FusionRoles
  private let ways: FusionWays

  /// The lengths of rows worth a region: all values of a row should stay in the caches.
  private static let rowLengths = 2...16384
  /// The most members of a region.
  private static let memberLimit = 200

  init(_ program: Program, _ roles: FusionRoles, _ groups: FusionGroups, _ ways: FusionWays) {
    self.program = program
    self.roles = roles
    self.groups = groups
    self.ways = ways
  }

  /// Joins what can be joined, from the first reduction to the last.
  mutating func join() {
    for index in program.instructions.indices where groups.ofInstruction[index] < 0 {
      guard program.instructions[index].reducesRows(in: program) else { continue }
      let count = type(of: program.instructions[index].operands[0]).elementCount
      let rows = program.type(of: program.instructions[index].results[0]).elementCount
      guard rows > 0, RowFusion.rowLengths.contains(count / rows) else { continue }
      grow(from: index, RowSpace(rows: rows, rowLength: count / rows))
    }
  }

  /// Joins a reduction with everything around it that fits.
  private mutating func grow(from reduction: Int, _ space: RowSpace) {
    var members = [reduction]
    // Units that never fit, and those to or from which a way leads around the region: it may join later.
    var refused: Set<Int> = []
    var waiting: Set<Int> = []
    while let next = neighbours(of: members).first(where: { !refused.contains($0) && !waiting.contains($0) }) {
      let unit = unit(of: next)
      guard let all = joined(members, unit, space) else {
        refused.formUnion(unit)
        continue
      }
      let inside = Set(all)
      if ways.leadsBack(from: members, to: unit, inside, in: groups)
        || ways.leadsBack(from: unit, to: members, inside, in: groups)
      {
        waiting.formUnion(unit)
      } else {
        members = all
        waiting = []
      }
    }
    // A reduction on its own, or with a reshape, has a kernel of its own.
    guard let group = members.first(where: { groups.ofInstruction[$0] >= 0 }).map({ groups.ofInstruction[$0] })
    else { return }
    groups.addRows(members, to: group)
    spaces[group] = space
  }

  private func type(of operand: Operand) -> TensorType { program.type(of: operand) }

  // MARK: Units

  private func unit(of index: Int) -> [Int] { ways.unit(of: index, in: groups) }

  /// Instructions of the units that read the members or are read by them, in program order.
  private func neighbours(of members: [Int]) -> [Int] {
    let inside = Set(members)
    var found: Set<Int> = []
    for member in members {
      for value in roles.leaves(of: member) where roles.producer[value.index] >= 0 {
        found.insert(roles.producer[value.index])
      }
      found.formUnion(ways.readers(of: member))
    }
    return found.subtracting(inside).sorted()
  }

  // MARK: Joining

  /// The members with those of a unit, when they can be one region; but for ways that lead out of it and back.
  private func joined(_ members: [Int], _ unit: [Int], _ space: RowSpace) -> [Int]? {
    let all = (members + unit).sorted()
    guard all.count <= RowFusion.memberLimit, unit.allSatisfy({ canBeMember($0) }) else { return nil }
    let inside = Set(all)
    let region = FusionRegion(program, roles, members: all, kind: .row) { inside.contains($0) }
    guard region.inputs.count <= inputLimit,
      !region.inputs.contains(where: { inside.contains(roles.producer[$0.index]) }), runs(region, in: space)
    else { return nil }
    return all
  }

  private func canBeMember(_ index: Int) -> Bool {
    if groups.ofInstruction[index] >= 0 { return true }
    if case .reshape = program.instructions[index].op { return true }
    return program.instructions[index].reducesRows(in: program)
  }

  /// Whether each instruction of a region runs row by row.
  private func runs(_ region: FusionRegion, in space: RowSpace) -> Bool {
    // Values that the region computes; others are views of what it reads.
    var computed: Set<Value> = []
    for index in region.order {
      let instruction = program.instructions[index]
      let result = program.type(of: instruction.results[0])
      let readsComputed = instruction.operands.contains { $0.value.map(computed.contains) ?? false }
      if case .reduce = instruction.op {
        guard instruction.reducesRows(in: program), space.isOfRows(result),
          space.isOfElements(type(of: instruction.operands[0]))
        else { return false }
      } else if roles.kind[index] == .loop {
        // Draws read their keys from memory.
        if case .random = instruction.op, readsComputed { return false }
        guard space.isOfRows(result) || space.isOfElements(result) else { return false }
      } else {
        // A movement or reshape: of what is read, any; of what is computed, a renaming or a repetition of rows.
        let operand = type(of: instruction.operands[0])
        if !readsComputed {
          if case .reshape = instruction.op { return false }
          continue
        }
        guard
          instruction.isAlias(in: program)
            || (space.isOfRows(operand)
              && instruction.op.repeatsRows(operand.shape, rowLength: space.rowLength))
        else { return false }
      }
      computed.formUnion(instruction.results)
    }
    return region.results.allSatisfy { value in
      let type = program.type(of: value)
      return space.isOfRows(type) || space.isOfElements(type)
    }
  }
}

/// The iteration space of a region with rows.
struct RowSpace {
  let rows: Int
  let rowLength: Int

  func isOfRows(_ type: TensorType) -> Bool { type.elementCount == rows }

  func isOfElements(_ type: TensorType) -> Bool { type.elementCount == rows * rowLength }
}

extension Instruction {
  /// Whether this is a reduction whose reduced dimensions come after all others, so that each result is made of
  /// elements that are next to each other.
  package func reducesRows(in program: Program) -> Bool {
    guard case .reduce(_, let axes) = op else { return false }
    let shape = program.type(of: operands[0]).shape
    let long = shape.indices.filter { shape[$0] != 1 }
    let kept = long.filter { !axes.contains($0) }
    let reduced = long.filter { axes.contains($0) }
    guard let firstReduced = reduced.first else { return false }
    return kept.allSatisfy { $0 < firstReduced }
  }
}

extension Op {
  /// Whether this is a broadcast that repeats each element of an operand of the given shape `rowLength` times in a row.
  package func repeatsRows(_ operand: [Int], rowLength: Int) -> Bool {
    guard case .broadcastInDim(let shape, let dims) = self,
      shape.reduce(1, *) == operand.reduce(1, *) * rowLength
    else { return false }
    // The result's long dimensions must be the operand's long ones, in order, and then those of a row.
    let kept = dims.indices.filter { operand[$0] != 1 }.map { dims[$0] }
    let long = shape.indices.filter { shape[$0] != 1 }
    return Array(long.prefix(kept.count)) == kept
  }
}
