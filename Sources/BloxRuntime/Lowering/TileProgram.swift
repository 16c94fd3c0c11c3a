// Room for slots, and the C structures of a tile program.
//
// Linear scan over the tape: a slot takes its bytes at its definition and gives them back after its last use, in pools
// by element width, so that a micro-op may write over an operand of its own width and no other. Room is counted in
// bytes per element of a tile; the tile is then as long as fits the first-level cache.
import BloxIR
import BloxPasses
import CBloxKernels

/// What all slots of a tile may take together, in bytes: most of a first-level cache of 48 KiB; one of 32 KiB has what a
/// micro-op reads and writes.
private let tileBytes = 36 << 10
private let tileLengths = 256...4096
/// A region that reads and writes so many bytes and more writes large results past the caches: they would not stay there,
/// but push out what was read.
private let streamingBytes = 24 << 20
private let streamedBytes = 8 << 20

/// Room for slots, in pools by width, apart for elements and for rows.
struct SlotAllocation {
  var offsets: [Int]
  /// Bytes for each element of a tile, and for each row.
  private(set) var elementBytes = 0
  private(set) var rowBytes = 0
  private var freeOfElements: [[Int]] = Array(repeating: [], count: 9)
  private var freeOfRows: [[Int]] = Array(repeating: [], count: 9)

  init(offsets: [Int]) { self.offsets = offsets }

  mutating func take(_ index: Int, _ slot: TileSlot) {
    if slot.ofRows {
      offsets[index] = SlotAllocation.take(slot.width, &freeOfRows, &rowBytes)
    } else {
      offsets[index] = SlotAllocation.take(slot.width, &freeOfElements, &elementBytes)
    }
  }

  mutating func release(_ index: Int, _ slot: TileSlot) {
    if slot.ofRows {
      freeOfRows[slot.width].append(offsets[index])
    } else {
      freeOfElements[slot.width].append(offsets[index])
    }
  }

  private static func take(_ width: Int, _ free: inout [[Int]], _ total: inout Int) -> Int {
    if let offset = free[width].popLast() { return offset }
    total += width
    return total - width
  }
}

extension TileCompiler {
  /// The offset of each slot in bytes per element of a tile, or per row for slots of rows; -1 for slots that live in
  /// buffers.
  func allocateSlots() -> SlotAllocation {
    var room = SlotAllocation(offsets: Array(repeating: -1, count: slots.count))
    for (index, slot) in slots.enumerated() {
      switch slot.kind {
      case .filled: room.take(index, slot)
      case .constant: if constants.contains(where: { $0.slot == index }) { room.take(index, slot) }
      case .computed: if slot.isResult && needsRoom(index) { room.take(index, slot) }
      case .contiguous, .row: break
      }
    }
    for (index, op) in ops.enumerated() {
      for operand in Set(op.operands).sorted() {
        let slot = slots[operand]
        // Constants are filled once per run and results are copied at the end of a tile: both keep their room.
        if slot.lastUse == index, !slot.isResult, slot.kind == .filled || slot.kind == .computed {
          room.release(operand, slot)
        }
      }
      let targets = op.targets.filter { !slots[$0].isResult }
      for target in targets { room.take(target, slots[target]) }
      for target in targets where slots[target].lastUse == index { room.release(target, slots[target]) }
    }
    return room
  }

  /// Whether a result may have to wait in scratch: because its memory is that of an operand which is still read, or
  /// because it is returned twice.
  private func needsRoom(_ slot: Int) -> Bool {
    let results = resultSlots.indices.filter { resultSlots[$0] == slot }
    let buffers = results.map { slotBuffers[$0] }
    return buffers.count > 1 || results.contains { isStreamed($0) }
      || streams.contains { stream in
        stream.kind == BLOX_STREAM_CONTIGUOUS && buffers.contains(stream.buffer)
          && (slots[stream.slot].lastUse > slots[slot].definition || slots[stream.slot].isResult)
      }
  }

  /// Whether a result is written past the caches: it does not fit there, and nothing else brings its lines there.
  func isStreamed(_ index: Int) -> Bool {
    guard !runsInBlocks, !resultsAreOfRows[index], count * slots[resultSlots[index]].width >= streamedBytes,
      count * movedWidth >= streamingBytes
    else { return false }
    return !streams.contains { $0.buffer == slotBuffers[index] }
  }

  /// Writes the structures and appends the steps.
  mutating func finish() {
    let (program, scratchBytes) = finishProgram()
    lowering.needLaneScratch(byteCount: scratchBytes)
    let step = TileStep(
      program: program, count: count, chunk: chunkLength(tile: Int(program.pointee.tile)),
      work: TileCompiler.startCost + Double(count) * max(cost, 0.1))
    lowering.append(.tile(lowering.memory.keep(step)))
    combineFolds()
  }

  /// Writes the structures and returns the program and the scratch that it needs.
  ///
  /// - Parameter blockColumns: The longest row of a block, if the program runs over blocks: a tile is some of its rows.
  mutating func finishProgram(blockColumns: Int? = nil) -> (UnsafePointer<blox_tile_program>, scratchBytes: Int) {
    let room = allocateSlots()
    let fitting = tileLength(scratchUnits: room.elementBytes)
    let wholeRows = rowLength == 1 ? fitting : max(1, fitting / rowLength) * rowLength
    let tile = blockColumns.map { max(fitting, $0) } ?? wholeRows
    // Slots start at cache lines.
    let elements = tile.roundedUpToLine
    let rows = (tile / rowLength).roundedUpToLine
    let offsets = slots.indices.map { index -> Int64 in
      guard room.offsets[index] >= 0 else { return -1 }
      let ofRows = slots[index].ofRows
      return Int64(ofRows ? room.elementBytes * elements + room.offsets[index] * rows : room.offsets[index] * elements)
    }
    var scratchBytes = room.elementBytes * elements + room.rowBytes * rows
    let folds = places(ofFolds: &scratchBytes)
    let memory = lowering.memory
    var program = blox_tile_program()
    program.isa = kernelISA
    program.stream_count = Int32(streams.count)
    program.constant_count = Int32(constants.count)
    program.op_count = Int32(ops.count)
    program.result_count = Int32(resultSlots.count)
    program.slot_count = Int32(slots.count)
    program.fold_count = Int32(folds.count)
    program.streams = memory.keep(streams.map { stream($0) })
    program.constants = memory.keep(
      constants.map {
        blox_tile_constant(
          slot: Int32($0.slot), width: Int32($0.literal.dtype.byteCount), bits: $0.literal.memoryBits)
      })
    program.ops = memory.keep(ops.map { microOp($0) })
    program.results = memory.keep(
      resultSlots.indices.map {
        blox_tile_result(
          slot: Int32(resultSlots[$0]), buffer: slotBuffers[$0], width: Int32(slots[resultSlots[$0]].width),
          of_rows: resultsAreOfRows[$0] ? 1 : 0, streams: isStreamed($0) ? 1 : 0)
      })
    program.folds = memory.keep(folds)
    program.slot_offsets = memory.keep(offsets)
    program.tile = Int64(tile)
    program.row_length = Int64(rowLength)
    if lowering.listings != nil { lowering.list(listing(tile: tile)) }
    return (memory.keep(program), scratchBytes)
  }

  /// Elements per tile: a power of two, so that tiles begin where pages do, of which as many as possible fit the first-level
  /// cache together.
  private func tileLength(scratchUnits: Int) -> Int {
    let fitting = tileBytes / max(1, scratchUnits + movedWidth)
    let bounded = min(max(fitting, tileLengths.lowerBound), tileLengths.upperBound)
    return 1 << (Int.bitWidth - 1 - bounded.leadingZeroBitCount)
  }

  /// The bytes of an element in all that is read from buffers in place, and in results.
  private var movedWidth: Int {
    slots.reduce(0) { $0 + ($1.kind == .contiguous && !$1.ofRows ? $1.width : 0) }
      + zip(resultSlots, resultsAreOfRows).reduce(0) { $0 + ($1.1 ? 0 : slots[$1.0].width) }
  }

  /// What it takes to begin, in nanoseconds.
  private static let startCost = 250.0

  /// Elements per part: a part takes some tens of microseconds, so that handing it out costs little. The number of
  /// parts depends on the work alone.
  private func chunkLength(tile: Int) -> Int {
    let nanoseconds = Double(count) * max(cost, 0.1)
    let parts = Int(min(nanoseconds / 20_000, 64))
    guard parts > 1 else { return max(count, 1) }
    let share = (count + parts - 1) / parts
    let unit = folds.map(\.pieces.elements).max() ?? tile
    return (share + unit - 1) / unit * unit
  }

  private func stream(_ stream: TileStream) -> blox_stream {
    // Seeking needs a dimension to walk along even where nothing moves.
    var dims = stream.dims
    if dims.isEmpty { dims = [StridedDimension(size: stream.ofRows ? rowCount : count, strides: [0])] }
    return blox_stream(
      kind: Int32(stream.kind.rawValue), dtype: Int32(stream.dtype.kernel.rawValue), slot: Int32(stream.slot),
      buffer: stream.buffer, offset: Int64(stream.offset), rank: Int32(dims.count), axis: Int32(stream.axis),
      dims: lowering.memory.keep(dims.map { Int64($0.size) }),
      strides: lowering.memory.keep(dims.map { Int64($0.strides[0]) }), lane: Int64(stream.lane),
      of_rows: stream.ofRows ? 1 : 0)
  }

  private func microOp(_ op: TileOp) -> blox_tile_op {
    func operand(_ index: Int) -> Int32 { index < op.operands.count ? Int32(op.operands[index]) : -1 }
    var result = blox_tile_op()
    result.dst = op.targets.first.map { Int32($0) } ?? -1
    (result.a, result.b, result.c) = (operand(0), operand(1), operand(2))
    let width = op.targets.first.map { slots[$0].width } ?? 0
    switch op.function {
    case .elementwise(let function):
      let byRow = op.operands.contains { slots[$0].kind == .row }
      let ofRows = op.targets.first.map { slots[$0].ofRows } ?? false
      result.kind = Int32((ofRows ? BLOX_TILE_ROWS : byRow ? BLOX_TILE_BY_ROW : BLOX_TILE_ELEMENTS).rawValue)
      result.fn = function
      func step(_ index: Int) -> Int64 {
        guard op.operands.indices.contains(index), slots[op.operands[index]].kind != .row else { return 0 }
        return Int64(slots[op.operands[index]].width * rowLength)
      }
      result.steps = (Int64(width * rowLength), step(0), step(1), step(2))
    case .reduce(let function, _):
      result.kind = Int32(BLOX_TILE_REDUCE.rawValue)
      result.reduce = function
    case .repeat:
      result.kind = Int32(BLOX_TILE_REPEAT.rawValue)
      result.width = Int32(width)
    case .fold(let fold):
      result.kind = Int32(BLOX_TILE_FOLD.rawValue)
      result.fold = Int32(fold)
    case .native(let code):
      result.kind = Int32(BLOX_TILE_NATIVE.rawValue)
      result.native = lowering.memory.keep(code)
    }
    return result
  }
}

extension Lowering {
  /// Lowers a region over buffers.
  mutating func lowerTile(
    _ region: Program, _ kind: Op.FusionKind = .loop, operands: [Int32], results: [Int32]
  ) throws(BloxError) {
    guard region.resultTypes.contains(where: { $0.elementCount > 0 }) else { return }
    var compiler = try TileCompiler(region, kind, operands: operands, results: results, self)
    try compiler.emit()
    compiler.finish()
    self = compiler.lowering
  }

  /// Lowers an elementwise or generating instruction outside any region as a region of its own.
  mutating func lowerAlone(_ instruction: Instruction) throws(BloxError) {
    var builder = ProgramBuilder(name: instruction.op.name)
    var values: [Value] = []
    for operand in instruction.operands {
      if let value = operand.value, !values.contains(value) { values.append(value) }
    }
    let parameters = values.map { builder.parameter(program.type(of: $0)) }
    let operands = instruction.operands.map { operand in
      operand.value.map { .value(parameters[values.firstIndex(of: $0)!]) } ?? operand
    }
    let result = try builder.emitOne(instruction.op, operands)
    try lowerTile(
      builder.finish(results: [ProgramResult(result)]), operands: values.map { slot($0) },
      results: resultSlots(instruction))
  }
}
