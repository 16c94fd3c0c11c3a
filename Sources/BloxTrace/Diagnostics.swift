// What compiled functions tell about themselves, and where: topics on standard error, dumps, checks.
//
// The environment decides, unless a test or a tool says otherwise for a part of the program; there is no other switch.

import BloxIR
import BloxRuntime

/// What a compiled function does when what it captured has changed since it was traced; see ``jit(name:arguments:donating:donation:staleness:cacheLimit:file:line:_:)``.
public enum Staleness: String, CaseIterable, Hashable, Sendable {
  /// Nothing: the compiled program goes on with what was captured, as JAX's does. No call is slowed down.
  case ignore
  /// Each call traces anew, compares, writes a line about each new difference, and uses the compiled program.
  case warn
  /// Each call traces anew, compares, and throws ``BloxError/Code/staleCapture`` if there is a difference.
  case `throw`
}

/// What compiled functions report, and where to.
///
/// The environment sets it: `BLOX_LOG=compiles,misses,stale,donation` (topics, one line each on standard error),
/// `BLOX_EXPLAIN_CACHE=1` (the topic `misses`), `BLOX_STALE=warn|error`, `BLOX_JIT=off`, `BLOX_CHECK=nan,inf`,
/// and `BLOX_DUMP=folder[:stages=traced,simplified,fused,planned]`. Within ``with(_:_:)`` a program decides itself.
public struct Diagnostics: Sendable {
  /// A kind of line.
  public enum Topic: String, CaseIterable, Hashable, Sendable {
    /// A program was compiled, in how much time.
    case compiles
    /// A call had to trace, and why.
    case misses
    /// A compiled program uses a value that has changed.
    case stale
    /// A donated argument could not be reused, and why. The only topic that is on without `BLOX_LOG`.
    case donation
  }

  /// The topics that are written.
  public var topics: Set<Topic> = [.donation]
  /// What compiled functions do about changed captures that were not told otherwise.
  public var staleness = Staleness.ignore
  /// Whether `jit` compiles; ``withoutCompilation(_:)`` says what happens otherwise.
  public var compiles = true
  /// What each instruction's results are looked at for.
  public var checks: Set<ElementCheck> = []
  /// Where compiled programs are written, if anywhere.
  public var dump: ProgramDump?
  /// Takes each line, without its end. Standard error by default.
  public var write: @Sendable (String) -> Void = { writeToStandardError($0) }

  /// What the environment asks for.
  public static let environment = Diagnostics(environment: environmentVariable)

  /// What holds here.
  public static var current: Diagnostics { Box.current.value }

  /// Runs a function with other settings, for itself and the tasks it starts.
  ///
  /// ```swift
  /// let lines = Mutex<[String]>([])
  /// try Diagnostics.with({ $0.topics = [.misses]; $0.write = { line in lines.withLock { $0.append(line) } } }) {
  ///   try step(params, x)
  /// }
  /// ```
  public static func with<Result>(
    _ change: (inout Diagnostics) -> Void, _ body: () throws -> Result
  ) rethrows -> Result {
    var settings = current
    change(&settings)
    return try Box.$current.withValue(Box(settings), operation: body)
  }

  /// Every call of a compiled function reads the settings, so they travel by reference.
  final class Box: Sendable {
    @TaskLocal static var current = Box(environment)
    let value: Diagnostics
    init(_ value: Diagnostics) { self.value = value }
  }

  /// Writes a line if its topic is on.
  func log(_ topic: Topic, _ line: @autoclosure () -> String) {
    if topics.contains(topic) { write("blox: " + line()) }
  }
}

extension Diagnostics {
  /// Settings from variables; what cannot be understood is said on standard error and left out.
  init(environment variable: (String) -> String?) {
    if let names = variable("BLOX_LOG") { topics = choices(names, in: "BLOX_LOG") }
    if let flag = variable("BLOX_EXPLAIN_CACHE"), flag != "0", !flag.isEmpty { topics.insert(.misses) }
    if topics.contains(.stale) { staleness = .warn }
    switch variable("BLOX_STALE") {
    case nil, "", "ignore": break
    case "warn": staleness = .warn
    case "error", "throw": staleness = .throw
    case let other?: write("blox: BLOX_STALE is '\(other)'; it takes warn or error")
    }
    switch variable("BLOX_JIT") {
    case nil, "", "on": break
    case "off": compiles = false
    case let other?: write("blox: BLOX_JIT is '\(other)'; it takes on or off")
    }
    if let names = variable("BLOX_CHECK") { checks = choices(names, in: "BLOX_CHECK") }
    if let text = variable("BLOX_DUMP"), !text.isEmpty {
      var (folder, stages) = (text, Set(CompilationStage.allCases))
      if let split = text.firstRange(of: ":stages=") {
        folder = String(text[..<split.lowerBound])
        stages = choices(String(text[split.upperBound...]), in: "BLOX_DUMP")
      }
      dump = ProgramDump(folder: folder, stages: stages)
    }
  }

  /// The names in a list, separated by commas.
  private func choices<Choice: RawRepresentable<String> & CaseIterable & Hashable>(
    _ text: String, in variable: String
  ) -> Set<Choice> {
    var found: Set<Choice> = []
    for name in text.split(separator: ",") {
      if let choice = Choice(rawValue: String(name)) {
        found.insert(choice)
      } else {
        let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        write("blox: \(variable) has '\(name)', which it does not know; it knows \(known)")
      }
    }
    return found
  }
}
