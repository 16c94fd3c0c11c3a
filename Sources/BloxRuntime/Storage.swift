// Memory that tensors live in.
//
// A block is 64-byte aligned so that vector loads are; blocks of 2 MiB and more are aligned to and advised as huge
// pages, because faulting in 4 KiB pages costs more than most kernels that fill them.
import BloxIR
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A block of memory that holds a tensor's elements in row-major order.
///
/// Contents are written once, by whoever made the block, and never change afterwards, so any number of tensors and
/// tasks may share one. The exception is donation: a caller that owns the only reference may give it to an
/// executable, which writes results over it.
public final class Storage: @unchecked Sendable {
  // Sendable: `address` and `byteCount` never change, and the memory behind the address is written only before the
  // block is shared, or by an executable to which its only owner donated it.

  /// The number of bytes.
  public let byteCount: Int
  /// The first byte. Aligned to 64 bytes, valid while the storage lives.
  package let address: UnsafeMutableRawPointer

  /// Creates a block with unspecified contents.
  ///
  /// - Throws: ``BloxError/Code/runtime`` when the system has no such amount of memory.
  public init(byteCount: Int) throws(BloxError) {
    self.byteCount = byteCount
    guard (0...TensorType.byteLimit).contains(byteCount) else {
      throw BloxError(.runtime, "a block of \(byteCount) bytes is no tensor; at most 2^47 bytes are allowed")
    }
    let capacity = BlockCache.capacity(for: byteCount)
    guard let block = BlockCache.take(capacity: capacity) ?? BlockCache.allocate(capacity: capacity) else {
      throw BloxError(
        .runtime, "out of memory: there is no block of \(byteCount) bytes; use smaller batches or donate inputs")
    }
    address = block
  }

  /// Creates a block that holds a copy of some bytes.
  public convenience init(copying bytes: UnsafeRawBufferPointer) throws(BloxError) {
    try self.init(byteCount: bytes.count)
    if let source = bytes.baseAddress { address.copyMemory(from: source, byteCount: bytes.count) }
  }

  /// Creates a block that holds the elements of an array, in the machine's byte order.
  public convenience init<Element: BitwiseCopyable>(_ elements: [Element]) throws(BloxError) {
    try self.init(byteCount: elements.count * MemoryLayout<Element>.stride)
    elements.withUnsafeBytes { bytes in
      if let source = bytes.baseAddress { address.copyMemory(from: source, byteCount: bytes.count) }
    }
  }

  /// Calls a function with the bytes.
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(start: address, count: byteCount))
  }

  /// Calls a function that may write the bytes. Only for the maker of the block, before anyone else sees it.
  package func withUnsafeMutableBytes<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeMutableRawBufferPointer(start: address, count: byteCount))
  }

  /// The contents as an array of a type whose size divides the byte count.
  public func elements<Element: BitwiseCopyable>(as type: Element.Type) -> [Element] {
    let count = byteCount / MemoryLayout<Element>.stride
    return Array(UnsafeBufferPointer(start: address.assumingMemoryBound(to: Element.self), count: count))
  }

  deinit {
    BlockCache.give(address, capacity: BlockCache.capacity(for: byteCount))
  }
}

/// Freed blocks of a few cache lines, for numbers and small tensors: malloc takes its time over aligned ones.
private enum SmallBlocks {
  static let largest = 1 << 10
  static let keptPerSize = 32

  struct Idle: @unchecked Sendable {
    // Sendable: an idle block belongs to the lists alone.
    var blocks: [[UnsafeMutableRawPointer]] = Array(repeating: [], count: largest / 64 + 1)
  }

  static let idle = Mutex(Idle())

  static func take(capacity: Int) -> UnsafeMutableRawPointer? {
    idle.locked { $0.blocks[capacity / 64].popLast() }
  }

  /// Keeps a block, if there is room for it.
  static func give(_ address: UnsafeMutableRawPointer, capacity: Int) -> Bool {
    idle.locked { idle in
      guard idle.blocks[capacity / 64].count < keptPerSize else { return false }
      idle.blocks[capacity / 64].append(address)
      return true
    }
  }
}

/// Freed blocks kept for results of the same size, so that a training step does not fault its results in anew.
private enum BlockCache {
  /// Blocks between these and the small ones come from malloc, which keeps them itself.
  static let smallestCached = 64 << 10
  static let hugePage = 2 << 20
  /// What idle blocks may hold together, in bytes and in number.
  static let byteLimit = 256 << 20
  static let countLimit = 256

  struct Block {
    let address: UnsafeMutableRawPointer
    let capacity: Int
  }

  /// Idle blocks, oldest first.
  struct Idle: @unchecked Sendable {
    // Sendable: an idle block belongs to the list alone.
    var blocks: [Block] = []
    var bytes = 0
  }

  static let idle = Mutex(Idle())

  /// Cached sizes are whole pages, so that nearly equal sizes share blocks.
  static func capacity(for byteCount: Int) -> Int {
    let unit = byteCount < smallestCached ? 64 : 4096
    return max(unit, (byteCount + unit - 1) / unit * unit)
  }

  static func take(capacity: Int) -> UnsafeMutableRawPointer? {
    if capacity <= SmallBlocks.largest { return SmallBlocks.take(capacity: capacity) }
    guard capacity >= smallestCached else { return nil }
    return idle.locked { idle -> Block? in
      guard let index = idle.blocks.lastIndex(where: { $0.capacity == capacity }) else { return nil }
      idle.bytes -= capacity
      return idle.blocks.remove(at: index)
    }?.address
  }

  static func allocate(capacity: Int) -> UnsafeMutableRawPointer? {
    var address: UnsafeMutableRawPointer?
    guard posix_memalign(&address, capacity >= hugePage ? hugePage : 64, capacity) == 0 else { return nil }
    #if os(Linux)
      if capacity >= hugePage { madvise(address, capacity, MADV_HUGEPAGE) }
    #endif
    return address
  }

  static func give(_ address: UnsafeMutableRawPointer, capacity: Int) {
    if capacity <= SmallBlocks.largest, SmallBlocks.give(address, capacity: capacity) { return }
    guard capacity >= smallestCached, capacity <= byteLimit else { return free(address) }
    let evicted = idle.locked { idle -> [Block] in
      idle.blocks.append(Block(address: address, capacity: capacity))
      idle.bytes += capacity
      var count = 0
      while idle.bytes > byteLimit || idle.blocks.count - count > countLimit {
        idle.bytes -= idle.blocks[count].capacity
        count += 1
      }
      guard count > 0 else { return [] }
      defer { idle.blocks.removeFirst(count) }
      return Array(idle.blocks.prefix(count))
    }
    for block in evicted { free(block.address) }
  }
}
