// What compiled training steps are made of, as Docs/PLANS.md states it; that running them allocates nothing; that the
// number of threads changes no bit.

import BloxIR
import BloxPasses
import CAllocationCounter
import Gallery
import ProgramFuzzing
import TestSupport
import Testing

@testable import BloxRuntime

/// A program of the gallery at a size at which kernels use threads and blocks.
struct PlannedStep: CustomTestStringConvertible, Sendable {
  let name: String
  let sizes: [String: Int]

  static let all = [
    PlannedStep(name: "mlp.grad", sizes: ["batch": 64, "hidden": 256]),
    PlannedStep(name: "train_step", sizes: ["batch": 64, "hidden": 256]),
    PlannedStep(name: "convnet", sizes: ["batch": 16, "channels": 8]),
    PlannedStep(name: "rnn", sizes: ["batch": 16, "hidden": 64]),
    PlannedStep(name: "lstm", sizes: ["batch": 16, "hidden": 64]),
    PlannedStep(name: "forecast", sizes: ["batch": 16, "time": 24, "hidden": 32]),
    PlannedStep(name: "textgen", sizes: ["batch": 4, "features": 64, "layers": 2, "time": 32]),
    PlannedStep(name: "textgen.decode", sizes: ["batch": 0, "features": 64, "layers": 2, "time": 32]),
  ]

  var testDescription: String { name }

  var program: Program {
    get throws { try GalleryEntry.named(name).program(at: .grad, sizes: sizes.filter { $0.value > 0 }) }
  }

  /// `@train_step --set batch=64 --set hidden=256`
  var command: String {
    "@\(name)"
      + sizes.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map { " --set \($0.key)=\($0.value)" }.joined()
  }
}

@Suite("Plans of training steps", .serialized)
struct PlanTests {
  private static let page = GeneratedPage(path: "Docs/PLANS.md", suite: "PlanTests")

  @Test("Docs/PLANS.md has the counts of each step")
  func counts() throws {
    var lines = [
      "# What training steps are compiled to", "",
      "Counts that depend on the compiler alone, for steps of the gallery. A change that raises one shows up here; times",
      "are measured in `Benchmarks/`. `blox-ir dump PROGRAM --stage planned` prints what is counted. Instructions are those",
      "of the planned program with the bodies of loops; those of fused regions count as one. Bytes are beside the arguments.",
      "", "```sh", Self.page.command, "```", "",
      "| program | traced | compiled | loop regions | row regions | product regions | arena bytes | result bytes |",
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for step in PlannedStep.all {
      let program = try step.program
      let executable = try Compiler.compile(program)
      var counts = Counts()
      counts.add(executable.program)
      var traced = Counts()
      traced.add(program)
      let numbers = [
        traced.instructions, counts.instructions, counts.regions[.loop, default: 0], counts.regions[.row, default: 0],
        counts.regions[.contraction, default: 0], executable.memory.arenaBytes, executable.memory.resultBytes,
      ]
      lines.append("| `\(step.command)` | " + numbers.map(String.init).joined(separator: " | ") + " |")
    }
    #expect(try Self.page.change(in: lines.joined(separator: "\n") + "\n") == nil)
  }

  private struct Counts {
    var instructions = 0
    var regions: [Op.FusionKind: Int] = [:]

    mutating func add(_ program: Program) {
      for instruction in program.instructions {
        instructions += 1
        if case .fusion(let fusion) = instruction.op {
          regions[fusion.kind, default: 0] += 1
        } else {
          for region in instruction.op.regions { add(region.program) }
        }
      }
    }
  }

  @Test(
    "A call has the memory that is reported before it, and kernels ask the heap for no more", arguments: PlannedStep.all
  )
  func allocations(step: PlannedStep) throws {
    let before = blox_allocation_count()
    let executable = try Compiler.compile(try step.program)
    try #require(blox_allocation_count() > before || !blox_allocations_are_counted(), "nothing is counted")
    let arguments = try arguments(of: executable.program)
    // The first run starts threads and fills pools.
    _ = try executable.run(try storages(arguments))
    for idle in executable.idleMemory {
      #expect(
        idle.byteCount == executable.memory.arenaBytes + executable.scratchBytes(threads: idle.threads),
        "\(step.command): a call has other memory than was reported before it")
    }
    let counter = AllocationObserver()
    try executable.observe(try storages(arguments), with: counter)
    #expect(counter.ran > 0 && executable.idleMemory.count == 1)
    #expect(counter.allocating == [:], "\(step.command)")
  }

  /// Notes which ops allocate while they run.
  private final class AllocationObserver: RunObserver {
    private(set) var ran = 0
    private(set) var allocating: [String: Int64] = [:]

    func begin(_ index: Int, _ instruction: Instruction) -> Int64 { blox_allocation_count() }

    func end(_ index: Int, _ instruction: Instruction, _ begun: Int64) {
      let count = blox_allocation_count() - begun
      ran += 1
      // Control flow is driven by the observation; what its regions run is counted there.
      if count > 0, !instruction.op.isControl { allocating[instruction.op.name, default: 0] += count }
    }

    func inside(
      _ map: StepMap, region: Int, of index: Int, _ instruction: Instruction, _ place: RegionPlace
    ) -> AllocationObserver { self }
  }

  @Test("1, 2, 3 and 8 threads compute the same bits", arguments: PlannedStep.all)
  func threads(step: PlannedStep) throws {
    let executable = try Compiler.compile(try step.program)
    let arguments = try arguments(of: executable.program)
    let before = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(before) }
    var expected: [[UInt8]] = []
    for count in [1, 2, 3, 8] {
      ThreadPool.setThreadCount(count)
      let results = try executable.run(try storages(arguments)).map { $0.withUnsafeBytes { Array($0) } }
      if expected.isEmpty { expected = results }
      for (index, result) in executable.program.results.enumerated() {
        #expect(
          results[index] == expected[index],
          "\(step.command) with \(count) threads: \(result.label?.text ?? "\(index)")")
      }
    }
  }

  private func arguments(of program: Program) throws -> [DenseConstant] {
    var generator = SeededGenerator(seed: 17)
    return program.parameters.map { randomTensor($0.type, specials: false, &generator) }
  }

  /// New memory for each run: donated arguments are written over.
  private func storages(_ arguments: [DenseConstant]) throws -> [Storage] {
    try arguments.map { try Storage($0.bytes) }
  }
}
