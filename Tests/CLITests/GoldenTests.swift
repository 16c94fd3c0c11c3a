// IRSamples: programs as text, compared with what the compiler makes now.

import BloxIR
import BloxNN
import Foundation
import Gallery
import Testing

@Suite("IRSamples")
struct GoldenTests {
  static let folder = CommandRunner.packageRoot.appendingPathComponent("IRSamples").path
  static let files = (try? TextFile.files(below: folder, suffix: ".bir")) ?? []

  @Test(
    "Each file parses, verifies, survives printing, and is what its dump command makes (else: swift run blox-ir check IRSamples --bless)",
    arguments: files)
  func isCurrent(path: String) throws {
    #expect(try GoldenFile(path: path).check() == 4, "\(path) has no '// dump:' comment")
  }

  @Test("Every program of the gallery is there at every stage that the compiler takes it through")
  func isComplete() throws {
    let names = Self.files.map { String($0.dropFirst(Self.folder.count + 1)) }
    for entry in GalleryEntry.all {
      for stage in [Stage.traced, .simplified, .fused, .planned] {
        #expect(names.contains("\(entry.name).\(stage.rawValue).bir"))
      }
    }
    for name in ["linear", "mlp", "mlp.grad", "train_step"] { #expect(names.contains("\(name).grad.bir")) }
  }

  @Test("A file is named after its dump command", arguments: files)
  func isNamedAfterItsCommand(path: String) throws {
    let name = path.dropFirst(Self.folder.count + 1).dropLast(4)
    let dot = try #require(name.lastIndex(of: "."))
    let command = "// dump: @\(name[..<dot]) --stage \(name[name.index(after: dot)...])"
    #expect(try TextFile.read(path).split(separator: "\n")[1] == command)
  }

  @Test("The planned training step updates every donated parameter in place")
  func reusesDonatedParameters() throws {
    let program = try GalleryEntry.named("@train_step").program(at: .planned)
    let memory = try #require(program.memory)
    let donated = program.parameters.filter(\.isDonated)
    #expect(memory.aliasedBytes == donated.reduce(0) { $0 + $1.type.byteCount })
    // The loss is the only result that needs memory of its own.
    #expect(memory.resultBytes == 4)
  }

  @Test("A changed compiler shows as the first line that differs")
  func mismatchNamesTheLine() throws {
    let text = try TextFile.read(Self.folder + "/linear.traced.bir")
    let edited = text.replacing("dot_general %2, %1", with: "dot_general  %2, %1")
    let error = #expect(throws: GoldenMismatch.self) { try GoldenFile(path: "a.bir", text: edited).check() }
    #expect(
      error?.description == """
        a.bir: line 8 is not what the compiler makes now; look at the change, then run `blox-ir check --bless a.bir`
          -   %3: f32[2,4] = dot_general  %2, %1 {contract=[1]x[0]}  // demo/linear
          +   %3: f32[2,4] = dot_general %2, %1 {contract=[1]x[0]}  // demo/linear
        """)
  }

  @Test("A dump comment that makes no sense is an error")
  func hostileComments() throws {
    for (comment, message) in [
      ("@linear --stage", "--stage needs a value"),
      ("@linear --stage nowhere", "there is no stage named 'nowhere'"),
      ("@linear --set output=big", "a setting has the form NAME=NUMBER, such as hidden=8; got 'output=big'"),
      ("@linear --set output=0", "the setting output=0 of @linear must be between 1 and 1048576"),
      ("@linear --set width=3", "@linear has no setting named width; it has batch, output"),
      ("@linaer", "there is no gallery program named @linaer; did you mean @linear?"),
      ("@linear --frob 1", "a dump comment knows --stage and --set, not --frob"),
    ] {
      let golden = GoldenFile(path: "a.bir", text: "// blox-ir 1\n// dump: \(comment)\n")
      let error = #expect(throws: BloxError.self) { try golden.regenerated() }
      #expect(error?.code == .usage)
      #expect(error?.message.hasPrefix(message) == true, "\(error?.message ?? "")")
    }
  }
}
