// Answers about memory: what is in use at the peak, and what became of donated arguments.

import BloxIR
import BloxPasses
import BloxRuntime

/// The memory of a compiled program.
package struct MemoryReport: Sendable {
  private let planned: Program
  private let executable: Executable
  private let lines: ProgramLines

  /// Compiles a program.
  package init(compiling program: Program) throws(BloxError) {
    planned = try ProgramCost(compiling: program).planned
    executable = try Executable(planned: planned)
    lines = ProgramLines(planned)
  }

  /// A piece of the arena in use.
  private struct Block {
    var offset: Int
    var value: Value
    var note: SourceNote
    var start: Int
    var end: Int
  }

  /// The values of the arena with the instructions between which they are in use. What renames a value, or takes over
  /// its memory, has its offset and is a block of its own; blocks of one offset and time count once.
  private var blocks: [Block] {
    var lastUse: [Value: Int] = [:]
    for (index, instruction) in planned.instructions.enumerated().reversed() {
      // What is read of a part is read of the whole.
      let end = instruction.isPartOfOperand ? lastUse[instruction.results[0]] ?? index : index
      for value in instruction.operands.compactMap(\.value) { lastUse[value] = max(lastUse[value] ?? 0, end) }
    }
    return planned.instructions.enumerated().flatMap { index, instruction in
      zip(instruction.results, instruction.buffers).compactMap { value, buffer in
        guard case .arena(let offset) = buffer else { return nil }
        return Block(
          offset: offset, value: value, note: instruction.note, start: index, end: lastUse[value] ?? index)
      }
    }
  }

  /// The blocks in use at an instruction, the largest first.
  private func inUse(_ blocks: [Block], at index: Int) -> [Block] {
    var byOffset: [Int: Block] = [:]
    for block in blocks where block.start <= index && index <= block.end {
      // An instruction that writes over an operand has both at one place: its result is what stays.
      if let other = byOffset[block.offset], size(other) > size(block) { continue }
      byOffset[block.offset] = block
    }
    return byOffset.values.sorted { (-size($0), $0.offset) < (-size($1), $1.offset) }
  }

  private func size(_ block: Block) -> Int { planned.type(of: block.value).byteCount }

  /// Totals, and what is in use where most is.
  package var text: String {
    let memory = executable.memory
    func bytes(_ parameters: [Parameter]) -> Int { parameters.reduce(0) { $0 + $1.type.byteCount } }
    let donated = bytes(planned.parameters.filter(\.isDonated))
    let threads = ThreadPool.threadCount == 1 ? "one thread" : "\(ThreadPool.threadCount) threads"
    var text = [
      "arguments    \(binarySize(bytes(planned.parameters))), of which \(binarySize(donated)) donated",
      "results      \(binarySize(memory.resultBytes)) new, \(binarySize(memory.aliasedBytes)) in donated arguments",
      "temporaries  \(binarySize(memory.arenaBytes))",
      "kernels      \(binarySize(executable.scratchBytes)) while they run, on this machine's \(threads)",
      "peak         \(binarySize(executable.peakBytes)) beyond the arguments",
    ]
    let blocks = blocks
    let usage = planned.instructions.indices.map { inUse(blocks, at: $0).reduce(0) { $0 + size($1) } }
    guard let most = usage.max(), most > 0, let peak = usage.firstIndex(of: most) else {
      return text.joined(separator: "\n") + "\n"
    }
    let line = lines.instructions[peak].split(separator: "\n")[0].trimmingPrefix("  ")
    text.append("most temporaries are in use at instruction \(peak + 1) of \(usage.count), \(binarySize(most)):")
    text.append("  \(line)\(place(planned.instructions[peak].note))")
    let rows = inUse(blocks, at: peak).map { block in
      [lines.name(block.value), "\(planned.type(of: block.value))", binarySize(size(block)), block.note.scope]
    }
    let widths = (0..<3).map { column in rows.map { $0[column].count }.max() ?? 0 }
    for row in rows {
      var line = "    "
      for (cell, width) in zip(row, widths) { line += cell + String(repeating: " ", count: width - cell.count + 2) }
      line += row[3]
      while line.last == " " { line.removeLast() }
      text.append(line)
    }
    return text.joined(separator: "\n") + "\n"
  }

  private func place(_ note: SourceNote) -> String {
    note.words.isEmpty ? "" : "   (\(note.words.joined(separator: ", ")))"
  }

  /// What became of each argument.
  package var donations: String {
    let outcomes = Dictionary(uniqueKeysWithValues: planned.donationReport.map { ($0.parameter, $0.outcome) })
    let rows = planned.parameters.enumerated().map { index, parameter -> [String] in
      let outcome: String
      switch outcomes[index] {
      case nil: outcome = "not donated"
      case .reused(let result): outcome = "reused by \(name(ofResult: result))"
      case .forwarded(let result): outcome = "handed through as \(name(ofResult: result)); nothing is copied"
      case .unused(let reason): outcome = "donated in vain: \(reason)"
      }
      return [parameter.label?.text ?? "input \(index)", "\(parameter.type)", outcome]
    }
    let widths = (0..<2).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count + 2) }.joined() + row[2] + "\n"
    }.joined()
  }

  private func name(ofResult index: Int) -> String { planned.results[index].label?.text ?? "result \(index)" }
}
