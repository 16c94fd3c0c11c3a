// Machine code: neighbouring micro-ops become one whose values stay in registers from vector to vector.
//
// before:  mul   t = x, a          after:  native  r = x       (a and b are constants of the code)
//          add   u = t, b
//          tanh  r = u
//
// An element's operations and their order stay as they are, so results keep their bits. What only exists as a kernel
// (halves, f64, rarer functions) stays a micro-op between the others.
import BloxIR
import CBloxKernels

/// What an elementwise micro-op computes, and in which dtype: that of its operands, of a select's result.
struct TileComputation {
  enum Kind {
    case unary(Op.Unary)
    case binary(Op.Binary)
    case compare(Op.Comparison)
    case select, clamp, fma
    case convert(to: DType)
  }

  let kind: Kind
  let dtype: DType
}

/// Machine code of a micro-op, and the slots that it touches.
struct TileCode {
  let program: VectorProgram
  let bytes: [UInt8]
  /// How many vectors go through it side by side.
  let copies: Int
  let slots: [blox_native_slot]
  /// Whether it runs row by row, since it reads the same row for all or an element for each.
  let isByRow: Bool
}

extension TileCompiler {
  /// Fewer elements do not repay writing the code.
  private static let leastNativeElements = 256

  /// Replaces runs of micro-ops by machine code, where this processor has it.
  mutating func joinNative() {
    guard MachineCode.isAvailable, count >= TileCompiler.leastNativeElements else { return }
    var joined: [TileOp] = []
    var run = NativeRun(self)
    for (index, op) in ops.enumerated() {
      let isAdded = run.add(op)
      if isAdded && !run.isLong { continue }
      joined += isAdded ? run.finish(before: index + 1) : run.finish(before: index) + [op]
      run.begin(at: index + 1)
    }
    joined += run.finish(before: ops.count)
    // What only native code repeats is read from the rows themselves.
    let read = Set(joined.flatMap(\.operands) + resultSlots)
    ops = joined.filter { op in
      if case .repeat = op.function { return op.targets.contains(where: read.contains) }
      return true
    }
    constants.removeAll { !read.contains($0.slot) }
    findUses()
  }
}

/// Neighbouring micro-ops on the way to become machine code.
private struct NativeRun {
  private let slots: [TileSlot]
  private let ops: [TileOp]
  private let literals: [Int: Literal]
  private let resultSlots: Set<Int>
  private let streamedSlots: Set<Int>
  /// The last micro-op that reads each slot, and the slot of rows that each repeats.
  private let lastReads: [Int: Int]
  private var repeatedRows: [Int: Int] = [:]
  private let keepsAlignment: Bool

  private var first = 0
  private var program = VectorProgram()
  private var values: [Int: VectorValue] = [:]
  private var reads: [(slot: Int, step: blox_native_step)] = []
  private var computed: [Int] = []
  private var isByRow = false

  init(_ compiler: TileCompiler) {
    (slots, ops) = (compiler.slots, compiler.ops)
    literals = Dictionary(uniqueKeysWithValues: compiler.constants.map { ($0.slot, $0.literal) })
    resultSlots = Set(compiler.resultSlots)
    // What is returned twice is copied to its second place.
    streamedSlots = Set(
      compiler.resultSlots.indices.filter { index in
        compiler.isStreamed(index) && compiler.resultSlots.count { $0 == compiler.resultSlots[index] } == 1
      }.map { compiler.resultSlots[$0] })
    // The addresses of vectors are multiples of 64 where those of rows are.
    keepsAlignment = compiler.rowLength % 16 == 0
    var lastReads: [Int: Int] = [:]
    for (index, op) in compiler.ops.enumerated() { for operand in op.operands { lastReads[operand] = index } }
    self.lastReads = lastReads
    // Code that runs row by row has its price, too.
    for op in compiler.ops where compiler.rowLength >= 64 {
      if case .repeat = op.function, slots[op.targets[0]].width == 4 { repeatedRows[op.targets[0]] = op.operands[0] }
    }
  }

  /// Of longer code there would be fewer vectors side by side, and one alone waits for its own chain of operations.
  var isLong: Bool { program.instructions.count >= 256 }

  mutating func begin(at index: Int) {
    first = index
    (program, values, reads, computed, isByRow) = (VectorProgram(), [:], [], [], false)
  }

  /// Takes a micro-op into the run; `false` if there is no machine code for it.
  mutating func add(_ op: TileOp) -> Bool {
    if case .repeat = op.function { return repeatedRows[op.targets[0]] != nil }
    guard let computation = op.computation, let target = op.targets.first, !slots[target].ofRows,
      computation.isVectorizable, op.operands.allSatisfy({ canRead($0) })
    else { return false }
    let operands = op.operands.map { value(of: $0) }
    values[target] = program.emit(computation, operands)
    computed.append(target)
    return true
  }

  /// The micro-ops of the run, or the one that replaces them.
  mutating func finish(before end: Int) -> [TileOp] {
    let written = computed.filter { resultSlots.contains($0) || lastReads[$0, default: -1] >= end }
    // Two micro-ops may be one (TilePairs.swift), as fast as code for them unless it spares copies of rows, or writes past
    // the caches without a copy.
    let least = isByRow || written.contains(where: streamedSlots.contains) ? 1 : 3
    guard computed.count >= least else { return Array(ops[first..<end]) }
    program.results = written.map { slot in
      let isReadAgain = lastReads[slot, default: -1] >= end
      let isStreamed =
        streamedSlots.contains(slot) && !isReadAgain && slots[slot].width == 4 && (!isByRow || keepsAlignment)
      return VectorProgram.Result(value: values[slot]!, slot: slot, isStreamed: isStreamed)
    }
    func touched(_ slot: Int, _ step: blox_native_step, isWritten: Bool = false, isStreamed: Bool = false)
      -> blox_native_slot
    {
      blox_native_slot(
        slot: Int32(slot), width: Int32(slots[slot].width), step: Int32(step.rawValue), is_written: isWritten ? 1 : 0,
        is_streamed: isStreamed ? 1 : 0)
    }
    let (bytes, copies) = VectorCode.assemble(program)
    let code = TileCode(
      program: program, bytes: bytes, copies: copies,
      slots: reads.map { touched($0.slot, $0.step) }
        + program.results.map {
          touched($0.slot, BLOX_STEP_ELEMENTS, isWritten: true, isStreamed: $0.isStreamed)
        }, isByRow: isByRow)
    let repeats = ops[first..<end].filter { if case .repeat = $0.function { true } else { false } }
    return repeats + [TileOp(function: .native(code), targets: written, operands: reads.map(\.slot))]
  }

  private func canRead(_ slot: Int) -> Bool {
    if values[slot] != nil || repeatedRows[slot] != nil { return true }
    if let literal = literals[slot] { return literal.dtype.byteCount == 4 }
    return !slots[slot].ofRows && (slots[slot].width == 4 || slots[slot].width == 1)
  }

  private mutating func value(of slot: Int) -> VectorValue {
    if let known = values[slot] { return known }
    let value: VectorValue
    if let literal = literals[slot] {
      value = program.constant(bits: UInt32(truncatingIfNeeded: literal.bits))
    } else if let rows = repeatedRows[slot] {
      value = program.broadcast(slot: rows)
      // Several repeats may be of the same rows.
      if !reads.contains(where: { $0 == (rows, BLOX_STEP_ROWS) }) { reads.append((rows, BLOX_STEP_ROWS)) }
      isByRow = true
    } else {
      value = slots[slot].width == 1 ? program.loadMask(slot: slot) : program.load(slot: slot)
      let isRow = slots[slot].kind == .row
      reads.append((slot, isRow ? BLOX_STEP_ROW : BLOX_STEP_ELEMENTS))
      isByRow = isByRow || isRow
    }
    values[slot] = value
    return value
  }
}

// MARK: - Computations as vector code

extension TileComputation {
  /// Whether there is vector code for it, with the bits of the kernel.
  var isVectorizable: Bool {
    switch kind {
    case .unary(let op): op.isVectorizable(dtype)
    case .binary(let op): op.isVectorizable(dtype)
    case .compare, .select: [.f32, .i32, .u32].contains(dtype)
    case .clamp, .fma: dtype == .f32
    case .convert(let result):
      (dtype == .bool && [.f32, .i32, .u32].contains(result)) || ([.i32, .u32].contains(dtype) && result == .f32)
    }
  }
}

extension Op.Unary {
  fileprivate func isVectorizable(_ dtype: DType) -> Bool {
    switch self {
    case .neg: [.f32, .i32, .u32].contains(dtype)
    case .not: [.bool, .i32, .u32].contains(dtype)
    case .abs, .floor, .ceil, .exp, .log, .sqrt, .rsqrt, .tanh, .logistic, .erf, .isFinite: dtype == .f32
    case .sign, .log1p, .erfInv, .exp2, .expm1, .cbrt, .sin, .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh,
      .acosh, .atanh, .erfc, .lgamma, .digamma, .roundNearestEven, .roundNearestAway, .populationCount, .clz:
      false
    }
  }
}

extension Op.Binary {
  fileprivate func isVectorizable(_ dtype: DType) -> Bool {
    switch self {
    case .add, .sub, .mul, .max, .min: [.f32, .i32, .u32].contains(dtype)
    case .div: dtype == .f32
    case .and, .or, .xor: [.bool, .i32, .u32].contains(dtype)
    case .shiftLeft, .shiftRightLogical, .shiftRightArithmetic: [.i32, .u32].contains(dtype)
    case .rem, .pow, .atan2, .nextafter: false
    }
  }
}

extension VectorProgram {
  /// Adds what a micro-op computes, for which there is vector code.
  mutating func emit(_ computation: TileComputation, _ x: [VectorValue]) -> VectorValue {
    let dtype = computation.dtype
    switch computation.kind {
    case .unary(let op): return emit(op, dtype, x[0])
    case .binary(let op): return emit(op, dtype, x[0], x[1])
    case .compare(let comparison): return emit(.compare(comparison.vector(dtype)), x[0], x[1])
    case .select: return emit(.select, x[0], x[1], x[2])
    case .clamp: return minimum(maximum(x[1], x[0]), x[2])
    case .fma: return multiplyAdd(x[0], x[1], x[2])
    case .convert(let result):
      if dtype == .bool {
        return emit(.select, x[0], constant(bits: result == .f32 ? Float(1).bitPattern : 1), constant(bits: 0))
      }
      return emit(.unary(dtype == .i32 ? .fromSigned : .fromUnsigned), x[0])
    }
  }

  private mutating func emit(_ op: Op.Unary, _ dtype: DType, _ x: VectorValue) -> VectorValue {
    switch op {
    case .neg: return dtype == .f32 ? negated(x) : emit(.binary(.subtractInteger), constant(bits: 0), x)
    case .not: return dtype == .bool ? emit(.maskNot, x) : emit(.binary(.xor), x, constant(bits: .max))
    case .abs: return magnitude(x)
    case .floor: return emit(.unary(.floor), x)
    case .ceil: return emit(.unary(.ceil), x)
    case .exp: return exp(x)
    case .log: return log(x)
    case .sqrt: return emit(.unary(.squareRoot), x)
    case .rsqrt: return divide(constant(1), emit(.unary(.squareRoot), x))
    case .tanh: return tanh(x)
    case .logistic: return logistic(x)
    case .erf: return erf(x)
    case .isFinite:
      let infinity = constant(bits: 0x7F80_0000)
      return emit(.compare(.unsigned(.notEqual)), emit(.binary(.and), x, infinity), infinity)
    case .sign, .log1p, .erfInv, .exp2, .expm1, .cbrt, .sin, .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh,
      .acosh, .atanh, .erfc, .lgamma, .digamma, .roundNearestEven, .roundNearestAway, .populationCount, .clz:
      preconditionFailure("there is no vector code for \(op)")
    }
  }

  private mutating func emit(_ op: Op.Binary, _ dtype: DType, _ x: VectorValue, _ y: VectorValue) -> VectorValue {
    if dtype == .bool { return emit(.maskLogic(op == .and ? .and : op == .or ? .or : .xor), x, y) }
    let isFloat = dtype == .f32
    switch op {
    case .add: return emit(.binary(isFloat ? .add : .addInteger), x, y)
    case .sub: return emit(.binary(isFloat ? .subtract : .subtractInteger), x, y)
    case .mul: return emit(.binary(isFloat ? .multiply : .multiplyInteger), x, y)
    case .div: return divide(x, y)
    case .max:
      return isFloat ? maximum(x, y) : emit(.binary(dtype == .i32 ? .maximumSigned : .maximumUnsigned), x, y)
    case .min:
      return isFloat ? minimum(x, y) : emit(.binary(dtype == .i32 ? .minimumSigned : .minimumUnsigned), x, y)
    case .and: return emit(.binary(.and), x, y)
    case .or: return emit(.binary(.or), x, y)
    case .xor: return emit(.binary(.xor), x, y)
    case .shiftLeft: return emit(.binary(.shiftLeft), x, y)
    case .shiftRightLogical: return emit(.binary(.shiftRight), x, y)
    case .shiftRightArithmetic: return emit(.binary(.shiftRightArithmetic), x, y)
    case .rem, .pow, .atan2, .nextafter: preconditionFailure("there is no vector code for \(op)")
    }
  }
}

extension Op.Comparison {
  fileprivate func vector(_ dtype: DType) -> VectorOp.Comparison {
    let order: VectorOp.Comparison.Order
    switch self {
    case .eq: order = .equal
    case .ne: order = .notEqual
    case .lt: order = .less
    case .le: order = .lessOrEqual
    case .gt: order = .greater
    case .ge: order = .greaterOrEqual
    }
    return dtype == .f32 ? .float(order) : dtype == .i32 ? .signed(order) : .unsigned(order)
  }
}
