// Memory for machine code: written first, executable afterwards, never both.

import BloxIR

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Pages with the code of an executable's regions, which go with it.
final class MachineCode: @unchecked Sendable {
  // Sendable: nothing is written after the initializer.
  let start: UnsafeRawPointer
  private let byteCount: Int

  /// Whether this processor, and this system, run code that is made while the program runs: with `BLOX_NATIVE=off`, and
  /// where pages may not become executable, micro-ops are interpreted.
  static let isAvailable: Bool = {
    #if arch(x86_64)
      guard environmentVariable("BLOX_NATIVE") != "off", kernelISA == InstructionSet.avx512.kernel else { return false }
      return (try? MachineCode([0xC3])) != nil
    #else
      return false
    #endif
  }()

  /// Puts code into executable memory.
  ///
  /// - Throws: ``BloxError/Code/runtime`` where the system gives no memory, or does not let it become executable.
  init(_ code: [UInt8]) throws(BloxError) {
    let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
    byteCount = (code.count + pageBytes - 1) / pageBytes * pageBytes
    let memory = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory, memory != MAP_FAILED else {
      throw BloxError(.runtime, "no memory for \(code.count) bytes of machine code; BLOX_NATIVE=off does without")
    }
    code.withUnsafeBytes { memory.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
    guard mprotect(memory, byteCount, PROT_READ | PROT_EXEC) == 0 else {
      munmap(memory, byteCount)
      throw BloxError(
        .runtime, "the system does not let memory become executable; BLOX_NATIVE=off does without machine code")
    }
    start = UnsafeRawPointer(memory)
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: start), byteCount) }
}
