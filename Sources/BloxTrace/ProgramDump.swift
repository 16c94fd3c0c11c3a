// Compiled programs as files, for a look at a program that runs: numbered texts and an index.

import BloxIR
import BloxRuntime
import Synchronization

/// A folder into which every compiled function's program is written, as `0001.train_step.traced.bir` and so on, with
/// an `index.txt` of a line per file. Numbers count the functions compiled by this process.
public struct ProgramDump: Sendable {
  /// The folder; made when it is missing.
  public let folder: String
  /// The stages that are written.
  public let stages: Set<CompilationStage>
  private let index = Index()

  /// A dump into a folder.
  public init(folder: String, stages: Set<CompilationStage> = Set(CompilationStage.allCases)) {
    self.folder = folder
    self.stages = stages
  }

  /// What has been written; copies of the dump share it.
  private final class Index: Sendable {
    struct State {
      var programs = 0
      var lines: [String] = []
    }

    let state = Mutex(State())
  }

  /// Writes the stages of one function, and the index.
  ///
  /// - Throws: ``BloxError/Code/file`` when a file cannot be written.
  func write(_ programs: [(stage: CompilationStage, program: Program)], function: String, declared: SourceLocation?)
    throws(BloxError)
  {
    let isWritten = index.state.locked { state -> Bool in
      state.programs += 1
      let number = String(repeating: "0", count: max(0, 4 - String(state.programs).count)) + "\(state.programs)"
      guard makeFolder(folder) else { return false }
      for (stage, program) in programs where stages.contains(stage) {
        let file = "\(number).\(fileName(function)).\(stage.rawValue).bir"
        guard replaceFile("\(folder)/\(file)", with: program.text()) else { return false }
        let place = declared.map { "  \($0)" } ?? ""
        state.lines.append("\(file)  \(program.instructions.count) instructions\(place)")
      }
      return replaceFile("\(folder)/index.txt", with: state.lines.map { $0 + "\n" }.joined())
    }
    if !isWritten { throw BloxError(.file, "the program of \(function) could not be written to \(folder)") }
  }

  /// A function's name with only letters, digits, `-` and `_`.
  private func fileName(_ function: String) -> String {
    String(function.map { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) ? $0 : "_" })
  }
}
