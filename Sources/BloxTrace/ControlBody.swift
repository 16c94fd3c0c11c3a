// Bodies of control flow: traced on the spot, with what they read of the outside as inputs.

import BloxIR
import BloxPasses

/// A body traced for arguments of given types.
struct ControlBody<Output> {
  let traced: TracedFunction<Output>
  private let argumentCount: Int

  /// - Parameters:
  ///   - name: What messages call the body.
  ///   - types: The types of the tensors that it is given.
  ///   - body: The output for them.
  init(
    _ name: String, _ types: [TensorType], _ shape: OutputShape<Output>, body: ([Tensor]) throws -> Output
  ) throws {
    let arguments = FlatArguments(tensors: types.map { Tensor.abstract($0) }, counts: [types.count]) {
      types.indices.map { LeafLabel(root: "x\($0)", path: []) }
    }
    var options = TraceOptions(name: name)
    // Outside of any other trace the program is made anew by each call.
    options.capturesScalars = Trace.current?.capturesScalars ?? true
    traced = try TracedFunction(arguments: arguments, options: options, shape: shape, body: body)
    argumentCount = types.count
  }

  /// What the body reads of the outside.
  var captures: [Tensor] { traced.captures }

  /// The body's program with its captures before or behind the arguments.
  func region(capturesFirst: Bool) throws -> Program {
    let count = traced.program.parameters.count
    let order = capturesFirst ? Array(argumentCount..<count) + Array(0..<argumentCount) : Array(0..<count)
    return try traced.program.asRegion().reordered(parameters: order, axes: traced.axes)
  }

  /// The program as one of several that are given the captures of all.
  ///
  /// - Parameters:
  ///   - before: The types of the captures of those before it.
  ///   - behind: The types of the captures of those behind it.
  func region(captured before: [TensorType], behind: [TensorType]) throws -> Program {
    let types = traced.program.parameters.map(\.type)
    let own = captures.map(\.type)
    var builder = ProgramBuilder(name: "body", axes: traced.axes)
    let parameters = (before + own + behind + types.prefix(argumentCount)).map { Operand.value(builder.parameter($0)) }
    let results = try builder.splice(
      traced.program, arguments: parameters.suffix(argumentCount) + parameters[before.count..<before.count + own.count])
    return builder.finish(results: results.map { ProgramResult($0) })
  }
}

/// Applies control flow; nothing when it has neither results nor effects.
func applyControl(_ control: Op.Control, _ operands: [Tensor], _ location: SourceLocation) throws -> [Tensor] {
  guard let defining = control.definingResult else { return [] }
  let results = try Tensor.applyAll(.control(defining), operands.map { .tensor($0) }, location: location)
  return defining == control ? results : []
}

extension TensorTree {
  /// The tree with tensors taken from the front of a list.
  func taking(from tensors: inout ArraySlice<Tensor>) throws -> Self {
    try replacingTensors { tensors.removeFirst() }
  }
}

// MARK: - Errors

/// Throws unless two trees have one structure and one type for each tensor. The error lists only what differs, by path.
///
/// - Parameters:
///   - root: What paths start with.
///   - expectation: The beginning of the message.
///   - first: What is said of types in the first tree, such as "comes in".
///   - second: What is said of types in the second one.
func expectSameTypes<Tree: TensorTree>(
  _ a: Tree, _ b: Tree, root: String, _ expectation: String, first: String, second: String, _ location: SourceLocation
) throws {
  let (before, after) = (try a.tensors(), try b.tensors())
  let (labels, others) = (try a.leafLabels(root: root), try b.leafLabels(root: root))
  var differences: [String] = []
  let (known, found) = (Set(labels), Set(others))
  for (label, tensor) in zip(labels, before) where !found.contains(label) {
    differences.append("\(label.label.text): \(tensor.type) only \(first)")
  }
  for (label, tensor) in zip(others, after) where !known.contains(label) {
    differences.append("\(label.label.text): \(tensor.type) only \(second)")
  }
  if differences.isEmpty, before.count == after.count {
    for (label, (x, y)) in zip(labels, zip(before, after)) where x.type != y.type {
      differences.append("\(label.label.text): \(x.type) \(first), \(y.type) \(second)")
    }
  }
  let isSameStructure = try a.structure() == b.structure()
  guard !differences.isEmpty || !isSameStructure else { return }
  if differences.isEmpty {
    do {
      try expectSameStructure(a, b)
    } catch let error as BloxError {
      differences.append(error.message)
    }
  }
  let scope = ModuleScope.path
  throw BloxError(
    .structureMismatch, "\(expectation): \(differences.joined(separator: "; "))",
    modulePath: scope.isEmpty ? nil : scope, location: location)
}

extension Tensor {
  /// Throws unless the tensor decides something: a `bool[]`.
  func expectPredicate(_ what: String, _ location: SourceLocation) throws {
    guard type != TensorType(.bool) else { return }
    throw BloxError(
      shape.isEmpty ? .dtypeMismatch : .shapeMismatch,
      "\(what) must be a bool scalar; got \(type). Compare (x .> 0), or reduce with all() or any()",
      modulePath: ModuleScope.path.isEmpty ? nil : ModuleScope.path, location: location)
  }
}
