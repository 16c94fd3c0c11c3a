// Fusion: elementwise work over one iteration space becomes one region, which runs tile by tile.
//
// before:  %3 = broadcast_in_dim %1          after:  %3 = fusion %1, %2 region(%4, %5) {
//          %4 = add %2, %3                             %6 = broadcast_in_dim %4
//          %5 = tanh %4                                %7 = add %5, %6
//                                                      %8 = tanh %7
//                                                      return %8 }
//
// What every region keeps to:
// - All its results and computed values have one shape, its iteration space.
// - broadcast_in_dim, transpose and slice stand on the read side only: on region parameters, or on each other. They
//   change where a tile reads, and cost nothing of their own.
// - It has at most `inputLimit` parameters: more would not stay in registers and caches.
// A region may also hold reductions of its rows and what is computed from them (kind=row; see RowFusion): softmax is
// one region, which reads its row once. And it may return reductions over leading dimensions (see ColumnFusion).
//
// After the pass every elementwise instruction, iota, broadcast and draw of random bits is in a region. Products,
// other reductions, reshapes, pads, concatenations, and transposes and slices that a product or result needs in memory,
// stay outside; moving keys does too, since there are few of them. A reshape is a boundary although it moves nothing:
// the work before and after it has different iteration spaces, and it is not moved across elementwise work.
//
// How regions are chosen, in time linear in the program's size:
// 1. Roles (FusionRoles): what is computed once, what is cheap enough to be repeated by each region that reads it.
// 2. Levels (FusionLevels): the number of boundaries on the longest way from the inputs. A value and its reader have
//    one level only if both may be in one region, so regions made within a level never depend on each other in a
//    circle.
// 3. Groups (FusionGroups): of the members of a level and space, those that pass values to each other or read the
//    same tensor.
// 4. Rows (RowFusion): groups are joined with the reductions of rows between them.
// 5. Columns (ColumnFusion): reductions over leading dimensions join a group that has their operand.
// 6. Each group becomes a region (FusionRegion), placed where its last member stood.

import BloxIR

/// The most tensors that a region reads.
let inputLimit = 24

extension Program {
  /// The program with its elementwise work in regions. A fused program is left as it is.
  package func fused(axes: [String: Int] = [:]) throws(BloxError) -> Program {
    let program = try eliminatingDeadCode(axes: axes).mappingRegions(axes: axes) { (region) throws(BloxError) in
      try region.fused(axes: axes)
    }
    let roles = FusionRoles(program)
    guard roles.hasMembers else { return program }
    let levels = FusionLevels(program, roles).ofInstruction
    var rows = RowFusion(program, roles, FusionGroups(program, roles, levels: levels), levels: levels)
    rows.join()
    rows.joinColumns()
    var emission = FusionEmission(program, roles, rows.groups, axes: axes)
    return try emission.run()
  }
}

/// Writes the fused program: regions and the instructions outside them, in an order that respects their dependences.
private struct FusionEmission {
  private let program: Program
  private let roles: FusionRoles
  private let groups: FusionGroups
  private let regions: [FusionRegion]
  private var rewriter: Rewriter
  private var isEmitted: [Bool]

  init(_ program: Program, _ roles: FusionRoles, _ groups: FusionGroups, axes: [String: Int]) {
    self.program = program
    self.roles = roles
    self.groups = groups
    regions = groups.members.indices.map { group in
      FusionRegion(program, roles, members: groups.members[group], kind: groups.kind[group]) {
        groups.ofInstruction[$0] == group
      }
    }
    rewriter = Rewriter(program, axes: axes)
    isEmitted = Array(repeating: false, count: program.instructions.count)
  }

  mutating func run() throws(BloxError) -> Program {
    for index in program.instructions.indices {
      let group = groups.ofInstruction[index]
      let isDue = group < 0 ? roles.kind[index] == .outside : groups.members[group].last == index
      if isDue { try emit(index) }
    }
    return rewriter.finish()
  }

  /// Emits an instruction or the region of one, after everything that it reads. A stack of its own: chains of
  /// regions can be as long as the program.
  private mutating func emit(_ index: Int) throws(BloxError) {
    var pending = [index]
    while let next = pending.last {
      if isEmitted[next] {
        pending.removeLast()
        continue
      }
      let missing = inputs(of: next).map { roles.producer[$0.index] }.filter { $0 >= 0 && !isEmitted[$0] }
      if !missing.isEmpty {
        pending.append(contentsOf: missing.reversed())
        continue
      }
      pending.removeLast()
      let group = groups.ofInstruction[next]
      if group >= 0 {
        try emitRegion(regions[group])
        for member in groups.members[group] { isEmitted[member] = true }
      } else {
        try rewriter.copy(program.instructions[next])
        isEmitted[next] = true
      }
    }
  }

  private func inputs(of index: Int) -> [Value] {
    let group = groups.ofInstruction[index]
    return group >= 0 ? regions[group].inputs : program.instructions[index].operands.compactMap(\.value)
  }

  private mutating func emitRegion(_ region: FusionRegion) throws(BloxError) {
    rewriter.builder.note = region.note(in: program)
    let op = Op.fusion(Op.Fusion(kind: region.kind, region: try region.build(program)))
    let values = try rewriter.builder.emit(op, region.inputs.map { rewriter.operand(.value($0)) })
    for (old, new) in zip(region.results, values) { rewriter.bind(old, to: .value(new)) }
  }
}
