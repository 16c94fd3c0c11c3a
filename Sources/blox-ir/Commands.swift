// The subcommands: reading of options and printing. What they do is in libraries.

import BloxIR
import BloxNN
import BloxTools
import Gallery

/// How a run ended, as the exit code of the process.
enum ExitCode: Int32 {
  case success = 0
  case checkFailed = 1
  case usage = 2
  case invalidInput = 3
  case failure = 4

  /// The code for an error.
  init(_ error: any Error) {
    if error is GoldenMismatch || error is CheckFailure {
      self = .checkFailed
      return
    }
    // What is wrong with a pass's arguments is wrong usage; a pass that fails for another reason has failed.
    if let error = error as? PassFailure {
      self = error.error.code == .usage ? .usage : .failure
      return
    }
    switch (error as? BloxError)?.code {
    case .usage: self = .usage
    case .syntax, .verification: self = .invalidInput
    case _: self = .failure
    }
  }
}

enum Commands {
  static func run(_ words: [String]) throws -> ExitCode {
    guard let command = words.first else {
      writeToStandardError(Help.general)
      return .usage
    }
    let rest = Array(words.dropFirst())
    if ["--help", "-h", "help"].contains(command) {
      return try show(rest.isEmpty ? Help.general : help(for: rest[0]))
    }
    if rest.contains("--help") || rest.contains("-h") { return try show(help(for: command)) }
    switch command {
    case "dump": return try dump(Arguments(rest, command: command))
    case "opt": return try opt(Arguments(rest, command: command))
    case "run": return try run(Arguments(rest, command: command))
    case "check": return try check(Arguments(rest, command: command))
    case "diff": return try diff(Arguments(rest, command: command))
    case "explain": return try explain(rest)
    case "bench": return try bench(Arguments(rest, command: command))
    case "profile": return try profile(Arguments(rest, command: command))
    case "gallery": return try gallery(Arguments(rest, command: command))
    default: throw unknown(command)
    }
  }

  private static func help(for command: String) throws(BloxError) -> String {
    switch command {
    case "dump": return Help.dump
    case "opt": return Help.opt
    case "run": return Help.run
    case "check": return Help.check
    case "diff": return Help.diff
    case "explain": return Help.explain
    case "bench": return Help.bench
    case "profile": return Help.profile
    case "gallery": return Help.gallery
    default: throw unknown(command)
    }
  }

  private static func unknown(_ command: String) -> BloxError {
    let hint = suggestion(for: command, among: Help.commands)
    return BloxError(
      .usage,
      "there is no command '\(command)'\(hint); commands: \(Help.commands.joined(separator: ", "))"
        + " (blox-ir --help)")
  }

  private static func show(_ text: String) throws(BloxError) -> ExitCode {
    try show(line: text)
    return .success
  }

  /// Prints a line. Not `print`, which does not tell when output cannot be written.
  static func show(line: String) throws(BloxError) { try TextFile.write(line + "\n", to: "-") }

  private static func dump(_ given: Arguments) throws -> ExitCode {
    var arguments = given
    let stage = try arguments.option("--stage").map { name throws(BloxError) in try Stage(named: name) }
    let settings = try arguments.options("--set")
    let batch = try arguments.number("--batch")
    let wantsSummary = arguments.flag("--summary")
    let showsLocations = arguments.flag("--locations")
    let directory = try arguments.option("--all-stages")
    let output = try arguments.option("-o", "--output")
    let sources = try arguments.positionals()
    guard sources.count == 1 else {
      throw BloxError(.usage, "dump takes one program, such as @mlp; got \(sources.count) (blox-ir dump --help)")
    }
    var request = DumpRequest(source: sources[0], stage: stage ?? .traced)
    request.showsLocations = showsLocations
    for setting in settings { try request.set(setting) }
    if let batch { request.sizes["batch"] = batch }
    if let directory {
      guard stage == nil, output == nil, !wantsSummary else {
        throw BloxError(.usage, "--all-stages writes files of its own: leave out --stage, --summary and -o")
      }
      return try dumpAllStages(request, directory)
    }
    let text = wantsSummary ? try request.program().summary() : try request.text()
    try TextFile.write(text, to: output ?? "-")
    return .success
  }

  private static func dumpAllStages(_ request: DumpRequest, _ directory: String) throws -> ExitCode {
    try TextFile.makeDirectory(directory)
    let programs = try request.programs(at: Stage.allCases)
    for (stage, program) in zip(Stage.allCases, programs) {
      let path = "\(directory)/\(request.baseName).\(stage.rawValue).bir"
      try TextFile.write(program.text(PrintOptions(locations: request.showsLocations)), to: path)
      try show(line: path)
    }
    return .success
  }

  private static func check(_ given: Arguments) throws -> ExitCode {
    var arguments = given
    let blesses = arguments.flag("--bless")
    let paths = try arguments.positionals()
    guard !paths.isEmpty else { throw BloxError(.usage, "check takes files, folders or -; see blox-ir check --help") }
    guard !blesses || !paths.contains("-") else {
      throw BloxError(.usage, "--bless rewrites files, and standard input is none; name the file")
    }
    let files = try paths.flatMap { path throws(BloxError) in try TextFile.files(below: path, suffix: ".bir") }
    guard !files.isEmpty else {
      throw BloxError(.usage, "there are no .bir files below \(paths.joined(separator: ", "))")
    }
    var failure: ExitCode?
    var passed = 0
    let width = files.map(\.count).max() ?? 0
    for file in files {
      let name = file == "-" ? "<stdin>" : file
      let label = name + String(repeating: " ", count: max(0, width - name.count))
      do {
        try show(line: "\(label)  \(try checkFile(file, name: name, blesses: blesses))")
        passed += 1
      } catch {
        try show(line: "\(label)  FAIL")
        writeToStandardError("\(error)")
        failure = failure ?? ExitCode(error)
      }
    }
    if files.count > 1 { try show(line: "\(files.count - passed) failed, \(passed) ok") }
    return failure ?? .success
  }

  /// Checks or rewrites one file; what to print about it.
  private static func checkFile(_ file: String, name: String, blesses: Bool) throws -> String {
    let text = try TextFile.read(file)
    let test = TestFile(path: name, text: text)
    if blesses, let fresh = try test.regenerated(), fresh != text {
      try TextFile.write(fresh, to: file)
      return "rewritten"
    }
    let count = try test.check()
    return "\(count) check\(count == 1 ? "" : "s")   ok"
  }

  private static func gallery(_ given: Arguments) throws -> ExitCode {
    var arguments = given
    guard try arguments.positionals().isEmpty else { throw BloxError(.usage, "gallery takes no arguments") }
    let width = GalleryEntry.all.map(\.name.count).max() ?? 0
    for entry in GalleryEntry.all {
      try show(line: "@\(entry.name)\(String(repeating: " ", count: width - entry.name.count))  \(entry.summary)")
      for setting in entry.settings {
        let indentation = String(repeating: " ", count: width + 3)
        try show(line: indentation + "--set \(setting.name)=\(setting.value)   \(setting.summary)")
      }
    }
    return .success
  }
}
