// The model of the convnet example: a small convolutional network for the images of the digits example.

import BloxIR
import BloxNN

/// Two convolutions with pooling, and a dense layer: 8x8 → 4x4 → 2x2 → 10 scores.
public final class DigitsConvNet: Module, DigitsModel {
  /// The first convolution.
  public let first: Conv
  /// The second convolution, with twice as many channels.
  public let second: Conv
  /// Dropout before the dense layer.
  public let dropout: Dropout
  /// The dense layer.
  public let output: Linear

  /// Makes the model under a graph node.
  ///
  /// - Parameter channels: The channels of the first convolution.
  public init(_ graph: Graph, channels: Int, dropoutRate: Double, rng: Rng) throws {
    let (doubled, overflow) = channels.multipliedReportingOverflow(by: 2)
    guard !overflow else { throw BloxError(.invalidArgument, "convnet: \(channels) channels are too many") }
    func conv(_ name: String, _ channels: Int) throws -> Conv {
      try Conv(
        graph.child(name), kernelSize: [3, 3], outputChannels: channels, rng: rng, kernelInitializer: .heNormal)
    }
    first = try conv("conv0", channels)
    second = try conv("conv1", doubled)
    dropout = try Dropout(graph.child("dropout"), rate: dropoutRate, rng: rng)
    output = try Linear(graph.child("output"), outputSize: 10, rng: rng)
    try super.init(graph)
  }

  /// Maps images `[batch, 64]`, row by row, to logits `[batch, 10]`.
  public func callAsFunction(_ params: Params, _ images: Tensor, isTraining: Bool) throws -> (Tensor, Params) {
    try scoped {
      let batch = images.shape[0]
      var (x, params) = (try images.reshape([batch, 8, 8, 1]), params)
      for conv in [first, second] {
        (x, params) = try conv(params, x)
        x = try maxPool(relu(x), window: [2, 2])
      }
      x = try x.reshape([batch, 4 * second.outputChannels])
      (x, params) = try dropout(params, x, isTraining: isTraining)
      return try output(params, x)
    }
  }
}

extension DigitsTraining where Model == DigitsConvNet {
  /// Makes the model and the optimizer.
  ///
  /// - Parameter channels: The channels of the first convolution.
  public init(channels: Int = 16, dropoutRate: Double = 0.2, learningRate: Double = 2e-3) throws {
    try self.init(learningRate: learningRate) { graph, rng in
      try DigitsConvNet(graph.child("convnet"), channels: channels, dropoutRate: dropoutRate, rng: rng)
    }
  }
}

extension GalleryEntry {
  private static func digits(_ sizes: [String: Int]) throws -> (DigitsTraining<DigitsConvNet>, Params) {
    let training = try DigitsTraining(channels: sizes["channels"] ?? 2, dropoutRate: 0)
    return (training, try training.initialize(seed: 42).0.split().0)
  }

  static let convnet = GalleryEntry(
    "convnet", "loss and gradients of the convnet example: convolutions and pooling",
    settings: [batch, Setting(name: "channels", value: 2, summary: "channels of the first convolution")],
    trace: { sizes in
      let (training, params) = try digits(sizes)
      return try makeProgram(
        name: "convnet.loss", arguments: ["params", "images", "labels"],
        { (p: Params, x: Tensor, y: Tensor) in try training.loss(p, Params().locked(), x, y).0 }, params,
        images(sizes), labels(sizes))
    },
    differentiate: { sizes in
      let (training, params) = try digits(sizes)
      return try makeProgram(
        name: "convnet.grad", arguments: ["params", "images", "labels"],
        { (p: Params, x: Tensor, y: Tensor) in
          try valueAndGrad { (p: Params, x: Tensor, y: Tensor) in
            try training.loss(p, Params().locked(), x, y).0
          }(p, x, y)
        }, params, images(sizes), labels(sizes))
    })
}
