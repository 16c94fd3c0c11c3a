// Whole expressions, models and runs of this slice agree with JAX: also second and third derivatives.

import BloxNN
import BloxPasses
import TestSupport
import Testing

@testable import BloxTrace

@Suite("Conformance of the slice")
struct SliceConformanceTests {
  @Test("slice: expressions, their derivatives and their lanes") func composites() throws {
    let report = try runGroup("slice", from: "Slice") { testCase in
      let name = String(testCase.name.dropFirst("composite/".count)).split(separator: "/").first.map(String.init)
      guard testCase.op == "composite" else { return .skip("\(testCase.op) has a test of its own") }
      guard let function = name.flatMap({ compositeFunctions[$0] }) else { return .skip("\(testCase.name) is unknown") }
      return .run(function)
    }
    #expect(report.ran == 59)
  }

  /// The sum of outputs times cotangents.
  private func weighted(_ testCase: ConformanceCase, _ x: [Tensor]) throws -> Tensor {
    let name = testCase.name.split(separator: "/")[1]
    let lane = try #require(compositeFunctions[String(name)])
    let function = testCase.vmap.map { vectorized(lane, $0) } ?? lane
    let results = try function(x)
    var total = Tensor(0.0)
    for (index, cotangent) in zip(testCase.cotangentOfOutput, testCase.cotangents) {
      total = try total + (results[index] * Tensor(cotangent)).sum()
    }
    return total
  }

  @Test("slice: gradients differentiate again, in reverse and forwards", arguments: [false, true])
  func hessianProducts(isForward: Bool) throws {
    var ran = 0
    for testCase in try ConformanceGroup.load("slice", from: "Slice").cases where testCase.op == "composite" {
      // With a barrier the second derivatives are not symmetric.
      if !isForward, testCase.py.contains("stop_gradient") { continue }
      let inputs = try testCase.inputs.map { try Tensor($0) }
      let active = testCase.vjpOfInput
      let tangents = try testCase.tangents.map { try Tensor($0) }
      let gradient = grad { (variables: [Tensor]) in
        var all = inputs
        for (index, variable) in zip(active, variables) { all[index] = variable }
        return try weighted(testCase, all)
      }
      let variables = active.map { inputs[$0] }
      let products: [Tensor]
      if isForward {
        let program = try makeProgram({ (x: [Tensor]) in try gradient(x) }, variables)
        let jvp = try program.jvp(active: variables.map { _ in true })
        var given = try evaluate(jvp.program, variables + tangents).dropFirst(variables.count)
        products = try zip(variables, jvp.hasTangent).map { try $1 ? given.removeFirst() : Tensor.zeros(like: $0) }
      } else {
        // The Hessian is symmetric: its product with a tangent is the gradient of <gradient, tangent>.
        products = try grad { (x: [Tensor]) in
          try zip(gradient(x), tangents).reduce(Tensor(0.0)) { try $0 + ($1.0 * $1.1).sum() }
        }(variables)
      }
      let tolerance = testCase.tolerances("hvps")
      for (got, want) in try zip(products, testCase.tensors("hvps")) {
        if let text = try difference(got, want, exact: false, tolerance) {
          Issue.record("\(testCase), \(want.name): \(text)")
        }
      }
      ran += 1
    }
    #expect(ran == (isForward ? 59 : 57))
  }

  @Test("slice: first, second and third derivatives of functions of a scalar, in lanes and one by one")
  func scalars() throws {
    var ran = 0
    for testCase in try ConformanceGroup.load("slice", from: "Slice").cases where testCase.op == "scalar" {
      let name = String(testCase.name.dropFirst("scalar/".count))
      let function = try #require(scalarFunctions[name])
      let x = try Tensor(testCase.inputs[0])
      var derivative = TensorFunction<Tensor, Tensor> { try function($0) }
      let wanted = try [testCase.outputs[0]] + testCase.tensors("derivatives")
      for (order, want) in wanted.enumerated() {
        if order > 0 { derivative = grad(derivative) }
        let tolerance = testCase.tolerances(order == 0 ? "outputs" : "d\(order)")
        let lanes = try jit(vmap(derivative))(x)
        if let text = try difference(lanes, want, exact: false, tolerance) {
          Issue.record("\(testCase), derivative \(order): \(text)")
        }
        let single = try stack((0..<x.count).map { try derivative(x.at($0)) })
        if let text = try difference(single, want, exact: false, tolerance) {
          Issue.record("\(testCase), derivative \(order), one by one: \(text)")
        }
      }
      ran += 1
    }
    #expect(ran == scalarFunctions.count)
  }

  @Test("slice: Hessians, by rows of reverse over reverse") func hessians() throws {
    var ran = 0
    for testCase in try ConformanceGroup.load("slice", from: "Slice").cases where testCase.raw["hessian"] != nil {
      let inputs = try testCase.inputs.map { try Tensor($0) }
      let size = inputs[0].count
      let gradient = grad { (x: Tensor) in try weighted(testCase, [x] + inputs.dropFirst()) }
      let rows = vmap(inAxes: [0, nil]) { (unit: Tensor, x: Tensor) in
        try grad { (x: Tensor) in try (gradient(x) * unit).sum() }(x)
      }
      let hessian = try rows(Tensor.eye(size), inputs[0])
      let want = try testCase.tensors("hessian")[0]
      #expect(try difference(hessian, want, exact: false, testCase.tolerances("hessian")) == nil, "\(testCase)")
      ran += 1
    }
    #expect(ran == 3)
  }
}
