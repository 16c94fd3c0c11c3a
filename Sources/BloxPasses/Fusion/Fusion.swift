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
// one region, which reads its row once. One may begin with a product (kind=contraction; see ContractionFusion), and others
// may return reductions over leading dimensions (see ColumnFusion).
//
// After the pass every elementwise instruction, iota, broadcast and draw of random bits is in a region. Other products,
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
// 5. Contractions (ContractionFusion): groups are joined with the product that they read.
// 6. Columns (ColumnFusion): reductions over leading dimensions join a group that has their operand.
// 7. Recomputation: what a region can compute again from less memory is not stored for it.
// 8. Each group becomes a region (FusionRegion) and finds its place (FusionEmission).
// 9. Attention (AttentionFusion): a product, a region of its rows and a product of these become one region.
// 10. Producers (ProducerFusion): arithmetic that only products read is done where they pack their operands.

import BloxIR

/// The most tensors that a region reads.
let inputLimit = 24

extension Program {
  /// The program with its elementwise work in regions. A fused program is left as it is.
  package func fused(_ context: PassContext = PassContext()) throws(BloxError) -> Program {
    try fused(context, isBody: false)
  }

  /// - Parameter isBody: Whether this is a body of control flow, whose parameters may be written over.
  private func fused(_ context: PassContext, isBody: Bool) throws(BloxError) -> Program {
    let axes = context.axes
    let program = try eliminatingDeadCode(axes: axes).mappingRegions(axes: axes) { (region) throws(BloxError) in
      try region.fused(context, isBody: true)
    }
    let roles = FusionRoles(program)
    guard roles.hasMembers else { return program }
    let levels = FusionLevels(program, roles).ofInstruction
    let ways = FusionWays(roles: roles, levels: levels)
    var rows = RowFusion(program, roles, FusionGroups(program, roles, levels: levels), ways)
    rows.join()
    var contractions = ContractionFusion(program, roles, rows.groups, ways)
    contractions.join()
    var columns = ColumnFusion(program, roles, contractions.groups, ways, spaces: rows.spaces)
    columns.join()
    let groups = columns.groups
    var recomputation = Recomputation(
      program, roles, groups, FusionRegion.all(program, roles, groups), leastBytes: context.leastRecomputedBytes)
    recomputation.run()
    var emission = FusionEmission(program, roles, groups, recomputation.regions, axes: axes, isBody: isBody)
    return try emission.run().fusingAttention(leastBytes: context.leastAttentionBytes, axes: axes)
      .fusingProducers(leastBytes: context.leastProducedBytes, axes: axes)
  }
}
