// Attention layers, rotary embeddings, caches, transformer blocks and adapters.

import BloxNN
import Testing

@Suite("Attention")
struct AttentionTests {
  private let graph: Graph
  private let rng: Rng
  private let params: Params

  init() throws {
    graph = try Graph("net")
    rng = try Rng(graph.child("rng"))
    params = try rng.seed(Params(), seed: 42)
  }

  private func distance(_ a: Tensor, _ b: Tensor) throws -> Double {
    guard a.type == b.type else { return .infinity }
    return try abs(a - b).max().item()
  }

  @Test("Rotary embeddings keep lengths, and products depend on distances alone") func rotary() throws {
    let x = try Key(0).normal([2, 6, 3, 8])
    let y = try rotaryEmbedding(x)
    #expect(try distance(square(y).sum([-1]), square(x).sum([-1])) < 1e-4)
    #expect(try distance(y.slice(0..<1, axis: 1), x.slice(0..<1, axis: 1)) == 0)
    let (q, k) = (try Key(1).normal([1, 1, 8]), try Key(2).normal([1, 1, 8]))
    func product(_ a: Double, _ b: Double) throws -> Double {
      try (rotaryEmbedding(q, positions: Tensor([a])) * rotaryEmbedding(k, positions: Tensor([b]))).sum().item()
    }
    #expect(try Swift.abs(product(7, 3) - product(104, 100)) < 1e-4)
    #expect(try Swift.abs(product(7, 3) - product(7, 4)) > 1e-3)
    // One pair, by hand: a turn by one radian.
    let turned = try rotaryEmbedding(Tensor([[[1, 0]]]), positions: Tensor([1.0])).scalars(as: Double.self)
    #expect(Swift.abs(turned[0] - 0.5403023) < 1e-6 && Swift.abs(turned[1] - 0.8414710) < 1e-6)
    #expect(try rotaryEmbedding(x.cast(to: .bf16), base: 500_000).dtype == .bf16)
    // Positions per sequence.
    let shifted = try rotaryEmbedding(x, positions: Tensor.arange(6).expandDims(0).broadcast(to: [2, 6]))
    #expect(try distance(shifted, y) == 0)
    #expect(try thrown { try rotaryEmbedding(Tensor.ones([2, 3, 5])) }.code == .shapeMismatch)
    #expect(try thrown { try rotaryEmbedding(x, positions: Tensor.arange(5)) }.code == .shapeMismatch)
  }

  @Test("Multi-head attention is dotProductAttention between projections", arguments: [4, 2, 1])
  func layer(keyHeads: Int) throws {
    let layer = try MultiHeadAttention(
      graph.child("attention"), features: 12, headCount: 4, keyValueHeadCount: keyHeads, isCausal: true,
      useBias: true, rng: rng)
    let x = try Key(1).normal([2, 5, 12])
    let (y, created) = try layer(params, x)
    #expect(
      created.split().0.keys.map(\.description)
        == ["query", "key", "value", "output"].flatMap { ["net/attention/\($0)/kernel", "net/attention/\($0)/bias"] })
    #expect(try created["net/attention/key/kernel"].value.shape == [12, 3 * keyHeads])
    func project(_ name: String, _ heads: Int) throws -> Tensor {
      try x.matmul(created[ParamPath(["net", "attention", name, "kernel"])].value).reshape([2, 5, heads, 3])
    }
    let want = try dotProductAttention(
      project("query", 4), project("key", keyHeads), project("value", keyHeads), isCausal: true)
    #expect(try distance(y, want.reshape([2, 5, 12]).matmul(created["net/attention/output/kernel"].value)) < 1e-5)
    // A sequence without a batch, and a later step that does not matter to earlier ones.
    #expect(try distance(layer(created, x.at(0)).0, y.at(0)) < 1e-5)
    let changed = try concatenate([x.slice(0..<4, axis: 1), x.slice(4..<5, axis: 1) * 3], axis: 1)
    let (z, _) = try layer(created, changed)
    #expect(try distance(z.slice(0..<4, axis: 1), y.slice(0..<4, axis: 1)) < 1e-6)
    #expect(try distance(z, y) > 1e-2)
  }

  @Test("Attention to a context sees its real steps only") func context() throws {
    let layer = try MultiHeadAttention(graph.child("cross"), features: 8, headCount: 2, headSize: 5, rng: rng)
    let (x, context) = (try Key(1).normal([2, 3, 8]), try Key(2).normal([2, 6, 8]))
    let (_, created) = try layer(params, x, context: context)
    let lengths = try Tensor([4.0, 4], dtype: .i32)
    let (y, _) = try layer(created, x, context: context, keyLengths: lengths)
    #expect(try distance(y, layer(created, x, context: context.slice(0..<4, axis: 1)).0) < 1e-5)
    let mask = try Tensor.arange(6) .< 4
    #expect(try distance(y, layer(created, x, context: context, mask: mask).0) == 0)
  }

  @Test("Decoding with a cache gives the outputs of the whole sequence, in chunks of any size, compiled once")
  func cache() throws {
    let block = try TransformerBlock(
      graph.child("block"), features: 16, headCount: 4, keyValueHeadCount: 2, norm: .rmsNorm, activation: .swiGLU,
      isCausal: true, rotaryBase: 10_000, useBias: false, rng: rng)
    let x = try Key(3).normal([2, 9, 16])
    let (whole, created) = try block(params, x)
    let params = created.locked()
    let step = jit(donating: [1]) { (params: Params, cache: KeyValueCache, x: Tensor) in
      let (y, next, _) = try block(params, x, cache: cache)
      return (y, next)
    }
    for chunks in [[9], [4, 1, 1, 1, 1, 1], [1, 3, 5], [0, 9]] {
      var cache = try block.attention.initialCache(batch: 2, capacity: 12)
      var outputs: [Tensor] = []
      var start = 0
      for chunk in chunks {
        let y: Tensor
        (y, cache) = try step(params, cache, x.slice(start..<start + chunk, axis: 1))
        outputs.append(y)
        start += chunk
      }
      #expect(try distance(concatenate(outputs, axis: 1), whole) < 1e-5, "\(chunks)")
      #expect(try cache.length.item() == 9)
      #expect(try cache.keys.slice(9..<12, axis: 1).scalars(as: Float.self).allSatisfy { $0 == 0 })
    }
    #expect(step.cacheSize == 6)
  }

  @Test("A full cache gives NaN instead of wrong numbers, and misuse is an error") func cacheErrors() throws {
    let attention = try MultiHeadAttention(
      graph.child("a"), features: 4, headCount: 2, isCausal: true, rotaryBase: 100, rng: rng)
    let x = try Tensor.ones([1, 3, 4])
    let (_, created) = try attention(params, x)
    let full = try attention(created, x, cache: attention.initialCache(batch: 1, capacity: 4)).1
    let (last, _, _) = try attention(created, x.slice(0..<1, axis: 1), cache: full)
    #expect(try isFinite(last).all().item() == 1)
    let (beyond, _, _) = try attention(created, x, cache: full)
    #expect(try isNaN(beyond).all().item() == 1)
    let other = try thrown { try attention(created, x, cache: attention.initialCache(batch: 2, capacity: 4)) }
    #expect(other.code == .shapeMismatch)
    #expect(
      other.message
        == "MultiHeadAttention 'net/a': inputs f32[1,3,4] need a cache [1, 4, 2, 2]; got f32[2,4,2,2]")
    let long = try thrown {
      try attention(created, Tensor.ones([1, 5, 4]), cache: attention.initialCache(batch: 1, capacity: 4))
    }
    #expect(long.message == "MultiHeadAttention 'net/a': 5 steps do not fit into a cache of 4")
    let seeing = try MultiHeadAttention(graph.child("b"), features: 4, headCount: 2, rng: rng)
    #expect(
      try thrown { try seeing(created, x, cache: seeing.initialCache(batch: 1, capacity: 4)) }.code == .invalidArgument)
    for make in [
      { try MultiHeadAttention(graph.child("c"), features: 5, headCount: 2) },
      { try MultiHeadAttention(graph.child("d"), features: 4, headCount: 4, keyValueHeadCount: 3) },
      { try MultiHeadAttention(graph.child("e"), features: 6, headCount: 2, rotaryBase: 10) },
      { try MultiHeadAttention(graph.child("f"), features: 4, headCount: 0) },
      { try MultiHeadAttention(graph.child("g"), features: 4, headCount: 2, headSize: .max) },
    ] {
      #expect(try thrown { try make() }.code == .invalidArgument)
    }
    #expect(try thrown { try attention(created, Tensor.ones([3, 5])) }.code == .shapeMismatch)
  }

  @Test("Transformer blocks add their parts to the inputs, with dropout while training") func block() throws {
    let block = try TransformerBlock(graph.child("block"), features: 8, headCount: 2, dropoutRate: 0.5, rng: rng)
    let x = try Key(5).normal([2, 3, 8])
    let (y, created) = try block(params, x)
    #expect(created.split().0.count == 16)
    #expect(try created["net/block/feed_forward/up/kernel"].value.shape == [8, 32])
    let count = try rng.getCounter(created).item()
    let (dropped, after) = try block(created.locked(), x, isTraining: true)
    #expect(try rng.getCounter(after).item() == count + 2)
    #expect(try distance(dropped, y) > 1e-2)
    // With projections back to zero, a block is the identity.
    var zeroed = created
    for path in ["net/block/attention/output/kernel", "net/block/feed_forward/down/kernel"] as [ParamPath] {
      zeroed = try zeroed.setting(path, to: zeroed[path].replacing(value: .zeros(like: zeroed[path].value)))
    }
    #expect(try distance(block(zeroed, x).0, x) == 0)
    #expect(
      try thrown { try TransformerBlock(graph.child("other"), features: 8, headCount: 2, dropoutRate: 0.5) }.code
        == .missingRng)
    #expect(
      try thrown { try TransformerBlock(graph.child("huge"), features: .max, headCount: 1) }.code == .invalidArgument)
    let relu = try FeedForward(graph.child("relu"), features: 3, hiddenSize: 5, activation: .relu, rng: rng)
    #expect(try relu(params, x).0.shape == [2, 3, 3])
  }

  @Test("PS-23: adapters are added to a locked model through walk(), and only they are trained") func lora() throws {
    let model = try TransformerBlock(graph.child("block"), features: 8, headCount: 2, rng: rng)
    let x = try Key(6).normal([2, 3, 8])
    let (before, pretrained) = try model(params, x)

    // Wrap every linear layer, create the adapters' parameters, and lock again.
    for (_, module) in graph.walk() {
      if let linear = module as? Linear { linear.adapter = try LoRA(of: linear, rank: 2, alpha: 4, rng: rng) }
    }
    #expect(try thrown { try model(pretrained.locked(), x) }.code == .paramsLocked)
    let (same, grown) = try model(pretrained.locked().unlocked(), x)
    let params = grown.locked()
    #expect(try distance(same, before) == 0)
    #expect(params.count == pretrained.count + 12)

    let (adapters, frozen) = params.split { _, param in param.metadata["tag"] == "lora" }
    let optimizer = Adam(learningRate: 1e-2)
    var (trained, state) = (adapters, try optimizer.initialize(adapters))
    let step = jit { (trained: Params, state: OptimizerState<Params>) in
      let (loss, gradients) = try valueAndGrad { (t: Params) in
        try meanSquaredError(model(t.merge(frozen), x).0, Tensor.ones([2, 3, 8]))
      }(trained)
      let (updates, next) = try optimizer.update(gradients, state, trained)
      return (try applyUpdates(trained, updates), next, loss)
    }
    var losses: [Double] = []
    for _ in 0..<20 {
      let loss: Tensor
      (trained, state, loss) = try step(trained, state)
      losses.append(try loss.item())
    }
    #expect(losses[19] < 0.8 * losses[0], "\(losses)")
    let merged = try trained.merge(frozen)
    #expect(merged.count == params.count && merged.isLocked)
    #expect(try distance(model(merged, x).0, before) > 1e-2)

    let linear = model.feedForward.up
    #expect(try thrown { try LoRA(of: linear, rank: 2, rng: rng) }.code == .duplicateChild)
    #expect(try thrown { try LoRA(of: linear, rank: 0, rng: rng) }.code == .invalidArgument)
  }
}
