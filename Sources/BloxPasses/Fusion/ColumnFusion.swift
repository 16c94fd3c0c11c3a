// Columns: reductions over leading dimensions join a region that computes or reads what they reduce.
//
// before:  %2 = fusion %0, %1 {kind=loop} …        after:  %2, %3 = fusion %0, %1 {kind=loop} region(…) {
//          %3 = reduce_sum %2 {axes=[0]}                     …
//                                                            %7: f32[128,64] = mul %4, %6
//                                                            %8: f32[64] = reduce_sum %7 {axes=[0]}
//                                                            return %7, %8 }
//
// The gradient of a bias or of a scale is such a reduction, and so are losses and norms, which reduce everything. The
// region adds its elements to a row of sums while they are in cache, and gives the value itself only to others that
// read it. Nothing in the region can read the sums, which are complete when it ends.
//
// A region with such reductions runs piece by piece (ReductionPieces), so several of them must have pieces that fit
// each other, and its rows. Halves are not summed as halves, so their sums cannot be handed on from piece to piece:
// their reductions stay outside.

import BloxIR

struct ColumnFusion {
  private(set) var groups: FusionGroups
  private let program: Program
  private let roles: FusionRoles
  private let ways: FusionWays
  /// The spaces of groups with rows.
  private let spaces: [Int: RowSpace]

  /// The most members of a region.
  private static let memberLimit = 200
  /// How many instructions are looked at for a way back, before there is taken to be one.
  private static let searchLimit = 500

  init(
    _ program: Program, _ roles: FusionRoles, _ groups: FusionGroups, _ ways: FusionWays, spaces: [Int: RowSpace]
  ) {
    self.program = program
    self.roles = roles
    self.groups = groups
    self.ways = ways
    self.spaces = spaces
  }

  /// Joins reductions of columns with regions, from the first to the last.
  mutating func join() {
    let reductions = program.instructions.indices.filter { index in
      groups.ofInstruction[index] < 0 && program.instructions[index].isColumnReduction(in: program)
    }
    guard !reductions.isEmpty else { return }
    let readers = readingGroups()
    for index in reductions {
      guard let value = program.instructions[index].operands[0].value else { continue }
      if let (group, renaming) = computingGroup(of: value), fits(index, in: group) {
        groups.add([index] + renaming, to: group)
      } else if let group = readers[value]?.first(where: { fits(index, in: $0) && !leadsBack(from: index, to: $0) }) {
        groups.add([index], to: group)
      }
    }
  }

  /// The group that computes a value, if it does so element by element, and the reshapes between it and the value,
  /// which join it too.
  private func computingGroup(of value: Value) -> (group: Int, renaming: [Int])? {
    var renaming: [Int] = []
    var source = roles.producer[value.index]
    while source >= 0, groups.ofInstruction[source] < 0, case .reshape = program.instructions[source].op {
      guard let operand = program.instructions[source].operands[0].value, roles.producer[operand.index] >= 0
      else { return nil }
      // Were the operand read under its old name too, the region would write it twice.
      let next = roles.producer[operand.index]
      let group = groups.ofInstruction[next]
      let isRenamedOnly = roles.users[next].allSatisfy { user in
        user == source || (group >= 0 && groups.ofInstruction[user] == group)
      }
      guard isRenamedOnly, !roles.isResult[next] else { return nil }
      renaming.append(source)
      source = next
    }
    guard source >= 0, groups.ofInstruction[source] >= 0 else { return nil }
    // What only moves elements, as a broadcast does, need have no strides under another shape.
    if !renaming.isEmpty, case .movement = roles.kind[source] { return nil }
    return (groups.ofInstruction[source], renaming)
  }

  /// The groups that read each value element by element, in order.
  private func readingGroups() -> [Value: [Int]] {
    var readers: [Value: [Int]] = [:]
    for (group, members) in groups.members.enumerated() {
      for member in members {
        if case .movement = roles.kind[member] { continue }
        for case .value(let value) in program.instructions[member].operands
        where readers[value]?.last != group { readers[value, default: []].append(group) }
      }
    }
    return readers
  }

  /// Whether a region can run a reduction of columns while it computes its elements.
  private func fits(_ index: Int, in group: Int) -> Bool {
    let members = groups.members[group]
    let operand = program.type(of: program.instructions[index].operands[0])
    guard let pieces = program.instructions[index].columnPieces(in: program), pieces.isFine,
      members.count < ColumnFusion.memberLimit
    else { return false }
    var elements = pieces.elements
    switch groups.kind[group] {
    case .loop:
      guard let first = members.first(where: { roles.isMember($0) }),
        program.type(of: program.instructions[first].results[0]).elementCount == operand.elementCount
      else { return false }
    case .row:
      guard let space = spaces[group], space.rows > 1, space.isOfElements(operand),
        elements % space.rowLength == 0
      else { return false }
    case .contraction, .attention: return false
    }
    // The longest piece is made of whole ones of the others.
    let others = members.compactMap { member in
      isColumnReduction(member, of: group) ? program.instructions[member].columnPieces(in: program)?.elements : nil
    }
    for other in others { elements = max(elements, other) }
    return (others + [pieces.elements]).allSatisfy { elements % $0 == 0 }
  }

  /// Whether a member reduces columns and not the rows of its region.
  private func isColumnReduction(_ member: Int, of group: Int) -> Bool {
    guard case .reduce = program.instructions[member].op else { return false }
    guard let space = spaces[group] else { return true }
    return !space.isOfRows(program.type(of: program.instructions[member].results[0]))
  }

  /// Whether a region that only reads what is reduced depends on the reduction.
  private func leadsBack(from index: Int, to group: Int) -> Bool {
    var seen = ways.readers(of: index)
    var pending = seen.sorted()
    while let next = pending.popLast() {
      if groups.ofInstruction[next] == group || seen.count > ColumnFusion.searchLimit { return true }
      for member in ways.unit(of: next, in: groups) {
        for reader in ways.readers(of: member) where seen.insert(reader).inserted { pending.append(reader) }
      }
    }
    return false
  }
}

extension Instruction {
  /// Whether this is a reduction of columns for which there is a kernel that goes on from tile to tile.
  fileprivate func isColumnReduction(in program: Program) -> Bool {
    guard columnPieces(in: program) != nil else { return false }
    switch program.type(of: operands[0]).dtype {
    case .bf16, .f16, .key: return false
    case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .f32, .f64: return true
    }
  }
}
