// Cumulative ops: along an axis, each element of the result combines the elements up to and including its own.

/// What a cumulative op combines the elements so far with.
public enum Cumulative: String, CaseIterable, Hashable, Sendable {
  case sum = "cumsum"
  case prod = "cumprod"
  case max = "cummax"
  case min = "cummin"
  /// The logarithm of the sum of exponentials, without overflow.
  case logSumExp = "cumlogsumexp"
}

extension TypeRule {
  func cumulative(_ kind: Cumulative, axis: Int) throws(BloxError) -> TensorType {
    try expectCount(1)
    let operand = operands[0]
    try expectAxis(axis, rank: operand.rank)
    let accepted =
      switch kind {
      case .sum, .prod, .max, .min: operand.dtype.isNumeric
      case .logSumExp: operand.dtype.isFloating
      }
    try expect(accepted, .dtypeMismatch, "has no meaning for \(operand.dtype)")
    return operand
  }
}
