// Control flow by the book: a loop is a loop.

import BloxIR

extension ReferenceInterpreter {
  static func control(
    _ control: Op.Control, _ x: [DenseConstant], _ types: [TensorType]
  ) throws(BloxError) -> [DenseConstant] {
    switch control {
    case .scan(let scan): return try self.scan(scan, x, types)
    case .loop(let loop):
      let consts = Array(x[..<loop.conditionConstCount])
      let bodyConsts = Array(x[loop.conditionConstCount..<loop.carry.lowerBound])
      var carry = Array(x[loop.carry])
      while try run(loop.condition.program, consts + carry)[0][0].bits != 0 {
        carry = try run(loop.body.program, bodyConsts + carry)
      }
      return carry
    case .cond(let cond):
      // The index is clamped to the branches there are.
      let index = cond.isPredicate ? (x[0][0].bits != 0 ? 0 : 1) : Int(x[0][0].doubleValue)
      let branch = cond.branches[min(max(index, 0), cond.branches.count - 1)]
      return try run(branch.program, Array(x.dropFirst()))
    case .checkpoint(let checkpoint): return try run(checkpoint.body.program, x)
    }
  }

  private static func scan(
    _ scan: Op.Scan, _ x: [DenseConstant], _ types: [TensorType]
  ) throws(BloxError) -> [DenseConstant] {
    let consts = Array(x[..<scan.constCount])
    var carry = Array(x[scan.carry])
    var ys = types[scan.carryCount...].map { Array(repeating: UInt8(0), count: $0.byteCount) }
    for step in 0..<scan.length {
      let index = scan.isReversed ? scan.length - 1 - step : step
      let slices = scan.xs.map { position -> DenseConstant in
        let type = scan.body.program.parameters[position].type
        let start = index * type.byteCount
        return DenseConstant(type: type, bytes: Array(x[position].bytes[start..<start + type.byteCount]))
      }
      let results = try run(scan.body.program, consts + carry + slices)
      carry = Array(results.prefix(scan.carryCount))
      for (position, y) in results.dropFirst(scan.carryCount).enumerated() {
        let start = index * y.bytes.count
        ys[position].replaceSubrange(start..<start + y.bytes.count, with: y.bytes)
      }
    }
    return carry + zip(types[scan.carryCount...], ys).map { DenseConstant(type: $0, bytes: $1) }
  }
}
