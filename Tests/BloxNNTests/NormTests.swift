// Norm layers beyond the reference numbers: parameters, state, errors, lanes and groups.

import BloxNN
import Testing

@Suite("A6 Norm layers")
struct NormTests {
  private let graph: Graph
  private let rng: Rng

  init() throws {
    graph = try Graph("net")
    rng = try Rng(graph.child("rng"))
  }

  private func close(_ a: Tensor, _ b: Tensor, within tolerance: Double = 1e-5) throws -> Bool {
    try a.type == b.type && abs(a - b).max().item() < tolerance
  }

  @Test("L-19: LayerNorm standardizes the last axis, with a scale and a bias, in this order") func layerNorm() throws {
    let norm = try LayerNorm(graph.child("norm"))
    let x = try Key(0).normal([2, 3, 8]) * 4 + 2
    let (y, params) = try norm(Params(), x)
    #expect(params.keys == ["net/norm/scale", "net/norm/bias"])
    #expect(try close(y.mean([-1]), Tensor.zeros([2, 3])))
    #expect(try close(y.variance([-1]), Tensor.ones([2, 3]), within: 1e-4))
    let bare = try LayerNorm(graph.child("bare"), useScale: false, useBias: false)
    #expect(try bare(Params().locked(), x).1.isEmpty)
    #expect(try close(bare(Params(), x).0, y))
    let constant = try Tensor.full([2, 4], 3)
    #expect(try bare(Params(), constant).0.scalars() == [Float](repeating: 0, count: 8))
    #expect(try bare(Params(), Tensor.zeros([0, 4])).0.shape == [0, 4])
  }

  @Test("L-20: RMSNorm divides by the root mean square, without moving the mean") func rmsNorm() throws {
    let norm = try RMSNorm(graph.child("norm"), scaleInitializer: .constant(2))
    let (y, params) = try norm(Params(), Tensor([[3, 4], [0, 0]]))
    #expect(params.keys == ["net/norm/scale"])
    let root = 12.5.squareRoot()
    #expect(try close(y, Tensor([[6 / root, 8 / root], [0, 0]])))
  }

  @Test("L-21, L-22, M-18: BatchNorm moves running statistics while training, and uses them otherwise")
  func batchNorm() throws {
    let norm = try BatchNorm(graph.child("norm"), momentum: 0.75, rng: rng)
    let x = try Tensor([[1, 10], [3, 30]])
    let (_, fresh) = try norm(rng.seed(Params(), seed: 0), x, isTraining: false)
    #expect(
      fresh.keys.dropFirst(2) == [
        "net/norm/running_mean", "net/norm/running_var", "net/norm/scale", "net/norm/bias",
      ])
    #expect(fresh.split().0.keys == ["net/norm/scale", "net/norm/bias"])
    #expect(try rng.getCounter(fresh).item() == 4)
    let (y, moved) = try norm(fresh.locked(), x, isTraining: true)
    #expect(try close(y, Tensor([[-1, -1], [1, 1]]), within: 1e-4))
    #expect(try moved["net/norm/running_mean"].value.scalars() == [0.5, 5])
    #expect(try moved["net/norm/running_var"].value.scalars() == [1, 25.75])
    let (stored, same) = try norm(moved, x, isTraining: false)
    #expect(try close(stored, Tensor([[0.5, 5 / 25.75.squareRoot()], [2.5, 25 / 25.75.squareRoot()]]), within: 1e-4))
    #expect(try same["net/norm/running_mean"].value.scalars() == [0.5, 5])
    // An image batch: all axes but the last.
    let image = try Key(1).normal([2, 3, 4, 2])
    let (z, _) = try norm(moved, image)
    #expect(try close(z.mean([0, 1, 2]), Tensor.zeros([2])))
  }

  @Test("L-22, T-38: running statistics carry no gradient, those of the batch do") func stopped() throws {
    let norm = try BatchNorm(graph.child("norm"))
    let x = try Key(2).normal([4, 3])
    let params = try norm(Params(), x).1.locked()
    let slope = try grad { (x: Tensor) in try norm(params, x).1["net/norm/running_mean"].value.sum() }(x)
    #expect(try slope.scalars() == [Float](repeating: 0, count: 12))
    let through = try grad { (x: Tensor) in try (norm(params, x).0 * x).sum() }(x)
    let direct = try grad { (x: Tensor) in
      try ((x - x.mean([0])) / sqrt(x.variance([0]) + 1e-5) * x).sum()
    }(x)
    #expect(try close(through, direct))
  }

  @Test("L-23: BatchNorm without statistics under lock is an error, training or not", arguments: [true, false])
  func locked(isTraining: Bool) throws {
    let norm = try BatchNorm(graph.child("norm"))
    let error = try thrown { try norm(Params().locked(), Tensor.ones([2, 3]), isTraining: isTraining) }
    #expect(error.code == .paramsLocked)
    #expect(error.message.hasPrefix("parameter 'net/norm/running_mean' missing (params locked)"), "\(error)")
  }

  @Test("L-24, C-18: lanes average their statistics, in groups if asked, exactly if asked") func lanes() throws {
    let x = try Key(3).normal([4, 6, 2]) + Tensor(shape: [4, 1, 1], scalars: [0.0, 1, 2, 3])
    func reference(_ x: Tensor, isExact: Bool) throws -> Tensor {
      let mean = try x.mean([0, 1])
      let variance = try isExact ? x.variance([0, 1]) : x.variance([1]).mean([0])
      return try (x - mean) / sqrt(variance + 1e-5)
    }
    // The layers create their parameters outside of lanes, where no axis is bound, without the axis name.
    for isExact in [false, true] {
      let node = try graph.child("exact\(isExact)")
      let norm = try BatchNorm(node, axisName: "lane", isVarianceExact: isExact)
      let plain = try BatchNorm(Graph("net").child("exact\(isExact)"))
      let params = try plain(Params(), x.at(0)).1.locked()
      let (y, _) = try vmap(inAxes: [nil, 0], outAxes: [0, nil], axisName: "lane") { (params: Params, x: Tensor) in
        try norm(params, x)
      }(params, x)
      #expect(try close(y, reference(x, isExact: isExact)))
      let grouped = try BatchNorm(
        graph.child("grouped\(isExact)"), useScale: false, useBias: false, axisName: "lane",
        axisIndexGroups: [[0, 2], [1, 3]], isVarianceExact: isExact)
      let statistics = try Params()
        .setting(grouped.paramPath("running_mean"), to: Param(.zeros([2]), isTrainable: false))
        .setting(grouped.paramPath("running_var"), to: Param(.ones([2]), isTrainable: false)).locked()
      let (z, after) = try vmap(inAxes: [nil, 0], axisName: "lane") { (params: Params, x: Tensor) in
        try grouped(params, x)
      }(statistics, x)
      #expect(try after[grouped.paramPath("running_mean")].value.shape == [4, 2])
      for group in [[0, 2], [1, 3]] {
        let part = try reference(stack(group.map { try x.at($0) }), isExact: isExact)
        for (index, lane) in group.enumerated() { #expect(try close(z.at(lane), part.at(index))) }
      }
    }
    for layer: any Layer in [
      try LayerNorm(graph.child("layer"), useScale: false, useBias: false, axisName: "lane", isVarianceExact: true),
      try RMSNorm(graph.child("rms"), useScale: false, axisName: "lane"),
    ] {
      let y = try vmap(axisName: "lane") { (x: Tensor) in try layer(Params(), x).0 }(x)
      // Lanes hold parts of the features, so the norm is over both.
      let isLayerNorm = layer is LayerNorm
      let mean = isLayerNorm ? try x.mean([0, 2], keepDimensions: true) : Tensor(0.0)
      let want = try (x - mean) / sqrt(square(x - mean).mean([0, 2], keepDimensions: true) + 1e-5)
      #expect(try close(y, want))
      #expect(try thrown { try layer(Params(), x) }.code == .unboundAxis)
    }
  }

  @Test("L-19, L-20, L-21: inputs must have features, as many as the parameters") func errors() throws {
    let layers: [any Layer] = [
      try LayerNorm(graph.child("a")), try RMSNorm(graph.child("b")), try BatchNorm(graph.child("c")),
    ]
    for layer in layers {
      let scalar = try thrown { try layer(Params(), Tensor(1.0)) }
      #expect(scalar.code == .scalarInput)
      #expect(scalar.message == "\(type(of: layer)) '\(layer.path)': input must not be scalar; got f32[]")
      let (_, params) = try layer(Params(), Tensor.ones([2, 3]))
      let other = try thrown { try layer(params, Tensor.ones([2, 5])) }
      #expect(other.code == .shapeMismatch)
      let name = layer is BatchNorm ? "running_mean" : "scale"
      #expect(
        other.message
          == "\(type(of: layer)) '\(layer.path)': the parameter '\(name)' is f32[3], but inputs of type f32[2,5] need"
          + " [5]")
    }
  }

  @Test("Norms keep their state's dtype with half-precision inputs") func dtypes() throws {
    let norm = try BatchNorm(graph.child("norm"))
    let (y, params) = try norm(Params(), Key(4).normal([4, 3]).cast(to: .bf16))
    #expect(y.dtype == .f32)
    #expect(params.values.allSatisfy { $0.value.dtype == .f32 })
  }

  @Test("Statistics of half-precision inputs neither overflow nor lose digits", arguments: [DType.f16, .bf16])
  func halves(dtype: DType) throws {
    // Sums of squares beyond f16, of more numbers than bf16 counts.
    let inputs = try Tensor.full([2, 1024], 320, dtype: dtype)
    let rms = try RMSNorm(graph.child("rms"), useScale: false)(Params(), inputs).0
    #expect(rms.dtype == dtype)
    #expect(try rms.scalars().allSatisfy { $0 == 1 })
    let alternating = try (Tensor.arange(1024) % 2 * 640).cast(to: dtype).reshape([1, 1024])
    let norm = try LayerNorm(graph.child("layer"), useScale: false, useBias: false)(Params(), alternating).0
    #expect(norm.dtype == dtype)
    #expect(try norm.scalars().prefix(2) == [-1, 1])
    let column = try alternating.transpose()
    let batch = try BatchNorm(graph.child("batch"), useScale: false, useBias: false)(Params(), column).0
    #expect(batch.dtype == dtype)
    #expect(try batch.scalars().prefix(2) == [-1, 1])
  }
}
