// From a program to an executable.
import BloxIR
import BloxPasses

/// Compiles programs.
public enum Compiler {
  /// What passes may consult: constants are folded by the reference interpreter.
  public static var context: PassContext {
    PassContext(fold: { (op, operands) throws(BloxError) in
      try ReferenceInterpreter.evaluate(op, operands: operands)
    })
  }

  /// Optimises a program and prepares it for this machine.
  ///
  /// - Parameter onStage: Sees the program at each stage.
  public static func compile(
    _ program: Program, onStage: ((CompilationStage, Program) -> Void)? = nil
  ) throws(BloxError) -> Executable {
    onStage?(.traced, program)
    let optimized = try PassPipeline.standard.run(program, context: context) { pass, program in
      if pass.name == Pass.simplify.name { onStage?(.simplified, program) }
      if pass.name == Pass.schedule.name { onStage?(.fused, program) }
    }
    let planned = try planBuffers(optimized)
    onStage?(.planned, planned)
    return try Executable(planned: planned)
  }

  /// The program at a stage.
  public static func lower(_ program: Program, to stage: CompilationStage) throws(BloxError) -> Program {
    switch stage {
    case .traced: program
    case .simplified: try PassPipeline([.inline, .simplify]).run(program, context: context)
    case .fused: try PassPipeline.standard.run(program, context: context)
    case .planned: try planBuffers(PassPipeline.standard.run(program, context: context))
    }
  }
}
