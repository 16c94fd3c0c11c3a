// A program in numbers: how many of which op, how much arithmetic, how many parameters.

extension Program {
  /// A table of the program's ops with their floating-point operations, and the sizes of its inputs.
  public func summary() -> String {
    var counts: [String: (count: Int, flops: Int, order: Int)] = [:]
    var nested = 0
    count(into: &counts, &nested)
    let model = parameters.filter { if case .path = $0.label { true } else { false } }
    let elements = model.reduce(0) { $0 + $1.type.elementCount }
    let bytes = model.reduce(0) { $0 + $1.type.byteCount }
    let constants = counts["constant"]?.count ?? 0
    var lines = [
      "program @\(name)   ops \(instructions.count)   params \(model.count)"
        + " (\(grouped(elements)) elements, \(binarySize(bytes)))   consts \(constants)"
    ]
    let width = counts.keys.map(\.count).max() ?? 0
    for (op, entry) in counts.sorted(by: { $0.value.order < $1.value.order }) {
      let padding = String(repeating: " ", count: width - op.count)
      let flops = entry.flops > 0 ? "   \(grouped(entry.flops)) FLOP" : ""
      let count = String(entry.count)
      lines.append("  \(op)\(padding)  \(String(repeating: " ", count: max(0, 5 - count.count)))\(count)\(flops)")
    }
    lines.append("  inputs \(parameters.count)  outputs \(results.count)  nested programs \(nested)")
    if let memory {
      lines.append(
        "  arena \(binarySize(memory.arenaBytes))  results \(binarySize(memory.resultBytes))"
          + "  aliased \(binarySize(memory.aliasedBytes))  peak \(binarySize(memory.peakBytes))")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Counts ops in order of first appearance, with those of regions and callees.
  private func count(into counts: inout [String: (count: Int, flops: Int, order: Int)], _ nested: inout Int) {
    for instruction in instructions {
      var entry = counts[instruction.op.name] ?? (0, 0, counts.count)
      entry.count += 1
      entry.flops += productFlops(instruction)
      counts[instruction.op.name] = entry
      for region in instruction.op.regions {
        nested += 1
        region.program.count(into: &counts, &nested)
      }
      for (role, callee) in instruction.op.callees {
        nested += 1
        // Derivative programs do not run where they are named.
        if role == .primal { callee.program.count(into: &counts, &nested) }
      }
    }
  }

  /// The arithmetic of a product; other ops are bound by memory, and counting them would pretend a precision that the
  /// number does not have.
  package func productFlops(_ instruction: Instruction) -> Int {
    2 * (products(instruction) ?? 0)
  }
}

/// A number with its digits in groups of three.
private func grouped(_ number: Int) -> String {
  var text = ""
  for (index, digit) in String(number).reversed().enumerated() {
    if index > 0, index % 3 == 0, digit != "-" { text.append(",") }
    text.append(digit)
  }
  return String(text.reversed())
}

/// A number of bytes in the largest binary unit that it fills, with one decimal.
package func binarySize(_ bytes: Int) -> String {
  if bytes < 1024 { return "\(bytes) B" }
  var (value, unit) = (Double(bytes), "B")
  for next in ["KiB", "MiB", "GiB", "TiB"] where value >= 1024 {
    value /= 1024
    unit = next
  }
  return "\(oneDecimal(value)) \(unit)"
}

/// A number from 0 with one decimal.
package func oneDecimal(_ value: Double) -> String {
  let tenths = Int((value * 10).rounded())
  return "\(tenths / 10).\(tenths % 10)"
}
