// Functions with derivatives of their own.
//
// Where nothing is traced such a function is just called. Inside a trace it becomes one instruction that carries the
// programs of the function and of its rule, all traced on the spot; differentiation picks the rule.
//
// A rule may call the function it belongs to (`let y = try f(x)`), so that its own derivative follows the rule too.
// Since rules are traced where the function is called, that would never end: at the fourth level the function is
// traced without its rule. Derivatives up to the fourth order are then the rule's.

import BloxIR

extension TensorFunction {
  /// Calls the function as one instruction with the rule that `makeOp` makes for its traced program.
  func callWithRule(
    _ input: repeat each Input, makeOp: (TracedFunction<Output>) throws -> Op.CustomOp
  ) throws -> Output {
    guard let trace = Trace.current, RuleDepth.current < RuleDepth.limit else { return try body(repeat each input) }
    let arguments = try Self.flatten(repeat each input)
    var options = TraceOptions(name: name)
    options.bakesConstants = true
    let traced = try self.trace(repeat each input, arguments: arguments, options: options)
    try traced.expectNoCaptures("the function")
    if traced.program.results.isEmpty { return traced.prototype }
    let op = try RuleDepth.$current.withValue(RuleDepth.current + 1) { try makeOp(traced) }
    var operands: [Operand] = []
    for tensor in arguments.tensors { operands.append(try trace.operand(for: tensor)) }
    let results = try trace.emit(.custom(op), operands, location: nil)
    return try shape.rebuild(traced.prototype, results)
  }
}

/// How many rules are being traced inside each other.
private enum RuleDepth {
  @TaskLocal static var current = 0
  static let limit = 4
}

/// Puts trees together from a list of tensors, one tree after the other.
struct TreeReader {
  private var rest: ArraySlice<Tensor>

  init(_ tensors: some Sequence<Tensor>) { rest = Array(tensors)[...] }

  /// The next tensors in the structure of a tree.
  mutating func take<Tree: TensorTree>(_ prototype: Tree) throws -> Tree {
    let count = try prototype.tensors().count
    var tensors = rest.prefix(count)
    rest = rest.dropFirst(count)
    return try prototype.replacingTensors { tensors.removeFirst() }
  }
}

extension TracedFunction where Output: TensorTree {
  /// The types of the function's arguments.
  private var inputTypes: [TensorType] { program.parameters.map(\.type) }

  /// The derivative by a rule from arguments and their tangents to the output and its tangent.
  func jvpRule(
    _ rule: (_ primals: [Tensor], _ tangents: [Tensor]) throws -> (Output, Output)
  ) throws -> Op.CustomOp {
    let types = inputTypes
    let shape = OutputShape<(Output, Output)>()
    let traced = try TracedFunction<(Output, Output)>(
      rule: "jvp", of: program.name, types: types + types.differentiable, shape: shape
    ) { tensors in
      try rule(Array(tensors.prefix(types.count)), instantiated(types, tensors.dropFirst(types.count)))
    }
    let (values, tangents) = (traced.results(ofPart: 0), traced.results(ofPart: 1))
    let expected = program.resultTypes
    try traced.expect(values, "values", expected)
    try traced.expect(tangents.ignoringIntegers(expected), "tangents", expected)
    var derivative = traced.program
    derivative.results = Array(traced.program.results.prefix(expected.count))
    for (result, type) in zip(traced.program.results.dropFirst(expected.count), expected) where type.dtype.isFloating {
      derivative.results.append(result)
    }
    return .jvp(primal: Op.Callee(program), jvp: Op.Callee(derivative))
  }

  /// The derivative by a rule from arguments to the output and residuals, and from residuals and a cotangent of the
  /// output to cotangents of the arguments.
  func vjpRule<Residuals: TensorTree>(
    forward: (_ primals: [Tensor]) throws -> (Output, Residuals),
    backward: (Residuals, Output) throws -> [Tensor]
  ) throws -> Op.CustomOp {
    let (types, expected) = (inputTypes, program.resultTypes)
    let saved = try TracedFunction<(Output, Residuals)>(
      rule: "forward", of: program.name, types: types, shape: OutputShape<(Output, Residuals)>(), body: forward)
    try saved.expect(saved.results(ofPart: 0), "values", expected)
    let residuals = saved.results(ofPart: 1)

    let traced = try TracedFunction<[Tensor]>(
      rule: "backward", of: program.name, types: residuals + expected.differentiable, shape: OutputShape<[Tensor]>()
    ) { tensors in
      var reader = TreeReader(tensors)
      let values = try reader.take(saved.prototype.1)
      var cotangents = TreeReader(try instantiated(expected, tensors.dropFirst(residuals.count)))
      return try backward(values, try cotangents.take(prototype))
    }
    try traced.expect(traced.program.resultTypes.ignoringIntegers(types), "cotangents", types)
    var transposed = traced.program
    transposed.results = zip(traced.program.results, types).filter(\.1.dtype.isFloating).map(\.0)
    return .vjp(primal: Op.Callee(program), forward: Op.Callee(saved.program), backward: Op.Callee(transposed))
  }

  /// A tensor for each type: the given ones for floating-point types, zeros for the others.
  private func instantiated(_ types: [TensorType], _ tensors: ArraySlice<Tensor>) throws -> [Tensor] {
    var rest = tensors
    return try types.map { $0.dtype.isFloating ? rest.removeFirst() : try Tensor.zeros(of: $0) }
  }
}

extension TracedFunction {
  /// Traces a rule over flat lists of tensors.
  fileprivate init(
    rule: String, of name: String, types: [TensorType], shape: OutputShape<Output>,
    body: ([Tensor]) throws -> Output
  ) throws {
    let arguments = FlatArguments(tensors: types.map { Tensor.abstract($0) }, counts: [types.count]) {
      types.indices.map { LeafLabel(root: "x\($0)", path: []) }
    }
    var options = TraceOptions(name: "\(name).\(rule)")
    options.bakesConstants = true
    try self.init(arguments: arguments, options: options, shape: shape, body: body)
    try expectNoCaptures("its \(rule) rule")
  }

  /// The types of the results that belong to a part of the output.
  fileprivate func results(ofPart part: Int) -> [TensorType] {
    zip(program.resultTypes, outputParts).filter { $0.1 == part }.map(\.0)
  }

  /// Throws when the function reads traced tensors that are not its arguments: its programs could not be moved to
  /// where the derivative is needed.
  fileprivate func expectNoCaptures(_ what: String) throws {
    guard let captured = captures.first else { return }
    throw BloxError(
      .leakedTracer,
      "@\(program.name): \(what) reads a traced tensor of type \(captured.type) from outside; a function with customJVP"
        + " or customVJP must get traced tensors as arguments")
  }

  fileprivate func expect(_ got: [TensorType], _ what: String, _ expected: [TensorType]) throws {
    guard got != expected else { return }
    func list(_ types: [TensorType]) -> String { types.map(\.description).joined(separator: ", ") }
    throw BloxError(
      .structureMismatch,
      "@\(program.name) must return \(what) of the types (\(list(expected))); it returns (\(list(got)))")
  }
}

extension [TensorType] {
  /// The types with those replaced that stand where others have no derivative: whatever a rule returns there counts
  /// for nothing.
  fileprivate func ignoringIntegers(_ expected: [TensorType]) -> [TensorType] {
    enumerated().map { index, type in
      index < expected.count && !expected[index].dtype.isFloating ? expected[index] : type
    }
  }
}
