// Collectives under batching and differentiation, against what they say about lanes, computed lane by lane.

import BloxIR
import BloxRuntime
import TestSupport
import Testing

@testable import BloxPasses

struct CollectiveBatchingTests {
  /// The lanes: `i` is the outer axis.
  private static let sizes = ["i": 4, "j": 2]
  private static let axisChoices: [(axes: [String], groups: [[Int]]?)] = [
    (["i"], nil), (["j"], nil), (["i", "j"], nil), (["j", "i"], nil),
    (["i"], [[0, 1], [2, 3]]), (["i"], [[0, 2], [3, 1]]), (["i"], [[1], [0], [3], [2]]), (["j"], [[1, 0]]),
  ]

  /// A lane's position along both axes.
  fileprivate struct Lane: Hashable {
    var i: Int
    var j: Int
    func index(_ axis: String) -> Int { axis == "i" ? i : j }
    static let all = (0..<4).flatMap { i in (0..<2).map { Lane(i: i, j: $0) } }
  }

  private static func collectives() -> [Op.Collective] {
    var all: [Op.Collective] = []
    for (axes, groups) in axisChoices {
      let size = groups?[0].count ?? axes.reduce(1) { $0 * (sizes[$1] ?? 1) }
      let exchanges: [Op.Collective.Exchange] = [
        .sum, .max, .min, .allGather(axis: 0, size: size), .allGather(axis: 1, size: size),
        .reduceScatter(axis: 0, size: size), .reduceScatter(axis: 1, size: size),
        .allToAll(split: 0, concat: 0, size: size), .allToAll(split: 0, concat: 1, size: size),
        .allToAll(split: 1, concat: 0, size: size), .allToAll(split: 1, concat: 2, size: size),
      ]
      all += exchanges.map { Op.Collective($0, axes: axes, groups: groups) }
    }
    let rotation = Op.Collective.Exchange.permute(sources: [0, 1, 2, 3], targets: [1, 2, 3, 0])
    let partial = Op.Collective.Exchange.permute(sources: [3, 0], targets: [0, 2])
    let none = Op.Collective.Exchange.permute(sources: [], targets: [])
    all += [rotation, partial, none].map { Op.Collective($0, axes: ["i"]) }
    return all
  }

  /// The lanes that a lane exchanges with, itself among them, in order.
  private func partners(_ lane: Lane, _ collective: Op.Collective) -> [Lane] {
    if let groups = collective.groups {
      let axis = collective.axes[0]
      return (groups.first { $0.contains(lane.index(axis)) } ?? []).map {
        axis == "i" ? Lane(i: $0, j: lane.j) : Lane(i: lane.i, j: $0)
      }
    }
    let together = Lane.all.filter { other in
      ["i", "j"].allSatisfy { collective.axes.contains($0) || other.index($0) == lane.index($0) }
    }
    return together.sorted { a, b in
      a.number(collective.axes) < b.number(collective.axes)
    }
  }

  private func evaluate(_ op: Op, _ operands: [DenseConstant]) throws -> DenseConstant {
    try ReferenceInterpreter.evaluate(op, operands: operands)[0]
  }

  /// Part `index` of `count` parts along an axis.
  private func part(_ x: DenseConstant, _ axis: Int, _ index: Int, of count: Int) throws -> DenseConstant {
    let size = x.type.shape[axis] / count
    var window = Op.Slice(starts: x.type.shape.map { _ in 0 }, limits: x.type.shape)
    (window.starts[axis], window.limits[axis]) = (index * size, (index + 1) * size)
    return try evaluate(.slice(window), [x])
  }

  /// What a lane gets, by the definition.
  private func expected(_ collective: Op.Collective, _ lane: Lane, _ x: [Lane: DenseConstant]) throws -> DenseConstant {
    let partners = partners(lane, collective)
    let mine = try #require(partners.firstIndex(of: lane))
    let tensors = partners.compactMap { x[$0] }
    func combined(_ op: Op.Binary) throws -> DenseConstant {
      try tensors.dropFirst().reduce(tensors[0]) { try evaluate(.binary(op), [$0, $1]) }
    }
    switch collective.exchange {
    case .sum: return try combined(.add)
    case .max: return try combined(.max)
    case .min: return try combined(.min)
    case .allGather(let axis, _): return try evaluate(.concatenate(axis: axis), tensors)
    case .reduceScatter(let axis, _): return try part(try combined(.add), axis, mine, of: tensors.count)
    case .allToAll(let split, let concat, _):
      return try evaluate(
        .concatenate(axis: concat), try tensors.map { try part($0, split, mine, of: tensors.count) })
    case .permute(let sources, let targets):
      guard let position = targets.firstIndex(of: lane.i) else {
        return DenseConstant(Literal(0, as: tensors[0].type.dtype), shape: tensors[0].type.shape)
      }
      return tensors[sources[position]]
    }
  }

  /// The program of all lanes, and for its result which axes it is mapped over.
  private func lanes(
    _ program: Program, mapped: [Set<String>]
  ) throws -> (program: Program, overI: [Bool], overJ: [Bool]) {
    let inner = try batched(
      program, size: 2, axisName: "j", inAxes: mapped.map { $0.contains("j") ? 0 : nil }, axes: ["i": 4])
    let outer = try batched(
      inner.program, size: 4, axisName: "i", inAxes: mapped.map { $0.contains("i") ? 0 : nil }, axes: [:])
    return (outer.program, outer.outAxes.map { $0 != nil }, inner.outAxes.map { $0 != nil })
  }

  /// One lane's part of a tensor that is mapped over some axes.
  private func slice(_ x: DenseConstant, _ lane: Lane, overI: Bool, overJ: Bool) throws -> DenseConstant {
    var x = x
    for index in (overI ? [lane.i] : []) + (overJ ? [lane.j] : []) {
      let one = try part(x, 0, index, of: x.type.shape[0])
      x = try evaluate(.reshape(Array(one.type.shape.dropFirst())), [one])
    }
    return x
  }

  @Test("Every collective over every axis gives each lane what its definition says", arguments: [DType.f32, .u8])
  func definition(dtype: DType) throws {
    for (number, collective) in Self.collectives().enumerated() {
      for mapped: Set<String> in [["i", "j"], ["i"], ["j"], []] {
        let type = TensorType(dtype, [8, 16, 1])
        let program = try makeProgram([type], axes: Self.sizes) { (b, x) throws(BloxError) in
          [try b.emitOne(.collective(collective), x)]
        }
        let (all, overI, overJ) = try lanes(program, mapped: [mapped])
        try all.verify()
        var generator = SeededGenerator(seed: UInt64(number))
        let argumentType = all.parameters[0].type
        let argument = DenseConstant(
          type: argumentType,
          elements: (0..<argumentType.elementCount).map { _ in
            Literal(Int.random(in: 0...99, using: &generator), as: dtype)
          })
        let got = try ReferenceInterpreter.run(all, [argument])[0]
        var inputs: [Lane: DenseConstant] = [:]
        for lane in Lane.all {
          inputs[lane] = try slice(argument, lane, overI: mapped.contains("i"), overJ: mapped.contains("j"))
        }
        for lane in Lane.all {
          let want = try expected(collective, lane, inputs)
          #expect(
            try slice(got, lane, overI: overI[0], overJ: overJ[0]) == want,
            "\(collective), mapped over \(mapped.sorted()), lane \(lane)")
        }
      }
    }
  }

  @Test("Transposes are adjoint over all lanes")
  func transposes() throws {
    for collective in Self.collectives() {
      guard let transposed = collective.transposed else { continue }
      let type = TensorType(.f64, [8, 16, 1])
      let result = try Op.collective(collective).resultTypes(for: [type], axes: Self.sizes)[0]
      let program = try makeProgram([type, result], axes: Self.sizes) { (b, x) throws(BloxError) in
        let y = try b.mul(b.emitOne(.collective(collective), [x[0]]), x[1])
        let z = try b.mul(x[0], b.emitOne(.collective(transposed), [x[1]]))
        func total(_ product: Operand) throws(BloxError) -> Operand {
          let sum = try b.reduceSum(product, axes: [0, 1, 2])
          return try b.emitOne(.collective(Op.Collective(.sum, axes: ["i", "j"])), [sum])
        }
        return [try total(y), try total(z)]
      }
      let (all, _, _) = try lanes(program, mapped: [["i", "j"], ["i", "j"]])
      var generator = SeededGenerator(seed: 3)
      let arguments = all.parameters.map { parameter in
        DenseConstant(
          type: parameter.type,
          elements: (0..<parameter.type.elementCount).map { _ in
            Literal(Int.random(in: -9...9, using: &generator), as: .f64)
          })
      }
      let got = try ReferenceInterpreter.run(all, arguments)
      let isNothing = collective.exchange == .permute(sources: [], targets: [])
      #expect(got[0] == got[1] && (got[0][0].doubleValue != 0) == !isNothing, "\(collective)")
    }
  }

  @Test("The transposed op has the operand's type, and transposing twice gives the op back")
  func involution() throws {
    for collective in Self.collectives() {
      guard let transposed = collective.transposed else { continue }
      let type = TensorType(.f32, [8, 16, 1])
      let result = try Op.collective(collective).resultTypes(for: [type], axes: Self.sizes)
      #expect(try Op.collective(transposed).resultTypes(for: result, axes: Self.sizes) == [type])
      #expect(transposed.transposed == collective)
    }
  }

  @Test("Sums and gathers are the same in all lanes; what lanes keep apart is mapped")
  func mapping() throws {
    func overI(_ collective: Op.Collective, mapped: Set<String>) throws -> Bool {
      let program = try makeProgram([.f32(8)], axes: Self.sizes) { (b, x) throws(BloxError) in
        [try b.emitOne(.collective(collective), x)]
      }
      return try lanes(program, mapped: [mapped]).overI[0]
    }
    #expect(try !overI(Op.Collective(.sum, axes: ["i"]), mapped: ["i"]))
    #expect(try !overI(Op.Collective(.allGather(axis: 0, size: 4), axes: ["i"]), mapped: ["i"]))
    #expect(try overI(Op.Collective(.sum, axes: ["i"], groups: [[0, 1], [2, 3]]), mapped: ["i"]))
    #expect(try !overI(Op.Collective(.sum, axes: ["i"], groups: [[0, 1], [2, 3]]), mapped: []))
    #expect(try overI(Op.Collective(.reduceScatter(axis: 0, size: 4), axes: ["i"]), mapped: []))
    #expect(try overI(Op.Collective(.sum, axes: ["j"]), mapped: ["i"]))
    let program = try makeProgram([.f32(8)], axes: Self.sizes) { (b, x) throws(BloxError) in
      let sum = try b.emitOne(.collective(Op.Collective(.sum, axes: ["i"])), x)
      return [sum, try b.emitOne(.collective(Op.Collective(.reduceScatter(axis: 0, size: 4), axes: ["i"])), [sum])]
    }
    func chain(_ result: Int) -> [String] {
      mappedChain(program, inAxes: [0], axisName: "i", resultIndex: result)
    }
    #expect(chain(0) == [])
    #expect(chain(1) == ["reduce_scatter"])
  }

  @Test("A collective made for another number of lanes is an error")
  func otherSizes() throws {
    let program = try Program(
      parsing: """
        // blox-ir 1
        program @f(%0: f32[4]) -> (f32[1]) {
          %1: f32[1] = reduce_scatter %0 {dim=0, axes=["i"], size=4}
          return %1
        }
        """)
    for size in [0, 3] {
      let error = try #require(throws: BloxError.self) {
        try batched(program, size: size, axisName: "i", inAxes: [nil], axes: [:])
      }
      #expect(error.message == "reduce_scatter: is made for 4 lanes, but [\"i\"] has \(size); got f32[4]")
    }
    #expect(throws: BloxError.unboundAxis("i", bound: [])) {
      try ReferenceInterpreter.run(program, [DenseConstant(Literal(1, as: .f32), shape: [4])])
    }
  }
}

extension CollectiveBatchingTests.Lane {
  /// The number in row-major order of some axes.
  fileprivate func number(_ axes: [String]) -> Int {
    axes.reduce(0) { $0 * ($1 == "i" ? 4 : 2) + index($1) }
  }
}
