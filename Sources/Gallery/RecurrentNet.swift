// A recurrent net over a sequence: a scan, and what its gradient keeps of each step.

import BloxIR
import BloxNN

extension GalleryEntry {
  static let rnn = GalleryEntry(
    "rnn", "a tanh recurrent net over 64 steps, as a scan, and the gradients of its weights",
    settings: [
      Setting(name: "steps", value: 64, summary: "steps of the sequence"),
      Setting(name: "batch", value: 2, summary: "sequences per batch"),
      Setting(name: "hidden", value: 8, summary: "features of the state"),
    ],
    trace: { sizes in
      let inputs = recurrentInputs(sizes)
      return try makeProgram(
        name: "rnn.loss", arguments: ["weights", "sequence", "target"], recurrentLoss, inputs.weights, inputs.sequence,
        inputs.target)
    },
    differentiate: { sizes in
      let inputs = recurrentInputs(sizes)
      return try makeProgram(
        name: "rnn.grad", arguments: ["weights", "sequence", "target"],
        { (weights: [String: Tensor], sequence: Tensor, target: Tensor) in
          try valueAndGrad(recurrentLoss)(weights, sequence, target)
        }, inputs.weights, inputs.sequence, inputs.target)
    })

  private static func recurrentInputs(
    _ sizes: [String: Int]
  ) -> (weights: [String: Tensor], sequence: Tensor, target: Tensor) {
    let (steps, batch, hidden) = (sizes["steps"] ?? 64, sizes["batch"] ?? 2, sizes["hidden"] ?? 8)
    func tensor(_ shape: Int...) -> Tensor { .abstract(TensorType(.f32, shape)) }
    return (
      ["bias": tensor(hidden), "input": tensor(3, hidden), "state": tensor(hidden, hidden)], tensor(steps, batch, 3),
      tensor(steps, batch, hidden)
    )
  }

  /// The mean square of what all states lack of the target.
  @Sendable private static func recurrentLoss(
    _ weights: [String: Tensor], _ sequence: Tensor, _ target: Tensor
  ) throws -> Tensor {
    guard let bias = weights["bias"], let input = weights["input"], let state = weights["state"] else {
      throw BloxError(.structureMismatch, "rnn: the weights are bias, input and state")
    }
    let start = try Tensor.zeros([sequence.shape[1], bias.count])
    let (_, states) = try scan(start, sequence) { (h: Tensor, x: Tensor) in
      let next = try tanh(x.matmul(input) + h.matmul(state) + bias)
      return (next, next)
    }
    return try square(states - target).mean()
  }
}
