// The gradient transformations for one to four arguments.
//
// The versions over parameter packs in Grad.swift serve any number of arguments, but the compiler (6.3) does not infer
// a pack behind a fixed first parameter when the transformed function is called in the same expression, as in
// `grad(loss)(params, x, y)`. These overloads, all of one form, make such expressions work.

import BloxIR

/// The gradient with respect to the first of one argument; see ``grad(_:)``.
public func grad<First: TensorTree>(
  _ function: TensorFunction<Tensor, First>
) -> TensorFunction<First, First> {
  TensorFunction(name: "grad of \(function.name)", shape: OutputShape()) { (first: First) in
    let result = try differentiate(function, first)
    return result.gradient
  }
}

/// The gradient with respect to the first of one argument; see ``grad(_:)``.
public func grad<First: TensorTree>(
  _ function: @escaping (First) throws -> Tensor
) -> TensorFunction<First, First> {
  grad(TensorFunction(function))
}

/// The gradient with respect to the first of two arguments; see ``grad(_:)``.
public func grad<First: TensorTree, A: TensorTree>(
  _ function: TensorFunction<Tensor, First, A>
) -> TensorFunction<First, First, A> {
  TensorFunction(name: "grad of \(function.name)", shape: OutputShape()) { (first: First, a: A) in
    let result = try differentiate(function, first, a)
    return result.gradient
  }
}

/// The gradient with respect to the first of two arguments; see ``grad(_:)``.
public func grad<First: TensorTree, A: TensorTree>(
  _ function: @escaping (First, A) throws -> Tensor
) -> TensorFunction<First, First, A> {
  grad(TensorFunction(function))
}

/// The gradient with respect to the first of three arguments; see ``grad(_:)``.
public func grad<First: TensorTree, A: TensorTree, B: TensorTree>(
  _ function: TensorFunction<Tensor, First, A, B>
) -> TensorFunction<First, First, A, B> {
  TensorFunction(name: "grad of \(function.name)", shape: OutputShape()) { (first: First, a: A, b: B) in
    let result = try differentiate(function, first, a, b)
    return result.gradient
  }
}

/// The gradient with respect to the first of three arguments; see ``grad(_:)``.
public func grad<First: TensorTree, A: TensorTree, B: TensorTree>(
  _ function: @escaping (First, A, B) throws -> Tensor
) -> TensorFunction<First, First, A, B> {
  grad(TensorFunction(function))
}

/// The gradient with respect to the first of four arguments; see ``grad(_:)``.
public func grad<First: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree>(
  _ function: TensorFunction<Tensor, First, A, B, C>
) -> TensorFunction<First, First, A, B, C> {
  TensorFunction(name: "grad of \(function.name)", shape: OutputShape()) { (first: First, a: A, b: B, c: C) in
    let result = try differentiate(function, first, a, b, c)
    return result.gradient
  }
}

/// The gradient with respect to the first of four arguments; see ``grad(_:)``.
public func grad<First: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree>(
  _ function: @escaping (First, A, B, C) throws -> Tensor
) -> TensorFunction<First, First, A, B, C> {
  grad(TensorFunction(function))
}

/// The gradient with respect to the first of one argument, and auxiliary output; see ``grad(_:)``.
public func grad<First: TensorTree, Aux: TensorTree>(
  _ function: TensorFunction<(Tensor, Aux), First>
) -> TensorFunction<(First, Aux), First> {
  TensorFunction(name: "grad of \(function.name)", shape: OutputShape()) { (first: First) in
    let result = try differentiate(function, first)
    return (result.gradient, result.output.1)
  }
}

/// The gradient with respect to the first of one argument, and auxiliary output; see ``grad(_:)``.
public func grad<First: TensorTree, Aux: TensorTree>(
  _ function: @escaping (First) throws -> (Tensor, Aux)
) -> TensorFunction<(First, Aux), First> {
  grad(TensorFunction(function))
}

/// The gradient with respect to the first of two arguments, and auxiliary output; see ``grad(_:)``.
public func grad<First: TensorTree, A: TensorTree, Aux: TensorTree>(
  _ function: TensorFunction<(Tensor, Aux), First, A>
) -> TensorFunction<(First, Aux), First, A> {
  TensorFunction(name: "grad of \(function.name)", shape: OutputShape()) { (first: First, a: A) in
    let result = try differentiate(function, first, a)
    return (result.gradient, result.output.1)
  }
}

/// The gradient with respect to the first of two arguments, and auxiliary output; see ``grad(_:)``.
public func grad<First: TensorTree, A: TensorTree, Aux: TensorTree>(
  _ function: @escaping (First, A) throws -> (Tensor, Aux)
) -> TensorFunction<(First, Aux), First, A> {
  grad(TensorFunction(function))
}

/// The gradient with respect to the first of three arguments, and auxiliary output; see ``grad(_:)``.
public func grad<First: TensorTree, A: TensorTree, B: TensorTree, Aux: TensorTree>(
  _ function: TensorFunction<(Tensor, Aux), First, A, B>
) -> TensorFunction<(First, Aux), First, A, B> {
  TensorFunction(name: "grad of \(function.name)", shape: OutputShape()) { (first: First, a: A, b: B) in
    let result = try differentiate(function, first, a, b)
    return (result.gradient, result.output.1)
  }
}

/// The gradient with respect to the first of three arguments, and auxiliary output; see ``grad(_:)``.
public func grad<First: TensorTree, A: TensorTree, B: TensorTree, Aux: TensorTree>(
  _ function: @escaping (First, A, B) throws -> (Tensor, Aux)
) -> TensorFunction<(First, Aux), First, A, B> {
  grad(TensorFunction(function))
}

/// The gradient with respect to the first of four arguments, and auxiliary output; see ``grad(_:)``.
public func grad<First: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, Aux: TensorTree>(
  _ function: TensorFunction<(Tensor, Aux), First, A, B, C>
) -> TensorFunction<(First, Aux), First, A, B, C> {
  TensorFunction(name: "grad of \(function.name)", shape: OutputShape()) { (first: First, a: A, b: B, c: C) in
    let result = try differentiate(function, first, a, b, c)
    return (result.gradient, result.output.1)
  }
}

/// The gradient with respect to the first of four arguments, and auxiliary output; see ``grad(_:)``.
public func grad<First: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, Aux: TensorTree>(
  _ function: @escaping (First, A, B, C) throws -> (Tensor, Aux)
) -> TensorFunction<(First, Aux), First, A, B, C> {
  grad(TensorFunction(function))
}

/// The value and the gradient with respect to the first of one argument; see ``valueAndGrad(_:)``.
public func valueAndGrad<First: TensorTree>(
  _ function: TensorFunction<Tensor, First>
) -> TensorFunction<(Tensor, First), First> {
  TensorFunction(name: "valueAndGrad of \(function.name)", shape: OutputShape()) { (first: First) in
    let result = try differentiate(function, first)
    return (result.output, result.gradient)
  }
}

/// The value and the gradient with respect to the first of one argument; see ``valueAndGrad(_:)``.
public func valueAndGrad<First: TensorTree>(
  _ function: @escaping (First) throws -> Tensor
) -> TensorFunction<(Tensor, First), First> {
  valueAndGrad(TensorFunction(function))
}

/// The value and the gradient with respect to the first of two arguments; see ``valueAndGrad(_:)``.
public func valueAndGrad<First: TensorTree, A: TensorTree>(
  _ function: TensorFunction<Tensor, First, A>
) -> TensorFunction<(Tensor, First), First, A> {
  TensorFunction(name: "valueAndGrad of \(function.name)", shape: OutputShape()) { (first: First, a: A) in
    let result = try differentiate(function, first, a)
    return (result.output, result.gradient)
  }
}

/// The value and the gradient with respect to the first of two arguments; see ``valueAndGrad(_:)``.
public func valueAndGrad<First: TensorTree, A: TensorTree>(
  _ function: @escaping (First, A) throws -> Tensor
) -> TensorFunction<(Tensor, First), First, A> {
  valueAndGrad(TensorFunction(function))
}

/// The value and the gradient with respect to the first of three arguments; see ``valueAndGrad(_:)``.
public func valueAndGrad<First: TensorTree, A: TensorTree, B: TensorTree>(
  _ function: TensorFunction<Tensor, First, A, B>
) -> TensorFunction<(Tensor, First), First, A, B> {
  TensorFunction(name: "valueAndGrad of \(function.name)", shape: OutputShape()) { (first: First, a: A, b: B) in
    let result = try differentiate(function, first, a, b)
    return (result.output, result.gradient)
  }
}

/// The value and the gradient with respect to the first of three arguments; see ``valueAndGrad(_:)``.
public func valueAndGrad<First: TensorTree, A: TensorTree, B: TensorTree>(
  _ function: @escaping (First, A, B) throws -> Tensor
) -> TensorFunction<(Tensor, First), First, A, B> {
  valueAndGrad(TensorFunction(function))
}

/// The value and the gradient with respect to the first of four arguments; see ``valueAndGrad(_:)``.
public func valueAndGrad<First: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree>(
  _ function: TensorFunction<Tensor, First, A, B, C>
) -> TensorFunction<(Tensor, First), First, A, B, C> {
  TensorFunction(name: "valueAndGrad of \(function.name)", shape: OutputShape()) { (first: First, a: A, b: B, c: C) in
    let result = try differentiate(function, first, a, b, c)
    return (result.output, result.gradient)
  }
}

/// The value and the gradient with respect to the first of four arguments; see ``valueAndGrad(_:)``.
public func valueAndGrad<First: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree>(
  _ function: @escaping (First, A, B, C) throws -> Tensor
) -> TensorFunction<(Tensor, First), First, A, B, C> {
  valueAndGrad(TensorFunction(function))
}

/// The value, auxiliary output and the gradient with respect to the first of one argument; see ``valueAndGrad(_:)``.
public func valueAndGrad<First: TensorTree, Aux: TensorTree>(
  _ function: TensorFunction<(Tensor, Aux), First>
) -> TensorFunction<(Tensor, Aux, First), First> {
  TensorFunction(name: "valueAndGrad of \(function.name)", shape: OutputShape()) { (first: First) in
    let result = try differentiate(function, first)
    return (result.output.0, result.output.1, result.gradient)
  }
}

/// The value, auxiliary output and the gradient with respect to the first of one argument; see ``valueAndGrad(_:)``.
public func valueAndGrad<First: TensorTree, Aux: TensorTree>(
  _ function: @escaping (First) throws -> (Tensor, Aux)
) -> TensorFunction<(Tensor, Aux, First), First> {
  valueAndGrad(TensorFunction(function))
}

/// The value, auxiliary output and the gradient with respect to the first of two arguments; see ``valueAndGrad(_:)``.
public func valueAndGrad<First: TensorTree, A: TensorTree, Aux: TensorTree>(
  _ function: TensorFunction<(Tensor, Aux), First, A>
) -> TensorFunction<(Tensor, Aux, First), First, A> {
  TensorFunction(name: "valueAndGrad of \(function.name)", shape: OutputShape()) { (first: First, a: A) in
    let result = try differentiate(function, first, a)
    return (result.output.0, result.output.1, result.gradient)
  }
}

/// The value, auxiliary output and the gradient with respect to the first of two arguments; see ``valueAndGrad(_:)``.
public func valueAndGrad<First: TensorTree, A: TensorTree, Aux: TensorTree>(
  _ function: @escaping (First, A) throws -> (Tensor, Aux)
) -> TensorFunction<(Tensor, Aux, First), First, A> {
  valueAndGrad(TensorFunction(function))
}

/// The value, auxiliary output and the gradient with respect to the first of three arguments; see ``valueAndGrad(_:)``.
public func valueAndGrad<First: TensorTree, A: TensorTree, B: TensorTree, Aux: TensorTree>(
  _ function: TensorFunction<(Tensor, Aux), First, A, B>
) -> TensorFunction<(Tensor, Aux, First), First, A, B> {
  TensorFunction(name: "valueAndGrad of \(function.name)", shape: OutputShape()) { (first: First, a: A, b: B) in
    let result = try differentiate(function, first, a, b)
    return (result.output.0, result.output.1, result.gradient)
  }
}

/// The value, auxiliary output and the gradient with respect to the first of three arguments; see ``valueAndGrad(_:)``.
public func valueAndGrad<First: TensorTree, A: TensorTree, B: TensorTree, Aux: TensorTree>(
  _ function: @escaping (First, A, B) throws -> (Tensor, Aux)
) -> TensorFunction<(Tensor, Aux, First), First, A, B> {
  valueAndGrad(TensorFunction(function))
}

/// The value, auxiliary output and the gradient with respect to the first of four arguments; see ``valueAndGrad(_:)``.
public func valueAndGrad<First: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, Aux: TensorTree>(
  _ function: TensorFunction<(Tensor, Aux), First, A, B, C>
) -> TensorFunction<(Tensor, Aux, First), First, A, B, C> {
  TensorFunction(name: "valueAndGrad of \(function.name)", shape: OutputShape()) { (first: First, a: A, b: B, c: C) in
    let result = try differentiate(function, first, a, b, c)
    return (result.output.0, result.output.1, result.gradient)
  }
}

/// The value, auxiliary output and the gradient with respect to the first of four arguments; see ``valueAndGrad(_:)``.
public func valueAndGrad<First: TensorTree, A: TensorTree, B: TensorTree, C: TensorTree, Aux: TensorTree>(
  _ function: @escaping (First, A, B, C) throws -> (Tensor, Aux)
) -> TensorFunction<(Tensor, Aux, First), First, A, B, C> {
  valueAndGrad(TensorFunction(function))
}
