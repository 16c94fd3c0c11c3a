// A model of a reference case, and how it differs from the reference.

import BloxNN
import TestSupport

@testable import BloxTrace

/// A model of a case: the call that creates parameters, and the call that is recorded.
struct BloxModel {
  typealias Call = (Params, [Tensor]) throws -> ([Tensor], Params)

  let graph: Graph
  let rng: Rng
  /// Both calls for all inputs and outputs of a case.
  var initializeAll: (Params, [Tensor]) throws -> Params
  var callAll: Call

  /// The call that creates parameters, of the first input.
  var initialize: (Params, Tensor) throws -> Params {
    get { { [initializeAll] in try initializeAll($0, [$1]) } }
    set { initializeAll = { try newValue($0, $1[0]) } }
  }

  /// The recorded call of one input and one output.
  var call: (Params, Tensor) throws -> (Tensor, Params) {
    get {
      { [callAll] in
        let (y, params) = try callAll($0, [$1])
        return (y[0], params)
      }
    }
    set {
      callAll = {
        let (y, params) = try newValue($0, $1[0])
        return ([y], params)
      }
    }
  }

  /// A model of which both calls are the given one, made under a root `net` with an rng.
  init(_ make: (Graph, Rng) throws -> Call) throws {
    graph = try Graph("net")
    rng = try Rng(graph.child("rng"))
    let call = try make(graph, rng)
    callAll = call
    initializeAll = { try call($0, $1).1 }
  }

  /// A model of which both calls are a layer's.
  init(_ make: (Graph, Rng) throws -> any Layer) throws {
    try self.init { graph, rng -> Call in
      let layer = try make(graph, rng)
      return {
        let (y, params) = try layer($0, $1[0])
        return ([y], params)
      }
    }
  }

  /// The tolerance of a case.
  private static func tolerance(_ testCase: ConformanceCase) -> (rtol: Double, atol: Double) {
    // Three numbers near 10⁴ that differ by 1: XLA multiplies their sum by a rounded 1/3, and is twice as far from the
    // exact result as the quotient is.
    (testCase.rtol, testCase.name == "LayerNorm/const_rows" ? 0.0025 : testCase.atol)
  }

  /// How parameters after initialisation, outputs, state and gradients differ from those of a case.
  func differences(_ testCase: ConformanceCase, isCompiled: Bool) throws -> [String] {
    let inputs = try testCase.inputs.map { try Tensor($0) }
    let tolerance = Self.tolerance(testCase)
    let params = try initializeAll(rng.seed(Params(), seed: 42), inputs).locked()
    var issues = try BloxNNTests.differences(
      params, testCase.entries("params"), comparesFlags: true, rtol: tolerance.rtol, atol: tolerance.atol)

    let call = isCompiled ? jit(TensorFunction(callAll)) : TensorFunction(callAll)
    let (outputs, after) = try call(params, inputs)
    for (got, want) in zip(outputs, testCase.outputs) {
      if let text = try difference(got, want, exact: false, tolerance) { issues.append("\(want.name): \(text)") }
    }
    if outputs.count != testCase.outputs.count { issues.append("\(outputs.count) outputs") }
    var state = after.split().1
    if isCompiled {
      // A compiled call returns parameters in order of paths; the reference has those of the uncompiled call.
      let order = try testCase.entries("new_state").map { ParamPath($0.path) }
      if order != state.keys { state = try order.reduce(Params()) { try $0.setting($1, to: state[$1]) } }
    }
    issues += try BloxNNTests.differences(
      state, testCase.entries("new_state"), rtol: tolerance.rtol, atol: tolerance.atol)
    return try issues + gradientDifferences(testCase, params, inputs)
  }

  /// How the gradients of `sum(output * cotangent)` differ.
  private func gradientDifferences(
    _ testCase: ConformanceCase, _ params: Params, _ inputs: [Tensor]
  ) throws -> [String] {
    let cotangents = try testCase.cotangents.map { try Tensor($0) }
    let active = testCase.raw["grad_of_input"]?.ints ?? []
    let (trainable, rest) = params.split()
    let (gradients, inputGradients) = try grad { (variables: Variables) in
      var all = inputs
      for (index, input) in zip(active, variables.inputs) { all[index] = input }
      let (y, _) = try callAll(variables.params.merge(rest), all)
      return try zip(testCase.cotangentOfOutput, cotangents).reduce(Tensor.full([], 0)) {
        try $0 + (y[$1.0] * $1.1).sum()
      }
    }(Variables(params: trainable, inputs: active.map { inputs[$0] })).parts
    var issues: [String] = []
    let tolerance = Self.tolerance(testCase)
    let wanted = try testCase.entries("grads")
    for entry in wanted {
      guard let want = entry.tensor else { continue }
      let got = try gradients[ParamPath(entry.path)].value
      if let text = try difference(got, want, exact: false, tolerance) {
        issues.append("gradient \(want.name): \(text)")
      }
    }
    if gradients.count != wanted.count { issues.append("\(gradients.count) gradients, want \(wanted.count)") }
    for (got, want) in zip(inputGradients, try testCase.tensors("input_grads")) {
      if let text = try difference(got, want, exact: false, tolerance) {
        issues.append("input gradient \(want.name): \(text)")
      }
    }
    return issues
  }

  /// What is differentiated: trainable parameters and inputs.
  private struct Variables: TensorTree {
    var params: Params
    var inputs: [Tensor]
    var parts: (Params, [Tensor]) { (params, inputs) }
    mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
      try visitor.visit(&params, "params")
      try visitor.visit(&inputs, "inputs")
    }
  }
}
