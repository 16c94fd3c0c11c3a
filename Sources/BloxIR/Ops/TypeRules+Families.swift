// Type rules of the elementwise and random families: which dtypes each member accepts.

extension Op.Unary {
  func resultType(_ rule: TypeRule) throws(BloxError) -> TensorType {
    try rule.expectCount(1)
    let type = rule.operands[0]
    let (accepted, expectation) =
      switch self {
      case .neg, .abs, .sign: (type.dtype.isNumeric, "needs a number")
      case .floor, .ceil, .exp, .log, .log1p, .sqrt, .rsqrt, .tanh, .logistic, .erf, .erfInv:
        (type.dtype.isFloating, "needs a floating-point dtype")
      case .exp2, .expm1, .cbrt, .sin, .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh, .acosh, .atanh, .erfc,
        .lgamma, .digamma, .roundNearestEven, .roundNearestAway:
        (type.dtype.isFloating, "needs a floating-point dtype")
      case .populationCount, .clz: (type.dtype.isInteger, "needs an integer dtype")
      case .isFinite: (type.dtype.isFloating, "needs a floating-point dtype")
      case .not: (type.dtype.isInteger || type.dtype == .bool, "needs bool or an integer dtype")
      }
    try rule.expect(accepted, .dtypeMismatch, expectation)
    return self == .isFinite ? type.with(dtype: .bool) : type
  }
}

extension Op.Binary {
  func resultType(_ rule: TypeRule) throws(BloxError) -> TensorType {
    try rule.expectCount(2)
    let type = try rule.sameType()
    let dtype = type.dtype
    let (accepted, expectation) =
      switch self {
      case .add, .sub, .mul, .div, .rem, .pow: (dtype.isNumeric, "needs numbers")
      case .max, .min: (dtype.isNumeric || dtype == .bool, "needs numbers or bool")
      case .and, .or, .xor: (dtype.isInteger || dtype == .bool, "needs bool or integers")
      case .shiftLeft, .shiftRightLogical, .shiftRightArithmetic: (dtype.isInteger, "needs integers")
      case .atan2, .nextafter: (dtype.isFloating, "needs floating-point dtypes")
      }
    try rule.expect(accepted, .dtypeMismatch, expectation)
    return type
  }
}

extension Op.RandomOp {
  func resultType(_ rule: TypeRule) throws(BloxError) -> TensorType {
    try rule.expectCount(self == .foldIn ? 2 : 1)
    let operand = rule.operands[0]
    switch self {
    case .seed:
      try rule.expect(operand.dtype.isInteger, .dtypeMismatch, "needs an integer seed")
      return try validated(operand.with(dtype: .key), rule)
    case .wrap:
      try rule.expect(
        operand.dtype == .u32 && operand.shape.last == 2, .shapeMismatch, "needs words of type u32[…,2]")
      return TensorType(.key, operand.shape.dropLast())
    case .foldIn:
      try rule.expect(operand.dtype == .key, .dtypeMismatch, "needs keys")
      try rule.expect(rule.operands[1].dtype == .u32, .dtypeMismatch, "folds u32 data into keys")
      try rule.expect(rule.operands[1].shape == operand.shape, .shapeMismatch, "needs data of the keys' shape")
      return operand
    case .split(let shape):
      try rule.expect(operand.dtype == .key, .dtypeMismatch, "needs keys")
      return try validated(TensorType(.key, operand.shape + shape), rule)
    case .bits(let shape, let dtype):
      try rule.expect(operand.dtype == .key, .dtypeMismatch, "needs keys")
      try rule.expect(dtype.kind == .unsigned, .dtypeMismatch, "makes words of an unsigned dtype, not \(dtype)")
      return try validated(TensorType(dtype, operand.shape + shape), rule)
    case .unwrap:
      try rule.expect(operand.dtype == .key, .dtypeMismatch, "needs keys")
      return try validated(TensorType(.u32, operand.shape + [2]), rule)
    }
  }

  private func validated(_ type: TensorType, _ rule: TypeRule) throws(BloxError) -> TensorType {
    try type.validate(rule.op.name)
    return type
  }
}
