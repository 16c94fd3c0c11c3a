// What this machine can do at most: the yardstick of profiles.
import BloxIR
import CBloxKernels

/// The most that a number of threads of this machine do, measured here and now.
package struct MachineLimits: Sendable {
  /// `f32` operations of multiply-adds in registers.
  package let flopsPerSecond: Double
  /// Bytes of `a + 3 b` over arrays that no cache holds, each read or written once.
  package let bytesPerSecond: Double

  /// Measures for some 0.3 s with the threads that programs run on, and takes the best of several attempts.
  package static func measure() throws(BloxError) -> MachineLimits {
    let threads = ThreadPool.threadCount
    // Some 20 ms on each thread, however slow multiply-adds are without an instruction for them.
    let clock = ContinuousClock()
    let trial = clock.measure { _ = blox_limit_fma(kernelISA, 10_000) } / .milliseconds(20)
    let rounds = Int64(max(1, 10_000 / max(trial, 1e-4)))
    let flops = Double(blox_limit_fma(kernelISA, rounds)) * Double(threads)
    let arithmetic = best(of: 5) {
      ThreadPool.parallel(parts: threads) { _ in _ = blox_limit_fma(kernelISA, rounds) }
    }
    // Whole vectors of 16 elements, and arrays several times as large as a core's share of the last cache.
    let perThread = (1 << 24) / threads / 16 * 16
    let byteCount = perThread * threads * MemoryLayout<Float>.size
    let storages = [
      try Storage(byteCount: byteCount), try Storage(byteCount: byteCount), try Storage(byteCount: byteCount),
    ]
    func array(_ index: Int, from start: Int) -> UnsafeMutablePointer<Float> {
      storages[index].address.assumingMemoryBound(to: Float.self) + start
    }
    for index in storages.indices { array(index, from: 0).initialize(repeating: 1, count: perThread * threads) }
    let memory = best(of: 6) {
      ThreadPool.parallel(parts: threads) { part in
        let start = part * perThread
        blox_limit_triad(
          kernelISA, array(0, from: start), array(1, from: start), array(2, from: start), Int64(perThread))
      }
    }
    return MachineLimits(
      flopsPerSecond: flops / arithmetic, bytesPerSecond: Double(3 * byteCount) / memory)
  }

  /// The least number of seconds that some work took.
  private static func best(of attempts: Int, _ work: () -> Void) -> Double {
    let clock = ContinuousClock()
    return (0..<attempts).map { _ in clock.measure(work) / .seconds(1) }.min() ?? 0
  }
}
