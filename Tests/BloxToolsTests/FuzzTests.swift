// The fuzzer: a short run of it, and that it finds and reduces what is broken.

import BloxIR
import BloxPasses
import BloxRuntime
import BloxTools
import ProgramFuzzing
import Testing

@Suite("Fuzzing", .serialized)
struct FuzzTests {
  @Test("Random programs and their nested transformations agree everywhere")
  func shortRun() throws {
    let threadCount = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(threadCount) }
    var kinds: Set<String> = []
    for number in 0..<150 {
      let trial = try FuzzCase(seed: 2024, number: UInt64(number))
      let text = trial.failure()
      #expect(text == nil, "\(trial.name)\n\(text ?? "")\n\(trial.program.text())")
      kinds.insert(String(trial.name.split(separator: ": ")[1]))
    }
    #expect(kinds.isSuperset(of: ["plain", "large tensors", "jvp", "vjp", "vmap"]))
    #expect(kinds.contains { $0.contains(" of ") })
  }

  @Test("A seed and a number always make the same case")
  func deterministic() throws {
    let (a, b) = (try FuzzCase(seed: 5, number: 9), try FuzzCase(seed: 5, number: 9))
    #expect(a.program == b.program && a.arguments == b.arguments)
    #expect(try a.program != FuzzCase(seed: 5, number: 10).program)
  }

  @Test("Every op that can stand in a program is drawn")
  func coverage() throws {
    var seen: Set<String> = []
    for seed in 0..<600 {
      var generator = ProgramGenerator(seed: UInt64(seed))
      for instruction in try generator.make().instructions { seen.insert(instruction.op.name) }
    }
    // What asks about lanes is drawn for programs that get some; regions are made by fusion, and a map of which only
    // the transpose is known by differentiation.
    for seed in 0..<200 {
      var generator = ProgramGenerator(seed: UInt64(seed), ProgramGenerator.Options(axes: ["lane": 4]))
      for instruction in try generator.make().instructions { seen.insert(instruction.op.name) }
    }
    let wanted = Set(Op.names).subtracting(["fusion", "custom_linear"])
    #expect(wanted.subtracting(seen).sorted() == [])
  }

  @Test("No tensor of a program is too large to run it, beside empty ones either")
  func sizes() throws {
    for seed in 0..<400 {
      let options = ProgramGenerator.Options(steps: 4...12, maximumElements: 300_000, sizes: [0, 1, 61, 500, 700])
      var generator = ProgramGenerator(seed: UInt64(seed), options)
      let program = try generator.make()
      #expect(program.types.allSatisfy { $0.elementCount <= 1 << 22 }, "seed \(seed)\n\(program.text())")
    }
  }

  @Test("A failing case is reduced to what fails, and its file repeats it")
  func reduction() throws {
    // As if tanh were broken wherever its operand holds a number above 1.
    func fails(_ trial: FuzzCase) -> Bool {
      var open = trial.program
      open.results += open.instructions.flatMap(\.results).map { ProgramResult(.value($0)) }
      guard let values = try? ReferenceInterpreter.run(open, trial.arguments) else { return false }
      let all = trial.arguments + values.dropFirst(trial.program.results.count)
      return trial.program.instructions.contains { instruction in
        guard case .unary(.tanh) = instruction.op, let operand = instruction.operands[0].value else { return false }
        let x = all[operand.index]
        return (0..<x.type.elementCount).contains { x[$0].doubleValue > 1 }
      }
    }
    var found = 0
    for number in 0..<1600 where found < 3 {
      let trial = try FuzzCase(seed: 11, number: UInt64(number))
      guard trial.isSmall, trial.program.instructions.count > 8, fails(trial) else { continue }
      found += 1
      let reduced = trial.reduced(fails: fails)
      #expect(fails(reduced))
      #expect(reduced.program.instructions.map(\.op) == [.unary(.tanh)], "\(trial.name)\n\(reduced.program.text())")
      #expect(reduced.program.verificationErrors() == [])
      let file = TestFile(path: "fuzz.bir", text: reduced.reproducer)
      #expect(try file.check() == 4, "\(reduced.reproducer)")
    }
    #expect(found == 3)
  }
}
