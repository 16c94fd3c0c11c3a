// The transformer of the textgen example in the gallery: a step of training, and a step of writing.

import BloxIR
import BloxNN

extension GalleryEntry {
  private static let textSettings = [
    Setting(name: "features", value: 8, summary: "size of a character's vector"),
    Setting(name: "layers", value: 1, summary: "blocks"),
    Setting(name: "time", value: 4, summary: "characters of a window, and of the cache"),
  ]

  private static func text(_ sizes: [String: Int]) throws -> (TextTraining, Params, OptimizerState<Params>) {
    let training = try TextTraining(
      sizes: TextModel.Sizes(
        characters: 16, features: sizes["features"] ?? 8, layers: sizes["layers"] ?? 1, heads: 2), steps: 100)
    let (params, state) = try training.initialize(seed: 42)
    return (training, params, state)
  }

  static let textgen = GalleryEntry(
    "textgen",
    "the training step of the textgen example: a transformer with rotary positions, clipping, AdamW, a schedule",
    settings: [batch] + textSettings,
    trace: { sizes in
      let (training, params, _) = try text(sizes)
      let (trainable, state) = params.split()
      return try makeProgram(
        name: "textgen.loss", arguments: ["params", "state", "windows"],
        { (p: Params, s: Params, x: Tensor) in try training.loss(p, s, x) }, trainable, state, windows(sizes))
    },
    differentiate: { sizes in
      let (training, params, state) = try text(sizes)
      return try TensorFunction(training.step).makeProgram(
        name: "textgen", arguments: ["params", "optimizer", "windows"], donating: [0, 1], params, state,
        windows(sizes))
    })

  private static func windows(_ sizes: [String: Int]) -> Tensor {
    .abstract(TensorType(.i32, [sizes["batch"] ?? 2, (sizes["time"] ?? 4) + 1]))
  }

  static let textgenDecode = GalleryEntry(
    "textgen.decode", "one more character by the same transformer: the cache of keys and values is updated in place",
    settings: textSettings,
    trace: { sizes in
      let (training, params, _) = try text(sizes)
      let decode = TensorFunction { (params: Params, cache: TextCache, length: Tensor, read: Tensor, key: Key) in
        try training.decode(params, cache, length: length, read, key, temperature: 0.8)
      }
      return try decode.makeProgram(
        name: "textgen.decode", arguments: ["params", "cache", "length", "character", "key"], donating: [1],
        params.split().0, try training.initialCache(capacity: sizes["time"] ?? 4), Tensor.abstract(TensorType(.i32, [])),
        Tensor.abstract(TensorType(.i32, [1, 1])), Key(0))
    })
}
