// Lowering of products: to a buffer, or with what follows them, block by block.
//
// What follows a product in its region becomes a tile program that the step of the product runs on each block that is
// finished, while the block is in the cache (gemm_blocks.c, tile_block.c). Where a product lies while it is made:
// - A block whose sums are complete at once is made in a thread's scratch, whatever the results' memory is.
// - Sums over blocks of k wait in a result whose memory nothing else uses; with no such result, in a thread's scratch,
//   for a larger block, for which the right operand is packed again.
// So a result may take the memory of an operand that is read at the same index only, as in other regions.
import BloxIR
import BloxPasses
import CBloxKernels

/// A product for each batch index, in one dtype, without the place where it goes.
struct BatchedProduct {
  let dtype: DType
  let path: blox_gemm_path
  let shape: blox_gemm_args
  let lhs: OperandSource
  let rhs: OperandSource
  /// The batch dimensions, with their strides in the operands.
  let batch: [StridedDimension]
  /// From one product to the next, in elements.
  let targetStride: Int
}

/// What follows a product in its region.
struct Epilogue {
  /// The first parameter is the product, in the dtype that it is computed in.
  let region: Program
  /// The buffers of the other parameters.
  let operands: [Int32]
  let results: [Int32]
  /// The buffers that the product is made of.
  let factors: [Int32]

  /// A result in whose memory sums can wait: of their dtype, and nobody else's while the step runs. The product itself
  /// if it is a result, since its block must not be written over by another.
  func placeOfSums(_ dtype: DType) -> Int32? {
    let product = Operand.value(region.parameterValue(0))
    let places = results.indices.filter { index in
      region.type(of: region.results[index].operand).dtype == dtype && !(operands + factors).contains(results[index])
        && results.count { $0 == results[index] } == 1
    }
    if region.results.contains(where: { $0.operand == product }) {
      return places.first { region.results[$0].operand == product }.map { results[$0] }
    }
    return places.first.map { results[$0] }
  }
}

extension Lowering {
  /// Lowers a region of a product, what makes its operands, and what follows it.
  mutating func lowerContraction(_ instruction: Instruction, _ region: Program) throws(BloxError) {
    let operands = try valueSlots(instruction)
    let results = resultSlots(instruction)
    guard let position = region.productPosition else { throw unsupported("the region has no product") }
    let product = region.instructions[position]
    let makers = product.operands.indices.map { region.makers(ofOperand: $0, product: position) }
    let count = region.type(of: product.results[0]).elementCount
    guard region.resultTypes.allSatisfy({ $0.elementCount == count }) else {
      throw unsupported("the results of a region must have the shape of its product")
    }
    try within(region, parameters: operands) { (lowering) throws(BloxError) in
      let epilogue = try lowering.epilogue(of: region, position, operands: operands, results: results)
      if case .convolution(let convolution) = product.op {
        try lowering.lowerConvolution(product, convolution, epilogue)
      } else if case .dotGeneral(let dims) = product.op {
        try lowering.lowerDot(product, dims, makers: makers, epilogue)
      }
    }
  }

  /// What follows the product in a region.
  private func epilogue(
    of region: Program, _ product: Int, operands: [Int32], results: [Int32]
  ) throws(BloxError) -> Epilogue {
    let (following, read) = try continuation(
      of: region, after: region.instructions[product], region.instructions.dropFirst(product + 1),
      results: region.results.map(\.operand))
    let factors = Set(region.instructions[...product].flatMap(\.operands).compactMap(\.value?.index))
    return Epilogue(
      region: following, operands: read.map { operands[$0] }, results: results,
      factors: region.parameters.indices.filter(factors.contains).map { operands[$0] })
  }

  /// A program of instructions that follow a product in a region. Its first parameter is the product, in the dtype that
  /// it is computed in; the others are those parameters of the region that are read, whose indices come with it.
  func continuation(
    of region: Program, after product: Instruction, _ instructions: some Sequence<Instruction>, results: [Operand]
  ) throws(BloxError) -> (program: Program, read: [Int]) {
    let values = Set((instructions.flatMap(\.operands) + results).compactMap(\.value?.index))
    let read = region.parameters.indices.filter { values.contains($0) }
    let type = region.type(of: product.results[0])
    let dtype = try productDType(product)
    let parameters = [Parameter(type.with(dtype: dtype))] + read.map { Parameter(region.parameters[$0].type) }
    var rewriter = Rewriter(region, axes: [:], parameters: parameters)
    for (position, index) in read.enumerated() {
      rewriter.bind(region.parameterValue(index), to: .value(rewriter.builder.parameterValue(position + 1)))
    }
    var sum = Operand.value(rewriter.builder.parameterValue(0))
    if dtype != type.dtype { sum = try rewriter.builder.emitOne(.convert(type.dtype), [sum]) }
    rewriter.bind(product.results[0], to: sum)
    for instruction in instructions { try rewriter.copy(instruction) }
    return (rewriter.builder.finish(results: results.map { ProgramResult(rewriter.operand($0)) }), read)
  }

  /// Runs what follows a product that is in a buffer.
  mutating func lowerEpilogue(_ epilogue: Epilogue, product: Int32) throws(BloxError) {
    try lowerTile(epilogue.region, operands: [product] + epilogue.operands, results: epilogue.results)
  }

  // MARK: Steps

  /// Adds the step of a product that goes to a buffer.
  mutating func append(_ product: BatchedProduct, to target: Int32) throws(BloxError) {
    let operands = try operands(of: product)
    needLaneScratch(byteCount: operands.scratchBytes)
    append(product, operands, target: target, epilogue: nil, cost: 0)
  }

  /// Adds the step of a product with what follows it.
  mutating func append(_ product: BatchedProduct, _ epilogue: Epilogue) throws(BloxError) {
    let (dtype, shape) = (product.dtype.kernel, product.shape)
    let operands = try operands(of: product)
    let isDelayed = blox_gemm_accumulates(kernelISA, dtype, product.path, shape.k)
    var target = isDelayed ? epilogue.placeOfSums(product.dtype) : nil
    if isDelayed, target == nil, product.lhs.isMade || product.rhs.isMade {
      // With no place for sums operands are packed again and again, but they should be made once.
      target = scratchSlot(
        byteCount: product.batch.reduce(product.targetStride * product.dtype.byteCount) { $0 * $1.size })
    }
    // Rows as long as the space's are read in place; shorter ones are copied, since a call of a micro-op has its price.
    var compiler = try TileCompiler(
      epilogue.region, operands: [target ?? -1] + epilogue.operands, results: epilogue.results,
      rowLength: shape.c_row >= 64 ? Int(shape.c_row) : 1, self)
    if target == nil { compiler.readProduct(parameter: 0) }
    try compiler.emit()
    guard !compiler.slots.contains(where: \.ofRows) else {
      throw unsupported("what follows a product must have its shape")
    }
    var (rows, columns): (Int64, Int64) = (0, 0)
    blox_gemm_block(kernelISA, dtype, product.path, shape.m, shape.n, shape.k, &rows, &columns)
    let (program, slotBytes) = compiler.finishProgram(blockColumns: Int(columns))
    self = compiler.lowering
    let blockOffset = operands.scratchBytes
    let blockBytes = target == nil ? Int(rows * columns) * product.dtype.byteCount : 0
    let slotsOffset = (blockOffset + blockBytes).roundedUpToLine
    needLaneScratch(byteCount: slotsOffset + slotBytes)
    let step = EpilogueStep(program: program, blockOffset: blockOffset, slotsOffset: slotsOffset)
    append(product, operands, target: target ?? -1, epilogue: memory.keep(step), cost: compiler.cost)
  }

  /// The operands of a product as its step takes them.
  private struct StepOperands {
    var lhs: ProductOperand
    var rhs: ProductOperand
    /// The right operand in panels, if it is packed beforehand.
    var packed: Int32?
    /// The columns of these panels.
    var packedColumns: Int64
    /// What a thread needs for the product and to make operands, in whole cache lines.
    var scratchBytes: Int
  }

  private mutating func operands(of product: BatchedProduct) throws(BloxError) -> StepOperands {
    var shape = product.shape
    let packed = try packedOperand(of: product, &shape)
    var scratchBytes = scratchBytes(of: product, isPacked: packed != nil)
    let lhs = try operand(product.lhs, scratchBytes: &scratchBytes)
    // What is packed beforehand is not made again.
    let rhs = try operand(packed.map { .buffer($0) } ?? product.rhs, scratchBytes: &scratchBytes)
    return StepOperands(
      lhs: lhs, rhs: rhs, packed: packed, packedColumns: shape.packed_columns,
      scratchBytes: scratchBytes.roundedUpToLine)
  }

  /// An operand as a step takes it, which makes it in a thread's scratch behind what is taken of that.
  mutating func operand(_ source: OperandSource, scratchBytes: inout Int) throws(BloxError) -> ProductOperand {
    switch source {
    case .buffer(let slot): return .buffer(slot)
    case .made(let producer):
      let region = producer.region.program
      var compiler = try TileCompiler(
        region, operands: producer.operands, results: [-1],
        rowLength: producer.rowLength >= 64 ? producer.rowLength : 1,
        self)
      try compiler.emit()
      guard !compiler.slots.contains(where: \.ofRows) else {
        throw unsupported("what an operand is made by must have its shape")
      }
      let (program, slotBytes) = compiler.finishProgram(blockColumns: Int(BLOX_MADE_COLUMNS))
      self = compiler.lowering
      let blockOffset = scratchBytes.roundedUpToLine
      let slotsOffset = blockOffset + Int(BLOX_MADE_ELEMENTS) * region.resultTypes[0].dtype.byteCount
      scratchBytes = slotsOffset + slotBytes
      return .made(memory.keep(MakerStep(program: program, blockOffset: blockOffset, slotsOffset: slotsOffset)))
    }
  }

  /// Where the operands of each product lie.
  func places(of product: BatchedProduct) -> ProductBatch {
    ProductBatch(
      count: product.batch.reduce(1) { $0 * $1.size }, rank: product.batch.count,
      dims: memory.keep(product.batch.map(\.size)), lhsStrides: memory.keep(product.batch.map { $0.strides[0] }),
      rhsStrides: memory.keep(product.batch.map { $0.strides[1] }))
  }

  /// The scratch of a thread for the product alone.
  ///
  /// - Parameter isPacked: Whether the right operand is in panels already.
  func scratchBytes(of product: BatchedProduct, isPacked: Bool = false) -> Int {
    let (dtype, shape) = (product.dtype.kernel, product.shape)
    if shape.patches != nil {
      return Int(blox_patches_scratch_bytes(kernelISA, dtype, shape.m, shape.n, shape.k))
    }
    let panels = isPacked ? BLOX_PANELS_READY : product.rhs.isMade ? BLOX_PANELS_MADE : BLOX_PANELS_COPIED
    return Int(blox_gemm_scratch_bytes(kernelISA, dtype, product.path, shape.m, shape.n, shape.k, panels))
  }

  /// - Parameter cost: Of what follows the product, in nanoseconds per element.
  private mutating func append(
    _ product: BatchedProduct, _ operands: StepOperands, target: Int32, epilogue: UnsafePointer<EpilogueStep>?,
    cost: Double
  ) {
    let dtype = product.dtype
    var shape = product.shape
    shape.packed_columns = operands.packedColumns
    var (rows, columns): (Int64, Int64) = (1, 1)
    blox_gemm_granularity(kernelISA, dtype.kernel, &rows, &columns)
    let elements = Double(shape.m) * Double(shape.n)
    // A thread multiplies some 50 numbers in a nanosecond.
    let work = elements * (Double(max(shape.k, 1)) + 50 * cost)
    append(
      .product(
        memory.keep(
          ProductStep(
            isa: kernelISA, dtype: dtype.kernel, path: product.path, shape: shape, width: dtype.byteCount,
            lhs: operands.lhs, rhs: operands.rhs, packed: operands.packed ?? -1, target: target, epilogue: epilogue,
            batch: places(of: product), targetStride: product.targetStride,
            granularity: (Int(rows), Int(columns)), work: work))))
  }
}
