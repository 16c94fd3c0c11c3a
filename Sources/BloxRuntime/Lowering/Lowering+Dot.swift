// Lowering of dot_general to batched products of matrices.
//
// Each operand's dimensions form three groups: batch, free, contracting. A matrix needs one stride per group, which
// dense tensors mostly give as they are, transposed or not; where the dimensions of a group are not one run, the
// operand is copied so that they are. Elements are multiplied in the result's dtype; bf16 and f16 as f32, which is
// rounded at the end.
import BloxIR
import CBloxKernels

/// An operand as a batch of matrices in a buffer.
private struct MatrixOperand {
  var slot: Int32
  var batchStrides: [Int]
  var freeStride: Int
  var contractStride: Int
}

extension Lowering {
  /// - Parameter epilogue: What becomes of the product, if not the instruction's result.
  mutating func lowerDot(
    _ instruction: Instruction, _ dims: Op.DotDimensions, _ epilogue: Epilogue?
  ) throws(BloxError) {
    guard program.type(of: instruction.results[0]).elementCount > 0 else { return }
    let product = try product(instruction, dims)
    if let epilogue {
      try append(product, epilogue)
    } else {
      let target = productTarget(instruction, product.dtype)
      append(product, to: target)
      try roundProduct(instruction, product.dtype, target)
    }
  }

  /// The product of an instruction's operands, which are copied or converted if need be.
  mutating func product(
    _ instruction: Instruction, _ dims: Op.DotDimensions
  ) throws(BloxError) -> BatchedProduct {
    let (lhs, rhs) = (type(instruction.operands[0]), type(instruction.operands[1]))
    // Contracting dimensions pair up; any order gives the same sum, and the left operand's is the likeliest run.
    let order = dims.lhsContract.indices.sorted { dims.lhsContract[$0] < dims.lhsContract[$1] }
    let lhsContract = order.map { dims.lhsContract[$0] }
    let rhsContract = order.map { dims.rhsContract[$0] }
    let dtype = try productDType(instruction)
    let slots = try productOperands(instruction, dtype)
    let lhsFree = dims.lhsFree(rank: lhs.rank)
    let rhsFree = dims.rhsFree(rank: rhs.rank)
    let left = matrix(
      slots[0], lhs.with(dtype: dtype), batch: dims.lhsBatch, free: lhsFree, contract: lhsContract, freeFirst: true)
    let right = matrix(
      slots[1], rhs.with(dtype: dtype), batch: dims.rhsBatch, free: rhsFree, contract: rhsContract, freeFirst: false)
    var shape = blox_gemm_args()
    shape.m = Int64(lhsFree.reduce(1) { $0 * lhs.shape[$1] })
    shape.n = Int64(rhsFree.reduce(1) { $0 * rhs.shape[$1] })
    shape.k = Int64(lhsContract.reduce(1) { $0 * lhs.shape[$1] })
    (shape.a_row, shape.a_column) = (Int64(left.freeStride), Int64(left.contractStride))
    (shape.b_row, shape.b_column) = (Int64(right.contractStride), Int64(right.freeStride))
    shape.c_row = shape.n
    let batch = collapse(
      dims.lhsBatch.indices.map {
        StridedDimension(size: lhs.shape[dims.lhsBatch[$0]], strides: [left.batchStrides[$0], right.batchStrides[$0]])
      })
    return BatchedProduct(
      dtype: dtype, path: blox_gemm_choose(kernelISA, dtype.kernel, &shape), shape: shape, lhs: left.slot,
      rhs: right.slot, batch: batch, targetStride: Int(shape.m * shape.n))
  }

  /// The dtype that a product is computed in.
  func productDType(_ instruction: Instruction) throws(BloxError) -> DType {
    let result = program.type(of: instruction.results[0]).dtype
    let dtype = result == .bf16 || result == .f16 ? DType.f32 : result
    guard blox_gemm_supported(dtype.kernel) else { throw unsupported("no kernel multiplies \(dtype)") }
    return dtype
  }

  /// The operands of a product in the dtype that it is computed in.
  mutating func productOperands(_ instruction: Instruction, _ dtype: DType) throws(BloxError) -> [Int32] {
    let result = program.type(of: instruction.results[0]).dtype
    var slots: [Int32] = []
    for operand in instruction.operands {
      slots.append(try convert(slot(operand), type(operand), to: result, thenTo: dtype))
    }
    return slots
  }

  /// Where a product goes: the result's memory, or scratch from where ``roundProduct(_:_:_:)`` takes it.
  mutating func productTarget(_ instruction: Instruction, _ dtype: DType) -> Int32 {
    let result = program.type(of: instruction.results[0])
    return dtype == result.dtype
      ? slot(instruction.results[0]) : scratchSlot(byteCount: result.with(dtype: dtype).byteCount)
  }

  /// Rounds a product to the result's dtype if it was computed in another.
  mutating func roundProduct(_ instruction: Instruction, _ dtype: DType, _ product: Int32) throws(BloxError) {
    let result = program.type(of: instruction.results[0])
    guard dtype != result.dtype else { return }
    var builder = ProgramBuilder(name: "convert")
    let x = builder.parameter(result.with(dtype: dtype))
    let y = try builder.emitOne(.convert(result.dtype), [.value(x)])
    try lowerTile(
      builder.finish(results: [ProgramResult(y)]), operands: [product], results: [slot(instruction.results[0])])
  }

  /// The operand with one stride per group, copied to scratch if it has none as it is.
  private mutating func matrix(
    _ slot: Int32, _ type: TensorType, batch: [Int], free: [Int], contract: [Int], freeFirst: Bool
  ) -> MatrixOperand {
    let strides = denseStrides(type.shape)
    func stride(of group: [Int]) -> Int? {
      let dims = collapse(group.map { StridedDimension(size: type.shape[$0], strides: [strides[$0]]) })
      return dims.count > 1 ? nil : dims.first?.strides[0] ?? 1
    }
    if type.elementCount == 0 {
      // Nothing is read: the products are zeros.
      return MatrixOperand(slot: slot, batchStrides: batch.map { _ in 0 }, freeStride: 1, contractStride: 1)
    }
    if let freeStride = stride(of: free), let contractStride = stride(of: contract) {
      return MatrixOperand(
        slot: slot, batchStrides: batch.map { strides[$0] }, freeStride: freeStride, contractStride: contractStride)
    }
    let order = batch + (freeFirst ? free + contract : contract + free)
    let view = View(dense: type.shape).transposed(order)
    let copied = scratchSlot(byteCount: type.byteCount)
    copy(slot, view, to: copied, type.with(shape: view.shape))
    let freeSize = free.reduce(1) { $0 * type.shape[$1] }
    let contractSize = contract.reduce(1) { $0 * type.shape[$1] }
    return MatrixOperand(
      slot: copied, batchStrides: Array(denseStrides(view.shape).prefix(batch.count)),
      freeStride: freeFirst ? contractSize : 1, contractStride: freeFirst ? 1 : freeSize)
  }

  /// A copy of a buffer in another dtype, in scratch; the buffer itself if it has that dtype. Elements take the form
  /// of `between` on the way: what an operand of another dtype is rounded to.
  private mutating func convert(
    _ slot: Int32, _ type: TensorType, to between: DType, thenTo dtype: DType
  ) throws(BloxError) -> Int32 {
    if type.dtype == dtype { return slot }
    let target = scratchSlot(byteCount: type.with(dtype: dtype).byteCount)
    var builder = ProgramBuilder(name: "convert")
    let x = builder.parameter(type)
    var y = Operand.value(x)
    for step in [between, dtype] where builder.type(of: y).dtype != step {
      y = try builder.emitOne(.convert(step), [y])
    }
    try lowerTile(builder.finish(results: [ProgramResult(y)]), operands: [slot], results: [target])
    return target
  }
}
