// Pairs: two micro-ops become one where the second alone reads what the first computes.
//
// before:  mul  t = x, a        after:  mul_add  r = x, a, b
//          add  r = t, b
//
// What is between them stays in registers. Each operation still rounds for itself, so results keep their bits.
import BloxIR
import CBloxKernels

extension TileCompiler {
  /// Joins what can be joined, from the first micro-op to the last. A joined one is not joined again.
  mutating func joinPairs() {
    var reads = Array(repeating: 0, count: slots.count)
    for op in ops { for operand in op.operands { reads[operand] += 1 } }
    var isGone = Array(repeating: false, count: ops.count)
    for index in ops.indices {
      guard case .binary(let second)? = ops[index].computation?.kind, let dtype = ops[index].computation?.dtype else {
        continue
      }
      for position in 0..<2 {
        let between = ops[index].operands[position]
        let definition = slots[between].definition
        guard reads[between] == 1, !slots[between].isResult, definition >= 0,
          case .binary(let first)? = ops[definition].computation?.kind, ops[definition].computation?.dtype == dtype,
          let pair = TileCompiler.pair(first, second, position),
          let function = blox_tile_pair(kernelISA, pair, dtype.kernel)
        else { continue }
        ops[index] = TileOp(
          function: .elementwise(function), targets: ops[index].targets,
          operands: ops[definition].operands + [ops[index].operands[1 - position]],
          computations: [first, second].map { TileComputation(kind: .binary($0), dtype: dtype) })
        isGone[definition] = true
        break
      }
    }
    guard isGone.contains(true) else { return }
    ops = zip(ops, isGone).filter { !$1 }.map(\.0)
    findUses()
  }

  /// Notes for each slot which micro-op writes it and which reads it last.
  mutating func findUses() {
    for index in slots.indices { (slots[index].definition, slots[index].lastUse) = (-1, -1) }
    for (index, op) in ops.enumerated() {
      for operand in op.operands { slots[operand].lastUse = index }
      for target in op.targets {
        slots[target].definition = index
        slots[target].lastUse = max(slots[target].lastUse, index)
      }
    }
  }

  /// The kernel of two operations, of which the second has the first's result at a position.
  private static func pair(_ first: Op.Binary, _ second: Op.Binary, _ position: Int) -> blox_pair? {
    if first == .mul, second == .add { return BLOX_PAIR_MUL_ADD }
    if first == .mul, second == .sub { return position == 0 ? BLOX_PAIR_MUL_SUB : BLOX_PAIR_MUL_SUB_FROM }
    if first == .add, second == .mul { return BLOX_PAIR_ADD_MUL }
    if first == .sub, second == .mul { return BLOX_PAIR_SUB_MUL }
    if first == .add, second == .add { return BLOX_PAIR_ADD_ADD }
    return nil
  }
}
