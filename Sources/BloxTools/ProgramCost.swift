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
  /// What a call needs beyond its arguments, at its peak.
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
      let tenths = Int((intensity * 10).rounded())
      rows.append([
        name, "\(cost.count)", cost.flops > 0 ? "\(cost.flops)" : "", binarySize(cost.bytes),
        cost.flops > 0 ? "\(tenths / 10).\(tenths % 10)" : "",
      ])
    }
    return alignedTable(rows) + "peak \(binarySize(peakBytes)) beyond the arguments\n"
  }
}

/// Rows with the first column to the left and the others to the right.
func alignedTable(_ rows: [[String]]) -> String {
  let widths = (0..<(rows.first?.count ?? 0)).map { column in rows.map { $0[column].count }.max() ?? 0 }
  return rows.map { row in
    var line = ""
    for (index, (cell, width)) in zip(row, widths).enumerated() {
      let blanks = String(repeating: " ", count: width - cell.count)
      line += index == 0 ? cell + blanks : "   " + blanks + cell
    }
    while line.last == " " { line.removeLast() }
    return line + "\n"
  }.joined()
}

extension Program {
  fileprivate func cost(of instruction: Instruction) -> OpCost {
    var cost = OpCost(count: 1)
    cost.flops = productFlops(instruction)
    if let region = instruction.op.region {
      cost.flops += region.instructions.reduce(0) { $0 + region.productFlops($1) }
    }
    // What only renames its operand moves nothing.
    if instruction.isAlias(in: self) { return cost }
    let operands = Set(instruction.operands.compactMap(\.value))
    cost.bytes = operands.reduce(0) { $0 + type(of: $1).byteCount }
    cost.bytes += instruction.results.reduce(0) { $0 + type(of: $1).byteCount }
    return cost
  }
}
