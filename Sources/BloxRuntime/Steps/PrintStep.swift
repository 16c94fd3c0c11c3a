// Printing while a program runs.
import BloxIR

/// Where printed lines go: to standard output, unless a test or a tool takes them.
package enum DebugOutput {
  /// Takes a line, without its end.
  @TaskLocal package static var write: @Sendable (String) -> Void = { print($0) }
}

/// Prints operands, on the thread of the call.
struct PrintStep: BitwiseCopyable {
  let job: Unmanaged<PrintJob>

  func run(_ memory: RunMemory) {
    job._withUnsafeGuaranteedRef { $0.run(memory) }
  }
}

/// What is printed.
final class PrintJob: Sendable {
  private let print: DebugPrint
  private let operands: [(slot: Int32, type: TensorType)]

  init(_ print: DebugPrint, _ operands: [(slot: Int32, type: TensorType)]) {
    self.print = print
    self.operands = operands
  }

  func run(_ memory: RunMemory) {
    let constants = operands.map { slot, type in
      DenseConstant(
        type: type, bytes: Array(UnsafeRawBufferPointer(start: memory.address(slot), count: type.byteCount)))
    }
    for line in print.lines(constants) { DebugOutput.write(line) }
  }
}

extension Lowering {
  /// The step of a print; its result is its first operand.
  mutating func lowerPrint(_ print: DebugPrint, _ instruction: Instruction) throws(BloxError) {
    var operands: [(slot: Int32, type: TensorType)] = []
    for operand in instruction.operands { operands.append((try slot(operand), type(operand))) }
    append(.print(memory.keep(PrintStep(job: memory.keep(object: PrintJob(print, operands))))))
  }
}
