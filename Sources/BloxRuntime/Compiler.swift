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
  public static func compile(_ program: Program) throws(BloxError) -> Executable {
    try Executable(planned: planBuffers(PassPipeline.standard.run(program, context: context)))
  }
}
