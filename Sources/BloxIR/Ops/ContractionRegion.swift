// Regions of kind=contraction: what makes a product's operands, the product, and what follows it.
//
//     %4 = convert %0         makes the left operand, block by block, where it is packed
//     %5 = mul %4, %1
//     %6 = dot_general %5, %2
//     %7 = add %6, %3         follows the product, block by block, where it is finished

extension Program {
  /// The position of the product in a region of kind=contraction; `nil` if the program is none.
  ///
  /// What stands before it makes operands of it, which are matrices, element by element, and nothing else reads that.
  package var productPosition: Int? {
    guard let index = instructions.firstIndex(where: { $0.op.isContraction }) else { return nil }
    let product = instructions[index]
    guard product.operands.allSatisfy({ $0.value != nil }) else { return nil }
    guard index > 0 else { return index }
    guard case .dotGeneral = product.op else { return nil }
    let makers = instructions[..<index]
    guard makers.allSatisfy({ $0.op.makesElements }) else { return nil }
    let made = Set(makers.flatMap(\.results))
    let isRead = instructions[(index + 1)...].contains { $0.operands.contains { $0.value.map(made.contains) ?? false } }
    return isRead || results.contains { $0.operand.value.map(made.contains) ?? false } ? nil : index
  }

  /// The instructions of a region that an operand of its product is made by; empty for a parameter.
  ///
  /// - Parameter product: The position of the product.
  package func makers(ofOperand operand: Int, product: Int) -> [Instruction] {
    var needed = Set([instructions[product].operands[operand].value].compactMap(\.self))
    var makers: [Instruction] = []
    for instruction in instructions[..<product].reversed() where instruction.results.contains(where: needed.contains) {
      needed.formUnion(instruction.operands.compactMap(\.value))
      makers.append(instruction)
    }
    return makers.reversed()
  }
}

extension Op {
  /// Whether a region may make elements of an operand with the op: one by one, or by reading elsewhere.
  package var makesElements: Bool {
    if isElementwise { return true }
    switch self {
    case .broadcastInDim, .transpose, .slice, .reshape, .iota: return true
    case .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow, .stopGradient,
      .constant, .pad, .concatenate, .reduce, .argReduce, .dotGeneral, .random, .call, .axisIndex, .fusion:
      return false
    case .custom, .collective, .indexing, .cumulative, .control, .checkpointName, .linearAlgebra,
      .optimizationBarrier, .convolution, .window, .ordering, .debugPrint:
      return false
    }
  }
}
