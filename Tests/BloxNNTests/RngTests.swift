// Random state as parameters.

import BloxNN
import Testing

@Suite("A5 Rng")
struct RngTests {
  private let graph: Graph
  private let rng: Rng

  init() throws {
    graph = try Graph("net")
    rng = try Rng(graph.child("rng"))
  }

  /// A key's words as two numbers.
  private func words(_ key: Key) throws -> [Int] { try key.words().scalars() }

  @Test("R-01, R-05, R-06, R-07: a seed and a counter that receive no gradients") func state() throws {
    let params = try rng.seed(Params(), seed: 42)
    #expect(params.keys == ["net/rng/seed", "net/rng/counter"])
    #expect(params.values.allSatisfy { !$0.isTrainable })
    #expect(try params["net/rng/seed"].value.type == TensorType(.key))
    #expect(try params["net/rng/counter"].value.type == TensorType(.u32))
    #expect(params.values.map(\.metadata) == [["tag": "rng_seed"], ["tag": "rng_counter"]])
    #expect(try words(rng.getSeed(params)) == [0, 42])
    #expect(try rng.getCounter(params).item() == 0)
    #expect(try words(rng.getSeed(rng.seed(Params(), seed: Key(7)))) == [0, 7])
  }

  @Test("R-02, R-03: the first call needs a seed") func seedRequired() throws {
    let error = try thrown { try rng.seed(Params(), counter: 3) }
    #expect(error.code == .seedRequired)
    #expect(
      error.description
        == "Rng 'net/rng' not initialized. Seed is required: rng.seed(params, seed: 42) [in net/rng]")
    #expect(try rng.getCounter(rng.seed(Params(), seed: 1, counter: 3)).item() == 3)
    let locked = try thrown { try rng.seed(Params().locked(), seed: 1) }
    #expect(locked.code == .paramsLocked)
    #expect(
      locked.message
        == "parameter 'net/rng/seed' missing (params locked). Params is locked: seed the Rng before locking")
  }

  @Test("R-04, R-12: a later call changes what is given, also under lock") func reseed() throws {
    let params = try rng.seed(Params(), seed: 1, counter: 5).locked()
    let counted = try rng.seed(params, counter: 9)
    #expect(try words(rng.getSeed(counted)) == [0, 1] && rng.getCounter(counted).item() == 9)
    let seeded = try rng.seed(params, seed: 2)
    #expect(try words(rng.getSeed(seeded)) == [0, 2] && rng.getCounter(seeded).item() == 5)
    #expect(seeded.isLocked)
    let error = try thrown { try rng.seed(params) }
    #expect(error.code == .nothingToSet)
    #expect(
      error.message == "at least one of seed or counter must be provided to re-seed Rng 'net/rng'")
    for counter in [-1, 1 << 32] {
      #expect(
        try thrown { try rng.seed(params, counter: counter) }.message
          == "Rng 'net/rng': counters are numbers of u32, from 0 to 4294967295; got \(counter)")
    }
  }

  @Test("R-08, R-10, R-14: keys are folded from seed and counter, which advances") func keys() throws {
    var params = try rng.seed(Params(), seed: 42)
    var seen: [[Int]] = []
    for _ in 0..<3 {
      let key: Key
      (key, params) = try rng(params)
      seen.append(try words(key))
    }
    #expect(seen[0] == [1_832_780_943, 270_669_613])
    #expect(Set(seen).count == 3)
    #expect(try rng.getCounter(params).item() == 3)
    #expect(try words(rng(rng.seed(params, counter: 1)).0) == seen[1])
    #expect(try words(Key(42).foldIn(2)) == seen[2])
  }

  @Test("R-09: an Rng without seed says how to seed it") func notSeeded() throws {
    let message = "Rng 'net/rng' not initialized. Use rng.seed(params, seed: ...) first."
    let errors = [
      try thrown { try rng.getSeed(Params()) }, try thrown { try rng.getCounter(Params()) },
      try thrown { try rng(Params()) },
    ]
    for error in errors {
      #expect(error.code == .rngNotSeeded)
      #expect(error.message == message)
      #expect(error.modulePath == "net/rng")
    }
  }

  @Test("R-11: one Rng works with many seeds, and PR-08: runs repeat") func manySeeds() throws {
    let draw = { (seed: Int) throws -> [Float] in try rng(rng.seed(Params(), seed: seed)).0.normal([4]).scalars() }
    #expect(try draw(1) == draw(1))
    #expect(try draw(1) != draw(2))
  }

  @Test("R-13, R-15: a seed may be traced, and lanes fold their index in") func traced() throws {
    let params = try rng.seed(Params(), seed: 42)
    let folded = try jit { (params: Params, index: Tensor) throws -> Tensor in
      try rng.getSeed(rng.seed(params, seed: rng.getSeed(params).foldIn(index))).words()
    }(params, Tensor(3))
    #expect(try folded.scalars(as: Int.self) == words(Key(42).foldIn(3)))
    let lanes = try vmap(inAxes: [nil], axisName: "i", axisSize: 2) { (params: Params) in
      try rng.getSeed(params).foldIn(axisIndex("i")).words()
    }(params)
    #expect(try lanes.at(1).scalars(as: Int.self) == words(Key(42).foldIn(1)))
  }

  @Test("R-16, C-17: every integer type is a seed, reduced to 32 bits as JAX does") func seeds() throws {
    let seeds: [(any BinaryInteger, Int)] = [
      (UInt8(5), 5), (Int64(5), 5), (-1, 0xFFFF_FFFF), ((1 << 32) + 5, 5), (UInt64.max, 0xFFFF_FFFF),
    ]
    for (seed, low) in seeds {
      #expect(try words(rng.getSeed(rng.seed(Params(), seed: seed))) == [0, low], "\(seed)")
    }
  }
}
