// Convolutions compiled, held against the reference.
import BloxIR
import BloxRuntime
import ProgramFuzzing
import TestSupport
import Testing

@testable import BloxRuntime

@Suite struct ConvolutionTests {
  @Test(
    "Random convolutions of every numeric dtype agree with the reference",
    arguments: DType.numeric, [[1, 1, 2, 3], [1, 4, 17, 35]])
  func random(dtype: DType, features: [Int]) throws {
    let seed: UInt64 = 11
    var generator = SeededGenerator(seed: seed)
    var count = 0
    for trial in 0..<60 {
      let rank = [0, 1, 1, 2, 2, 3][trial % 6]
      let drawn = RandomConvolution(
        dtype, rank: rank, features: features, size: rank == 3 ? 4 : 7, using: &generator)
      let op = Op.convolution(drawn.convolution)
      guard let result = try? op.resultTypes(for: [drawn.input, drawn.kernel])[0] else { continue }
      // The reference goes through every pair of elements.
      guard result.elementCount * drawn.kernel.elementCount < 200_000 else { continue }
      count += 1
      let operands = [drawn.input, drawn.kernel].map { randomTensor($0, specials: false, &generator) }
      let text = try disagreement(op, operands)
      #expect(text == nil, "seed \(seed), trial \(trial): \(drawn.convolution): \(text ?? "")")
    }
    #expect(count >= 20)
  }

  private static let channelsLast = Op.Convolution.Layout(batch: 0, feature: 3, spatial: [1, 2])
  private static let kernelLast = Op.Convolution.Layout(batch: 3, feature: 2, spatial: [0, 1])

  /// Sizes at which packing has several blocks and panels, borders and threads.
  static let large: [(name: String, convolution: Op.Convolution, input: [Int], kernel: [Int])] = [
    (
      "forward",
      Op.Convolution(input: channelsLast, kernel: kernelLast, output: channelsLast, low: [1, 1], high: [1, 1]),
      [1, 7, 7, 60], [3, 3, 60, 40]
    ),
    (
      "gradient of the kernel",
      Op.Convolution(
        input: Op.Convolution.Layout(batch: 3, feature: 0, spatial: [1, 2]),
        kernel: Op.Convolution.Layout(batch: 3, feature: 0, spatial: [1, 2]),
        output: Op.Convolution.Layout(batch: 2, feature: 3, spatial: [0, 1]), low: [1, 1], high: [1, 1]),
      [3, 14, 13, 17], [3, 14, 13, 13]
    ),
    (
      "gradient of the input of a strided one",
      Op.Convolution(
        input: channelsLast, kernel: kernelLast, output: channelsLast, low: [2, 2], high: [3, 3], inputDilation: [2, 2]),
      [2, 8, 7, 33], [3, 3, 33, 35]
    ),
    (
      "groups",
      Op.Convolution(
        input: channelsLast, kernel: kernelLast, output: channelsLast, strides: [2, 1], low: [1, 0], high: [1, 0],
        featureGroups: 4), [2, 13, 10, 36], [3, 3, 9, 68]
    ),
    (
      "depthwise",
      Op.Convolution(
        input: channelsLast, kernel: kernelLast, output: channelsLast, low: [1, 1], high: [1, 1], featureGroups: 83),
      [2, 13, 14, 83], [3, 3, 1, 83]
    ),
    (
      "few features in long lines",
      Op.Convolution(input: channelsLast, kernel: kernelLast, output: channelsLast, low: [1, 1], high: [1, 1]),
      [2, 9, 31, 3], [3, 3, 3, 40]
    ),
    (
      "taps apart, deeper than a block, beside padding wider than the image",
      Op.Convolution(
        input: channelsLast, kernel: kernelLast, output: channelsLast, low: [1, 12], high: [0, 3],
        kernelDilation: [1, 2]), [1, 3, 9, 300], [2, 3, 300, 7]
    ),
    (
      "rows whole pages apart",
      Op.Convolution(input: channelsLast, kernel: kernelLast, output: channelsLast, low: [0, 1], high: [0, 1]),
      [1, 2, 9, 1024], [1, 2, 1024, 17]
    ),
    (
      "steps longer than the window, at the edge",
      Op.Convolution(
        input: channelsLast, kernel: kernelLast, output: channelsLast, strides: [1, 5], low: [0, 2], high: [0, 2]),
      [1, 3, 50, 33], [2, 3, 33, 19]
    ),
  ]

  // In f32 they are among DifferentialProgramTests.longOps, which also vary the number of threads.
  @Test("Large convolutions in f64 agree with the reference", arguments: large.indices)
  func blocks(index: Int) throws {
    let sample = ConvolutionTests.large[index]
    var generator = SeededGenerator(seed: 5)
    let operands = [sample.input, sample.kernel].map {
      randomTensor(TensorType(.f64, $0), specials: false, &generator)
    }
    let text = try disagreement(.convolution(sample.convolution), operands)
    #expect(text == nil, "\(sample.name): \(text ?? "")")
  }

  @Test("A spread input is taken apart into dense ones, phase by phase")
  func phases() {
    let window = DenseWindow(size: 4, low: 1, positions: 8, step: 1, taps: 3, dilation: 1)
    let phases = ConvolutionPhase.phases(window, inputDilation: 2)
    #expect(phases.map(\.firstPosition) == [0, 1])
    #expect(phases.map(\.firstTap) == [1, 0])
    #expect(phases.map(\.window.taps) == [1, 2])
    #expect(phases.map(\.window.positions) == [4, 4])
    #expect(phases.map(\.window.low) == [0, 0])
    #expect(phases.map(\.tapStride) == [2, 2])
    // A stride that is a multiple of the dilation meets the same taps everywhere.
    let strided = DenseWindow(size: 4, low: 0, positions: 3, step: 4, taps: 3, dilation: 1)
    #expect(ConvolutionPhase.phases(strided, inputDilation: 2).count == 1)
  }

  @Test("Positions that meet no tap are zeros, and so is a convolution without features")
  func nothing() throws {
    let layout = Op.Convolution.Layout(batch: 0, feature: 2, spatial: [1])
    let kernel = Op.Convolution.Layout(batch: 2, feature: 1, spatial: [0])
    let spread = Op.convolution(
      Op.Convolution(input: layout, kernel: kernel, output: layout, inputDilation: [1500]))
    let types = [TensorType(.f32, [1, 3, 1]), TensorType(.f32, [1, 1, 1])]
    let operands = types.map { DenseConstant(Literal(2, as: .f32), shape: $0.shape) }
    #expect(try disagreement(spread, operands) == nil)
    let plain = Op.convolution(Op.Convolution(input: layout, kernel: kernel, output: layout))
    let empty = [TensorType(.f32, [2, 3, 0]), TensorType(.f32, [2, 0, 4])].map {
      DenseConstant(type: $0, elements: [])
    }
    #expect(try disagreement(plain, empty) == nil)
  }
}
