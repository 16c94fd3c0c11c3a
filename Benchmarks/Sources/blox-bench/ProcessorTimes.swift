// How busy the machine was with other things while something was timed; run_peers.py repeats what others disturbed.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What this process has used.
func ownUsage() -> rusage {
  var usage = rusage()
  #if canImport(Glibc)
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  #else
    getrusage(RUSAGE_SELF, &usage)
  #endif
  return usage
}

/// Seconds that the processors have spent since the machine started.
struct ProcessorTimes {
  /// All processes together, and what the hypervisor gave to other machines; zero where the system does not tell.
  private var busy = 0.0
  private var stolen = 0.0
  /// This process.
  private var own = 0.0
  private let instant = ContinuousClock.now

  init() {
    let usage = ownUsage()
    for time in [usage.ru_utime, usage.ru_stime] { own += Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    #if os(Linux)
      guard let file = fopen("/proc/stat", "r") else { return }
      defer { fclose(file) }
      var line = [CChar](repeating: 0, count: 256)
      guard fgets(&line, Int32(line.count), file) != nil else { return }
      // cpu user nice system idle iowait irq softirq steal …
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let ticks = text.split(separator: " ").dropFirst().compactMap { Double($0) }
      guard ticks.count >= 8 else { return }
      let perSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
      busy = (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / perSecond
      stolen = ticks[7] / perSecond
    #endif
  }

  /// Adds how many processors this process, others and other machines used since an earlier moment.
  func report(since start: ProcessorTimes, to report: inout Report) {
    let wall = max((instant - start.instant) / .seconds(1), 1e-9)
    func rounded(_ value: Double) -> Double { (value / wall * 100).rounded() / 100 }
    report.add("cpus_used", rounded(own - start.own))
    report.add("foreign_cpus", rounded(max(0, busy - start.busy - (own - start.own))))
    report.add("steal_cpus", rounded(stolen - start.stolen))
  }
}
