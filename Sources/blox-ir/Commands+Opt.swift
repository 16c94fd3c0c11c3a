// `opt` and what `opt` and `run` have in common: taking a program from a file or the gallery.

import BloxIR
import BloxNN
import BloxTools
import Gallery

extension Commands {
  /// A program as it was asked for, not verified.
  struct Source {
    var request: DumpRequest

    init(_ request: DumpRequest) { self.request = request }

    /// Reads `PROGRAM [--stage S] [--set NAME=N]… [--batch N]`.
    init(_ arguments: inout Arguments, command: String) throws(BloxError) {
      let stage = try arguments.option("--stage").map { name throws(BloxError) in try Stage(named: name) }
      let settings = try arguments.options("--set")
      let batch = try arguments.number("--batch")
      let sources = try arguments.positionals()
      guard sources.count == 1 else {
        throw BloxError(
          .usage,
          "\(command) takes one program, such as f.bir or @mlp; got \(sources.count) (blox-ir \(command) --help)")
      }
      request = DumpRequest(source: sources[0], stage: stage ?? .traced)
      for setting in settings { try request.set(setting) }
      if let batch { request.sizes["batch"] = batch }
    }

    /// The program: a file's as it stands, a gallery program at its stage.
    func program() throws -> Program {
      guard !request.source.hasPrefix("@") else { return try request.program() }
      guard request.sizes.isEmpty, request.stage == .traced else {
        throw BloxError(
          .usage, "--stage, --set and --batch apply to gallery programs, not to the file \(request.source)")
      }
      let name = request.source == "-" ? "<stdin>" : request.source
      return try Program(
        parsing: GoldenFile.programText(try TextFile.read(request.source)), fileName: name)
    }
  }

  static func opt(_ given: Arguments) throws -> ExitCode {
    var arguments = given
    if arguments.flag("--list-passes") {
      guard try arguments.positionals().isEmpty else { throw BloxError(.usage, "--list-passes takes no program") }
      try TextFile.write(PassRun.list, to: "-")
      return .success
    }
    let lists = try arguments.options("--pass", "--passes")
    let pipeline = try arguments.option("--pipeline")
    let reproducer = try arguments.option("--repro")
    let printsChanges = arguments.flag("--print-changed")
    let wantsTiming = arguments.flag("--timing")
    let wantsStatistics = arguments.flag("--stats")
    let verifies = !arguments.flag("--no-verify")
    let locations = arguments.flag("--locations")
    let output = try arguments.option("-o", "--output")

    let program: Program
    var passes = lists
    if let reproducer {
      guard lists.isEmpty, pipeline == nil, try arguments.positionals().isEmpty else {
        throw BloxError(.usage, "--repro FILE has both program and passes: leave out others")
      }
      let text = try TextFile.read(reproducer)
      guard let list = PassRun.passes(inReproducer: text) else {
        throw BloxError(.usage, "\(reproducer) has no comment such as '// opt: dce,fuse' after its header")
      }
      passes = [list]
      program = try Program(parsing: text, fileName: reproducer)
    } else {
      passes += try pipeline.map { name throws(BloxError) in [try PassRun.pipeline(named: name)] } ?? []
      let source = try Source(&arguments, command: "opt")
      guard !passes.isEmpty else {
        throw BloxError(.usage, "opt needs --pass NAME,NAME or --pipeline default; see blox-ir opt --list-passes")
      }
      program = try source.program()
    }
    do {
      let run = try PassRun(program, passes: passes.joined(separator: ","), verifies: verifies)
      let options = PrintOptions(locations: locations)
      if printsChanges { for step in run.steps { writeToStandardError(step.report(options)) } }
      if wantsTiming { writeToStandardError(run.timingTable) }
      if wantsStatistics { writeToStandardError(run.statisticsTable) }
      try TextFile.write(run.program.text(options), to: output ?? "-")
      return .success
    } catch let failure as PassFailure {
      if let output, output != "-" {
        try TextFile.write(failure.reproducer, to: output)
        writeToStandardError("blox-ir: \(output) holds the program before it; blox-ir opt --repro \(output) repeats it")
      }
      throw failure
    }
  }
}
