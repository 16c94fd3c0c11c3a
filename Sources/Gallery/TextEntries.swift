// The transformer of the textgen example in the gallery: its gradients, and a step of writing.

import BloxIR
import BloxNN

extension GalleryEntry {
  private static let textSettings = [
    Setting(name: "features", value: 8, summary: "size of a character's vector"),
    Setting(name: "layers", value: 1, summary: "blocks"),
    Setting(name: "time", value: 4, summary: "characters of a window, and of the cache"),
  ]

  /// A small model, and what of it is trained.
  private static func text(_ sizes: [String: Int]) throws -> (TextTraining, Params) {
    let training = try TextTraining(
      sizes: TextModel.Sizes(
        characters: 16, features: sizes["features"] ?? 8, layers: sizes["layers"] ?? 1, heads: 2), steps: 100)
    return (training, try training.initialize(seed: 42).0.split().0)
  }

  static let textgen = GalleryEntry(
    "textgen", "loss and gradients of the textgen example: a transformer with causal attention and rotary positions",
    settings: [batch] + textSettings,
    trace: { sizes in
      let (training, params) = try text(sizes)
      return try makeProgram(
        name: "textgen.loss", arguments: ["params", "windows"],
        { (p: Params, x: Tensor) in try training.loss(p, Params().locked(), x).0 }, params, windows(sizes))
    },
    differentiate: { sizes in
      let (training, params) = try text(sizes)
      return try makeProgram(
        name: "textgen.grad", arguments: ["params", "windows"],
        { (p: Params, x: Tensor) in
          try valueAndGrad { (p: Params, x: Tensor) in try training.loss(p, Params().locked(), x).0 }(p, x)
        }, params, windows(sizes))
    })

  private static func windows(_ sizes: [String: Int]) -> Tensor {
    .abstract(TensorType(.i32, [sizes["batch"] ?? 2, (sizes["time"] ?? 4) + 1]))
  }

  static let textgenDecode = GalleryEntry(
    "textgen.decode", "one more character by the same transformer: the cache of keys and values is updated in place",
    settings: textSettings,
    trace: { sizes in
      let (training, params) = try text(sizes)
      let decode = TensorFunction { (params: Params, cache: TextCache, length: Tensor, read: Tensor, key: Key) in
        try training.decode(params, cache, length: length, read, key, temperature: 0.8)
      }
      return try decode.makeProgram(
        name: "textgen.decode", arguments: ["params", "cache", "length", "character", "key"], donating: [1],
        params, try training.initialCache(capacity: sizes["time"] ?? 4), Tensor.abstract(TensorType(.i32, [])),
        Tensor.abstract(TensorType(.i32, [1, 1])), Key(0))
    })
}
