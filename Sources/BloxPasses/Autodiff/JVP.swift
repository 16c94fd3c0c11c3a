// Forward-mode differentiation of programs.
//
// Each instruction is copied and followed by its tangent. A tangent that is structurally zero is never made
// (`nil` stands for it), so constants, integers and inputs that are not differentiated cost nothing. Everything
// emitted is linear in the tangents: the tangent rules use tangents only in sums and in products with primal values,
// which is what transposition relies on.

import BloxIR

/// A program with its derivative.
package struct JVPProgram {
  /// Parameters: the primal inputs, then a tangent for each active input. Results: the primal results, then the
  /// tangents that are not structurally zero.
  package var program: Program
  /// For each primal result, whether it has a tangent among the results.
  package var hasTangent: [Bool]
}

extension Program {
  /// The program that also maps tangents of the active inputs to tangents of the results.
  ///
  /// - Parameters:
  ///   - active: Which parameters have tangents; they must be floating-point.
  ///   - axes: Sizes of the named axes in scope.
  package func jvp(active: [Bool], axes: [String: Int] = [:]) throws(BloxError) -> JVPProgram {
    var jvp = JVPTransform(builder: ProgramBuilder(name: name + ".jvp", axes: axes))
    let primals = parameters.map { Operand.value(jvp.builder.parameter($0)) }
    var tangents: [Operand?] = []
    for (parameter, isActive) in zip(parameters, active) {
      guard isActive else {
        tangents.append(nil)
        continue
      }
      try parameter.expectDifferentiable()
      let label = parameter.label.map { ValueLabel.argument("d " + $0.text) }
      tangents.append(.value(jvp.builder.parameter(parameter.type, label: label)))
    }
    let outputs = try jvp.evaluate(self, primals: primals, tangents: tangents)
    let primalResults = zip(results, outputs).map { ProgramResult($1.primal, label: $0.label) }
    let tangentResults = outputs.compactMap { $0.tangent.map { ProgramResult($0) } }
    return JVPProgram(
      program: jvp.builder.finish(results: primalResults + tangentResults),
      hasTangent: outputs.map { $0.tangent != nil })
  }
}

extension Parameter {
  /// Throws when the parameter's elements have no derivative.
  package func expectDifferentiable() throws(BloxError) {
    guard !type.dtype.isFloating else { return }
    let what = label.map { " '\($0.text)'" } ?? ""
    throw BloxError(
      .gradientOfInteger,
      "cannot differentiate with respect to the input\(what) of type \(type): derivatives exist for floating-point"
        + " inputs only; split parameters into trainable and other ones (params.split()), or pass the input as another"
        + " argument")
  }
}

/// A value with its tangent, `nil` where the tangent is structurally zero.
package struct Dual {
  package var primal: Operand
  package var tangent: Operand?
}

/// Evaluates programs over duals into a builder.
package struct JVPTransform {
  package var builder: ProgramBuilder

  /// The results of `program` for the given inputs, emitted into the builder. Calls are followed, not kept: their
  /// body is differentiated in place.
  package mutating func evaluate(
    _ program: Program, primals: [Operand], tangents: [Operand?]
  ) throws(BloxError) -> [Dual] {
    var environment = zip(primals, tangents).map { Dual(primal: $0, tangent: $1) }
    environment.reserveCapacity(program.types.count)
    for instruction in program.instructions {
      let inputs = instruction.operands.map { $0.dual(in: environment) }
      let outer = builder.note
      builder.note = instruction.note
      environment.append(contentsOf: try apply(instruction, inputs))
      builder.note = outer
    }
    return program.results.map { $0.operand.dual(in: environment) }
  }

  private mutating func apply(_ instruction: Instruction, _ inputs: [Dual]) throws(BloxError) -> [Dual] {
    if case .call(let callee) = instruction.op {
      return try evaluate(callee.program, primals: inputs.map(\.primal), tangents: inputs.map(\.tangent))
    }
    if case .custom(let op) = instruction.op { return try applyCustom(op, inputs) }
    if case .control(let control) = instruction.op, inputs.contains(where: { $0.tangent != nil }) {
      return try applyControl(control, inputs)
    }
    if case .ordering(let op) = instruction.op, inputs.contains(where: { $0.tangent != nil }) {
      return try applyOrdering(op, inputs)
    }
    let results = try builder.emit(instruction.op, inputs.map(\.primal)).map { Operand.value($0) }
    guard inputs.contains(where: { $0.tangent != nil }) else {
      return results.map { Dual(primal: $0, tangent: nil) }
    }
    if case .linearAlgebra(let op) = instruction.op {
      let tangents = try op.tangents(inputs, results, &builder)
      return zip(results, tangents).map { Dual(primal: $0, tangent: $1) }
    }
    let rule = JVPRule(inputs: inputs, result: results[0])
    return [Dual(primal: results[0], tangent: try rule.tangent(of: instruction.op, &builder))]
  }
}

extension Operand {
  func dual(in environment: [Dual]) -> Dual {
    switch self {
    case .value(let value): environment[value.index]
    case .splat: Dual(primal: self, tangent: nil)
    }
  }
}

/// The tangent of one instruction with one result, given its inputs and its primal result.
struct JVPRule {
  let inputs: [Dual]
  let result: Operand

  func primal(_ index: Int) -> Operand { inputs[index].primal }
  func tangent(_ index: Int) -> Operand? { inputs[index].tangent }

  /// The input's tangent, or zeros where it is structurally zero.
  func instantiated(_ index: Int, _ b: ProgramBuilder) -> Operand {
    inputs[index].tangent ?? b.splat(0, like: inputs[index].primal)
  }

  /// Dispatches to the rule of the op's family; `nil` means a tangent of zero.
  func tangent(of op: Op, _ b: inout ProgramBuilder) throws(BloxError) -> Operand? {
    switch op {
    case .unary(let op): return try op.jvp(x: primal(0), y: result, dx: instantiated(0, b), &b)
    case .binary(let op): return try op.jvp(self, &b)
    case .compare, .argReduce, .random, .bitcastConvert: return nil
    // The barrier itself stays among the primals, so that differentiating again stops there too.
    case .stopGradient: return nil
    // Printed once, among the primals.
    case .debugPrint: return nil
    case .select: return try select(&b)
    case .clamp: return try clamp(&b)
    case .fma: return try fma(&b)
    case .convert(let dtype):
      guard dtype.isFloating, let dx = tangent(0) else { return nil }
      return try b.emitOne(op, [dx])
    case .integerPow(let exponent): return try integerPow(exponent, &b)
    case .broadcastInDim, .reshape, .transpose, .slice:
      return try b.emitOne(op, [instantiated(0, b)])
    case .pad: return try b.emitOne(op, [instantiated(0, b), instantiated(1, b)])
    case .concatenate:
      var tangents: [Operand] = []
      for index in inputs.indices { tangents.append(instantiated(index, b)) }
      return try b.emitOne(op, tangents)
    case .reduce(let kind, let axes): return try reduce(kind, axes: axes, &b)
    case .dotGeneral, .convolution: return try dot(op, &b)
    case .fusion:
      throw BloxError(
        .notDifferentiable,
        "fusion: a fused region has no derivative rule; differentiate before the pass 'fuse' runs")
    case .constant, .iota, .axisIndex: preconditionFailure("\(op.name) has no inputs")
    case .call, .custom, .control: preconditionFailure("\(op.name) is handled by JVPTransform.apply")
    // A name belongs to the value; its tangent has none, as in JAX.
    case .checkpointName: return tangent(0)
    case .collective(let collective): return try self.collective(collective, &b)
    case .indexing(let op): return try indexing(op, &b)
    case .window(let op): return try window(op, &b)
    case .cumulative(let kind, let axis, let reverse):
      return try cumulative(kind, axis: axis, reverse: reverse, &b)
    case .linearAlgebra, .ordering: preconditionFailure("\(op.name) is handled by JVPTransform.apply")
    case .optimizationBarrier: return try b.emitOne(op, [instantiated(0, b)])
    }
  }

  /// The sum of two tangents of which either may be zero.
  func sum(_ a: Operand?, _ b: Operand?, _ builder: inout ProgramBuilder) throws(BloxError) -> Operand? {
    guard let a else { return b }
    guard let b else { return a }
    return try builder.add(a, b)
  }
}
