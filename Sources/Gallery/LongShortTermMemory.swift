// An LSTM layer over a sequence: what the gradient of a larger cell keeps of each step.

import BloxIR
import BloxNN

extension GalleryEntry {
  static let lstm = GalleryEntry(
    "lstm", "an LSTM layer over 64 steps, and the gradients of its weights",
    settings: [
      Setting(name: "steps", value: 64, summary: "steps of the sequence"),
      Setting(name: "batch", value: 2, summary: "sequences per batch"),
      Setting(name: "hidden", value: 8, summary: "features of the state"),
    ],
    trace: { sizes in
      let model = try SequenceModel(sizes)
      return try makeProgram(
        name: "lstm.loss", arguments: ["params", "sequence", "target"], model.loss, model.params, model.sequence,
        model.target)
    },
    differentiate: { sizes in
      let model = try SequenceModel(sizes)
      return try makeProgram(
        name: "lstm.grad", arguments: ["params", "sequence", "target"],
        { (params: Params, sequence: Tensor, target: Tensor) in
          try valueAndGrad(model.loss)(params, sequence, target)
        }, model.params, model.sequence, model.target)
    })
}

/// The layer, and what it is traced with.
private struct SequenceModel {
  private let graph: Graph
  private let lstm: LSTM
  let params: Params
  let sequence: Tensor
  let target: Tensor

  init(_ sizes: [String: Int]) throws {
    let (steps, batch, hidden) = (sizes["steps"] ?? 64, sizes["batch"] ?? 2, sizes["hidden"] ?? 8)
    graph = try Graph("net")
    lstm = try LSTM(graph.child("lstm"), hiddenSize: hidden)
    let gates = lstm.gates
    params = try Params()
      .setting(gates.paramPath("kernel"), to: Param(Tensor.zeros([3 + hidden, gates.outputSize])))
      .setting(gates.paramPath("bias"), to: Param(Tensor.zeros([gates.outputSize])))
      .locked()
    sequence = .abstract(TensorType(.f32, [batch, steps, 3]))
    target = .abstract(TensorType(.f32, [batch, steps, hidden]))
  }

  /// The mean square of what the outputs lack of the target.
  func loss(_ params: Params, _ sequence: Tensor, _ target: Tensor) throws -> Tensor {
    try square(lstm.apply(params, sequence).0 - target).mean()
  }
}
