// Gradients: trace, differentiate in reverse, run or splice.

import BloxIR
import BloxPasses

/// The gradient of a function with respect to its first argument.
///
/// ```swift
/// let slope = try grad { (x: Tensor) in try tanh(x) }(Tensor(0.5))
/// ```
///
/// The function returns a floating-point scalar. The result has the structure of the first argument, whose tensors
/// must be floating-point.
///
/// - Throws: When called: ``BloxError/Code/gradientOfNonScalar``, ``BloxError/Code/gradientOfInteger``, or what the
///   function throws.
public func grad<First: TensorTree, each Rest: TensorTree>(
  _ function: TensorFunction<Tensor, First, repeat each Rest>
) -> TensorFunction<First, First, repeat each Rest> {
  TensorFunction(name: "grad of \(function.name)", shape: OutputShape()) {
    (first: First, rest: repeat each Rest) in
    let result = try differentiate(function, first, repeat each rest)
    return result.gradient
  }
}

/// The gradient of a closure with respect to its first argument; see ``grad(_:)``.
public func grad<First: TensorTree, each Rest: TensorTree>(
  _ function: @escaping (First, repeat each Rest) throws -> Tensor
) -> TensorFunction<First, First, repeat each Rest> {
  let named: TensorFunction<Tensor, First, repeat each Rest> = TensorFunction(function)
  return grad(named)
}

/// The gradient of a function that also returns auxiliary output: `(gradient, auxiliary)`.
public func grad<First: TensorTree, Aux: TensorTree, each Rest: TensorTree>(
  _ function: TensorFunction<(Tensor, Aux), First, repeat each Rest>
) -> TensorFunction<(First, Aux), First, repeat each Rest> {
  TensorFunction(name: "grad of \(function.name)", shape: OutputShape()) {
    (first: First, rest: repeat each Rest) in
    let result = try differentiate(function, first, repeat each rest)
    return (result.gradient, result.output.1)
  }
}

/// The gradient of a closure that also returns auxiliary output: `(gradient, auxiliary)`.
public func grad<First: TensorTree, Aux: TensorTree, each Rest: TensorTree>(
  _ function: @escaping (First, repeat each Rest) throws -> (Tensor, Aux)
) -> TensorFunction<(First, Aux), First, repeat each Rest> {
  let named: TensorFunction<(Tensor, Aux), First, repeat each Rest> = TensorFunction(function)
  return grad(named)
}

/// The value of a function and its gradient with respect to the first argument.
public func valueAndGrad<First: TensorTree, each Rest: TensorTree>(
  _ function: TensorFunction<Tensor, First, repeat each Rest>
) -> TensorFunction<(Tensor, First), First, repeat each Rest> {
  TensorFunction(name: "valueAndGrad of \(function.name)", shape: OutputShape()) {
    (first: First, rest: repeat each Rest) in
    let result = try differentiate(function, first, repeat each rest)
    return (result.output, result.gradient)
  }
}

/// The value of a closure and its gradient with respect to the first argument.
public func valueAndGrad<First: TensorTree, each Rest: TensorTree>(
  _ function: @escaping (First, repeat each Rest) throws -> Tensor
) -> TensorFunction<(Tensor, First), First, repeat each Rest> {
  let named: TensorFunction<Tensor, First, repeat each Rest> = TensorFunction(function)
  return valueAndGrad(named)
}

/// The value of a function, its auxiliary output and its gradient: `(value, auxiliary, gradient)`.
public func valueAndGrad<First: TensorTree, Aux: TensorTree, each Rest: TensorTree>(
  _ function: TensorFunction<(Tensor, Aux), First, repeat each Rest>
) -> TensorFunction<(Tensor, Aux, First), First, repeat each Rest> {
  TensorFunction(name: "valueAndGrad of \(function.name)", shape: OutputShape()) {
    (first: First, rest: repeat each Rest) in
    let result = try differentiate(function, first, repeat each rest)
    return (result.output.0, result.output.1, result.gradient)
  }
}

/// The value of a closure, its auxiliary output and its gradient: `(value, auxiliary, gradient)`.
public func valueAndGrad<First: TensorTree, Aux: TensorTree, each Rest: TensorTree>(
  _ function: @escaping (First, repeat each Rest) throws -> (Tensor, Aux)
) -> TensorFunction<(Tensor, Aux, First), First, repeat each Rest> {
  let named: TensorFunction<(Tensor, Aux), First, repeat each Rest> = TensorFunction(function)
  return valueAndGrad(named)
}

/// The output of a function, whose first tensor is the value to differentiate, and the gradient.
func differentiate<Output, First: TensorTree, each Rest: TensorTree>(
  _ function: TensorFunction<Output, First, repeat each Rest>, _ first: First, _ rest: repeat each Rest
) throws -> (output: Output, gradient: First) {
  let arguments = try TensorFunction<Output, First, repeat each Rest>.flatten(first, repeat each rest)
  let firstCount = arguments.counts[0]
  try expectDifferentiable(arguments, count: firstCount)
  let traced = try function.trace(
    first, repeat each rest, arguments: arguments, options: TraceOptions(name: "grad of \(function.name)"))
  let active = traced.program.parameters.indices.map { $0 < firstCount }
  let inputs = arguments.tensors + traced.captures
  let results =
    Trace.current == nil
    ? try Eager.runGradient(of: traced.program, active: active, try inputs.storages(for: traced.program.name))
    : try evaluate(try traced.program.gradient(active: active, axes: traced.axes), inputs)
  let outputCount = traced.program.results.count
  let gradients = results.dropFirst(outputCount)
  var next = gradients.startIndex
  return (
    try function.shape.rebuild(traced.prototype, results.prefix(outputCount)),
    try first.replacingTensors {
      defer { next += 1 }
      return gradients[next]
    }
  )
}

/// Throws when a tensor of the first argument has no derivative, naming it.
private func expectDifferentiable(_ arguments: FlatArguments, count: Int) throws {
  for index in 0..<count where !arguments.tensors[index].dtype.isFloating {
    let label = try arguments.makeLabels()[index]
    try Parameter(arguments.tensors[index].type, label: label.label).expectDifferentiable()
  }
}

/// The identity, whose derivative is zero: what it is applied to is a constant for differentiation.
public func stopGradient(_ x: Tensor) throws -> Tensor { try Tensor.apply(.stopGradient, x) }

/// The identity with a derivative of zero for each tensor of a tree.
public func stopGradient<Tree: TensorTree>(_ tree: Tree) throws -> Tree {
  try treeMap(tree) { try stopGradient($0) }
}
