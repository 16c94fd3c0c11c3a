// Steps on the order of elements.

import BloxIR

extension ProgramGenerator {
  /// One operand, or several of one shape, of which some are keys.
  mutating func sort() throws {
    guard let x = any({ $0.rank > 0 && $0.elementCount <= 1 << 16 }) else { return }
    var operands = [x]
    while chance(2), operands.count < 4 {
      let dtype = pick(options.dtypes)
      operands.append(try value(type(x).with(dtype: dtype), literals: false))
    }
    let sort = Ordering.Sort(
      axis: pick(0...(type(x).rank - 1)), keyCount: pick(1...operands.count), isStable: chance(2))
    let op = Op.ordering(.sort(sort))
    guard (try? op.resultTypes(for: operands.map { type($0) })) != nil else { return }
    values.append(contentsOf: try builder.emit(op, operands).map { .value($0) })
  }

  mutating func topK() throws {
    guard let x = any({ $0.dtype != .key && $0.rank > 0 && $0.elementCount <= 1 << 16 }) else { return }
    let axis = pick(0...(type(x).rank - 1))
    let size = type(x).shape[axis]
    let count = chance(3) ? pick(0...size) : min(size, pick(0...3))
    let op = Op.ordering(.topK(Ordering.TopK(count: count, axis: axis)))
    values.append(contentsOf: try builder.emit(op, [x]).map { .value($0) })
  }
}
