// Lowering and compiling as values: stages as text, cost, memory, and calls from many tasks.

import BloxRuntime
import Testing

@testable import BloxTrace

@Suite("Lowering and compiling")
struct LoweredTests {
  private let layer = jit(name: "layer", arguments: ["x", "w"], donating: ["x"]) { (x: Tensor, w: Tensor) in
    try tanh(x.matmul(w)) * 0.5
  }

  @Test("lower gives every stage as text, and fills no cache") func stages() throws {
    let lowered = try layer.lower(Tensor.zeros([4, 8]), Tensor.zeros([8, 8]))
    #expect(layer.cacheSize == 0)
    #expect(lowered.program.parameters.map { $0.label?.text } == ["x", "w"])
    #expect(lowered.program.parameters.map(\.isDonated) == [true, false])
    var counts: [Int] = []
    for stage in CompilationStage.allCases {
      let text = try lowered.text(stage)
      let program = try Program(parsing: text)
      #expect(program.resultTypes == [TensorType(.f32, [4, 8])])
      #expect(text.contains("fusion") == (stage == .fused || stage == .planned))
      #expect(text.contains("plan") == (stage == .planned))
      counts.append(program.instructions.count)
    }
    #expect(counts == counts.sorted(by: >))
    // A function that is not compiled lowers as it is.
    #expect(try TensorFunction { (x: Tensor) in try x + 1 }.lower(Tensor(1.0)).program.instructions.count == 1)
  }

  @Test("compile gives a function with its cost, memory and donations") func analyses() throws {
    let compiled = try layer.compile(Tensor.zeros([4, 8]), Tensor.zeros([8, 8]))
    // 4*8*8 multiplications and additions; tanh and the product with 0.5 for each of 32 elements.
    #expect(compiled.cost.productOperations == 512)
    #expect(compiled.cost.operations == 512 + 64)
    #expect(compiled.cost.instructions == compiled.executable.program.instructions.count)
    #expect(compiled.cost.bytesMoved >= 4 * (32 + 64 + 32))
    #expect(compiled.memory.argumentBytes == 4 * (32 + 64))
    #expect(compiled.memory.aliasedBytes + compiled.memory.resultBytes == 4 * 32)
    #expect(
      compiled.memory.peakBytes
        == compiled.memory.arenaBytes + compiled.memory.resultBytes + compiled.memory.scratchBytes)
    #expect(compiled.donationReport.map(\.name) == ["x"])
    let (x, w) = (try Key(1).normal([4, 8]), try Key(2).normal([8, 8]))
    let want = try tanh(x.matmul(w)) * 0.5
    try expectClose(compiled(x, w), want)
    let error = try thrown { try x + 1 }
    #expect(error.code == .donatedTensor)
    #expect(error.message.contains("was donated to layer at LoweredTests.swift:"))
  }

  @Test("a compiled function refuses other arguments and says what differs") func otherArguments() throws {
    let compiled = try layer.compile(Tensor.zeros([4, 8]), Tensor.zeros([8, 8]))
    let error = try thrown { try compiled(Tensor.zeros([5, 8]), Tensor.zeros([8, 8])) }
    #expect(error.code == .structureMismatch)
    #expect(
      error.message
        == "layer was compiled for other arguments: x: f32[4,8] → f32[5,8]. Compile it for these too, or call the"
        + " function that jit returned")
  }

  @Test("inside a trace a compiled function is a call, and reading an outer tracer cannot be lowered")
  func insideTraces() throws {
    let double = try jit { (x: Tensor) in try x * x }.compile(Tensor(1.0))
    #expect(try grad { (x: Tensor) in try double(x) }(Tensor(3.0)).item() == 6)
    let error = try thrown {
      try jit { (x: Tensor) throws -> Tensor in
        _ = try jit(name: "inner") { (y: Tensor) in try x + y }.lower(x)
        return x
      }(Tensor([1, 2.0]))
    }
    #expect(error.code == .leakedTracer)
    #expect(
      error.message
        == "inner cannot be lowered here: it reads a tensor of type f32[2] of a trace that runs; pass the tensor as an"
        + " argument")
  }

  @Test("8 tasks call one compiled function at the same time and get the same, correct bits") func tasks() async throws
  {
    let forward = try jit(name: "forward") { (x: Tensor, w: Tensor) in
      try softmax(tanh(x.matmul(w)).matmul(w.transpose()))
    }.compile(Tensor.zeros([64, 48]), Tensor.zeros([48, 96]))
    let (x, w) = (try Key(3).normal([64, 48]), try Key(4).normal([48, 96]))
    let want = try forward(x, w).scalars(as: Float.self).map(\.bitPattern)
    try expectClose(forward(x, w), softmax(tanh(x.matmul(w)).matmul(w.transpose())), rtol: 1e-5)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask {
          try (0..<20).allSatisfy { _ in try forward(x, w).scalars(as: Float.self).map(\.bitPattern) == want }
        }
      }
      for try await isEqual in group { #expect(isEqual) }
    }
  }

  @Test("of 8 tasks that donate one tensor, exactly one gets it") func donationRace() async throws {
    let step = try jit(name: "step", donating: [0]) { (x: Tensor) in try x + 1 }.compile(Tensor.zeros([1000]))
    for _ in 0..<10 {
      let x = try Tensor.ones([1000])
      let outcomes = await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<8 {
          group.addTask {
            guard let result = try? step(x).scalars(as: Float.self) else { return false }
            return result.allSatisfy { $0 == 2 }
          }
        }
        return await group.reduce(into: [Bool]()) { $0.append($1) }
      }
      #expect(outcomes.filter { $0 }.count == 1)
    }
  }
}
