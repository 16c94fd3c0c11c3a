// Type rules of ops on windows.

extension Op.WindowOp {
  func resultType(_ rule: TypeRule) throws(BloxError) -> TensorType {
    switch self {
    case .reduce(let kind, let window):
      try rule.expectCount(1)
      let operand = rule.operands[0]
      try rule.expect(kind.accepts(operand.dtype), .dtypeMismatch, "has no meaning for \(operand.dtype)")
      return try rule.windows(window, over: operand)
    case .selectAndGatherAdd(_, let window):
      try rule.expectCount(2)
      let operand = try rule.sameType()
      try rule.expect(operand.dtype.isFloating, .dtypeMismatch, "needs floating-point dtypes")
      return try rule.windows(window, over: operand)
    case .selectAndScatterAdd(_, let window):
      try rule.expectCount(2)
      let (source, operand) = (rule.operands[0], rule.operands[1])
      try rule.expect(source.dtype == operand.dtype, .dtypeMismatch, "operands must have one dtype")
      try rule.expect(operand.dtype.isFloating, .dtypeMismatch, "needs floating-point dtypes")
      let expected = try rule.windows(window, over: operand)
      try rule.expect(
        source == expected, .shapeMismatch, "the source must have an element for each window: \(expected)")
      return operand
    }
  }
}

extension TypeRule {
  /// The type with an element for each window.
  fileprivate func windows(_ window: Op.Window, over operand: TensorType) throws(BloxError) -> TensorType {
    try expect(
      window.isComplete(rank: operand.rank), .invalidArgument,
      "needs a size, a stride, dilations and padding for each of \(operand.rank) dimensions")
    var shape: [Int] = []
    for (dim, dimension) in window.dimensions.enumerated() {
      if let problem = dimension.problem {
        throw error(.invalidArgument, "\(problem) in dimension \(dim) must be at least 1")
      }
      guard let count = dimension.windowCount(over: operand.shape[dim]) else {
        throw error(.invalidShape, "the windows in dimension \(dim) overflow")
      }
      shape.append(count)
    }
    let result = operand.with(shape: shape)
    try result.validate(op.name)
    return result
  }
}

extension Op.Reduction {
  /// Whether elements of a dtype can be combined.
  func accepts(_ dtype: DType) -> Bool {
    switch self {
    case .sum, .prod: dtype.isNumeric
    case .max, .min: dtype.isNumeric || dtype == .bool
    case .and, .or, .xor: dtype.isInteger || dtype == .bool
    }
  }

  /// What changes no element of a dtype when combined with it.
  package func identity(_ dtype: DType) -> Literal {
    switch self {
    case .sum, .or, .xor: Literal(0, as: dtype)
    case .prod: Literal(1, as: dtype)
    case .and: Literal(dtype: dtype, bits: .max)
    case .max: Literal.lowest(dtype)
    case .min: Literal.highest(dtype)
    }
  }

  /// The op that combines two elements.
  package var binary: Op.Binary {
    switch self {
    case .sum: .add
    case .prod: .mul
    case .max: .max
    case .min: .min
    case .and: .and
    case .or: .or
    case .xor: .xor
    }
  }
}
