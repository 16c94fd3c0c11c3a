// Forward-mode and linear maps: jvp, vjp and linearize, as functions of primals.

import BloxIR
import BloxPasses
import BloxRuntime

/// The value of a function and its derivative along a direction (JAX's `jvp`).
///
/// ```swift
/// let (y, dy) = try jvp({ (x: Tensor) in try tanh(x) }, primals: x, tangents: dx)
/// ```
///
/// - Parameters:
///   - primals: The arguments.
///   - tangents: A direction of the same structure; where an argument's tensors are not floating-point, their
///     tangents are ignored.
/// - Returns: The output and its tangent. Parts that do not depend on a floating-point argument have zero tangents.
public func jvp<Output, each Input: TensorTree>(
  _ function: TensorFunction<Output, repeat each Input>, primals: repeat each Input,
  tangents: repeat each Input
) throws -> (Output, Output) {
  let arguments = try TensorFunction<Output, repeat each Input>.flatten(repeat each primals)
  let directions = try TensorFunction<Output, repeat each Input>.flatten(repeat each tangents)
  try expectTangents(directions, for: arguments)
  let traced = try function.trace(
    repeat each primals, arguments: arguments, options: TraceOptions(name: "jvp of \(function.name)"))
  let active = traced.activeInputs(arguments)
  let derivative = try traced.program.jvp(active: active, axes: traced.axes)
  let used = zip(directions.tensors, active).filter(\.1).map(\.0)
  let results = try evaluate(derivative.program, arguments.tensors + traced.captures + used)
  let count = traced.program.results.count
  return (
    try function.shape.rebuild(traced.prototype, results.prefix(count)),
    try function.shape.rebuild(
      traced.prototype, try traced.instantiated(Array(results.dropFirst(count)), derivative.hasTangent))
  )
}

/// The value of a closure and its derivative along a direction; see ``jvp(_:primals:tangents:)``.
public func jvp<Output: TensorTree, each Input: TensorTree>(
  _ function: @escaping (repeat each Input) throws -> Output, primals: repeat each Input,
  tangents: repeat each Input
) throws -> (Output, Output) {
  try jvp(TensorFunction(function), primals: repeat each primals, tangents: repeat each tangents)
}

/// The value of a function and its derivative at that point as a linear map (JAX's `linearize`).
///
/// The map can be applied to many tangents without evaluating the function again.
public func linearize<Output, each Input: TensorTree>(
  _ function: TensorFunction<Output, repeat each Input>, _ input: repeat each Input
) throws -> (Output, TensorFunction<Output, repeat each Input>) {
  let split = try LinearizedCall(function, repeat each input)
  let map = TensorFunction<Output, repeat each Input>(name: "linear map of \(function.name)", shape: function.shape) {
    (tangent: repeat each Input) in
    let directions = try TensorFunction<Output, repeat each Input>.flatten(repeat each tangent)
    try expectTangents(directions, for: split.arguments)
    let used = zip(directions.tensors, split.active).filter(\.1).map(\.0)
    let tangents = try evaluate(split.linearization.linear, split.residuals + used)
    return try function.shape.rebuild(
      split.traced.prototype, try split.traced.instantiated(tangents, split.linearization.hasTangent))
  }
  return (split.output, map)
}

/// The value of a closure and its derivative as a linear map; see ``linearize(_:_:)``.
public func linearize<Output: TensorTree, each Input: TensorTree>(
  _ function: @escaping (repeat each Input) throws -> Output, _ input: repeat each Input
) throws -> (Output, TensorFunction<Output, repeat each Input>) {
  try linearize(TensorFunction(function), repeat each input)
}

/// The value of a function and the map from cotangents of its output to cotangents of its arguments (JAX's `vjp`).
///
/// ```swift
/// let (y, pullback) = try vjp(function, x)
/// let dx = try pullback(Tensor.ones(like: y))
/// ```
///
/// - Returns: The output, and the pullback. Its result has the arguments' structure; where an argument's tensors are
///   not floating-point, it holds zeros of their type.
public func vjp<Output, each Input: TensorTree>(
  _ function: TensorFunction<Output, repeat each Input>, _ input: repeat each Input
) throws -> (Output, (Output) throws -> (repeat each Input)) {
  let split = try LinearizedCall(function, repeat each input)
  let transposed = try split.linearization.linear.transposed(
    residualCount: split.linearization.residualCount, axes: split.traced.axes)
  let pullback = { (cotangent: Output) throws -> (repeat each Input) in
    let given = try function.shape.tensors(cotangent)
    try split.traced.expectCotangents(given)
    let used = zip(given, split.linearization.hasTangent).filter(\.1).map(\.0)
    var gradients = try evaluate(transposed, split.residuals + used)[...]
    var all: [Tensor] = []
    for (index, tensor) in split.arguments.tensors.enumerated() {
      all.append(split.active[index] ? gradients.removeFirst() : try Tensor.zeros(of: tensor.type))
    }
    return try TensorFunction<Output, repeat each Input>.rebuild(repeat each input, tensors: all) {
      (value: repeat each Input) in (repeat each value)
    }
  }
  return (split.output, pullback)
}

/// The value of a closure and its pullback; see ``vjp(_:_:)``.
public func vjp<Output: TensorTree, each Input: TensorTree>(
  _ function: @escaping (repeat each Input) throws -> Output, _ input: repeat each Input
) throws -> (Output, (Output) throws -> (repeat each Input)) {
  try vjp(TensorFunction(function), repeat each input)
}

/// A function split at a point: its output, and a linear map with the residuals it needs.
private struct LinearizedCall<Output> {
  let arguments: FlatArguments
  let traced: TracedFunction<Output>
  let active: [Bool]
  let linearization: Linearization
  let output: Output
  let residuals: [Tensor]

  init<each Input: TensorTree>(
    _ function: TensorFunction<Output, repeat each Input>, _ input: repeat each Input
  ) throws {
    arguments = try TensorFunction<Output, repeat each Input>.flatten(repeat each input)
    traced = try function.trace(
      repeat each input, arguments: arguments, options: TraceOptions(name: "linearize of \(function.name)"))
    active = traced.activeInputs(arguments)
    linearization = try traced.program.linearized(active: active, axes: traced.axes)
    let results = try evaluate(linearization.known, arguments.tensors + traced.captures)
    let count = traced.program.results.count
    output = try function.shape.rebuild(traced.prototype, results.prefix(count))
    residuals = Array(results.dropFirst(count))
  }
}

extension TracedFunction {
  /// Which inputs have tangents: the floating-point arguments, but no captured tensor.
  fileprivate func activeInputs(_ arguments: FlatArguments) -> [Bool] {
    program.parameters.indices.map { $0 < arguments.tensors.count && program.parameters[$0].type.dtype.isFloating }
  }

  /// A tangent for each result, zeros where there is none.
  fileprivate func instantiated(_ tangents: [Tensor], _ hasTangent: [Bool]) throws -> [Tensor] {
    var rest = tangents[...]
    return try zip(program.resultTypes, hasTangent).map { type, has in
      has ? rest.removeFirst() : try Tensor.zeros(of: type)
    }
  }

  /// Throws unless there is a cotangent of the right type for each result.
  fileprivate func expectCotangents(_ cotangents: [Tensor]) throws {
    guard cotangents.map(\.type) == program.resultTypes else {
      throw BloxError(
        .structureMismatch,
        "pullback: the cotangent must have the output's types (\(list(program.resultTypes))); got"
          + " (\(list(cotangents.map(\.type))))")
    }
  }
}

extension Tensor {
  /// Zeros of a type; for keys, which have no zero, the key of zero words.
  static func zeros(of type: TensorType) throws -> Tensor {
    guard type.dtype == .key else { return try zeros(type.shape, dtype: type.dtype) }
    return try Tensor(constant: DenseConstant(Literal(dtype: .key, bits: 0), shape: type.shape))
  }
}

/// Throws unless the tangents have the types of the arguments.
private func expectTangents(_ tangents: FlatArguments, for arguments: FlatArguments) throws {
  guard tangents.structure == arguments.structure,
    zip(tangents.tensors, arguments.tensors).allSatisfy({ $0.type == $1.type || !$1.dtype.isFloating })
  else {
    throw BloxError(
      .structureMismatch,
      "tangents must have the structure and types of the primals (\(list(arguments.tensors.map(\.type)))); got"
        + " (\(list(tangents.tensors.map(\.type))))")
  }
}

private func list(_ types: [TensorType]) -> String { types.map(\.description).joined(separator: ", ") }
