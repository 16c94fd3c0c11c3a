// Locks that the thread sanitizer sees.
import CBloxKernels
import Synchronization

extension Mutex where Value: ~Copyable {
  /// `withLock`, of which the thread sanitizer is told: without that it reports all that the lock protects.
  ///
  /// The state never moves, so its address stands for the lock.
  @inlinable
  package borrowing func locked<Result: ~Copyable, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    try withLock { (state: inout sending Value) throws(Failure) -> sending Result in
      withUnsafeMutablePointer(to: &state) { blox_lock_acquired($0) }
      defer { withUnsafeMutablePointer(to: &state) { blox_lock_released($0) } }
      return try body(&state)
    }
  }
}
