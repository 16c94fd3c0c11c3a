// The memory that one call at a time works in: the table of addresses, the arena, scratch.
import BloxIR

/// The memory of one running call, kept by the executable between calls.
final class RunContext: @unchecked Sendable {
  // Sendable: it belongs to the executable's pool or to the one call that took it out.

  let memory: RunMemory
  private let arena: Storage
  private let scratch: Storage
  private let laneScratch: Storage
  /// What the call has beside its arguments and results.
  var byteCount: Int { arena.byteCount + scratch.byteCount + laneScratch.byteCount }

  /// Makes memory for calls on at most `participants` threads.
  init(
    slots: [SlotSource], arenaBytes: Int, scratchBytes: Int, keptBytes: Int, laneScratchBytes: Int, participants: Int
  ) throws(BloxError) {
    arena = try Storage(byteCount: arenaBytes)
    scratch = try Storage(byteCount: scratchBytes + keptBytes)
    laneScratch = try Storage(byteCount: laneScratchBytes * participants)
    let table = UnsafeMutablePointer<Address?>.allocate(capacity: max(slots.count, 1))
    for (index, slot) in slots.enumerated() {
      (table + index).initialize(to: nil)
      switch slot {
      case .argument, .result, .moving: break
      case .arena(let offset): table[index] = (arena.address + offset).assumingMemoryBound(to: CChar.self)
      case .kept(let offset):
        table[index] = (scratch.address + scratchBytes + offset).assumingMemoryBound(to: CChar.self)
      case .scratch(let offset): table[index] = (scratch.address + offset).assumingMemoryBound(to: CChar.self)
      case .constant(let address): table[index] = address
      }
    }
    memory = RunMemory(
      table: table, laneScratch: laneScratch.address, laneScratchBytes: laneScratchBytes, participants: participants)
  }

  deinit { memory.table.deallocate() }
}
