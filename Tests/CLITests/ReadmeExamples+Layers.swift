// The Swift code of README.md that uses the library's layers, compiled and run. ReadmeTests compares the two texts.

import BloxNN
import Testing

@Suite("README.md: layers")
struct ReadmeLayerExamples {
  @Test("Attention, decoding and adapters")
  func attention() throws {
    let graph = try Graph("lm")
    let rng = try Rng(graph.child("rng"))
    let block = try TransformerBlock(
      graph.child("block"), features: 32, headCount: 4, keyValueHeadCount: 2, norm: .rmsNorm,
      activation: .swiGLU, isCausal: true, rotaryBase: 10_000, useBias: false, rng: rng)

    let sequence = try Key(0).normal([1, 6, 32])
    var (outputs, params) = try block(rng.seed(Params(), seed: 42), sequence)

    let decode = jit(donating: [1]) { (params: Params, cache: KeyValueCache, x: Tensor) in
      let (y, next, _) = try block(params, x, cache: cache)
      return (y, next)
    }

    var y = outputs
    var cache = try block.attention.initialCache(batch: 1, capacity: 64)
    for time in 0..<6 {
      (y, cache) = try decode(params, cache, sequence.slice(time..<time + 1, axis: 1))
    }
    #expect(try abs(y.at(0, axis: 1) - outputs.at(5, axis: 1)).max().item() < 1e-5)
    #expect(decode.cacheSize == 1)

    params = params.locked()
    for (_, module) in graph.walk() {
      if let linear = module as? Linear { linear.adapter = try LoRA(of: linear, rank: 4, rng: rng) }
    }
    (_, params) = try block(params.unlocked(), sequence)
    params = params.locked()
    let (adapters, frozen) = params.split { _, param in param.metadata["tag"] == "lora" }
    #expect(adapters.count == 14 && frozen.count == 11)
    (outputs, _) = try block(adapters.merge(frozen), sequence)
    #expect(outputs.shape == [1, 6, 32])
  }
}
