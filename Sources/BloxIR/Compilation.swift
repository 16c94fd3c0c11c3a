// What is said about compiling and running programs above this module: stages, checks, cost.

/// A stage of a program's way to an executable.
public enum CompilationStage: String, CaseIterable, Hashable, Sendable {
  /// As it was traced.
  case traced
  /// After inlining, algebra, folding, and the removal of what is equal or unused.
  case simplified
  /// After grouping elementwise work into regions.
  case fused
  /// With the place of each value in memory.
  case planned
}

/// Something to look for among the elements that a program computes.
public enum ElementCheck: String, CaseIterable, Hashable, Sendable {
  /// A NaN where no operand has one.
  case nan
  /// An infinity where no operand has one.
  case inf
}

/// How much a program computes and moves, from its instructions alone.
public struct CostAnalysis: Hashable, Sendable {
  /// Operations on numbers: one per element of an elementwise op or of what is reduced, two per multiplied pair of a
  /// product. Whatever the op: an exponential counts as one.
  public var operations = 0
  /// The part of ``operations`` that products do.
  public var productOperations = 0
  /// Bytes read and written by the instructions, each operand once. What stays within a fused region is not counted,
  /// so that the number falls with fusion.
  public var bytesMoved = 0
  /// Instructions that run, those of fused regions not counted.
  public var instructions = 0
}

extension Program {
  /// How much the program computes and moves.
  public var cost: CostAnalysis {
    var cost = CostAnalysis()
    addOperations(to: &cost)
    cost.instructions = instructions.count
    for instruction in instructions where !instruction.isView {
      var read: Set<Value> = []
      for case .value(let value) in instruction.operands where read.insert(value).inserted {
        cost.bytesMoved += type(of: value).byteCount
      }
      for value in instruction.results { cost.bytesMoved += type(of: value).byteCount }
    }
    return cost
  }

  private func addOperations(to cost: inout CostAnalysis) {
    for instruction in instructions {
      if let region = instruction.op.region {
        region.addOperations(to: &cost)
        continue
      }
      for (role, callee) in instruction.op.callees where role == .primal {
        callee.program.addOperations(to: &cost)
      }
      if let pairs = products(instruction) {
        cost.productOperations += 2 * pairs
        cost.operations += 2 * pairs
      } else if case .reduce = instruction.op {
        cost.operations += type(of: instruction.operands[0]).elementCount
      } else if instruction.op.isElementwise, let result = instruction.results.first {
        cost.operations += type(of: result).elementCount
      }
    }
  }

  /// The pairs of elements that a product or a convolution multiplies, padding included; `nil` for other ops.
  func products(_ instruction: Instruction) -> Int? {
    let result = type(of: instruction.results[0]).elementCount
    if case .dotGeneral(let dims) = instruction.op {
      let lhs = type(of: instruction.operands[0])
      return dims.lhsContract.reduce(result) { $0 * lhs.shape[$1] }
    }
    if case .convolution(let convolution) = instruction.op {
      let kernel = type(of: instruction.operands[1])
      return convolution.kernel.spatial.reduce(result * kernel.shape[convolution.kernel.feature]) {
        $0 * kernel.shape[$1]
      }
    }
    return nil
  }
}

extension Instruction {
  /// Whether a planned program gives the result the memory of an operand because the elements are the same.
  fileprivate var isView: Bool {
    if case .reshape = op { return true }
    return op == .stopGradient
  }
}
