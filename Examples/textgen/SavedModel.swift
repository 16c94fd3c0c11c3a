// A model in a file: parameters and the optimizer's state as tensors, and beside them what the model is.

import BloxNN
import Gallery

/// What training needs to go on.
struct TrainingState: TensorTree {
  var params: Params
  var optimizer: OptimizerState<Params>

  mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&params, "params")
    try visitor.visit(&optimizer, "optimizer")
  }
}

/// What a model is, beside its numbers.
struct ModelDescription: Equatable {
  var vocabulary: [Unicode.Scalar]
  var features: Int
  var layers: Int
  var heads: Int
  var context: Int
  /// How many steps it was trained.
  var steps: Int

  var sizes: TextModel.Sizes {
    TextModel.Sizes(characters: vocabulary.count, features: features, layers: layers, heads: heads)
  }

  /// The texts of a file's metadata.
  var metadata: [String: String] {
    var characters = ""
    characters.unicodeScalars.append(contentsOf: vocabulary)
    return [
      "characters": characters, "features": "\(features)", "layers": "\(layers)", "heads": "\(heads)",
      "context": "\(context)", "steps": "\(steps)",
    ]
  }

  init(vocabulary: Vocabulary, features: Int, layers: Int, heads: Int, context: Int, steps: Int) {
    self.vocabulary = vocabulary.characters
    (self.features, self.layers, self.heads) = (features, layers, heads)
    (self.context, self.steps) = (context, steps)
  }

  /// Reads a file's metadata.
  ///
  /// - Throws: ``BloxError/Code/file`` when it is no file of this program.
  init(contentsOf path: String) throws {
    let texts = try TensorFile.metadata(path)
    func integer(_ name: String, _ range: ClosedRange<Int>) throws -> Int {
      guard let value = texts[name].flatMap({ Int($0) }), range.contains(value) else {
        throw BloxError(.file, "\(path) is no model that textgen saved: its metadata has no '\(name)' that could be")
      }
      return value
    }
    vocabulary = (texts["characters"] ?? "").unicodeScalars.map { $0 }
    guard !vocabulary.isEmpty, Set(vocabulary).count == vocabulary.count else {
      throw BloxError(.file, "\(path) is no model that textgen saved: its metadata does not list its characters")
    }
    features = try integer("features", Options.features)
    layers = try integer("layers", Options.layers)
    heads = try integer("heads", Options.heads)
    context = try integer("context", Options.context)
    steps = try integer("steps", Options.steps)
  }
}
