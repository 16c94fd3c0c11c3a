// Lowering of cumulative ops. Lines are independent of each other, so that bits do not depend on how they are divided.
import BloxIR
import CBloxKernels

extension Lowering {
  mutating func lowerCumulative(
    _ instruction: Instruction, _ kind: Cumulative, axis: Int, reverse: Bool
  ) throws(BloxError) {
    let operand = type(instruction.operands[0])
    guard operand.elementCount > 0 else { return }
    guard let function = blox_cumulative(kernelISA, kind.kernel, operand.dtype.kernel) else {
      throw unsupported("no kernel for \(operand.dtype)")
    }
    let outer = operand.shape[..<axis].reduce(1, *)
    let length = operand.shape[axis]
    let inner = operand.shape[(axis + 1)...].reduce(1, *)
    // Some cache lines of each row where there are columns, and enough work to be worth a thread.
    let least = inner == 1 ? 8 : max(1, 1024 / operand.dtype.byteCount)
    let work = kind == .logSumExp ? 1 << 12 : 1 << 16
    let lines = inner == 1 ? outer : inner
    let linesPerPart = min(lines, max(least, (work + length - 1) / length))
    append(
      .cumulative(
        memory.keep(
          CumulativeStep(
            function: function, source: try slot(instruction.operands[0]), target: slot(instruction.results[0]),
            width: operand.dtype.byteCount, outer: outer, length: length, inner: inner, reverse: reverse,
            linesPerPart: linesPerPart))))
  }
}

extension Cumulative {
  var kernel: blox_cumulative_kind {
    switch self {
    case .sum: BLOX_CUMSUM
    case .prod: BLOX_CUMPROD
    case .max: BLOX_CUMMAX
    case .min: BLOX_CUMMIN
    case .logSumExp: BLOX_CUMLOGSUMEXP
    }
  }
}
