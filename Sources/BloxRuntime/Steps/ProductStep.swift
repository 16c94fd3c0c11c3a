// Batched matrix products.
import CBloxKernels

/// Where the operands of each product of a batch lie.
struct ProductBatch: BitwiseCopyable {
  let count: Int
  let rank: Int
  /// Sizes of the batch dimensions and the operands' strides along them, in elements.
  let dims: UnsafePointer<Int>
  let lhsStrides: UnsafePointer<Int>
  let rhsStrides: UnsafePointer<Int>

  /// The operands of a product, in elements from those of the first.
  func offsets(of index: Int) -> (lhs: Int, rhs: Int) {
    var (rest, lhs, rhs) = (index, 0, 0)
    for dim in stride(from: rank - 1, through: 0, by: -1) {
      lhs += rest % dims[dim] * lhsStrides[dim]
      rhs += rest % dims[dim] * rhsStrides[dim]
      rest /= dims[dim]
    }
    return (lhs, rhs)
  }
}

/// What is done with each finished block of a product.
struct EpilogueStep: BitwiseCopyable {
  let program: UnsafePointer<blox_tile_program>
  /// Where a thread's scratch has room for a block, and for the program, in bytes.
  let blockOffset: Int
  let slotsOffset: Int
}

/// How an operand that is made of other tensors is made when it is packed.
struct MakerStep: BitwiseCopyable {
  let program: UnsafePointer<blox_tile_program>
  /// Where a thread's scratch has room for a block, and for the program, in bytes.
  let blockOffset: Int
  let slotsOffset: Int
}

/// An operand of products: in a buffer, or made of other tensors.
enum ProductOperand: BitwiseCopyable {
  case buffer(Int32)
  case made(UnsafePointer<MakerStep>)

  /// Where its elements from `offset` on are; `nil` if it is made.
  func address(_ offset: Int, width: Int, _ memory: RunMemory) -> UnsafeRawPointer? {
    switch self {
    case .buffer(let slot): UnsafeRawPointer(memory.address(slot) + offset * width)
    case .made: nil
    }
  }

  /// What packing an element costs, in multiplications: more if it is made, or one of a patch, which is found in the input.
  func packing(isPatches: Bool) -> Double {
    switch self {
    case .buffer: isPatches ? 64 : 16
    case .made: 64
    }
  }

  /// What makes its elements from `offset` on, put into `room`; `nil` if it is in a buffer.
  func maker(
    _ offset: Int, _ memory: RunMemory, _ scratch: UnsafeMutableRawPointer,
    in room: UnsafeMutablePointer<blox_gemm_maker>
  ) -> UnsafePointer<blox_gemm_maker>? {
    guard case .made(let step) = self else { return nil }
    room.pointee = blox_gemm_maker(
      program: step.pointee.program, buffers: UnsafePointer(memory.table), start: Int64(offset),
      slots: (scratch + step.pointee.slotsOffset).assumingMemoryBound(to: CChar.self),
      block: scratch + step.pointee.blockOffset)
    return UnsafePointer(room)
  }
}

/// A product per batch index, or a convolution per group, whose left operand is patches of the input (`shape.patches`).
/// Every slice of a product has the bits that it has in the whole (the path is chosen for the whole), so a call may
/// divide the work by the number of its threads.
struct ProductStep: BitwiseCopyable {
  let isa: blox_isa
  let dtype: blox_dtype
  let path: blox_gemm_path
  /// One product, with addresses left out.
  let shape: blox_gemm_args
  let width: Int
  let lhs: ProductOperand
  let rhs: ProductOperand
  /// The right operand in panels; -1 where each call packs it for itself.
  let packed: Int32
  /// Where the product goes; -1 if only the epilogue needs it, block by block.
  let target: Int32
  let epilogue: UnsafePointer<EpilogueStep>?
  let batch: ProductBatch
  /// From one product to the next in the target, in elements.
  let targetStride: Int
  let granularity: (rows: Int, columns: Int)
  /// What a product costs, its epilogue included, in multiplications.
  let work: Double

  /// Below this many multiplications a product is not worth waking another thread for.
  static let smallestParallel = 1 << 20

  /// How one call divides each product, into blocks of rows or of columns.
  struct Division: BitwiseCopyable {
    var blocks = 1
    var length = 0
    var byRows = true
    var batchesPerPart = 1
  }

  func division(participants: Int) -> Division {
    var division = Division(length: Int(shape.m))
    guard participants > 1, work * Double(batch.count) >= Double(ProductStep.smallestParallel) else {
      division.batchesPerPart = batch.count
      return division
    }
    if batch.count >= 2 * participants || work < Double(ProductStep.smallestParallel) {
      // Enough work in parts of whole products; several small ones make one part.
      let small = Double(ProductStep.smallestParallel) / 4
      let useful = min(batch.count / (2 * participants), Int(small / max(work, 1)))
      division.batchesPerPart = max(1, useful, (batch.count + 1023) / 1024)
      return division
    }
    let threadsPerProduct = (participants + batch.count - 1) / batch.count
    let rows = ProductStep.blockLength(Int(shape.m), unit: granularity.rows, blocks: threadsPerProduct)
    let columns = ProductStep.blockLength(Int(shape.n), unit: granularity.columns, blocks: threadsPerProduct)
    // Each block packs the other operand anew, all of it; and the largest block is what the others wait for.
    let (m, n) = (Double(shape.m), Double(shape.n))
    let (lhsPacking, rhsPacking) = (lhs.packing(isPatches: shape.patches != nil), rhs.packing(isPatches: false))
    division.byRows =
      Double(rows) * (n + lhsPacking) + rhsPacking * n <= Double(columns) * (m + rhsPacking) + lhsPacking * m
    let size = Int(division.byRows ? shape.m : shape.n)
    division.length = division.byRows ? rows : columns
    division.blocks = max(1, (size + division.length - 1) / division.length)
    return division
  }

  /// The length of blocks of whole units.
  private static func blockLength(_ size: Int, unit: Int, blocks: Int) -> Int {
    let share = (size + blocks - 1) / blocks
    return (share + unit - 1) / unit * unit
  }

  struct Call {
    let step: UnsafePointer<ProductStep>
    let memory: RunMemory
    let division: Division
  }

  static func run(_ step: UnsafePointer<ProductStep>, _ memory: RunMemory) {
    let division = step.pointee.division(participants: memory.participants)
    let groups = (step.pointee.batch.count + division.batchesPerPart - 1) / division.batchesPerPart
    let call = Call(step: step, memory: memory, division: division)
    withUnsafePointer(to: call) { context in
      ThreadPool.shared.run(parts: groups * division.blocks, participants: memory.participants, context: context) {
        context, part, participant in
        let call = context.assumingMemoryBound(to: Call.self).pointee
        let step = call.step.pointee
        let (group, block) = (part / call.division.blocks, part % call.division.blocks)
        let first = group * call.division.batchesPerPart
        for index in first..<min(step.batch.count, first + call.division.batchesPerPart) {
          step.multiply(index: index, block: block, call.division, call.memory, participant)
        }
      }
    }
  }

  private func multiply(index: Int, block: Int, _ division: Division, _ memory: RunMemory, _ participant: Int) {
    var (lhsOffset, rhsOffset) = batch.offsets(of: index)
    var targetOffset = index * targetStride
    var arguments = shape
    let start = block * division.length
    if division.blocks > 1 {
      if division.byRows {
        arguments.m = Int64(min(Int(shape.m) - start, division.length))
        if shape.patches == nil { lhsOffset += start * Int(shape.a_row) } else { arguments.patch_row = Int64(start) }
        targetOffset += start * Int(shape.c_row)
      } else {
        arguments.n = Int64(min(Int(shape.n) - start, division.length))
        rhsOffset += start * Int(shape.b_column)
        arguments.packed_first = Int64(start)
        targetOffset += start
      }
    }
    if packed >= 0 { arguments.packed_b = UnsafeRawPointer(memory.address(packed)) }
    if target >= 0 { arguments.c = UnsafeMutableRawPointer(memory.address(target) + targetOffset * width) }
    let scratch = memory.scratch(of: participant)
    var (madeLhs, madeRhs, following) = (blox_gemm_maker(), blox_gemm_maker(), blox_gemm_epilogue())
    withUnsafeMutablePointer(to: &madeLhs) { madeLhs in
      arguments.a = lhs.address(lhsOffset, width: width, memory)
      arguments.made_a = lhs.maker(lhsOffset, memory, scratch, in: madeLhs)
      withUnsafeMutablePointer(to: &madeRhs) { madeRhs in
        arguments.b = rhs.address(rhsOffset, width: width, memory)
        arguments.made_b = rhs.maker(rhsOffset, memory, scratch, in: madeRhs)
        guard let epilogue else { return blox_gemm(isa, dtype, path, &arguments, scratch) }
        let step = epilogue.pointee
        following = blox_gemm_epilogue(
          program: step.program, buffers: UnsafePointer(memory.table), start: Int64(targetOffset),
          slots: (scratch + step.slotsOffset).assumingMemoryBound(to: CChar.self), block: scratch + step.blockOffset)
        withUnsafePointer(to: following) { following in
          arguments.epilogue = following
          blox_gemm(isa, dtype, path, &arguments, scratch)
        }
      }
    }
  }
}

/// Packs the right operand of products, which then find it in panels.
struct PackStep: BitwiseCopyable {
  let isa: blox_isa
  let dtype: blox_dtype
  let source: ProductOperand
  let target: Int32
  let rowStride: Int
  let columnStride: Int
  let k: Int
  let n: Int

  func run(_ memory: RunMemory) {
    var maker = blox_gemm_maker()
    withUnsafeMutablePointer(to: &maker) { maker in
      blox_gemm_pack(
        isa, dtype, source.address(0, width: 0, memory), source.maker(0, memory, memory.scratch(of: 0), in: maker),
        Int64(rowStride), Int64(columnStride), Int64(k), Int64(n), memory.address(target))
    }
  }
}
