// Buffer planning: where every value lives.
import BloxIR

/// Returns the program with ``Instruction/buffers`` and ``Program/memory`` filled in.
public func planBuffers(_ program: Program) throws(BloxError) -> Program {
  program
}
