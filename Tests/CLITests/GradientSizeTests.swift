// The sizes of gradient programs, as Docs/GRADIENTS.md states them, and JAX's beside them.

import BloxIR
import BloxPasses
import Foundation
import Gallery
import TestSupport
import Testing

@Suite("Docs/GRADIENTS.md") struct GradientSizeTests {
  /// Entries that have no gradient program, one in whose loops most instructions are, or one of layers that jax-blox
  /// does not have: what they show is something else.
  static let withoutGradients = ["mlp", "dropout.vmap", "rnn", "lstm", "textgen", "textgen.decode", "forecast"]

  @Test(
    "No gradient program is larger than JAX's",
    arguments: GalleryEntry.all.map(\.name).filter { !withoutGradients.contains($0) })
  func sizes(name: String) throws {
    let entry = try GalleryEntry.named(name)
    let gradients = try entry.program(at: .grad)
    let simplified = try Stage.simplified.apply(to: gradients)
    let file = try JSON(parsing: Fixtures.bytes(at: Fixtures.path("equations.json")), file: "equations.json")
    let equations = try #require(file[name]?.int, "Scripts/count_equations.py does not count @\(name)")
    #expect(simplified.instructions.count <= equations)
    let path = CommandRunner.packageRoot.appendingPathComponent("Docs/GRADIENTS.md")
    let page = try String(contentsOf: path, encoding: .utf8)
    let counts = [gradients.instructions.count, simplified.instructions.count, equations].map(String.init)
    let row = "| `@\(name)` | " + counts.joined(separator: " | ") + " |"
    #expect(page.contains(row + "\n"), "Docs/GRADIENTS.md should have the row\n\(row)")
  }
}
