// Steps that read more than one element for each that they make: reductions, products, random bits, calls.

import BloxIR

extension ProgramGenerator {
  mutating func reduce() throws {
    guard let x = any({ $0.dtype != .key }) else { return }
    if type(x).rank > 0, chance(4) {
      let op = Op.argReduce(pick(Op.ArgReduction.allCases), axis: pick(0...(type(x).rank - 1)))
      if (try? op.resultTypes(for: [type(x)])) != nil { try emit(op, [x]) }
      return
    }
    let axes = type(x).shape.indices.filter { _ in random.next() & 1 == 0 }
    let op = Op.reduce(pick([.sum, .sum] + Op.Reduction.allCases), axes: axes)
    if (try? op.resultTypes(for: [type(x)])) != nil { try emit(op, [x]) }
  }

  mutating func cumulative() throws {
    guard let x = any({ $0.dtype != .key && $0.rank > 0 }) else { return }
    let op = Op.cumulative(pick(Cumulative.allCases), axis: pick(0...(type(x).rank - 1)), reverse: chance(2))
    if (try? op.resultTypes(for: [type(x)])) != nil { try emit(op, [x]) }
  }

  mutating func dot() throws {
    guard let x = any({ $0.dtype.isNumeric && $0.rank > 0 }) else { return }
    let lhs = type(x)
    // Roles of the left operand's dimensions: batch, contracting, free.
    let roles = lhs.shape.map { _ in pick([0, 1, 1, 2, 2]) }
    let (batch, contract) = (lhs.shape.indices.filter { roles[$0] == 0 }, lhs.shape.indices.filter { roles[$0] == 1 })
    let free = chance(3) ? [] : [pick(sizes)]
    let paired = (batch + contract).map { lhs.shape[$0] } + free
    // Long contractions of many elements take too long without a fast kernel. The right operand may be large beside an empty
    // left one.
    let freeCount = lhs.elementCount / max(1, (batch + contract).reduce(1) { $0 * lhs.shape[$1] })
    guard paired.reduce(max(freeCount, 1), *) < 1 << 22 else { return }
    let order = Array(0..<paired.count).shuffled(using: &random)
    let y = try value(TensorType(lhs.dtype, order.map { paired[$0] }))
    let place = (0..<paired.count).map { dim in order.firstIndex(of: dim)! }
    var dims = Op.DotDimensions(
      lhsBatch: batch, rhsBatch: Array(place.prefix(batch.count)), lhsContract: contract,
      rhsContract: Array(place.dropFirst(batch.count).prefix(contract.count)))
    let wider = options.dtypes.filter {
      ($0.isFloating || $0.kind == lhs.dtype.kind) && $0.bitWidth >= lhs.dtype.bitWidth && $0.isNumeric
    }
    if chance(4), !wider.isEmpty { dims.preferred = pick(wider) }
    let op = Op.dotGeneral(dims)
    guard try op.resultTypes(for: [lhs, type(y)])[0].elementCount <= options.maximumElements else { return }
    try emit(op, [x, y])
  }

  /// Keys from seeds, from other keys or from words; bits from keys; uniform numbers in [0, 1) from bits.
  mutating func drawBits() throws {
    guard options.dtypes.contains(.key) else { return }
    let keys: Operand
    if let known = any({ $0.dtype == .key && $0.elementCount <= 8 }), !chance(4) {
      keys = known
    } else if chance(4) {
      keys = try emit(.random(.wrap), [value(TensorType(.u32, pick([[2], [1, 2], [3, 2]])), literals: false)])
    } else {
      guard let seed = any({ $0.dtype.isInteger && $0.elementCount <= 8 }) else { return }
      keys = try emit(.random(.seed), [seed])
    }
    let shape = Array(pickShape().prefix(2))
    guard shape.reduce(type(keys).elementCount, *) <= options.maximumElements else { return }
    switch pick(0...5) {
    case 0: try emit(.random(.foldIn), [keys, value(type(keys).with(dtype: .u32))])
    case 1: try emit(.random(.split([2])), [keys])
    case 2: try emit(.random(.unwrap), [keys])
    case 3: try emit(.random(.bits(shape: shape, pick([.u8, .u16, .u64]))), [keys])
    default:
      let bits = try emit(.random(.bits(shape: shape, .u32)), [keys])
      func splat(_ value: Int) -> Operand { .splat(Literal(value, as: .u32), shape: type(bits).shape) }
      let mantissa = try emit(.binary(.shiftRightLogical), [bits, splat(9)])
      let number = try emit(.bitcastConvert(.f32), [emit(.binary(.or), [mantissa, splat(0x3F80_0000)])])
      try emit(.binary(.sub), [number, .splat(Literal(1, as: .f32), shape: type(bits).shape)])
    }
  }

  mutating func call() throws {
    guard options.calls > 0 else { return }
    var inner = options
    inner.calls -= 1
    inner.steps = 1...6
    inner.donates = false
    var generator = ProgramGenerator(SeededGenerator(seed: random.next()), inner, name: "callee")
    let callee = try generator.make()
    for _ in 0..<pick(1...2) {
      var operands: [Operand] = []
      for parameter in callee.parameters { operands.append(try value(parameter.type)) }
      let results = try builder.emit(.call(Op.Callee(callee)), operands).map { Operand.value($0) }
      values.append(contentsOf: results)
    }
  }

  /// A fusion of whatever instructions, which no pass would make and no engine need run.
  mutating func region() throws {
    guard options.isWild else { return }
    var inner = options
    inner.calls = 0
    inner.steps = 0...4
    inner.donates = false
    // Regions of regions, but not for ever.
    inner.isWild = chance(3)
    var generator = ProgramGenerator(SeededGenerator(seed: random.next()), inner, name: "region")
    let region = try generator.make()
    var operands: [Operand] = []
    for parameter in region.parameters { operands.append(try value(parameter.type, literals: false)) }
    let results = try builder.emit(.fusion(Op.Fusion(kind: .loop, region: region)), operands)
    values.append(contentsOf: results.map { .value($0) })
  }

  mutating func axisIndex() throws {
    guard let name = options.axes.keys.sorted().randomElement(using: &random) else { return }
    try emit(.axisIndex(name), [])
  }
}
