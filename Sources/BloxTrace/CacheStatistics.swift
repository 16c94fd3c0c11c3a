// What a compiled function's cache has done so far, as data.

import BloxIR
import BloxRuntime

/// Counts of a compiled function's cache since it was made or cleared.
public struct CacheStatistics: Hashable, Sendable {
  /// Calls that found their program.
  public internal(set) var hits = 0
  /// Calls that did not.
  public internal(set) var misses = 0
  /// How many times the function was traced to the end for a call. Looks for stale captures are not counted.
  public internal(set) var traces = 0
  /// Traces dropped because the cache was full.
  public internal(set) var evictions = 0
  /// Traces that are kept.
  public internal(set) var entries = 0
  /// Time spent tracing.
  public internal(set) var traceTime = Duration.zero
  /// Programs compiled: at the first call of each trace outside other traces.
  public internal(set) var compilations = 0
  /// Time spent compiling.
  public internal(set) var compileTime = Duration.zero
}

extension CacheStatistics: CustomStringConvertible {
  /// Counts and times on a line.
  public var description: String {
    "\(hits) hits, \(misses) misses, \(traces) traces in \(traceTime.milliseconds), \(compilations) compiled in"
      + " \(compileTime.milliseconds), \(evictions) evicted, \(entries) kept"
  }
}

extension Duration {
  /// In milliseconds with two decimals.
  var milliseconds: String {
    let hundredths = Int((self / .microseconds(10)).rounded())
    let fraction = hundredths % 100
    return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) ms"
  }
}

extension TensorFunction {
  /// How many traces a compiled function keeps; 0 for functions that `jit` did not make.
  public var cacheSize: Int { cache?.statistics.entries ?? 0 }
  /// Forgets all traces of a compiled function, so that the next call traces anew. Statistics start again.
  public func clearCache() { cache?.clear() }
  /// What a compiled function's cache has done; all zero for functions that `jit` did not make.
  public var statistics: CacheStatistics { cache?.statistics ?? CacheStatistics() }
  /// The latest calls that had to trace, and why: at most 64, oldest first.
  public var cacheMisses: [CacheMiss] { cache?.misses ?? [] }
  /// What became of the arguments donated to the latest call that ran, by tensor.
  public var donationReport: [DonatedArgument] { cache?.latestDonations ?? [] }
  /// The memory of the program that the latest call ran; `nil` before the first.
  public var memory: MemoryAnalysis? { cache?.latestMemory }
  /// The captures that the latest call found changed, when it looked; see ``Staleness``.
  public var staleCaptures: [StaleCapture] { cache?.staleCaptures ?? [] }

  /// Runs a function during which this one must be traced a number of times, for tests.
  ///
  /// - Throws: ``BloxError/Code/traceCount`` with the reason of each trace when it was not, or what `body` throws.
  public func expectTraces<Result>(_ count: Int, _ body: () throws -> Result) throws -> Result {
    try TraceLog.expect(count, of: cache, body)
  }
}

/// Runs a function during which compiled functions, those inside others included, must be traced a number of times
/// together, for tests.
///
/// ```swift
/// try expectTraces(1) { for batch in batches { _ = try step(params, batch) } }
/// ```
///
/// - Throws: ``BloxError/Code/traceCount`` with the reason of each trace when they were not, or what `body` throws.
public func expectTraces<Result>(_ count: Int, _ body: () throws -> Result) throws -> Result {
  try TraceLog.expect(count, of: nil, body)
}

/// The traces made while a function runs.
final class TraceLog: @unchecked Sendable {
  // Sendable: tasks started by the body would inherit it, but compiled functions cannot leave their task.
  @TaskLocal static var current: TraceLog?

  private let parent = TraceLog.current
  private var traces: [(cache: ObjectIdentifier, miss: CacheMiss)] = []

  func add(_ miss: CacheMiss, of cache: AnyObject) {
    traces.append((ObjectIdentifier(cache), miss))
    parent?.add(miss, of: cache)
  }

  static func expect<Result>(_ count: Int, of cache: AnyObject?, _ body: () throws -> Result) throws -> Result {
    let log = TraceLog()
    let result = try $current.withValue(log, operation: body)
    let traces = log.traces.filter { cache == nil || $0.cache == cache.map(ObjectIdentifier.init) }
    guard traces.count == count else {
      let list = traces.map { "\n  " + $0.miss.description }.joined()
      throw BloxError(
        .traceCount,
        "expected \(count) trace\(count == 1 ? "" : "s"), got \(traces.count)\(list.isEmpty ? "" : ":")\(list)")
    }
    return result
  }
}
