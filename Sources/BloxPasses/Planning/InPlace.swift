// Which operands an instruction may overwrite while it reads them.
//
// A tile program reads and writes element j of everything before it touches another tile, so a result may take the
// memory of an operand that is read at the same index only. Threads work on different elements, so they do not
// disturb each other either. The runtime keeps the order of reads and writes within a tile.
import BloxIR

extension Instruction {
  /// The values whose memory a result of the same size may take: each is read at the result's index only, wherever
  /// it occurs among the operands. In order of first occurrence.
  ///
  /// A region with rows may have results of its elements and of its rows. An operand and a result of one size share
  /// memory row by row then, since both have the same number of rows.
  func valuesReadInPlace(in program: Program) -> [Value] {
    let counts = Set(results.map { program.type(of: $0).elementCount })
    var candidates: [Value] = []
    for (index, operand) in operands.enumerated() {
      guard let value = operand.value, !candidates.contains(value), readsInPlace(operandAt: index) else {
        continue
      }
      let others = operands.indices.filter { operands[$0].value == value }
      if others.allSatisfy({ readsInPlace(operandAt: $0) }),
        counts.contains(program.type(of: value).elementCount)
      {
        candidates.append(value)
      }
    }
    return candidates
  }

  private func readsInPlace(operandAt index: Int) -> Bool {
    switch op {
    case .fusion(let fusion): fusion.region.readsInPlace(parameter: index)
    case .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow, .stopGradient: true
    case .constant, .broadcastInDim, .reshape, .transpose, .slice, .pad, .concatenate, .iota, .reduce, .argReduce,
      .dotGeneral, .random, .call, .axisIndex:
      false
    // What is written over is the first operand, and nothing else of it is read.
    case .indexing(.scatter), .indexing(.dynamicUpdateSlice): index == 0
    case .indexing(.reverse), .indexing(.dynamicSlice), .indexing(.gather): false
    case .custom, .collective: false
    case .cumulative: true
    case .checkpointName: true
    case .control: false
    case .linearAlgebra, .optimizationBarrier: false
    case .convolution: false
    case .window: false
    // A line is read before it is written. Of several operands, one could take the place of another.
    case .ordering(.sort): operands.count == 1
    case .ordering(.topK): false
    case .debugPrint: false
    }
  }
}

extension Program {
  /// Whether a fusion region reads a parameter, or what it renames to, by elementwise instructions and by reductions of
  /// its rows or columns only. Reductions of columns are written when everything has been read. What makes an operand
  /// of a product reads elements that later blocks of the result are made of too.
  func readsInPlace(parameter: Int) -> Bool {
    var names: Set<Value> = [parameterValue(parameter)]
    let makers = productPosition ?? 0
    for (index, instruction) in instructions.enumerated() {
      let reads = instruction.operands.contains { $0.value.map(names.contains) ?? false }
      if reads && index < makers { return false }
      if !reads || instruction.op.isElementwise || instruction.reducesRows(in: self)
        || instruction.columnPieces(in: self) != nil
      {
        continue
      }
      guard instruction.isAlias(in: self) else { return false }
      names.insert(instruction.results[0])
    }
    return true
  }
}
