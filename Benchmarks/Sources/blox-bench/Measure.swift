// The timing loop and the checksums, as peers/README.md describes them for every program.

import BloxNN

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

func seconds(_ body: () throws -> Void) rethrows -> Double {
  let start = ContinuousClock.now
  try body()
  let elapsed = ContinuousClock.now - start
  return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
}

/// One JSON object, written field by field in the order they are added.
struct Report {
  private var fields: [String] = []

  mutating func add(_ name: String, _ value: Double) {
    fields.append("\"\(name)\": \(value.isFinite ? "\(value)" : "null")")
  }
  mutating func add(_ name: String, _ value: Int) { fields.append("\"\(name)\": \(value)") }
  mutating func add(_ name: String, _ values: [Double]) { fields.append("\"\(name)\": \(values)") }
  mutating func add(_ name: String, _ value: String) { fields.append("\"\(name)\": \"\(value)\"") }

  var json: String { "{" + fields.joined(separator: ", ") + "}" }
}

/// The most memory that the process has held, in MB.
func peakResidentMegabytes() -> Double {
  // Linux counts kilobytes, Darwin bytes.
  #if canImport(Glibc)
    return Double(ownUsage().ru_maxrss) / 1024
  #else
    return Double(ownUsage().ru_maxrss) / 1_048_576
  #endif
}

/// Adds sum, sum of squares and four elements of the outputs one after the other.
func addChecksums(of outputs: [Tensor], to report: inout Report) throws {
  var sum = 0.0
  var squares = 0.0
  var count = 0
  let flat = try outputs.map { $0.dtype == .u32 ? try $0.scalars(as: UInt32.self).map(Double.init) : try doubles($0) }
  for scalars in flat {
    for x in scalars {
      sum += x
      squares += x * x
    }
    count += scalars.count
  }
  func element(_ index: Int) -> Double {
    var index = index
    for scalars in flat {
      if index < scalars.count { return scalars[index] }
      index -= scalars.count
    }
    return .nan
  }
  report.add("checksum", sum)
  if outputs.first?.dtype != .u32 { report.add("checksum_sq", squares) }
  report.add("probe", [0, count / 3, count / 2, count - 1].map(element))
}

private func doubles(_ tensor: Tensor) throws -> [Double] { try tensor.scalars(as: Float.self).map(Double.init) }

/// Times a workload: a first call, warm-up, then samples of at least about a millisecond for a second.
func measure(_ workload: Workload, quick: Bool) throws -> Report {
  var report = Report()
  let made = try workload.prepare()
  let first = try seconds(made.call)
  if made.isTraining {
    var losses: [Double] = []
    for step in 0..<5 {
      if step > 0 { try made.call() }
      losses += try doubles(made.outputs()[0])
    }
    report.add("losses", losses)
    report.add("checksum", losses[4])
  } else {
    try addChecksums(of: made.outputs(), to: &report)
  }
  var once = 0.0
  var warm = 0.0
  var calls = 0
  while calls < (quick ? 2 : 3) || (!quick && warm < 0.3) {
    once = try seconds(made.call)
    warm += once
    calls += 1
    if warm > 3, calls >= 2 { break }
  }
  var inner = once >= 0.5e-3 ? 1 : max(1, Int(1e-3 / max(once, 1e-9)))
  if quick { inner = min(inner, 10) }
  var samples: [Double] = []
  var spent = 0.0
  let before = ProcessorTimes()
  while quick ? samples.count < 2 : !((samples.count >= 20 && spent >= 1) || (samples.count >= 5 && spent >= 12)) {
    let time = try seconds { for _ in 0..<inner { try made.call() } }
    samples.append(time / Double(inner))
    spent += time
  }
  let after = ProcessorTimes()
  samples.sort()
  let median = samples[samples.count / 2]
  let perCall = Double(workload.callsPerSample)
  report.add("median_s", median / perCall)
  report.add("min_s", samples[0] / perCall)
  report.add("iters", samples.count * inner)
  report.add("compile_s", max(first - median, 0))
  report.add("first_call_s", first)
  after.report(since: before, to: &report)
  report.add("peak_rss_mb", peakResidentMegabytes())
  if let memory = made.memory() {
    report.add("arena_bytes", memory.arenaBytes)
    report.add("argument_bytes", memory.argumentBytes)
    report.add("scratch_bytes", memory.scratchBytes)
  }
  if let flops = workload.flops { report.add("gflops", flops / median / 1e9) }
  if let bytes = workload.bytes { report.add("gb_per_s", bytes / median / 1e9) }
  return report
}

/// The time from the first call of a step to its result, less that of a later step, in a process that has compiled
/// something small before.
func measureCompilation(of workload: Workload) throws -> Report {
  _ = try jit { (x: Tensor) in try x + 1 }(Tensor(0.0))
  let made = try workload.prepare()
  let first = try seconds(made.call)
  let steady = try (0..<5).map { _ in try seconds(made.call) }.sorted()[2]
  var report = Report()
  report.add("median_s", first - steady)
  report.add("min_s", first - steady)
  report.add("compile_s", first - steady)
  report.add("steady_s", steady)
  report.add("iters", 1)
  report.add("checksum", try doubles(made.outputs()[0])[0])
  report.add("peak_rss_mb", peakResidentMegabytes())
  return report
}
