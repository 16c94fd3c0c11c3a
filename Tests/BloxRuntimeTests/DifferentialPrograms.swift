// Random well-typed programs.
//
// Each step picks an op and finds operands among what the program has computed so far, so that values are shared,
// some are never read, and some are read in several layouts. Where a value of the wanted type is missing, one is
// derived from another by broadcast, reshape, convert, or stands as a literal.
//
// No value is a subnormal number and no float's bits become an integer: passes may let subnormals through where an op
// that would flush them is gone, and machines differ in the payloads of NaN.

import BloxIR
import BloxPasses
import TestSupport

/// Makes one program from a seed.
struct ProgramGenerator {
  /// What is drawn from.
  struct Options {
    var steps = 4...24
    var dtypes: [DType] = DType.allCases
    var maximumElements = 300
    /// Sizes of dimensions: few, so that shapes meet again.
    var sizes = [1, 1, 2, 3, 3, 4, 5]
    /// How deep programs may call others.
    var calls = 2
    /// Whether parameters may be donated.
    var donates = true
  }

  private var random: SeededGenerator
  private let options: Options
  private var builder: ProgramBuilder
  private var values: [Operand] = []
  private let sizes: [Int]

  init(seed: UInt64, _ options: Options = Options()) {
    self.init(SeededGenerator(seed: seed), options, name: "seed_\(seed)")
  }

  private init(_ random: SeededGenerator, _ options: Options, name: String) {
    self.random = random
    self.options = options
    builder = ProgramBuilder(name: name)
    sizes = options.sizes + (self.random.next() & 7 == 0 ? [0, 67] : [])
  }

  /// A program with one to four results.
  mutating func make() throws -> Program {
    for _ in 0..<pick(1...4) {
      let type = TensorType(pickDType(), pickShape())
      let donated = options.donates && chance(3)
      values.append(.value(builder.parameter(Parameter(type, isDonated: donated))))
    }
    for _ in 0..<pick(options.steps) { try step() }
    var results: [ProgramResult] = []
    for _ in 0..<pick(1...4) {
      // Late values depend on most; early ones and literals are the odd cases.
      let operand = chance(4) ? pick(values) : values[max(0, values.count - 1 - pick(0...3))]
      results.append(ProgramResult(chance(12) ? .splat(literal(type(operand).dtype), shape: [2]) : operand))
    }
    return builder.finish(results: results)
  }

  // MARK: Choices

  private mutating func pick<T>(_ array: [T]) -> T { array[Int(random.next() % UInt64(array.count))] }
  private mutating func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  /// True once in so many times.
  private mutating func chance(_ oneIn: UInt64) -> Bool { random.next() % oneIn == 0 }
  private func type(_ operand: Operand) -> TensorType { builder.type(of: operand) }

  private mutating func pickDType(_ accepts: (DType) -> Bool = { _ in true }) -> DType {
    // f32 is what programs are mostly made of.
    if accepts(.f32), options.dtypes.contains(.f32), !chance(3) { return .f32 }
    let accepted = options.dtypes.filter(accepts)
    return accepted.isEmpty ? (DType.allCases.first(where: accepts) ?? .f32) : pick(accepted)
  }

  private mutating func pickShape() -> [Int] {
    while true {
      let shape = (0..<pick(0...4)).map { _ in pick(sizes) }
      if shape.reduce(1, *) <= options.maximumElements { return shape }
    }
  }

  private mutating func literal(_ dtype: DType) -> Literal {
    switch dtype.kind {
    case .boolean: Literal(pick(0...1), as: dtype)
    case .key: Literal(dtype: .key, bits: random.next())
    case .signed: Literal(pick([-7, -1, 0, 1, 2, 3, 8, 100]), as: dtype)
    case .unsigned: Literal(pick([0, 1, 2, 3, 8, 100]), as: dtype)
    case .floating: Literal(pick([-1, -0.0, 0, 1, 1, 2, 0.5, -3.25, 0.1, 10, .infinity, .nan]), as: dtype)
    }
  }

  /// A value with a dtype that is accepted, mostly a recent one.
  private mutating func any(_ accepts: (TensorType) -> Bool) -> Operand? {
    let known = values.filter { accepts(type($0)) }
    if known.isEmpty { return nil }
    return chance(2) ? pick(known) : known[max(0, known.count - 1 - pick(0...2))]
  }

  /// A value of a type: a known one, one derived from another, or a literal.
  private mutating func value(_ wanted: TensorType, literals: Bool = true) throws -> Operand {
    let known = values.filter { type($0) == wanted }
    if !known.isEmpty, !chance(5) { return pick(known) }
    if literals, chance(3) { return .splat(literal(wanted.dtype), shape: wanted.shape) }
    if let source = any({ $0.dtype == wanted.dtype && $0.elementCount == wanted.elementCount }), chance(2) {
      return try emit(.reshape(wanted.shape), [source])
    }
    if let source = any({ $0.dtype == wanted.dtype && $0.isScalar }), chance(2) {
      return try emit(.broadcastInDim(shape: wanted.shape, dims: []), [source])
    }
    // Along one dimension, as a bias is.
    for dim in wanted.shape.indices where values.count < 60 {
      if let source = any({ $0.dtype == wanted.dtype && $0.shape == [wanted.shape[dim]] }), chance(2) {
        return try emit(.broadcastInDim(shape: wanted.shape, dims: [dim]), [source])
      }
    }
    if wanted.dtype != .key, let source = any({ $0.dtype != .key && $0.shape == wanted.shape }), chance(2) {
      return try emit(.convert(wanted.dtype), [source])
    }
    if let word = known.first { return word }
    if wanted.elementCount < 1000, !literals || chance(3) {
      let elements = (0..<wanted.elementCount).map { _ in literal(wanted.dtype) }
      return try emit(.constant(DenseConstant(type: wanted, elements: elements)), [])
    }
    return .splat(literal(wanted.dtype), shape: wanted.shape)
  }

  @discardableResult
  private mutating func emit(_ op: Op, _ operands: [Operand]) throws -> Operand {
    let results = try builder.emit(op, operands).map { Operand.value($0) }
    values.append(contentsOf: results)
    return results[0]
  }
}

// MARK: - Steps

extension ProgramGenerator {
  private mutating func step() throws {
    switch pick(0...37) {
    case 0...8: try unary()
    case 9...20: try binary()
    case 21: try compareAndSelect()
    case 22: try ternary()
    case 23: try convert()
    case 24, 25: try broadcast()
    case 26: try reshape()
    case 27: try transpose()
    case 28: try slice()
    case 29: try pad()
    case 30: try concatenate()
    case 31: try iota()
    case 32, 33: try reduce()
    case 34, 35: try dot()
    case 36: try drawBits()
    default: try call()
    }
  }

  private mutating func unary() throws {
    guard let x = any({ $0.dtype != .key }) else { return }
    var op = Op.unary(pick(Op.Unary.allCases))
    if chance(12) { op = .stopGradient }
    if chance(8) { op = .integerPow(pick([0, 1, 2, 3, 5])) }
    guard (try? op.resultTypes(for: [type(x)])) != nil else { return }
    try emit(op, [x])
  }

  private mutating func binary() throws {
    guard let x = any({ $0.dtype != .key }) else { return }
    let op = Op.binary(pick(Op.Binary.allCases))
    guard (try? op.resultTypes(for: [type(x), type(x)])) != nil else { return }
    let y = try value(type(x))
    try emit(op, chance(2) ? [x, y] : [y, x])
  }

  private mutating func compareAndSelect() throws {
    guard let x = any({ $0.dtype != .key }) else { return }
    let predicate = try emit(.compare(pick(Op.Comparison.allCases)), [x, value(type(x))])
    guard let onTrue = any({ [shape = type(x).shape] in $0.shape == shape }) else { return }
    try emit(.select, [predicate, onTrue, value(type(onTrue))])
  }

  private mutating func ternary() throws {
    guard let x = any({ $0.dtype.isNumeric }) else { return }
    let isFMA = chance(2) && (type(x).dtype == .f32 || type(x).dtype == .f64)
    try emit(isFMA ? .fma : .clamp, [value(type(x)), x, value(type(x))])
  }

  private mutating func convert() throws {
    guard let x = any({ $0.dtype != .key }) else { return }
    let dtype = type(x).dtype
    // Integers of one width are each other's bits; floats from bits are made by `drawBits`.
    let twins = DType.allCases.filter { $0.isInteger && dtype.isInteger && $0.bitWidth == dtype.bitWidth }
    if !twins.isEmpty, chance(3) {
      try emit(.bitcastConvert(pick(twins)), [x])
    } else {
      try emit(.convert(pickDType { $0 != .key }), [x])
    }
  }

  private mutating func broadcast() throws {
    guard let x = any({ $0.rank < 4 }) else { return }
    let operand = type(x).shape
    let places = Array(Array(0..<(operand.count + pick(0...2))).shuffled(using: &random).prefix(operand.count))
    var shape = (0..<max(operand.count, (places.max() ?? -1) + 1 + pick(0...1))).map { _ in pick(sizes) }
    for (dim, place) in places.enumerated() where operand[dim] != 1 || chance(2) { shape[place] = operand[dim] }
    guard shape.reduce(1, *) <= options.maximumElements else { return }
    try emit(.broadcastInDim(shape: shape, dims: places), [x])
  }

  private mutating func reshape() throws {
    guard let x = any({ _ in true }) else { return }
    let count = type(x).elementCount
    var shape = type(x).shape
    switch pick(0...3) {
    case 0: shape = [count]
    case 1: shape.insert(1, at: pick(0...shape.count))
    case 2: shape.removeAll { $0 == 1 }
    default:
      let factor = pick([1, 2, 3, 5])
      shape = count % factor == 0 ? [factor, count / factor] : [count, 1]
    }
    try emit(.reshape(shape), [x])
  }

  private mutating func transpose() throws {
    guard let x = any({ $0.rank > 1 }) else { return }
    try emit(.transpose(Array(0..<type(x).rank).shuffled(using: &random)), [x])
  }

  private mutating func slice() throws {
    guard let x = any({ $0.rank > 0 }) else { return }
    var window = Op.Slice(starts: [], limits: [], strides: [])
    for size in type(x).shape {
      let start = pick(0...size)
      window.starts.append(chance(2) ? 0 : start)
      window.limits.append(chance(2) ? size : pick(window.starts.last!...size))
      window.strides.append(pick([1, 1, 1, 2, 3]))
    }
    try emit(.slice(window), [x])
  }

  private mutating func pad() throws {
    guard let x = any({ $0.rank > 0 }) else { return }
    var padding = Op.Padding(low: [], high: [], interior: [])
    for _ in type(x).shape {
      padding.low.append(pick([0, 0, 1, 2, -1]))
      padding.high.append(pick([0, 0, 1, 3, -1]))
      padding.interior.append(pick([0, 0, 0, 1, 2]))
    }
    let filler = try value(TensorType(type(x).dtype))
    guard let result = try? Op.pad(padding).resultTypes(for: [type(x), type(filler)])[0],
      result.elementCount <= options.maximumElements
    else { return }
    try emit(.pad(padding), [x, filler])
  }

  private mutating func concatenate() throws {
    guard let x = any({ $0.rank > 0 }) else { return }
    let axis = pick(0...(type(x).rank - 1))
    let fits = type(x).shape.removing([axis])
    var operands = [x]
    for _ in 0..<pick(0...2) {
      let other = any { [type = type(x)] in
        $0.dtype == type.dtype && $0.rank == type.rank && $0.shape.removing([axis]) == fits
      }
      if let other, type(other).elementCount <= options.maximumElements / 3 { operands.append(other) }
    }
    try emit(.concatenate(axis: axis), operands)
  }

  private mutating func iota() throws {
    let shape = [pick(sizes)] + pickShape().prefix(1)
    try emit(.iota(TensorType(pickDType(\.isNumeric), shape), axis: pick(0...(shape.count - 1))), [])
  }

  private mutating func reduce() throws {
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

  private mutating func dot() throws {
    guard let x = any({ $0.dtype.isNumeric && $0.rank > 0 }) else { return }
    let lhs = type(x)
    // Roles of the left operand's dimensions: batch, contracting, free.
    let roles = lhs.shape.map { _ in pick([0, 1, 1, 2, 2]) }
    let (batch, contract) = (lhs.shape.indices.filter { roles[$0] == 0 }, lhs.shape.indices.filter { roles[$0] == 1 })
    let free = chance(3) ? [] : [pick(sizes)]
    let paired = (batch + contract).map { lhs.shape[$0] } + free
    let order = Array(0..<paired.count).shuffled(using: &random)
    let y = try value(TensorType(lhs.dtype, order.map { paired[$0] }))
    // Long contractions of many elements take too long without a fast kernel.
    let freeCount = lhs.elementCount / max(1, (batch + contract).reduce(1) { $0 * lhs.shape[$1] })
    guard paired.reduce(freeCount, *) < 1 << 22 else { return }
    let place = (0..<paired.count).map { dim in order.firstIndex(of: dim)! }
    let op = Op.dotGeneral(
      Op.DotDimensions(
        lhsBatch: batch, rhsBatch: Array(place.prefix(batch.count)), lhsContract: contract,
        rhsContract: Array(place.dropFirst(batch.count).prefix(contract.count))))
    guard try op.resultTypes(for: [lhs, type(y)])[0].elementCount <= options.maximumElements else { return }
    try emit(op, [x, y])
  }

  /// Keys from seeds, from other keys or from words; bits from keys; uniform numbers in [0, 1) from bits.
  private mutating func drawBits() throws {
    guard options.dtypes.contains(.key) else { return }
    let keys: Operand
    if let known = any({ $0.dtype == .key && $0.elementCount <= 8 }), !chance(4) {
      keys = known
    } else if let words = any({ $0.dtype == .u32 && $0.shape.last == 2 && $0.elementCount <= 16 }), chance(2) {
      keys = try emit(.random(.wrap), [words])
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

  private mutating func call() throws {
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
}
