// Random well-typed programs.
//
// Each step picks an op and finds operands among what the program has computed so far, so that values are shared,
// some are never read, and some are read in several layouts. Where a value of the wanted type is missing, one is
// derived from another by broadcast, reshape, convert, or stands as a literal. What may be drawn is the table in
// ProgramGenerator+Steps.swift.
//
// No value is a subnormal number and no float's bits become an integer: passes may let subnormals through where an op
// that would flush them is gone, and machines differ in the payloads of NaN.

import BloxIR
import BloxPasses

/// Makes one program from a seed.
package struct ProgramGenerator {
  /// What is drawn from.
  package struct Options: Sendable {
    /// How many steps are drawn; a step adds a few instructions or none.
    package var steps = 4...24
    /// Dtypes of parameters and conversions.
    package var dtypes: [DType] = DType.allCases
    /// The size of the largest tensor.
    package var maximumElements = 300
    /// Sizes of dimensions: few, so that shapes meet again.
    package var sizes = [1, 1, 2, 3, 3, 4, 5]
    /// How deep programs may call others.
    package var calls = 2
    /// Whether parameters may be donated.
    package var donates = true
    /// Sizes of axes that `axis_index` may ask for. Such programs are for printing and typing, not for running.
    package var axes: [String: Int] = [:]
    /// Whether there are regions and literals of any bits, also for printing and typing only.
    package var isWild = false

    /// Creates options; what is not given has the value above.
    package init(
      steps: ClosedRange<Int>? = nil, dtypes: [DType]? = nil, maximumElements: Int? = nil, sizes: [Int]? = nil,
      calls: Int? = nil, donates: Bool? = nil, axes: [String: Int]? = nil, isWild: Bool? = nil
    ) {
      self.steps = steps ?? self.steps
      self.dtypes = dtypes ?? self.dtypes
      self.axes = axes ?? self.axes
      self.isWild = isWild ?? self.isWild
      self.maximumElements = maximumElements ?? self.maximumElements
      self.sizes = sizes ?? self.sizes
      self.calls = calls ?? self.calls
      self.donates = donates ?? self.donates
    }
  }

  var random: SeededGenerator
  let options: Options
  var builder: ProgramBuilder
  /// What later instructions may read.
  var values: [Operand] = []
  let sizes: [Int]
  /// What steps are drawn from: in one program of four only what fusion joins, so that regions get large.
  private let drawn: [Step]

  /// Starts from a seed.
  package init(seed: UInt64, _ options: Options = Options()) {
    self.init(SeededGenerator(seed: seed), options, name: "seed_\(seed)")
  }

  init(_ random: SeededGenerator, _ options: Options, name: String) {
    self.random = random
    self.options = options
    builder = ProgramBuilder(name: name, axes: options.axes)
    let isFusible = self.random.next() & 3 == 0
    drawn = isFusible ? ProgramGenerator.fusible : ProgramGenerator.drawn
    // Of few shapes, so that values meet.
    sizes = isFusible ? [3, 4] : options.sizes + (self.random.next() & 7 == 0 ? [0, 67] : [])
  }

  /// A program with one to four results.
  package mutating func make() throws -> Program {
    for _ in 0..<pick(1...4) {
      let type = TensorType(pickDType(), pickShape())
      let donated = options.donates && chance(3)
      values.append(.value(builder.parameter(Parameter(type, isDonated: donated))))
    }
    for _ in 0..<pick(options.steps) { try pick(drawn).add(&self) }
    var results: [ProgramResult] = []
    for _ in 0..<pick(1...4) {
      // Late values depend on most; early ones and literals are the odd cases.
      let operand = chance(4) ? pick(values) : values[max(0, values.count - 1 - pick(0...3))]
      results.append(ProgramResult(chance(12) ? .splat(literal(type(operand).dtype), shape: [2]) : operand))
    }
    return builder.finish(results: results)
  }

  // MARK: Choices

  mutating func pick<T>(_ array: [T]) -> T { array[Int(random.next() % UInt64(array.count))] }
  mutating func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  /// True once in so many times.
  mutating func chance(_ oneIn: UInt64) -> Bool { random.next() % oneIn == 0 }
  func type(_ operand: Operand) -> TensorType { builder.type(of: operand) }

  mutating func pickDType(_ accepts: (DType) -> Bool = { _ in true }) -> DType {
    // f32 is what programs are mostly made of.
    if accepts(.f32), options.dtypes.contains(.f32), !chance(3) { return .f32 }
    let accepted = options.dtypes.filter(accepts)
    return accepted.isEmpty ? (DType.allCases.first(where: accepts) ?? .f32) : pick(accepted)
  }

  mutating func pickShape() -> [Int] {
    while true {
      let shape = (0..<pick(0...4)).map { _ in pick(sizes) }
      if shape.reduce(1, *) <= options.maximumElements { return shape }
    }
  }

  mutating func literal(_ dtype: DType) -> Literal {
    if options.isWild, chance(2) { return Literal(dtype: dtype, bits: random.next()) }
    switch dtype.kind {
    case .boolean: return Literal(pick(0...1), as: dtype)
    case .key: return Literal(dtype: .key, bits: random.next())
    case .signed: return Literal(pick([-7, -1, 0, 1, 2, 3, 8, 100]), as: dtype)
    case .unsigned: return Literal(pick([0, 1, 2, 3, 8, 100]), as: dtype)
    case .floating: return Literal(pick([-1, -0.0, 0, 1, 1, 2, 0.5, -3.25, 0.1, 10, .infinity, .nan]), as: dtype)
    }
  }

  /// A value with a dtype that is accepted, mostly a recent one.
  mutating func any(_ accepts: (TensorType) -> Bool) -> Operand? {
    let known = values.filter { accepts(type($0)) }
    if known.isEmpty { return nil }
    return chance(2) ? pick(known) : known[max(0, known.count - 1 - pick(0...2))]
  }

  /// A value of a type: a known one, one derived from another, or a literal.
  mutating func value(_ wanted: TensorType, literals: Bool = true) throws -> Operand {
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
  mutating func emit(_ op: Op, _ operands: [Operand]) throws -> Operand {
    let results = try builder.emit(op, operands).map { Operand.value($0) }
    values.append(contentsOf: results)
    return results[0]
  }
}
