// Differentiation, batching and planning as passes.

import BloxIR

extension PassTemplate {
  private static let wrt = "wrt=NAME+NAME"

  static let jvp = PassTemplate(
    "jvp", usage: wrt, "Adds the tangents of the results: forward-mode differentiation."
  ) { (arguments, program, context) throws(BloxError) in
    try program.jvp(active: active(arguments, program), axes: context.axes).program
  }

  static let vjp = PassTemplate(
    "vjp", usage: wrt, "Adds the cotangents of the inputs for cotangents of the results: reverse mode."
  ) { (arguments, program, context) throws(BloxError) in
    try program.vjp(
      active: active(arguments, program), differentiated: program.resultTypes.map(\.dtype.isFloating),
      axes: context.axes)
  }

  static let grad = PassTemplate(
    "grad", usage: wrt, "Adds the gradient of the first result, which must be a scalar."
  ) { (arguments, program, context) throws(BloxError) in
    guard !program.results.isEmpty else {
      throw BloxError(.gradientOfNonScalar, "grad: @\(program.name) has no result to differentiate")
    }
    return try program.gradient(active: active(arguments, program), axes: context.axes)
  }

  static let transpose = PassTemplate(
    "transpose", usage: wrt, "The linear part of the derivative, transposed: residuals and cotangents to cotangents."
  ) { (arguments, program, context) throws(BloxError) in
    let split = try program.linearized(active: active(arguments, program), axes: context.axes)
    return try split.linear.transposed(residualCount: split.residualCount, axes: context.axes)
  }

  static let vmap = PassTemplate(
    "vmap", usage: "size=N[,axis=A][,name=NAME][,shared=NAME+NAME]",
    "Adds a dimension of lanes to all inputs but shared ones, and to all results."
  ) { (arguments, program, context) throws(BloxError) in
    guard let size = try arguments.number("size") else {
      throw BloxError(.usage, "vmap needs the number of lanes, as in vmap:size=4")
    }
    let axis = try arguments.number("axis") ?? 0
    let isShared = try arguments.parameters("shared", of: program)
    var inAxes: [Int?] = []
    for (index, parameter) in program.parameters.enumerated() {
      let shared = isShared?[index] ?? false
      guard shared || axis <= parameter.type.rank else {
        throw BloxError(
          .invalidAxis,
          "vmap: axis \(axis) is out of range for the parameter \(parameter.label?.text ?? "\(index)") of"
            + " type \(parameter.type) with a dimension of lanes")
      }
      inAxes.append(shared ? nil : axis)
    }
    var axes = context.axes
    if let name = arguments["name"] { axes[name] = nil }
    let lanes = try batched(program, size: size, axisName: arguments["name"], inAxes: inAxes, axes: axes)
    return try withLanes(lanes, size: size, at: axis, axes: axes)
  }

  static let plan = PassTemplate(
    "plan", "Gives every value its place in memory; passes after it drop the plan."
  ) { (_, program, _) throws(BloxError) in try planBuffers(program) }

  /// What derivatives are taken with respect to: what is named, else the trainable parameters, else all of floats.
  private static func active(_ arguments: PassArguments, _ program: Program) throws(BloxError) -> [Bool] {
    if let chosen = try arguments.parameters("wrt", of: program) { return chosen }
    let hasTrainable = program.parameters.contains { $0.isTrainable }
    return program.parameters.map { $0.type.dtype.isFloating && ($0.isTrainable || !hasTrainable) }
  }

  /// The batched program with the lanes of every result along a dimension, also of those that are the same in all.
  private static func withLanes(
    _ lanes: BatchedProgram, size: Int, at axis: Int, axes: [String: Int]
  ) throws(BloxError) -> Program {
    let program = lanes.program
    var builder = ProgramBuilder(name: program.name, axes: axes)
    let parameters = program.parameters.map { Operand.value(builder.parameter($0)) }
    let values = try builder.splice(program, arguments: parameters)
    var results: [ProgramResult] = []
    for (index, value) in values.enumerated() {
      let type = builder.type(of: value)
      let hasLanes = lanes.outAxes[index] != nil
      let rank = hasLanes ? type.rank : type.rank + 1
      guard axis < rank else {
        throw BloxError(.invalidAxis, "vmap: axis \(axis) is out of range for a result of type \(type)")
      }
      // Where the other dimensions go.
      let rest = (0..<rank).filter { $0 != axis }
      var operand = value
      if !hasLanes {
        var shape = type.shape
        shape.insert(size, at: axis)
        operand = try builder.emitOne(.broadcastInDim(shape: shape, dims: rest), [value])
      } else if axis > 0 {
        operand = try builder.emitOne(.transpose((0..<rank).map { $0 == axis ? 0 : $0 < axis ? $0 + 1 : $0 }), [value])
      }
      results.append(ProgramResult(operand, label: program.results[index].label))
    }
    return builder.finish(results: results)
  }
}
