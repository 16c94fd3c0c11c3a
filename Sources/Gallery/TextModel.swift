// The model and training step of the textgen example: a transformer over characters.

import BloxNN

/// A causal transformer that predicts the next character of a text.
///
/// Vectors of characters, blocks of attention with rotary positions, a norm, and the products with the same vectors as
/// scores: `i32[batch, time]` → `f32[batch, time, characters]`.
public final class TextModel: Module {
  /// How large a model is.
  public struct Sizes: Sendable, Hashable {
    /// The number of different characters.
    public var characters: Int
    /// The size of a character's vector.
    public var features: Int
    /// The number of blocks.
    public var layers: Int
    /// The number of heads of each block's attention.
    public var heads: Int

    /// Makes sizes.
    public init(characters: Int, features: Int, layers: Int, heads: Int) {
      self.characters = characters
      self.features = features
      self.layers = layers
      self.heads = heads
    }
  }

  /// The vectors of characters.
  public let embed: Embed
  /// What is applied to the vectors while training; `nil` for a rate of 0.
  public let dropout: Dropout?
  /// The blocks in order.
  public let blocks: [TransformerBlock]
  /// The norm after the blocks.
  public let norm: RMSNorm

  /// Makes the model under a graph node.
  public init(_ graph: Graph, _ sizes: Sizes, dropoutRate: Double, rng: Rng) throws {
    embed = try Embed(graph.child("embed"), count: sizes.characters, size: sizes.features, rng: rng)
    dropout = dropoutRate > 0 ? try Dropout(graph.child("dropout"), rate: dropoutRate, rng: rng) : nil
    blocks = try (0..<sizes.layers).map { index in
      try TransformerBlock(
        graph.child("block\(index)"), features: sizes.features, headCount: sizes.heads, norm: .rmsNorm,
        isCausal: true, rotaryBase: 10_000, useBias: false, dropoutRate: dropoutRate, rng: rng)
    }
    norm = try RMSNorm(graph.child("norm"))
    try super.init(graph)
  }

  /// Maps characters `[batch, time]` to scores of the character after each, `[batch, time, characters]`.
  public func callAsFunction(_ params: Params, _ characters: Tensor, isTraining: Bool) throws -> (Tensor, Params) {
    try scoped {
      var (x, params) = try embed(params, characters)
      if let dropout { (x, params) = try dropout(params, x, isTraining: isTraining) }
      for block in blocks { (x, params) = try block(params, x, isTraining: isTraining) }
      (x, params) = try norm(params, x)
      return try embed.attend(params, x)
    }
  }

  /// Maps the next characters `[batch, time]` to scores, with a cache per block of all that came before.
  public func callAsFunction(
    _ params: Params, _ characters: Tensor, caches: [KeyValueCache]
  ) throws -> (Tensor, [KeyValueCache]) {
    try scoped {
      var (x, params) = try embed(params, characters)
      var next = caches
      for (index, block) in blocks.enumerated() {
        (x, next[index], params) = try block(params, x, cache: caches[index])
      }
      (x, params) = try norm(params, x)
      return (try embed.attend(params, x).0, next)
    }
  }
}

/// A text model with its optimizer: what the textgen example trains and then writes with.
public struct TextTraining {
  /// The random source of the model.
  public let rng: Rng
  /// The model.
  public let model: TextModel
  /// AdamW after clipping, with a warm-up and half a cosine.
  public let optimizer: Chain
  private let graph: Graph

  /// Makes the model and the optimizer.
  ///
  /// - Parameters:
  ///   - learningRate: The largest one, after the first `steps / 10`; it ends at a tenth.
  ///   - steps: The number of steps to train.
  public init(sizes: TextModel.Sizes, dropoutRate: Double = 0, learningRate: Double = 3e-3, steps: Int) throws {
    graph = try Graph("text")
    rng = try Rng(graph.child("rng"))
    model = try TextModel(graph.child("model"), sizes, dropoutRate: dropoutRate, rng: rng)
    let rate = try Schedule.warmupCosine(
      peak: learningRate, warmup: max(1, steps / 10), steps: max(2, steps), end: learningRate / 10)
    optimizer = chain(
      ClipByGlobalNorm(1), AdamW(learningRate: rate, beta2: 0.99, weightDecay: 0.1) { _, tensor in tensor.rank > 1 })
  }

  /// Parameters for a seed, locked, and the optimizer's first state.
  public func initialize(seed: Int) throws -> (Params, OptimizerState<Params>) {
    let (_, params) = try model(rng.seed(Params(), seed: seed), Tensor.zeros([1, 1], dtype: .i32), isTraining: false)
    let locked = params.locked()
    return (locked, try optimizer.initialize(locked.split().0))
  }

  /// The mean cross-entropy of each window's characters but the first, given those before, and the state that the
  /// forward pass advanced.
  ///
  /// - Parameter windows: `i32[batch, time + 1]`.
  public func loss(
    _ trainable: Params, _ state: Params, _ windows: Tensor, isTraining: Bool = true
  ) throws -> (Tensor, Params) {
    let last = windows.shape[1] - 1
    let (scores, params) = try model(
      trainable.merge(state), windows.slice(0..<last, axis: 1), isTraining: isTraining)
    let targets = try windows.slice(1..<last + 1, axis: 1)
    return (try softmaxCrossEntropy(scores, classes: targets).mean(), params.split().1)
  }

  /// One step on windows of the text.
  public func step(
    _ params: Params, _ optimizerState: OptimizerState<Params>, _ windows: Tensor
  ) throws -> (Params, OptimizerState<Params>, Tensor) {
    try trainingStep(params, optimizerState, optimizer) { try loss($0, $1, windows) }
  }

  /// The loss without dropout.
  public func evaluate(_ params: Params, _ windows: Tensor) throws -> Tensor {
    let (trainable, state) = params.split()
    return try loss(trainable, state, windows, isTraining: false).0
  }

  /// An empty cache for a text of some length.
  public func initialCache(capacity: Int) throws -> TextCache {
    let caches = try model.blocks.map { try $0.attention.initialCache(batch: 1, capacity: capacity) }
    return TextCache(keys: caches.map(\.keys), values: caches.map(\.values))
  }

  /// Reads characters `[1, time]` that follow those in a cache, and draws the one after them.
  ///
  /// - Parameters:
  ///   - length: How many characters the cache holds, `i32[]`.
  ///   - temperature: What scores are divided by; the lower, the likelier what is drawn. 0 takes the likeliest.
  /// - Returns: The character, `i32[1, 1]`, and the cache with what was read.
  public func decode(
    _ params: Params, _ cache: TextCache, length: Tensor, _ characters: Tensor, _ key: Key, temperature: Double
  ) throws -> (Tensor, TextCache) {
    let caches = zip(cache.keys, cache.values).map { KeyValueCache(keys: $0, values: $1, length: length) }
    let (scores, next) = try model(params, characters, caches: caches)
    let last = try scores.at(characters.shape[1] - 1, axis: 1)
    let drawn = temperature > 0 ? try key.categorical(last / temperature) : try last.argmax(-1)
    let read = TextCache(keys: next.map(\.keys), values: next.map(\.values))
    return (try drawn.cast(to: .i32).reshape([1, 1]), read)
  }
}

/// The keys and values of all blocks. All hold equally many characters, and who writes knows how many, so that no length
/// has to be carried along.
public struct TextCache: TensorTree, Sendable {
  /// The keys of each block, `[1, capacity, heads, size]`.
  public var keys: [Tensor]
  /// The values of each block, as ``keys``.
  public var values: [Tensor]

  /// Visits keys and values.
  public mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&keys, "keys")
    try visitor.visit(&values, "values")
  }
}
