// Options, progress and the report of a mismatch.

import BloxIR
import BloxNN
import BloxTools
import ProgramFuzzing
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The seed and the case that run now, for the handler of signals, which may do little.
private let runningSeed = Atomic<UInt64>(0)
private let runningNumber = Atomic<UInt64>(0)

struct FuzzCommand {
  static let help = """
    blox-fuzz - compares both engines on random programs

    Each case is a random well-typed program over all ops, half of them differentiated or batched, with shapes that
    hold 0 and 1 and inputs that hold NaN and infinities. The reference interpreter, the program compiled with every
    pass and without, and 1, 2 and 8 threads must agree. At the first case that does not, the fuzzer makes it smaller,
    writes it to a file that blox-ir check repeats, and ends with exit code 1.

    USAGE
      blox-fuzz [--seconds N] [--seed N] [--first N] [--cases N] [-o FILE]

    OPTIONS
      --seconds N   how long to run; 60 when not given
      --seed N      which sequence of cases; 1 when not given
      --first N     the number of the first case, to repeat one; 0 when not given
      --cases N     end after so many cases
      -o FILE       where a failing program goes; fuzz-SEED-CASE.bir when not given

    EXAMPLES
      blox-fuzz --seconds 2 --seed 7
      blox-fuzz --seed 1 --first 42 --cases 1
    """

  private var seconds = 60.0
  private var seed: UInt64 = 1
  private var first: UInt64 = 0
  private var cases = UInt64.max
  private var output: String?
  private var wantsHelp = false

  init(_ words: [String]) throws(BloxError) {
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--help" || word == "-h" {
        wantsHelp = true
        continue
      }
      guard ["--seconds", "--seed", "--first", "--cases", "-o"].contains(word) else {
        throw BloxError(.usage, "there is no option \(word); see blox-fuzz --help")
      }
      guard let text = rest.popFirst() else { throw BloxError(.usage, "\(word) needs a value") }
      switch word {
      case "--seconds": seconds = try FuzzCommand.number(word, text) { Double($0).flatMap { $0 >= 0 ? $0 : nil } }
      case "--seed": seed = try FuzzCommand.number(word, text) { UInt64($0) }
      case "--first": first = try FuzzCommand.number(word, text) { UInt64($0) }
      case "--cases": cases = try FuzzCommand.number(word, text) { UInt64($0) }
      case _: output = text
      }
    }
  }

  private static func number<Number>(
    _ name: String, _ text: String, _ read: (String) -> Number?
  ) throws(BloxError) -> Number {
    guard let number = read(text) else { throw BloxError(.usage, "\(name) needs a number from 0, not '\(text)'") }
    return number
  }

  func run() throws -> Int32 {
    if wantsHelp {
      try TextFile.write(FuzzCommand.help + "\n", to: "-")
      return 0
    }
    reportCrashes()
    let clock = ContinuousClock()
    let start = clock.now
    let end = start + .seconds(seconds)
    var progress = Progress(start: start)
    var number = first
    while number - first < cases, clock.now < end {
      runningNumber.store(number, ordering: .relaxed)
      let trial = try FuzzCase(seed: seed, number: number)
      if let text = trial.failure() {
        progress.clear()
        try report(trial, text)
        return 1
      }
      number += 1
      progress.show(count: number - first)
    }
    progress.clear()
    let count = number - first
    try TextFile.write(
      "\(count) programs in \(progress.rate(count)), no mismatch (seed \(seed), cases \(first)..<\(number))\n", to: "-")
    return 0
  }

  private func report(_ trial: FuzzCase, _ text: String) throws {
    writeToStandardError("mismatch in \(trial.name); making it smaller ...")
    let reduced = trial.reduced()
    let path = output ?? "fuzz-\(seed)-\(trial.name.split(separator: " ")[1]).bir"
    try TextFile.write(reduced.reproducer, to: path)
    writeToStandardError(reduced.failure() ?? text)
    try TextFile.write(
      "\(trial.name): \(trial.program.instructions.count) instructions, \(reduced.program.instructions.count) when"
        + " reduced, in \(path)\nrepeat with: blox-ir check \(path)\n", to: "-")
  }

  /// A trap ends the process, so all that can be said is which case it was.
  private func reportCrashes() {
    runningSeed.store(seed, ordering: .relaxed)
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] {
      signal(number) { number in
        // Only what is safe in a handler: digits are written one by one.
        FuzzCommand.writeRaw("\nblox-fuzz: crashed; repeat with: blox-fuzz --seed ")
        FuzzCommand.writeRaw(runningSeed.load(ordering: .relaxed))
        FuzzCommand.writeRaw(" --cases 1 --first ")
        FuzzCommand.writeRaw(runningNumber.load(ordering: .relaxed))
        FuzzCommand.writeRaw("\n")
        signal(number, SIG_DFL)
        raise(number)
      }
    }
  }

  private static func writeRaw(_ text: StaticString) {
    _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
  }

  private static func writeRaw(_ number: UInt64) {
    var scale: UInt64 = 1
    while number / scale >= 10 { scale *= 10 }
    while scale > 0 {
      var digit = UInt8(ascii: "0") + UInt8(number / scale % 10)
      _ = write(STDERR_FILENO, &digit, 1)
      scale /= 10
    }
  }
}

/// The line that counts programs, on a terminal.
private struct Progress {
  private let start: ContinuousClock.Instant
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var shown: ContinuousClock.Instant

  init(start: ContinuousClock.Instant) {
    self.start = start
    shown = start
  }

  mutating func show(count: UInt64) {
    guard isTerminal, shown.duration(to: .now) > .milliseconds(200) else { return }
    shown = .now
    draw("\r\u{1B}[2K\(count) programs, \(rate(count))")
  }

  func clear() { if isTerminal { draw("\r\u{1B}[2K") } }

  /// `12.3 s, 45 programs/s`
  func rate(_ count: UInt64) -> String {
    let elapsed = start.duration(to: .now)
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
    return "\(fixed(seconds, decimals: 1)) s, \(fixed(Double(count) / max(seconds, 1e-9), decimals: 1)) programs/s"
  }

  private func draw(_ text: String) {
    var text = text
    text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
