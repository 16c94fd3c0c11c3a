// One pool of worker threads per process.
//
// A job is a number of parts, which whoever is free claims one after the other. The state of the job that is running
// is one 64-bit word (generation, parts, participants, next part), so that a claim is a compare-and-swap that cannot
// hit the wrong job: while a part is unclaimed or unfinished the owner waits, and the job's function and context,
// which are plain memory, cannot change.
import BloxIR
import CBloxKernels
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The threads that compiled programs run on.
///
/// Work is divided by shape only, never by the number of threads where that could change a bit of a result.
public final class ThreadPool: Sendable {
  /// A part of a job: its context, the part's index, and the participant that runs it (0 is the caller).
  typealias Body = @convention(c) (_ context: UnsafeRawPointer, _ part: Int, _ participant: Int) -> Void

  /// The number of threads that take part in work, the caller included.
  public static var threadCount: Int { shared.limit.load(ordering: .relaxed) }

  /// Sets the number of threads, at least 1. Jobs that run already keep theirs. Results do not depend on it.
  public static func setThreadCount(_ count: Int) {
    shared.limit.store(min(max(count, 1), maximumThreads), ordering: .relaxed)
  }

  static let shared = ThreadPool()
  /// The most threads that take part in work.
  public static let maximumThreads = 255
  static let maximumParts = 65_535
  /// How long an idle worker looks for work without a break: waking it would cost about as long.
  static let spinNanoseconds: UInt64 = 80_000
  /// How long it then goes on looking, giving its processor to whoever else wants it: between the steps of a loop that
  /// does some work of its own. A woken worker may find itself on the caller's processor, and wait there for its turn.
  static let yieldNanoseconds: UInt64 = 2_000_000

  private let limit: Atomic<Int>
  private let workerCount = Atomic<Int>(0)
  /// Held by the caller whose job runs.
  private let isBusy = Atomic<Bool>(false)
  private let ticket = Atomic<UInt64>(0)
  private let finishedParts = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private let job: JobCell
  private let alarm = Alarm()

  private init() {
    limit = Atomic(min(max(ThreadPool.configuredCount() ?? ThreadPool.processorCount(), 1), ThreadPool.maximumThreads))
    job = JobCell()
  }

  /// Calls `body(0)` … `body(parts - 1)`, spread over the threads; returns when all have returned.
  ///
  /// When the pool is busy with another caller's job, or with the job that calls this, all parts run here.
  package static func parallel(parts: Int, _ body: (Int) -> Void) {
    // Parts that run here must treat denormals as the workers do.
    let mode = blox_fp_enter()
    defer { blox_fp_leave(mode) }
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: body) { pointer in
        // The word that holds the claims has 16 bits for the part, so huge jobs run in batches.
        var start = 0
        while start < parts {
          let batch = ClosureBatch(body: pointer, start: start)
          withUnsafePointer(to: batch) { context in
            shared.run(parts: min(parts - start, maximumParts), participants: maximumThreads, context: context) {
              context, part, _ in
              let batch = context.assumingMemoryBound(to: ClosureBatch.self).pointee
              batch.body.pointee(batch.start + part)
            }
          }
          start += maximumParts
        }
      }
    }
  }

  /// Runs a job of at most ``maximumParts`` parts with at most `participants` threads.
  func run(parts: Int, participants: Int, context: UnsafeRawPointer, _ body: Body) {
    let participants = min(participants, limit.load(ordering: .relaxed), parts)
    guard participants > 1,
      isBusy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    else {
      for part in 0..<max(parts, 0) { body(context, part, 0) }
      return
    }
    startWorkers(participants - 1)
    job.set(body: body, context: context)
    finishedParts.store(0, ordering: .relaxed)
    let generation = Ticket(ticket.load(ordering: .relaxed)).generation &+ 1
    ticket.store(
      Ticket(generation: generation, parts: parts, participants: participants).bits, ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 { alarm.wakeAll() }
    claimParts(participant: 0)
    waitForOthers(parts: parts)
    isBusy.store(false, ordering: .releasing)
  }

  /// Claims and runs parts of the running job until none is left.
  private func claimParts(participant: Int) {
    var current = Ticket(ticket.load(ordering: .acquiring))
    while current.hasUnclaimedPart && participant < current.participants {
      let (exchanged, original) = ticket.compareExchange(
        expected: current.bits, desired: current.bits + 1, ordering: .acquiringAndReleasing)
      if exchanged {
        // The job cannot end before this part is counted as finished, so its function is safe to read now.
        job.body(job.context, current.next, participant)
        finishedParts.add(1, ordering: .acquiringAndReleasing)
        current = Ticket(ticket.load(ordering: .acquiring))
      } else {
        current = Ticket(original)
      }
    }
  }

  private func waitForOthers(parts: Int) {
    var spins = 0
    while finishedParts.load(ordering: .acquiring) < parts {
      spins += 1
      blox_spin_pause()
      // With more threads than processors the others may need this one.
      if spins > 5_000 { sched_yield() }
    }
  }

  private func startWorkers(_ count: Int) {
    // Only the holder of `isBusy` gets here.
    while workerCount.load(ordering: .relaxed) < count {
      let participant = workerCount.load(ordering: .relaxed) + 1
      let argument = UnsafeMutablePointer<Int>.allocate(capacity: 1)
      argument.initialize(to: participant)
      guard startThread(argument) else { return argument.deallocate() }
      workerCount.store(participant, ordering: .relaxed)
    }
  }

  fileprivate func work(participant: Int) {
    // The thread belongs to the pool, so the floating-point mode is set once.
    _ = blox_fp_enter()
    var seen: UInt64 = 0
    while true {
      seen = waitForJob(after: seen)
      claimParts(participant: participant)
    }
  }

  /// Waits for a generation other than `seen`: a while awake, then ready to give way, then asleep.
  private func waitForJob(after seen: UInt64) -> UInt64 {
    let start = now()
    var waited: UInt64 = 0
    repeat {
      for _ in 0..<64 {
        let generation = Ticket(ticket.load(ordering: .acquiring)).generation
        if generation != seen { return generation }
        blox_spin_pause()
      }
      waited = now() - start
      if waited > ThreadPool.spinNanoseconds { sched_yield() }
    } while waited < ThreadPool.yieldNanoseconds
    // The owner publishes before it looks at `sleepers`, a worker counts itself before it looks at the ticket: one
    // of the two sees the other.
    sleepers.add(1, ordering: .sequentiallyConsistent)
    defer { sleepers.subtract(1, ordering: .sequentiallyConsistent) }
    var generation = seen
    alarm.sleep {
      generation = Ticket(ticket.load(ordering: .sequentiallyConsistent)).generation
      return generation == seen
    }
    return generation
  }

  private func now() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  private static func configuredCount() -> Int? {
    for name in ["BLOX_NUM_THREADS", "BLOX_THREADS"] {
      if let count = RuntimeVariable.count(name, environmentVariable(name)) { return count }
    }
    return nil
  }

  private static func processorCount() -> Int { Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}

private struct ClosureBatch {
  let body: UnsafePointer<(Int) -> Void>
  let start: Int
}

/// The word that says which job runs and which part is next.
private struct Ticket {
  var bits: UInt64

  init(_ bits: UInt64) { self.bits = bits }

  init(generation: UInt64, parts: Int, participants: Int) {
    bits = (generation & 0xFF_FFFF) << 40 | UInt64(participants) << 32 | UInt64(parts) << 16
  }

  var generation: UInt64 { bits >> 40 }
  var participants: Int { Int(bits >> 32 & 0xFF) }
  var parts: Int { Int(bits >> 16 & 0xFFFF) }
  var next: Int { Int(bits & 0xFFFF) }
  var hasUnclaimedPart: Bool { next < parts }
}

/// The running job's function and context.
private final class JobCell: @unchecked Sendable {
  // Sendable: written by the holder of `isBusy` while no part is unfinished, read by claimants of a part.
  private(set) var body: ThreadPool.Body = { _, _, _ in }
  private(set) var context = UnsafeRawPointer(bitPattern: 8)!

  func set(body: ThreadPool.Body, context: UnsafeRawPointer) {
    self.body = body
    self.context = context
  }
}

/// A condition variable.
private final class Alarm: @unchecked Sendable {
  // Sendable: the two objects are made for use from many threads, and their addresses never change.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  /// Sleeps while the condition holds; it is looked at after each wake-up.
  func sleep(while condition: () -> Bool) {
    pthread_mutex_lock(mutex)
    while condition() { pthread_cond_wait(self.condition, mutex) }
    pthread_mutex_unlock(mutex)
  }

  /// Wakes all sleepers. Whoever holds the mutex has looked at the condition before it changed, and sleeps when this
  /// gets it; given back first, it does not keep those that wake waiting.
  func wakeAll() {
    pthread_mutex_lock(mutex)
    pthread_mutex_unlock(mutex)
    pthread_cond_broadcast(condition)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }
}

/// Starts a detached worker thread, which frees the argument.
private func startThread(_ participant: UnsafeMutablePointer<Int>) -> Bool {
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
  defer { pthread_attr_destroy(&attributes) }
  #if canImport(Darwin)
    var thread: pthread_t?
    let main: @convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? = { argument in
      runWorker(argument)
    }
  #else
    var thread = pthread_t()
    let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
      argument.flatMap(runWorker)
    }
  #endif
  return pthread_create(&thread, &attributes, main, participant) == 0
}

private func runWorker(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
  let cell = argument.assumingMemoryBound(to: Int.self)
  let participant = cell.pointee
  cell.deallocate()
  ThreadPool.shared.work(participant: participant)
  return nil
}
