// Lowering of random keys.
import BloxIR
import CBloxKernels

extension Lowering {
  mutating func lowerRandom(_ instruction: Instruction, _ op: Op.RandomOp) throws(BloxError) {
    let result = program.type(of: instruction.results[0])
    guard result.elementCount > 0 else { return }
    switch op {
    case .seed: try lowerSeed(instruction)
    case .split:
      let keyCount = type(instruction.operands[0]).elementCount
      append(
        .keys(
          memory.keep(
            KeyStep(
              keys: try slot(instruction.operands[0]), data: -1, target: slot(instruction.results[0]),
              keyCount: keyCount, count: result.elementCount / keyCount))))
    case .foldIn:
      let data: Int32
      switch instruction.operands[1] {
      case .value(let value): data = slot(value)
      case .splat(let literal, let shape): data = try slot(ofConstant: DenseConstant(literal, shape: shape))
      }
      append(
        .keys(
          memory.keep(
            KeyStep(
              keys: try slot(instruction.operands[0]), data: data, target: slot(instruction.results[0]),
              keyCount: result.elementCount, count: 1))))
    case .bits: try lowerAlone(instruction)
    case .wrap, .unwrap: throw unsupported("renames memory and needs no kernel")
    }
  }

  /// A key's words are `(0, seed mod 2^32)`, or both halves of a 64-bit seed. In memory the first word comes first,
  /// which as a little-endian u64 is its low half: the halves of the seed trade places.
  private mutating func lowerSeed(_ instruction: Instruction) throws(BloxError) {
    let seed = type(instruction.operands[0])
    var builder = ProgramBuilder(name: "seed")
    var x: Operand = .value(builder.parameter(seed))
    if seed.dtype.byteCount < 8 { x = try builder.emitOne(.convert(.u32), [x]) }
    x = try builder.emitOne(.convert(.u64), [x])
    let half = Operand.splat(Literal(32, as: .u64), shape: seed.shape)
    var words = try builder.emitOne(.binary(.shiftLeft), [x, half])
    if seed.dtype.byteCount == 8 {
      let upper = try builder.emitOne(.binary(.shiftRightLogical), [x, half])
      words = try builder.emitOne(.binary(.or), [words, upper])
    }
    let region = builder.finish(results: [ProgramResult(words)])
    try lowerTile(region, operands: valueSlots(instruction), results: resultSlots(instruction))
  }
}
