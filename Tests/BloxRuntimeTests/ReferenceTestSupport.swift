// Short ways to write tensors and to evaluate one op, for the tests of the reference interpreter. They are members of
// a protocol so that other tests of this target keep the short names free.

import BloxIR

@testable import BloxRuntime

/// A suite of tests of the reference interpreter.
protocol ReferenceSuite {}

extension ReferenceSuite {
  /// A tensor from numbers, converted to the dtype; a vector unless a shape is given.
  func tensor(_ dtype: DType, _ numbers: [Double], _ shape: [Int]? = nil) -> DenseConstant {
    DenseConstant(
      type: TensorType(dtype, shape ?? [numbers.count]), elements: numbers.map { Literal($0, as: dtype) })
  }

  /// A tensor from bit patterns.
  func tensor(_ dtype: DType, bits: [UInt64], _ shape: [Int]? = nil) -> DenseConstant {
    DenseConstant(
      type: TensorType(dtype, shape ?? [bits.count]), elements: bits.map { Literal(dtype: dtype, bits: $0) })
  }

  /// The only result of an op.
  func evaluate(_ op: Op, _ operands: DenseConstant...) throws -> DenseConstant {
    let results = try ReferenceInterpreter.evaluate(op, operands: operands)
    precondition(results.count == 1)
    return results[0]
  }

  /// The message of the error that a body throws; empty if it throws none.
  func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch { return (error as? BloxError)?.message ?? "\(error)" }
  }
}

extension DenseConstant {
  /// The elements as numbers.
  var numbers: [Double] { (0..<type.elementCount).map { self[$0].doubleValue } }
  /// The elements as bit patterns.
  var patterns: [UInt64] { (0..<type.elementCount).map { self[$0].bits } }
}
