// The slice's model, an MLP with dropout on digits, and linear regression agree with jax-blox.

import BloxNN
import TestSupport
import Testing

@testable import BloxTrace

@Suite("Conformance of the slice's training")
struct SliceTrainingTests {
  /// The model of the cases `mlp_digits` with its parameters after the initialising call.
  private struct Setup {
    let group: ConformanceGroup
    let graph: Graph
    let rng: Rng
    let model: Sequential
    let params: Params
    let x: Tensor
    let y: Tensor

    init() throws {
      group = try ConformanceGroup.load("slice", from: "Slice")
      let first = try group.case("mlp_digits")
      (x, y) = (try Tensor(first.inputs[0]), try Tensor(first.inputs[1]))
      graph = try Graph("net")
      rng = try Rng(graph.child("rng"))
      let node = try graph.child("mlp")
      model = try Sequential(
        node,
        [
          .layer(Linear(graph.child("l1"), outputSize: 128, rng: rng)), .function("relu", relu),
          .layer(Dropout(graph.child("dropout"), rate: 0.1, rng: rng)),
          .layer(Linear(graph.child("l2"), outputSize: 10, rng: rng)),
        ])
      params = try model(rng.seed(Params(), seed: 0), x).1.locked()
    }

    func loss(_ t: Params, _ nt: Params, _ x: Tensor, _ y: Tensor) throws -> (Tensor, Logits) {
      let (logits, after) = try model(t.merge(nt), x)
      return (try softmaxCrossEntropy(logits, classes: y).mean(), Logits(logits: logits, state: after.split().1))
    }
  }

  /// What a loss gives besides its value.
  private struct Logits: TensorTree {
    var logits: Tensor
    var state: Params
    mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
      try visitor.visit(&logits, "logits")
      try visitor.visit(&state, "state")
    }
  }

  /// How gradients differ from those of a case.
  private func gradientDifferences(_ got: Params, _ testCase: ConformanceCase) throws -> [String] {
    let tolerance = testCase.tolerances("grads")
    var got = got
    let wanted = try testCase.entries("grads")
    if wanted.count < got.count { got = got.split { path, _ in wanted.contains { ParamPath($0.path) == path } }.0 }
    return try differences(got, wanted, rtol: tolerance.rtol, atol: tolerance.atol)
  }

  @Test("slice: the MLP's parameters, loss, logits, state and gradients") func start() throws {
    let setup = try Setup()
    let testCase = try setup.group.case("mlp_digits")
    #expect(
      try differences(setup.params, testCase.entries("params"), comparesFlags: true, rtol: 1e-6, atol: 1e-7) == [])
    let (t, nt) = setup.params.split()
    let step = valueAndGrad { (t: Params, nt: Params, x: Tensor, y: Tensor) in try setup.loss(t, nt, x, y) }
    let tolerance = testCase.tolerances("outputs")
    for function in [step, jit(step)] {
      let (value, aux, gradients) = try function(t, nt, setup.x, setup.y)
      #expect(try difference(value, testCase.outputs[0], exact: false, tolerance) == nil)
      #expect(try difference(aux.logits, testCase.outputs[1], exact: false, tolerance) == nil)
      let order = try testCase.entries("new_state").map { ParamPath($0.path) }
      let state = try order.reduce(Params()) { try $0.setting($1, to: aux.state[$1]) }
      #expect(try differences(state, testCase.entries("new_state")) == [])
      #expect(try gradientDifferences(gradients, testCase) == [])
    }
    // The mask of the recorded call, from the seed at counter 5.
    let mask = try setup.rng.getSeed(setup.params).foldIn(5).bernoulli(1 - 0.1, [32, 128])
    #expect(try difference(mask, testCase.tensor(labeled: "mask"), exact: true, (0, 0)) == nil)
    withExtendedLifetime(setup) {}
  }

  @Test("slice: per-example gradients, with one mask for all lanes and with a mask for each", arguments: [false, true])
  func perExample(isFolded: Bool) throws {
    let setup = try Setup()
    let testCase = try setup.group.case(isFolded ? "mlp_digits/per_example_folded" : "mlp_digits/per_example")
    let (t, nt) = setup.params.split()
    let (x, y) = (try setup.x.slice(0..<4), try setup.y.slice(0..<4))
    let lane = valueAndGrad { (t: Params, nt: Params, x: Tensor, y: Tensor) throws -> Tensor in
      guard isFolded else { return try setup.loss(t, nt, x, y).0 }
      let merged = try t.merge(nt)
      let key = try setup.rng.getSeed(merged).foldIn(axisIndex("batch"))
      return try softmaxCrossEntropy(setup.model(setup.rng.seed(merged, seed: key), x).0, classes: y).mean()
    }
    let lanes = vmap(inAxes: [nil, nil, 0, 0], axisName: "batch", lane)
    for function in [lanes, jit(lanes)] {
      let (losses, gradients) = try function(t, nt, x, y)
      #expect(try difference(losses, testCase.outputs[0], exact: false, testCase.tolerances("outputs")) == nil)
      #expect(try gradientDifferences(gradients, testCase) == [])
    }
    guard !isFolded else { return }
    // The same as one call per example.
    let (losses, gradients) = try lanes(t, nt, x, y)
    for index in 0..<4 {
      let (loss, single) = try lane(t, nt, x.at(index), y.at(index))
      #expect(try closeTo(losses.at(index), loss, rtol: 1e-5, atol: 1e-6))
      for (path, got) in zip(single.keys, single.values) {
        #expect(try closeTo(gradients[path].value.at(index), got.value, rtol: 1e-5, atol: 1e-6), "\(path) of \(index)")
      }
    }
    withExtendedLifetime(setup) {}
  }

  @Test("slice: five steps of each optimizer", arguments: ["sgd", "momentum", "adam"])
  func optimizers(name: String) throws {
    let setup = try Setup()
    let testCase = try setup.group.case("mlp_digits/\(name)")
    let (losses, final) = try #require(try train(testCase, setup.model, setup.params, setup.x, setup.y))
    #expect(
      try difference(stack(losses), testCase.outputs[0], exact: false, testCase.tolerances("outputs")) == nil)
    let tolerance = testCase.tolerances("final_params")
    let finals = try differences(
      final.split().0, testCase.entries("final_params"), rtol: tolerance.rtol, atol: tolerance.atol)
    #expect(finals == [])
    let order = try testCase.entries("new_state").map { ParamPath($0.path) }
    let state = try order.reduce(Params()) { try $0.setting($1, to: final[$1]) }
    #expect(try differences(state, testCase.entries("new_state")) == [])
    withExtendedLifetime(setup) {}
  }
}

/// Whether two tensors are equal within a tolerance.
func closeTo(_ got: Tensor, _ want: Tensor, rtol: Double, atol: Double) throws -> Bool {
  try difference(got, want.stored(), exact: false, (rtol, atol)) == nil
}
