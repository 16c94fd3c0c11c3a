// Arithmetic over operands for rules that build programs, in the notation of the derivations they implement.

import BloxIR

extension ProgramBuilder {
  package mutating func unary(_ op: Op.Unary, _ x: Operand) throws(BloxError) -> Operand {
    try emitOne(.unary(op), [x])
  }

  package mutating func binary(_ op: Op.Binary, _ x: Operand, _ y: Operand) throws(BloxError) -> Operand {
    try emitOne(.binary(op), [x, y])
  }

  package mutating func neg(_ x: Operand) throws(BloxError) -> Operand { try unary(.neg, x) }
  package mutating func add(_ x: Operand, _ y: Operand) throws(BloxError) -> Operand { try binary(.add, x, y) }
  package mutating func sub(_ x: Operand, _ y: Operand) throws(BloxError) -> Operand { try binary(.sub, x, y) }
  package mutating func mul(_ x: Operand, _ y: Operand) throws(BloxError) -> Operand { try binary(.mul, x, y) }
  package mutating func div(_ x: Operand, _ y: Operand) throws(BloxError) -> Operand { try binary(.div, x, y) }

  package mutating func compare(
    _ direction: Op.Comparison, _ x: Operand, _ y: Operand
  ) throws(BloxError) -> Operand {
    try emitOne(.compare(direction), [x, y])
  }

  package mutating func select(
    _ predicate: Operand, _ onTrue: Operand, _ onFalse: Operand
  ) throws(BloxError) -> Operand {
    try emitOne(.select, [predicate, onTrue, onFalse])
  }

  /// `x` with dimensions in another order; nothing is emitted for the identity.
  package mutating func transpose(_ x: Operand, _ permutation: [Int]) throws(BloxError) -> Operand {
    if permutation == Array(permutation.indices) { return x }
    return try emitOne(.transpose(permutation), [x])
  }

  /// `x` under another shape; nothing is emitted when it has that shape.
  package mutating func reshape(_ x: Operand, to shape: [Int]) throws(BloxError) -> Operand {
    if type(of: x).shape == shape { return x }
    return try emitOne(.reshape(shape), [x])
  }

  package mutating func reduceSum(_ x: Operand, axes: [Int]) throws(BloxError) -> Operand {
    if axes.isEmpty { return x }
    return try emitOne(.reduce(.sum, axes: axes.sorted()), [x])
  }

  /// A number in every element of the type of `x`.
  package func splat(_ value: Double, like x: Operand) -> Operand {
    splat(value, type(of: x))
  }

  /// A number in every element.
  package func splat(_ value: Double, _ type: TensorType) -> Operand {
    .splat(Literal(value, as: type.dtype), shape: type.shape)
  }
}
