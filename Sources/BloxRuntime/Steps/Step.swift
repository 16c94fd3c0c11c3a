// The steps of an executable: what runs, with everything but addresses decided.
//
// Nothing here allocates, counts references or looks anything up by name. Each step divides its work into parts that
// depend on shapes alone, or whose borders no bit of the result depends on.
import CBloxKernels

/// One step: the kind of kernel and its prepared arguments.
enum Step: BitwiseCopyable {
  case tile(UnsafePointer<TileStep>)
  case tiles(UnsafePointer<TileGroupStep>)
  case product(UnsafePointer<ProductStep>)
  case pack(UnsafePointer<PackStep>)
  case attention(UnsafePointer<AttentionStep>)
  case reduce(UnsafePointer<ReduceStep>)
  case argReduce(UnsafePointer<ArgReduceStep>)
  case copy(UnsafePointer<CopyStep>)
  case windows(UnsafePointer<WindowStep>)
  case dynamicSlice(UnsafePointer<DynamicSliceStep>)
  case channels(UnsafePointer<ChannelStep>)
  case fill(UnsafePointer<FillStep>)
  case part(UnsafePointer<PartStep>)
  case keys(UnsafePointer<KeyStep>)
  case print(UnsafePointer<PrintStep>)
  case matrix(UnsafePointer<MatrixStep>)
  case pool(UnsafePointer<PoolStep>)
  case cumulative(UnsafePointer<CumulativeStep>)
  case order(UnsafePointer<OrderStep>)
  case scan(UnsafePointer<ScanStep>)
  case loop(UnsafePointer<LoopStep>)
  case branch(UnsafePointer<BranchStep>)

  @inline(__always)
  func run(_ memory: RunMemory) {
    switch self {
    case .tile(let step): TileStep.run(step, memory)
    case .tiles(let step): TileGroupStep.run(step, memory)
    case .product(let step): ProductStep.run(step, memory)
    case .pack(let step): step.pointee.run(memory)
    case .attention(let step): AttentionStep.run(step, memory)
    case .reduce(let step): ReduceStep.run(step, memory)
    case .argReduce(let step): step.pointee.run(memory)
    case .copy(let step): CopyStep.run(step, memory)
    case .windows(let step): WindowStep.run(step, memory)
    case .dynamicSlice(let step): step.pointee.run(memory)
    case .channels(let step): ChannelStep.run(step, memory)
    case .fill(let step): step.pointee.run(memory)
    case .part(let step): step.pointee.run(memory)
    case .keys(let step): step.pointee.run(memory)
    case .print(let step): step.pointee.run(memory)
    case .matrix(let step): MatrixStep.run(step, memory)
    case .pool(let step): PoolStep.run(step, memory)
    case .cumulative(let step): CumulativeStep.run(step, memory)
    case .order(let step): OrderStep.run(step, memory)
    case .scan(let step): step.pointee.run(memory)
    case .loop(let step): step.pointee.run(memory)
    case .branch(let step): step.pointee.run(memory)
    }
  }
}

/// Finds the memory of a value that is part of another's.
struct PartStep: BitwiseCopyable {
  let source: Int32
  let target: Int32
  let offset: Int

  func run(_ memory: RunMemory) { memory.table[Int(target)] = memory.address(source) + offset }
}

/// A tile program over a linear space, in parts of `chunk` elements.
struct TileStep: BitwiseCopyable {
  let program: UnsafePointer<blox_tile_program>
  let count: Int
  let chunk: Int
  /// What it takes, in nanoseconds, roughly.
  let work: Double

  static func run(_ step: UnsafePointer<TileStep>, _ memory: RunMemory) {
    let (count, chunk) = (step.pointee.count, step.pointee.chunk)
    guard chunk < count else {
      return blox_tile_run(
        step.pointee.program, memory.table, 0, Int64(count), memory.scratch(of: 0).assumingMemoryBound(to: CChar.self))
    }
    runParts(step, parts: (count + chunk - 1) / chunk, memory) { context, part, participant in
      let call = context.assumingMemoryBound(to: StepCall<TileStep>.self).pointee
      let step = call.step.pointee
      blox_tile_run(
        step.program, call.memory.table, Int64(part * step.chunk), Int64(min(step.count, (part + 1) * step.chunk)),
        call.memory.scratch(of: participant).assumingMemoryBound(to: CChar.self))
    }
  }
}

/// Tile programs that need not wait for each other, each as a whole.
struct TileGroupStep: BitwiseCopyable {
  let steps: UnsafePointer<TileStep>
  /// The end of each part among the steps.
  let ends: UnsafePointer<Int>
  let parts: Int

  static func run(_ step: UnsafePointer<TileGroupStep>, _ memory: RunMemory) {
    runParts(step, parts: step.pointee.parts, memory) { context, part, participant in
      let call = context.assumingMemoryBound(to: StepCall<TileGroupStep>.self).pointee
      let group = call.step.pointee
      for index in (part == 0 ? 0 : group.ends[part - 1])..<group.ends[part] {
        blox_tile_run(
          group.steps[index].program, call.memory.table, 0, Int64(group.steps[index].count),
          call.memory.scratch(of: participant).assumingMemoryBound(to: CChar.self))
      }
    }
  }
}

/// Reductions of the middle dimension of `[outer, length, inner]`, or of pieces of it (`pieces` > 1), which leave
/// `[outer, pieces, inner]` for another step to reduce.
struct ReduceStep: BitwiseCopyable {
  let rows: blox_reduce_rows_fn?
  let columns: blox_reduce_columns_fn?
  let source: Int32
  let target: Int32
  let width: Int
  let outer: Int
  let length: Int
  let inner: Int
  /// The length of a piece; the last one may be shorter.
  let pieceLength: Int
  let pieces: Int
  /// Units of work per part: rows, or strips of columns.
  let unitsPerPart: Int
  /// Columns in a strip, when there are columns.
  let stripColumns: Int

  /// A unit is a piece of a row, or a strip of columns of a piece.
  var units: Int { outer * pieces * (inner == 1 ? 1 : (inner + stripColumns - 1) / stripColumns) }

  static func run(_ step: UnsafePointer<ReduceStep>, _ memory: RunMemory) {
    let units = step.pointee.units
    let perPart = step.pointee.unitsPerPart
    runParts(step, parts: (units + perPart - 1) / perPart, memory) { context, part, _ in
      let call = context.assumingMemoryBound(to: StepCall<ReduceStep>.self).pointee
      let step = call.step.pointee
      let start = part * step.unitsPerPart
      let end = min(step.units, start + step.unitsPerPart)
      if step.inner == 1 && step.pieces == 1 {
        step.reduceRows(start..<end, call.memory)
      } else {
        for unit in start..<end { step.reduceUnit(unit, call.memory) }
      }
    }
  }

  /// Whole rows, in one call.
  private func reduceRows(_ range: Range<Int>, _ memory: RunMemory) {
    rows?(
      memory.address(target) + range.lowerBound * width, memory.address(source) + range.lowerBound * length * width,
      Int64(range.count), Int64(length))
  }

  private func reduceUnit(_ unit: Int, _ memory: RunMemory) {
    let strips = inner == 1 ? 1 : (inner + stripColumns - 1) / stripColumns
    let (block, strip) = (unit / strips, unit % strips)
    let (row, piece) = (block / pieces, block % pieces)
    let start = piece * pieceLength
    let count = min(length - start, pieceLength)
    let column = strip * stripColumns
    let source = memory.address(source) + ((row * length + start) * inner + column) * width
    let target = memory.address(target) + (block * inner + column) * width
    if inner == 1 {
      rows?(target, source, 1, Int64(count))
    } else {
      columns?(target, source, Int64(count), Int64(inner), Int64(min(inner - column, stripColumns)))
    }
  }
}

/// The index of the extreme element along the middle dimension.
struct ArgReduceStep: BitwiseCopyable {
  let function: blox_arg_reduce_fn
  let source: Int32
  let target: Int32
  let outer: Int
  let length: Int
  let inner: Int

  func run(_ memory: RunMemory) {
    memory.address(target).withMemoryRebound(to: Int32.self, capacity: outer * inner) { target in
      function(target, memory.address(source), Int64(outer), Int64(length), Int64(inner))
    }
  }
}

/// Fills a buffer with one element, known beforehand or found in a buffer.
struct FillStep: BitwiseCopyable {
  let target: Int32
  let width: Int32
  let count: Int
  let bits: UInt64
  /// The buffer whose first element is used instead of `bits`; -1 for none.
  let source: Int32

  func run(_ memory: RunMemory) {
    var value = bits
    if source >= 0 {
      value = 0
      withUnsafeMutableBytes(of: &value) { bytes in
        // Elements are little-endian on every platform that the kernels support.
        bytes.copyMemory(from: UnsafeRawBufferPointer(start: memory.address(source), count: Int(width)))
      }
    }
    blox_fill(kernelISA, memory.address(target), width, value, Int64(count))
  }
}

/// New keys from keys: `count` of each, or one of each folded with data (`data` >= 0).
struct KeyStep: BitwiseCopyable {
  let keys: Int32
  let data: Int32
  let target: Int32
  let keyCount: Int
  let count: Int

  func run(_ memory: RunMemory) {
    let keys = UnsafeRawPointer(memory.address(keys)).assumingMemoryBound(to: UInt32.self)
    let target = UnsafeMutableRawPointer(memory.address(target)).assumingMemoryBound(to: UInt32.self)
    if data >= 0 {
      let data = UnsafeRawPointer(memory.address(data)).assumingMemoryBound(to: UInt32.self)
      blox_random_fold_in(keys, data, Int64(keyCount), target)
    } else {
      blox_random_split(keys, Int64(keyCount), Int64(count), target)
    }
  }
}
