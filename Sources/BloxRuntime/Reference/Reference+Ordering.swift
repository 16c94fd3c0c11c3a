// Sorting and the largest elements: lines of places, sorted by what is there.

import BloxIR

extension ReferenceInterpreter {
  static func ordering(_ op: Ordering, _ x: [DenseConstant], _ types: [TensorType]) -> [DenseConstant] {
    switch op {
    case .sort(let sort): return self.sort(sort, x)
    case .topK(let top): return topK(top, x[0], types)
    }
  }

  private static func sort(_ sort: Ordering.Sort, _ x: [DenseConstant]) -> [DenseConstant] {
    let type = x[0].type
    let keys = x.prefix(sort.keyCount).map { key in (0..<type.elementCount).map { sortingPlace(key[$0]) } }
    var order = Array(0..<type.elementCount)
    for line in lines(along: sort.axis, of: type.shape) {
      let sorted = line.sorted { a, b in
        for key in keys where key[a] != key[b] { return key[a] < key[b] }
        return a < b
      }
      for (place, source) in zip(line, sorted) { order[place] = source }
    }
    return x.map { operand in DenseConstant(type: operand.type, elements: order.map { operand[$0] }) }
  }

  private static func topK(_ top: Ordering.TopK, _ x: DenseConstant, _ types: [TensorType]) -> [DenseConstant] {
    var values = Array(repeating: Literal(dtype: x.type.dtype, bits: 0), count: types[0].elementCount)
    var indices = Array(repeating: Literal(0, as: .i32), count: types[0].elementCount)
    let targets = lines(along: top.axis, of: types[0].shape)
    for (line, target) in zip(lines(along: top.axis, of: x.type.shape), targets) {
      let sizes = line.map { place(x[$0]) }
      let largest = line.indices.sorted { (sizes[$1], $0) < (sizes[$0], $1) }
      for (place, index) in zip(target, largest) {
        values[place] = x[line[index]]
        indices[place] = Literal(index, as: .i32)
      }
    }
    return [DenseConstant(type: types[0], elements: values), DenseConstant(type: types[1], elements: indices)]
  }

  /// The places of the elements of each line along an axis.
  private static func lines(along axis: Int, of shape: [Int]) -> [[Int]] {
    let steps = offsets(alongDimensions: [axis], of: shape)
    return offsets(alongDimensions: shape.indices.filter { $0 != axis }, of: shape).map { start in
      steps.map { start + $0 }
    }
  }

  /// A number that is larger for larger elements: floats in the order of their bits, `-0` before `0`, NaN last.
  private static func place(_ x: Literal) -> Int {
    switch x.dtype.kind {
    case .boolean, .unsigned, .key: return Int(bitPattern: UInt(x.bits ^ 1 << 63))
    case .signed: return Int(x.signedValue)
    case .floating:
      if x.doubleValue.isNaN { return .max }
      let sign: UInt64 = 1 << UInt64(x.dtype.bitWidth - 1)
      let magnitude = Int(x.bits & (sign - 1))
      return x.bits & sign == 0 ? magnitude : -1 - magnitude
    }
  }

  /// As ``place(_:)``, but one number for both zeros, and for what comparisons take for zero.
  private static func sortingPlace(_ x: Literal) -> Int {
    guard x.dtype.kind == .floating else { return place(x) }
    let number = x.dtype == .f64 ? flush(x.doubleValue) : Double(flush(Float(x.doubleValue)))
    return number == 0 ? 0 : place(x)
  }
}
