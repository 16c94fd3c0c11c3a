// Lowering of attention: both products and the tile program between them become one step, which takes some rows of the
// scores at a time.
import BloxIR
import BloxPasses
import CBloxKernels

extension Lowering {
  /// The bytes of scores that a thread works on: with what they are made of, they stay in the second-level cache.
  private static let blockBytes = 512 << 10

  mutating func lowerAttention(_ instruction: Instruction, _ region: Program) throws(BloxError) {
    guard let attention = AttentionRegion(region) else { throw unsupported("the region is no attention") }
    let operands = try valueSlots(instruction)
    let target = slot(instruction.results[0])
    let (result, scores) = (region.resultTypes[0], region.type(of: attention.weights))
    guard result.elementCount > 0 else { return }
    guard scores.elementCount > 0 else { return fill(target, Literal(0, as: result.dtype), count: result.elementCount) }
    try within(region, parameters: operands) { (lowering) throws(BloxError) in
      // Where the weights are is for the step to say.
      lowering.place(attention.weights, in: target)
      let first = try lowering.product(attention.scores, attention.scoreDims)
      let second = try lowering.product(attention.output, attention.outputDims)
      try lowering.append(attention, first, second, operands: operands, target: target)
    }
  }

  private mutating func append(
    _ attention: AttentionRegion, _ first: BatchedProduct, _ second: BatchedProduct, operands: [Int32], target: Int32
  ) throws(BloxError) {
    let (weights, read) = try continuation(
      of: program, after: attention.scores, attention.between(in: program), results: [.value(attention.weights)])
    var compiler = try TileCompiler(
      weights, .row, operands: (0...read.count).map(Int32.init), results: [0], self)
    try compiler.emit()
    guard compiler.space.rowLength == Int(first.shape.n) || compiler.space.rowLength == 1, compiler.folds.isEmpty else {
      throw unsupported("what becomes of the scores must keep to their rows")
    }
    let (program, slotBytes) = compiler.finishProgram()
    self = compiler.lowering
    guard case .buffer(let lhs) = first.lhs else { throw unsupported("attention takes operands in buffers") }

    let width = first.dtype.byteCount
    let keys = Int(first.shape.n)
    var (unit, columns): (Int64, Int64) = (1, 1)
    blox_gemm_granularity(kernelISA, first.dtype.kernel, &unit, &columns)
    let fitting = Lowering.blockBytes / (keys * width) / Int(unit) * Int(unit)
    let rows = min(Int(first.shape.m), max(fitting, Int(unit)))
    let scoresOffset = max(scratchBytes(of: first), scratchBytes(of: second)).roundedUpToLine
    let tableOffset = scoresOffset + (rows * keys * width).roundedUpToLine
    let slotsOffset = tableOffset + ((read.count + 1) * MemoryLayout<Address?>.stride).roundedUpToLine
    needLaneScratch(byteCount: slotsOffset + slotBytes)
    let (scoresPart, outputPart) = (try part(first), try part(second))
    append(
      .attention(
        memory.keep(
          AttentionStep(
            isa: kernelISA, dtype: first.dtype.kernel, width: width, scores: scoresPart, output: outputPart,
            lhs: lhs, target: target,
            rowsPerBlock: rows, program: program, operands: memory.keep(read.map { operands[$0] }),
            operandCount: read.count, scoresOffset: scoresOffset, tableOffset: tableOffset, slotsOffset: slotsOffset))))
  }

  /// A product, with room for its right operands in panels if its path takes these.
  private mutating func part(_ product: BatchedProduct) throws(BloxError) -> AttentionProduct {
    let batch = places(of: product)
    var shape = product.shape
    var (packed, packedBytes): (Int32, Int) = (-1, 0)
    if product.path == BLOX_GEMM_PACKED {
      let bytes = blox_gemm_packed_bytes(
        kernelISA, product.dtype.kernel, shape.k, shape.n, &shape.packed_columns)
      packedBytes = Int(bytes).roundedUpToLine
      packed = scratchSlot(byteCount: batch.count * packedBytes)
    }
    guard case .buffer(let rhs) = product.rhs else { throw unsupported("attention takes operands in buffers") }
    return AttentionProduct(
      path: product.path, shape: shape, rhs: rhs, packed: packed, packedBytes: packedBytes, batch: batch)
  }
}
