// The reference interpreter: what every op means, in plain loops.
//
// This is the definition that constant folding uses and that every optimisation is compared with, so it is written
// to be read: one op at a time, each result a fresh tensor, no op looks at another. Files are by family of ops:
// Elementwise, Math (functions of one float), Shapes, Reductions, Contractions, Random. Reference+Elements.swift
// says how elements are read and written, and with that how numbers round and what happens to subnormals.

import BloxIR

/// Runs programs by evaluating one operation after another, slowly and by the book.
///
/// The results define the semantics of the IR. Compiled programs give the same bits for everything that is exact
/// (integers, data movement, `add sub mul div sqrt` and conversions of floats) and agree within a few units in
/// the last place elsewhere.
public enum ReferenceInterpreter {
  /// The results of a program for the given arguments, one for each parameter.
  ///
  /// - Throws: ``BloxError`` when the arguments do not have the parameters' types, and for a program that depends
  ///   on a named axis (`axis_index`), which has no meaning outside `vmap`.
  public static func run(_ program: Program, _ arguments: [DenseConstant]) throws(BloxError) -> [DenseConstant] {
    try check(arguments, for: program)
    var values: [DenseConstant?] = Array(repeating: nil, count: program.types.count)
    for (index, argument) in arguments.enumerated() { values[index] = argument }

    for instruction in program.instructions {
      var operands: [DenseConstant] = []
      for operand in instruction.operands { operands.append(try read(operand, from: values, of: program)) }
      let results: [DenseConstant]
      do throws(BloxError) {
        results = try evaluate(instruction.op, operands: operands)
      } catch {
        throw error.at(modulePath: instruction.note.scope, location: instruction.note.location)
      }
      for (value, result) in zip(instruction.results, results) { values[value.index] = result }
    }

    var results: [DenseConstant] = []
    for result in program.results { results.append(try read(result.operand, from: values, of: program)) }
    return results
  }

  /// The results of one op. Operand types are checked by the op's type rule, whose error is thrown.
  package static func evaluate(_ op: Op, operands: [DenseConstant]) throws(BloxError) -> [DenseConstant] {
    let types = try op.resultTypes(for: operands.map(\.type))
    switch op {
    case .call(let callee): return try run(callee.program, operands)
    case .fusion(let fusion): return try run(fusion.region, operands)
    case .axisIndex(let name): throw BloxError.unboundAxis(name, bound: [])
    case .custom(let op):
      switch op {
      case .jvp(let primal, _), .vjp(let primal, _, _): return try run(primal.program, operands)
      case .linear: throw BloxError.forwardModeOfCustomVJP
      }
    case .linearAlgebra(let op): return linearAlgebra(op, operands, types)
    case .ordering(let op): return ordering(op, operands, types)
    case .collective(let collective): throw BloxError.unboundAxis(collective.axes.first ?? "", bound: [])
    case .debugPrint(let print):
      for line in print.lines(operands) { DebugOutput.write(line) }
      return [operands[0]]
    case .control(let control): return try self.control(control, operands, types)
    case .checkpointName: return operands
    case .constant, .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow,
      .broadcastInDim, .reshape, .transpose, .slice, .pad, .concatenate, .iota, .reduce, .argReduce, .dotGeneral,
      .convolution,
      .random, .indexing, .cumulative, .stopGradient, .optimizationBarrier,
      .window:
      return [single(op, operands, type: types[0])]
    }
  }

  /// The result of an op that has one. From here on types are known to be right, so nothing throws.
  private static func single(_ op: Op, _ x: [DenseConstant], type: TensorType) -> DenseConstant {
    switch op {
    case .constant(let constant): constant
    case .unary(let op): unary(op, x[0])
    case .binary(let op): binary(op, x[0], x[1])
    case .compare(let direction): compare(direction, x[0], x[1])
    case .select: select(x[0], x[1], x[2])
    case .clamp: binary(.min, binary(.max, x[1], x[0]), x[2])
    case .fma: fma(x[0], x[1], x[2])
    case .convert(let dtype): convert(x[0], to: dtype)
    case .bitcastConvert: DenseConstant(type: type, bytes: x[0].bytes)
    case .integerPow(let exponent): integerPow(x[0], exponent)
    case .broadcastInDim(_, let dims): broadcast(x[0], to: type, dims: dims)
    case .reshape: DenseConstant(type: type, bytes: x[0].bytes)
    case .transpose(let permutation): transpose(x[0], to: type, permutation)
    case .slice(let window): slice(x[0], to: type, window)
    case .pad(let padding): pad(x[0], to: type, value: x[1], padding)
    case .concatenate(let axis): concatenate(x, to: type, axis: axis)
    case .iota(_, let axis): iota(type, axis: axis)
    case .reduce(let kind, let axes): reduce(kind, x[0], to: type, axes: axes)
    case .argReduce(let kind, let axis): argReduce(kind, x[0], to: type, axis: axis)
    case .dotGeneral(let dims): dotGeneral(x[0], x[1], to: type, dims)
    case .convolution(let attributes): convolution(x[0], x[1], to: type, attributes)
    case .random(let op): random(op, x, to: type)
    case .indexing(let op): indexing(op, x, to: type)
    case .window(let op): window(op, x, to: type)
    case .cumulative(let kind, let axis, let reverse): cumulative(kind, x[0], axis: axis, reverse: reverse)
    case .stopGradient, .optimizationBarrier, .debugPrint: x[0]
    case .linearAlgebra, .ordering: preconditionFailure("handled by evaluate(_:operands:)")
    case .call, .fusion, .axisIndex, .custom, .collective: preconditionFailure("handled by evaluate(_:operands:)")
    case .control, .checkpointName: preconditionFailure("handled by evaluate(_:operands:)")
    }
  }

  private static func read(
    _ operand: Operand, from values: [DenseConstant?], of program: Program
  ) throws(BloxError) -> DenseConstant {
    switch operand {
    case .splat(let literal, let shape): return DenseConstant(literal, shape: shape)
    case .value(let value):
      guard let tensor = values[value.index] else {
        throw BloxError(.verification, "@\(program.name) reads \(value) before it is defined; verify the program first")
      }
      return tensor
    }
  }

  private static func check(_ arguments: [DenseConstant], for program: Program) throws(BloxError) {
    let parameters = program.parameters
    guard arguments.count == parameters.count else {
      let list = parameters.indices.map { describe(parameters[$0], at: $0) }.joined(separator: ", ")
      throw BloxError(
        .invalidArgument,
        "@\(program.name) takes \(parameters.count) argument\(parameters.count == 1 ? "" : "s")"
          + " (\(list)); got \(arguments.count)")
    }
    for (index, (argument, parameter)) in zip(arguments, parameters).enumerated()
    where argument.type != parameter.type {
      throw BloxError(
        argument.type.dtype == parameter.type.dtype ? .shapeMismatch : .dtypeMismatch,
        "@\(program.name): argument \(index) (\(describe(parameter, at: index))) must have type \(parameter.type);"
          + " got \(argument.type)")
    }
  }

  /// The parameter's label and type; a parameter without a label goes by its value's name.
  private static func describe(_ parameter: Parameter, at index: Int) -> String {
    "\(parameter.label?.text ?? "%\(index)"): \(parameter.type)"
  }
}
