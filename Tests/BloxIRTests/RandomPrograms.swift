// Random programs for printing, parsing and typing: those of the fuzzer, dressed up with everything else that a program
// can hold. They need not run.

import BloxIR
import ProgramFuzzing

struct RandomPrograms {
  static let axes = ["batch": 4, "model": 2]

  private var random: SeededGenerator

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  /// A program of about so many instructions, whose regions and callees are smaller.
  mutating func program(instructions: Int, name: String = "random") throws -> Program {
    let options = ProgramGenerator.Options(
      steps: instructions...instructions, maximumElements: 24, sizes: [0, 1, 1, 2, 2, 3], calls: 2,
      axes: RandomPrograms.axes, isWild: true)
    var generator = ProgramGenerator(seed: random.next(), options)
    var program = try generator.make()
    program.name = name
    dress(&program)
    return program
  }

  /// Adds labels, notes and, now and then, a plan.
  private mutating func dress(_ program: inout Program) {
    for index in program.parameters.indices {
      program.parameters[index].isTrainable = chance(0.3)
      program.parameters[index].label = label(index)
    }
    for index in program.results.indices { program.results[index].label = label(index) }
    for index in program.instructions.indices where chance(0.5) {
      program.instructions[index].note = SourceNote(scope: "net/layer")
    }
    if chance(0.3) { plan(&program) }
  }

  private mutating func label(_ index: Int) -> ValueLabel? {
    switch int(0...3) {
    case 0: .path("net/\(index)/größe")
    case 1: .argument("a \"\(index)\"\\\n\t\u{7f}")
    case 2: .argument("x\(index)")
    default: nil
    }
  }

  /// Gives every result a place in an arena that is large enough.
  private mutating func plan(_ program: inout Program) {
    var arena = program.instructions.flatMap(\.results).map { program.type(of: $0).byteCount }.max() ?? 0
    for index in program.instructions.indices {
      guard case .control(let control) = program.instructions[index].op else { continue }
      var regions = control.regions.map(\.program)
      for region in regions.indices { plan(&regions[region]) }
      let planned = control.with(regions: regions)
      program.instructions[index].op = .control(planned)
      // The workspace is the last of the buffers.
      arena = max(arena, planned.workspace.byteCount)
    }
    program.memory = MemorySummary(arenaBytes: arena + 64, resultBytes: int(0...99), aliasedBytes: int(0...99))
    for index in program.instructions.indices {
      let count = program.instructions[index].results.count
      program.instructions[index].buffers = (0..<count).map { _ in
        chance(0.2) ? .constant : .arena(offset: int(0...64))
      }
      if program.instructions[index].op.isControl { program.instructions[index].buffers.append(.arena(offset: 64)) }
    }
  }

  private mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  private mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &random) < probability }
}
