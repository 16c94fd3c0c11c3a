// The model and training step of the digits example, which the gallery also shows stage by stage.

import BloxNN

/// A multilayer perceptron with dropout: 64 → hidden → 10.
public final class DigitsClassifier: Module {
  /// The hidden layer.
  public let hidden: Linear
  /// Dropout after the hidden layer.
  public let dropout: Dropout
  /// The output layer.
  public let output: Linear

  /// Makes the model under a graph node.
  public init(_ graph: Graph, hiddenSize: Int, classes: Int = 10, dropoutRate: Double, rng: Rng) throws {
    hidden = try Linear(graph.child("hidden"), outputSize: hiddenSize, rng: rng, kernelInitializer: .heNormal)
    dropout = try Dropout(graph.child("dropout"), rate: dropoutRate, rng: rng)
    output = try Linear(graph.child("output"), outputSize: classes, rng: rng)
    try super.init(graph)
  }

  /// Maps images `[batch, 64]` to logits `[batch, classes]`.
  public func callAsFunction(
    _ params: Params, _ images: Tensor, isTraining: Bool
  ) throws -> (Tensor, Params) {
    try scoped {
      var (x, params) = (images, params)
      (x, params) = try hidden(params, x)
      x = try relu(x)
      (x, params) = try dropout(params, x, isTraining: isTraining)
      return try output(params, x)
    }
  }
}

/// A model with its optimizer: what the digits example trains.
public struct DigitsTraining {
  /// The random source of the model.
  public let rng: Rng
  /// The model.
  public let model: DigitsClassifier
  /// The optimizer.
  public let optimizer: Adam
  private let graph: Graph

  /// Makes the model and the optimizer.
  public init(hiddenSize: Int = 128, dropoutRate: Double = 0.1, learningRate: Double = 1e-3) throws {
    graph = try Graph("net")
    rng = try Rng(graph.child("rng"))
    model = try DigitsClassifier(graph.child("mlp"), hiddenSize: hiddenSize, dropoutRate: dropoutRate, rng: rng)
    optimizer = Adam(learningRate: learningRate)
  }

  /// Parameters for a seed, locked, and the optimizer's first state.
  public func initialize(seed: Int) throws -> (Params, OptimizerState<Params>) {
    let (_, params) = try model(rng.seed(Params(), seed: seed), Tensor.zeros([1, 64]), isTraining: false)
    let locked = params.locked()
    return (locked, try optimizer.initialize(locked.split().0))
  }

  /// The mean cross-entropy of a batch, and the state that the forward pass advanced.
  public func loss(
    _ trainable: Params, _ state: Params, _ images: Tensor, _ labels: Tensor
  ) throws -> (Tensor, Params) {
    let (logits, params) = try model(trainable.merge(state), images, isTraining: true)
    return (try softmaxCrossEntropy(logits, classes: labels).mean(), params.split().1)
  }

  /// One step: split, value and gradient, Adam, merge.
  public func step(
    _ params: Params, _ optimizerState: OptimizerState<Params>, _ images: Tensor, _ labels: Tensor
  ) throws -> (Params, OptimizerState<Params>, Tensor) {
    try trainingStep(params, optimizerState, optimizer) { try loss($0, $1, images, labels) }
  }

  /// The share of right answers on a batch, without dropout.
  public func accuracy(_ params: Params, _ images: Tensor, _ labels: Tensor) throws -> Tensor {
    let (logits, _) = try model(params, images, isTraining: false)
    return try BloxNN.accuracy(logits, classes: labels)
  }
}
