// Which operands an instruction may overwrite while it reads them.
//
// A tile program reads and writes element j of everything before it touches another tile, so a result may take the
// memory of an operand that is read at the same index only. Threads work on different elements, so they do not
// disturb each other either. The runtime keeps the order of reads and writes within a tile.
import BloxIR

extension Instruction {
  /// The values whose memory a result of the same size may take: each is read at the result's index only, wherever
  /// it occurs among the operands. In order of first occurrence.
  func valuesReadInPlace(in program: Program) -> [Value] {
    guard let space = results.first.map({ program.type(of: $0) }) else { return [] }
    var candidates: [Value] = []
    for (index, operand) in operands.enumerated() {
      guard let value = operand.value, !candidates.contains(value), readsInPlace(operandAt: index, space: space) else {
        continue
      }
      let others = operands.indices.filter { operands[$0].value == value }
      if others.allSatisfy({ readsInPlace(operandAt: $0, space: space) }),
        program.type(of: value).elementCount == space.elementCount
      {
        candidates.append(value)
      }
    }
    return candidates
  }

  private func readsInPlace(operandAt index: Int, space: TensorType) -> Bool {
    switch op {
    case .fusion(let fusion): fusion.region.readsInPlace(parameter: index)
    case .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow, .stopGradient: true
    case .constant, .broadcastInDim, .reshape, .transpose, .slice, .pad, .concatenate, .iota, .reduce, .argReduce,
      .dotGeneral, .random, .call, .axisIndex:
      false
    case .custom, .collective: false
    case .linearAlgebra, .optimizationBarrier: false
    }
  }
}

extension Program {
  /// Whether a fusion region reads a parameter, or what it renames to, by elementwise instructions only.
  func readsInPlace(parameter: Int) -> Bool {
    var names: Set<Value> = [parameterValue(parameter)]
    for instruction in instructions {
      let reads = instruction.operands.contains { $0.value.map(names.contains) ?? false }
      if !reads || instruction.op.isElementwise { continue }
      guard instruction.isAlias(in: self) else { return false }
      names.insert(instruction.results[0])
    }
    return true
  }
}
