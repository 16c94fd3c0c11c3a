// Data sets and batches: each example once per epoch, the same order for the same key, and prefetching that changes
// nothing but the time.

import BloxNN
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite("Data sets")
struct DatasetTests {
  private func numbers(_ count: Int) throws -> Dataset<[String: Tensor]> {
    try Dataset([
      "x": Tensor(shape: [count, 2], scalars: (0..<2 * count).map { Float($0) }), "y": Tensor.arange(count),
    ])
  }

  private func labels(_ tree: [String: Tensor]) throws -> [Int] {
    let y = try #require(tree["y"]).scalars(as: Int.self)
    #expect(try #require(tree["x"]).scalars(as: Int.self) == y.flatMap { [2 * $0, 2 * $0 + 1] })
    return y
  }

  private func all<T>(_ batches: Batches<T>) throws -> [Batch<T>] {
    var (batches, list) = (batches, [Batch<T>]())
    while let batch = try batches.next() { list.append(batch) }
    return list
  }

  @Test("Batches go through the examples in order, and the last one is kept, dropped or filled up")
  func remainders() throws {
    for (count, size, remainder, wanted) in [
      (7, 3, .keep, [[0, 1, 2], [3, 4, 5], [6]]), (7, 3, .drop, [[0, 1, 2], [3, 4, 5]]),
      (7, 3, .pad, [[0, 1, 2], [3, 4, 5], [6, 0, 1]]), (6, 3, .pad, [[0, 1, 2], [3, 4, 5]]),
      (2, 5, .pad, [[0, 1, 0, 1, 0]]), (2, 5, .drop, []), (2, 5, .keep, [[0, 1]]), (2, .max, .keep, [[0, 1]]),
      (0, 5, .keep, []),
    ] as [(Int, Int, Remainder, [[Int]])] {
      let batches = try numbers(count).batches(of: size, remainder: remainder, epochs: 2)
      let list = try all(batches)
      #expect(try list.map { try labels($0.examples) } == wanted + wanted)
      #expect(batches.countPerEpoch == wanted.count && batches.count == 2 * wanted.count)
      #expect(list.map(\.step) == Array(0..<2 * wanted.count))
      #expect(list.map(\.epoch) == list.indices.map { $0 / max(1, wanted.count) })
      for batch in list {
        let mask = try batch.mask.scalars(as: Bool.self)
        #expect(mask == mask.indices.map { $0 < batch.count })
      }
      #expect(remainder == .drop || list.reduce(0) { $0 + $1.count } == 2 * count)
    }
  }

  @Test("Shuffling takes each example once per epoch, in an order that the key and the epoch decide")
  func shuffling() throws {
    let data = try numbers(50)
    let batches = try data.batches(of: 8, shuffledBy: Key(3), epochs: 3)
    let list = try all(batches)
    var orders: [[Int]] = []
    for epoch in 0..<3 {
      let order = try list.filter { $0.epoch == epoch }.flatMap { try labels($0.examples) }
      #expect(order.sorted() == Array(0..<50))
      #expect(try order == Key(3).foldIn(epoch).permutation(50))
      orders.append(order)
    }
    #expect(Set(orders).count == 3)
    #expect(try all(batches).map { try labels($0.examples) } == list.map { try labels($0.examples) })
    #expect(
      try all(data.batches(of: 8, shuffledBy: Key(4))).flatMap { try labels($0.examples) } != orders[0])
    var resumed = batches
    try resumed.seek(toStep: 16)
    #expect(try all(resumed).map { try labels($0.examples) } == list[16...].map { try labels($0.examples) })
    var endless = try data.batches(of: 50, epochs: nil)
    #expect(endless.count == nil)
    try endless.seek(toStep: 1_000_000)
    #expect(try endless.next()?.epoch == 1_000_000)
  }

  @Test("A split has every example once, and the last ones or those of a key are the test set")
  func split() throws {
    let data = try numbers(10)
    let (training, test) = try data.split(testFraction: 0.25)
    #expect(try labels(training.examples()) == [0, 1, 2, 3, 4, 5, 6] && labels(test.examples()) == [7, 8, 9])
    let parts = try data.split(testFraction: 0.3, shuffledBy: Key(1))
    #expect(try labels(parts.training.examples()) + labels(parts.test.examples()) == Key(1).permutation(10))
    #expect(try data.split(testFraction: 1).training.count == 0)
  }

  @Test("Examples of every dtype, keys included, are copied as they are")
  func dtypes() throws {
    for dtype in DType.allCases {
      let x = dtype == .key ? try Key(1).split([6]).tensor : try Tensor([0, 1, 1, 0, 0, 1]).cast(to: dtype)
      let rows = try Dataset(["x": x.reshape([3, 2])]).examples(at: [2, 0])["x"]
      #expect(try rows?.constant() == stack([x.slice(4..<6), x.slice(0..<2)]).constant())
    }
    #expect(try Dataset(["x": Tensor.zeros([3, 0])]).examples(at: [2])["x"]?.shape == [1, 0])
    let archive = try Dataset(contentsOf: TensorFileTests.fixture("levels.npz"))
    #expect(archive.count == 600)
  }

  @Test("Wrong data sets, sizes and positions are errors that say what to do")
  func errors() async throws {
    let data = try numbers(4)
    for (wanted, body) in [
      ("'x' is a scalar, f32[]", { _ = try Dataset(["x": Tensor(1.0)]) }),
      ("there is no tensor", { _ = try Dataset([Tensor]()) }),
      (
        "'x' has 2 examples, and 'y' of type f32[3] has 3",
        { _ = try Dataset(["x": Tensor([1, 2]), "y": Tensor([1, 2, 3])]) }
      ),
      ("there is no example 4; there are 4", { _ = try data.examples(at: [0, 4]) }),
      ("there is no example -1", { _ = try data.selecting([-1]) }),
      ("a batch of 0 examples", { _ = try data.batches(of: 0) }),
      ("epochs, -1, is negative", { _ = try data.batches(of: 1, epochs: -1) }),
      (
        "4 examples make no batch of 5, and epochs no end",
        { _ = try data.batches(of: 5, remainder: .drop, epochs: nil) }
      ),
      ("4 examples cannot be repeated to fill", { _ = try data.batches(of: .max, remainder: .pad) }),
      (
        "there is no batch -1",
        {
          var b = try data.batches(of: 1); try b.seek(toStep: -1)
        }
      ),
      ("fraction 1.5 is not from 0 to 1", { _ = try data.split(testFraction: 1.5) }),
      ("fraction nan", { _ = try data.split(testFraction: .nan) }),
      ("a depth of 0", { _ = try data.batches(of: 1).prefetched(depth: 0) }),
    ] as [(String, () throws -> Void)] {
      let error = #expect(throws: BloxError.self) { try body() }
      #expect(error?.message.contains(wanted) == true, "\(error?.message ?? "")")
    }
  }

  @Test("Prefetching gives the same batches, at any depth", arguments: [1, 2, 7])
  func prefetch(depth: Int) async throws {
    let batches = try numbers(23).batches(of: 4, shuffledBy: Key(9), epochs: 2)
    let wanted = try all(batches).map { try labels($0.examples) }
    let prefetched = try batches.prefetched(depth: depth)
    for _ in 0..<2 {
      var got: [[Int]] = []
      for try await batch in prefetched { got.append(try labels(batch.examples)) }
      #expect(got == wanted)
    }
    var sums: [Double] = []
    for try await sum in try batches.prefetched(depth: depth, { try $0.examples["y"]?.sum().item() ?? 0 }) {
      sums.append(sum)
    }
    #expect(sums == wanted.map { Double($0.reduce(0, +)) })
  }

  private struct Failure: Error {}

  @Test("An error ends a prefetched sequence after the elements before it, and only once")
  func prefetchedErrors() async throws {
    let sequence = try Prefetched<Int>(depth: 2) {
      var next = 0
      return {
        next += 1
        if next == 4 { throw Failure() }
        return next
      }
    }
    var iterator = sequence.makeAsyncIterator()
    for wanted in 1...3 { #expect(try await iterator.next() == wanted) }
    await #expect(throws: Failure.self) { _ = try await iterator.next() }
    #expect(try await iterator.next() == nil)
    let failing = try Prefetched<Int> { throw Failure() }
    await #expect(throws: Failure.self) { for try await _ in failing {} }
  }

  /// Counts what a sequence made, and tells when it was let go of.
  private final class Probe: Sendable {
    let made = Mutex(0)
    let isReleased = Mutex(false)

    func sequence(depth: Int) throws -> Prefetched<Int> {
      try Prefetched(depth: depth) { [self] in
        let guardian = Guardian(probe: self)
        return {
          guardian.probe.made.withLock { count in
            count += 1; return count
          }
        }
      }
    }

    private final class Guardian {
      let probe: Probe
      init(probe: Probe) { self.probe = probe }
      deinit { probe.isReleased.withLock { $0 = true } }
    }

    /// Waits until the background task has gone; an endless one would never.
    func waitForRelease() async throws {
      while !isReleased.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
    }
  }

  @Test("No more elements are made than were used and may wait, and leaving the loop ends the background task")
  func bounded() async throws {
    let probe = Probe()
    for try await element in try probe.sequence(depth: 3) where element == 5 { break }
    try await probe.waitForRelease()
    // Five were used, three may wait, and one may be on its way when the sequence is left.
    #expect((5...9).contains(probe.made.withLock { $0 }))
  }

  @Test("Cancelling the task that uses a prefetched sequence ends both tasks")
  func cancellation() async throws {
    let probe = Probe()
    let sequence = try probe.sequence(depth: 1)
    let task = Task {
      var count = 0
      for try await _ in sequence { count += 1 }
      return count
    }
    while probe.made.withLock({ $0 }) < 10 { try await Task.sleep(for: .milliseconds(1)) }
    task.cancel()
    await #expect(throws: CancellationError.self) { _ = try await task.value }
    try await probe.waitForRelease()
  }

  @Test("Standardized features have mean 0 and deviation 1, constant ones stay finite, and the inverse undoes it")
  func standardization() throws {
    let x = try Tensor([[1, 5, -3], [2, 5, 3], [3, 5, 9]])
    let scaling = try Standardization(fitting: x)
    let y = try scaling(x)
    #expect(try y.slice(1..<2, axis: 1).scalars(as: Float.self) == [0, 0, 0])
    #expect(try maximum(abs(y.mean([0])), Tensor(0.0)).sum().item() < 1e-6)
    #expect(try abs(y.variance([0]) - Tensor([1, 0, 1])).sum().item() < 1e-5)
    #expect(try abs(scaling.inverse(y) - x).sum().item() < 1e-5)
    #expect(throws: BloxError.self) { try Standardization(fitting: Tensor.zeros([0, 3])) }
    #expect(throws: BloxError.self) { try Standardization(fitting: Tensor.arange(3)) }
  }
}
