// What regions compute again in place of reading it.

import BloxIR
import BloxRuntime
import ProgramFuzzing
import Testing

@testable import BloxPasses

struct RecomputationTests {
  @Test("The gradient of gelu reads the product and the hyperbolic tangent, and computes the rest again")
  func activation() throws {
    let program = try unfused(
      "f32[256,256], f32[256,256] -> f32[256,256], f32[256,256]",
      """
      %2: f32[256,256] = dot_general %0, %1 {contract=[1]x[0]}
      %3: f32[256,256] = mul %2, 0.5
      %4: f32[256,256] = mul %2, %2
      %5: f32[256,256] = mul %4, %2
      %6: f32[256,256] = add %2, %5
      %7: f32[256,256] = tanh %6
      %8: f32[256,256] = add %7, 1.0
      %9: f32[256,256] = mul %3, %8
      %10: f32[256,256] = dot_general %9, %1 {contract=[1]x[0]}
      %11: f32[256,256] = mul %10, %3
      %12: f32[256,256] = sub 1.0, %7
      %13: f32[256,256] = mul %11, %12
      %14: f32[256,256] = mul %13, %8
      %15: f32[256,256] = mul %14, %4
      %16: f32[256,256] = add %15, %11
      return %10, %16
      """)
    let fused = try program.fused()
    #expect(
      fused.regions == [
        ["dot_general", "mul", "mul", "mul", "add", "tanh", "add", "mul"],
        ["dot_general", "mul", "mul", "add", "mul", "sub", "mul", "mul", "mul", "add"],
      ])
    // The first gives its product, tanh and the result; the second reads the first two beside its factors.
    #expect(fused.instructions.map(\.results.count) == [3, 2])
    #expect(fused.instructions.map(\.operands.count) == [2, 4])
    let kept = try program.fused(PassContext(leastRecomputedBytes: 1 << 24))
    #expect(kept.instructions.map(\.results.count) == [5, 2])
  }

  @Test("What a row region computes from its statistics is computed again from them")
  func rows() throws {
    let fused = try unfused(
      "f32[128,256], f32[256,256] -> f32[128,256], f32[128,256]",
      """
      %2: f32[128] = reduce_sum %0 {axes=[1]}
      %3: f32[128] = mul %2, 0.00390625
      %4: f32[128,256] = broadcast_in_dim %3 {dims=[0]}
      %5: f32[128,256] = sub %0, %4
      %6: f32[128,256] = mul %5, %5
      %7: f32[128,256] = dot_general %6, %1 {contract=[1]x[0]}
      %8: f32[128,256] = mul %7, %5
      return %7, %8
      """
    ).fused()
    #expect(
      fused.regions == [
        ["reduce_sum", "mul", "broadcast_in_dim", "sub", "mul"], ["dot_general", "broadcast_in_dim", "sub", "mul"],
      ])
    let first = fused.instructions[0]
    #expect(first.results.map { fused.type(of: $0).shape } == [[128, 256], [128]])
  }

  @Test("Random bits, exponentials and what is read elsewhere than it is computed are stored")
  func stored() throws {
    let fused = try unfused(
      "f32[256,256], f32[256,256] -> f32[256,256], f32[256,256], f32[256,256]",
      """
      %2: f32[256,256] = neg %0
      %3: f32[256,256] = exp %2
      %4: f32[256,256] = mul %3, %2
      %5: f32[256,256] = dot_general %4, %1 {contract=[1]x[0]}
      %6: f32[256,256] = transpose %2 {permutation=[1,0]}
      %7: f32[256,256] = add %5, %3
      %8: f32[256,256] = mul %5, %6
      return %5, %7, %8
      """
    ).fused()
    #expect(fused.instructions[0].results.count == 3)
  }

  @Test("Results keep every bit, and no more is stored than before")
  func exactness() throws {
    var changed = 0
    for seed in 0..<100 as Range<UInt64> {
      let program = try arithmeticProgram(seed: seed)
      let stored = try program.fused(PassContext(leastRecomputedBytes: .max))
      let recomputed = try program.fused(PassContext(leastRecomputedBytes: 0))
      try recomputed.verify()
      changed += stored == recomputed ? 0 : 1
      let arguments = randomArguments(program, seed: seed)
      let expected = try ReferenceInterpreter.run(program, arguments)
      #expect(try sameBits(ReferenceInterpreter.run(recomputed, arguments), expected), "seed \(seed)\n\(recomputed)")
      let (before, after) = (stored.instructions.flatMap(\.results), recomputed.instructions.flatMap(\.results))
      #expect(
        after.reduce(0) { $0 + recomputed.type(of: $1).byteCount }
          <= before.reduce(0) { $0 + stored.type(of: $1).byteCount }, "seed \(seed)\n\(stored)\n\(recomputed)")
    }
    #expect(changed > 30, "only \(changed) of 100 programs compute anything again")
  }

  @Test("A cheapest cut separates sources from sinks", arguments: 0..<40 as Range<UInt64>)
  func cut(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let count = 3 + Int(random.next() % 6)
    let costs = (0..<count).map { _ in 1 + Int(random.next() % 9) }
    var edges: [(Int, Int)] = []
    for to in 1..<count {
      for from in 0..<to where random.next() % 3 == 0 { edges.append((from, to)) }
    }
    let sources = [0, 1]
    let sinks = [count - 1]
    var cut = MinimumCut()
    for cost in costs { _ = cut.addVertex(cost: cost) }
    for (from, to) in edges { cut.connect(from, to) }
    for vertex in sources { cut.markSource(vertex) }
    for vertex in sinks { cut.markSink(vertex) }
    let found = cut.solve()

    func separates(_ set: Set<Int>) -> Bool {
      var reached = Set(sources).subtracting(set)
      for (from, to) in edges.sorted(by: { $0.1 < $1.1 }) where reached.contains(from) && !set.contains(to) {
        reached.insert(to)
      }
      return reached.isDisjoint(with: sinks)
    }
    let least = (0..<1 << count).map { mask in Set((0..<count).filter { mask >> $0 & 1 == 1 }) }
      .filter(separates).map { $0.reduce(0) { $0 + costs[$1] } }.min()
    #expect(found?.cost == least, "seed \(seed)")
    #expect(found.map { separates(Set($0.vertices)) } == true, "seed \(seed)")
    #expect(found?.vertices.reduce(0) { $0 + costs[$1] } == least, "seed \(seed)")
  }

  @Test("A cut through what may not be cut does not exist")
  func noCut() {
    var cut = MinimumCut()
    let vertex = cut.addVertex(cost: MinimumCut.unlimited)
    cut.markSource(vertex)
    cut.markSink(vertex)
    #expect(cut.solve() == nil)
  }
}

private func unfused(_ signature: String, _ body: String) throws -> Program {
  try SimplificationCase(rule: "", signature: signature, before: body, after: body).program(body)
}

/// A random program of elementwise work with rows, columns and products between.
private func arithmeticProgram(seed: UInt64) throws -> Program {
  var random = SeededGenerator(seed: seed)
  var builder = ProgramBuilder(name: "arithmetic")
  var squares: [Value] = (0..<2).map { _ in builder.parameter(TensorType(.f32, [6, 6])) }
  func emit(_ op: Op, _ operands: Value...) throws -> Value { try builder.emit(op, operands.map { .value($0) })[0] }
  for _ in 0..<30 {
    let (a, b) = (squares.suffix(6).randomElement(using: &random)!, squares.randomElement(using: &random)!)
    switch Int.random(in: 0..<10, using: &random) {
    case 0:
      squares.append(
        try emit(.dotGeneral(Op.DotDimensions(lhsContract: [1], rhsContract: [0])), a, b))
    case 1:
      let rows = try emit(.reduce(.max, axes: [1]), a)
      squares.append(try emit(.broadcastInDim(shape: [6, 6], dims: [0]), rows))
    case 2: squares.append(try emit(.unary(.tanh), a))
    case 3: squares.append(try emit(.transpose([1, 0]), a))
    case 4: squares.append(try emit(.unary(.neg), a))
    case 5: squares.append(try emit(.select, try emit(.compare(.lt), a, b), a, b))
    case 6: squares.append(try emit(.binary(.max), a, b))
    case 7: squares.append(try emit(.binary(.sub), a, b))
    case 8: squares.append(try emit(.binary(.mul), a, b))
    default: squares.append(try emit(.binary(.add), a, b))
    }
  }
  return builder.finish(results: squares.suffix(3).map { ProgramResult(.value($0)) })
}
