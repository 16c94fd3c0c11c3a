// `diff`, `explain`, `bench` and `profile`: questions about programs.

import BloxIR
import BloxNN
import BloxRuntime
import BloxTools
import Gallery

extension Commands {
  static func diff(_ given: Arguments) throws -> ExitCode {
    var arguments = given
    let ignoresConstants = arguments.flag("--structure")
    let showsCost = arguments.flag("--cost")
    let showsTypes = arguments.flag("--types")
    guard !showsCost || !showsTypes else { throw BloxError(.usage, "--cost and --types: choose one") }
    let stages = try arguments.option("--stage").map { list throws(BloxError) in
      try list.split(separator: ",").map { name throws(BloxError) in try Stage(named: String(name)) }
    }
    let sources = try Source.several(&arguments, stages ?? [.traced], command: "diff", count: 2)
    let programs = try sources.map { try $0.program() }
    for program in programs { try program.verify() }
    let diff = try ProgramDiff(
      programs[0], programs[1], ignoresConstants: ignoresConstants, comparesCost: !showsTypes)
    try show(line: showsCost ? diff.costText : showsTypes ? diff.signatureText : diff.text)
    return (showsTypes ? diff.hasSameSignature : diff.isEmpty) ? .success : .checkFailed
  }

  static func explain(_ words: [String]) throws -> ExitCode {
    let topics = ["memory", "donation", "cost", "code", "op"]
    guard let topic = words.first, topics.contains(topic) else {
      let hint = words.first.map { "; there is no '\($0)'\(suggestion(for: $0, among: topics))" } ?? ""
      throw BloxError(.usage, "explain takes one of \(topics.joined(separator: ", "))\(hint) (blox-ir explain --help)")
    }
    var arguments = Arguments(Array(words.dropFirst()), command: "explain")
    if topic == "op" {
      let names = try arguments.positionals()
      guard names.count == 1 else { throw BloxError(.usage, "explain op takes one op, such as dot_general") }
      try TextFile.write(OpExplanation(op: names[0]).text, to: "-")
      return .success
    }
    let program = try Source(&arguments, command: "explain").program()
    try program.verify()
    let text =
      switch topic {
      case "memory": try MemoryReport(compiling: program).text
      case "donation": try MemoryReport(compiling: program).donations
      case "code": try RegionReport(compiling: program).text
      default: try ProgramCost(compiling: program).table
      }
    try TextFile.write(text, to: "-")
    return .success
  }

  static func bench(_ given: Arguments) throws -> ExitCode {
    var arguments = given
    let inputs = try Inputs(&arguments, default: ["random"])
    let count = try arguments.repetitions()
    let threads = try arguments.option("--threads").map { list throws(BloxError) in try threadCounts(list) }
    let baseline = try arguments.option("--baseline")
    let limit = try arguments.quantity("--fail-above", "a percentage such as 5%") { text in
      Double(text.hasSuffix("%") ? String(text.dropLast()) : text).flatMap { $0 >= 0 && $0.isFinite ? $0 : nil }
    }
    guard limit == nil || baseline != nil else { throw BloxError(.usage, "--fail-above compares with --baseline FILE") }
    let source = try Source(&arguments, command: "bench")
    func verified(_ source: Source) throws -> Program {
      let program = try source.program()
      try program.verify()
      return program
    }
    func measure(_ program: Program) throws -> Benchmark {
      try Benchmark(program, inputs.values(for: program), threads: threads ?? [ThreadPool.threadCount], count: count)
    }
    // A baseline that cannot be read is told before anything is measured.
    let (program, other) = (try verified(source), try baseline.map { try verified(Source(DumpRequest(source: $0))) })
    let result = try measure(program)
    try TextFile.write(result.text, to: "-")
    guard result.isDeterministic else {
      writeToStandardError("blox-ir: the results depend on the number of threads: their hashes differ")
      return .checkFailed
    }
    guard let baseline, let other else { return .success }
    let reference = try measure(other)
    let percent = Int(((result.slowdown(against: reference) - 1) * 100).rounded())
    try TextFile.write("baseline \(reference.text)", to: "-")
    try show(line: "time \(percent < 0 ? "" : "+")\(percent)% against \(baseline)")
    return limit.map { Double(percent) > $0 } ?? false ? .checkFailed : .success
  }

  static func profile(_ given: Arguments) throws -> ExitCode {
    var arguments = given
    let inputs = try Inputs(&arguments, default: ["random"])
    let count = try arguments.repetitions()
    let top = try arguments.number("--top") ?? 25
    let threads = try arguments.threads()
    let trace = try arguments.option("--trace")
    let program = try Source(&arguments, command: "profile").program()
    try program.verify()
    if let threads { ThreadPool.setThreadCount(threads) }
    let report = try ProfileReport(program, inputs.values(for: program), count: count)
    if let trace { try TextFile.write(report.traceEvents, to: trace) }
    if trace != "-" { try TextFile.write(report.text(top: top), to: "-") }
    return .success
  }

  private static func threadCounts(_ list: String) throws(BloxError) -> [Int] {
    let counts = list.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    let most = ThreadPool.maximumThreads
    guard counts.allSatisfy({ (1...most).contains($0) }) else {
      throw BloxError(.usage, "--threads needs whole numbers from 1 to \(most), such as 1,2,4; not '\(list)'")
    }
    return counts
  }
}

extension Commands.Source {
  /// Reads several programs, with one stage for all or one for each.
  static func several(
    _ arguments: inout Arguments, _ stages: [Stage], command: String, count: Int
  ) throws(BloxError) -> [Self] {
    let settings = try arguments.options("--set")
    let batch = try arguments.number("--batch")
    let names = try arguments.positionals()
    guard names.count == count else {
      throw BloxError(.usage, "\(command) takes \(count) programs; got \(names.count) (blox-ir \(command) --help)")
    }
    guard stages.count == 1 || stages.count == count else {
      throw BloxError(.usage, "--stage takes one stage for all programs, or one for each: --stage grad,simplified")
    }
    var sources: [Self] = []
    for (index, name) in names.enumerated() {
      var request = DumpRequest(source: name)
      if name.hasPrefix("@") {
        request.stage = stages.count == 1 ? stages[0] : stages[index]
        for setting in settings { try request.set(setting) }
        if let batch { request.sizes["batch"] = batch }
      }
      sources.append(Self(request))
    }
    return sources
  }
}
