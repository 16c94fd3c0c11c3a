// Writing a text, character by character, with a cache of what was written.

import BloxNN
import Gallery

/// Draws one character after another. Each step reads only the character before it: keys and values of all earlier ones
/// are in the cache, whose memory the compiled step writes in place.
struct Writer {
  private let training: TextTraining
  private let params: Params
  private let key: Key
  private let context: Int
  private let decode: TensorFunction<(Tensor, TextCache), Params, TextCache, Tensor, Tensor, Key>
  private var cache: TextCache
  /// How many characters the cache holds.
  private var cached = 0
  /// Everything so far, of which the end is not in the cache yet.
  private var characters: [Int32]
  private var unread: Int

  /// Begins after a prompt.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` without a character to begin with.
  init(_ training: TextTraining, _ params: Params, prompt: [Int32], context: Int, temperature: Double, key: Key) throws
  {
    guard !prompt.isEmpty else { throw BloxError(.invalidArgument, "the prompt is empty; give one character or more") }
    (self.training, self.params, self.key, self.context) = (training, params, key, context)
    decode = jit(name: "decode", donating: [1]) {
      (params: Params, cache: TextCache, length: Tensor, read: Tensor, key: Key) in
      try training.decode(params, cache, length: length, read, key, temperature: temperature)
    }
    cache = try training.initialCache(capacity: context)
    characters = prompt
    unread = prompt.count
  }

  /// The next character.
  mutating func next() throws -> Int32 {
    if cached + unread > context {
      // The cache is full: the text goes on from its last half window, read anew, as attention knows distances only.
      cache = try training.initialCache(capacity: context)
      (cached, unread) = (0, min(characters.count, max(1, context / 2)))
    }
    let read = try Tensor(shape: [1, unread], scalars: Array(characters.suffix(unread)))
    let drawn: Tensor
    (drawn, cache) = try decode(params, cache, Tensor(cached), read, key.foldIn(characters.count))
    (cached, unread) = (cached + unread, 1)
    let character = Int32(try drawn.item())
    characters.append(character)
    return character
  }
}
