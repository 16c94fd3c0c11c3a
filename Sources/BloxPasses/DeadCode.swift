// Dead code: what nobody reads is not computed.
//
// One walk backwards marks what is read; no op is known by name. A call or region of which some results are read is
// replaced by one without the others, and without the parameters that it no longer needs. Parameters of the program
// itself stay: they are its signature.

import BloxIR

extension Program {
  /// The program without instructions, callee results and region results that nobody reads.
  package func eliminatingDeadCode(axes: [String: Int] = [:]) throws(BloxError) -> Program {
    var trimmer = Trimmer(axes: axes)
    return try trimmer.trim(self)
  }
}

private struct Trimmer {
  let axes: [String: Int]
  /// The same callee is often called many times: each set of results it is asked for is trimmed once.
  private var done: [Request: Trimmed] = [:]

  init(axes: [String: Int]) { self.axes = axes }

  private struct Request: Hashable {
    let op: Op
    let live: [Bool]
  }

  /// A call or region with what is left of it.
  private struct Trimmed {
    let op: Op
    /// The operands that it still reads, by position in the original.
    let operands: [Int]
  }

  mutating func trim(_ program: Program) throws(BloxError) -> Program {
    var live = Array(repeating: false, count: program.types.count)
    for case .value(let value) in program.results.map(\.operand) { live[value.index] = true }
    var trimmed: [Trimmed?] = Array(repeating: nil, count: program.instructions.count)
    var isDead = Array(repeating: false, count: program.instructions.count)
    for (index, instruction) in program.instructions.enumerated().reversed() {
      var read = instruction.results.map { live[$0.index] }
      if instruction.op.hasEffect, !read.contains(true), let first = instruction.results.first {
        // A call with effects keeps a result, so that every instruction defines something.
        live[first.index] = true
        read[0] = true
      }
      guard read.contains(true) || (read.isEmpty && instruction.op.hasEffect) else {
        isDead[index] = true
        continue
      }
      trimmed[index] = try trimNested(instruction.op, live: read)
      let kept = trimmed[index]?.operands ?? Array(instruction.operands.indices)
      for case .value(let value) in kept.map({ instruction.operands[$0] }) { live[value.index] = true }
    }
    guard isDead.contains(true) || zip(program.instructions, trimmed).contains(where: { $1 != nil && $0.op != $1?.op })
    else { return program }

    var rewriter = Rewriter(program, axes: axes)
    for (index, instruction) in program.instructions.enumerated() where !isDead[index] {
      guard let nested = trimmed[index] else {
        try rewriter.copy(instruction)
        continue
      }
      rewriter.builder.note = instruction.note
      let operands = nested.operands.map { rewriter.operand(instruction.operands[$0]) }
      let values = try rewriter.builder.emit(nested.op, operands)
      let read = instruction.results.filter { live[$0.index] }
      for (old, new) in zip(read, values) { rewriter.bind(old, to: .value(new)) }
    }
    return rewriter.finish()
  }

  /// The call or region with the results in `live` only; `nil` for an op that carries no program.
  private mutating func trimNested(_ op: Op, live: [Bool]) throws(BloxError) -> Trimmed? {
    guard let nested = op.nestedProgram else { return nil }
    let request = Request(op: op, live: live)
    if let known = done[request] { return known }
    var body = nested
    body.results = zip(nested.results, live).filter(\.1).map(\.0)
    body = try trim(body)
    let uses = body.useCounts()
    let kept = body.parameters.indices.filter { uses[$0] > 0 }
    if kept.count < body.parameters.count { body = try body.keepingParameters(kept, axes: axes) }
    let result = Trimmed(op: op.withNestedProgram(body), operands: kept)
    done[request] = result
    return result
  }
}

extension Program {
  /// The program without the parameters that are not listed, which must be unread.
  fileprivate func keepingParameters(_ kept: [Int], axes: [String: Int]) throws(BloxError) -> Program {
    var rewriter = Rewriter(self, axes: axes, parameters: kept.map { parameters[$0] })
    for (new, old) in kept.enumerated() {
      rewriter.bind(parameterValue(old), to: .value(rewriter.builder.parameterValue(new)))
    }
    for instruction in instructions { try rewriter.copy(instruction) }
    return rewriter.finish()
  }
}

extension ProgramBuilder {
  /// The value of parameter `index`.
  package func parameterValue(_ index: Int) -> Value { Value(index) }
}

extension Op {
  /// The program that the op runs: a callee or a region.
  var nestedProgram: Program? {
    if case .call(let callee) = self { callee.program } else { region }
  }

  /// The op with another program to run.
  func withNestedProgram(_ program: Program) -> Op {
    switch self {
    case .call: .call(Callee(program))
    case .fusion(let fusion): .fusion(Fusion(kind: fusion.kind, region: program))
    case .constant, .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow,
      .broadcastInDim, .reshape, .transpose, .slice, .pad, .concatenate, .iota, .reduce, .argReduce, .dotGeneral,
      .random, .axisIndex, .stopGradient:
      self
    case .custom, .collective, .indexing: self
    case .cumulative: self
    case .linearAlgebra, .optimizationBarrier: self
    case .debugPrint: self
    }
  }
}
