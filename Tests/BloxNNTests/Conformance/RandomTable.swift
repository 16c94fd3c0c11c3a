// The reference vectors' random numbers and initializers as functions of this library.

import BloxIR
import BloxNN
import TestSupport

@testable import BloxTrace

/// Cases of the group `random`.
func bindRandom(_ testCase: ConformanceCase) throws -> CaseBinding {
  let attrs = testCase.attrs
  let shape = attrs["shape"]?.ints
  let dtype = try attrs["dtype"]?.string.map { try DType(stored: $0) } ?? .f32
  func words(_ function: @escaping (Key, [Tensor]) throws -> Key) -> CaseBinding {
    .run { x in [try function(Key(words: x[0]), x).words()] }
  }
  func values(_ function: @escaping (Key, [Tensor]) throws -> Tensor) -> CaseBinding {
    .run { x in [try function(Key(words: x[0]), x)] }
  }
  switch testCase.op {
  case "random.key":
    if testCase.inputs.isEmpty { return .run { _ in [try Key(attrs["seed"]?.int ?? 0).words()] } }
    return .run { x in [try Key(Tensor.apply(.random(.seed), x[0])).words()] }
  case "random.fold_in":
    guard attrs["vmap"] == nil else {
      return words { key, x in try vmap { (data: Tensor) in try key.foldIn(data) }(x[1]) }
    }
    return words { try $0.foldIn($1[1]) }
  case "random.split":
    let count = attrs["num"]?.ints ?? attrs["num"]?.int.map { [$0] } ?? []
    return words { key, _ in try key.split(count) }
  case "random.chain": return words { key, _ in try key.foldIn(3).split(2).at(1).foldIn(9) }
  case "random.bits":
    let dtype = try attrs["dtype"]?.string.map { try DType(stored: $0) } ?? .u32
    return values { key, _ in
      guard attrs["vmap"] == nil else { return try vmap { (key: Key) in try key.bits([3]) }(key.split(4)) }
      return try key.bits(shape ?? [], dtype: dtype)
    }
  case "random.uniform":
    guard attrs["minval"] != nil || testCase.inputs.count == 1 else {
      return values { key, x in try key.uniform([5], low: x[1], high: x[2]) }
    }
    let shape = shape ?? []
    let (low, high) = (attrs["minval"]?.double ?? 0, attrs["maxval"]?.double ?? 1)
    return values { key, _ in try key.uniform(shape, low: low, high: high, dtype: dtype) }
  case "random.normal":
    return values { key, _ in
      guard !testCase.py.hasPrefix("jax.vmap") else {
        return try vmap { (key: Key) in try key.normal([3]) }(key.split(4))
      }
      return try key.normal(shape ?? [], dtype: dtype)
    }
  case "random.truncated_normal":
    let (low, high) = (attrs["lower"]?.double ?? 0, attrs["upper"]?.double ?? 0)
    return values { key, _ in try key.truncatedNormal(shape ?? [], low: low, high: high) }
  case "random.bernoulli":
    guard let shape else { return values { try $0.bernoulli($1[1]) } }
    return values { key, _ in
      try key.bernoulli(attrs["p"]?.double ?? 0.5, shape, mode: attrs["mode"] == nil ? .low : .high)
    }
  case "random.randint":
    let dtype = try attrs["dtype"]?.string.map { try DType(stored: $0) } ?? .i32
    guard let low = attrs["minval"]?.int, let high = attrs["maxval"]?.int else {
      return values { key, x in try key.randint(shape, low: x[1], high: x[2], dtype: dtype) }
    }
    return values { key, _ in try key.randint(shape ?? [], low: low, high: high, dtype: dtype) }
  case "random.gumbel":
    return values { key, _ in try key.gumbel(shape ?? [], mode: attrs["mode"] == nil ? .low : .high) }
  case "random.exponential": return values { key, _ in try key.exponential(shape ?? []) }
  case "random.laplace": return values { key, _ in try key.laplace(shape ?? []) }
  case "random.logistic": return values { key, _ in try key.logistic(shape ?? []) }
  case "random.rademacher": return values { key, _ in try key.rademacher(shape ?? []) }
  case "random.categorical":
    return values { key, x in try key.categorical(x[1], axis: attrs["axis"]?.int ?? -1, shape: shape) }
  case "random.dropout_mask":
    return values { key, _ in try key.bernoulli(1 - (attrs["rate"]?.double ?? 0), shape ?? []) }
  case "random.permutation":
    guard let count = shape?.first else {
      let (axis, independent) = (attrs["axis"]?.int ?? 0, testCase.py.contains("independent=True"))
      return values { key, x in try key.permutation(of: x[1], axis: axis, independent: independent) }
    }
    guard testCase.py.hasPrefix("jax.vmap") else {
      return values { key, _ in
        let order = try key.permutation(of: .arange(count))
        // The order for the host is the same.
        if Trace.current == nil {
          let numbers = try Key(words: key.words()).permutation(count)
          guard try order.scalars(as: Int.self) == numbers else { return try .full([], .nan) }
        }
        return order
      }
    }
    return values { key, _ in
      try vmap { (key: Key) in try key.permutation(of: .arange(count)) }(key.split(3))
    }
  case _: return bindRandomDistribution(testCase)
  }
}

/// Cases of the group `random` whose parameters are in their expressions.
private func bindRandomDistribution(_ testCase: ConformanceCase) -> CaseBinding {
  let shape = testCase.attrs["shape"]?.ints
  func values(_ function: @escaping (Key, [Tensor]) throws -> Tensor) -> CaseBinding {
    .run { x in [try function(Key(words: x[0]), x)] }
  }
  switch testCase.op {
  case "random.cauchy": return values { key, _ in try key.cauchy(shape ?? []) }
  case "random.choice":
    let replacing = testCase.attrs["replace"]?.bool ?? true
    let hasProbabilities = testCase.attrs["p"]?.string != nil
    guard let count = testCase.attrs["a"]?.int else {
      return values { key, x in try key.choice(from: x[1], shape ?? [], axis: testCase.attrs["axis"]?.int ?? 0) }
    }
    return values { key, x in
      try key.choice(count, shape ?? [], replacing: replacing, probabilities: hasProbabilities ? x[1] : nil)
    }
  case "random.gamma": return values { key, _ in try key.gamma(2.5, [4]) }
  case "random.beta": return values { key, _ in try key.beta(2, 3, [4]) }
  case "random.dirichlet": return values { key, x in try key.dirichlet(x[1]) }
  case "random.poisson": return values { key, _ in try key.poisson(3, [6]) }
  case "random.multivariate_normal": return values { key, x in try key.multivariateNormal(x[1], x[2], [3]) }
  case "random.orthogonal": return values { key, _ in try key.orthogonal(3) }
  case "random.ball": return values { key, _ in try key.ball(dimensions: 3, [2]) }
  case _: return unbound(testCase)
  }
}

/// Cases of the group `initializers`.
func bindInitializer(_ testCase: ConformanceCase) throws -> CaseBinding {
  let arguments = PythonArguments(testCase.attrs["args"]?.string ?? "")
  let shape = testCase.attrs["shape"]?.ints ?? []
  let dtype = try DType(stored: testCase.attrs["dtype"]?.string ?? "float32")
  func scaling(_ scale: Double, _ fan: Initializer.Fan, _ distribution: Initializer.Distribution) -> Initializer {
    .varianceScaling(
      scale: scale, fan: fan, distribution, inAxis: arguments.int("in_axis") ?? -2,
      outAxis: arguments.int("out_axis") ?? -1, batchAxes: arguments.int("batch_axis").map { [$0] } ?? [])
  }
  let hasAxes = arguments["in_axis"] != nil
  let initializer: Initializer
  switch testCase.op {
  case "init.zeros": initializer = .zeros
  case "init.ones": initializer = .ones
  case "init.constant": initializer = .constant(arguments.double(0) ?? 0)
  case "init.normal": initializer = arguments.double(0).map { .normal(stddev: $0) } ?? .normal()
  case "init.uniform": initializer = arguments.double(0).map { .uniform(scale: $0) } ?? .uniform()
  case "init.truncated_normal":
    initializer = .truncatedNormal(
      stddev: arguments.double(0) ?? 0.01, lower: arguments.double("lower") ?? -2,
      upper: arguments.double("upper") ?? 2)
  case "init.lecun_normal": initializer = hasAxes ? scaling(1, .in, .truncatedNormal) : .lecunNormal
  case "init.lecun_uniform": initializer = hasAxes ? scaling(1, .in, .uniform) : .lecunUniform
  case "init.glorot_normal": initializer = hasAxes ? scaling(1, .average, .truncatedNormal) : .glorotNormal
  case "init.glorot_uniform": initializer = hasAxes ? scaling(1, .average, .uniform) : .glorotUniform
  case "init.he_normal": initializer = hasAxes ? scaling(2, .in, .truncatedNormal) : .heNormal
  case "init.he_uniform": initializer = hasAxes ? scaling(2, .in, .uniform) : .heUniform
  case "init.variance_scaling":
    let fans: [String: Initializer.Fan] = [
      "'fan_in'": .in, "'fan_out'": .out, "'fan_avg'": .average, "'fan_geo_avg'": .geometric,
    ]
    let distributions: [String: Initializer.Distribution] = [
      "'normal'": .normal, "'truncated_normal'": .truncatedNormal, "'uniform'": .uniform,
    ]
    guard let fan = fans[arguments.positional[1]] else {
      return .skip("the fan \(arguments.positional[1]) is unknown")
    }
    guard let distribution = distributions[arguments.positional[2]] else { return unbound(testCase) }
    initializer = scaling(arguments.double(0) ?? 1, fan, distribution)
  case "init.orthogonal":
    initializer = .orthogonal(scale: arguments.double(0) ?? 1, columnAxis: arguments.int("column_axis") ?? -1)
  case "init.delta_orthogonal": initializer = .deltaOrthogonal()
  case _: return unbound(testCase)
  }
  return .run { x in [try initializer(Key(words: x[0]), shape, dtype)] }
}

/// The arguments of a Python call, as text.
private struct PythonArguments {
  var positional: [String] = []
  private var named: [String: String] = [:]

  init(_ text: String) {
    for part in text.split(separator: ",") {
      let sides = part.split(separator: "=").map { $0.filter { $0 != " " } }
      if sides.count == 2 { named[sides[0]] = sides[1] } else { positional.append(sides[0]) }
    }
  }

  subscript(name: String) -> String? { named[name] }
  func int(_ name: String) -> Int? { named[name].flatMap { Int($0) } }
  func double(_ name: String) -> Double? { named[name].flatMap { Double($0) } }
  func double(_ index: Int) -> Double? { positional.indices.contains(index) ? Double(positional[index]) : nil }
}
