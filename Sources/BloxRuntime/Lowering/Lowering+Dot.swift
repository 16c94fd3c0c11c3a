// Lowering of dot_general to batched products of matrices.
//
// Each operand's dimensions form three groups: batch, free, contracting. A matrix needs one stride per group, which
// dense tensors mostly give as they are, transposed or not; where the dimensions of a group are not one run, the
// operand is copied so that they are. Elements are multiplied in the result's dtype; bf16 and f16 as f32, which is
// rounded at the end.
//
// An operand may be made of other tensors: by instructions before the product in its region, and by widening. Where it is
// packed or multiplied with a vector, it is made block by block on the way; where it is small, as a whole before.
import BloxIR
import BloxPasses
import CBloxKernels

/// What makes an operand of a product, in the dtype that the product is computed in.
struct OperandProducer: Hashable {
  /// From the tensors that are read to the operand.
  let region: Op.Callee
  /// The buffers of these tensors.
  let operands: [Int32]
  /// The length of the operand's innermost rows, once it is known which they are.
  var rowLength = 1
}

/// An operand of a product: in a buffer, or made of what is in others.
enum OperandSource: Hashable {
  case buffer(Int32)
  case made(OperandProducer)

  /// The buffers that are read.
  var buffers: [Int32] {
    switch self {
    case .buffer(let slot): [slot]
    case .made(let producer): producer.operands
    }
  }

  var isMade: Bool {
    switch self {
    case .buffer: false
    case .made: true
    }
  }
}

/// An operand as a batch of matrices.
private struct MatrixOperand {
  let type: TensorType
  let batch: [Int]
  let free: [Int]
  let contract: [Int]
  var source: OperandSource
  /// `nil` where the operand must be copied to have one for each group.
  var strides: MatrixStrides?

  init(_ type: TensorType, batch: [Int], free: [Int], contract: [Int], _ source: OperandSource) {
    self.type = type
    self.batch = batch
    self.free = free
    self.contract = contract
    self.source = source
    strides = MatrixStrides(type.shape, batch: batch, free: free, contract: contract)
  }

  func size(_ group: [Int]) -> Int { group.reduce(1) { $0 * type.shape[$1] } }
}

private struct MatrixStrides {
  var batch: [Int]
  var free: Int
  var contract: Int

  init(batch: [Int], free: Int, contract: Int) {
    self.batch = batch
    self.free = free
    self.contract = contract
  }

  /// Those of a dense tensor; `nil` where a group of dimensions has not one.
  init?(_ shape: [Int], batch: [Int], free: [Int], contract: [Int]) {
    let strides = denseStrides(shape)
    func stride(of group: [Int]) -> Int? {
      let dims = collapse(group.map { StridedDimension(size: shape[$0], strides: [strides[$0]]) })
      return dims.count > 1 ? nil : dims.first?.strides[0] ?? 1
    }
    // Nothing is read of an empty operand: the products are zeros.
    let isEmpty = shape.contains(0)
    guard let free = isEmpty ? 1 : stride(of: free), let contract = isEmpty ? 1 : stride(of: contract) else {
      return nil
    }
    self.init(batch: batch.map { isEmpty ? 0 : strides[$0] }, free: free, contract: contract)
  }
}

extension Lowering {
  /// A smaller matrix stays in the caches between being made as a whole and being multiplied, in bytes.
  private static let leastMadeBytes = 256 << 10

  /// - Parameters:
  ///   - makers: Per operand, the instructions of a region that it is made by.
  ///   - epilogue: What becomes of the product, if not the instruction's result.
  mutating func lowerDot(
    _ instruction: Instruction, _ dims: Op.DotDimensions, makers: [[Instruction]] = [[], []], _ epilogue: Epilogue?
  ) throws(BloxError) {
    let result = program.type(of: instruction.results[0])
    guard result.elementCount > 0 else { return }
    let dtype = try productDType(instruction)
    var sources: [OperandSource] = []
    for (operand, makers) in zip(instruction.operands, makers) {
      sources.append(try source(of: operand, makers: makers, roundedTo: result.dtype, dtype))
    }
    let product = try product(instruction, dims, sources, dtype)
    if let epilogue {
      try append(product, epilogue)
    } else if dtype == result.dtype {
      try append(product, to: slot(instruction.results[0]))
    } else {
      try append(
        product,
        Epilogue(
          region: try conversion(result.with(dtype: dtype), [result.dtype]), operands: [],
          results: resultSlots(instruction), factors: sources.flatMap(\.buffers)))
    }
  }

  /// The product of an instruction's operands in buffers, which are copied or converted if need be.
  mutating func product(_ instruction: Instruction, _ dims: Op.DotDimensions) throws(BloxError) -> BatchedProduct {
    let dtype = try productDType(instruction)
    let sources = try productOperands(instruction, dtype).map { OperandSource.buffer($0) }
    return try product(instruction, dims, sources, dtype)
  }

  private mutating func product(
    _ instruction: Instruction, _ dims: Op.DotDimensions, _ sources: [OperandSource], _ dtype: DType
  ) throws(BloxError) -> BatchedProduct {
    let types = instruction.operands.map { type($0).with(dtype: dtype) }
    // Contracting dimensions pair up; any order gives the same sum, and the left operand's is the likeliest run.
    let order = dims.lhsContract.indices.sorted { dims.lhsContract[$0] < dims.lhsContract[$1] }
    var lhs = MatrixOperand(
      types[0], batch: dims.lhsBatch, free: dims.lhsFree(rank: types[0].rank),
      contract: order.map { dims.lhsContract[$0] }, sources[0])
    var rhs = MatrixOperand(
      types[1], batch: dims.rhsBatch, free: dims.rhsFree(rank: types[1].rank),
      contract: order.map { dims.rhsContract[$0] }, sources[1])
    var shape = blox_gemm_args()
    (shape.m, shape.n) = (Int64(lhs.size(lhs.free)), Int64(rhs.size(rhs.free)))
    shape.k = Int64(lhs.size(lhs.contract))
    let targetStride = Int(shape.m * shape.n)
    var path = blox_gemm_choose(kernelISA, dtype.kernel, &shape)
    let left = try strides(of: &lhs, path, freeFirst: true)
    let right = try strides(of: &rhs, path, freeFirst: false)
    (shape.a_row, shape.a_column) = (Int64(left.free), Int64(left.contract))
    (shape.b_row, shape.b_column) = (Int64(right.contract), Int64(right.free))
    if path == BLOX_GEMM_SMALL, lhs.source.isMade || rhs.source.isMade { path = BLOX_GEMM_PACKED }
    shape.c_row = shape.n
    let batch = collapse(
      dims.lhsBatch.indices.map {
        StridedDimension(size: types[0].shape[dims.lhsBatch[$0]], strides: [left.batch[$0], right.batch[$0]])
      })
    return BatchedProduct(
      dtype: dtype, path: path, shape: shape, lhs: lhs.source, rhs: rhs.source, batch: batch,
      targetStride: targetStride)
  }

  /// The strides of an operand. What cannot be made where it is packed, or is not worth it, is made as a whole, and what
  /// has not one stride for each group of dimensions is copied.
  ///
  /// - Parameter path: The product's, if all its operands are in buffers.
  private mutating func strides(
    of operand: inout MatrixOperand, _ path: blox_gemm_path, freeFirst: Bool
  ) throws(BloxError) -> MatrixStrides {
    if case .made(var producer) = operand.source {
      let hasRows = operand.strides.map { $0.free == 1 || $0.contract == 1 } ?? false
      let (rows, columns) = (operand.size(operand.free), operand.size(operand.contract))
      let isLarge = rows > 1 && rows * columns * operand.type.dtype.byteCount >= Lowering.leastMadeBytes
      if !operand.type.dtype.isFloating || !hasRows || operand.type.elementCount == 0
        || path != BLOX_GEMM_PACKED && !isLarge
      {
        let whole = scratchSlot(byteCount: operand.type.byteCount)
        try lowerTile(producer.region.program, operands: producer.operands, results: [whole])
        operand.source = .buffer(whole)
      } else {
        producer.rowLength = operand.strides?.contract == 1 ? columns : rows
        operand.source = .made(producer)
      }
    }
    if let strides = operand.strides { return strides }
    guard case .buffer(let slot) = operand.source else { throw unsupported("an operand that is made has no rows") }
    let order = operand.batch + (freeFirst ? operand.free + operand.contract : operand.contract + operand.free)
    let view = View(dense: operand.type.shape).transposed(order)
    let copied = scratchSlot(byteCount: operand.type.byteCount)
    copy(slot, view, to: copied, operand.type.with(shape: view.shape))
    operand.source = .buffer(copied)
    return MatrixStrides(
      batch: Array(denseStrides(view.shape).prefix(operand.batch.count)),
      free: freeFirst ? operand.size(operand.contract) : 1, contract: freeFirst ? 1 : operand.size(operand.free))
  }

  /// The dtype that a product is computed in.
  func productDType(_ instruction: Instruction) throws(BloxError) -> DType {
    let result = program.type(of: instruction.results[0]).dtype
    let dtype = result == .bf16 || result == .f16 ? DType.f32 : result
    guard blox_gemm_supported(dtype.kernel) else { throw unsupported("no kernel multiplies \(dtype)") }
    return dtype
  }

  // MARK: What operands are made of

  /// An operand in the dtype that the product is computed in. Elements take the form of `between` on the way: what an
  /// operand of another dtype is rounded to.
  private func source(
    of operand: Operand, makers: [Instruction], roundedTo between: DType, _ dtype: DType
  ) throws(BloxError) -> OperandSource {
    let type = type(operand)
    if makers.isEmpty {
      let slot = try slot(operand)
      guard type.dtype != dtype else { return .buffer(slot) }
      return .made(OperandProducer(region: Op.Callee(try conversion(type, [between, dtype])), operands: [slot]))
    }
    let made = Set(makers.flatMap(\.results))
    var read: [Value] = []
    for value in makers.flatMap(\.operands).compactMap(\.value) where !made.contains(value) && !read.contains(value) {
      read.append(value)
    }
    var rewriter = Rewriter(program, axes: [:], parameters: read.map { Parameter(program.type(of: $0)) })
    for (position, value) in read.enumerated() {
      rewriter.bind(value, to: .value(rewriter.builder.parameterValue(position)))
    }
    for instruction in makers { try rewriter.copy(instruction) }
    var result = rewriter.operand(operand)
    for step in [between, dtype] where rewriter.builder.type(of: result).dtype != step {
      result = try rewriter.builder.emitOne(.convert(step), [result])
    }
    let region = rewriter.builder.finish(results: [ProgramResult(result)])
    return .made(OperandProducer(region: Op.Callee(region), operands: read.map { slot($0) }))
  }

  /// The operands of a product in buffers, in the dtype that it is computed in.
  mutating func productOperands(_ instruction: Instruction, _ dtype: DType) throws(BloxError) -> [Int32] {
    let result = program.type(of: instruction.results[0]).dtype
    var slots: [Int32] = []
    for operand in instruction.operands {
      let type = type(operand)
      guard type.dtype != dtype else {
        slots.append(try slot(operand))
        continue
      }
      let target = scratchSlot(byteCount: type.with(dtype: dtype).byteCount)
      try lowerTile(try conversion(type, [result, dtype]), operands: [try slot(operand)], results: [target])
      slots.append(target)
    }
    return slots
  }

  /// A program that converts a tensor, to one dtype after the other.
  private func conversion(_ type: TensorType, _ dtypes: [DType]) throws(BloxError) -> Program {
    var builder = ProgramBuilder(name: "convert")
    var x = Operand.value(builder.parameter(type))
    for dtype in dtypes where builder.type(of: x).dtype != dtype { x = try builder.emitOne(.convert(dtype), [x]) }
    return builder.finish(results: [ProgramResult(x)])
  }

  // MARK: Rounding of convolutions

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
    try lowerTile(
      try conversion(result.with(dtype: dtype), [result.dtype]), operands: [product],
      results: [slot(instruction.results[0])])
  }
}
