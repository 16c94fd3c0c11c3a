// `explain code`: what the regions of a program became on this machine.

import BloxIR
import BloxRuntime

/// The micro-ops and the machine code of a compiled program's regions.
package struct RegionReport: Sendable {
  /// Each region with what it became.
  package let text: String

  /// Compiles a program.
  package init(compiling program: Program) throws(BloxError) {
    let planned = try ProgramCost(compiling: program).planned
    let names = ProgramLines(planned)
    let blocks = try Executable.listings(planned: planned).map { listing in
      let instruction = listing.instruction
      // Values inside of control flow have no names of their own here.
      let label = listing.around.isEmpty ? names.label(instruction) : instruction.label
      let outer = listing.around.prefix(1).map { "in \(names.label($0))" }
      let title = ["\(label): \(listing.type)"] + outer + instruction.note.words
      return ([title.joined(separator: ", ")] + listing.lines.map { "  " + $0 }).joined(separator: "\n") + "\n"
    }
    text = blocks.isEmpty ? "no instruction runs tile by tile\n" : blocks.joined(separator: "\n")
  }
}
