// The subcommands: reading of options and printing. What they do is in libraries.

import BloxIR
import BloxNN
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
    let wantsHelp = rest.contains("--help") || rest.contains("-h")
    switch command {
    case "dump": return wantsHelp ? show(Help.dump) : try dump(Arguments(rest, command: command))
    case "check": return wantsHelp ? show(Help.check) : try check(Arguments(rest, command: command))
    case "gallery": return wantsHelp ? show(Help.gallery) : try gallery(Arguments(rest, command: command))
    case "--help", "-h", "help": return show(Help.general)
    default:
      throw BloxError(.usage, "there is no command '\(command)'; commands: dump, check, gallery (blox-ir --help)")
    }
  }

  private static func show(_ text: String) -> ExitCode {
    print(text)
    return .success
  }

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
    if let directory { return try dumpAllStages(request, directory) }
    let text = wantsSummary ? try request.program().summary() : try request.text()
    if let output { try TextFile.write(text, to: output) } else { print(text, terminator: "") }
    return .success
  }

  private static func dumpAllStages(_ request: DumpRequest, _ directory: String) throws -> ExitCode {
    try TextFile.makeDirectory(directory)
    for stage in Stage.allCases {
      var staged = request
      staged.stage = stage
      let program = try staged.program()
      let path = "\(directory)/\(program.name.split(separator: "/").joined(separator: "_")).\(stage.rawValue).bir"
      try TextFile.write(program.text(PrintOptions(locations: staged.showsLocations)), to: path)
      print(path)
    }
    return .success
  }

  private static func check(_ given: Arguments) throws -> ExitCode {
    var arguments = given
    let blesses = arguments.flag("--bless")
    let paths = try arguments.positionals()
    guard !paths.isEmpty else { throw BloxError(.usage, "check takes files, folders or -; see blox-ir check --help") }
    let files = try paths.flatMap { path throws(BloxError) in try TextFile.files(below: path, suffix: ".bir") }
    guard !files.isEmpty else { throw BloxError(.usage, "there are no .bir files below \(paths.joined(separator: ", "))") }
    var failure: ExitCode?
    var passed = 0
    let width = files.map(\.count).max() ?? 0
    for file in files {
      let name = file == "-" ? "<stdin>" : file
      let label = name + String(repeating: " ", count: max(0, width - name.count))
      do {
        let golden = GoldenFile(path: name, text: try TextFile.read(file))
        if blesses, let fresh = try golden.regenerated(), fresh != golden.text {
          try TextFile.write(fresh, to: file)
          print("\(label)  rewritten")
          passed += 1
          continue
        }
        let checks = try golden.check()
        print("\(label)  \(checks) checks   ok")
        passed += 1
      } catch {
        print("\(label)  FAIL")
        writeToStandardError("\(error)")
        let code = ExitCode(error)
        // Text that no longer matches is a failed check; text that is no program is invalid input.
        let isStale = (error as? BloxError)?.message.contains("--bless") ?? false
        failure = failure ?? (isStale ? .checkFailed : code)
      }
    }
    if files.count > 1 { print("\(files.count - passed) failed, \(passed) ok") }
    return failure ?? .success
  }

  private static func gallery(_ given: Arguments) throws -> ExitCode {
    var arguments = given
    guard try arguments.positionals().isEmpty else { throw BloxError(.usage, "gallery takes no arguments") }
    let width = GalleryEntry.all.map(\.name.count).max() ?? 0
    for entry in GalleryEntry.all {
      print("@\(entry.name)\(String(repeating: " ", count: width - entry.name.count))  \(entry.summary)")
      for setting in entry.settings {
        print(
          String(repeating: " ", count: width + 3) + "--set \(setting.name)=\(setting.value)   \(setting.summary)")
      }
    }
    return .success
  }
}
