// JAX's page on stateful computations: counters, and linear regression with explicit state.

import BloxNN
import Testing

@Suite("Stateful computations: every example of JAX's page")
struct StatefulComputationsTests {
  /// The page's counter, with its count as a tensor where JAX has a number.
  private final class Counter {
    var n = 0
    func count() -> Tensor {
      n += 1
      return Tensor(n)
    }
    func reset() { n = 0 }
  }

  @Test("ST-01, OUT-19: a counter counts") func eagerCounter() throws {
    let counter = Counter()
    #expect(try (0..<3).map { _ in try counter.count().item() } == [1, 2, 3])
  }

  @Test("ST-02: a compiled counter counts while it is traced, once") func compiledCounter() throws {
    let counter = Counter()
    counter.reset()
    let fastCount = jit { counter.count() }
    #expect(try (0..<3).map { _ in try fastCount().item() } == [1, 1, 1])
    #expect(counter.n == 1)
  }

  @Test("ST-03, ST-04, T-18: explicit state survives compilation") func explicitState() throws {
    func count(_ n: Tensor) throws -> (Tensor, Tensor) { (try n + 1, try n + 1) }
    for function in [TensorFunction(count), jit(count)] {
      var state = Tensor(0)
      var values: [Double] = []
      for _ in 0..<3 {
        let value: Tensor
        (value, state) = try function(state)
        values.append(try value.item())
      }
      #expect(values == [1, 2, 3])
      #expect(state.dtype == .i32)
    }
  }

  /// A line's parameters.
  private struct Line: TensorTree {
    var weight: Tensor
    var bias: Tensor

    init(_ key: Key) throws {
      let (weightKey, biasKey) = try key.split()
      weight = try weightKey.normal()
      bias = try biasKey.normal()
    }

    mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
      try visitor.visit(&weight, "weight")
      try visitor.visit(&bias, "bias")
    }
  }

  private func loss(_ line: Line, _ x: Tensor, _ y: Tensor) throws -> Tensor {
    let prediction = try line.weight * x + line.bias
    return try square(prediction - y).mean()
  }

  private func update(_ line: Line, _ x: Tensor, _ y: Tensor) throws -> Line {
    let gradient = try grad(loss)(line, x, y)
    return try treeMap(line, gradient) { parameter, g in try parameter - g * 0.005 }
  }

  @Test("ST-05, ST-06, ST-07, ST-08, C-12: linear regression finds JAX's line") func linearRegression() throws {
    let key = Key(42)
    let (xKey, noiseKey) = try key.split()
    let xs = try xKey.normal([128, 1])
    let noise = try noiseKey.normal([128, 1]) * 0.5
    let ys = try xs * 2 - 1 + noise
    #expect(abs(try xs.sum().item() - 12.422846) < 1e-4)
    #expect(abs(try ys.sum().item() + 107.7652) < 1e-3)

    var line = try Line(key)
    #expect(try line.weight.scalars(as: Float.self) == [0.07592554])
    #expect(try line.bias.scalars(as: Float.self) == [0.60576403])

    let fastUpdate = jit(update)
    for _ in 0..<1000 { line = try fastUpdate(line, xs, ys) }
    #expect(fastUpdate.cacheSize == 1)
    #expect(abs(try line.weight.item() - 1.9722791) < 2e-5)
    #expect(abs(try line.bias.item() + 1.0331397) < 2e-5)
    #expect(abs(try loss(line, xs, ys).item() - 0.21343815) < 2e-6)
  }

  @Test("Linear regression does the same uncompiled") func eagerRegression() throws {
    let key = Key(42)
    let xs = try key.split().0.normal([128, 1])
    let ys = try xs * 2 - 1
    let start = try Line(key)
    let (eager, compiled) = (try update(start, xs, ys), try jit(update)(start, xs, ys))
    #expect(abs(try eager.weight.item() - compiled.weight.item()) < 1e-6)
    #expect(abs(try eager.bias.item() - compiled.bias.item()) < 1e-6)
  }
}
