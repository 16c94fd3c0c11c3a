// The embeddings of the reference cases.

import BloxNN
import TestSupport

extension BloxModel {
  /// The model of a case of embeddings; `nil` for what is none.
  init?(embed testCase: ConformanceCase) throws {
    guard testCase.op == "Embed" else { return nil }
    try self.init { graph, rng -> Call in
      let embed = try Embed(graph.child("layer"), count: 7, size: 4, rng: rng)
      return { params, x in
        if testCase.name == "Embed/attend" {
          let (logits, params) = try embed.attend(params, x[0])
          return ([logits], params)
        }
        let (vectors, created) = try embed(params, x[0])
        guard testCase.name == "Embed/tied" else { return ([vectors], created) }
        let (logits, params) = try embed.attend(created, tanh(vectors))
        return ([logits], params)
      }
    }
  }
}
