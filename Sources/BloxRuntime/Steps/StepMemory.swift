// Memory behind prepared steps, and the memory of one running call.
import BloxIR
import CBloxKernels

/// A table entry: the address of a buffer. Imported C calls it `char *`.
typealias Address = UnsafeMutablePointer<CChar>

/// Owns the argument blocks that steps point to. They are written while an executable is built and never again.
final class StepMemory: @unchecked Sendable {
  // Sendable: only the builder writes, before the executable exists.
  private var blocks: [UnsafeMutableRawPointer] = []
  private var constants: [Storage] = []
  private var objects: [AnyObject] = []
  /// Machine code that waits for memory, and where its address then goes.
  private var code: [UInt8] = []
  private var entries: [(place: UnsafeMutablePointer<blox_tile_native>, offset: Int)] = []

  /// Keeps a value and returns where it is.
  func keep<Value: BitwiseCopyable>(_ value: Value) -> UnsafePointer<Value> { keep([value]) }

  /// Keeps values one after the other and returns where they are.
  func keep<Value: BitwiseCopyable>(_ values: [Value]) -> UnsafePointer<Value> {
    let block = UnsafeMutablePointer<Value>.allocate(capacity: max(values.count, 1))
    for (index, value) in values.enumerated() { (block + index).initialize(to: value) }
    blocks.append(UnsafeMutableRawPointer(block))
    return UnsafePointer(block)
  }

  /// Keeps the contents of a constant in aligned memory.
  func keep(bytes: [UInt8]) throws(BloxError) -> Address { keep(try Storage(bytes)) }

  /// Keeps a block and returns where it is.
  func keep(_ storage: Storage) -> Address {
    constants.append(storage)
    return storage.address.assumingMemoryBound(to: CChar.self)
  }

  /// Keeps an object and returns a reference for steps.
  func keep<Object: AnyObject>(object: Object) -> Unmanaged<Object> {
    objects.append(object)
    return Unmanaged.passUnretained(object)
  }

  /// Keeps machine code, which can run after ``finishCode()``.
  func keep(_ tileCode: TileCode) -> UnsafePointer<blox_tile_native> {
    let place = keep(
      blox_tile_native(
        fn: nil, by_row: tileCode.isByRow ? 1 : 0, slot_count: Int32(tileCode.slots.count),
        slots: keep(tileCode.slots)))
    code += Array(repeating: 0xCC, count: code.count.roundedUpToLine - code.count)
    entries.append((UnsafeMutablePointer(mutating: place), code.count))
    code += tileCode.bytes
    return place
  }

  /// Puts the machine code that was kept into executable memory.
  func finishCode() throws(BloxError) {
    guard !entries.isEmpty else { return }
    let machineCode = try MachineCode(code)
    for entry in entries {
      entry.place.pointee.fn = unsafeBitCast(machineCode.start + entry.offset, to: blox_native_fn.self)
    }
    objects.append(machineCode)
    (code, entries) = ([], [])
  }

  deinit {
    for block in blocks { block.deallocate() }
  }
}

/// Steps that run one after the other.
struct StepList: BitwiseCopyable {
  let steps: UnsafePointer<Step>
  let count: Int

  @inline(__always)
  func run(_ memory: RunMemory) {
    for index in 0..<count { steps[index].run(memory) }
  }
}

/// The addresses one call works with. Copied freely; whoever made it keeps the memory alive.
struct RunMemory: BitwiseCopyable {
  /// The address of each slot: arguments, results, arena, scratch, constants.
  let table: UnsafeMutablePointer<Address?>
  /// Scratch of participant 0; that of the others follows.
  let laneScratch: UnsafeMutableRawPointer
  let laneScratchBytes: Int
  /// How many threads may take part.
  let participants: Int

  func address(_ slot: Int32) -> Address { table[Int(slot)]! }

  func scratch(of participant: Int) -> UnsafeMutableRawPointer {
    laneScratch + participant * laneScratchBytes
  }
}

/// A step together with the memory of the call that runs it: what parts of a parallel step are given.
struct StepCall<Step: BitwiseCopyable> {
  let step: UnsafePointer<Step>
  let memory: RunMemory
}

/// Runs the parts of a step, on several threads when there are several.
func runParts<Step: BitwiseCopyable>(
  _ step: UnsafePointer<Step>, parts: Int, _ memory: RunMemory, _ body: ThreadPool.Body
) {
  let call = StepCall(step: step, memory: memory)
  withUnsafePointer(to: call) { context in
    ThreadPool.shared.run(parts: parts, participants: memory.participants, context: context, body)
  }
}
