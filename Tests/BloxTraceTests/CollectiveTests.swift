// Collectives through the surface: trees, negative axes, nested lanes, and errors.

import Testing

@testable import BloxTrace

@Suite("Collectives")
struct CollectiveTests {
  private let x = (try? Tensor(shape: [4, 3], scalars: (0..<12).map { Double($0) })) ?? Tensor(0)

  @Test("sizes and indices of one and several axes") func axes() throws {
    let y = try vmap(axisName: "i") { (row: Tensor) in
      try vmap(axisName: "j") { (element: Tensor) in
        #expect(try axisSize("i") == 4 && axisSize(["i", "j"]) == 12)
        return try element * 0 + axisIndex(["i", "j"]).cast(to: .f32)
      }(row)
    }(x)
    try expectClose(y, x)
  }

  @Test("trees and dtypes: bools count as i32, integer means are f32, keys gather") func trees() throws {
    let parity = try x % 2.0 .== 1.0
    let sums = try vmap(outAxes: [nil], axisName: "i") { (t: [String: Tensor]) in try psum(t, "i") }(
      ["flags": parity, "numbers": x])
    #expect(try sums["flags"]!.scalars(as: Int.self) == [2, 2, 2] && sums["flags"]!.dtype == .i32)
    #expect(try sums["numbers"]!.scalars(as: Int.self) == [18, 22, 26])
    let mean = try vmap(outAxes: [nil], axisName: "i") { (n: Tensor) in try pmean(n, "i") }(x.cast(to: .i32))
    #expect(try mean.dtype == .f32 && mean.scalars(as: Double.self) == [4.5, 5.5, 6.5])
    for dtype in [DType.u8, .i64, .bf16, .f16, .f64] {
      let extremes = try vmap(outAxes: [nil], axisName: "i") { (n: Tensor) in
        try concatenate([pmax(n, "i"), pmin(n, "i")])
      }(x.cast(to: dtype))
      #expect(try extremes.dtype == dtype && extremes.cast(to: .i32).scalars(as: Int.self) == [9, 10, 11, 0, 1, 2])
    }
  }

  @Test("gathers stack at any axis, and scatter and exchange undo them") func gathers() throws {
    let stacked = try vmap(outAxes: [nil], axisName: "i") { (row: Tensor) in try allGather(row, "i", axis: -1) }(x)
    try expectClose(stacked, x.transpose())
    let joined = try vmap(outAxes: [nil], axisName: "i") { (row: Tensor) in try allGather(row, "i", tiled: true) }(x)
    try expectClose(joined, x.reshape([12]))
    let back = try vmap(axisName: "i") { (row: Tensor) in try psumScatter(allGather(row, "i"), "i") }(x)
    try expectClose(back, x * 4)
    let square = try Tensor(shape: [4, 4, 2], scalars: (0..<32).map { Double($0) })
    let exchanged = try vmap(axisName: "i") { (row: Tensor) in
      try allToAll(row, "i", splitAxis: 0, concatAxis: 0)
    }(square)
    try expectClose(exchanged, square.swapAxes(0, 1))
    let last = try vmap(axisName: "i") { (row: Tensor) in
      try allToAll(row, "i", splitAxis: -2, concatAxis: -1)
    }(square)
    try expectClose(last, square.transpose([1, 2, 0]))
    let tiled = try vmap(axisName: "i") { (row: Tensor) in
      try allToAll(row, "i", splitAxis: 0, concatAxis: 1, tiled: true)
    }(square)
    try expectClose(tiled, square.swapAxes(0, 1).reshape([4, 1, 8]))
  }

  @Test("a collective inside jit inside vmap, and under a second vmap") func nesting() throws {
    let centered = jit { (row: Tensor) in try row - pmean(row, "i") }
    let want = try x - x.mean([0])
    try expectClose(vmap(axisName: "i", centered)(x), want)
    try expectClose(jit(vmap(axisName: "i", centered))(x), want)
    let many = try stack([x, x * 2])
    try expectClose(vmap(vmap(axisName: "i", centered))(many), stack([want, want * 2]))
    try expectClose(
      vmap(axisName: "i", vmap(inAxes: [0], centered))(x), want)
    let gradient = try grad { (x: Tensor) in try square(vmap(axisName: "i", centered)(x)).sum() }(x)
    try expectClose(gradient, want * 2, rtol: 1e-6, atol: 1e-6)
  }

  @Test("extremes have no derivative, and stopGradient makes them usable") func extremes() throws {
    let softmax = { (row: Tensor) in
      let shifted = try exp(row - stopGradient(pmax(row, "i")))
      return try shifted / psum(shifted, "i")
    }
    let gradient = try grad { (x: Tensor) in try (vmap(axisName: "i", softmax)(x) * x).sum() }(x)
    let direct = try grad { (x: Tensor) in
      let shifted = try exp(x - stopGradient(x.max([0])))
      return try (shifted / shifted.sum([0]) * x).sum()
    }(x)
    try expectClose(gradient, direct, rtol: 1e-5, atol: 1e-6)
    let error = try thrown {
      try vmap(axisName: "i") { (row: Tensor) in try grad { (r: Tensor) in try pmax(r, "i").sum() }(row) }(x)
    }
    #expect(error.code == .notDifferentiable)
    #expect(error.message.hasPrefix("pmax has no derivative, as in JAX; apply stopGradient to its operand"))
  }

  @Test("unbound axes and misfits name what is wrong, and where") func errors() throws {
    func inLanes(_ body: @escaping (Tensor) throws -> Tensor) throws -> BloxError {
      try thrown { try vmap(axisName: "i", body)(x) }
    }
    let unbound = try thrown { try psum(x, "i") }
    #expect(unbound.code == .unboundAxis)
    #expect(unbound.location?.file == "BloxTraceTests/CollectiveTests.swift")
    #expect(
      unbound.message == "found an unbound axis name: i (none is bound here); bind it with vmap(axisName: \"i\")")
    for body in [
      { try psum($0, "k") }, { try allGather($0, "k") }, { try ppermute($0, "k", [(0, 1)]) },
      { try psumScatter($0, ["i", "k"]) }, { try $0 * axisSize("k") },
    ] as [(Tensor) throws -> Tensor] {
      #expect(
        try inLanes(body).message
          == "found an unbound axis name: k (bound here: i); bind it with vmap(axisName: \"k\")")
    }
    #expect(
      try inLanes { try psumScatter($0, "i") }.message
        == "psumScatter: axis 0 of f32[3] has size 3, but there are 4 lanes; pass tiled: true for several elements to a"
        + " lane")
    #expect(
      try inLanes { try psum($0, "i", groups: [[0, 1], [1, 2]]) }.message
        == "psum: groups [[0, 1], [1, 2]] must hold each of the 4 lanes of 'i' once, in parts of one size; got f32[3]")
    #expect(try inLanes { try psum($0, "i", groups: []) }.code == .invalidArgument)
    #expect(
      try inLanes { try ppermute($0, "i", [(0, 4)]) }.message
        == "ppermute: a target in [4] is no lane of 'i', which has 4; got f32[3]")
    #expect(
      try inLanes { try pshuffle($0, "i", [0, 1, 1, 2]) }.message
        == "pshuffle: the order [0, 1, 1, 2] must have each of the 4 lanes of 'i' once")
    #expect(
      try inLanes { try allGather($0, "i", axis: 2) }.message
        == "allGather: axis 2 is out of range for a tensor of rank 2")
    #expect(try inLanes { try psum($0, ["i", "i"]) }.code == .duplicateAxis)
  }

  @Test("more lanes than there can be are an error, not a trap") func endless() throws {
    func expectError(_ body: @escaping (Tensor) throws -> Tensor) {
      let lane: TensorFunction<Tensor, Tensor> = TensorFunction(body)
      let inner = vmap(inAxes: [nil], axisName: "j", axisSize: Int.max, lane)
      #expect(throws: BloxError.self) { try evalShape(inner, Tensor(1.0)) }
    }
    expectError { x in try allGather(x, "j") }
    expectError { x in try psum(x, "j", groups: [[0, 1]]) }
    expectError { x in try ppermute(x, "j", [(0, 1)]) }
    expectError { x in try pshuffle(x, "j", [0]) }
  }

  @Test("no lanes, one lane, and empty tensors") func small() throws {
    let empty = try Tensor.zeros([0, 3])
    #expect(try vmap(axisName: "i") { (row: Tensor) in try psum(row, "i") }(empty).shape == [0, 3])
    let sum = try vmap(outAxes: [nil], axisName: "i") { (row: Tensor) in try psum(row, "i") }(empty)
    #expect(try sum.scalars(as: Float.self) == [0, 0, 0])
    #expect(
      try vmap(outAxes: [nil], axisName: "i") { (row: Tensor) in try allGather(row, "i") }(empty).shape == [0, 3])
    let one = try Tensor([[1, 2]])
    try expectClose(vmap(axisName: "i") { (r: Tensor) in try psumScatter(allGather(r, "i"), "i") }(one), one)
    let hollow = try Tensor.zeros([4, 4, 0])
    let exchanged = try vmap(axisName: "i") { (r: Tensor) in try allToAll(r, "i", splitAxis: 0, concatAxis: 1) }(hollow)
    #expect(exchanged.shape == [4, 0, 4])
  }
}
