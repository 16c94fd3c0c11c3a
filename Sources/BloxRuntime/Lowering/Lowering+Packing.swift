// Right operands that are always the same: constants are packed once and for all, and what is the same in every iteration
// of a loop once before it.
import BloxIR
import CBloxKernels

/// A loop that is being lowered.
struct LoopFrame {
  /// The slots of what no iteration changes.
  let invariant: Set<Int32>
  /// What is packed before the loop, with where it goes.
  var packed: [PackedOperand: Int32] = [:]
}

/// A right operand as a matrix.
struct PackedOperand: Hashable {
  let source: OperandSource
  let dtype: DType
  let rowStride: Int
  let columnStride: Int
  let k: Int
  let n: Int
}

extension Lowering {
  /// Lowers regions of a loop; what they want packed is packed by steps before it.
  ///
  /// - Parameter invariant: The slots of the loop's consts.
  mutating func inLoop<Result>(
    invariant: [Int32], _ lower: (inout Lowering) throws(BloxError) -> Result
  ) throws(BloxError) -> Result {
    loops.append(LoopFrame(invariant: Set(invariant)))
    let result: Result
    do {
      result = try lower(&self)
    } catch {
      loops.removeLast()
      throw error
    }
    let frame = loops.removeLast()
    for (operand, target) in frame.packed.sorted(by: { $0.value < $1.value }) {
      var scratchBytes = 0
      let source = try self.operand(operand.source, scratchBytes: &scratchBytes)
      needLaneScratch(byteCount: scratchBytes)
      append(
        .pack(
          memory.keep(
            PackStep(
              isa: kernelISA, dtype: operand.dtype.kernel, source: source, target: target,
              rowStride: operand.rowStride, columnStride: operand.columnStride, k: operand.k, n: operand.n))))
    }
    return result
  }

  /// Where the right operand of a product lies in panels, if it is a constant, or the same in every iteration of a loop
  /// around it: of the outermost such loop.
  mutating func packedOperand(of product: BatchedProduct, _ shape: inout blox_gemm_args) throws(BloxError) -> Int32? {
    guard product.path == BLOX_GEMM_PACKED, product.batch.allSatisfy({ $0.size == 1 }), shape.patches == nil else {
      return nil
    }
    let loop = loops.firstIndex { $0.invariant.isSuperset(of: product.rhs.buffers) }
    let constant = constant(in: product.rhs)
    guard loop != nil || constant != nil else { return nil }
    let byteCount = blox_gemm_packed_bytes(
      kernelISA, product.dtype.kernel, shape.k, shape.n, &shape.packed_columns)
    let operand = PackedOperand(
      source: product.rhs, dtype: product.dtype, rowStride: Int(shape.b_row), columnStride: Int(shape.b_column),
      k: Int(shape.k), n: Int(shape.n))
    if let constant {
      if let known = packedConstants[operand] { return known }
      let panels = try Storage(byteCount: Int(byteCount))
      blox_gemm_pack(
        kernelISA, product.dtype.kernel, constant, nil, shape.b_row, shape.b_column, shape.k, shape.n, panels.address)
      let target = slot(ofConstant: panels)
      packedConstants[operand] = target
      return target
    }
    guard let loop else { return nil }
    if let known = loops[loop].packed[operand] { return known }
    let target = keptSlot(byteCount: Int(byteCount))
    loops[loop].packed[operand] = target
    return target
  }

  private func constant(in source: OperandSource) -> Address? {
    guard case .buffer(let slot) = source, case .constant(let address) = slots[Int(slot)] else { return nil }
    return address
  }
}
