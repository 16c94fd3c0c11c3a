// Tracing without running: types only, or the program as a value.

import BloxIR

/// The output's types for arguments of given types: nothing is run and no element is allocated.
///
/// The result has abstract tensors (``Tensor/abstract(_:)``), which know their type only.
public func evalShape<Output, each Input: TensorTree>(
  _ function: TensorFunction<Output, repeat each Input>, _ input: repeat each Input
) throws -> Output {
  let arguments = try TensorFunction<Output, repeat each Input>.flatten(repeat each input)
  let traced = try function.trace(
    repeat each input, arguments: arguments, options: TraceOptions(name: "evalShape of \(function.name)"))
  return try function.shape.rebuild(traced.prototype, traced.program.resultTypes.map { Tensor.abstract($0) })
}

/// The output's types of a closure that returns one tree; see ``evalShape(_:_:)``.
public func evalShape<Output: TensorTree, each Input: TensorTree>(
  _ function: @escaping (repeat each Input) throws -> Output, _ input: repeat each Input
) throws -> Output {
  try evalShape(TensorFunction(function), repeat each input)
}

/// The output's types of a closure that returns two trees; see ``evalShape(_:_:)``.
public func evalShape<A: TensorTree, B: TensorTree, each Input: TensorTree>(
  _ function: @escaping (repeat each Input) throws -> (A, B), _ input: repeat each Input
) throws -> (A, B) {
  try evalShape(TensorFunction(function), repeat each input)
}

extension TensorFunction {
  /// The program that the function is for arguments like these, as `jax.make_jaxpr` gives it.
  ///
  /// Concrete tensors that the function captures are constants of the program. Nothing is run.
  ///
  /// - Parameters:
  ///   - name: The program's name.
  ///   - arguments: Names of the arguments for the program's text.
  ///   - donating: Positions of arguments that are marked as given up, as in ``jit(name:donating:_:)``.
  public func makeProgram(
    name: String, arguments names: [String] = [], donating: Set<Int> = [], _ input: repeat each Input
  ) throws -> Program {
    let arguments = try Self.flatten(repeat each input)
    var options = TraceOptions(name: name)
    options.bakesConstants = true
    options.argumentNames = names
    options.donated = donating
    return try trace(repeat each input, arguments: arguments, options: options).program
  }
}

/// The program of a closure that returns one tree; see ``TensorFunction/makeProgram(name:arguments:_:)``.
public func makeProgram<Output: TensorTree, each Input: TensorTree>(
  name: String = "function", arguments: [String] = [], _ function: @escaping (repeat each Input) throws -> Output,
  _ input: repeat each Input
) throws -> Program {
  try TensorFunction(function).makeProgram(name: name, arguments: arguments, repeat each input)
}

/// The program of a closure that returns two trees; see ``TensorFunction/makeProgram(name:arguments:_:)``.
public func makeProgram<A: TensorTree, B: TensorTree, each Input: TensorTree>(
  name: String = "function", arguments: [String] = [], _ function: @escaping (repeat each Input) throws -> (A, B),
  _ input: repeat each Input
) throws -> Program {
  try TensorFunction(function).makeProgram(name: name, arguments: arguments, repeat each input)
}

/// The program of a closure that returns three trees; see ``TensorFunction/makeProgram(name:arguments:_:)``.
public func makeProgram<A: TensorTree, B: TensorTree, C: TensorTree, each Input: TensorTree>(
  name: String = "function", arguments: [String] = [],
  _ function: @escaping (repeat each Input) throws -> (A, B, C), _ input: repeat each Input
) throws -> Program {
  try TensorFunction(function).makeProgram(name: name, arguments: arguments, repeat each input)
}
