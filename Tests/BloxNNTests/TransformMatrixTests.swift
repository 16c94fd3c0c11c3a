// Layers with state under every pair of transformations: outputs, gradients and state are those of plain calls.

import BloxNN
import Testing

/// A call of a layer: outputs and parameters, of which the state has advanced.
private typealias Call = (Params, Tensor) throws -> (Tensor, Params)

/// A transformation of a call, and what it should amount to.
private enum Transformation: String, CaseIterable, CustomTestStringConvertible {
  case jit, grad, vmap, staticScan, scan, checkpoint

  var testDescription: String { rawValue }

  /// The call under the transformation.
  func apply(_ call: @escaping Call, axis: String) -> Call {
    switch self {
    case .jit:
      let compiled = BloxNN.jit { (params: Params, x: Tensor) in try call(params, x) }
      return { try compiled($0, $1) }
    case .grad: return gradient(call)
    case .vmap:
      // Lanes that agree: their average, and so the result, is that of one.
      return { params, x in
        let (y, after) = try BloxNN.vmap(inAxes: [nil, 0], outAxes: [0, nil], axisName: axis) {
          (params: Params, x: Tensor) in try call(params, x)
        }(params, try stack([x, x, x]))
        return (try y.at(1), after)
      }
    case .staticScan, .scan:
      let step = { (params: Params, x: Tensor, state: Tensor, _: Tensor?, _: Bool) in
        let (y, after) = try call(params, x)
        return (y, state, after)
      }
      return { params, x in
        let sequence = try stack([x, x * 2], axis: 1)
        let (y, _, after) =
          self == .scan
          ? try dynamicScan(params, sequence, Tensor(0.0), step: step)
          : try BloxNN.staticScan(params, sequence, Tensor(0.0), step: step)
        return (try y.sum([1]), after)
      }
    case .checkpoint:
      let block = BloxNN.checkpoint { (params: Params, x: Tensor) in try call(params, x) }
      return { try block($0, $1) }
    }
  }

  /// The same without a transformation of programs, apart from the gradient.
  func reference(_ call: @escaping Call) -> Call {
    switch self {
    case .jit, .vmap, .checkpoint: return call
    case .grad: return gradient(call)
    case .staticScan, .scan:
      return { params, x in
        let (first, between) = try call(params, x)
        let (second, after) = try call(between, x * 2)
        return (try first + second, after)
      }
    }
  }

  /// The gradient of the outputs' weighted squares with respect to the inputs, and added to it that with respect to the
  /// parameters as one number; the state beside it.
  private func gradient(_ call: @escaping Call) -> Call {
    return { params, x in
      let (trainable, rest) = params.split()
      let (slopes, after) = try BloxNN.grad { (variables: Variables) in
        let (y, after) = try call(variables.params.merge(rest), variables.x)
        return (try (square(y) * weights(y.shape)).sum(), after)
      }(Variables(params: trainable, x: x))
      let others = try slopes.params.tensors().reduce(Tensor(0.0)) { try $0 + ($1 * weights($1.shape)).sum() }
      return (try slopes.x + others, after)
    }
  }
}

/// What gradients are taken with respect to.
private struct Variables: TensorTree {
  var params: Params
  var x: Tensor

  mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&params, "params")
    try visitor.visit(&x, "x")
  }
}

/// Weights that tell elements apart.
private func weights(_ shape: [Int]) throws -> Tensor {
  let count = shape.reduce(1, *)
  return try (Tensor.arange(count, dtype: .f32) * 0.37 + 0.5).reshape(shape)
}

@Suite("Layers with state under pairs of transformations")
struct TransformMatrixTests {
  /// A layer and its parameters, with names for the axes that a pair binds.
  private func makeCall(_ kind: String, axes: [String]) throws -> (call: Call, params: Params, graph: Graph) {
    let graph = try Graph("net")
    let rng = try Rng(graph.child("rng"))
    let seeded = try rng.seed(Params(), seed: 7)
    let x = try Key(1).normal([4, 3])
    if kind == "Dropout" {
      let layer = try Dropout(graph.child("layer"), rate: 0.4, rng: rng)
      return ({ try layer($0, $1, isTraining: true) }, seeded.locked(), graph)
    }
    let layer = try BatchNorm(
      graph.child("layer"), axisName: axes.isEmpty ? nil : AxisNames(axes), isVarianceExact: true)
    // Parameters are made outside of lanes, where no axis has a name.
    let plain = try BatchNorm(Graph("net").child("layer"))
    let (_, params) = try plain(seeded, x)
    return ({ try layer($0, $1, isTraining: true) }, params.locked(), graph)
  }

  @Test(
    "BatchNorm and Dropout under all pairs of jit, grad, vmap, staticScan, scan and checkpoint",
    arguments: ["BatchNorm", "Dropout"], Transformation.allCases)
  fileprivate func pairs(kind: String, outer: Transformation) throws {
    let x = try Key(2).normal([4, 3])
    for inner in Transformation.allCases {
      var axes: [String] = []
      if inner == .vmap { axes.append("inner") }
      if outer == .vmap { axes.append("outer") }
      let (call, params, graph) = try makeCall(kind, axes: axes)
      let (plain, plainParams, plainGraph) = try makeCall(kind, axes: [])
      let (y, after) = try outer.apply(inner.apply(call, axis: "inner"), axis: "outer")(params, x)
      let (want, wantAfter) = try outer.reference(inner.reference(plain))(plainParams, x)
      let scale = try 1 + abs(want).max().item()
      #expect(y.type == want.type, "\(outer)(\(inner))")
      #expect(try abs(y - want).max().item() < 2e-5 * scale, "\(outer)(\(inner))")
      #expect(Set(after.keys) == Set(wantAfter.keys) && after.isLocked, "\(outer)(\(inner))")
      for path in wantAfter.keys where try wantAfter[path].value.dtype != .key {
        let (a, b) = (try after[path].value, try wantAfter[path].value)
        #expect(a.type == b.type, "\(outer)(\(inner)) \(path)")
        #expect(try abs(a.cast(to: .f32) - b.cast(to: .f32)).max().item() < 1e-5, "\(outer)(\(inner)) \(path)")
      }
      withExtendedLifetime((graph, plainGraph)) {}
    }
  }

  @Test("The gradients that the pairs compare with are slopes", arguments: ["BatchNorm", "Dropout"])
  func slopes(kind: String) throws {
    let (call, params, graph) = try makeCall(kind, axes: [])
    let x = try Key(2).normal([4, 3])
    let direction = try Key(3).normal([4, 3])
    for order in [1, 2] {
      let lower = order == 1 ? call : Transformation.grad.reference(call)
      let value = { (x: Tensor) throws -> Tensor in
        let (y, _) = try lower(params, x)
        return try (square(y) * weights(y.shape)).sum()
      }
      let slope = try (grad(value)(x) * direction).sum().item()
      let step = 2e-3
      let difference = try (value(x + direction * step) - value(x - direction * step)).item() / (2 * step)
      #expect(Swift.abs(slope - difference) < 2e-2 * (1 + Swift.abs(difference)), "order \(order)")
    }
    withExtendedLifetime(graph) {}
  }
}
