// `bench`: how long a compiled program runs, and whether its results depend on the number of threads.

import BloxIR
import BloxRuntime

/// Times of a compiled program.
package struct Benchmark: Sendable {
  /// Times with one number of threads.
  package struct Row: Sendable {
    /// The number of threads.
    package let threads: Int
    /// The times of the runs, ascending.
    package let times: [Duration]
    /// A hash of the bytes of all results.
    package let hash: UInt64

    /// The time that a part of the runs, from 0 to 1, does not exceed.
    package func quantile(_ part: Double) -> Duration {
      times[min(times.count - 1, Int((Double(times.count - 1) * part).rounded()))]
    }
  }

  /// How long compilation took.
  package let compileTime: Duration
  /// The rows in the order of the numbers of threads.
  package private(set) var rows: [Row] = []
  private let flops: Int

  /// Compiles a program and runs it on arguments, after two runs that are not counted.
  ///
  /// Arguments are not given up, so that every run has the same: donation is ignored.
  ///
  /// - Parameters:
  ///   - threads: Numbers of threads, each at least 1.
  ///   - count: How many runs are counted for each, at least 1.
  package init(_ program: Program, _ arguments: [DenseConstant], threads: [Int], count: Int) throws {
    var kept = program.withoutPlan
    for index in kept.parameters.indices { kept.parameters[index].isDonated = false }
    let clock = ContinuousClock()
    let start = clock.now
    let executable = try Compiler.compile(kept)
    compileTime = clock.now - start
    flops = try ProgramCost(compiling: kept).total.flops
    let storages = try arguments.map { try Storage($0.bytes) }
    let before = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(before) }
    for threadCount in threads {
      ThreadPool.setThreadCount(threadCount)
      var results: [Storage] = []
      var times: [Duration] = []
      for run in 0..<(count + 2) {
        let start = clock.now
        results = try executable.run(storages)
        if run >= 2 { times.append(clock.now - start) }
      }
      rows.append(Row(threads: threadCount, times: times.sorted(), hash: Self.hash(results)))
    }
  }

  /// Whether the results are the same for all numbers of threads.
  package var isDeterministic: Bool { Set(rows.map(\.hash)).count <= 1 }

  /// FNV-1a over the results' bytes.
  private static func hash(_ results: [Storage]) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for result in results {
      result.withUnsafeBytes { bytes in for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 } }
    }
    return hash
  }

  /// The table.
  package var text: String {
    var table = [["threads", "median", "p10", "p90", "GFLOP/s", "result hash"]]
    for row in rows {
      let seconds = row.quantile(0.5) / .seconds(1)
      let rate = flops > 0 && seconds > 0 ? Double(flops) / seconds / 1e9 : 0
      let digits = String(row.hash >> 24, radix: 16)
      table.append([
        "\(row.threads)", timeText(row.quantile(0.5)), timeText(row.quantile(0.1)), timeText(row.quantile(0.9)),
        flops > 0 ? decimal(rate) : "", String(repeating: "0", count: 10 - digits.count) + digits,
      ])
    }
    return "compile \(timeText(compileTime))\n" + alignedTable(table)
  }

  /// How many times longer the medians are than another program's, for the first number of threads.
  package func slowdown(against baseline: Benchmark) -> Double {
    rows[0].quantile(0.5) / max(baseline.rows[0].quantile(0.5), .nanoseconds(1))
  }
}
