// Layers agree with jax-blox 0.1.6: parameters after initialisation, outputs, state and gradients.

import BloxNN
import TestSupport
import Testing

@testable import BloxTrace

@Suite("Conformance of layers")
struct BloxConformanceTests {
  /// A model whose two calls are the layer's.
  private func model(_ make: (Graph, Rng) throws -> any Layer) throws -> BloxModel {
    try BloxModel(make)
  }

  private func dropout(_ rate: Double, isTraining: Bool) throws -> BloxModel {
    var dropout: Dropout?
    var model = try model { graph, rng in
      let layer = try Dropout(graph.child("layer"), rate: rate, rng: rng)
      dropout = layer
      return layer
    }
    guard let dropout else { return model }
    model.initialize = { try dropout($0, $1, isTraining: isTraining).1 }
    model.call = { try dropout($0, $1, isTraining: isTraining) }
    return model
  }

  private func linear(_ make: @escaping (Graph, Rng) throws -> Linear) throws -> BloxModel { try model(make) }

  /// The model of a case; `nil` when there is none yet.
  private func model(for testCase: ConformanceCase) throws -> BloxModel? {
    switch testCase.name {
    case "Linear": return try linear { try Linear($0.child("layer"), outputSize: 5, rng: $1) }
    case "Linear/nobias": return try linear { try Linear($0.child("layer"), outputSize: 5, rng: $1, useBias: false) }
    case "Linear/nd": return try linear { try Linear($0.child("layer"), outputSize: 2, rng: $1) }
    case "Linear/vec": return try linear { try Linear($0.child("layer"), outputSize: 3, rng: $1) }
    case "Linear/inits":
      return try linear {
        try Linear(
          $0.child("layer"), outputSize: 3, rng: $1, kernelInitializer: .heUniform, biasInitializer: .normal())
      }
    case "Linear/metadata":
      return try linear {
        try Linear(
          $0.child("layer"), outputSize: 4, rng: $1, kernelMetadata: ["sharding": .axes([nil, "model"])],
          biasMetadata: ["sharding": .axes(["model"]), "tag": "b"])
      }
    case "Linear/norng":
      return try linear { graph, _ in
        try Linear(graph.child("layer"), outputSize: 4, kernelInitializer: .constant(0.5))
      }
    case "Sequential/mlp", "jit":
      let isJit = testCase.name == "jit"
      var model = try model { graph, rng in
        let node = try graph.child("layer")
        return try Sequential(
          node,
          [
            .layer(Linear(graph.child(isJit ? "z" : "l1"), outputSize: isJit ? 4 : 8, rng: rng)),
            .function("activation", isJit ? { try tanh($0) } : { try relu($0) }),
            .layer(Linear(graph.child(isJit ? "a" : "l2"), outputSize: isJit ? 2 : 3, rng: rng)),
          ])
      }
      if isJit {
        let (initialize, call) = (model.initialize, model.call)
        let (first, second) = (jit { (p: Params, x: Tensor) in try initialize(p, x) }, jit { try call($0, $1) })
        model.initialize = { try first($0, $1) }
        model.call = { try second($0, $1) }
      }
      return model
    case "vmap_params":
      var model = try linear { try Linear($0.child("layer"), outputSize: 3, rng: $1) }
      let (call, initialize) = (model.call, model.initialize)
      model.initialize = { try initialize($0, $1.at(0)) }
      model.call = { params, x in
        try vmap(inAxes: [nil, 0], outAxes: [0, nil]) { (p: Params, x: Tensor) in try call(p, x) }(params, x)
      }
      return model
    case _:
      return try dropoutModel(for: testCase) ?? BloxModel(norm: testCase)
        ?? BloxModel(sequence: testCase) ?? BloxModel(embed: testCase)
        ?? BloxModel(pooling: testCase) ?? BloxModel(conv: testCase)
    }
  }

  /// The model of a case of dropout, alone or in lanes.
  private func dropoutModel(for testCase: ConformanceCase) throws -> BloxModel? {
    switch testCase.name {
    case "Dropout/0.5": return try dropout(0.5, isTraining: true)
    case "Dropout/0.1": return try dropout(0.1, isTraining: true)
    case "Dropout/eval": return try dropout(0.5, isTraining: false)
    case "Dropout/zero": return try dropout(0, isTraining: true)
    case "Dropout/twice":
      var model = try dropout(0.4, isTraining: true)
      let once = model.call
      let twice = { (params: Params, x: Tensor) throws -> (Tensor, Params) in
        let (y, after) = try once(params, x)
        return try once(after, y)
      }
      model.initialize = { try twice($0, $1).1 }
      model.call = twice
      return model
    case "lanes/axis_index", "lanes/replicated":
      var model = try dropout(0.5, isTraining: true)
      let (rng, call, initialize) = (model.rng, model.call, model.initialize)
      let isFolded = testCase.name == "lanes/axis_index"
      model.initialize = { try initialize($0, $1.slice(0..<1)) }
      model.call = { params, x in
        try vmap(inAxes: [nil, 0], outAxes: [0, nil], axisName: "batch") { (params: Params, x: Tensor) in
          guard isFolded else { return try call(params, x) }
          let original = try rng.getSeed(params)
          let (y, after) = try call(rng.seed(params, seed: original.foldIn(axisIndex("batch"))), x)
          return (y, try rng.seed(after, seed: original))
        }(params, x)
      }
      return model
    case _: return nil
    }
  }

  @Test("blox: linear layers, dropout, sequences, lanes and compiled models") func layers() throws {
    var ran = 0
    var skipped: [String: Int] = [:]
    for testCase in try ConformanceGroup.load("blox").cases where testCase.op != "Rng" {
      guard let model = try model(for: testCase) else {
        skipped[testCase.op, default: 0] += 1
        continue
      }
      ran += 1
      for isCompiled in [false, true] {
        for issue in try model.differences(testCase, isCompiled: isCompiled) {
          Issue.record("\(testCase), compiled \(isCompiled): \(issue)")
        }
      }
      withExtendedLifetime(model.graph) {}
    }
    print("conformance blox: \(ran) cases run")
    for layer in skipped.keys.sorted() { print("  not run: \(skipped[layer] ?? 0) x \(layer)") }
    #expect(ran == 86)
  }

  @Test("blox: keys and counters of Rng") func rng() throws {
    var ran = 0
    for testCase in try ConformanceGroup.load("blox").cases where testCase.op == "Rng" {
      let graph = try Graph("net")
      let rng = try Rng(graph.child("rng"))
      let seed = testCase.raw["seed"]?.int ?? 42
      var params = try rng.seed(Params(), seed: seed)
      #expect(try differences(params, testCase.entries("params"), comparesFlags: true) == [], "\(testCase.name)")
      params = params.locked()
      if testCase.name == "Rng/counter" { params = try rng.seed(params, counter: 5) }
      if testCase.name == "Rng/reseed" { params = try rng.seed(params, seed: 7) }
      let (first, after) = try rng(params)
      var results = [try first.words()]
      params = after
      if testCase.outputs.count == 3 {
        let (second, last) = try rng(after)
        results += [try second.words(), try rng.getCounter(last)]
        params = last
      }
      for (got, want) in zip(results, testCase.outputs) {
        #expect(try difference(got, want, exact: true, (0, 0)) == nil, "\(testCase.name)")
      }
      #expect(try differences(params, testCase.entries("new_state")) == [], "\(testCase.name)")
      ran += 1
    }
    #expect(ran == 5)
  }
}
