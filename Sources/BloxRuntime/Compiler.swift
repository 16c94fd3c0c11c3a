// From a program to an executable.
import BloxIR
import BloxPasses

/// Compiles programs.
public enum Compiler {
  /// Optimises a program and prepares it for this machine.
  public static func compile(_ program: Program) throws(BloxError) -> Executable {
    try Executable(planned: planBuffers(program))
  }
}
