// What a compiled program costs: arithmetic, memory traffic and memory.

import BloxIR
import BloxPasses
import BloxRuntime

/// What ops cost together.
package struct OpCost: Sendable, Hashable {
  /// How many instructions.
  package var count = 0
  /// The floating-point operations of products; other ops are bound by memory.
  package var flops = 0
  /// The bytes that are read and written: each operand and each result once.
  package var bytes = 0

  static func += (a: inout OpCost, b: OpCost) {
    a.count += b.count
    a.flops += b.flops
    a.bytes += b.bytes
  }
}

/// The cost of a program as it would be compiled.
package struct ProgramCost: Sendable {
  /// The program with its plan.
  package let planned: Program
  /// The cost by op, those that move most first.
  package let ops: [(name: String, cost: OpCost)]
  /// The cost of all.
  package let total: OpCost
  /// What a call needs beyond its arguments and what kernels need, at its peak.
  package let peakBytes: Int

  /// Compiles a program and counts. The body of a region or of a called program counts once.
  package init(compiling program: Program) throws(BloxError) {
    planned = try planBuffers(PassPipeline.standard.run(program.withoutPlan, context: Compiler.context))
    var costs: [String: OpCost] = [:]
    var total = OpCost()
    for instruction in planned.instructions {
      let cost = planned.cost(of: instruction)
      costs[instruction.op.name, default: OpCost()] += cost
      total += cost
    }
    ops = costs.map { (name: $0.key, cost: $0.value) }.sorted { (-$0.cost.bytes, $0.name) < (-$1.cost.bytes, $1.name) }
    self.total = total
    peakBytes = planned.memory?.peakBytes ?? 0
  }

  /// A table of the ops.
  package var table: String {
    let entries = ops + [("total", total)]
    var rows = [["op", "count", "FLOP", "bytes moved", "FLOP/byte"]]
    for (name, cost) in entries {
      let intensity = cost.bytes > 0 ? Double(cost.flops) / Double(cost.bytes) : 0
      rows.append([
        name, "\(cost.count)", cost.flops > 0 ? "\(cost.flops)" : "", binarySize(cost.bytes),
        cost.flops > 0 ? oneDecimal(intensity) : "",
      ])
    }
    return alignedTable(rows) + "peak \(binarySize(peakBytes)) beyond the arguments and what kernels need\n"
  }
}

extension Program {
  /// The cost of an instruction; of control flow without what its regions do.
  func cost(of instruction: Instruction) -> OpCost {
    var cost = OpCost(count: 1)
    cost.flops = productFlops(instruction)
    if let region = instruction.op.region {
      cost.flops += region.instructions.reduce(0) { $0 + region.productFlops($1) }
    }
    // What only renames its operand moves nothing.
    if instruction.isAlias(in: self) || instruction.isPartOfOperand { return cost }
    let operands = Set(instruction.operands.compactMap(\.value))
    cost.bytes = operands.reduce(0) { $0 + type(of: $1).byteCount }
    cost.bytes += instruction.results.reduce(0) { $0 + type(of: $1).byteCount }
    if instruction.readsOnlyWhatItTakes, let source = instruction.operands[0].value {
      cost.bytes -= max(0, type(of: source).byteCount - type(of: instruction.results[0]).byteCount)
    }
    return cost
  }
}

extension Instruction {
  /// Whether only as many elements of the first operand are read as the result has.
  fileprivate var readsOnlyWhatItTakes: Bool {
    switch op {
    case .slice, .indexing(.gather), .indexing(.dynamicSlice): true
    case _: false
    }
  }
}
