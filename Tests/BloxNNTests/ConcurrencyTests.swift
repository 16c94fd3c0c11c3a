// Many tasks at once, and any number of threads: the bits stay the same.

import BloxNN
import BloxRuntime
import Testing

@testable import BloxTrace

@Suite("Concurrency")
struct ConcurrencyTests {
  /// The losses and final weights of a few training steps of an MLP with dropout, as bit patterns.
  private static func trainingBits() throws -> [UInt32] {
    let graph = try Graph("net")
    let rng = try Rng(graph.child("rng"))
    let model = try Sequential(
      graph.child("mlp"),
      [
        .layer(Linear(graph.child("l1"), outputSize: 96, rng: rng)), .function("relu", relu),
        .layer(Dropout(graph.child("dropout"), rate: 0.2, rng: rng)),
        .layer(Linear(graph.child("l2"), outputSize: 10, rng: rng)),
      ])
    let (data, labels) = try Key(5).split()
    let x = try data.normal([160, 50])
    let y = try (labels.uniform([160]) * 10).cast(to: .i32)
    let params = try model(rng.seed(Params(), seed: 3), x).1.locked()
    let (losses, final) = try train(model, params, x, y, steps: 3, Adam(learningRate: 1e-2))
    let tensors = try losses + final.split().0.tensors()
    return try tensors.flatMap { try $0.scalars(as: Float.self).map(\.bitPattern) }
  }

  @Test("a training step has the same bits on 1, 2, 3 and 8 threads") func threadCounts() throws {
    let usual = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(usual) }
    var bits: [[UInt32]] = []
    for count in [1, 2, 3, 8] {
      ThreadPool.setThreadCount(count)
      bits.append(try Self.trainingBits())
    }
    #expect(bits[0].count == 3 + 50 * 96 + 96 + 96 * 10 + 10)
    #expect(bits.dropFirst().allSatisfy { $0 == bits[0] })
  }

  @Test("tasks that each compile and train get the same bits") func tasks() async throws {
    let want = try Self.trainingBits()
    let results = try await withThrowingTaskGroup(of: [UInt32].self) { group in
      for _ in 0..<6 { group.addTask { try Self.trainingBits() } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(results.count == 6 && results.allSatisfy { $0 == want })
  }

  @Test("8 tasks share one executable, each with results of its own", arguments: [false, true])
  func sharedExecutable(hasLoop: Bool) async throws {
    let program = try makeProgram(
      { (x: Tensor, w: Tensor) in
        let y = try softmax(tanh(x.matmul(w)))
        // A loop sets addresses while it runs: they must be those of its own call.
        return hasLoop ? try scan(y.at(0), y) { h, y in (try h * 0.5 + y, try h - y) }.1 : y
      }, Tensor.zeros([32, 24]), Tensor.zeros([24, 40]))
    let executable = try Compiler.compile(program)
    let inputs = try (0..<8).map { try Key($0).normal([32, 24]).scalars(as: Float.self) }
    let weights = try Key(99).normal([24, 40]).scalars(as: Float.self)
    let run = { @Sendable (input: [Float]) throws -> [Float] in
      Array(try executable.run([Storage(input), Storage(weights)])[0].elements(as: Float.self).prefix(32 * 40))
    }
    let want = try inputs.map(run)
    let results = try await withThrowingTaskGroup(of: [(Int, [Float])].self) { group in
      // Each input in every task, neighbours with different ones.
      for task in 0..<8 {
        group.addTask {
          try (0..<4).map { call in
            let index = (task + call) % inputs.count
            return (index, try run(inputs[index]))
          }
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(results.count == 32)
    for (index, result) in results { #expect(result == want[index]) }
  }

  @Test("uncompiled operations of many tasks do not disturb each other") func eager() async throws {
    let sums = try await withThrowingTaskGroup(of: (Int, Double).self) { group in
      for index in 0..<16 {
        group.addTask {
          let x = try Tensor.full([index + 1], Double(index))
          return (index, try (x * 2 + 1).sum().item())
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    for (index, sum) in sums { #expect(sum == Double((index + 1) * (2 * index + 1))) }
  }
}
