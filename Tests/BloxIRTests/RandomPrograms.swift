// Random valid programs with every op, dtype, attribute and literal, for properties that hold for all programs.

import BloxIR

/// A small, fast generator whose sequence is fixed by its seed (splitmix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Builds programs instruction by instruction: an op is drawn, then operands that it accepts are looked for among the
/// values so far or made as constants.
struct RandomPrograms {
  static let axes = ["batch": 4, "model": 2]

  var random: SeededGenerator
  private var callees: [Program] = []

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  /// A program of the given number of instructions, whose regions and callees are smaller.
  mutating func program(instructions: Int, name: String = "random") throws -> Program {
    callees = []
    for index in 0..<int(0...2) {
      // Two programs of one name: the printer must tell them apart.
      callees.append(try body(instructions: int(0...3), name: ["f", "f", "the f"][index], isRegion: false, depth: 1))
    }
    var program = try body(instructions: instructions, name: name, isRegion: false, depth: 0)
    if chance(0.3) { plan(&program) }
    return program
  }

  private mutating func body(instructions: Int, name: String, isRegion: Bool, depth: Int) throws -> Program {
    var builder = ProgramBuilder(name: name, axes: RandomPrograms.axes)
    var values: [Operand] = []
    for index in 0..<int(0...4) {
      var parameter = Parameter(type())
      if !isRegion {
        parameter.isTrainable = chance(0.3)
        parameter.isDonated = chance(0.3)
        parameter.label = label(index)
      }
      values.append(.value(builder.parameter(parameter)))
    }
    for _ in 0..<instructions {
      if !isRegion { builder.note = SourceNote(scope: chance(0.5) ? "net/layer" : "") }
      try instruction(&builder, &values, depth: depth)
    }
    var results: [ProgramResult] = []
    for index in 0..<int(isRegion ? 1...3 : 0...3) {
      let operand = chance(0.2) || values.isEmpty ? splat(type()) : pick(values)
      results.append(ProgramResult(operand, label: isRegion ? nil : label(index)))
    }
    return builder.finish(results: results)
  }

  private mutating func label(_ index: Int) -> ValueLabel? {
    switch int(0...3) {
    case 0: .path("net/\(index)/größe")
    case 1: .argument("a \"\(index)\"\\\n\t\u{7f}")
    case 2: .argument("x\(index)")
    default: nil
    }
  }

  /// Gives every result a place in an arena that is large enough.
  private mutating func plan(_ program: inout Program) {
    let arena = program.types.map(\.byteCount).max() ?? 0
    program.memory = MemorySummary(arenaBytes: arena + 64, resultBytes: int(0...99), aliasedBytes: int(0...99))
    for index in program.instructions.indices {
      let count = program.instructions[index].results.count
      program.instructions[index].buffers = (0..<count).map { _ in
        chance(0.2) ? .constant : .arena(offset: int(0...64))
      }
    }
  }

  // MARK: Instructions

  private mutating func instruction(_ builder: inout ProgramBuilder, _ values: inout [Operand], depth: Int) throws {
    let (op, operands): (Op, [Operand])
    switch int(0...11) {
    case 10: (op, operands) = try collective(&values, &builder)
    case 11: (op, operands) = try custom(&values, &builder)
    case 0, 8, 9: (op, operands) = elementwise(&values, &builder)
    case 1: (op, operands) = shape(try value(type(), &values, &builder), &builder)
    case 2: (op, operands) = try reduction(&values, &builder)
    case 3: (op, operands) = try randomNumbers(&values, &builder)
    case 4: (op, operands) = try leaf()
    case 5 where depth < 3:
      let region = try body(instructions: int(0...3), name: "region", isRegion: true, depth: depth + 1)
      var arguments: [Operand] = []
      for parameter in region.parameters { arguments.append(try value(parameter.type, &values, &builder)) }
      (op, operands) = (.fusion(Op.Fusion(kind: .loop, region: region)), arguments)
    case 6 where !callees.isEmpty:
      let callee = pick(callees)
      var arguments: [Operand] = []
      for parameter in callee.parameters {
        arguments.append(
          chance(0.3) ? splat(parameter.type) : try value(parameter.type, &values, &builder))
      }
      (op, operands) = (.call(Op.Callee(callee)), arguments)
    default: (op, operands) = try contraction(&values, &builder)
    }
    values += try builder.emit(op, operands).map { .value($0) }
  }

  private mutating func leaf() throws -> (Op, [Operand]) {
    switch int(0...2) {
    case 0:
      let type = type()
      let elements = (0..<type.elementCount).map { _ in literal(type.dtype) }
      return (.constant(DenseConstant(type: type, elements: elements)), [])
    case 1:
      var type = type(numeric)
      if type.isScalar { type.shape = [int(0...3)] }
      return (.iota(type, axis: int(0...type.rank - 1)), [])
    default: return (.axisIndex(chance(0.5) ? "batch" : "model"), [])
    }
  }

  private mutating func elementwise(
    _ values: inout [Operand], _ builder: inout ProgramBuilder
  ) -> (Op, [Operand]) {
    func operand(_ type: TensorType, _ self: inout RandomPrograms) -> Operand {
      self.chance(0.4) ? self.splat(type) : (try? self.value(type, &values, &builder)) ?? self.splat(type)
    }
    switch int(0...8) {
    case 0:
      let op = pick(Op.Unary.allCases)
      let dtypes: [DType] =
        switch op {
        case .neg, .abs, .sign: numeric
        case .floor, .ceil, .exp, .log, .log1p, .sqrt, .rsqrt, .tanh, .logistic, .erf, .erfInv, .isFinite: floating
        case .not: integer + [.bool]
        }
      return (.unary(op), [operand(type(dtypes), &self)])
    case 1, 2:
      let op = pick(Op.Binary.allCases)
      let dtypes: [DType] =
        switch op {
        case .add, .sub, .mul, .div, .rem, .pow: numeric
        case .max, .min: numeric + [.bool]
        case .and, .or, .xor: integer + [.bool]
        case .shiftLeft, .shiftRightLogical, .shiftRightArithmetic: integer
        }
      let type = type(dtypes)
      return (.binary(op), [operand(type, &self), operand(type, &self)])
    case 3:
      let type = type(numeric + [.bool])
      return (.compare(pick(Op.Comparison.allCases)), [operand(type, &self), operand(type, &self)])
    case 4:
      let type = type()
      return (.select, [operand(type.with(dtype: .bool), &self), operand(type, &self), operand(type, &self)])
    case 5:
      let type = type(numeric)
      return (.clamp, [operand(type, &self), operand(type, &self), operand(type, &self)])
    case 6:
      let type = type([.f32, .f64])
      return (.fma, [operand(type, &self), operand(type, &self), operand(type, &self)])
    case 7:
      let type = type(DType.allCases.filter { $0 != .key })
      let same = DType.allCases.filter { $0.bitWidth == type.dtype.bitWidth && $0 != .key }
      return chance(0.5)
        ? (.convert(pick(numeric + [.bool])), [operand(type, &self)])
        : (.bitcastConvert(pick(same)), [operand(type, &self)])
    default:
      return chance(0.5)
        ? (.integerPow(int(-9...9)), [operand(type(floating), &self)]) : (.stopGradient, [operand(type(), &self)])
    }
  }

  private mutating func shape(_ operand: Operand, _ builder: inout ProgramBuilder) -> (Op, [Operand]) {
    let type = builder.type(of: operand)
    let rank = type.rank
    switch int(0...5) {
    case 0:
      let extra = int(0...2)
      let dims = Array((0..<rank + extra).shuffled(using: &random).prefix(rank))
      var shape = (0..<rank + extra).map { _ in int(0...3) }
      for (index, dim) in dims.enumerated() where type.shape[index] != 1 { shape[dim] = type.shape[index] }
      return (.broadcastInDim(shape: shape, dims: dims), [operand])
    case 1:
      let shape = pick([[type.elementCount], [1, type.elementCount], type.shape + [1], Array(type.shape.reversed())])
      return (.reshape(shape), [operand])
    case 2: return (.transpose((0..<rank).shuffled(using: &random)), [operand])
    case 3:
      let limits = type.shape.map { int(0...$0) }
      let slice = Op.Slice(
        starts: limits.map { int(0...$0) }, limits: limits, strides: chance(0.5) ? nil : limits.map { _ in int(1...3) })
      return (.slice(slice), [operand])
    case 4:
      let low = type.shape.map { int(-($0 + 1) / 2...2) }
      let high = zip(type.shape, low).map { max(int(-2...2), -$0 - $1) }
      let interior = type.shape.map { _ in int(0...1) }
      let fill = splat(TensorType(type.dtype))
      return (.pad(Op.Padding(low: low, high: high, interior: chance(0.5) ? nil : interior)), [operand, fill])
    default:
      guard rank > 0 else { return (.transpose([]), [operand]) }
      return (.concatenate(axis: int(0...rank - 1)), Array(repeating: operand, count: int(1...3)))
    }
  }

  private mutating func reduction(
    _ values: inout [Operand], _ builder: inout ProgramBuilder
  ) throws -> (Op, [Operand]) {
    if chance(0.3) {
      var type = type(numeric + [.bool])
      type.shape = [2] + type.shape
      return (.argReduce(pick(Op.ArgReduction.allCases), axis: 0), [try value(type, &values, &builder)])
    }
    let kind = pick(Op.Reduction.allCases)
    let dtypes: [DType] =
      switch kind {
      case .sum: numeric
      case .max, .min: numeric + [.bool]
      case .and, .or: integer + [.bool]
      }
    let type = type(dtypes)
    let axes = (0..<type.rank).filter { _ in chance(0.5) }
    return (.reduce(kind, axes: axes), [try value(type, &values, &builder)])
  }

  private mutating func randomNumbers(
    _ values: inout [Operand], _ builder: inout ProgramBuilder
  ) throws -> (Op, [Operand]) {
    let shape = type().shape
    let keys = try value(TensorType(.key, shape), &values, &builder)
    switch int(0...5) {
    case 0: return (.random(.seed), [try value(type(integer), &values, &builder)])
    case 1:
      let data = TensorType(.u32, shape)
      return (.random(.foldIn), [keys, chance(0.5) ? splat(data) : try value(data, &values, &builder)])
    case 2: return (.random(.split([int(0...2)])), [keys])
    case 3: return (.random(.bits(shape: type().shape, pick([.u8, .u16, .u32, .u64]))), [keys])
    case 4: return (.random(.wrap), [try value(TensorType(.u32, shape + [2]), &values, &builder)])
    default: return (.random(.unwrap), [keys])
    }
  }

  private mutating func contraction(
    _ values: inout [Operand], _ builder: inout ProgramBuilder
  ) throws -> (Op, [Operand]) {
    let type = type(numeric)
    let batch = int(0...type.rank)
    let contract = int(0...type.rank - batch)
    let dims = (0..<type.rank).shuffled(using: &random)
    let rhs = try value(type, &values, &builder)
    let dot = Op.DotDimensions(
      lhsBatch: Array(dims.prefix(batch)), rhsBatch: Array(dims.prefix(batch)),
      lhsContract: Array(dims.dropFirst(batch).prefix(contract)),
      rhsContract: Array(dims.dropFirst(batch).prefix(contract)))
    return (.dotGeneral(dot), [try value(type, &values, &builder), rhs])
  }

  // MARK: Draws

  let floating: [DType] = DType.allCases.filter(\.isFloating)
  let integer: [DType] = DType.allCases.filter(\.isInteger)
  let numeric: [DType] = DType.allCases.filter(\.isNumeric)

  /// A value of a type: one of those there are, or a new constant.
  mutating func value(
    _ type: TensorType, _ values: inout [Operand], _ builder: inout ProgramBuilder
  ) throws -> Operand {
    let candidates = values.filter { builder.type(of: $0) == type }
    if !candidates.isEmpty, chance(0.8) { return pick(candidates) }
    let elements = (0..<type.elementCount).map { _ in literal(type.dtype) }
    let constant = try builder.emitOne(.constant(DenseConstant(type: type, elements: elements)), [])
    values.append(constant)
    return constant
  }

  mutating func splat(_ type: TensorType) -> Operand { .splat(literal(type.dtype), shape: type.shape) }

  mutating func type(_ dtypes: [DType] = DType.allCases) -> TensorType {
    TensorType(pick(dtypes), (0..<int(0...3)).map { _ in pick([0, 1, 1, 2, 2, 3, 3]) })
  }

  /// Any bit pattern or a small number.
  mutating func literal(_ dtype: DType) -> Literal {
    chance(0.5) ? Literal(dtype: dtype, bits: random.next()) : Literal(pick([0.0, -0.0, 1, 2, -1, 0.5]), as: dtype)
  }

  mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &random) < probability }
  mutating func pick<T>(_ options: [T]) -> T { options[int(0...options.count - 1)] }
}
