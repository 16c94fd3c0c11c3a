// Type rules of the ops that change shapes: shape functions, reductions, contractions.

extension TypeRule {
  func broadcast(shape: [Int], dims: [Int]) throws(BloxError) -> TensorType {
    try expectCount(1)
    let result = operands[0].with(shape: shape)
    try result.validate("broadcast_in_dim")
    try expect(
      dims.count == operands[0].rank, .invalidArgument,
      "dims=\(dims) must name a result dimension for each operand dimension")
    try expectDistinctAxes(dims, rank: shape.count, what: "dimension")
    for (operandDim, resultDim) in dims.enumerated() {
      let size = operands[0].shape[operandDim]
      try expect(
        size == 1 || size == shape[resultDim], .shapeMismatch,
        "dimension \(operandDim) of size \(size) cannot become dimension \(resultDim) of \(result)")
    }
    return result
  }

  func reshape(_ shape: [Int]) throws(BloxError) -> TensorType {
    try expectCount(1)
    let result = operands[0].with(shape: shape)
    try result.validate("reshape")
    try expect(
      result.elementCount == operands[0].elementCount, .shapeMismatch,
      "the shape \(shape) has \(result.elementCount) elements, not \(operands[0].elementCount)")
    return result
  }

  func transpose(_ permutation: [Int]) throws(BloxError) -> TensorType {
    try expectCount(1)
    let operand = operands[0]
    try expect(
      permutation.sorted() == Array(0..<operand.rank), .invalidAxis,
      "\(permutation) is no permutation of \(operand.rank) dimensions")
    return operand.with(shape: permutation.map { operand.shape[$0] })
  }

  func slice(_ slice: Op.Slice) throws(BloxError) -> TensorType {
    try expectCount(1)
    let operand = operands[0]
    try expect(
      [slice.starts, slice.limits, slice.strides].allSatisfy { $0.count == operand.rank }, .invalidArgument,
      "needs a start, limit and stride for each of \(operand.rank) dimensions")
    var shape: [Int] = []
    for dim in 0..<operand.rank {
      let (start, limit, stride) = (slice.starts[dim], slice.limits[dim], slice.strides[dim])
      try expect(
        start >= 0 && start <= limit && limit <= operand.shape[dim], .invalidArgument,
        "the window \(start)..<\(limit) is outside dimension \(dim) of size \(operand.shape[dim])")
      try expect(stride >= 1, .invalidArgument, "stride \(stride) in dimension \(dim) must be at least 1")
      // Rounded up without adding the stride, which may be close to Int.max.
      shape.append(limit == start ? 0 : (limit - start - 1) / stride + 1)
    }
    return operand.with(shape: shape)
  }

  func pad(_ padding: Op.Padding) throws(BloxError) -> TensorType {
    try expectCount(2)
    let operand = operands[0]
    try expect(operands[1].dtype == operand.dtype, .dtypeMismatch, "the padding value must have the operand's dtype")
    try expect(operands[1].isScalar, .shapeMismatch, "the padding value must be a scalar")
    try expect(
      [padding.low, padding.high, padding.interior].allSatisfy { $0.count == operand.rank }, .invalidArgument,
      "needs low, high and interior amounts for each of \(operand.rank) dimensions")
    var shape: [Int] = []
    for dim in 0..<operand.rank {
      let size = operand.shape[dim]
      let interior = padding.interior[dim]
      try expect(interior >= 0, .invalidArgument, "interior padding \(interior) in dimension \(dim) is negative")
      let (gaps, overflow) = interior.multipliedReportingOverflow(by: max(0, size - 1))
      let limit = TensorType.byteLimit
      try expect(
        !overflow && gaps <= limit && interior <= limit && abs(padding.low[dim].clamped(limit)) < limit
          && abs(padding.high[dim].clamped(limit)) < limit,
        .invalidShape, "the padding in dimension \(dim) overflows")
      let padded = size + gaps + padding.low[dim] + padding.high[dim]
      try expect(
        padded >= 0, .invalidShape,
        "cropping \(padding.low[dim]) and \(padding.high[dim]) leaves less than nothing of"
          + " dimension \(dim) of size \(size)")
      shape.append(padded)
    }
    let result = operand.with(shape: shape)
    try result.validate("pad")
    return result
  }

  func concatenate(axis: Int) throws(BloxError) -> TensorType {
    try expect(!operands.isEmpty, .invalidArgument, "needs at least one operand")
    let first = operands[0]
    try expectAxis(axis, rank: first.rank)
    var total = 0
    for operand in operands {
      try expect(operand.dtype == first.dtype, .dtypeMismatch, "operands must have one dtype")
      try expect(operand.rank == first.rank, .shapeMismatch, "operands must have one rank")
      for dim in 0..<first.rank where dim != axis {
        try expect(
          operand.shape[dim] == first.shape[dim], .shapeMismatch,
          "operands must agree in every dimension but \(axis)")
      }
      total += operand.shape[axis]
      try expect(total <= TensorType.byteLimit, .invalidShape, "the result is too long along axis \(axis)")
    }
    var shape = first.shape
    shape[axis] = total
    let result = first.with(shape: shape)
    try result.validate("concatenate")
    return result
  }

  func reduce(_ kind: Op.Reduction, axes: [Int]) throws(BloxError) -> TensorType {
    try expectCount(1)
    let operand = operands[0]
    try expectDistinctAxes(axes, rank: operand.rank)
    try expect(axes == axes.sorted(), .invalidAxis, "axes \(axes) must be in order")
    try expect(kind.accepts(operand.dtype), .dtypeMismatch, "has no meaning for \(operand.dtype)")
    return operand.with(shape: operand.shape.removing(axes))
  }

  func argReduce(axis: Int) throws(BloxError) -> TensorType {
    try expectCount(1)
    let operand = operands[0]
    try expectAxis(axis, rank: operand.rank)
    try expect(operand.dtype.isNumeric || operand.dtype == .bool, .dtypeMismatch, "needs numbers or bool")
    try expect(operand.shape[axis] > 0, .invalidShape, "axis \(axis) has no elements to choose from")
    try expect(
      operand.shape[axis] <= Int(Int32.max), .invalidShape, "axis \(axis) is too long for an i32 index")
    return TensorType(.i32, operand.shape.removing([axis]))
  }

  func dot(_ dims: Op.DotDimensions) throws(BloxError) -> TensorType {
    try expectCount(2)
    let (lhs, rhs) = (operands[0], operands[1])
    try expect(lhs.dtype == rhs.dtype, .dtypeMismatch, "operands must have one dtype")
    try expect(lhs.dtype.isNumeric, .dtypeMismatch, "needs numbers")
    try expect(
      dims.lhsBatch.count == dims.rhsBatch.count, .invalidArgument, "needs as many batch dimensions on both sides")
    try expect(
      dims.lhsContract.count == dims.rhsContract.count, .invalidArgument,
      "needs as many contracting dimensions on both sides")
    try expectDistinctAxes(dims.lhsBatch + dims.lhsContract, rank: lhs.rank, what: "left dimension")
    try expectDistinctAxes(dims.rhsBatch + dims.rhsContract, rank: rhs.rank, what: "right dimension")
    for (l, r) in zip(dims.lhsBatch, dims.rhsBatch) {
      try expect(
        lhs.shape[l] == rhs.shape[r], .shapeMismatch,
        "batch dimensions differ: \(lhs.shape[l]) (left dimension \(l)) and \(rhs.shape[r]) (right dimension \(r))")
    }
    for (l, r) in zip(dims.lhsContract, dims.rhsContract) {
      try expect(
        lhs.shape[l] == rhs.shape[r], .shapeMismatch,
        "contracting dimensions differ: \(lhs.shape[l]) (left dimension \(l)) and \(rhs.shape[r])"
          + " (right dimension \(r))")
    }
    let shape =
      dims.lhsBatch.map { lhs.shape[$0] } + dims.lhsFree(rank: lhs.rank).map { lhs.shape[$0] }
      + dims.rhsFree(rank: rhs.rank).map { rhs.shape[$0] }
    let result = TensorType(try preferredDType(dims.preferred, for: lhs.dtype), shape)
    try result.validate("dot_general")
    return result
  }

  /// The dtype of a product's result: the preferred one if it loses nothing of what the operands' kind can hold.
  func preferredDType(_ preferred: DType?, for dtype: DType) throws(BloxError) -> DType {
    guard let preferred else { return dtype }
    try expect(
      preferred.isFloating || preferred.kind == dtype.kind, .dtypeMismatch,
      "the preferred dtype \(preferred) must be floating-point or of the operands' kind")
    try expect(
      preferred.bitWidth >= dtype.bitWidth, .dtypeMismatch,
      "the preferred dtype \(preferred) must not be narrower than the operands'")
    return preferred
  }
}

extension Array where Element == Int {
  /// The sizes without the dimensions at `axes`.
  package func removing(_ axes: [Int]) -> [Int] {
    indices.filter { !axes.contains($0) }.map { self[$0] }
  }
}

extension Int {
  /// The value limited to `-limit ... limit`.
  fileprivate func clamped(_ limit: Int) -> Int { Swift.min(Swift.max(self, -limit), limit) }
}
