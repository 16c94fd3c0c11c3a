// Properties of all passes on random programs: results keep their bits, and a second run changes nothing.

import BloxIR
import BloxRuntime
import Testing

@testable import BloxPasses

struct PassPropertyTests {
  @Test("Passes keep every bit of the results of random programs", arguments: Pass.all.indices)
  func exactness(index: Int) throws {
    let pass = Pass.all[index]
    for seed in 0..<60 as Range<UInt64> {
      let program = try randomProgram(seed: seed, count: 40)
      let got = try pass.run(program, context: folding)
      try got.verify()
      #expect(got.parameters == program.parameters && got.resultTypes == program.resultTypes)
      let arguments = randomArguments(program, seed: seed)
      let expected = try ReferenceInterpreter.run(program, arguments)
      #expect(try sameBits(ReferenceInterpreter.run(got, arguments), expected), "\(pass.name), seed \(seed)")
    }
  }

  @Test("Passes are idempotent", arguments: Pass.all.indices)
  func idempotence(index: Int) throws {
    let pass = Pass.all[index]
    for seed in 0..<60 as Range<UInt64> {
      let once = try pass.run(randomProgram(seed: seed, count: 40), context: folding)
      let twice = try pass.run(once, context: folding)
      #expect(twice == once, "\(pass.name), seed \(seed)\nonce:\n\(once)\ntwice:\n\(twice)")
    }
  }

  @Test("The standard pipeline keeps every bit and leaves elementwise work in regions only")
  func standardPipeline() throws {
    for seed in 100..<160 as Range<UInt64> {
      let program = try randomProgram(seed: seed, count: 60)
      let got = try PassPipeline.standard.run(program, context: folding)
      let arguments = randomArguments(program, seed: seed)
      let expected = try ReferenceInterpreter.run(program, arguments)
      #expect(try sameBits(ReferenceInterpreter.run(got, arguments), expected), "seed \(seed)\n\(got)")
      for instruction in got.instructions {
        #expect(!instruction.op.isElementwise && instruction.op.region?.isValidRegion != false, "seed \(seed)\n\(got)")
      }
    }
  }

  @Test("Batched random programs keep every bit through the standard pipeline")
  func batchedPrograms() throws {
    for seed in 200..<220 as Range<UInt64> {
      let program = try randomProgram(seed: seed, count: 30)
      let inAxes = program.parameters.indices.map { ($0 + Int(seed)) % 3 == 0 ? nil : 0 }
      let batch = try batched(program, size: 2, axisName: nil, inAxes: inAxes, axes: [:]).program
      let got = try PassPipeline.standard.run(batch, context: folding)
      let arguments = randomArguments(batch, seed: seed)
      let expected = try ReferenceInterpreter.run(batch, arguments)
      #expect(try sameBits(ReferenceInterpreter.run(got, arguments), expected), "seed \(seed)")
    }
  }
}

extension Program {
  /// Whether a region keeps to what the fusion pass promises: one iteration space, and movements of what it reads only.
  /// In a space with rows values may have an element for each row, and be repeated along it.
  var isValidRegion: Bool {
    guard parameters.count <= inputLimit, let first = resultTypes.first?.elementCount else { return false }
    let reduction = instructions.first { $0.op.name.hasPrefix("reduce_") }
    let count = reduction.map { type(of: $0.operands[0]).elementCount } ?? first
    let rows = reduction.map { type(of: $0.results[0]).elementCount } ?? count
    var isRead = parameters.map { _ in true }
    for instruction in instructions {
      let result = type(of: instruction.results[0])
      let isComputed = instruction.operands.contains { $0.value.map { !isRead[$0.index] } ?? false }
      switch instruction.op.name {
      case "broadcast_in_dim", "transpose", "slice", "reshape":
        if isComputed && !instruction.isAlias(in: self)
          && !instruction.op.repeatsRows(type(of: instruction.operands[0]).shape, rowLength: count / max(rows, 1))
        {
          return false
        }
        isRead.append(!isComputed)
      case _:
        if instruction.op.name.hasPrefix("reduce_") && !instruction.reducesRows(in: self) {
          // One over leading dimensions is complete only when the region ends: nothing in it may read it.
          let value = Operand.value(instruction.results[0])
          if instructions.contains(where: { $0.operands.contains(value) }) { return false }
        }
        guard result.elementCount == count || result.elementCount == rows else { return false }
        isRead.append(false)
      }
    }
    return resultTypes.allSatisfy { $0.elementCount == count || $0.elementCount == rows }
  }
}
