// Convolution layers: dimensions, padding, groups, and what does not fit.

import BloxNN
import Testing

@Suite("A6 Conv")
struct ConvTests {
  private let graph: Graph
  private let rng: Rng
  private let params: Params

  init() throws {
    graph = try Graph("net")
    rng = try Rng(graph.child("rng"))
    params = try rng.seed(Params(), seed: 42)
  }

  @Test("L-09, L-10, L-11: one to three dimensions with any number of batch dimensions, kernel before bias")
  func dimensions() throws {
    for (rank, size) in [[4], [5, 4], [3, 4, 5]].enumerated() {
      let conv = try Conv(
        graph.child("conv\(rank)"), kernelSize: rank == 0 ? 3 : PerDimension(Array(repeating: 3, count: rank + 1)),
        outputChannels: 6, rng: rng, kernelMetadata: ["tag": "k"], biasMetadata: ["tag": "b"])
      var single: Tensor?
      for batch in [[], [2], [2, 3], [0, 3]] {
        let x = try Tensor.ones(batch + size + [2])
        let (y, created) = try conv(params, x)
        #expect(y.shape == batch + size + [6])
        #expect(try created[conv.paramPath("kernel")].value.shape == size.map { _ in 3 } + [2, 6])
        #expect(try created[conv.paramPath("bias")].value.shape == [6])
        #expect(try rng.getCounter(created).item() == 2)
        // Every image of a batch gives what it gives alone.
        single = single ?? y
        if let single, y.count > 0 {
          #expect(try (y - single.broadcast(to: y.shape)).scalars(as: Float.self).allSatisfy { abs($0) < 1e-5 })
        }
      }
    }
    let depthwise = try Conv(
      graph.child("depthwise"), kernelSize: [3, 3], outputChannels: 8, featureGroupCount: 4, useBias: false,
      kernelInitializer: .constant(1))
    let (y, created) = try depthwise(Params(), Tensor.ones([1, 3, 3, 4]))
    #expect(try created["net/depthwise/kernel"].value.shape == [3, 3, 1, 8])
    #expect(try y.at(0).at(1).at(1).scalars(as: Float.self) == Array(repeating: 9, count: 8))
    #expect(created.count == 1)
  }

  @Test("L-12: padding by a rule or by amounts; strides and dilations by one number or one for each dimension")
  func padding() throws {
    func shape(
      _ name: String, _ padding: Padding, strides: PerDimension = 1, inputDilation: PerDimension = 1,
      kernelDilation: PerDimension = 1
    ) throws -> [Int] {
      let conv = try Conv(
        graph.child(name), kernelSize: [3, 2], outputChannels: 1, rng: rng, strides: strides, padding: padding,
        inputDilation: inputDilation, kernelDilation: kernelDilation)
      return try conv(params, Tensor.ones([1, 7, 6, 1])).0.shape
    }
    #expect(try shape("a", .same) == [1, 7, 6, 1])
    #expect(try shape("b", .valid) == [1, 5, 5, 1])
    #expect(try shape("c", .explicit([(1, 0), (2, 2)])) == [1, 6, 9, 1])
    #expect(try shape("d", .same, strides: 2) == [1, 4, 3, 1])
    #expect(try shape("e", .valid, strides: [2, 3], kernelDilation: [2, 1]) == [1, 2, 2, 1])
    #expect(try shape("f", .explicit([(0, 0), (0, 0)]), inputDilation: [2, 1]) == [1, 11, 5, 1])
    let rule = try thrown { try shape("g", .same, inputDilation: 2) }
    #expect(rule.code == .invalidArgument)
    #expect(
      rule.message == "conv: the padding same is not defined for an input dilation; pass amounts, or use convTranspose")
    #expect(rule.modulePath == "net/g")
    let many = try thrown { try shape("h", .valid, strides: [1, 2, 3]) }
    #expect(many.message == "conv: 3 strides for 2 spatial dimensions; pass one number for each, or one for all")
  }

  @Test("L-13: inputs of too few dimensions, and channels that groups do not divide, are errors") func errors() throws {
    let conv = try Conv(graph.child("conv"), kernelSize: [3, 3], outputChannels: 4, rng: rng, featureGroupCount: 2)
    let rank = try thrown { try conv(params, Tensor.ones([5, 3])) }
    #expect(
      rank.message
        == "Conv 'net/conv': Expected input rank >= 3 for 2D conv (at least 2 spatial dims + 1 channel dim), got 2.")
    let channels = try thrown { try conv(params, Tensor.ones([5, 5, 3])) }
    #expect(
      channels.message == "Conv 'net/conv': input_channels (3) must be divisible by feature_group_count (2).")
    #expect(channels.modulePath == "net/conv")
    let groups = try thrown {
      try Conv(graph.child("odd"), kernelSize: 3, outputChannels: 5, rng: rng, featureGroupCount: 2)
    }
    #expect(
      groups.message
        == "Conv 'net/odd': outputChannels (5) must be divisible by featureGroupCount (2), which must be at least 1")
    let (_, created) = try conv(params, Tensor.ones([5, 5, 4]))
    let other = try thrown { try conv(created, Tensor.ones([5, 5, 6])) }
    #expect(other.code == .shapeMismatch)
    #expect(other.message.contains("the input has 6 features (dimension 3) and the kernel takes 2 in each of 2 groups"))
  }

  @Test("L-14: ConvTranspose enlarges by the strides, with the kernel as it is") func transpose() throws {
    let layer = try ConvTranspose(
      graph.child("up"), kernelSize: 3, outputChannels: 1, rng: rng, strides: 2,
      kernelInitializer: Initializer(constant: "taps") { shape, dtype in
        try Tensor([1.0, 10, 100]).reshape(shape).cast(to: dtype)
      })
    let x = try Tensor([[1.0], [2], [0], [0], [0], [3]])
    let (y, created) = try layer(params, x)
    #expect(y.shape == [12, 1])
    #expect(try created["net/up/kernel"].value.shape == [3, 1, 1])
    // Zeros between the inputs, two in front and one behind: taps 1, 10, 100 from left to right.
    #expect(try y.scalars(as: Float.self) == [100, 10, 201, 20, 2, 0, 0, 0, 0, 0, 300, 30])
    #expect(try layer(created, Tensor.ones([2, 4, 6, 1])).0.shape == [2, 4, 12, 1])
    let rank = try thrown { try layer(params, Tensor.ones([5])) }
    #expect(
      rank.message
        == "ConvTranspose 'net/up': Expected input rank >= 2 for 1D conv_transpose (at least 1 spatial dims + 1 channel"
        + " dim), got 1.")
  }

  @Test("L-15, C-05: a transposed convolution in groups is one for each group") func groups() throws {
    let layer = try ConvTranspose(
      graph.child("up"), kernelSize: [2, 3], outputChannels: 6, rng: rng, strides: [2, 1], featureGroupCount: 3)
    let x = try Key(7).normal([2, 3, 4, 6])
    let (y, created) = try layer(params, x)
    let kernel = try created["net/up/kernel"].value
    #expect(kernel.shape == [2, 3, 6, 2])
    for group in 0..<3 {
      let alone = try ConvTranspose(
        graph.child("alone\(group)"), kernelSize: [2, 3], outputChannels: 2, strides: [2, 1],
        kernelInitializer: Initializer(constant: "part") { _, _ in
          try kernel[.ellipsis, 2 * group..<2 * group + 2, 0..<2]
        })
      let want = try alone(Params(), x[.ellipsis, 2 * group..<2 * group + 2]).0
      let got = try y[.ellipsis, 2 * group..<2 * group + 2]
      #expect(try (got - want).scalars(as: Float.self).allSatisfy { abs($0) < 1e-5 })
    }
  }
}
