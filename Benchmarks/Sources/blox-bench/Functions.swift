// Workloads of single functions: products, elementwise chains, rows, reductions, convolutions, random numbers.

import BloxNN

private func compiled(_ body: @escaping @Sendable (Tensor) throws -> Tensor, _ x: Tensor) -> Case {
  let function = jit(body)
  return .function(memory: { function.memory }) { [try function(x)] }
}

private func compiled(_ body: @escaping @Sendable (Tensor, Tensor) throws -> Tensor, _ x: Tensor, _ y: Tensor) -> Case {
  let function = jit(body)
  return .function(memory: { function.memory }) { [try function(x, y)] }
}

private func product(_ name: String, _ a: [Int], _ b: [Int]) -> Workload {
  let sizes = (a.reduce(1, *), b.reduce(1, *))
  let columns = b[b.count - 1]
  let results = sizes.0 / a[a.count - 1] * columns
  return Workload(name: name, flops: 2 * Double(sizes.0 * columns), bytes: 4 * Double(sizes.0 + sizes.1 + results)) {
    var inputs = Inputs()
    return compiled({ try $0.matmul($1) }, try inputs.weyl(a), try inputs.weyl(b))
  }
}

let matrixProducts =
  [128, 256, 512, 1024, 2048].map { product("matmul_\($0)", [$0, $0], [$0, $0]) } + [
    product("matmul_skinny", [64, 4096], [4096, 4096]), product("matvec", [1, 4096], [4096, 4096]),
    product("matmul_batched", [32, 128, 64], [32, 64, 128]),
  ]

private func unary(
  _ name: String, _ shape: [Int], scale: Float = 1, shift: Float = 0, bytes: Int,
  _ body: @escaping @Sendable (Tensor) throws -> Tensor
) -> Workload {
  Workload(name: name, bytes: Double(bytes)) {
    var inputs = Inputs()
    return compiled(body, try inputs.weyl(shape, scale: scale, shift: shift))
  }
}

@Sendable private func chain(_ x: Tensor) throws -> Tensor { try tanh(x * 1.5 + 0.25) * sigmoid(x) + exp(-x * x) }

@Sendable func geluTanh(_ x: Tensor) throws -> Tensor {
  try 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))
}

let elementwise = [
  unary("elementwise_chain_1e4", [10_000], scale: 8, bytes: 80_000, chain),
  unary("elementwise_chain_1e6", [1_000_000], scale: 8, bytes: 8_000_000, chain),
  unary("elementwise_chain_1.6e7", [16_000_000], scale: 8, bytes: 128_000_000, chain),
  unary("gelu_1.6e7", [16_000_000], scale: 8, bytes: 128_000_000, geluTanh),
]

@Sendable func layerNormalized(_ x: Tensor, _ scale: Tensor, _ bias: Tensor) throws -> Tensor {
  let mean = try x.mean([-1], keepDimensions: true)
  let variance = try square(x - mean).mean([-1], keepDimensions: true)
  return try (x - mean) * rsqrt(variance + 1e-5) * scale + bias
}

let rowwise = [
  unary("softmax", [4096, 1024], scale: 8, bytes: 33_554_432) { try softmax($0) },
  Workload(name: "layernorm", bytes: 33_554_432) {
    var inputs = Inputs()
    let x = try inputs.weyl([4096, 1024])
    let scale = try inputs.weyl([1024], shift: 1)
    let bias = try inputs.weyl([1024])
    let function = jit(layerNormalized)
    return .function(memory: { function.memory }) { [try function(x, scale, bias)] }
  },
  unary("sum_axis0", [4096, 4096], shift: 0.5, bytes: 67_108_864) { try $0.sum([0]) },
  unary("sum_axis1", [4096, 4096], shift: 0.5, bytes: 67_108_864) { try $0.sum([1]) },
  unary("transpose", [4096, 4096], bytes: 134_217_728) { try $0.transpose() },
]

let random = [
  Workload(name: "random_bits", bytes: 64_000_000) {
    let function = jit { (key: Key) in try key.bits([16_000_000]) }
    let key = Key(42)
    return .function(memory: { function.memory }) { [try function(key)] }
  },
  Workload(name: "random_normal", bytes: 64_000_000) {
    let function = jit { (key: Key) in try key.normal([16_000_000]) }
    let key = Key(42)
    return .function(memory: { function.memory }) { [try function(key)] }
  },
]

// ---- Dispatch -------------------------------------------------------------------------------------------------------

@Sendable private func wave(_ x: Tensor) throws -> Tensor { try (sin(x) * x).sum() }

let dispatch = [
  Workload(name: "dispatch_scalar") {
    var inputs = Inputs(startingAt: 7)
    return compiled({ try $0 + 1 }, try inputs.weyl([], shift: 0.5))
  },
  Workload(name: "dispatch_8") {
    var inputs = Inputs()
    return compiled({ try $0 + 1 }, try inputs.weyl([8]))
  },
  Workload(name: "dispatch_chain_8", callsPerSample: 1000) {
    var inputs = Inputs()
    let start = try inputs.weyl([8])
    let function = jit { (x: Tensor) in try x * 0.999 + 0.001 }
    return .function(memory: { function.memory }) {
      var x = start
      for _ in 0..<1000 { x = try function(x) }
      return [x]
    }
  },
  Workload(name: "dispatch_grad") {
    var inputs = Inputs()
    let x = try inputs.weyl([8])
    let function = jit(grad(wave))
    return .function(memory: { function.memory }) { [try function(x)] }
  },
  Workload(name: "grad_uncompiled") {
    var inputs = Inputs()
    let x = try inputs.weyl([8])
    let function = grad(wave)
    return .function { [try function(x)] }
  },
]
