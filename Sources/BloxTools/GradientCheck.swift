// Derivatives against central differences along a random direction.
//
// For a direction v of the inputs and weights u of the results, three numbers must be equal but for rounding:
//   u · (f(x + eps v) - f(x - eps v)) / (2 eps)        u · jvp(x, v)        vjp(x, u) · v

import BloxIR
import BloxPasses
import BloxRuntime
import BloxTrace
import ProgramFuzzing

struct GradientCheck {
  private let program: Program
  private let arguments: [DenseConstant]
  private let eps: Double
  private let rtol: Double
  private let active: [Bool]
  private let differentiated: [Bool]

  init(_ program: Program, _ arguments: [DenseConstant], eps: Double, rtol: Double) {
    self.program = program.withoutPlan
    self.arguments = arguments
    self.eps = eps
    self.rtol = rtol
    active = program.parameters.map(\.type.dtype.isFloating)
    differentiated = program.resultTypes.map(\.dtype.isFloating)
  }

  /// Says how the derivatives differ; `nil` when they do not.
  func failure(seed: UInt64) throws -> String? {
    guard active.contains(true), differentiated.contains(true) else {
      throw BloxError(.usage, "grad-check needs an input and a result of floating-point numbers")
    }
    let direction = try normal(chosen(program.parameters.map(\.type), active), seed, stream: 1000)
    let weights = try normal(chosen(program.resultTypes, differentiated), seed, stream: 2000)

    let compiled = try Compiler.compile(program)
    let ahead = try compiled.run(moved(by: eps, direction))
    let behind = try compiled.run(moved(by: -eps, direction))
    let slopes = zip(chosen(ahead, differentiated), chosen(behind, differentiated)).map { a, b in
      (0..<a.type.elementCount).map { (a[$0].doubleValue - b[$0].doubleValue) / (2 * eps) }
    }
    let (numeric, scale) = product(weights.map(numbers), slopes)

    let forward = try program.jvp(active: active)
    let tangents = try Compiler.compile(forward.program).run(arguments + direction).dropFirst(program.results.count)
    // Results without a tangent do not move.
    let moving = zip(zip(forward.hasTangent, differentiated).filter(\.1).map(\.0), weights).filter(\.0).map(\.1)
    let (jvp, _) = product(moving.map(numbers), tangents.map(numbers))

    let reverse = try program.vjp(active: active, differentiated: differentiated)
    let gradients = try Compiler.compile(reverse).run(arguments + weights).dropFirst(program.results.count)
    let (vjp, _) = product(gradients.map(numbers), direction.map(numbers))

    let bound = rtol * max(scale, abs(numeric))
    for (name, value) in [("jvp", jvp), ("vjp", vjp)] where !(abs(value - numeric) <= bound) {
      return "\(name) \(value)  central difference \(numeric)   more than \(rtol) of \(max(scale, abs(numeric))) apart"
    }
    return nil
  }

  private func chosen<Element>(_ elements: [Element], _ mask: [Bool]) -> [Element] {
    zip(elements, mask).filter(\.1).map(\.0)
  }

  private func normal(_ types: [TensorType], _ seed: UInt64, stream: Int) throws -> [DenseConstant] {
    try types.enumerated().map { index, type in
      try Key(seed).foldIn(stream + index).normal(type.shape, dtype: type.dtype).constant()
    }
  }

  private func numbers(_ x: DenseConstant) -> [Double] { (0..<x.type.elementCount).map { x[$0].doubleValue } }

  /// The arguments moved along the direction.
  private func moved(by distance: Double, _ direction: [DenseConstant]) -> [DenseConstant] {
    var rest = direction[...]
    return zip(arguments, active).map { argument, isActive in
      guard isActive, let step = rest.popFirst() else { return argument }
      return DenseConstant(
        type: argument.type,
        elements: (0..<argument.type.elementCount).map { index in
          Literal(argument[index].doubleValue + distance * step[index].doubleValue, as: argument.type.dtype)
        })
    }
  }

  /// The sum of products, and of their magnitudes.
  private func product(_ a: [[Double]], _ b: [[Double]]) -> (sum: Double, scale: Double) {
    var (sum, scale) = (0.0, 0.0)
    for (a, b) in zip(a, b) {
      for (x, y) in zip(a, b) {
        sum += x * y
        scale += abs(x * y)
      }
    }
    return (sum, scale)
  }
}
