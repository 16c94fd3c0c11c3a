// Attention: scores, softmax and the product with the values become one region, which never has all scores in memory.
//
// before:  %3 = dot_general %0, %1                    after:  %5 = fusion %0, %1, %2 {kind=attention} region(…) {
//          %4 = fusion %3 {kind=row} region(…) …                %9 = dot_general %6, %7
//          %5 = dot_general %4, %2                              …
//                                                               %19 = dot_general %18, %8
//                                                               return %19 }
//
// Only where the scores would not stay in the caches: otherwise products of whole matrices are faster. No sum is taken in
// another order, so no bit changes.

import BloxIR

extension Program {
  /// The program with a region for each product whose rows go through a region of rows into a product, and nowhere else.
  ///
  /// - Parameter leastBytes: The size of the scores from which on.
  func fusingAttention(leastBytes: Int, axes: [String: Int]) throws(BloxError) -> Program {
    let uses = useCounts()
    var producer: [Int?] = Array(repeating: nil, count: types.count)
    for (index, instruction) in instructions.enumerated() {
      for value in instruction.results { producer[value.index] = index }
    }
    var regions: [Int: (operands: [Operand], region: Program)] = [:]
    var inside: Set<Int> = []
    for (index, output) in instructions.enumerated() {
      guard case .dotGeneral = output.op, let weights = output.operands[0].value, uses[weights.index] == 1,
        let rows = producer[weights.index], case .fusion(let fusion) = instructions[rows].op, fusion.kind == .row,
        instructions[rows].results.count == 1
      else { continue }
      for operand in instructions[rows].operands {
        // A product that ends one region begins no other.
        guard let value = operand.value, uses[value.index] == 1, let product = producer[value.index],
          regions[product] == nil, case .dotGeneral = instructions[product].op, type(of: value).byteCount >= leastBytes,
          let found = try attention(product, rows, fusion.region, index, axes: axes)
        else { continue }
        regions[index] = found
        inside.formUnion([product, rows])
        break
      }
    }
    guard !regions.isEmpty else { return self }
    var rewriter = Rewriter(self, axes: axes)
    for (index, instruction) in instructions.enumerated() where !inside.contains(index) {
      guard let (operands, region) = regions[index] else {
        try rewriter.copy(instruction)
        continue
      }
      rewriter.builder.note = instruction.note
      let values = try rewriter.builder.emit(
        .fusion(Op.Fusion(kind: .attention, region: region)), operands.map { rewriter.operand($0) })
      rewriter.bind(instruction, to: values.map { .value($0) })
    }
    return rewriter.finish()
  }

  /// The region of three instructions with what it reads; `nil` if it has not the form.
  private func attention(
    _ product: Int, _ rows: Int, _ rowRegion: Program, _ output: Int, axes: [String: Int]
  ) throws(BloxError) -> (operands: [Operand], region: Program)? {
    let (product, rows, output) = (instructions[product], instructions[rows], instructions[output])
    let scores = Operand.value(product.results[0])
    let others = rows.operands.filter { $0 != scores }
    let operands = product.operands + others + [output.operands[1]]
    var builder = ProgramBuilder(name: "region", axes: axes)
    let parameters = operands.map { Operand.value(builder.parameter(type(of: $0))) }
    builder.note = product.note
    let newScores = try builder.emitOne(product.op, Array(parameters.prefix(2)))
    var rest = parameters.dropFirst(2)
    builder.note = rows.note
    let weights = try builder.splice(
      rowRegion, arguments: rows.operands.map { $0 == scores ? newScores : rest.removeFirst() })
    builder.note = output.note
    let result = try builder.emitOne(output.op, [weights[0], rest.removeFirst()])
    let region = builder.finish(results: [ProgramResult(result)])
    return AttentionRegion(region) == nil ? nil : (operands, region)
  }
}
