// A recurrence for tests: trees everywhere, and parameters that change in each step.

import BloxNN

/// A recurrence with trees everywhere, whose parameters change in each step: a normalized sum with dropout.
final class Mixer: Module, Recurrence {
  struct Pair: TensorTree {
    var a: Tensor
    var b: Tensor
    mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
      try visitor.visit(&a, "a")
      try visitor.visit(&b, "b")
    }
  }
  typealias Reset = [Tensor]

  var isStatic = false
  let norm: BatchNorm
  let dropout: Dropout

  init(_ graph: Graph, rng: Rng) throws {
    norm = try BatchNorm(graph.child("norm"))
    dropout = try Dropout(graph.child("dropout"), rate: 0.5, rng: rng)
    try super.init(graph)
  }

  func initialState(_ params: Params, _ inputs: Pair) throws -> ([Tensor], Params) {
    ([try Tensor.zeros([inputs.a.shape[0]]), try Tensor.full([inputs.a.shape[0], 2], 7)], params)
  }

  func callAsFunction(
    _ params: Params, _ inputs: Pair, _ state: [Tensor], isReset: [Tensor]?, isTraining: Bool
  ) throws -> (Pair, [Tensor], Params) {
    let state = try maybeResetState(params, state, inputs, isReset: isReset)
    let (x, normed) = try norm(params, inputs.a, isTraining: isTraining)
    let (y, after) = try dropout(normed, x, isTraining: isTraining)
    let next = [try state[0] + inputs.b, try state[1] + inputs.a]
    return (Pair(a: y, b: next[0]), next, after)
  }
}
