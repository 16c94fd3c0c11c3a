// Executables of programs that are run without `jit`: eager operations and transformations of concrete tensors.

import BloxIR
import BloxRuntime
import Synchronization

/// A bounded cache of executables.
final class ExecutableCache<Key: Hashable & Sendable>: Sendable {
  private struct Entry {
    let executable: Executable
    var lastUse: UInt64
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    var clock: UInt64 = 0
  }

  private let limit: Int
  private let state = Mutex(State())

  init(limit: Int) { self.limit = limit }

  /// The executable for a key, compiled from its program if need be, which happens outside the lock.
  func executable(for key: Key, _ program: () throws(BloxError) -> Program) throws(BloxError) -> Executable {
    let known = state.locked { state -> Executable? in
      state.clock += 1
      guard let index = state.entries.index(forKey: key) else { return nil }
      state.entries.values[index].lastUse = state.clock
      return state.entries.values[index].executable
    }
    if let known { return known }
    let executable = try Compiler.compile(try program())
    state.locked { state in
      if state.entries.count >= limit { evictOlderHalf(&state) }
      state.entries[key] = Entry(executable: executable, lastUse: state.clock)
    }
    return executable
  }

  private func evictOlderHalf(_ state: inout State) {
    let uses = state.entries.values.map(\.lastUse).sorted()
    let median = uses[uses.count / 2]
    state.entries = state.entries.filter { $0.value.lastUse > median }
  }
}
