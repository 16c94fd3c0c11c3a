// Gradients of every function of the surface, against differences and against forward mode.

import BloxPasses
import TestSupport
import Testing

@testable import BloxTrace

@Suite("Gradients")
struct GradientTests {
  private static let seed: UInt64 = 20_240_607

  /// The scalar `sum(function(x) * weights)`.
  private func objective(_ sample: SurfaceSample, _ weights: Tensor) -> TensorFunction<Tensor, [Tensor]> {
    jit(TensorFunction { (x: [Tensor]) in try (sample.function(x) * weights).sum() })
  }

  /// Random inputs and weights for the outputs.
  private func setUp(_ sample: SurfaceSample) throws -> (inputs: [Tensor], weights: Tensor, random: SeededGenerator) {
    let inputs = try sample.randomInputs(seed: Self.seed)
    var random = SeededGenerator(seed: Self.seed + 1)
    let weights = try randomTensor(evalShape({ (x: [Tensor]) in try sample.function(x) }, inputs).shape, &random)
    return (inputs, weights, random)
  }

  /// The inner product of two lists of tensors.
  private func inner(_ a: [Tensor], _ b: [Tensor]) throws -> Tensor {
    try zip(a, b).reduce(Tensor(0, dtype: .f64)) { try $0 + ($1.0 * $1.1).sum() }
  }

  @Test("grad is the slope of central differences in f64", arguments: SurfaceSample.all)
  func centralDifferences(sample: SurfaceSample) throws {
    let (inputs, weights, _) = try setUp(sample)
    let function = objective(sample, weights)
    let gradients = try grad(function)(inputs)
    let step = 1e-5
    for (index, input) in inputs.enumerated() {
      let elements: [Double] = try input.scalars()
      let got: [Double] = try gradients[index].scalars()
      for position in elements.indices {
        func value(_ offset: Double) throws -> Double {
          var moved = elements
          moved[position] += offset
          var all = inputs
          all[index] = try Tensor(shape: input.shape, scalars: moved, dtype: .f64)
          return try function(all).item()
        }
        let slope = try (value(step) - value(-step)) / (2 * step)
        #expect(
          Swift.abs(got[position] - slope) <= 1e-8 + 1e-6 * Swift.abs(slope),
          "input \(index), element \(position), seed \(Self.seed): got \(got[position]), slope \(slope)")
      }
    }
  }

  @Test("grad of grad is the slope of the gradient", arguments: SurfaceSample.all)
  func secondOrder(sample: SurfaceSample) throws {
    var (inputs, weights, random) = try setUp(sample)
    let gradient = grad(objective(sample, weights))
    let direction = try inputs.map { try randomTensor($0.shape, &random) }
    let product = try grad { (x: [Tensor]) in try inner(gradient(x), direction) }(inputs)
    let step = 1e-5
    let ahead = try gradient(zip(inputs, direction).map { try $0 + $1 * step })
    let behind = try gradient(zip(inputs, direction).map { try $0 - $1 * step })
    var isZero = true
    for (got, (a, b)) in zip(product, zip(ahead, behind)) {
      let slopes: [Double] = try ((a - b) / (2 * step)).scalars()
      for (got, slope) in try zip(got.scalars(as: Double.self), slopes) {
        isZero = isZero && got == 0
        #expect(
          Swift.abs(got - slope) <= 1e-7 + 1e-5 * Swift.abs(slope), "seed \(Self.seed): got \(got), slope \(slope)")
      }
    }
    #expect(isZero != sample.isSmooth)
  }

  @Test("<J v, u> is <v, transposed J u>", arguments: SurfaceSample.all)
  func adjoint(sample: SurfaceSample) throws {
    var (inputs, weights, random) = try setUp(sample)
    let program = try makeProgram({ (x: [Tensor]) in try sample.function(x) }, inputs)
    let active = inputs.map { _ in true }
    let tangents = try inputs.map { try randomTensor($0.shape, &random) }
    let jvp = try program.jvp(active: active)
    let pushed = try evaluate(jvp.program, inputs + tangents)
    let forward = jvp.hasTangent[0] ? try (pushed[1] * weights).sum().item() : 0
    let pulled = try evaluate(program.vjp(active: active, differentiated: [true]), inputs + [weights]).dropFirst()
    let backward = try inner(tangents, Array(pulled)).item()
    #expect(Swift.abs(forward - backward) <= 1e-12 * (1 + Swift.abs(forward)), "\(forward) and \(backward)")
  }

  @Test("compiled gradients are the uncompiled ones", arguments: SurfaceSample.all)
  func compiled(sample: SurfaceSample) throws {
    let (inputs, weights, _) = try setUp(sample)
    let plain = grad { (x: [Tensor]) in try (sample.function(x) * weights).sum() }
    for (got, want) in try zip(jit(plain)(inputs), plain(inputs)) {
      try expectClose(got, want, rtol: 1e-13)
    }
  }

  /// A derivative where JAX has defined one by convention.
  struct Kink: Sendable, CustomTestStringConvertible {
    let name: String
    let at: [Double]
    let gradient: [Double]
    let function: @Sendable (Tensor) throws -> Tensor
    init(
      _ name: String, at: [Double], is gradient: [Double], _ function: @escaping @Sendable (Tensor) throws -> Tensor
    ) {
      (self.name, self.at, self.gradient, self.function) = (name, at, gradient, function)
    }
    var testDescription: String { name }
  }

  static let kinks = [
    Kink("abs at 0 has slope 1, also at -0", at: [0, -0.0, 1, -1], is: [1, 1, 1, -1]) { try abs($0) },
    Kink("relu at 0 has slope 0", at: [0, -1, 1], is: [0, 0, 1]) { try relu($0) },
    Kink("maximum shares ties", at: [1, 2, 0], is: [0.5, 1, 0]) { try maximum($0, 1) },
    Kink("minimum shares ties", at: [1, 2, 0], is: [0.5, 0, 1]) { try minimum($0, 1) },
    Kink("maximum with itself has slope 1", at: [1, 2], is: [1, 1]) { try maximum($0, $0) },
    Kink("max shares among all extremes", at: [3, 1, 3, 3], is: [1 / 3.0, 0, 1 / 3.0, 1 / 3.0]) { try $0.max() },
    Kink("min shares among all extremes", at: [3, 1, 1, 3], is: [0, 0.5, 0.5, 0]) { try $0.min() },
    Kink("clip at a bound has slope ½", at: [-1, 1, 0, 2], is: [0.5, 0.5, 1, 0]) { try clip($0, -1, 1) },
    Kink("sqrt at 0 has an infinite slope", at: [0, 4], is: [.infinity, 0.25]) { try sqrt($0) },
    Kink("log at 0 has an infinite slope", at: [0, 2], is: [.infinity, 0.5]) { try log($0) },
    Kink("sign, floor and ceil have slope 0", at: [0, 1.5], is: [0, 0]) { try sign($0) + floor($0) + ceil($0) },
    Kink("softplus at 0 has slope ½", at: [0], is: [0.5]) { try softplus($0) },
    Kink("silu at 0 has slope ½", at: [0], is: [0.5]) { try silu($0) },
    Kink("the square of 0 as a power has slope 0", at: [0, 3], is: [0, 6]) { try pow($0, 2.0) },
    Kink("0 to the power 1 has slope 1", at: [0], is: [1]) { try pow($0, Tensor(1, dtype: .f64)) },
    Kink("0 to the power 0 has slope 0", at: [0], is: [0]) { try pow($0, Tensor(0, dtype: .f64)) },
    Kink("the exponent of base 0 has slope 0", at: [2], is: [0]) { try pow(0, $0) },
    Kink("an integer power 0 has slope 0", at: [0, 2], is: [0, 0]) { try pow($0, 0) },
    Kink("the lowest integer power has a slope", at: [1, -1, 2], is: [-0x1p63, 0x1p63, 0]) { try pow($0, Int.min) },
    Kink("a step beyond memory takes the first element", at: [3, 4], is: [1, 0]) {
      try $0.slice(starts: [0], limits: [2], strides: [.max])
    },
    Kink("a guarded argument keeps NaN out", at: [-1, 0, 4], is: [0, 0, 0.25]) { x in
      let isPositive = try x .> 0
      return try select(isPositive, sqrt(select(isPositive, x, 1)), 0)
    },
    Kink("a guard around the result alone lets NaN in", at: [-1, 4], is: [.nan, 0.25]) { x in
      try select(x .> 0, sqrt(x), 0)
    },
    Kink("stopGradient has slope 0", at: [2], is: [2]) { try stopGradient($0) * $0 },
    Kink("logSumExp of -inf alone is no NaN in value", at: [1, 1], is: [0.5, 0.5]) { try logSumExp($0) },
  ]

  @Test("derivatives at kinks and ties are JAX's", arguments: kinks)
  func kink(_ kink: Kink) throws {
    let x = try Tensor(kink.at, dtype: .f64)
    let gradient = grad { (x: Tensor) in try kink.function(x).sum() }
    for function in [gradient, jit(gradient)] {
      let got: [Double] = try function(x).scalars()
      for (got, want) in zip(got, kink.gradient) {
        let isSame = got == want || Swift.abs(got - want) <= 1e-15 || (got.isNaN && want.isNaN)
        #expect(isSame, "\(kink.name): got \(got), want \(want)")
      }
    }
  }

  @Test("grad goes through tuples of arguments and trees, with the structure of the first") func trees() throws {
    let gradient = grad { (p: [String: [Tensor]], scale: Tensor) in
      try (p["a"]![0] * p["b"]![0] * scale).sum() + p["b"]![1].sum()
    }
    let params = ["a": [try Tensor([1, 2])], "b": [try Tensor([3, 4]), try Tensor([5, 6])]]
    let got = try gradient(params, Tensor(10))
    #expect(try got["a"]![0].scalars() == [30.0, 40.0])
    #expect(try got["b"]![0].scalars() == [10.0, 20.0])
    #expect(try got["b"]![1].scalars() == [1.0, 1.0])
    #expect(try got.structure() == params.structure())
  }

  @Test("T-31, T-37: valueAndGrad gives the value and the gradient of the first argument only")
  func valueGrad() throws {
    let (value, gradient) = try valueAndGrad { (x: Tensor, y: Tensor) in try x * x * y }(Tensor(3.0), Tensor(2.0))
    #expect(try (value.item(), gradient.item()) == (18, 12))
    let (second, aux, slope) = try valueAndGrad { (x: Tensor) in (try x * x, [try x + 1]) }(Tensor(3.0))
    #expect(try (second.item(), aux[0].item(), slope.item()) == (9, 4, 6))
  }

  @Test("grad of five arguments and more is inferred too") func manyArguments() throws {
    let function = TensorFunction { (a: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor) throws -> Tensor in
      try a * b * c * d * e
    }
    let gradient: TensorFunction<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor> = grad(function)
    let two = Tensor(2.0)
    #expect(try gradient(two, two, two, two, two).item() == 16)
  }

  @Test("a result that does not depend on the argument has a gradient of zeros") func independent() throws {
    let gradient = try grad { (x: Tensor, y: Tensor) in try y.sum() }(Tensor([1, 2]), Tensor([3, 4]))
    #expect(try gradient.scalars() == [0.0, 0.0])
  }

  @Test("gradients reach tensors of an enclosing function") func closures() throws {
    let gradient = grad { (x: Tensor) throws -> Tensor in
      let inner = grad { (y: Tensor) in try x * y * y }
      return try inner(Tensor(3.0))
    }
    // d/dx (d/dy x y²) at y = 3 is 2y.
    #expect(try gradient(Tensor(5.0)).item() == 6)
  }
}

/// Compares two tensors element by element.
func expectClose(
  _ got: Tensor, _ want: Tensor, rtol: Double = 0, atol: Double = 0, _ comment: Comment? = nil,
  sourceLocation: Testing.SourceLocation = #_sourceLocation
) throws {
  #expect(got.type == want.type, comment, sourceLocation: sourceLocation)
  let (a, b): ([Double], [Double]) = (try got.scalars(), try want.scalars())
  let isClose = zip(a, b).allSatisfy { x, y in
    x == y || (x.isNaN && y.isNaN) || Swift.abs(x - y) <= atol + rtol * Swift.abs(y)
  }
  #expect(isClose, comment ?? "got \(got), want \(want)", sourceLocation: sourceLocation)
}
