// Fewer residuals: what the linear part can compute cheaply from what it has anyway is not handed over.
//
//   known: y = tanh(x); a = 1 - y; b = y + 1; s = a * b    linear: dz = dx * s
//
// hands over s. If y is a result of the known part already, or no larger than s, the linear part computes s from y.
// What counts is the number of bytes that are newly stored: none for parameters that are at hand and for results.

import BloxIR

extension ProgramSplit {
  /// The split with cheap residuals computed in the linear part.
  ///
  /// - Parameters:
  ///   - isFree: Which parameters of the known part cost nothing as residuals.
  ///   - stored: Which results of the known part are stored anyway.
  func reducingResiduals(
    isFree: [Bool], stored: Range<Int> = 0..<0, axes: [String: Int]
  ) throws(BloxError) -> ProgramSplit {
    let choice = ResidualChoice(self, isFree: isFree, results: stored)
    guard choice.stored != residuals.compactMap(\.value) else { return self }
    var result = self
    result.residualCount = choice.stored.count
    result.known = known
    result.known.results.removeLast(residualCount)
    result.known.results += choice.stored.map { ProgramResult(.value($0)) }

    let types = choice.stored.map { known.type(of: $0) }
    let linearTypes = linear.parameters.dropFirst(residualCount).map(\.type)
    result.linear = try Program.region(types + linearTypes, axes: axes) { (b, x) throws(BloxError) in
      var map: [Int: Operand] = [:]
      for (value, operand) in zip(choice.stored, x) { map[value.index] = operand }
      func operand(_ old: Operand) -> Operand { old.value.flatMap { map[$0.index] } ?? old }
      for instruction in choice.repeated {
        let values = try b.copy(instruction, operands: instruction.operands.map { operand($0) })
        for (old, new) in zip(instruction.results, values) { map[old.index] = .value(new) }
      }
      return try b.splice(linear, arguments: residuals.map { operand($0) } + x.dropFirst(choice.stored.count))
    }
    result.linear.name = linear.name
    return result
  }
}

/// Which values are handed over, and what is computed from them.
private struct ResidualChoice {
  let stored: [Value]
  /// Instructions of the known part, in order.
  let repeated: [Instruction]

  /// The most instructions that are repeated for one residual.
  private static let sizeLimit = 8

  init(_ split: ProgramSplit, isFree: [Bool], results: Range<Int>) {
    let known = split.known
    var producer: [Int?] = known.types.map { _ in nil }
    for (index, instruction) in known.instructions.enumerated() {
      for value in instruction.results { producer[value.index] = index }
    }
    var isAvailable = known.types.indices.map { $0 < isFree.count && isFree[$0] }
    for result in known.results[results] {
      if let value = result.operand.value { isAvailable[value.index] = true }
    }
    let wanted = split.residuals.compactMap(\.value)
    var isStored = Set(wanted)
    var isRepeated: Set<Int> = []
    // Late values first: they are computed from earlier ones, which may be residuals themselves.
    for value in wanted.sorted(by: >) where value.index >= known.parameters.count && !isAvailable[value.index] {
      var cone: Set<Int> = []
      var frontier: Set<Value> = []
      var pending = [value]
      var isCheap = true
      while let next = pending.popLast(), isCheap {
        let isKept = next != value && (isStored.contains(next) || isAvailable[next.index])
        guard !isKept, let index = producer[next.index], known.instructions[index].op.isCheapToRepeat else {
          frontier.insert(next)
          continue
        }
        if cone.insert(index).inserted { pending += known.instructions[index].operands.compactMap(\.value) }
        isCheap = cone.count <= ResidualChoice.sizeLimit
      }
      guard isCheap, !cone.isEmpty, !frontier.contains(value) else { continue }
      let added = frontier.filter { !isStored.contains($0) && !isAvailable[$0.index] }
      let bytes = added.reduce(0) { $0 + known.type(of: $1).byteCount }
      guard bytes <= known.type(of: value).byteCount else { continue }
      isStored.remove(value)
      isStored.formUnion(frontier)
      isRepeated.formUnion(cone)
    }
    stored = isStored.sorted()
    repeated = isRepeated.sorted().map { known.instructions[$0] }
  }
}
