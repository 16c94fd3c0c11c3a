// Control flow that need not be: what is known to run once is spliced into its place, and loops are unrolled.
//
// before: %3, %4 = scan %0, %1, %2 {length=6, unroll=3} body(…)
// after:  %5 = reshape %2 [2,3,…]
//         %3, %6 = scan %0, %1, %5 {length=2} body(…)     three bodies in a row, on slices of their xs
//         %4 = reshape %6 [6,…]
// Iterations that are left over follow the loop.

import BloxIR

extension Program {
  /// The program without checkpoints that nobody differentiated, loops of at most one iteration, choices that are
  /// decided, and with loops unrolled as they say; inside of regions too.
  package func resolvingControl(axes: [String: Int] = [:]) throws(BloxError) -> Program {
    guard hasControl else { return self }
    let program = try mappingRegions(axes: axes) { (region) throws(BloxError) in
      try region.resolvingControl(axes: axes)
    }
    var rewriter = Rewriter(program, axes: axes)
    for instruction in program.instructions {
      rewriter.builder.note = instruction.note
      if case .control(let control) = instruction.op,
        let results = try rewriter.builder.resolve(control, rewriter.operands(of: instruction))
      {
        rewriter.bind(instruction, to: results)
      } else {
        try rewriter.copy(instruction)
      }
    }
    let resolved = rewriter.finish()
    return resolved.instructions.count == program.instructions.count && resolved == program ? program : resolved
  }
}

extension ProgramBuilder {
  /// The results of control flow that need not be; `nil` for that which must.
  mutating func resolve(_ control: Op.Control, _ operands: [Operand]) throws(BloxError) -> [Operand]? {
    switch control {
    case .scan(let scan):
      return scan.length <= 1 || scan.unroll > 1 ? try unroll(scan, operands) : nil
    case .loop(let loop):
      guard let result = loop.condition.program.results[0].operand.literal, result.isZero,
        !loop.condition.hasEffect
      else { return nil }
      return Array(operands[loop.carry])
    case .cond(let cond):
      guard let literal = operands[0].literal else { return nil }
      let index = cond.isPredicate ? (literal.isZero ? 1 : 0) : Int(literal.doubleValue)
      let branch = cond.branches[min(max(index, 0), cond.branches.count - 1)]
      return try splice(branch.program, arguments: operands.dropFirst())
    case .checkpoint(let checkpoint):
      return checkpoint.isRecomputation ? nil : try splice(checkpoint.body.program, arguments: operands)
    }
  }

  /// A loop with several iterations in one, and what is left over.
  private mutating func unroll(_ scan: Op.Scan, _ operands: [Operand]) throws(BloxError) -> [Operand] {
    let consts = Array(operands[..<scan.constCount])
    let carry = Array(operands[scan.carry])
    let xs = Array(operands[scan.xs])
    let (count, rest) = scan.length.quotientAndRemainder(dividingBy: min(scan.unroll, max(scan.length, 1)))
    if count <= 1 { return try iterate(scan, consts, carry, xs, count: scan.length) }

    let main = scan.length - rest
    let window = scan.isReversed ? rest..<scan.length : 0..<main
    let remainder = scan.isReversed ? 0..<rest : main..<scan.length
    let group = main / count
    var groups: [Operand] = []
    for x in xs {
      let part = try sliced(x, window)
      groups.append(try reshaped(part, to: [count, group] + type(of: part).shape.dropFirst()))
    }
    let body = scan.body.program
    var wide = scan
    wide.unroll = 1
    wide.length = count
    let types =
      body.parameters[..<scan.xs.lowerBound].map(\.type) + body.parameters[scan.xs].map { $0.type.stacked(group) }
    wide.body = Op.Callee(
      try Program.region(types, axes: axes) { (b, x) throws(BloxError) in
        try b.iterate(
          scan, Array(x[..<scan.constCount]), Array(x[scan.carry]), Array(x[scan.xs]), count: group)
      }.asRegion())
    let results = try emitAll(.control(.scan(wide)), consts + carry + groups)
    var ys: [Operand] = []
    for y in results.dropFirst(scan.carryCount) {
      ys.append(try reshaped(y, to: [main] + type(of: y).shape.dropFirst(2)))
    }
    let state = Array(results.prefix(scan.carryCount))
    if rest == 0 { return state + ys }

    var leftover: [Operand] = []
    for x in xs { leftover.append(try sliced(x, remainder)) }
    let last = try iterate(scan, consts, state, leftover, count: rest)
    var outputs = Array(last.prefix(scan.carryCount))
    for (y, tail) in zip(ys, last.dropFirst(scan.carryCount)) {
      outputs.append(try emitOne(.concatenate(axis: 0), scan.isReversed ? [tail, y] : [y, tail]))
    }
    return outputs
  }

  /// The iterations of a loop over `count` slices one after the other.
  private mutating func iterate(
    _ scan: Op.Scan, _ consts: [Operand], _ carry: [Operand], _ xs: [Operand], count: Int
  ) throws(BloxError) -> [Operand] {
    let body = scan.body.program
    var carry = carry
    var ys: [[Operand]] = scan.ys.map { _ in [] }
    for step in 0..<count {
      let index = scan.isReversed ? count - 1 - step : step
      var slices: [Operand] = []
      for x in xs {
        let slice = try sliced(x, index..<index + 1)
        slices.append(try reshaped(slice, to: Array(type(of: slice).shape.dropFirst())))
      }
      let results = try splice(body, arguments: consts + carry + slices)
      carry = Array(results.prefix(scan.carryCount))
      for (position, y) in results.dropFirst(scan.carryCount).enumerated() {
        ys[position].append(try reshaped(y, to: [1] + type(of: y).shape))
      }
    }
    var stacked: [Operand] = []
    for (position, parts) in ys.enumerated() {
      if parts.isEmpty {
        stacked.append(zeros(body.resultTypes[scan.carryCount + position].stacked(0)))
      } else if parts.count == 1 {
        stacked.append(parts[0])
      } else {
        stacked.append(try emitOne(.concatenate(axis: 0), scan.isReversed ? parts.reversed() : parts))
      }
    }
    return carry + stacked
  }

  /// Part of the leading dimension.
  private mutating func sliced(_ x: Operand, _ range: Range<Int>) throws(BloxError) -> Operand {
    let shape = type(of: x).shape
    if range == 0..<shape[0] { return x }
    if case .splat(let literal, _) = x { return .splat(literal, shape: [range.count] + shape.dropFirst()) }
    var slice = Op.Slice(starts: shape.map { _ in 0 }, limits: shape)
    slice.starts[0] = range.lowerBound
    slice.limits[0] = range.upperBound
    return try emitOne(.slice(slice), [x])
  }

  private mutating func reshaped(_ x: Operand, to shape: [Int]) throws(BloxError) -> Operand {
    if case .splat(let literal, _) = x { return .splat(literal, shape: shape) }
    return try reshape(x, to: shape)
  }
}
