// Lanes of every function of the surface, against a loop of calls.

import Testing

@testable import BloxTrace

@Suite("vmap")
struct VmapTests {
  private static let lanes = 3

  /// Where the lanes of an input may lie.
  private enum Place: CaseIterable {
    case first, last, nowhere

    func axis(rank: Int) -> Axis {
      switch self {
      case .first: 0
      case .last: -1
      case .nowhere: nil
      }
    }
  }

  /// All ways to place the lanes of inputs, except nowhere at all.
  private func placements(_ count: Int) -> [[Place]] {
    var all: [[Place]] = [[]]
    for _ in 0..<count { all = all.flatMap { prefix in Place.allCases.map { prefix + [$0] } } }
    return all.filter { $0.contains { $0 != .nowhere } }
  }

  /// Inputs of each lane.
  private func laneInputs(_ sample: SurfaceSample) throws -> [[Tensor]] {
    try (0..<Self.lanes).map { try sample.randomInputs(seed: 7 + UInt64($0)) }
  }

  @Test("every function in lanes is a loop of calls, wherever the lanes lie", arguments: SurfaceSample.all)
  func loops(sample: SurfaceSample) throws {
    let lanes = try laneInputs(sample)
    for places in placements(sample.inputs.count) {
      let inputs = try places.indices.map { index in
        switch places[index] {
        case .first: try stack(lanes.map { $0[index] })
        case .last: try stack(lanes.map { $0[index] }, axis: -1)
        case .nowhere: lanes[0][index]
        }
      }
      let singles = try lanes.map { lane in
        try sample.function(places.indices.map { places[$0] == .nowhere ? lanes[0][$0] : lane[$0] })
      }
      let axes = places.indices.map { places[$0].axis(rank: inputs[$0].rank) }
      for outAxis in [0, -1] {
        let got = try mapped(sample.function, inAxes: axes, outAxis: .at(outAxis))(inputs)
        try expectClose(got, stack(singles, axis: outAxis), rtol: 1e-12, atol: 1e-13, "\(places), out \(outAxis)")
      }
      let compiled = try jit { (x: [Tensor]) in try mapped(sample.function, inAxes: axes)(x) }(inputs)
      try expectClose(compiled, stack(singles), rtol: 1e-12, atol: 1e-13, "compiled, \(places)")
    }
  }

  @Test("grad in lanes, lanes in grad and both compiled agree with a loop", arguments: SurfaceSample.all)
  func gradients(sample: SurfaceSample) throws {
    let lanes = try laneInputs(sample)
    let stacked = try sample.inputs.indices.map { index in try stack(lanes.map { $0[index] }) }
    let lossOfLane = TensorFunction { (x: [Tensor]) in try tanh(sample.function(x)).sum() }
    let single = grad(lossOfLane)
    let want = try lanes.map { try single($0) }
    func expect(_ got: [Tensor], _ what: Comment) throws {
      for index in stacked.indices {
        try expectClose(got[index], stack(want.map { $0[index] }), rtol: 1e-11, atol: 1e-13, what)
      }
    }
    try expect(vmap(single)(stacked), "vmap of grad")
    try expect(grad { (x: [Tensor]) in try vmap(lossOfLane)(x).sum() }(stacked), "grad of vmap")
    try expect(jit(vmap(single))(stacked), "jit of vmap of grad")
    try expect(vmap(jit(single))(stacked), "vmap of jit of grad")
    try expect(vmap(grad(jit(lossOfLane)))(stacked), "vmap of grad of jit")
  }

  @Test("nested lanes are a nested loop", arguments: SurfaceSample.all)
  func nested(sample: SurfaceSample) throws {
    let outer = try (0..<2).map { row in try (0..<3).map { try sample.randomInputs(seed: UInt64(10 * row + $0)) } }
    let stacked = try sample.inputs.indices.map { index in
      try stack(outer.map { row in try stack(row.map { $0[index] }) }, axis: 0)
    }
    let function = TensorFunction { (x: [Tensor]) in try sample.function(x) }
    let want = try stack(outer.map { row in try stack(row.map { try sample.function($0) }) })
    try expectClose(vmap(vmap(function))(stacked), want, rtol: 1e-12, atol: 1e-13)
  }

  @Test("integer and boolean functions in lanes are a loop") func integers() throws {
    let x = try Tensor(shape: [3, 2, 4], scalars: (0..<24).map { ($0 * 7 + 3) % 11 - 5 })
    let functions: [(String, (Tensor) throws -> Tensor)] = [
      ("argmax", { try $0.argmax(1) }), ("argmin of all", { try $0.argmin() }),
      ("all", { try ($0 .> -3).all([0]) }), ("any", { try ($0 .> 3).any() }),
      ("isFinite", { try isFinite(log($0.cast(to: .f32))) }), ("oneHot", { try oneHot($0, 3) }),
      ("eye", { try $0 + Tensor.eye(4, dtype: .i32).slice(0..<2) }), ("rem", { try $0 % 3 }),
      ("bits", { try .!(($0 .& Tensor(6)) .| ($0 .^ Tensor(1))) }), ("compare", { try ($0 .== 3) .| ($0 .< 0) }),
      ("cast", { try $0.cast(to: .u8) }), ("full", { try Tensor.full([2], 1.5) + $0.sum().cast(to: .f32) }),
    ]
    for (name, function) in functions {
      let want = try stack((0..<3).map { try function(x.at($0)) })
      #expect(try vmap { (x: Tensor) in try function(x) }(x).stringAndType == want.stringAndType, "\(name)")
      let last = try x.transpose([1, 2, 0])
      #expect(
        try vmap(inAxes: [-1]) { (x: Tensor) in try function(x) }(last).stringAndType == want.stringAndType, "\(name)")
    }
  }

  @Test("random numbers of a lane are those of its key alone") func random() throws {
    let keys = try Key(3).split(4)
    let samples: [(Key) throws -> Tensor] = [
      { try $0.normal([3]) }, { try $0.bits([2, 2], dtype: .u8) }, { try $0.bernoulli(0.3, [5]).cast(to: .i32) },
      { try $0.split(2).words() }, { try $0.foldIn(7).words() }, { try $0.truncatedNormal([3]) },
    ]
    for sample in samples {
      let want = try stack((0..<4).map { try sample(keys.at($0)) })
      #expect(try vmap { (key: Key) in try sample(key) }(keys).stringAndType == want.stringAndType)
    }
  }

  @Test("T-50, T-51: parts of arguments and results have axes of their own") func parts() throws {
    let x = try Tensor([[1, 2, 3], [4, 5, 6]])
    let (sum, scale) = try vmap(inAxes: [1, nil], outAxes: [0, nil]) { (x: Tensor, s: Tensor) in
      (try x * s, try s + 1)
    }(x, Tensor(10.0))
    #expect(try sum.scalars() == [10.0, 40, 20, 50, 30, 60])
    #expect(sum.shape == [3, 2] && scale.shape == [])
    let (a, b) = try vmap(outAxes: [1]) { (x: Tensor) in (x, try x * 2) }(x)
    #expect(a.shape == [3, 2] && b.shape == [3, 2])
    // A result that is the same in all lanes is repeated when an axis is asked for.
    #expect(try vmap { (x: Tensor) in Tensor(3) }(x).scalars() == [3.0, 3])
  }

  @Test("T-52: axisIndex counts lanes, of the axis that is named") func axisIndices() throws {
    let got = try vmap(axisName: "rows") { (row: Tensor) in
      try vmap(axisName: "columns") { (x: Tensor) in
        try x + 10 * axisIndex("rows").cast(to: .f32) + 100 * axisIndex("columns").cast(to: .f32)
      }(row)
    }(Tensor.zeros([2, 3]))
    #expect(try got.scalars() == [0.0, 100, 200, 10, 110, 210])
    let counted = try vmap(axisName: "i", axisSize: 3) { try axisIndex("i") }()
    #expect(try counted.scalars() == [0, 1, 2])
    #expect(counted.dtype == .i32)
  }

  @Test("zero lanes are an empty result") func zeroLanes() throws {
    let got = try vmap { (x: Tensor) in try tanh(x).sum() }(Tensor.zeros([0, 3]))
    #expect(got.shape == [0])
    let gradients = try vmap(grad { (x: Tensor) in try square(x).sum() })(Tensor.zeros([0, 3]))
    #expect(gradients.shape == [0, 3])
  }
}

extension Tensor {
  /// Elements and type as text, to compare tensors of any dtype.
  fileprivate var stringAndType: String { "\(type) \(self)" }
}

/// A function of a list in lanes, with an axis for each tensor of the list.
func mapped(
  _ function: @escaping ([Tensor]) throws -> Tensor, inAxes: [Axis], outAxis: Axis = 0
) -> ([Tensor]) throws -> Tensor {
  { x in
    switch x.count {
    case 1: try vmap(inAxes: inAxes, outAxes: [outAxis]) { (a: Tensor) in try function([a]) }(x[0])
    case 2:
      try vmap(inAxes: inAxes, outAxes: [outAxis]) { (a: Tensor, b: Tensor) in try function([a, b]) }(x[0], x[1])
    case _: preconditionFailure("no sample has \(x.count) inputs")
    }
  }
}
