// Lowering of factorisations and triangular systems: one step for all matrices, and the scratch they need.
import BloxIR
import CBloxKernels

extension Lowering {
  mutating func lowerLinearAlgebra(_ instruction: Instruction, _ op: LinearAlgebra) throws(BloxError) {
    let operand = type(instruction.operands[0])
    let dtype = operand.dtype
    guard let kernels = blox_matrix(kernelISA, dtype.kernel) else { throw unsupported("no kernel for \(dtype)") }
    let results = instruction.results.map { program.type(of: $0) }
    let count = operand.shape.dropLast(2).reduce(1, *)
    guard count > 0, results.contains(where: { $0.elementCount > 0 }) else { return }
    let (rows, columns) = (operand.shape[operand.rank - 2], operand.shape[operand.rank - 1])
    let sides = instruction.operands.count > 1 ? type(instruction.operands[1]).shape.suffix(2) : []
    let elements: Int
    let kind: MatrixStep.Kind
    switch op {
    case .cholesky: (kind, elements) = (.cholesky, 2 * MatrixStep.block * MatrixStep.block)
    case .eigh: (kind, elements) = (.eigh, (2 * rows * rows + 5 * rows) * 8 / dtype.byteCount)
    case .lu: (kind, elements) = (.lu, MatrixStep.block * MatrixStep.block)
    case .qr:
      kind = .qr(width: results[0].shape[operand.rank - 1])
      elements = MatrixRun.qrScratch(rows: rows, columns: columns)
    case .triangularSolve(let system):
      kind = .triangularSolve(
        leftSide: system.leftSide, lower: system.lower, transposed: system.transposed, unit: system.unitDiagonal)
      elements = rows * MatrixStep.block
    }
    let scratchBytes = (elements * dtype.byteCount).roundedUpToLine
    // A block of a strip, and for reflections two more of a panel's height; then what products need.
    let productOffset =
      (MatrixStep.chunk + 2 * MatrixStep.panel) * max(MatrixStep.strip, MatrixStep.block) * dtype.byteCount
    let depth = Int64(max(rows, columns))
    let (high, wide) = (Int64(MatrixStep.chunk), Int64(MatrixStep.strip))
    let productBytes = [BLOX_GEMM_PACKED, BLOX_GEMM_SMALL].map {
      Int(blox_gemm_scratch_bytes(kernelISA, dtype.kernel, $0, high, wide, depth, BLOX_PANELS_COPIED))
    }
    needLaneScratch(byteCount: productOffset + (productBytes.max() ?? 0))
    let slots = instruction.results.map { slot($0) } + [-1, -1]
    let work = Double(rows) * Double(columns) * Double(max(rows, columns, sides.max() ?? 0))
    let operandSlot = try slot(instruction.operands[0])
    let sideSlot = instruction.operands.count > 1 ? try slot(instruction.operands[1]) : -1
    let step = MatrixStep(
      kind: kind, isa: kernelISA, dtype: dtype.kernel, width: dtype.byteCount, kernels: kernels, operand: operandSlot,
      sides: sideSlot, results: (slots[0], slots[1], slots[2]), count: count, rows: rows, columns: columns,
      sideRows: sides.first ?? 0, sideColumns: sides.last ?? 0, scratch: scratchSlot(byteCount: scratchBytes * count),
      scratchBytes: scratchBytes, productOffset: productOffset, isLarge: work > 1_048_576)
    append(.matrix(memory.keep(step)))
  }
}
