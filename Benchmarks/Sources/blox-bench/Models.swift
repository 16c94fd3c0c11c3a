// The training steps: models written out over dictionaries of parameters, as the peers write them.

import BloxNN

typealias Weights = [String: Tensor]

/// Mean cross-entropy of logits `[…, classes]` and integer labels `[…]`.
func crossEntropy(_ logits: Tensor, _ labels: Tensor) throws -> Tensor {
  try -logSoftmax(logits).takeAlongAxis(labels.expandDims(-1), axis: -1).mean()
}

// ---- Optimizers -----------------------------------------------------------------------------------------------------

/// p ← p - rate * gradient.
func descend(_ weights: Weights, _ gradients: Weights, rate: Double) throws -> Weights {
  try updated(weights) { name, weight in try weight - gradients[name]! * rate }
}

func updated(_ weights: Weights, _ body: (String, Tensor) throws -> Tensor) rethrows -> Weights {
  var result = weights
  for name in weights.keys { result[name] = try body(name, weights[name]!) }
  return result
}

/// The weights with Adam's moments.
struct AdamTraining: TensorTree {
  var weights: Weights
  var mean: Weights
  var squares: Weights
  var time: Tensor

  init(_ weights: Weights) throws {
    self.weights = weights
    mean = try weights.mapValues { try Tensor.zeros(like: $0) }
    squares = try weights.mapValues { try Tensor.zeros(like: $0) }
    time = Tensor(0)
  }

  mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&weights, "weights")
    try visitor.visit(&mean, "mean")
    try visitor.visit(&squares, "squares")
    try visitor.visit(&time, "time")
  }

  func stepped(_ gradients: Weights, rate: Double = 1e-3) throws -> AdamTraining {
    let (decay1, decay2, epsilon) = (0.9, 0.999, 1e-8)
    var result = self
    result.time = try time + 1
    let steps = try result.time.cast(to: .f32)
    let correction1 = try 1 - pow(Tensor(decay1), steps)
    let correction2 = try 1 - pow(Tensor(decay2), steps)
    result.mean = try updated(mean) { name, m in try decay1 * m + (1 - decay1) * gradients[name]! }
    result.squares = try updated(squares) { name, v in
      try decay2 * v + (1 - decay2) * gradients[name]! * gradients[name]!
    }
    result.weights = try updated(weights) { name, weight in
      try weight - rate * (result.mean[name]! / correction1) / (sqrt(result.squares[name]! / correction2) + epsilon)
    }
    return result
  }
}

// ---- Multi-layer perceptrons ----------------------------------------------------------------------------------------

func perceptron(_ p: Weights, _ x: Tensor) throws -> Tensor {
  var h = x
  let layers = p.count / 2
  for layer in 1...layers {
    h = try h.matmul(p["W\(layer)"]!) + p["b\(layer)"]!
    if layer < layers { h = try relu(h) }
  }
  return h
}

func perceptronWeights(_ sizes: [Int], from inputs: inout Inputs) throws -> Weights {
  var weights: Weights = [:]
  for layer in 1..<sizes.count {
    weights["W\(layer)"] = try inputs.weight([sizes[layer - 1], sizes[layer]])
    weights["b\(layer)"] = try Tensor.zeros([sizes[layer]])
  }
  return weights
}

private func perceptronStep(_ name: String, _ sizes: [Int], batch: Int, rate: Double, flops: Double) -> Workload {
  Workload(name: name, flops: flops) {
    var inputs = Inputs()
    let x = try inputs.weyl([batch, sizes[0]])
    let labels = try Inputs.labels(batch, classes: sizes[sizes.count - 1])
    let step = jit(donating: [0]) { (weights: Weights, x: Tensor, labels: Tensor) in
      let loss = valueAndGrad { (weights: Weights, x: Tensor, labels: Tensor) in
        try crossEntropy(perceptron(weights, x), labels)
      }
      let (value, gradients) = try loss(weights, x, labels)
      return (try descend(weights, gradients, rate: rate), value)
    }
    return .training(try perceptronWeights(sizes, from: &inputs), memory: { step.memory }) { try step($0, x, labels) }
  }
}

// ---- Convolutional network ------------------------------------------------------------------------------------------

@Sendable func convolved(_ x: Tensor, _ kernel: Tensor) throws -> Tensor {
  try conv(x, kernel, padding: .same)
}

@Sendable func pooled(_ x: Tensor) throws -> Tensor { try maxPool(x, window: [2, 2]) }

func convolutionalNetwork(_ p: Weights, _ x: Tensor) throws -> Tensor {
  var h = try pooled(relu(convolved(x, p["K1"]!) + p["c1"]!))
  h = try pooled(relu(convolved(h, p["K2"]!) + p["c2"]!))
  h = try relu(h.reshape([h.shape[0], -1]).matmul(p["W1"]!) + p["b1"]!)
  return try h.matmul(p["W2"]!) + p["b2"]!
}

private let convolutionalStep = Workload(name: "cnn_train_step", flops: 1_599_700_992) {
  var inputs = Inputs()
  let x = try inputs.weyl([64, 28, 28, 1])
  let labels = try Inputs.labels(64, classes: 10)
  let weights: Weights = [
    "K1": try inputs.weight([3, 3, 1, 32]), "c1": try .zeros([32]),
    "K2": try inputs.weight([3, 3, 32, 64]), "c2": try .zeros([64]),
    "W1": try inputs.weight([3136, 128]), "b1": try .zeros([128]),
    "W2": try inputs.weight([128, 10]), "b2": try .zeros([10]),
  ]
  let step = jit(donating: [0]) { (state: AdamTraining, x: Tensor, labels: Tensor) in
    let loss = valueAndGrad { (weights: Weights, x: Tensor, labels: Tensor) in
      try crossEntropy(convolutionalNetwork(weights, x), labels)
    }
    let (value, gradients) = try loss(state.weights, x, labels)
    return (try state.stepped(gradients), value)
  }
  return .training(try AdamTraining(weights), memory: { step.memory }) { try step($0, x, labels) }
}

// ---- Recurrent network ----------------------------------------------------------------------------------------------

private let recurrentStep = Workload(name: "lstm_train_step", flops: 4_294_967_296) {
  var inputs = Inputs()
  let x = try inputs.weyl([64, 32, 128])
  let target = try inputs.weyl([64, 32, 256])
  let weights: Weights = [
    "Wx": try inputs.weight([128, 1024]), "Wh": try inputs.weight([256, 1024]), "b": try .zeros([1024]),
  ]
  let step = jit(donating: [0]) { (weights: Weights, x: Tensor, target: Tensor) in
    let loss = valueAndGrad { (weights: Weights, x: Tensor, target: Tensor) in
      let zero = try Tensor.zeros([x.shape[1], 256])
      let (_, outputs) = try scan(Pair(zero, zero), x) { (carry: Pair, x: Tensor) in
        let z = try x.matmul(weights["Wx"]!) + carry.first.matmul(weights["Wh"]!) + weights["b"]!
        let gates = try z.split(4, axis: -1)
        let cell = try sigmoid(gates[1]) * carry.second + sigmoid(gates[0]) * tanh(gates[2])
        let hidden = try sigmoid(gates[3]) * tanh(cell)
        return (Pair(hidden, cell), hidden)
      }
      return try square(outputs - target).mean()
    }
    let (value, gradients) = try loss(weights, x, target)
    return (try descend(weights, gradients, rate: 10), value)
  }
  return .training(weights, memory: { step.memory }) { try step($0, x, target) }
}

/// Two tensors as one tree.
struct Pair: TensorTree {
  var first: Tensor
  var second: Tensor

  init(_ first: Tensor, _ second: Tensor) {
    self.first = first
    self.second = second
  }

  mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&first, "first")
    try visitor.visit(&second, "second")
  }
}

// ---- Transformer ----------------------------------------------------------------------------------------------------

func transformer(_ p: Weights, _ tokens: Tensor) throws -> Tensor {
  let (batch, length) = (tokens.shape[0], tokens.shape[1])
  var h = try p["E"]!.take(tokens, axis: 0) + p["P"]!.slice(0..<length)
  let mask = try Tensor.ones([length, length], dtype: .bool).tril()
  for layer in 0..<4 {
    func weight(_ name: String) -> Tensor { p["L\(layer).\(name)"]! }
    var a = try layerNormalized(h, weight("ln1_scale"), weight("ln1_bias"))
    let qkv = try (a.matmul(weight("Wqkv")) + weight("bqkv")).reshape([batch, length, 3, 8, 32])
    let (q, k, v) = (try qkv[0..., 0..., 0], try qkv[0..., 0..., 1], try qkv[0..., 0..., 2])
    var scores = try einsum("bqhd,bkhd->bhqk", q, k) * (1 / 32.0.squareRoot())
    scores = try softmax(select(mask, scores, -1e30))
    a = try einsum("bhqk,bkhd->bqhd", scores, v).reshape([batch, length, 256])
    h = try h + a.matmul(weight("Wo")) + weight("bo")
    a = try layerNormalized(h, weight("ln2_scale"), weight("ln2_bias"))
    h = try h + geluTanh(a.matmul(weight("W1")) + weight("b1")).matmul(weight("W2")) + weight("b2")
  }
  return try layerNormalized(h, p["lnf_scale"]!, p["lnf_bias"]!).matmul(p["Wout"]!)
}

private func transformerWeights() throws -> Weights {
  var inputs = Inputs()
  // The embeddings are scaled as if their fan-in were the width.
  var weights: Weights = [
    "E": try inputs.weyl([512, 256], scale: 0.0625), "P": try inputs.weyl([128, 256], scale: 0.0625),
  ]
  for layer in 0..<4 {
    func add(_ name: String, _ tensor: Tensor) { weights["L\(layer).\(name)"] = tensor }
    for norm in ["ln1", "ln2"] {
      add("\(norm)_scale", try .ones([256]))
      add("\(norm)_bias", try .zeros([256]))
    }
    for (name, rows, columns) in [("qkv", 256, 768), ("o", 256, 256), ("1", 256, 1024), ("2", 1024, 256)] {
      add("W\(name)", try inputs.weight([rows, columns]))
      add("b\(name)", try .zeros([columns]))
    }
  }
  weights["lnf_scale"] = try .ones([256])
  weights["lnf_bias"] = try .zeros([256])
  weights["Wout"] = try inputs.weight([256, 512])
  return weights
}

private let transformerStep = Workload(name: "transformer_train_step", flops: 21_743_271_936) {
  let tokens = try Inputs.tokens([8, 129], vocabulary: 512)
  let step = jit(donating: [0]) { (state: AdamTraining, tokens: Tensor) in
    let loss = valueAndGrad { (weights: Weights, tokens: Tensor) in
      let logits = try transformer(weights, tokens.slice(0..<128, axis: 1))
      return try crossEntropy(logits, tokens.slice(1..<129, axis: 1))
    }
    let (value, gradients) = try loss(state.weights, tokens)
    return (try state.stepped(gradients), value)
  }
  return .training(try AdamTraining(transformerWeights()), memory: { step.memory }) { try step($0, tokens) }
}

private let transformerForward = Workload(name: "gpt_forward", flops: 905_969_664) {
  let tokens = try Inputs.tokens([1, 128], vocabulary: 512)
  let weights = try transformerWeights()
  let forward = jit(transformer)
  return .function(memory: { forward.memory }) { [try forward(weights, tokens)] }
}

// ---- Per-example gradients ------------------------------------------------------------------------------------------

private let perExampleGradients = Workload(name: "vmap_grad", flops: 2_588_672) {
  var inputs = Inputs()
  let x = try inputs.weyl([256, 64])
  let labels = try Inputs.labels(256, classes: 10)
  let weights = try perceptronWeights([64, 32, 10], from: &inputs)
  let loss = { (weights: Weights, x: Tensor, label: Tensor) in
    try -logSoftmax(perceptron(weights, x)).takeAlongAxis(label.expandDims(0), axis: 0).sum()
  }
  let function = jit(vmap(inAxes: [nil, 0, 0], grad(loss)))
  return .function(memory: { function.memory }) {
    let gradients = try function(weights, x, labels)
    return ["W1", "b1", "W2", "b2"].map { gradients[$0]! }
  }
}

let training = [
  perceptronStep("mlp_train_step", [784, 512, 512, 10], batch: 128, rate: 0.1, flops: 410_779_648),
  perceptronStep("mlp_small_train_step", [64, 32, 10], batch: 32, rate: 0.1, flops: 323_584),
  convolutionalStep, recurrentStep, transformerStep, transformerForward, perExampleGradients,
]

let compilations = [
  "compile_mlp": "mlp_train_step", "compile_lstm": "lstm_train_step", "compile_transformer": "transformer_train_step",
]

/// The whole of a small program: inputs, compilation, one run, their sum.
func coldStart() throws -> Report {
  var inputs = Inputs()
  let x = try inputs.weyl([32, 64])
  let weights = try perceptronWeights([64, 32, 10], from: &inputs)
  let logits = try jit(perceptron)(weights, x)
  var report = Report()
  try addChecksums(of: [logits], to: &report)
  report.add("peak_rss_mb", peakResidentMegabytes())
  return report
}
