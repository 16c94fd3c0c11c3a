// Locks that the thread sanitizer sees.
import CBloxKernels
import Synchronization

extension Mutex where Value: ~Copyable {
  /// `withLock`, of which the thread sanitizer is told: without that it reports all that the lock protects.
  ///
  /// A mutex never moves, so its address stands for the lock; that of its state would be an access to it before the
  /// sanitizer knows.
  @inlinable
  package borrowing func locked<Result: ~Copyable, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    try withLock { (state: inout sending Value) throws(Failure) -> sending Result in
      withUnsafePointer(to: self) { blox_lock_acquired($0) }
      defer { withUnsafePointer(to: self) { blox_lock_released($0) } }
      return try body(&state)
    }
  }
}
