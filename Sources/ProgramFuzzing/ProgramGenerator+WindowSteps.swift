// Steps that look at windows, some of them larger than what they move along.

import BloxIR

extension ProgramGenerator {
  mutating func window() throws {
    guard let x = any({ $0.rank > 0 && $0.dtype != .key }) else { return }
    var window = Op.Window(sizes: [])
    for size in type(x).shape {
      let isPlain = chance(3)
      window.sizes.append(isPlain ? 1 : pick([1, 2, 2, 3, size + 1]))
      window.strides.append(isPlain ? 1 : pick([1, 1, 2, 3]))
      window.baseDilations.append(isPlain ? 1 : pick([1, 1, 1, 2, 3]))
      window.windowDilations.append(isPlain ? 1 : pick([1, 1, 1, 2, 4]))
      window.low.append(isPlain ? 0 : pick([0, 0, 1, 2, -1]))
      window.high.append(isPlain ? 0 : pick([0, 0, 1, 3, -1]))
    }
    if type(x).dtype.isFloating, chance(2) { return try select(x, window) }
    let op = Op.window(.reduce(pick(Op.Reduction.allCases), window))
    guard let result = try? op.resultTypes(for: [type(x)])[0], result.elementCount <= options.maximumElements else {
      return
    }
    try emit(op, [x])
  }

  private mutating func select(_ x: Operand, _ window: Op.Window) throws {
    let gather = Op.window(.selectAndGatherAdd(pick(Op.WindowSelection.allCases), window))
    guard let windows = try? gather.resultTypes(for: [type(x), type(x)])[0],
      windows.elementCount <= options.maximumElements
    else { return }
    if chance(2) {
      try emit(gather, [value(type(x), literals: false), x])
    } else {
      let scatter = Op.window(.selectAndScatterAdd(pick(Op.WindowSelection.allCases), window))
      try emit(scatter, [value(windows, literals: false), x])
    }
  }
}
