// The tile compiler: a region becomes a tape of micro-ops over tiles of its iteration space.
//
// Every value that a tile holds has a slot. Three steps: walk the region and emit micro-ops with slots (here), give
// slots room in scratch so that few bytes are live at a time, write the C structures (both in TileProgram.swift).
import BloxIR
import BloxPasses
import CBloxKernels

/// What is known of a slot.
struct TileSlot {
  enum Kind {
    /// Read in place from a buffer.
    case contiguous
    /// The same row of a buffer for all rows, read in place.
    case row
    /// Filled at the start of each tile.
    case filled
    /// The same element throughout, filled once.
    case constant
    /// The target of a micro-op.
    case computed
  }

  let kind: Kind
  /// Bytes per element.
  let width: Int
  /// Whether it holds an element for each row instead of one for each element.
  let ofRows: Bool
  /// The micro-op that writes it; -1 for streams and constants.
  var definition = -1
  /// The last micro-op that reads it.
  var lastUse = -1
  var isResult = false
}

struct TileOp {
  enum Function {
    case elementwise(blox_tile_fn)
    case reduce(blox_reduce_rows_fn, Op.Reduction)
    case `repeat`
    /// A reduction over leading dimensions takes the operand's elements.
    case fold(Int)
    case native(TileCode)
  }

  let function: Function
  /// The slots that it writes: none for a fold, any number for machine code, else one.
  let targets: [Int]
  let operands: [Int]
  /// What it computes, if it is elementwise: one after the other where it is a pair.
  var computations: [TileComputation] = []

  /// What it computes, if it is elementwise and no pair.
  var computation: TileComputation? { computations.count == 1 ? computations[0] : nil }
}

/// A stream before its dims and strides have an address.
struct TileStream {
  let kind: blox_stream_kind
  let dtype: DType
  let slot: Int
  let buffer: Int32
  let ofRows: Bool
  var offset = 0
  var axis = 0
  var lane = 0
  var dims: [StridedDimension] = []
}

/// Compiles one region.
struct TileCompiler {
  let region: Program
  var lowering: Lowering
  let operandBuffers: [Int32]
  let resultBuffers: [Int32]
  let space: TileSpace
  /// Whether it runs over blocks of a product, whose rows lie apart.
  let runsInBlocks: Bool
  var slots: [TileSlot] = []
  var ops: [TileOp] = []
  var streams: [TileStream] = []
  var constants: [(slot: Int, literal: Literal)] = []
  var folds: [TileFold] = []
  /// The slots of results, but for those of folds, and their buffers.
  var resultSlots: [Int] = []
  /// Whether each result has an element for each row. Its slot need not: a constant is as long as a tile.
  var resultsAreOfRows: [Bool] = []
  var slotBuffers: [Int32] = []
  /// Nanoseconds per element, roughly.
  var cost = 0.0
  private var sources: [TileSource?]
  /// The slot of each value that has one, so that a view read twice is one stream.
  private var slotOfValue: [Int?]

  /// - Parameter rowLength: The length of rows, where it is not for the region to say: over blocks of a product.
  init(
    _ region: Program, _ kind: Op.FusionKind = .loop, operands: [Int32], results: [Int32], rowLength: Int? = nil,
    _ lowering: Lowering
  ) throws(BloxError) {
    self.region = region
    self.lowering = lowering
    operandBuffers = operands
    resultBuffers = results
    runsInBlocks = rowLength != nil
    space = TileSpace(region, kind, rowLength: rowLength)
    sources = Array(repeating: nil, count: region.types.count)
    slotOfValue = Array(repeating: nil, count: region.types.count)
    for (index, parameter) in region.parameters.enumerated() {
      sources[index] = .view(View(dense: parameter.type.shape), buffer: operands[index])
    }
    for (type, result) in zip(region.resultTypes, region.results) {
      if isInSpace(type) || result.operand.value.map({ space.folds[$0] != nil }) ?? false { continue }
      throw lowering.unsupported("the results of a region must have one shape")
    }
  }

  /// Makes a parameter what is at hand of a product, instead of a buffer.
  mutating func readProduct(parameter: Int) {
    let dtype = region.parameters[parameter].type.dtype
    let slot = makeSlot(.contiguous, dtype)
    streams.append(TileStream(kind: BLOX_STREAM_PRODUCT, dtype: dtype, slot: slot, buffer: -1, ofRows: false))
    sources[parameter] = .slot(slot)
  }

  /// Emits streams, constants and micro-ops for what the results need.
  mutating func emit() throws(BloxError) {
    let needed = region.valuesReachingResults
    for instruction in region.instructions where needed[instruction.results[0].index] {
      let result = instruction.results[0]
      if let value = instruction.operands.lazy.compactMap(\.value).first(where: { space.folds[$0] != nil }) {
        throw unsupported(instruction, "reads \(value), which is complete only when its region ends")
      }
      if let pieces = space.folds[result] {
        try emitFolds(instruction, pieces)
        continue
      }
      if let source = try source(of: instruction) {
        sources[result.index] = source
        continue
      }
      guard isInSpace(region.type(of: result)) else {
        throw unsupported(instruction, "has another shape than its region")
      }
      sources[result.index] = .slot(try emitMicroOps(instruction))
    }
    for (result, buffer) in zip(region.results, resultBuffers) {
      if let value = result.operand.value, space.folds[value] != nil { continue }
      resultSlots.append(try slot(result.operand, isWhole: true))
      resultsAreOfRows.append(isOfRows(region.type(of: result.operand)))
      slotBuffers.append(buffer)
    }
    for slot in resultSlots { slots[slot].isResult = true }
    joinNative()
    joinPairs()
  }

  /// Elements of the iteration space.
  var count: Int { space.count }
  /// Elements of a row, where the region reduces rows or reads the same row again and again; 1 where there are no rows.
  var rowLength: Int { space.rowLength }
  /// The number of rows of the iteration space.
  var rowCount: Int { count / rowLength }

  private func isInSpace(_ type: TensorType) -> Bool { type.elementCount == count || type.elementCount == rowCount }

  /// Whether a tensor has an element for each row. A tensor with an element for each element of rows of one element
  /// would be both; regions with rows have longer ones.
  func isOfRows(_ type: TensorType) -> Bool { rowLength > 1 && type.elementCount == rowCount }

  func source(_ operand: Operand) -> TileSource {
    switch operand {
    case .value(let value): sources[value.index]!
    case .splat(let literal, _): .constant(literal)
    }
  }

  /// The slot of an operand; makes a stream or a constant at the first use.
  ///
  /// - Parameter isWhole: Whether all its elements are needed one after the other, and not row by row.
  mutating func slot(_ operand: Operand, isWhole: Bool = false) throws(BloxError) -> Int {
    let type = region.type(of: operand)
    let source = source(operand)
    if case .constant(let literal) = source { return constantSlot(literal) }
    if case .slot(let slot) = source { return slot }
    if let known = operand.value.flatMap({ slotOfValue[$0.index] }), !isWhole || slots[known].kind != .row {
      return known
    }
    guard isInSpace(type) else {
      let name = operand.value?.description ?? "a literal"
      throw lowering.unsupported("\(name): \(type) has another shape than its region")
    }
    let slot = makeStream(source, type, isWhole: isWhole)
    guard streams.last.map({ $0.dims.count <= 32 || $0.kind != BLOX_STREAM_STRIDED }) ?? true else {
      throw lowering.unsupported("a tensor of more than 32 separate dimensions cannot be read tile by tile")
    }
    if let value = operand.value { slotOfValue[value.index] = slot }
    return slot
  }

  private mutating func makeStream(_ source: TileSource, _ type: TensorType, isWhole: Bool) -> Int {
    let dtype = type.dtype
    let ofRows = isOfRows(type)
    cost += Double(dtype.byteCount) * 0.02
    switch source {
    case .view(let view, let buffer):
      if view.isDense && !isOverwrittenResult(buffer) {
        let slot = makeSlot(.contiguous, dtype, ofRows: ofRows)
        streams.append(
          TileStream(
            kind: BLOX_STREAM_CONTIGUOUS, dtype: dtype, slot: slot, buffer: buffer, ofRows: ofRows, offset: view.offset)
        )
        return slot
      }
      if !isWhole && !ofRows && view.repeatedRow == rowLength && rowLength > 1 {
        let slot = makeSlot(.row, dtype)
        streams.append(
          TileStream(
            kind: BLOX_STREAM_ROW, dtype: dtype, slot: slot, buffer: buffer, ofRows: false, offset: view.offset))
        return slot
      }
      let slot = makeSlot(.filled, dtype, ofRows: ofRows)
      streams.append(
        TileStream(
          kind: BLOX_STREAM_STRIDED, dtype: dtype, slot: slot, buffer: buffer, ofRows: ofRows, offset: view.offset,
          dims: view.collapsed))
      cost += 0.1
      return slot
    case .iota(let shape, let axis):
      let slot = makeSlot(.filled, dtype, ofRows: ofRows)
      let dims = shape.map { StridedDimension(size: $0, strides: [0]) }
      streams.append(
        TileStream(kind: BLOX_STREAM_IOTA, dtype: dtype, slot: slot, buffer: 0, ofRows: ofRows, axis: axis, dims: dims))
      cost += 0.2
      return slot
    case .bits(let buffer, let firstKey, let lane):
      let slot = makeSlot(.filled, dtype, ofRows: ofRows)
      streams.append(
        TileStream(
          kind: BLOX_STREAM_RANDOM_BITS, dtype: dtype, slot: slot, buffer: buffer, ofRows: ofRows, offset: firstKey,
          lane: lane))
      cost += 2
      return slot
    case .constant(let literal): return constantSlot(literal)
    case .slot(let slot): return slot
    }
  }

  /// Whether a region returns a parameter unchanged into memory that another result overwrites, as in
  /// `(a, b) -> (b, a)` in place: then each tile must be read before any is written. Results that are not walked
  /// yet get streams of their own later.
  private func isOverwrittenResult(_ buffer: Int32) -> Bool {
    let isReturned = region.results.contains { result in
      if let value = result.operand.value, case .view(_, let source) = sources[value.index] { return source == buffer }
      return false
    }
    return isReturned && resultBuffers.contains(buffer)
  }

  private mutating func makeSlot(_ kind: TileSlot.Kind, _ dtype: DType, ofRows: Bool = false) -> Int {
    slots.append(TileSlot(kind: kind, width: dtype.byteCount, ofRows: ofRows))
    return slots.count - 1
  }

  private mutating func constantSlot(_ literal: Literal) -> Int {
    if let known = constants.first(where: { $0.literal == literal }) { return known.slot }
    let slot = makeSlot(.constant, literal.dtype)
    constants.append((slot, literal))
    return slot
  }

  func unsupported(_ instruction: Instruction, _ reason: String) -> BloxError {
    lowering.unsupported("the instruction '\(instruction.summary(in: region))' \(reason); it stands in a region")
  }
}

// MARK: - Micro-ops

extension TileCompiler {
  /// Emits the micro-ops of an elementwise instruction and returns the slot of its result.
  private mutating func emitMicroOps(_ instruction: Instruction) throws(BloxError) -> Int {
    let operands = instruction.operands
    let dtype = region.type(of: operands[0]).dtype
    let result = region.type(of: instruction.results[0]).dtype
    let isa = kernelISA
    switch instruction.op {
    case .unary(let op):
      return try emit(blox_tile_unary(isa, op.kernel, dtype.kernel), .unary(op), instruction, cost: op.cost)
    case .binary(let op):
      return try emit(blox_tile_binary(isa, op.kernel, dtype.kernel), .binary(op), instruction, cost: op.cost)
    case .compare(let direction):
      let function = blox_tile_compare(isa, direction.kernel, dtype.kernel)
      return try emit(function, .compare(direction), instruction, cost: 0.05)
    case .select: return try emit(blox_tile_select(isa, result.kernel), .select, instruction, cost: 0.05)
    case .clamp: return try emit(blox_tile_clamp(isa, dtype.kernel), .clamp, instruction, cost: 0.05)
    case .fma: return try emit(blox_tile_fma(isa, dtype.kernel), .fma, instruction, cost: 0.05)
    case .convert:
      let function = blox_tile_convert(isa, dtype.kernel, result.kernel)
      return try emit(function, .convert(to: result), instruction, cost: 0.1)
    case .integerPow(let exponent): return try emitPower(instruction, exponent, dtype)
    case .reduce(let kind, _): return try emitReduction(instruction, kind, dtype)
    case .constant, .bitcastConvert, .broadcastInDim, .reshape, .transpose, .slice, .pad, .concatenate, .iota,
      .argReduce, .dotGeneral, .random, .call, .axisIndex, .stopGradient, .fusion:
      throw unsupported(instruction, "cannot run tile by tile")
    case .custom, .collective, .indexing: throw unsupported(instruction, "cannot run tile by tile")
    case .cumulative: throw unsupported(instruction, "cannot run tile by tile")
    case .control, .checkpointName: throw unsupported(instruction, "cannot run tile by tile")
    case .linearAlgebra, .optimizationBarrier: throw unsupported(instruction, "cannot run tile by tile")
    case .convolution: throw unsupported(instruction, "cannot run tile by tile")
    case .window: throw unsupported(instruction, "cannot run tile by tile")
    case .ordering: throw unsupported(instruction, "cannot run tile by tile")
    case .debugPrint: throw unsupported(instruction, "cannot run tile by tile")
    }
  }

  private mutating func emit(
    _ function: blox_tile_fn?, _ kind: TileComputation.Kind, _ instruction: Instruction, cost: Double
  ) throws(BloxError) -> Int {
    guard let function else { throw unsupported(instruction, "has no kernel") }
    var operands: [Int] = []
    for operand in instruction.operands { operands.append(try slot(operand)) }
    let result = region.type(of: instruction.results[0])
    let dtype = if case .select = kind { result.dtype } else { region.type(of: instruction.operands[0]).dtype }
    return append(
      .elementwise(function), operands, result.dtype, ofRows: isOfRows(result), cost: cost,
      computation: TileComputation(kind: kind, dtype: dtype))
  }

  /// Adds a micro-op; `cost` is in nanoseconds per element it computes.
  mutating func append(
    _ function: TileOp.Function, _ operands: [Int], _ dtype: DType, ofRows: Bool, cost: Double,
    computation: TileComputation? = nil
  ) -> Int {
    self.cost += ofRows ? cost / Double(rowLength) : cost
    for operand in operands { slots[operand].lastUse = ops.count }
    let target = makeSlot(.computed, dtype, ofRows: ofRows)
    slots[target].definition = ops.count
    slots[target].lastUse = ops.count
    ops.append(
      TileOp(function: function, targets: [target], operands: operands, computations: computation.map { [$0] } ?? []))
    return target
  }

  /// The reduction of each row.
  private mutating func emitReduction(
    _ instruction: Instruction, _ kind: Op.Reduction, _ dtype: DType
  ) throws(BloxError) -> Int {
    guard let function = blox_reduce_rows(kernelISA, kind.kernel, dtype.kernel) else {
      throw unsupported(instruction, "has no kernel")
    }
    let operand = region.type(of: instruction.operands[0])
    guard rowLength > 1, operand.elementCount == count, instruction.reducesRows(in: region) else {
      throw unsupported(instruction, "does not reduce the rows of its region")
    }
    cost += 0.05
    return append(
      .reduce(function, kind), [try slot(instruction.operands[0], isWhole: true)], dtype, ofRows: true, cost: 0)
  }

  /// Binary exponentiation from the least significant bit, as the reference interpreter does it: the accumulator
  /// starts as the first power used, a negative exponent inverts at the end.
  private mutating func emitPower(
    _ instruction: Instruction, _ exponent: Int, _ dtype: DType
  ) throws(BloxError) -> Int {
    guard let multiply = blox_tile_binary(kernelISA, BLOX_MUL, dtype.kernel),
      let divide = blox_tile_binary(kernelISA, BLOX_DIV, dtype.kernel)
    else { throw unsupported(instruction, "has no kernel") }
    let ofRows = isOfRows(region.type(of: instruction.results[0]))
    let product = TileComputation(kind: .binary(.mul), dtype: dtype)
    var power = try slot(instruction.operands[0])
    var accumulator: Int?
    var rest = exponent.magnitude
    while rest > 0 {
      if rest & 1 == 1 {
        accumulator =
          accumulator.map {
            append(
              .elementwise(multiply), [$0, power], dtype, ofRows: ofRows, cost: 0.05, computation: product)
          } ?? power
      }
      rest >>= 1
      if rest > 0 {
        power = append(
          .elementwise(multiply), [power, power], dtype, ofRows: ofRows, cost: 0.05, computation: product)
      }
    }
    guard let accumulator else { throw unsupported(instruction, "is a constant, and needs no micro-op") }
    guard exponent < 0 else { return accumulator }
    let one = constantSlot(Literal(1, as: dtype))
    return append(
      .elementwise(divide), [one, accumulator], dtype, ofRows: ofRows, cost: 0.15,
      computation: TileComputation(kind: .binary(.div), dtype: dtype))
  }
}

extension Program {
  /// Per value, whether a result depends on it.
  fileprivate var valuesReachingResults: [Bool] {
    var needed = Array(repeating: false, count: types.count)
    for result in results { if let value = result.operand.value { needed[value.index] = true } }
    for instruction in instructions.reversed() where instruction.results.contains(where: { needed[$0.index] }) {
      for operand in instruction.operands { if let value = operand.value { needed[value.index] = true } }
    }
    return needed
  }
}
