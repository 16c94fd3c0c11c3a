// Distributions: JAX's values for its keys, lanes of keys, compiled functions, and what they refuse.

import BloxIR
import BloxTrace
import TestSupport
import Testing

/// A draw, and what JAX 0.10.2 draws from the key of seed 7.
private struct Draw: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let shape: [Int]
  let values: [Double]
  let tolerance: Double
  let function: @Sendable (Key) throws -> Tensor

  init(
    _ name: String, _ shape: [Int], _ values: [Double], tolerance: Double = 1e-5,
    _ function: @escaping @Sendable (Key) throws -> Tensor
  ) {
    (testDescription, self.shape, self.values, self.tolerance) = (name, shape, values, tolerance)
    self.function = function
  }
}

private func vector(_ values: [Int]) throws -> Tensor { try Tensor(shape: [values.count], scalars: values) }

private let draws: [Draw] = [
  Draw("gamma", [4], [9.301836627440596e-20, 0.3021133840084076, 0.2527778446674347, 36.33936309814453]) {
    try $0.gamma(Tensor([0.1, 0.5, 1, 30]))
  },
  Draw("gamma, repeated", [2, 2], [5.715880888601532e-07, 2.392324447631836, 7.046175596769899e-05, 6.32036018371582]) {
    try $0.gamma(Tensor([0.3, 4]), [2, 2])
  },
  Draw("gamma in f64", [2], [4.744620073981052, 1.0719926335346703], tolerance: 1e-12) {
    try $0.gamma(2.5, [2], dtype: .f64)
  },
  Draw("logarithms of gamma", [4], [-4387.24267578125, -1.1969528198242188, -1.375244140625, 3.5929014682769775]) {
    try $0.logGamma(Tensor([0.001, 0.5, 1, 30]))
  },
  Draw("beta", [2], [0.0367736890912056, 1]) { try $0.beta(Tensor([0.5, 2]), Tensor([0.5, 1e-3])) },
  Draw(
    "dirichlet", [2, 3],
    [
      9.088111255550757e-05, 0.33588874340057373, 0.6640203595161438, 0.4648856222629547, 0.1544857770204544,
      0.3806286156177521,
    ]
  ) { try $0.dirichlet(Tensor([0.5, 2, 3]), [2]) },
  Draw("poisson", [6], [0, 1, 11, 993, -1, -1], tolerance: 0) {
    try $0.poisson(Tensor([0, 0.5, 12, 1000, .nan, -1]))
  },
  Draw("truncated normal in bf16", [4], [-1.546875, -1.9921875, 0.40234375, -0.828125], tolerance: 0.004) {
    try $0.truncatedNormal([4], dtype: .bf16)
  },
  Draw(
    "truncated normal in f16", [4], [-0.5439453125, 0.181396484375, -0.5390625, -0.292236328125], tolerance: 0.001
  ) { try $0.truncatedNormal([4], low: -1, high: 3, dtype: .f16) },
  Draw(
    "truncated normal in f64", [3], [0.9480578128259236, -1.5055105562914621, -0.7143742413919303], tolerance: 1e-12
  ) { try $0.truncatedNormal([3], dtype: .f64) },
  Draw(
    "orthogonal, wide", [2, 3],
    [
      0.48973512649536133, -0.5602856278419495, 0.6680116653442383, 0.8697620034217834, 0.36721739172935486,
      -0.3296443819999695,
    ]
  ) { try $0.orthogonal(2, columns: 3) },
  Draw(
    "orthogonal, tall", [3, 2],
    [
      0.48973512649536133, 0.8697620034217834, -0.5602856278419495, 0.36721739172935486, 0.6680116653442383,
      -0.3296443819999695,
    ]
  ) { try $0.orthogonal(3, columns: 2) },
  Draw("generalized normal", [3], [-0.11557121574878693, -0.6661776900291443, 0.05335377901792526]) {
    try $0.generalizedNormal(power: 3, [3])
  },
  Draw(
    "ball of another norm", [2, 2],
    [-0.4266590178012848, 0.28082358837127686, 0.16500413417816162, -0.4716698229312897]
  ) { try $0.ball(dimensions: 2, power: 1, [2]) },
  Draw("bernoulli, precise", [2, 3], [0, 0, 1, 0, 1, 0], tolerance: 0) {
    try $0.bernoulli(Tensor([0.1, 0.9, 0.5]), [2, 3], mode: .high)
  },
  Draw("gumbel, precise, in f16", [3], [1.744140625, 0.387451171875, 1.7275390625], tolerance: 0.004) {
    try $0.gumbel([3], mode: .high, dtype: .f16)
  },
  Draw("cauchy in bf16", [3], [-6.65625, -41.75, 0.58203125], tolerance: 0.02) { try $0.cauchy([3], dtype: .bf16) },
  Draw("choice of columns", [3, 2, 2], [3, 2, 0, 1, 7, 6, 4, 5, 11, 10, 8, 9], tolerance: 0) {
    try $0.choice(from: Tensor.arange(12).reshape([3, 4]), [2, 2], axis: 1)
  },
  Draw("choice of rows without replacement", [2, 4], [8, 9, 10, 11, 0, 1, 2, 3], tolerance: 0) {
    try $0.choice(from: Tensor.arange(12).reshape([3, 4]), [2], replacing: false)
  },
  Draw("randint of u8", [4], [31, 102, 5, 252], tolerance: 0) {
    try $0.randint(low: vector([-3, 0, 5, 250]), high: vector([300, 256, 5, 255]), dtype: .u8)
  },
  Draw("randint of i8", [3], [-97, 49, 29], tolerance: 0) {
    try $0.randint(low: vector([-300, 0, 5]), high: vector([300, 127, 200]), dtype: .i8)
  },
  Draw("randint of i32", [2], [752_193_311, 1_400_917_351], tolerance: 0) {
    let greatest = Int(Int32.max)
    return try $0.randint(low: vector([-greatest - 1, 0]), high: vector([greatest, greatest]))
  },
  Draw(
    "normal vectors", [2, 2, 2],
    [
      0.4512351453304291, 1.9534509181976318, -0.8941529393196106, -0.5282055735588074, 0.6154966950416565,
      0.3343164920806885, -0.22399690747261047, -0.44002580642700195,
    ]
  ) {
    let covariances = try Tensor([[[1, 0], [0, 1]], [[3, 1], [1, 3]]])
    return try $0.multivariateNormal(Tensor.zeros([2, 1, 2]), covariances, [2, 2])
  },
]

/// Draws without a row above, for lanes and compilation.
private let others: [(name: String, function: @Sendable (Key) throws -> Tensor)] = [
  ("uniform", { try $0.uniform(low: Tensor([0, -1]), high: Tensor([1, 5])) }),
  ("randint", { try $0.randint([3], low: -5, high: 9) }),
  ("gumbel", { try $0.gumbel([3], mode: .high) }),
  ("bernoulli", { try $0.bernoulli(0.3, [4], mode: .high) }),
  ("cauchy", { try $0.cauchy([3]) }),
  ("categorical", { try $0.categorical(Tensor([[0, 1, 2], [2, 1, 0]]), axis: 0, shape: [4, 3]) }),
  ("truncated normal", { try $0.truncatedNormal([3]) }),
  ("beta", { try $0.beta(2, 0.5, [3]) }),
  ("choice with probabilities", { try $0.choice(4, [5], probabilities: Tensor([0.1, 0.2, 0.3, 0.4])) }),
  ("choice without replacement", { try $0.choice(6, [2, 2], replacing: false) }),
  (
    "choice without replacement, with probabilities",
    { try $0.choice(4, [3], replacing: false, probabilities: Tensor([0.1, 0.2, 0.3, 0.4])) }
  ),
  ("permutation", { try $0.permutation(of: Tensor.arange(12).reshape([3, 4]), axis: -1) }),
  ("permutation of lines", { try $0.permutation(of: Tensor.arange(12).reshape([3, 4]), axis: 1, independent: true) }),
  ("nothing", { try $0.gamma(Tensor.zeros([0, 3])) }),
  ("no numbers", { try $0.poisson(3, [0]) }),
  ("no choice", { try $0.choice(0, [0]) }),
]

@Suite("Random distributions")
struct RandomTests {
  @Test("distributions have JAX's values", arguments: draws)
  fileprivate func values(_ draw: Draw) throws {
    let key = Key(7)
    let eager = try draw.function(key)
    let compiled = try jit { (key: Key) in try draw.function(key) }(key)
    for (drawn, how) in [(eager, "eager"), (compiled, "compiled")] {
      #expect(drawn.shape == draw.shape, "\(how)")
      for (got, want) in zip(try drawn.scalars(as: Double.self), draw.values) {
        #expect(Swift.abs(got - want) <= draw.tolerance * max(1, Swift.abs(want)), "\(how): \(got), not \(want)")
      }
    }
  }

  @Test("keys in lanes and tensors of keys draw what each draws alone")
  func lanes() throws {
    let keys = try Key(3).split([2, 2])
    for (name, function) in draws.map({ ($0.testDescription, $0.function) }) + others {
      let alone = try (0..<2).map { row in
        try (0..<2).map { column in try function(keys.at(row).at(column)).cast(to: .f64).scalars(as: Double.self) }
      }
      let together = try function(keys)
      let mapped = try vmap(vmap { (key: Key) in try function(key) })(keys)
      let compiled = try jit { (key: Key) in try function(key) }(keys)
      for (drawn, how) in [(together, "a tensor of keys"), (mapped, "vmap"), (compiled, "compiled")] {
        #expect(Array(drawn.shape.prefix(2)) == [2, 2], "\(name), \(how)")
        let got = try drawn.cast(to: .f64).scalars(as: Double.self)
        let close = zip(got, alone.flatMap { $0.flatMap { $0 } }).allSatisfy {
          $0 == $1 || Swift.abs($0 - $1) <= 1e-5 * max(1, Swift.abs($1))
        }
        #expect(
          close && got.count == alone.flatMap { $0.flatMap { $0 } }.count, "\(name), \(how): \(got), not \(alone)")
      }
    }
  }

  @Test("uniform numbers move with their bounds")
  func boundsHaveGradients() throws {
    let key = Key(1)
    let fraction = try key.uniform([3]).scalars(as: Double.self)
    let (low, high) = try grad { (bounds: [Tensor]) in
      try key.uniform(low: bounds[0], high: bounds[1]).sum()
    }([Tensor([0, -1, 2]), Tensor([1, 3, 7])]).unpacked()
    for (index, share) in fraction.enumerated() {
      #expect(Swift.abs(try low.at(index).item() - (1 - share)) < 1e-6)
      #expect(Swift.abs(try high.at(index).item() - share) < 1e-6)
    }
  }

  @Test("the concentration of gamma has no derivative, and no wrong one")
  func gammaIsNotDifferentiable() throws {
    let key = Key(1)
    #expect { try grad { (a: Tensor) in try key.gamma(a) }(Tensor(2.0)) } throws: {
      ($0 as? BloxError)?.code == .notDifferentiable
    }
    #expect { try jvp({ (a: Tensor) in try key.gamma(a) }, primals: Tensor(2.0), tangents: Tensor(1.0)) } throws: {
      ($0 as? BloxError)?.code == .notDifferentiable
    }
  }

  @Test("what cannot be drawn is an error that says so", arguments: refusals.indices)
  func errors(_ index: Int) throws {
    let (function, text) = refusals[index]
    #expect { try function(Key(0)) } throws: { error in
      let message = (error as? BloxError)?.message ?? "\(error)"
      if !message.contains(text) { print("got: \(message)") }
      return message.contains(text)
    }
  }
}

private let refusals: [(@Sendable (Key) throws -> Tensor, String)] = [
  (
    { try $0.choice(4, [5], replacing: false) },
    "choice: 5 draws without replacement need as many elements, and there are 4"
  ),
  (
    { try $0.choice(4, [5], probabilities: Tensor.ones([3])) },
    "choice: the probabilities must be a vector of 4 elements; got f32[3]"
  ),
  ({ try $0.choice(0, [2]) }, "choice: there is nothing to choose from; the population's size is 0"),
  ({ try $0.choice(-1) }, "choice: there is nothing to choose from; the population's size is -1"),
  ({ try $0.choice(3, [-1]) }, "negative"),
  ({ try $0.gamma(2, [-1]) }, "negative"),
  ({ try $0.permutation(of: Tensor.arange(3), axis: 1) }, "permutation"),
  (
    { try $0.uniform([2], low: Tensor.zeros([3]), high: Tensor(1.0)) },
    "uniform: low f32[3] does not broadcast to the shape [2]"
  ),
  (
    { try $0.randint(low: Tensor.zeros([3]), high: Tensor.ones([3])) },
    "randint: the bounds must be integers; got f32[3] and f32[3]"
  ),
  (
    { try $0.beta(Tensor.ones([2]), Tensor.ones([3])) },
    "beta: the shapes of a f32[2] and b f32[3] do not broadcast"
  ),
  ({ try $0.dirichlet(Tensor(1.0)) }, "dirichlet: needs a vector of concentrations, […, n]; got f32[]"),
  (
    { try $0.multivariateNormal(Tensor.ones([2]), Tensor.eye(3)) },
    "multivariateNormal: for the mean f32[2] the covariance must be […, 2, 2]; got f32[3,3]"
  ),
  ({ try $0.orthogonal(-1) }, "orthogonal: the matrix of -1 × -1 has a negative size"),
  ({ try $0.ball(dimensions: 2, power: 0) }, "ball: the power 0.0 must be greater than 0"),
  ({ try $0.poisson(2, dtype: .f32) }, "poisson: needs an integer dtype, not f32"),
  ({ try $0.truncatedNormal(dtype: .i32) }, "truncatedNormal: needs a floating-point dtype, not i32"),
  ({ try $0.gamma(2, dtype: .i32) }, "gamma: needs a floating-point dtype, not i32"),
]

extension [Tensor] {
  fileprivate func unpacked() -> (Tensor, Tensor) { (self[0], self[1]) }
}
