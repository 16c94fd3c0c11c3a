// Embeddings.

import BloxTrace

/// A vector for each of a number of things, such as the characters of an alphabet.
///
/// Parameter: `embedding [count, size]`, which draws one key if there is an rng.
///
/// ```swift
/// let embed = try Embed(graph.child("embed"), count: 256, size: 64, rng: rng)
/// let (vectors, params) = try embed(params, text)                 // i32[batch, time] to f32[batch, time, 64]
/// let (logits, params) = try embed.attend(params, outputs)        // the same vectors as an output layer
/// ```
public final class Embed: Module, Layer {
  /// The number of vectors.
  public let count: Int
  /// The size of each vector.
  public let size: Int
  /// What creates parameters.
  public let rng: Rng?
  /// What creates the vectors.
  public let embeddingInitializer: Initializer
  /// Tags of the vectors.
  public let embeddingMetadata: [String: MetadataValue]

  /// Makes a layer.
  ///
  /// - Throws: ``BloxError/Code/invalidShape`` for a negative number or size.
  public init(
    _ graph: Graph, count: Int, size: Int, rng: Rng? = nil,
    embeddingInitializer: Initializer = .varianceScaling(scale: 1, fan: .in, .normal, outAxis: 0),
    embeddingMetadata: [String: MetadataValue] = [:]
  ) throws {
    self.count = count
    self.size = size
    self.rng = rng
    self.embeddingInitializer = embeddingInitializer
    self.embeddingMetadata = embeddingMetadata
    try super.init(graph)
    guard count >= 0, size >= 0 else {
      throw BloxError(.invalidShape, "Embed '\(path)': \(count) vectors of size \(size) cannot be")
    }
  }

  /// The vectors of indices, `[…]` to `[…, size]`.
  ///
  /// As in JAX, negative indices count from the end, and those beyond both ends are the first and the last one.
  ///
  /// - Throws: ``BloxError/Code/dtypeMismatch`` for indices that are no integers.
  public func callAsFunction(_ params: Params, _ indices: Tensor) throws -> (Tensor, Params) {
    try scoped {
      guard indices.dtype.isInteger else {
        throw BloxError(.dtypeMismatch, "Embed '\(path)': indices must be integers; got \(indices.type)")
      }
      let (embedding, params) = try vectors(params)
      return (try embedding[indices], params)
    }
  }

  /// The products of inputs with all vectors, `[…, size]` to `[…, count]`: an output layer that shares them.
  ///
  /// - Throws: ``BloxError/Code/scalarInput``, ``BloxError/Code/shapeMismatch`` for inputs of another size.
  public func attend(_ params: Params, _ inputs: Tensor) throws -> (Tensor, Params) {
    try scoped {
      guard let inputSize = inputs.shape.last else {
        throw BloxError(.scalarInput, "Embed '\(path)': input must not be scalar; got \(inputs.type)")
      }
      let (embedding, params) = try vectors(params)
      guard embedding.rank == 2, embedding.shape[1] == inputSize else {
        throw BloxError(
          .shapeMismatch,
          "Embed '\(path)': the vectors are \(embedding.type), but inputs of type \(inputs.type) need [\(count),\(inputSize)]"
        )
      }
      return (try inputs.matmul(embedding.transpose()), params)
    }
  }

  private func vectors(_ params: Params) throws -> (Tensor, Params) {
    try getParam(
      params, "embedding", shape: [count, size], initializer: embeddingInitializer, metadata: embeddingMetadata,
      rng: rng)
  }
}
