// A compiled program: steps with prepared arguments, run over bound buffers.
import BloxIR

/// A program compiled for this machine. Any number of tasks may run it at the same time.
public final class Executable: Sendable {
  /// The program with its buffers planned.
  public let program: Program
  /// The memory a call needs beyond its arguments.
  public let memory: MemorySummary
  /// The memory of the arguments, in bytes.
  public let argumentBytes: Int

  /// Prepares a program whose buffers are planned (see `planBuffers`).
  ///
  /// - Throws: ``BloxError/Code/unsupported`` for an operation without a kernel, with the instruction.
  public init(planned program: Program) throws(BloxError) {
    guard let memory = program.memory else {
      throw BloxError(.runtime, "the program @\(program.name) has no buffer plan; run planBuffers first")
    }
    self.program = program
    self.memory = memory
    argumentBytes = program.parameters.reduce(0) { $0 + $1.type.byteCount }
  }

  /// Runs the program.
  ///
  /// Parameters that the program marks as donated are overwritten where the plan places a result in them; that
  /// result's storage is then the argument itself. The caller guarantees that nobody else holds such an argument and
  /// that it is passed once. Where it cannot, it passes `false` in `donating` for the argument, which is then copied
  /// first. A result that is an argument unchanged shares the argument's storage, and equal results share theirs.
  ///
  /// - Parameter donating: Per argument, whether it is really given up; all that the program marks when `nil`.
  public func run(_ arguments: [Storage], donating: [Bool]? = nil) throws(BloxError) -> [Storage] {
    throw BloxError(.unsupported, "the runtime is not yet complete")
  }

  /// Runs the program; see ``run(_:donating:)``.
  public func callAsFunction(_ arguments: [Storage]) throws(BloxError) -> [Storage] { try run(arguments) }
}
