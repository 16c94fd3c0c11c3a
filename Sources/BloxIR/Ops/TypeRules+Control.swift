// Type rules of control flow. A body must fit its instruction exactly; messages name the part that does not.

extension Op.Control {
  /// The types of the results; the regions are valid programs.
  func resultTypes(_ rule: TypeRule) throws(BloxError) -> [TensorType] {
    let types: [TensorType]
    switch self {
    case .scan(let scan): types = try scan.resultTypes(rule)
    case .loop(let loop): types = try loop.resultTypes(rule)
    case .cond(let cond): types = try cond.resultTypes(rule)
    case .checkpoint(let checkpoint):
      try rule.expectSignature(checkpoint.body.program, what: "the body")
      types = checkpoint.body.program.resultTypes
    }
    try rule.expect(!types.isEmpty, .invalidArgument, "gives no results")
    return types
  }

  /// The type of an operand, which a literal takes; `nil` when there is no such operand.
  func operandType(at index: Int) -> TensorType? {
    switch self {
    case .scan(let scan):
      guard let parameter = scan.body.program.parameter(at: index) else { return nil }
      return scan.xs.contains(index) ? parameter.stacked(scan.length) : parameter
    case .loop(let loop):
      let count = max(0, loop.conditionConstCount)
      return index < count
        ? loop.condition.program.parameter(at: index) : loop.body.program.parameter(at: index - count)
    case .cond(let cond):
      return index == 0 ? cond.selectorType : cond.branches.first?.program.parameter(at: index - 1)
    case .checkpoint(let checkpoint): return checkpoint.body.program.parameter(at: index)
    }
  }
}

extension Program {
  fileprivate func parameter(at index: Int) -> TensorType? {
    parameters.indices.contains(index) ? parameters[index].type : nil
  }
}

extension TypeRule {
  /// Throws unless types agree, naming the first that does not.
  fileprivate func expectTypes(_ got: [TensorType], _ wanted: [TensorType], _ what: String) throws(BloxError) {
    try expect(
      got.count == wanted.count, .invalidArgument,
      "\(what): there \(got.count == 1 ? "is" : "are") \(got.count), but \(wanted.count) are expected")
    for (index, (type, expected)) in zip(got, wanted).enumerated() where type != expected {
      throw error(.shapeMismatch, "\(what) \(index) is \(type), but \(expected) is expected")
    }
  }
}

extension Op.Scan {
  fileprivate func resultTypes(_ rule: TypeRule) throws(BloxError) -> [TensorType] {
    let parameters = body.program.parameters.map(\.type)
    let results = body.program.resultTypes
    try rule.expect(
      length >= 0 && length <= TensorType.byteLimit && unroll >= 1, .invalidArgument,
      "needs a length of at least 0 and an unroll of at least 1")
    try rule.expect(
      constCount >= 0 && carryCount >= 0 && constCount <= parameters.count
        && carryCount <= parameters.count - constCount && carryCount <= results.count, .invalidArgument,
      "consts=\(constCount) and carry=\(carryCount) do not fit a body with"
        + " \(Spelling.count(parameters.count, "parameter")) and \(Spelling.count(results.count, "result"))")
    try rule.expectCount(parameters.count)
    try rule.expectTypes(
      Array(rule.operands[..<xs.lowerBound]), Array(parameters[..<xs.lowerBound]), "operand")
    for index in xs {
      let operand = rule.operands[index]
      try operand.validate("scan")
      try rule.expect(
        operand.rank > 0 && operand.shape[0] == length && operand.unstacked == parameters[index], .shapeMismatch,
        "operand \(index) is \(operand), but \(parameters[index]) stacked \(length) times is expected")
    }
    let carryTypes = Array(parameters[carry])
    try rule.expectTypes(Array(results.prefix(carryCount)), carryTypes, "the body's carry result")
    var types = carryTypes
    for type in results.dropFirst(carryCount) {
      let stacked = type.stacked(length)
      try stacked.validate("scan")
      types.append(stacked)
    }
    return types
  }
}

extension Op.Loop {
  fileprivate func resultTypes(_ rule: TypeRule) throws(BloxError) -> [TensorType] {
    let conditionTypes = condition.program.parameters.map(\.type)
    let bodyTypes = body.program.parameters.map(\.type)
    try rule.expect(
      conditionConstCount >= 0 && bodyConstCount >= 0 && conditionConstCount <= conditionTypes.count
        && bodyConstCount <= bodyTypes.count, .invalidArgument,
      "cond_consts=\(conditionConstCount) and body_consts=\(bodyConstCount) do not fit the regions")
    let carryTypes = Array(bodyTypes[bodyConstCount...])
    try rule.expectCount(conditionConstCount + bodyConstCount + carryTypes.count)
    try rule.expectTypes(
      rule.operands, conditionTypes.prefix(conditionConstCount) + bodyTypes, "operand")
    try rule.expectTypes(
      Array(conditionTypes[conditionConstCount...]), carryTypes, "the condition's carry parameter")
    try rule.expectTypes(condition.program.resultTypes, [TensorType(.bool)], "the condition's result")
    try rule.expectTypes(body.program.resultTypes, carryTypes, "the body's carry result")
    return carryTypes
  }
}

extension Op.Cond {
  fileprivate func resultTypes(_ rule: TypeRule) throws(BloxError) -> [TensorType] {
    try rule.expect(
      isPredicate ? branches.count == 2 : !branches.isEmpty, .invalidArgument,
      isPredicate ? "a predicate needs two branches" : "needs at least one branch")
    try rule.expect(
      rule.operands.first == selectorType, .dtypeMismatch,
      "the first operand chooses the branch and must be \(selectorType)")
    let operands = Array(rule.operands.dropFirst())
    let results = branches[0].program.resultTypes
    for (index, branch) in branches.enumerated() {
      try rule.expectTypes(operands, branch.program.parameters.map(\.type), "operand of branch \(index):")
      try rule.expectTypes(branch.program.resultTypes, results, "result of branch \(index):")
    }
    return results
  }
}
