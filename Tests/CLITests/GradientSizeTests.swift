// The sizes of gradient programs, as Docs/GRADIENTS.md states them, and JAX's beside them.

import BloxIR
import BloxPasses
import Foundation
import Gallery
import TestSupport
import Testing

@Suite("Docs/GRADIENTS.md") struct GradientSizeTests {
  /// Entries that have no gradients.
  static let withoutGradients = ["mlp", "dropout.vmap", "textgen.decode"]

  @Test(
    "No gradient program is larger than JAX's",
    arguments: GalleryEntry.all.map(\.name).filter { !withoutGradients.contains($0) })
  func sizes(name: String) throws {
    let entry = try GalleryEntry.named(name)
    let gradients = try entry.program(at: .grad)
    let simplified = try Stage.simplified.apply(to: gradients)
    let file = try JSON(parsing: Fixtures.bytes(at: Fixtures.path("equations.json")), file: "equations.json")
    let equations = try #require(file[name]?.int, "Scripts/count_equations.py does not count @\(name)")
    #expect(size(simplified) <= equations)
    let path = CommandRunner.packageRoot.appendingPathComponent("Docs/GRADIENTS.md")
    let page = try String(contentsOf: path, encoding: .utf8)
    let counts = [size(gradients), size(simplified), equations].map(String.init)
    let row = "| `@\(name)` | " + counts.joined(separator: " | ") + " |"
    #expect(page.contains(row + "\n"), "Docs/GRADIENTS.md should have the row\n\(row)")
  }

  /// The number of instructions, those of bodies too.
  private func size(_ program: Program) -> Int {
    program.instructions.reduce(0) { $0 + 1 + $1.op.regions.reduce(0) { $0 + size($1.program) } }
  }

  @Test("The gradient of an LSTM over 64 steps multiplies each matrix once, and keeps nothing that does not change")
  func scanResiduals() throws {
    let program = try Stage.simplified.apply(to: try GalleryEntry.named("lstm").program(at: .grad))
    let scans = program.instructions.compactMap { instruction -> Op.Scan? in
      guard case .control(.scan(let scan)) = instruction.op else { return nil }
      return scan
    }
    #expect(scans.map(\.length) == [64, 64] && scans.map(\.isReversed) == [false, true])
    let (forward, backward) = (scans[0].body.program, scans[1].body.program)
    func products(_ body: Program) -> [Instruction] {
      body.instructions.filter { if case .dotGeneral = $0.op { true } else { false } }
    }
    // Forward, the gates; backward, the cotangents of the weights and of what they were multiplied with.
    #expect(products(forward).count == 1)
    #expect(products(backward).count == 2)
    let gates = try #require(products(forward).first?.op)
    #expect(products(backward).allSatisfy { $0.op != gates })

    // What is stacked changes from step to step: it depends on a carry or a slice.
    var changing = Set(forward.parameters.indices.dropFirst(scans[0].constCount))
    for instruction in forward.instructions
    where instruction.operands.contains(where: {
      if case .value(let v) = $0 { changing.contains(v.index) } else { false }
    }) {
      for result in instruction.results { changing.insert(result.index) }
    }
    let stacked = forward.results.dropFirst(scans[0].carryCount).map(\.operand)
    #expect(stacked.count == 8)
    for operand in stacked {
      guard case .value(let value) = operand else {
        Issue.record("a literal is stacked")
        continue
      }
      #expect(changing.contains(value.index), "%\(value.index) is the same in each step, and is stacked")
    }
    #expect(Set(stacked).count == stacked.count, "nothing is stacked twice")
  }
}
