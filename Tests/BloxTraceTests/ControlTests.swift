// Loops, choices and checkpoints as users call them: what they refuse, and how they combine.

import BloxIR
import BloxPasses
import Testing

@testable import BloxTrace

@Suite("Control flow")
struct ControlTests {
  private let x: Tensor
  private let rows: Tensor

  init() throws {
    x = try Tensor([1, 2, 3])
    rows = try Tensor([[1, 2, 3], [4, 5, 6]])
  }

  // MARK: Errors

  @Test("T-71: a carry that changes its type is an error that lists only what differs, by path") func carryTypes()
    throws
  {
    let error = try thrown {
      try fold(["count": Tensor(0), "mean": x, "state": x], rows) { s, x in
        ["count": try s["count"]! + 1.5, "mean": try s["mean"]!.reshape([3, 1]), "state": try s["state"]! + x]
      }
    }
    #expect(error.code == .structureMismatch)
    #expect(error.location?.file.hasSuffix("ControlTests.swift") == true)
    #expect(
      error.message
        == "scan: the body must return a carry of the structure and types that it is given: carry.count: i32[] given,"
        + " f32[] returned; carry.mean: f32[3] given, f32[3,1] returned")
  }

  @Test("T-72: a carry that gains or loses parts is an error that names them") func carryStructure() throws {
    let error = try thrown {
      try fold(["a": x, "b": x], rows) { s, x in ["a": try s["a"]! + x, "seed": try Tensor.zeros([2])] }
    }
    #expect(
      error.message
        == "scan: the body must return a carry of the structure and types that it is given: carry.b: f32[3] only given;"
        + " carry.seed: f32[2] only returned")
    let loop = try thrown {
      try whileLoop([x], while: { try $0[0].sum() .< 10 }) { s in s + s }
    }
    #expect(
      loop.message
        == "whileLoop: the body must return a carry of the structure and types that it is given: carry[1]: f32[3] only"
        + " returned")
  }

  @Test("lengths that differ, are missing or negative are errors") func lengths() throws {
    let uneven = try thrown {
      try scan(x, ["long": rows, "short": x]) { (s: Tensor, x: [String: Tensor]) in (s, s) }
    }
    #expect(uneven.code == .shapeMismatch)
    #expect(
      uneven.message
        == "scan: leading axes must have equal sizes: 'xs.long' of type f32[2,3] has 2, 'xs.short' of type f32[3] has 3"
    )
    #expect(
      try thrown { try scan(x, rows, length: 5) { (s: Tensor, x: Tensor) in (s, s) } }.message
        == "scan: leading axes must have equal sizes (length is 5): 'xs' of type f32[2,3] has 2")
    #expect(
      try thrown { try scan(x, Tensor(1.0)) { (s: Tensor, x: Tensor) in (s, s) } }.message
        == "scan: 'xs' of type f32[] has no leading axis to loop over")
    #expect(
      try thrown { try scan(x, [Tensor]()) { (s: Tensor, _: [Tensor]) in (s, s) } }.message
        == "scan: the number of iterations is unknown; give tensors in xs, or a length")
    #expect(
      try thrown { try scan(x, length: -1) { (s: Tensor) in (s, s) } }.message
        == "scan: length must be at least 0; got -1")
    #expect(try thrown { try scan(x, length: 2, unroll: 0) { (s: Tensor) in (s, s) } }.code == .invalidArgument)
    #expect(try thrown { try map(rows, batchSize: 0) { $0 } }.code == .invalidArgument)
    #expect(
      try thrown { try forLoop(0..<(1 << 40), x) { _, s in s } }.message
        == "forLoop: the range 0..<1099511627776 is beyond the indices of i32")
  }

  @Test("branches that differ, and selectors that select nothing, are errors") func branches() throws {
    let error = try thrown {
      try cond(x.sum() .> 0, x) {
        ["u": $0, "v": $0]
      } else: {
        ["u": try $0.sum(), "v": $0]
      }
    }
    #expect(
      error.message
        == "cond: both functions must return the same structure and types: out.u: f32[3] if true, f32[] if false")
    #expect(
      try thrown {
        try cond(x, x) {
          $0
        } else: {
          $0
        }
      }.message
        == "cond: the predicate must be a bool scalar; got f32[3]. Compare (x .> 0), or reduce with all() or any()")
    #expect(
      try thrown {
        try cond(x.sum(), x) {
          $0
        } else: {
          $0
        }
      }.code == .dtypeMismatch)
    #expect(
      try thrown { try switchCase(Tensor(0), [{ $0 }, { try $0.sum() }] as [(Tensor) throws -> Tensor], x) }.message
        == "switchCase: all functions must return the same structure and types: out: f32[3] from function 0, f32[] from"
        + " function 1")
    #expect(
      try thrown { try switchCase(Tensor(0.5), [{ $0 }] as [(Tensor) throws -> Tensor], x) }.message
        == "switchCase: the index must be an integer scalar; got f32[]")
    #expect(try thrown { try switchCase(Tensor(0), [(Tensor) throws -> Tensor](), x) }.code == .invalidArgument)
    #expect(
      try thrown { try whileLoop(x, while: { try $0 .< 3 }) { try $0 + 1 } }.message
        == "whileLoop: the condition must be a bool scalar; got bool[3]. Compare (x .> 0), or reduce with all() or any()"
    )
    #expect(
      try thrown { try forLoop(from: Tensor(0), to: Tensor(3.0), x) { _, s in s } }.message
        == "forLoop: the bounds must be integer scalars of one dtype; got i32[] and f32[]")
    #expect(
      try thrown { try associativeScan(["a": x, "b": rows]) { p, _ in p } }.message
        == "associativeScan: the sequence must have one length in all tensors: 'xs.a' of type f32[3] has 3, 'xs.b' of"
        + " type f32[2,3] has 2")
  }

  @Test("the gradient of a while loop is an error that says what to use instead") func reverseOfWhile() throws {
    let error = try thrown {
      try grad { (x: Tensor) in try whileLoop(x, while: { try $0 .< 10 }) { try $0 * $0 } }(Tensor(1.5))
    }
    #expect(error.code == .notDifferentiable)
    #expect(
      error.message
        == "while: a loop that runs as long as a condition holds has a derivative in forward mode only (jvp, jacfwd):"
        + " going backwards would need the values of all iterations, whose number is not known beforehand. Use scan, or"
        + " forLoop with a range of Swift integers, and leave early with select")
    // A loop that does not depend on what is differentiated is no obstacle, and neither is forward mode.
    let slope = try grad { (x: Tensor) in
      try x * whileLoop(Tensor(1.0), while: { try $0 .< 10 }) { try $0 * 2 }
    }(Tensor(1.5))
    #expect(try slope.item() == 16)
    let (_, map) = try linearize(
      { (x: Tensor) in try whileLoop(x, while: { try $0 .< 10 }) { try $0 * $0 } }, Tensor(1.5))
    // 1.5, 2.25, 5.0625, 25.6: the eighth power.
    #expect(abs(try map(Tensor(1.0)).item() - 8 * 17.0859375) < 1e-3)
  }

  // MARK: Combinations

  @Test("T-61: collectives and random numbers in a loop in lanes see the lanes") func lanesInLoops() throws {
    let stacked = try Tensor([[1, 2, 3], [4, 5, 6], [-1, 0, 1], [2, 2, 2]])
    let run = vmap(axisName: "i") { (xs: Tensor) in
      try scan(Tensor(0.0), xs) { (sum: Tensor, x: Tensor) in
        let mean = try pmean(x + sum, "i")
        return (try sum + x - mean, try mean * axisIndex("i").cast(to: .f32))
      }
    }
    var sums = [0.0, 0, 0, 0]
    var outputs: [[Double]] = [[], [], [], []]
    let columns = [[1.0, 4, -1, 2], [2, 5, 0, 2], [3, 6, 1, 2]]
    for column in columns {
      let mean = zip(column, sums).map { $0 + $1 }.reduce(0, +) / 4
      for lane in 0..<4 {
        sums[lane] += column[lane] - mean
        outputs[lane].append(mean * Double(lane))
      }
    }
    let (carry, ys) = try run(stacked)
    #expect(try carry.scalars() == sums)
    #expect(try ys.scalars() == outputs.flatMap { $0 })

    let keys = try Key(3).split(4).tensor
    let draw = { (key: Tensor) in
      try scan(key, length: 3) { (key: Tensor) in
        let next = try Key(key).split(2)
        return (try next.tensor.at(0), try Key(next.tensor.at(1)).uniform([2]))
      }.1
    }
    let together = try vmap(draw)(keys)
    let alone = try stack((0..<4).map { try draw(keys.at($0)) })
    #expect(try together.scalars(as: Float.self) == alone.scalars())
  }

  @Test("a loop's carry is donated: results take its memory, and values are the same") func donation() throws {
    func train(_ w: Tensor, _ xs: Tensor) throws -> (Tensor, Tensor) {
      try scan(w, xs) { (w: Tensor, x: Tensor) in
        let slope = try grad { (w: Tensor) in try square(w * x - 1).sum() }(w)
        return (try w - slope * 0.01, try square(w * x - 1).sum())
      }
    }
    let step = jit(name: "train", donating: [0]) { (w: Tensor, xs: Tensor) in try train(w, xs) }
    for length in 0...5 {
      let xs = try Tensor.iota([length, 256], axis: 1, dtype: .f32) * 0.01
      let want = try train(Tensor.ones([256]), xs)
      let got = try step(Tensor.ones([256]) * 1, xs)
      #expect(try got.0.scalars(as: Float.self) == want.0.scalars(), "length \(length)")
      #expect(try got.1.scalars(as: Float.self) == want.1.scalars(), "length \(length)")
    }
  }

  @Test("bodies are traced once, also when calls repeat in a compiled function") func traces() throws {
    var count = 0
    let loss = { (w: Tensor) in
      try fold(w, Tensor.ones([100, 3])) { (s: Tensor, x: Tensor) in
        count += 1
        return try tanh(s * w + x)
      }.sum()
    }
    let compiled = jit(grad(loss))
    _ = try compiled(x)
    _ = try compiled(x)
    #expect(count == 1)
    let program = try makeProgram({ (w: Tensor) in try loss(w) }, x)
    #expect(program.instructions.filter { $0.op.name == "scan" }.count == 1)
  }

  @Test("loops without results or iterations, and with empty tensors, are legal") func empty() throws {
    let (nothing, none) = try scan([Tensor](), length: 3) { (s: [Tensor]) in (s, [Tensor]()) }
    #expect(nothing.isEmpty && none.isEmpty)
    let (carry, ys) = try scan(x, Tensor.zeros([0, 3])) { (s: Tensor, x: Tensor) in (try s + x, s) }
    #expect(try carry.scalars() == [1.0, 2, 3])
    #expect(ys.shape == [0, 3])
    let flat = try map(Tensor.zeros([4, 0])) { try $0 + 1 }
    #expect(flat.shape == [4, 0])
    #expect(try forLoop(3..<3, x) { _, s in try s * 2 }.scalars() == [1.0, 2, 3])
    let constant = try scan(x, length: 2) { (s: Tensor) in (s, Tensor(7.0)) }.1
    #expect(try constant.scalars() == [7.0, 7])
    let gradient = try grad { (x: Tensor) in try fold(x, Tensor.zeros([0, 3])) { s, x in try s * x }.sum() }(x)
    #expect(try gradient.scalars() == [1.0, 1, 1])
  }

  @Test("map takes slices in batches and the rest", arguments: [nil, 1, 2, 3, 5, 7, 100, .max] as [Int?])
  func mapped(batchSize: Int?) throws {
    let xs = try Tensor.iota([7, 2], axis: 0, dtype: .f32)
    let got = try map(["x": xs], batchSize: batchSize) { row in [try row["x"]!.sum(), try row["x"]! * 3] }
    #expect(try got[0].scalars() == (0..<7).map { Float(2 * $0) })
    #expect(try got[1].scalars(as: Float.self) == (xs * 3).scalars())
  }

  @Test("associative scans agree with loops, for every length, axis and direction") func prefixes() throws {
    for count in 0...9 {
      let elements = (0..<count).map { Float($0 % 3) + 1 }
      let x = try Tensor(shape: [count], scalars: elements)
      var (forward, product): ([Float], Float) = ([], 1)
      for element in elements {
        // Not commutative: 2 a + b.
        product = forward.isEmpty ? element : product + element
        forward.append(product)
      }
      #expect(try associativeScan(x) { try $0 + $1 }.scalars() == forward, "\(count)")
      var (backward, sum): ([Float], Float) = ([], 0)
      for element in elements.reversed() {
        sum += element
        backward.insert(sum, at: 0)
      }
      #expect(try associativeScan(x, reverse: true) { try $0 + $1 }.scalars() == backward, "\(count)")
      let last = try associativeScan(x, reverse: true) { first, _ in first }
      #expect(try last.scalars() == (0..<count).map { _ in elements[count - 1] })
      let wide = try associativeScan(x.reshape([1, count, 1]), axis: -2) { _, second in second }
      #expect(try wide.scalars() == elements)
    }
  }

  @Test("T-70: a checkpoint changes no value and no gradient, and keeps what its policy says") func checkpoints() throws
  {
    let w = try Tensor([[0.5, -0.2, 0.1], [0.3, 0.4, -0.6], [0.2, -0.1, 0.7]])
    let block = { (w: Tensor, x: Tensor) in try tanh(checkpointName(sin(tanh(x.matmul(w)).matmul(w)), "h")).sum() }
    let want = try grad(block)(w, rows)
    let policies: [(CheckpointPolicy, products: Int, sines: Int)] = [
      // Forward products, those of the recomputation, and three of the gradient.
      (.everything, 5, 1), (.dots, 5, 2), (.dotsWithoutBatchDims, 5, 2), (.names(["h"]), 7, 1), (.nothing, 7, 2),
    ]
    for (policy, products, sines) in policies {
      let gradient = grad(checkpoint(policy: policy, block))
      #expect(try gradient(w, rows).scalars(as: Float.self) == want.scalars(), "\(policy)")
      let program = try valueAndGrad(checkpoint(policy: policy, block)).makeProgram(name: "step", w, rows)
      let compiled = try PassPipeline([.inline, .simplify]).run(program)
      #expect(compiled.count(of: "dot_general") == products, "\(policy)\n\(compiled)")
      #expect(compiled.count(of: "sin") == sines, "\(policy)\n\(compiled)")
    }
  }
}

extension Program {
  /// How many instructions of an op there are, in regions too.
  fileprivate func count(of name: String) -> Int {
    instructions.reduce(0) { total, instruction in
      instruction.op.regions.reduce(total + (instruction.op.name == name ? 1 : 0)) { $0 + $1.program.count(of: name) }
    }
  }
}
