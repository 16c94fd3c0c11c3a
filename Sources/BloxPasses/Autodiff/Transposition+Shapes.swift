// Transposes of the ops that change shapes, and of contractions.

import BloxIR

extension Transposition {
  /// Repetition becomes summation over the repeated dimensions.
  mutating func transposeBroadcast(
    _ ct: Operand, shape: [Int], dims: [Int], to type: TensorType
  ) throws(BloxError) -> Operand {
    let stretched = type.shape.indices.filter { type.shape[$0] == 1 && shape[dims[$0]] != 1 }
    let summed = shape.indices.filter { axis in
      !dims.contains(axis) || stretched.contains { dims[$0] == axis }
    }
    let reduced = try builder.reduceSum(ct, axes: summed)
    // What is left has the operand's dimensions in the order of `dims`, without the stretched ones.
    let remaining = type.shape.indices.filter { !stretched.contains($0) }
    let order = remaining.sorted { dims[$0] < dims[$1] }
    let permutation = remaining.compactMap { order.firstIndex(of: $0) }
    return try builder.reshape(try builder.transpose(reduced, permutation), to: type.shape)
  }

  /// A window's cotangent is padded with zeros to where it was cut out.
  mutating func transposeSlice(_ ct: Operand, _ slice: Op.Slice, to type: TensorType) throws(BloxError) -> Operand {
    let window = builder.type(of: ct).shape
    var padding = Op.Padding(
      low: slice.starts, high: [], interior: zip(window, slice.strides).map { $0 > 1 ? $1 - 1 : 0 })
    padding.high = type.shape.indices.map { dim in
      let covered = window[dim] == 0 ? 0 : (window[dim] - 1) * slice.strides[dim] + 1
      return type.shape[dim] - slice.starts[dim] - covered
    }
    return try builder.emitOne(.pad(padding), [ct, builder.splat(0, type.with(shape: []))])
  }

  /// The operand's cotangent is cut out of the padded one; the padding value receives the rest of the sum.
  mutating func transposePad(_ ct: Operand, _ padding: Op.Padding, operand index: Int) throws(BloxError) -> Operand {
    let type = builder.type(of: ct)
    let zero = builder.splat(0, type.with(shape: []))
    let uncropped = Op.Padding(low: padding.low.map { -$0 }, high: padding.high.map { -$0 })
    let cut = try builder.emitOne(.pad(uncropped), [ct, zero])
    let shape = builder.type(of: cut).shape
    let inside = try builder.emitOne(
      .slice(Op.Slice(starts: shape.map { _ in 0 }, limits: shape, strides: padding.interior.map { $0 + 1 })), [cut])
    if index == 0 { return inside }
    return try builder.sub(
      try builder.reduceSum(ct, axes: Array(0..<type.rank)), try builder.reduceSum(inside, axes: Array(0..<type.rank)))
  }

  /// `ct` is `[batch, lhs free, rhs free]`; contracting its rhs free dimensions with the right operand's leaves
  /// `[batch, lhs free, rhs contracting]`, which are the left operand's dimensions in another order.
  ///
  /// A cotangent in a preferred dtype is multiplied in that dtype, and the product is rounded to the operand's.
  mutating func transposeDotLeft(
    _ ct: Operand, _ dims: Op.DotDimensions, lhs: TensorType, rhs: Operand
  ) throws(BloxError) -> Operand {
    let right = try converted(residual(rhs), to: builder.type(of: ct).dtype)
    let rightRank = builder.type(of: right).rank
    let (lhsFree, rhsFree) = (dims.lhsFree(rank: lhs.rank), dims.rhsFree(rank: rightRank))
    let batch = dims.lhsBatch.count
    let product = Op.DotDimensions(
      lhsBatch: Array(0..<batch), rhsBatch: dims.rhsBatch,
      lhsContract: Array((batch + lhsFree.count)..<(batch + lhsFree.count + rhsFree.count)), rhsContract: rhsFree)
    let result = try builder.emitOne(.dotGeneral(product), [ct, right])
    // Contracting dimensions arrive in the order in which the right operand has them.
    let contracted = dims.rhsContract.indices.sorted { dims.rhsContract[$0] < dims.rhsContract[$1] }
    let ordered = try builder.transpose(
      result, inverse(of: dims.lhsBatch + lhsFree + contracted.map { dims.lhsContract[$0] }))
    return try converted(ordered, to: lhs.dtype)
  }

  /// The mirror image: `[batch, lhs contracting, rhs free]`, which for a dense layer's kernel is its own layout.
  mutating func transposeDotRight(
    _ ct: Operand, _ dims: Op.DotDimensions, lhs: Operand, rhs: TensorType
  ) throws(BloxError) -> Operand {
    let left = try converted(residual(lhs), to: builder.type(of: ct).dtype)
    let lhsFree = dims.lhsFree(rank: builder.type(of: left).rank)
    let rhsFree = dims.rhsFree(rank: rhs.rank)
    let batch = dims.lhsBatch.count
    let product = Op.DotDimensions(
      lhsBatch: dims.lhsBatch, rhsBatch: Array(0..<batch), lhsContract: lhsFree,
      rhsContract: Array(batch..<(batch + lhsFree.count)))
    let result = try builder.emitOne(.dotGeneral(product), [left, ct])
    let contracted = dims.lhsContract.indices.sorted { dims.lhsContract[$0] < dims.lhsContract[$1] }
    let ordered = try builder.transpose(
      result, inverse(of: dims.rhsBatch + contracted.map { dims.rhsContract[$0] } + rhsFree))
    return try converted(ordered, to: rhs.dtype)
  }

  mutating func converted(_ x: Operand, to dtype: DType) throws(BloxError) -> Operand {
    builder.type(of: x).dtype == dtype ? x : try builder.emitOne(.convert(dtype), [x])
  }

  /// The permutation that puts result dimension `i` of a product at operand dimension `layout[i]`.
  private func inverse(of layout: [Int]) -> [Int] {
    var permutation = layout
    for (position, dimension) in layout.enumerated() { permutation[dimension] = position }
    return permutation
  }
}
