// Type rules: every op's result types follow from its attributes and operand types.
//
// The builder calls these when an instruction is added, the verifier calls them again. Messages name the op and the
// operand types in the notation of program text.

extension Op {
  /// The types of the results for operands of the given types.
  ///
  /// - Parameter axes: Sizes of the named axes in scope.
  /// - Throws: ``BloxError`` that names the op, the operand types and what was expected.
  public func resultTypes(for operands: [TensorType], axes: [String: Int] = [:]) throws(BloxError) -> [TensorType] {
    let rule = TypeRule(op: self, operands: operands)
    switch self {
    case .call(let callee):
      try rule.expectSignature(callee.program, what: "the program @\(callee.program.name)")
      return callee.program.resultTypes
    case .fusion(let fusion):
      try rule.expectSignature(fusion.region, what: "the region")
      try rule.expect(!fusion.region.results.isEmpty, .invalidArgument, "the region returns nothing")
      try rule.expect(
        fusion.kind != .contraction || fusion.region.productPosition != nil, .invalidArgument,
        "a region of kind=contraction begins with dot_general or conv_general_dilated of its parameters, or with what an"
          + " operand of dot_general alone is made of")
      try rule.expect(
        fusion.kind != .attention || AttentionRegion(fusion.region) != nil, .invalidArgument,
        "a region of kind=attention begins with dot_general of its parameters, whose last dimension is one of the right"
          + " operand, and returns dot_general of what becomes of that and a parameter, contracting this dimension")
      return fusion.region.resultTypes
    case .custom(let op): return try op.resultTypes(rule)
    case .collective(let collective): return [try collective.resultType(rule, axes)]
    case .indexing(let op): return [try op.resultType(rule)]
    case .cumulative(let kind, let axis, _): return [try rule.cumulative(kind, axis: axis)]
    case .control(let control): return try control.resultTypes(rule)
    case .linearAlgebra(let op): return try op.resultTypes(rule)
    case .window(let op): return [try op.resultType(rule)]
    case .ordering(let op): return try op.resultTypes(rule)
    case .debugPrint(let print): return [try print.resultType(rule)]
    case .axisIndex(let name):
      try rule.expectCount(0)
      guard axes[name] != nil else { throw BloxError.unboundAxis(name, bound: Array(axes.keys)) }
      return [TensorType(.i32)]
    case .constant, .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow,
      .broadcastInDim, .reshape, .transpose, .slice, .pad, .concatenate, .iota, .reduce, .argReduce, .dotGeneral,
      .random, .stopGradient, .optimizationBarrier:
      return [try singleResultType(rule)]
    case .checkpointName, .convolution: return [try singleResultType(rule)]
    }
  }

  private func singleResultType(_ rule: TypeRule) throws(BloxError) -> TensorType {
    switch self {
    case .constant(let constant):
      try rule.expectCount(0)
      return constant.type
    case .unary(let op): return try op.resultType(rule)
    case .binary(let op): return try op.resultType(rule)
    case .compare(let direction): return try rule.compare(direction)
    case .select: return try rule.select()
    case .clamp, .fma: return try rule.ternary(floatingOnly: self == .fma)
    case .convert(let dtype): return try rule.convert(to: dtype)
    case .bitcastConvert(let dtype): return try rule.bitcast(to: dtype)
    case .integerPow(let exponent):
      try rule.expectCount(1)
      try rule.expect(rule.operands[0].dtype.isNumeric, .dtypeMismatch, "needs a number")
      try rule.expect(
        exponent >= 0 || rule.operands[0].dtype.isFloating, .invalidArgument,
        "integers cannot be raised to the negative power \(exponent)")
      return rule.operands[0]
    case .broadcastInDim(let shape, let dims): return try rule.broadcast(shape: shape, dims: dims)
    case .reshape(let shape): return try rule.reshape(shape)
    case .transpose(let permutation): return try rule.transpose(permutation)
    case .slice(let slice): return try rule.slice(slice)
    case .pad(let padding): return try rule.pad(padding)
    case .concatenate(let axis): return try rule.concatenate(axis: axis)
    case .iota(let type, let axis):
      try rule.expectCount(0)
      try type.validate("iota")
      try rule.expect(type.dtype.isNumeric, .dtypeMismatch, "makes numbers, not \(type.dtype)")
      try rule.expectAxis(axis, rank: type.rank)
      return type
    case .reduce(let kind, let axes): return try rule.reduce(kind, axes: axes)
    case .argReduce(_, let axis): return try rule.argReduce(axis: axis)
    case .dotGeneral(let dims): return try rule.dot(dims)
    case .convolution(let convolution): return try convolution.resultType(rule)
    case .random(let op): return try op.resultType(rule)
    case .stopGradient, .optimizationBarrier, .checkpointName:
      try rule.expectCount(1)
      return rule.operands[0]
    case .call, .fusion, .axisIndex: preconditionFailure("handled by resultTypes(for:axes:)")
    case .custom, .collective, .indexing: preconditionFailure("handled by resultTypes(for:axes:)")
    case .control: preconditionFailure("handled by resultTypes(for:axes:)")
    case .window: preconditionFailure("handled by resultTypes(for:axes:)")
    case .cumulative, .linearAlgebra, .ordering: preconditionFailure("handled by resultTypes(for:axes:)")
    case .debugPrint: preconditionFailure("handled by resultTypes(for:axes:)")
    }
  }

  /// Whether a literal may stand at an operand position, given the other operands. A literal's type is the one that
  /// the op demands there (``splatType(at:results:operands:)``), so there must be something to demand it.
  public func takesSplat(at index: Int, of operands: [Operand]) -> Bool {
    switch self {
    case .binary, .select, .clamp, .fma, .call: true
    case .compare: index == 1 || (operands.count == 2 && operands[1].value != nil)
    case .pad: index == 1
    case .random(.foldIn): index == 1
    case .constant, .unary, .convert, .bitcastConvert, .integerPow, .broadcastInDim, .reshape, .transpose, .slice,
      .concatenate, .iota, .reduce, .argReduce, .dotGeneral, .random, .axisIndex, .stopGradient, .fusion:
      false
    case .custom: true
    case .collective: false
    case .indexing(let op): op.takesSplat(at: index, of: operands)
    case .cumulative: false
    case .control: true
    case .checkpointName: false
    case .linearAlgebra, .optimizationBarrier: false
    case .convolution: false
    case .window: false
    case .ordering: false
    case .debugPrint: false
    }
  }

  /// The type a literal at an operand position has, from the result types and the types of the operands that are
  /// values (`nil` for literals). `nil` where no literal may stand.
  public func splatType(at index: Int, results: [TensorType], operands: [TensorType?]) -> TensorType? {
    switch self {
    case .binary, .clamp, .fma: return results.first
    case .select: return index == 0 ? results.first?.with(dtype: .bool) : results.first
    case .compare: return index == 1 ? operands[0] : operands.last ?? nil
    case .pad: return index == 1 ? results.first?.with(shape: []) : nil
    case .random(.foldIn): return index == 1 ? results.first?.with(dtype: .u32) : nil
    case .call(let callee):
      return index < callee.program.parameters.count ? callee.program.parameters[index].type : nil
    case .constant, .unary, .convert, .bitcastConvert, .integerPow, .broadcastInDim, .reshape, .transpose, .slice,
      .concatenate, .iota, .reduce, .argReduce, .dotGeneral, .random, .axisIndex, .stopGradient, .fusion:
      return nil
    case .custom(let op): return op.operandType(at: index, of: operands.count)
    case .collective: return nil
    case .indexing(let op): return op.splatType(at: index, results: results, operands: operands)
    case .cumulative: return nil
    case .checkpointName: return nil
    case .control(let control): return control.operandType(at: index)
    case .linearAlgebra, .optimizationBarrier: return nil
    case .convolution: return nil
    case .window: return nil
    case .ordering: return nil
    case .debugPrint: return nil
    }
  }
}

extension BloxError {
  /// The error for an axis name that no enclosing transformation binds.
  package static func unboundAxis(_ name: String, bound: [String]) -> BloxError {
    let known = bound.isEmpty ? "none is bound here" : "bound here: " + bound.sorted().joined(separator: ", ")
    return BloxError(
      .unboundAxis,
      "found an unbound axis name: \(name) (\(known)); bind it with vmap(axisName: \"\(name)\")")
  }
}

/// An op with its operand types, and the checks that rules share.
struct TypeRule {
  let op: Op
  let operands: [TensorType]

  var operandList: String {
    operands.isEmpty ? "no operands" : operands.map(\.description).joined(separator: ", ")
  }

  func error(_ code: BloxError.Code, _ message: String) -> BloxError {
    BloxError(code, "\(op.name): \(message); got \(operandList)")
  }

  func expect(
    _ condition: Bool, _ code: BloxError.Code, _ message: @autoclosure () -> String
  ) throws(BloxError) {
    if !condition { throw error(code, message()) }
  }

  func expectCount(_ count: Int) throws(BloxError) {
    try expect(
      operands.count == count, .invalidArgument, "takes \(count) operand\(count == 1 ? "" : "s")")
  }

  func expectAxis(_ axis: Int, rank: Int) throws(BloxError) {
    try expect(
      axis >= 0 && axis < rank, .invalidAxis, "axis \(axis) is out of range for rank \(rank)")
  }

  func expectDistinctAxes(_ axes: [Int], rank: Int, what: String = "axis") throws(BloxError) {
    for axis in axes {
      try expect(axis >= 0 && axis < rank, .invalidAxis, "\(what) \(axis) is out of range for rank \(rank)")
    }
    try expect(Set(axes).count == axes.count, .invalidAxis, "\(what) given twice in \(axes)")
  }

  /// All operands from `first` on have one type, which is returned.
  func sameType(from first: Int = 0) throws(BloxError) -> TensorType {
    let type = operands[first]
    for other in operands[first...] {
      try expect(other.dtype == type.dtype, .dtypeMismatch, "operands must have one dtype")
      try expect(other.shape == type.shape, .shapeMismatch, "operands must have one shape")
    }
    return type
  }

  func expectSignature(_ program: Program, what: String) throws(BloxError) {
    let expected = program.parameters.map(\.type)
    try expect(
      expected == operands, .shapeMismatch,
      "\(what) takes (\(expected.map(\.description).joined(separator: ", ")))")
  }

  func compare(_ direction: Op.Comparison) throws(BloxError) -> TensorType {
    try expectCount(2)
    let type = try sameType()
    let ordered =
      switch direction {
      case .eq, .ne: type.dtype != .key
      case .lt, .le, .gt, .ge: type.dtype.isNumeric || type.dtype == .bool
      }
    try expect(ordered, .dtypeMismatch, "\(direction.rawValue) has no meaning for \(type.dtype)")
    return type.with(dtype: .bool)
  }

  func select() throws(BloxError) -> TensorType {
    try expectCount(3)
    let type = try sameType(from: 1)
    try expect(operands[0].dtype == .bool, .dtypeMismatch, "the predicate must be bool")
    try expect(operands[0].shape == type.shape, .shapeMismatch, "the predicate must have the shape of the cases")
    return type
  }

  func ternary(floatingOnly: Bool) throws(BloxError) -> TensorType {
    try expectCount(3)
    let type = try sameType()
    try expect(
      floatingOnly ? type.dtype == .f32 || type.dtype == .f64 : type.dtype.isNumeric, .dtypeMismatch,
      floatingOnly ? "needs f32 or f64" : "needs numbers")
    return type
  }

  func convert(to dtype: DType) throws(BloxError) -> TensorType {
    try expectCount(1)
    try expect(
      (operands[0].dtype == .key) == (dtype == .key), .dtypeMismatch,
      "keys convert to nothing else; use random_unwrap for their words")
    let result = operands[0].with(dtype: dtype)
    try result.validate("convert")
    return result
  }

  func bitcast(to dtype: DType) throws(BloxError) -> TensorType {
    try expectCount(1)
    let from = operands[0].dtype
    try expect(
      from.bitWidth == dtype.bitWidth && (from == .key) == (dtype == .key), .dtypeMismatch,
      "\(dtype) has another width")
    return operands[0].with(dtype: dtype)
  }
}
