// Executables of programs that are run without `jit`: eager operations and transformations of concrete tensors.

import BloxIR
import BloxRuntime
import Synchronization

/// A bounded cache from programs to executables, compared by content.
final class ExecutableCache: Sendable {
  static let shared = ExecutableCache(limit: 1024)

  private struct Entry {
    let executable: Executable
    var lastUse: UInt64
  }

  private struct State {
    var entries: [Program: Entry] = [:]
    var clock: UInt64 = 0
  }

  private let limit: Int
  private let state = Mutex(State())

  init(limit: Int) { self.limit = limit }

  /// The executable for a program, compiled if need be. Compiling happens outside the lock.
  func executable(for program: Program) throws(BloxError) -> Executable {
    let known = state.locked { state -> Executable? in
      state.clock += 1
      guard let index = state.entries.index(forKey: program) else { return nil }
      state.entries.values[index].lastUse = state.clock
      return state.entries.values[index].executable
    }
    if let known { return known }
    let executable = try Compiler.compile(program)
    state.locked { state in
      if state.entries.count >= limit { evictOlderHalf(&state) }
      state.entries[program] = Entry(executable: executable, lastUse: state.clock)
    }
    return executable
  }

  private func evictOlderHalf(_ state: inout State) {
    let uses = state.entries.values.map(\.lastUse).sorted()
    let median = uses[uses.count / 2]
    state.entries = state.entries.filter { $0.value.lastUse > median }
  }
}
