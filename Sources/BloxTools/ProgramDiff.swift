// The difference of two programs, whatever their values are called.
//
// Instructions are aligned by op, attributes and types (Myers' algorithm, as the standard library has it). Aligned ones
// whose operands do not correspond differ as well. What they define corresponds from then on, so that one changed
// operand is one difference, and not all that follows.

import BloxIR

/// How two programs differ.
package struct ProgramDiff: Sendable {
  /// Whether parameters and results have the same types, names and flags.
  package private(set) var hasSameSignature = true
  /// Lines of what differs in parameters and results, with `-` and `+`.
  package private(set) var signature: [String] = []
  /// Lines of instructions that differ, with `-` and `+`.
  package private(set) var instructions: [String] = []
  /// How many instructions differ; one that was replaced by another counts once.
  package private(set) var count = 0
  private let costs: (old: ProgramCost, new: ProgramCost)?

  /// Whether nothing differs.
  package var isEmpty: Bool { hasSameSignature && instructions.isEmpty }

  private struct Token: Hashable {
    var op: Op
    var types: [TensorType]
  }

  /// Compares two programs.
  ///
  /// - Parameters:
  ///   - ignoresConstants: Whether elements of constants and literals may differ.
  ///   - comparesCost: Whether both are compiled, to compare what they cost.
  package init(
    _ old: Program, _ new: Program, ignoresConstants: Bool = false, comparesCost: Bool = true
  ) throws(BloxError) {
    costs = comparesCost ? (try ProgramCost(compiling: old), try ProgramCost(compiling: new)) : nil
    compareSignatures(old, new)
    compareInstructions(old, new, ignoresConstants)
  }

  private mutating func compareSignatures(_ old: Program, _ new: Program) {
    func describe(_ parameter: Parameter, _ index: Int) -> String {
      let flags = (parameter.isTrainable ? " trainable" : "") + (parameter.isDonated ? " donated" : "")
      return "input \(index): \(parameter.type) \(parameter.label?.text ?? "")\(flags)"
    }
    func describe(_ result: ProgramResult, _ index: Int, _ program: Program) -> String {
      "output \(index): \(program.type(of: result.operand)) \(result.label?.text ?? "")"
    }
    func compare(_ a: [String], _ b: [String]) {
      for index in 0..<max(a.count, b.count) {
        let (x, y) = (index < a.count ? a[index] : nil, index < b.count ? b[index] : nil)
        guard x != y else { continue }
        hasSameSignature = false
        if let x { signature.append("  - \(x)") }
        if let y { signature.append("  + \(y)") }
      }
    }
    compare(
      old.parameters.enumerated().map { describe($1, $0) }, new.parameters.enumerated().map { describe($1, $0) })
    compare(
      old.results.enumerated().map { describe($1, $0, old) }, new.results.enumerated().map { describe($1, $0, new) })
  }

  private mutating func compareInstructions(_ old: Program, _ new: Program, _ ignoresConstants: Bool) {
    func token(_ instruction: Instruction, _ program: Program) -> Token {
      var op = instruction.op
      if ignoresConstants, case .constant(let constant) = op {
        op = .constant(DenseConstant(Literal(0, as: constant.type.dtype), shape: constant.type.shape))
      }
      return Token(op: op, types: instruction.results.map { program.type(of: $0) })
    }
    let tokens = (old.instructions.map { token($0, old) }, new.instructions.map { token($0, new) })
    let difference = tokens.1.difference(from: tokens.0)
    var (removed, inserted): (Set<Int>, Set<Int>) = ([], [])
    for change in difference {
      switch change {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): inserted.insert(offset)
      }
    }
    let lines = (ProgramLines(old), ProgramLines(new))
    var partner: [Value: Value] = [:]
    for index in 0..<min(old.parameters.count, new.parameters.count) {
      partner[old.parameterValue(index)] = new.parameterValue(index)
    }
    func corresponds(_ a: Operand, _ b: Operand) -> Bool {
      switch (a, b) {
      case (.value(let x), .value(let y)): return partner[x] == y
      case (.splat(let x, let shape), .splat(let y, let other)):
        return shape == other && (x == y || ignoresConstants && x.dtype == y.dtype)
      case (.value, .splat), (.splat, .value): return false
      }
    }
    var (i, j) = (0, 0)
    while i < old.instructions.count || j < new.instructions.count {
      var (minus, plus): ([String], [String]) = ([], [])
      while i < old.instructions.count, removed.contains(i) {
        minus.append(lines.0.instructions[i])
        i += 1
      }
      while j < new.instructions.count, inserted.contains(j) {
        plus.append(lines.1.instructions[j])
        j += 1
      }
      note(minus, plus)
      guard i < old.instructions.count, j < new.instructions.count else { continue }
      let (a, b) = (old.instructions[i], new.instructions[j])
      let isSame = a.operands.count == b.operands.count && zip(a.operands, b.operands).allSatisfy(corresponds)
      if !isSame { note([lines.0.instructions[i]], [lines.1.instructions[j]]) }
      for (x, y) in zip(a.results, b.results) { partner[x] = y }
      (i, j) = (i + 1, j + 1)
    }
    let same =
      old.results.count == new.results.count
      && zip(old.results, new.results).allSatisfy { corresponds($0.operand, $1.operand) }
    if !same { note([lines.0.returned], [lines.1.returned]) }
  }

  private mutating func note(_ minus: [String], _ plus: [String]) {
    count += max(minus.count, plus.count)
    for (sign, texts) in [("-", minus), ("+", plus)] {
      for line in texts.flatMap({ $0.split(separator: "\n") }) {
        instructions.append("  \(sign) \(line.dropFirst(2))")
      }
    }
  }

  /// Whether inputs and outputs are the same, and what differs in them.
  package var signatureText: String {
    hasSameSignature ? "same inputs and outputs" : "inputs or outputs differ\n" + signature.joined(separator: "\n")
  }

  /// The difference in what the compiled programs cost; empty when costs were not compared.
  package var costText: String {
    guard let costs else { return "" }
    let flops = costs.new.total.flops - costs.old.total.flops
    func signed(_ difference: Int) -> String {
      difference == 0 ? "0" : (difference < 0 ? "-" : "+") + binarySize(abs(difference))
    }
    return "cost compiled: FLOP \(flops > 0 ? "+" : "")\(flops)"
      + "   bytes moved \(signed(costs.new.total.bytes - costs.old.total.bytes))"
      + "   peak \(signed(costs.new.peakBytes - costs.old.peakBytes))"
  }

  /// Everything.
  package var text: String {
    var lines = [signatureText]
    switch count {
    case 0: lines.append("no operation differs")
    case 1: lines.append("1 operation differs")
    case let count: lines.append("\(count) operations differ")
    }
    lines += instructions
    if !costText.isEmpty { lines.append(costText) }
    return lines.joined(separator: "\n")
  }
}
