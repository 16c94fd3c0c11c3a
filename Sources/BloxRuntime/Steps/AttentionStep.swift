// Attention, some rows of scores at a time.
import CBloxKernels

/// One of the two products of attention.
struct AttentionProduct: BitwiseCopyable {
  let path: blox_gemm_path
  /// The whole product of a batch index, with addresses left out.
  let shape: blox_gemm_args
  let rhs: Int32
  /// The right operands in panels, one after the other; -1 where the path packs nothing.
  let packed: Int32
  let packedBytes: Int
  let batch: ProductBatch

  /// Packs the right operand of a batch index, if the path takes it so.
  func pack(_ index: Int, _ isa: blox_isa, _ dtype: blox_dtype, _ width: Int, _ memory: RunMemory) {
    guard packed >= 0 else { return }
    blox_gemm_pack(
      isa, dtype, memory.address(rhs) + batch.offsets(of: index).rhs * width, nil, shape.b_row, shape.b_column,
      shape.k, shape.n, memory.address(packed) + index * packedBytes)
  }

  /// The arguments for rows of a batch index, but for where these and the result are.
  func arguments(rows: Int, of index: Int, width: Int, _ memory: RunMemory) -> blox_gemm_args {
    var arguments = shape
    arguments.m = Int64(rows)
    arguments.b = UnsafeRawPointer(memory.address(rhs) + batch.offsets(of: index).rhs * width)
    if packed >= 0 { arguments.packed_b = UnsafeRawPointer(memory.address(packed) + index * packedBytes) }
    return arguments
  }
}

/// For each block of rows: its scores in a thread's scratch, what becomes of them, and their product with the values.
/// Each is computed as for all rows at once.
struct AttentionStep: BitwiseCopyable {
  let isa: blox_isa
  let dtype: blox_dtype
  let width: Int
  let scores: AttentionProduct
  let output: AttentionProduct
  let lhs: Int32
  let target: Int32
  let rowsPerBlock: Int
  /// What becomes of scores. Its buffer 0 are the scores, before and after; the others those of `operands`.
  let program: UnsafePointer<blox_tile_program>
  let operands: UnsafePointer<Int32>
  let operandCount: Int
  /// Where in a thread's scratch scores, table and slots begin; what products need comes first.
  let scoresOffset: Int
  let tableOffset: Int
  let slotsOffset: Int

  private var rows: Int { Int(scores.shape.m) }
  private var keys: Int { Int(scores.shape.n) }
  private var blocks: Int { (rows + rowsPerBlock - 1) / rowsPerBlock }

  static func run(_ step: UnsafePointer<AttentionStep>, _ memory: RunMemory) {
    runParts(step, parts: 2 * step.pointee.scores.batch.count, memory) { context, part, _ in
      let call = context.assumingMemoryBound(to: StepCall<AttentionStep>.self).pointee
      let step = call.step.pointee
      (part % 2 == 0 ? step.scores : step.output).pack(part / 2, step.isa, step.dtype, step.width, call.memory)
    }
    runParts(step, parts: step.pointee.scores.batch.count * step.pointee.blocks, memory) { context, part, participant in
      let call = context.assumingMemoryBound(to: StepCall<AttentionStep>.self).pointee
      let blocks = call.step.pointee.blocks
      call.step.pointee.runBlock(index: part / blocks, block: part % blocks, call.memory, participant)
    }
  }

  private func runBlock(index: Int, block: Int, _ memory: RunMemory, _ participant: Int) {
    let scratch = memory.scratch(of: participant)
    let first = block * rowsPerBlock
    let count = min(rows - first, rowsPerBlock)
    let weights = scratch + scoresOffset

    var product = scores.arguments(rows: count, of: index, width: width, memory)
    let lhsOffset = scores.batch.offsets(of: index).lhs + first * Int(product.a_row)
    product.a = UnsafeRawPointer(memory.address(lhs) + lhsOffset * width)
    product.c = weights
    product.c_row = product.n
    blox_gemm(isa, dtype, scores.path, &product, scratch)

    // The program counts elements from the first of all scores on.
    let start = (index * rows + first) * keys
    let table = (scratch + tableOffset).assumingMemoryBound(to: Address?.self)
    table[0] = (weights - start * width).assumingMemoryBound(to: CChar.self)
    for index in 0..<operandCount { table[index + 1] = memory.table[Int(operands[index])] }
    blox_tile_run(
      program, table, Int64(start), Int64(start + count * keys),
      (scratch + slotsOffset).assumingMemoryBound(to: CChar.self))

    var result = output.arguments(rows: count, of: index, width: width, memory)
    result.a = UnsafeRawPointer(weights)
    (result.a_row, result.a_column) = (Int64(keys), 1)
    result.c = UnsafeMutableRawPointer(
      memory.address(target) + (index * rows + first) * Int(result.c_row) * width)
    blox_gemm(isa, dtype, output.path, &result, scratch)
  }
}
