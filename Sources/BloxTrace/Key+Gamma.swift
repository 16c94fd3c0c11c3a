// The gamma distribution, and those that are made of it.
//
// Source: G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", ACM Transactions on
// Mathematical Software 26 (2000): a normal number is cubed and accepted or drawn again. Each element has a key of its
// own, so how often others are drawn again does not change it.

import BloxIR

extension Key {
  /// Numbers of the gamma distribution with scale 1.
  ///
  /// There is no derivative with respect to the concentration.
  ///
  /// - Parameters:
  ///   - concentration: The distribution's shape parameters, greater than 0; integers count as `f32`.
  ///   - shape: The shape of the result, to which the parameters broadcast; theirs when `nil`.
  /// - Throws: ``BloxError/Code/shapeMismatch`` when the parameters do not broadcast to the shape;
  ///   ``BloxError/Code/notDifferentiable`` when it is differentiated.
  public func gamma(_ concentration: Tensor, _ shape: [Int]? = nil, file: String = #fileID, line: Int = #line) throws
    -> Tensor
  {
    try located(file, line) {
      try drawGamma(concentration, shape, "gamma", isLogarithm: false)
    }
  }

  /// Numbers of the gamma distribution with one concentration and scale 1.
  public func gamma(
    _ concentration: Double, _ shape: [Int] = [], dtype: DType = .f32, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try gamma(parameter(concentration, dtype, "gamma"), shape)
    }
  }

  /// Logarithms of numbers of the gamma distribution, exact also where the numbers are too small for the dtype.
  ///
  /// - Throws: As ``gamma(_:_:)``.
  public func logGamma(_ concentration: Tensor, _ shape: [Int]? = nil, file: String = #fileID, line: Int = #line) throws
    -> Tensor
  {
    try located(file, line) {
      try drawGamma(concentration, shape, "logGamma", isLogarithm: true)
    }
  }

  /// Logarithms of numbers of the gamma distribution with one concentration.
  public func logGamma(
    _ concentration: Double, _ shape: [Int] = [], dtype: DType = .f32, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try logGamma(parameter(concentration, dtype, "logGamma"), shape)
    }
  }

  /// Numbers of the beta distribution, in [0, 1]. There is no derivative with respect to the parameters.
  ///
  /// - Parameters:
  ///   - a: The parameters that draw towards 1, greater than 0.
  ///   - b: The parameters that draw towards 0, greater than 0.
  ///   - shape: The shape of the result, to which the parameters broadcast; theirs together when `nil`.
  /// - Throws: ``BloxError/Code/shapeMismatch`` when the parameters do not broadcast.
  public func beta(_ a: Tensor, _ b: Tensor, _ shape: [Int]? = nil, file: String = #fileID, line: Int = #line) throws
    -> Tensor
  {
    try located(file, line) {
      let drawn = try Tensor.drawnShape(shape, "beta", [("a", a), ("b", b)])
      let dtype = try a.dtype.promoted(with: b.dtype).inexact
      let (first, second) = try split()
      let x = try first.logGamma(a.cast(to: dtype), drawn)
      let y = try second.logGamma(b.cast(to: dtype), drawn)
      // a / (a + b) with the larger scaled to 1.
      let larger = try maximum(x, y)
      let (p, q) = (try exp(x - larger), try exp(y - larger))
      return try p / (p + q)
    }
  }

  /// Numbers of one beta distribution.
  public func beta(
    _ a: Double, _ b: Double, _ shape: [Int] = [], dtype: DType = .f32, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try beta(parameter(a, dtype, "beta"), parameter(b, dtype, "beta"), shape)
    }
  }

  /// Vectors of the Dirichlet distribution: positive, with sum 1.
  ///
  /// - Parameters:
  ///   - concentration: `[…, n]`, greater than 0; vectors of `n` are drawn.
  ///   - shape: The shape of the result without its last dimension; the parameters' when `nil`.
  /// - Throws: ``BloxError/Code/shapeMismatch`` for a scalar, or when the parameters do not broadcast to the shape.
  public func dirichlet(_ concentration: Tensor, _ shape: [Int]? = nil, file: String = #fileID, line: Int = #line)
    throws -> Tensor
  {
    try located(file, line) {
      guard let size = concentration.shape.last else {
        throw BloxError(
          .shapeMismatch, "dirichlet: needs a vector of concentrations, […, n]; got \(concentration.type)")
      }
      return try softmax(logGamma(concentration, shape.map { $0 + [size] }))
    }
  }

  /// Numbers of the generalized normal distribution, with a density proportional to `exp(-|x|^power)`.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for a power that is not greater than 0.
  public func generalizedNormal(
    power: Double, _ shape: [Int] = [], dtype: DType = .f32, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard power > 0 else {
        throw BloxError(.invalidArgument, "generalizedNormal: the power \(power) must be greater than 0")
      }
      let (size, direction) = try split()
      let magnitude = try pow(size.gamma(1 / power, shape, dtype: dtype), 1 / power)
      return try direction.rademacher(shape, dtype: dtype) * magnitude
    }
  }

  /// Points uniform in the unit ball: of `dimensions` numbers, along a last axis, whose norm is at most 1.
  ///
  /// Source: F. Barthe, O. Guédon, S. Mendelson and A. Naor, "A probabilistic approach to the geometry of the ℓp^n-ball",
  /// Annals of Probability 33 (2005).
  ///
  /// - Parameters:
  ///   - power: Which norm: the sum of so high powers of magnitudes; 2 is the Euclidean one.
  ///   - shape: The shape of the result without its last dimension.
  /// - Throws: ``BloxError/Code/invalidArgument`` for a power that is not greater than 0, or a negative number of
  ///   dimensions.
  public func ball(
    dimensions: Int, power: Double = 2, _ shape: [Int] = [], dtype: DType = .f32, file: String = #fileID,
    line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard power > 0 else { throw BloxError(.invalidArgument, "ball: the power \(power) must be greater than 0") }
      guard dimensions >= 0 else {
        throw BloxError(.invalidArgument, "ball: the number of dimensions \(dimensions) is negative")
      }
      let (direction, radius) = try split()
      let point = try direction.generalizedNormal(power: power, shape + [dimensions], dtype: dtype)
      let magnitudes = try power == 2 ? square(point) : pow(abs(point), power)
      let norm = try magnitudes.sum([-1]) + radius.exponential(shape, dtype: dtype)
      return try point / pow(norm, 1 / power).expandDims(-1)
    }
  }

  /// A distribution's parameter as a tensor.
  private func parameter(_ value: Double, _ dtype: DType, _ function: String) throws -> Tensor {
    guard dtype.isFloating else {
      throw BloxError(.invalidDType, "\(function): needs a floating-point dtype, not \(dtype)")
    }
    return Tensor(value, dtype: dtype)
  }
}

extension Key {
  /// What a function of one key draws with each of a tensor of keys.
  func perKey(_ draw: (Key) throws -> Tensor) throws -> Tensor {
    guard !shape.isEmpty else { return try draw(self) }
    let keys = try Key(tensor.reshape([tensor.count]))
    let drawn = try withoutActuallyEscaping(draw) { draw in try vmap { (key: Key) in try draw(key) }(keys) }
    return try drawn.reshape(shape + drawn.shape.dropFirst())
  }

  private func drawGamma(
    _ concentration: Tensor, _ shape: [Int]?, _ function: String, isLogarithm: Bool
  ) throws -> Tensor {
    let drawn = try Tensor.drawnShape(shape, function, [("concentration", concentration)])
    let dtype = concentration.dtype.inexact
    try TensorType(dtype, drawn).validate(function)
    let parameters = try withoutForwardDerivative(concentration.cast(to: dtype).broadcast(to: drawn).reshape([-1]))
    return try perKey { key in
      guard parameters.count > 0 else { return try Tensor.zeros(drawn, dtype: dtype) }
      let lanes = vmap { (key: Key, a: Tensor) in try key.gammaOfOne(a, isLogarithm: isLogarithm) }
      return try lanes(key.split([parameters.count]), parameters).reshape(drawn)
    }
  }

  /// A number of the gamma distribution for one key and concentration, or its logarithm.
  private func gammaOfOne(_ concentration: Tensor, isLogarithm: Bool) throws -> Tensor {
    let dtype = concentration.dtype
    // The method needs a concentration of 1 or more: gamma(a) is gamma(a + 1) * u^(1/a).
    let isLarge = try concentration .>= 1
    let d = try select(isLarge, concentration, concentration + 1) - 1.0 / 3.0
    let c = try (1.0 / 3.0) / sqrt(d)
    let (loopKey, boostKey) = try split()
    let start = GammaState(
      key: loopKey, squared: Tensor(0, dtype: dtype), cubed: Tensor(1, dtype: dtype), uniform: Tensor(2, dtype: dtype))
    let drawn = try whileLoop(start) { state in
      // Rejected: outside the squeeze, and outside the exact bound.
      try (state.uniform .>= 1 - 0.0331 * square(state.squared))
        .& (log(state.uniform) .>= state.squared * 0.5 + d * (1 - state.cubed + log(state.cubed)))
    } body: { state in
      let keys = try state.key.split(3)
      let proposal = try whileLoop(
        Proposal(key: keys.at(1), normal: Tensor(0, dtype: dtype), cubeRoot: Tensor(-1, dtype: dtype))
      ) {
        try $0.cubeRoot .<= 0
      } body: { proposal in
        let (next, sub) = try proposal.key.split()
        let x = try sub.normal(dtype: dtype)
        return Proposal(key: next, normal: x, cubeRoot: try 1 + x * c)
      }
      let v = proposal.cubeRoot
      return GammaState(
        key: try keys.at(0), squared: try square(proposal.normal), cubed: try v * v * v,
        uniform: try keys.at(2).uniform(dtype: dtype))
    }
    if isLogarithm {
      let sample = try -boostKey.exponential(dtype: dtype)
      let boost = try select(isLarge .| (sample .== 0), 0.0, sample * (1 / concentration))
      return try log(d) + log(drawn.cubed) + boost
    }
    let boost = try select(isLarge, 1.0, pow(1 - boostKey.uniform(dtype: dtype), 1 / concentration))
    return try d * drawn.cubed * boost
  }

  /// The tensor with an error for a derivative: reverse mode stops at the loop, and forward mode here, because the
  /// derivative of the accepted proposal is not that of the distribution.
  private func withoutForwardDerivative(_ x: Tensor) throws -> Tensor {
    try customVJP(name: "gamma") { (x: Tensor) in
      x
    } forward: {
      ($0, $0)
    } backward: { (_: Tensor, ct: Tensor) in
      ct
    }(x)
  }
}

/// A proposal and the number that decides about it.
private struct GammaState: TensorTree {
  var key: Key
  /// The square of the normal number.
  var squared: Tensor
  var cubed: Tensor
  var uniform: Tensor

  mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&key, "key")
    try visitor.visit(&squared, "squared")
    try visitor.visit(&cubed, "cubed")
    try visitor.visit(&uniform, "uniform")
  }
}

/// A normal number with a positive proposal.
private struct Proposal: TensorTree {
  var key: Key
  var normal: Tensor
  var cubeRoot: Tensor

  mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    try visitor.visit(&key, "key")
    try visitor.visit(&normal, "normal")
    try visitor.visit(&cubeRoot, "cubeRoot")
  }
}
