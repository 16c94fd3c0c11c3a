// Reverse-mode differentiation: linearise, then transpose the linear part.

import BloxIR

extension Program {
  /// The program that also computes the gradient of one scalar result.
  ///
  /// Parameters are the program's own. Results: its results, then the gradient for each active parameter.
  ///
  /// - Parameters:
  ///   - active: Which parameters to differentiate with respect to; they must be floating-point.
  ///   - result: The index of the result to differentiate, a floating-point scalar.
  /// - Throws: ``BloxError/Code/gradientOfNonScalar``, ``BloxError/Code/gradientOfInteger``, or the error of an op
  ///   without a derivative.
  package func gradient(
    active: [Bool], ofResult result: Int = 0, axes: [String: Int] = [:]
  ) throws(BloxError) -> Program {
    let type = type(of: results[result].operand)
    guard type.isScalar else {
      throw BloxError(
        .gradientOfNonScalar,
        "gradient only defined for scalar-output functions; the output has type \(type): reduce it first, for example"
          + " with mean() or sum(), or use a Jacobian")
    }
    guard type.dtype.isFloating else {
      throw BloxError(
        .gradientOfInteger, "gradient only defined for floating-point outputs; the output has type \(type)")
    }
    let differentiated = results.indices.map { $0 == result }
    return try vjp(active: active, differentiated: differentiated, seeds: [Literal(1, as: type.dtype)], axes: axes)
  }

  /// The program that also maps cotangents of results to cotangents of the active parameters.
  ///
  /// Parameters: the program's own, then a cotangent for each differentiated result. Results: the program's own, then
  /// a cotangent for each active parameter. With `seeds`, the cotangents are those literals and no parameters.
  package func vjp(
    active: [Bool], differentiated: [Bool], seeds: [Literal]? = nil, axes: [String: Int] = [:]
  ) throws(BloxError) -> Program {
    let split = try linearized(active: active, differentiated: differentiated, axes: axes)
    let transposed = try split.linear.transposed(residualCount: split.residualCount, axes: axes)

    var builder = ProgramBuilder(name: name + (seeds == nil ? ".vjp" : ".grad"), axes: axes)
    let primals = parameters.map { Operand.value(builder.parameter($0)) }
    let wanted = results.indices.filter { differentiated[$0] }
    var cotangents: [Operand] = []
    for (position, index) in wanted.enumerated() {
      let type = type(of: results[index].operand)
      if let seeds {
        cotangents.append(.splat(seeds[position], shape: type.shape))
      } else {
        let label = results[index].label.map { ValueLabel.argument("ct " + $0.text) }
        cotangents.append(.value(builder.parameter(type, label: label)))
      }
    }
    let known = try builder.splice(split.known, arguments: primals)
    // Cotangents of results without a tangent have nowhere to go.
    let used = zip(wanted, cotangents).filter { split.hasTangent[$0.0] }.map(\.1)
    let gradients = try builder.splice(transposed, arguments: known.dropFirst(results.count) + used)

    let primalResults = zip(results, known).map { ProgramResult($1, label: $0.label) }
    let activeParameters = parameters.indices.filter { active[$0] }.map { parameters[$0] }
    let gradientResults = zip(activeParameters, gradients).map { ProgramResult($1, label: $0.label?.gradient) }
    // Tangent rules may have prepared factors for tangents that turned out not to be wanted.
    return try builder.finish(results: primalResults + gradientResults).eliminatingDeadCode(axes: axes)
  }
}

extension ValueLabel {
  /// The label of the gradient with respect to a value of this label.
  fileprivate var gradient: ValueLabel {
    switch self {
    case .path(let path): .path("grad/" + path)
    case .argument(let name): .argument("grad " + name)
    }
  }
}
