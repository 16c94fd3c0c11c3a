// Making and rearranging the programs inside control flow.

import BloxIR

extension Program {
  /// A region with parameters of the given types.
  static func region(
    _ types: [TensorType], axes: [String: Int],
    _ body: (inout ProgramBuilder, [Operand]) throws(BloxError) -> [Operand]
  ) throws(BloxError) -> Program {
    var builder = ProgramBuilder(name: "body", axes: axes)
    let parameters = types.map { Operand.value(builder.parameter($0)) }
    let results = try body(&builder, parameters)
    return builder.finish(results: results.map { ProgramResult($0) })
  }

  /// The program whose parameter `i` is this one's parameter `order[i]`; those that are left out must be unread.
  package func reordered(parameters order: [Int], axes: [String: Int]) throws(BloxError) -> Program {
    if order == Array(parameters.indices) { return self }
    var rewriter = Rewriter(self, axes: axes, parameters: order.map { parameters[$0] })
    for (new, old) in order.enumerated() {
      rewriter.bind(parameterValue(old), to: .value(rewriter.builder.parameterValue(new)))
    }
    for instruction in instructions { try rewriter.copy(instruction) }
    return rewriter.finish()
  }

  /// Whether an instruction or a result reads one of the values.
  func reads(_ values: [Value]) -> Bool {
    let read = instructions.flatMap(\.operands) + results.map(\.operand)
    return read.contains { operand in operand.value.map(values.contains) ?? false }
  }

  /// The program with other operands of its own as results.
  func returning(_ operands: some Sequence<Operand>) -> Program {
    var program = self
    program.results = operands.map { ProgramResult($0) }
    return program
  }

  /// Whether there is control flow in the program.
  var hasControl: Bool { instructions.contains { $0.op.isControl } }

  /// The program with the regions of its control flow transformed.
  func mappingRegions(
    axes: [String: Int], _ transform: (Program) throws(BloxError) -> Program
  ) throws(BloxError) -> Program {
    guard hasControl else { return self }
    var rewriter = Rewriter(self, axes: axes)
    var isChanged = false
    for instruction in instructions {
      var copy = instruction
      if instruction.op.isControl {
        var regions: [Program] = []
        for region in instruction.op.regions { regions.append(try transform(region.program)) }
        copy.op = instruction.op.with(regions: regions)
        isChanged = isChanged || copy.op != instruction.op
      }
      try rewriter.copy(copy)
    }
    return isChanged ? rewriter.finish() : self
  }

  /// For each value, whether it depends on a parameter that is marked.
  ///
  /// - Parameter effects: Whether what an instruction with an effect gives counts as depending on them.
  func dependents(onParameters isMarked: [Bool], effects: Bool = false) -> [Bool] {
    var depends = isMarked
    depends.reserveCapacity(types.count)
    for instruction in instructions {
      let reads =
        effects && instruction.op.hasEffect
        || instruction.operands.contains { $0.value.map { depends[$0.index] } ?? false }
      for _ in instruction.results { depends.append(reads) }
    }
    return depends
  }
}

extension Array {
  /// The elements at marked positions.
  func selecting(_ marks: some Sequence<Bool>, _ wanted: Bool = true) -> [Element] {
    zip(self, marks).filter { $0.1 == wanted }.map(\.0)
  }

  /// The elements at the given positions.
  func at(_ positions: some Sequence<Int>) -> [Element] { positions.map { self[$0] } }
}

extension Range<Int> {
  /// The positions whose marks are as wanted.
  func selecting(_ marks: [Bool], _ wanted: Bool = true) -> [Int] { filter { marks[$0] == wanted } }
}

extension ProgramBuilder {
  /// A zero in every element; for keys the key of zero words.
  func zeros(_ type: TensorType) -> Operand {
    .splat(type.dtype == .key ? Literal(dtype: .key, bits: 0) : Literal(0, as: type.dtype), shape: type.shape)
  }

  /// Results of an op as operands.
  mutating func emitAll(_ op: Op, _ operands: [Operand]) throws(BloxError) -> [Operand] {
    try emit(op, operands).map { .value($0) }
  }
}

extension Op {
  /// Whether computing the op again costs no more than reading its result from memory.
  var isCheapToRepeat: Bool {
    switch self {
    case .unary(let op):
      switch op {
      case .neg, .abs, .sign, .floor, .ceil, .not, .isFinite, .roundNearestEven, .roundNearestAway: return true
      case .exp, .log, .log1p, .sqrt, .rsqrt, .tanh, .logistic, .erf, .erfInv, .exp2, .expm1, .cbrt, .sin, .cos, .tan,
        .asin, .acos, .atan, .sinh, .cosh, .asinh, .acosh, .atanh, .erfc, .lgamma, .digamma, .populationCount, .clz:
        return false
      }
    case .binary(let op):
      switch op {
      case .add, .sub, .mul, .max, .min, .and, .or, .xor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic:
        return true
      case .div, .rem, .pow, .atan2, .nextafter: return false
      }
    case .integerPow(let exponent): return (0...3).contains(exponent)
    case .constant, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .broadcastInDim, .reshape, .iota,
      .stopGradient, .checkpointName, .axisIndex:
      return true
    case .transpose, .slice, .pad, .concatenate, .reduce, .argReduce, .dotGeneral, .random, .call, .fusion: return false
    case .convolution: return false
    case .custom, .collective, .control, .linearAlgebra, .optimizationBarrier, .indexing, .debugPrint: return false
    case .window: return false
    case .cumulative: return false
    case .ordering: return false
    }
  }
}
