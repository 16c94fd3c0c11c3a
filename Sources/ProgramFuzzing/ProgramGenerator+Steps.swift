// What a random program is made of.

import BloxIR

extension ProgramGenerator {
  /// A kind of step: how often it is drawn, and what adds its instructions.
  struct Step: Sendable {
    let name: String
    let weight: Int
    let add: @Sendable (inout ProgramGenerator) throws -> Void

    init(_ name: String, weight: Int = 1, _ add: @escaping @Sendable (inout ProgramGenerator) throws -> Void) {
      self.name = name
      self.weight = weight
      self.add = add
    }
  }

  /// Every kind of step. A new op is one line here and a function that looks for operands with `any` and `value`,
  /// draws attributes with `pick` and `chance`, and calls `emit`; a step that finds no operands returns.
  static let steps: [Step] = [
    Step("unary", weight: 9) { try $0.unary() },
    Step("binary", weight: 12) { try $0.binary() },
    Step("compare") { try $0.compareAndSelect() },
    Step("ternary") { try $0.ternary() },
    Step("convert") { try $0.convert() },
    Step("broadcast", weight: 2) { try $0.broadcast() },
    Step("reshape") { try $0.reshape() },
    Step("transpose") { try $0.transpose() },
    Step("slice") { try $0.slice() },
    Step("pad") { try $0.pad() },
    Step("concatenate") { try $0.concatenate() },
    Step("iota") { try $0.iota() },
    Step("reduce", weight: 2) { try $0.reduce() },
    Step("cumulative") { try $0.cumulative() },
    Step("sort") { try $0.sort() },
    Step("top_k") { try $0.topK() },
    Step("dot", weight: 2) { try $0.dot() },
    Step("convolution", weight: 2) { try $0.convolution() },
    Step("reverse") { try $0.reverse() },
    Step("dynamic slice") { try $0.dynamicSlice() },
    Step("gather") { try $0.gather() },
    Step("scatter", weight: 2) { try $0.scatter() },
    Step("window", weight: 2) { try $0.window() },
    Step("factorisation") { try $0.factorisation() },
    Step("triangular solve") { try $0.triangularSolve() },
    Step("barrier") { try $0.barrier() },
    Step("print") { try $0.silentPrint() },
    Step("random") { try $0.drawBits() },
    Step("call") { try $0.call() },
    Step("region") { try $0.region() },
    Step("axis index") { try $0.axisIndex() },
    Step("custom derivative") { try $0.custom() },
    Step("collective") { try $0.collective() },
    Step("scan") { try $0.scan() }, Step("sum of products") { try $0.sumOfProducts() },
    Step("while") { try $0.whileLoop() },
    Step("branch") { try $0.branch() },
    Step("checkpoint") { try $0.checkpoint() },
  ]

  /// The steps, each as often as its weight says.
  static let drawn: [Step] = steps.flatMap { Array(repeating: $0, count: $0.weight) }

  /// Steps that fusion joins, with the products and rows between them.
  static let fusible: [Step] = drawn.filter {
    ["unary", "binary", "compare", "ternary", "convert", "broadcast", "transpose", "slice", "reduce", "dot", "random"]
      .contains($0.name)
  }
}

// MARK: - Elementwise ops and changes of shape

extension ProgramGenerator {
  mutating func unary() throws {
    guard let x = any({ $0.dtype != .key }) else { return }
    var op = Op.unary(pick(Op.Unary.allCases))
    if chance(12) { op = .stopGradient }
    if chance(8) { op = .integerPow(pick([-3, -1, 0, 1, 2, 3, 5])) }
    guard (try? op.resultTypes(for: [type(x)])) != nil else { return }
    try emit(op, [x])
  }

  mutating func binary() throws {
    guard let x = any({ $0.dtype != .key }) else { return }
    let op = Op.binary(pick(Op.Binary.allCases))
    let type = type(x)
    guard (try? op.resultTypes(for: [type, type])) != nil else { return }
    let y = try value(type)
    var (first, second) = chance(2) ? (x, y) : (y, x)
    if op == .binary(.nextafter) {
      // Zero's neighbours are subnormal; those of numbers from 1 on are not.
      first = try emit(.binary(.max), [first, .splat(Literal(1, as: type.dtype), shape: type.shape)])
    }
    try emit(op, [first, second])
  }

  mutating func compareAndSelect() throws {
    guard let x = any({ $0.dtype != .key }) else { return }
    let predicate = try emit(.compare(pick(Op.Comparison.allCases)), [x, value(type(x))])
    guard let onTrue = any({ [shape = type(x).shape] in $0.shape == shape }) else { return }
    try emit(.select, [predicate, onTrue, value(type(onTrue))])
  }

  mutating func ternary() throws {
    guard let x = any({ $0.dtype.isNumeric }) else { return }
    let isFMA = chance(2) && (type(x).dtype == .f32 || type(x).dtype == .f64)
    try emit(isFMA ? .fma : .clamp, [value(type(x)), x, value(type(x))])
  }

  mutating func convert() throws {
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

  mutating func broadcast() throws {
    guard let x = any({ $0.rank < 4 }) else { return }
    let operand = type(x).shape
    let places = Array(Array(0..<(operand.count + pick(0...2))).shuffled(using: &random).prefix(operand.count))
    var shape = (0..<max(operand.count, (places.max() ?? -1) + 1 + pick(0...1))).map { _ in pick(sizes) }
    for (dim, place) in places.enumerated() where operand[dim] != 1 || chance(2) { shape[place] = operand[dim] }
    guard shape.reduce(1, *) <= options.maximumElements else { return }
    try emit(.broadcastInDim(shape: shape, dims: places), [x])
  }

  mutating func reshape() throws {
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

  mutating func transpose() throws {
    guard let x = any({ $0.rank > 1 }) else { return }
    try emit(.transpose(Array(0..<type(x).rank).shuffled(using: &random)), [x])
  }

  mutating func slice() throws {
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

  mutating func pad() throws {
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

  mutating func concatenate() throws {
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

  mutating func iota() throws {
    let shape = [pick(sizes)] + pickShape().prefix(1)
    try emit(.iota(TensorType(pickDType(\.isNumeric), shape), axis: pick(0...(shape.count - 1))), [])
  }
}
