// Transposes of ops on windows.

import BloxIR

extension Transposition {
  mutating func transposeWindow(
    _ op: Op.WindowOp, _ instruction: Instruction, operand index: Int, _ ct: Operand
  ) throws(BloxError) -> Operand? {
    let operands = instruction.operands
    switch op {
    case .reduce(.sum, let window):
      guard let transposed = window.transposed(over: program.type(of: operands[0]).shape) else { return nil }
      return try builder.emitOne(.window(.reduce(.sum, transposed)), [ct])
    case .selectAndGatherAdd(let selection, let window):
      guard index == 0, !isLinear(operands[1]) else { throw notLinear(instruction) }
      return try builder.emitOne(.window(.selectAndScatterAdd(selection, window)), [ct, residual(operands[1])])
    case .selectAndScatterAdd(let selection, let window):
      guard index == 0, !isLinear(operands[1]) else { throw notLinear(instruction) }
      return try builder.emitOne(.window(.selectAndGatherAdd(selection, window)), [ct, residual(operands[1])])
    case .reduce: throw notLinear(instruction)
    }
  }
}

extension Op.Window {
  /// The windows whose sums over the sums give back to each element what the windows over it received; `nil` where
  /// there are no elements or no windows.
  ///
  /// Element e is under tap t of window o where `o · stride + t · windowDilation - low = e · baseDilation`. Solved for o,
  /// with the taps counted from the last, that is a window of the same size over the windows: strides and base
  /// dilations change places.
  func transposed(over shape: [Int]) -> Op.Window? {
    var result: [WindowDimension] = []
    for (dimension, count) in zip(dimensions, shape) {
      guard count > 0, let windows = dimension.windowCount(over: count), windows > 0 else { return nil }
      result.append(
        WindowDimension(
          size: dimension.size, stride: dimension.baseDilation, baseDilation: dimension.stride,
          windowDilation: dimension.windowDilation,
          low: (dimension.size - 1) * dimension.windowDilation - dimension.low,
          high: (count - 1) * dimension.baseDilation + dimension.low - (windows - 1) * dimension.stride))
    }
    return Op.Window(result)
  }
}
