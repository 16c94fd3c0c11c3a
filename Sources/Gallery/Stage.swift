// The stages of a program's way from a traced function to a plan.

import BloxIR
import BloxPasses
import BloxRuntime

/// A stage at which a program can be looked at.
public enum Stage: String, CaseIterable, Sendable {
  /// The function as it was traced.
  case traced
  /// With the tangents of its results (forward mode).
  case jvp
  /// The linear part of the derivative, transposed: from cotangents of results to cotangents of inputs.
  case transposed
  /// With gradients (reverse mode), before any optimisation.
  case grad
  /// After inlining and simplification.
  case simplified
  /// After fusion.
  case fused
  /// With the place of each value in memory.
  case planned

  /// What the stage is, in a line.
  public var summary: String {
    switch self {
    case .traced: "the function as it was traced"
    case .jvp: "with tangents: forward-mode differentiation"
    case .transposed: "the linear part of the derivative, transposed"
    case .grad: "with gradients: reverse-mode differentiation, before optimisation"
    case .simplified: "after inlining, algebra, folding, cse and dce"
    case .fused: "after moving products out of loops and grouping elementwise work into regions"
    case .planned: "with every value's place in memory"
    }
  }

  /// The program taken to this stage from a traced one. Derivatives are taken with respect to the trainable
  /// parameters, or to all floating-point ones where none is marked.
  public func apply(to program: Program) throws(BloxError) -> Program {
    let context = Compiler.context
    switch self {
    case .traced: return program
    case .jvp: return try program.jvp(active: program.differentiable).program
    case .transposed:
      let split = try program.linearized(active: program.differentiable)
      return try split.linear.transposed(residualCount: split.residualCount)
    case .grad:
      return try program.vjp(
        active: program.differentiable, differentiated: program.resultTypes.map(\.dtype.isFloating))
    case .simplified: return try PassPipeline([.inline, .simplify]).run(program, context: context)
    case .fused: return try PassPipeline.standard.run(program, context: context)
    case .planned: return try planBuffers(try Stage.fused.apply(to: program))
    }
  }
}

extension Program {
  /// Which parameters derivatives are taken with respect to.
  fileprivate var differentiable: [Bool] {
    let hasTrainable = parameters.contains { $0.isTrainable }
    return parameters.map { $0.type.dtype.isFloating && ($0.isTrainable || !hasTrainable) }
  }
}
