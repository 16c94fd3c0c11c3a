// A compiled program: steps with prepared arguments, run over bound buffers.
import BloxIR
import BloxPasses
import CBloxKernels
import Synchronization

/// A program compiled for this machine. Any number of tasks may run it at the same time.
public final class Executable: Sendable {
  /// The program with its buffers planned.
  public let program: Program
  /// The types of the results.
  public let resultTypes: [TensorType]
  /// The memory a call needs beyond its arguments.
  public let memory: MemorySummary
  /// The memory of the arguments, in bytes.
  public let argumentBytes: Int
  /// What kernels need beside ``memory`` while they run, for copies of operands and, per thread, for tiles and packing.
  public var scratchBytes: Int { scratchBytes(threads: ThreadPool.threadCount) }
  /// What a call needs beyond its arguments, at its peak: ``memory`` and ``scratchBytes``.
  public var peakBytes: Int { memory.peakBytes + scratchBytes }
  /// The memory of each call that has ended, for later ones: what it has beside arguments and results.
  package var idleMemory: [(byteCount: Int, threads: Int)] {
    idleContexts.locked { contexts in contexts.map { ($0.byteCount, $0.memory.participants) } }
  }

  /// How many steps a call takes, small regions that run together counted as one.
  package var stepCount: Int { plan.grouped.count }

  private let plan: StepPlan
  /// Memory of calls that have ended, for the next ones.
  private let idleContexts = Mutex<[RunContext]>([])
  /// More contexts than this are made for simultaneous calls, but not kept.
  private static let keptContexts = 8

  /// Prepares a program whose buffers are planned (see `planBuffers`).
  ///
  /// - Throws: ``BloxError/Code/unsupported`` for an operation without a kernel, with the instruction.
  public init(planned program: Program) throws(BloxError) {
    guard let memory = program.memory else {
      throw BloxError(.runtime, "the program @\(program.name) has no buffer plan; run planBuffers first")
    }
    self.program = program
    self.memory = memory
    resultTypes = program.resultTypes
    argumentBytes = program.parameters.reduce(0) { $0 + $1.type.byteCount }
    plan = try StepPlan(program)
  }

  /// Runs the program.
  ///
  /// Parameters that the program marks as donated are overwritten where the plan places a result in them; that
  /// result's storage is then the argument itself. The caller guarantees that nobody else holds such an argument and
  /// that it is passed once. Where it cannot, it passes `false` in `donating` for the argument, which is then copied
  /// first. A result that is an argument unchanged shares the argument's storage, and equal results share theirs.
  ///
  /// - Parameters:
  ///   - donating: Per argument, whether it is really given up; all that the program marks when `nil`.
  ///   - checks: What the elements of each instruction's results are looked at for; the same kernels run.
  /// - Throws: ``BloxError`` when arguments do not fit the program or memory is short, and
  ///   ``BloxError/Code/nonFinite`` when a check finds something; donated arguments are lost then.
  public func run(
    _ arguments: [Storage], donating: [Bool]? = nil, checks: Set<ElementCheck> = []
  ) throws(BloxError) -> [Storage] {
    try bind(arguments, donating) { memory throws(BloxError) in
      if checks.isEmpty {
        plan.grouped.run(memory)
      } else {
        let checker = ElementChecker(plan.map, memory, checks)
        try checker.checkArguments()
        try ObservedRun(plan.map, memory, checker).run(plan.steps)
      }
    }
  }

  /// Runs the program; see ``run(_:donating:checks:)``.
  public func callAsFunction(_ arguments: [Storage]) throws(BloxError) -> [Storage] { try run(arguments) }

  /// Runs the program as ``run(_:donating:checks:)`` does and takes the time of every instruction.
  ///
  /// Reading the clock costs some 50 ns per instruction.
  ///
  /// - Throws: ``BloxError`` when arguments do not fit the program or memory is short.
  public func profile(_ arguments: [Storage]) throws(BloxError) -> RunProfile {
    let recorder = ProfileRecorder(plan.map)
    try observe(arguments, with: recorder)
    return recorder.profile
  }

  /// Runs the program with an observer that needs no addresses.
  func observe(_ arguments: [Storage], with observer: some RunObserver) throws(BloxError) {
    _ = try bind(arguments, nil) { memory throws(BloxError) in
      try ObservedRun(plan.map, memory, observer).run(plan.steps)
    }
  }

  /// Finds memory for a call and binds all addresses; what `body` then runs leaves the results.
  @inline(__always)
  private func bind(
    _ arguments: [Storage], _ donating: [Bool]?, _ body: (RunMemory) throws(BloxError) -> Void
  ) throws(BloxError) -> [Storage] {
    try check(arguments, donating)
    let context = try takeContext()
    defer { giveBack(context) }
    let memory = context.memory
    var arguments = arguments
    if let donating {
      for index in plan.overwrittenParameters where !donating[index] {
        arguments[index] = try arguments[index].withUnsafeBytes { bytes throws(BloxError) in
          try Storage(copying: bytes)
        }
      }
    }
    for index in arguments.indices {
      memory.table[index] = arguments[index].address.assumingMemoryBound(to: CChar.self)
    }
    var results: [Storage] = []
    results.reserveCapacity(plan.results.count)
    for (index, result) in plan.results.enumerated() {
      switch result {
      case .fresh(let byteCount):
        let storage = try Storage(byteCount: byteCount)
        memory.table[arguments.count + index] = storage.address.assumingMemoryBound(to: CChar.self)
        results.append(storage)
      case .argument(let argument): results.append(arguments[argument])
      case .sameAs(let earlier): results.append(results[earlier])
      }
    }
    let mode = blox_fp_enter()
    defer { blox_fp_leave(mode) }
    try body(memory)
    return results
  }

  package func scratchBytes(threads: Int) -> Int {
    plan.scratchBytes + plan.keptBytes + plan.laneScratchBytes * threads
  }

  private func check(_ arguments: [Storage], _ donating: [Bool]?) throws(BloxError) {
    guard arguments.count == plan.argumentByteCounts.count, donating?.count ?? arguments.count == arguments.count else {
      throw BloxError(
        .runtime, "@\(program.name) takes \(plan.argumentByteCounts.count) arguments; got \(arguments.count)")
    }
    for index in arguments.indices where arguments[index].byteCount != plan.argumentByteCounts[index] {
      throw BloxError(
        .runtime,
        "argument \(index) of @\(program.name) is \(program.parameters[index].type), which takes"
          + " \(plan.argumentByteCounts[index]) bytes; got \(arguments[index].byteCount)")
    }
  }

  private func takeContext() throws(BloxError) -> RunContext {
    let participants = ThreadPool.threadCount
    if let idle = idleContexts.locked({ $0.popLast() }), idle.memory.participants == participants { return idle }
    return try RunContext(
      slots: plan.slots, arenaBytes: memory.arenaBytes, scratchBytes: plan.scratchBytes,
      keptBytes: plan.keptBytes, laneScratchBytes: plan.laneScratchBytes, participants: participants)
  }

  private func giveBack(_ context: RunContext) {
    idleContexts.locked { idle in
      if idle.count < Executable.keptContexts { idle.append(context) }
    }
  }
}

/// What lowering leaves: the steps and the memory they need.
private struct StepPlan: @unchecked Sendable {
  // Sendable: the pointers lead to memory that `owner` keeps alive and nobody writes any more.

  enum Result {
    case fresh(byteCount: Int)
    case argument(Int)
    case sameAs(Int)
  }

  /// One after the other, as observed runs take them.
  let steps: UnsafePointer<Step>
  /// With small ones as one.
  let grouped: StepList
  let slots: [SlotSource]
  let scratchBytes: Int
  let keptBytes: Int
  let laneScratchBytes: Int
  let results: [Result]
  let argumentByteCounts: [Int]
  let overwrittenParameters: [Int]
  /// Which steps belong to which instruction.
  let map: StepMap
  private let owner: StepMemory

  init(_ program: Program) throws(BloxError) {
    var lowering = Lowering(program)
    try lowering.run()
    owner = lowering.memory
    try owner.finishCode()
    steps = owner.keep(lowering.steps)
    let groupedSteps = lowering.groupedSteps()
    grouped = StepList(steps: owner.keep(groupedSteps), count: groupedSteps.count)
    slots = lowering.slots
    map = lowering.map
    scratchBytes = lowering.scratchBytes
    keptBytes = lowering.keptBytes
    laneScratchBytes = lowering.laneScratchBytes.roundedUpToLine
    argumentByteCounts = program.parameters.map(\.type.byteCount)
    var overwritten: Set<Int> = []
    let places = program.places
    for instruction in program.instructions {
      guard !instruction.isAlias(in: program) else { continue }
      for case .parameter(let index) in instruction.buffers { overwritten.insert(index) }
    }
    overwrittenParameters = overwritten.sorted()
    results = program.results.enumerated().map { index, result in
      guard let value = result.operand.value else {
        return .fresh(byteCount: program.type(of: result.operand).byteCount)
      }
      return switch places[value.index] {
      case .parameter(let parameter): .argument(parameter)
      case .result(let owner) where owner < index: .sameAs(owner)
      case .result, .arena, .constant, .operand: .fresh(byteCount: program.type(of: value).byteCount)
      }
    }
  }
}
