// Tangent rules of factorisations and triangular systems, and the transpose of the latter.
//
// Each differentiates the equation that defines the results and solves it for their tangents; the forms are those of
// Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation" (2008), for lu
// of de Hoog, Anderssen and Lukas, "Differentiation of matrix functionals using triangular factorization" (2011), as
// JAX has them. Dots stand for tangents.

import BloxIR

extension LinearAlgebra {
  /// The tangents of the results, `nil` for zero; at least one input has a tangent.
  func tangents(
    _ inputs: [Dual], _ results: [Operand], _ b: inout ProgramBuilder
  ) throws(BloxError) -> [Operand?] {
    if case .triangularSolve(let system) = self { return [try system.tangent(inputs, x: results[0], &b)] }
    guard let da = inputs[0].tangent else { return results.map { _ in nil } }
    switch self {
    case .cholesky: return [try choleskyTangent(da, l: results[0], &b)]
    case .qr: return try qrTangents(da, q: results[0], r: results[1], &b)
    case .eigh: return try eighTangents(da, w: results[0], v: results[1], &b)
    case .lu: return [try luTangent(da, lu: results[0], permutation: results[2], &b), nil, nil]
    case .triangularSolve: preconditionFailure("handled above")
    }
  }

  /// l̇ = l Φ(l⁻¹ ȧ l⁻ᵀ), where Φ takes the lower triangle with half the diagonal.
  private func choleskyTangent(
    _ da: Operand, l: Operand, _ b: inout ProgramBuilder
  ) throws(BloxError) -> Operand {
    let right = try b.triangularSolve(l, try b.symmetrized(da), leftSide: false, lower: true, transposed: true)
    let middle = try b.triangularSolve(l, right, leftSide: true, lower: true)
    let type = b.type(of: l)
    let half = try b.select(try b.triangleMask(.eq, type.shape), b.splat(0.5, type), b.splat(1, type))
    return try b.matmul(l, try b.lowerTriangle(try b.mul(middle, half)))
  }

  /// With x = ȧ r⁻¹, y = qᵀ x and the skew Ω = tril(y, -1) - tril(y, -1)ᵀ: q̇ = q (Ω - y) + x, ṙ = (y - Ω) r.
  private func qrTangents(
    _ da: Operand, q: Operand, r: Operand, _ b: inout ProgramBuilder
  ) throws(BloxError) -> [Operand?] {
    let size = b.type(of: r).shape.suffix(2)
    guard let rows = size.first, let columns = size.last, rows == columns else {
      let type = b.type(of: da)
      throw BloxError(
        .notDifferentiable,
        "qr: there is a derivative where r is square, for matrices with at least as many rows as columns and without"
          + " fullMatrices; got \(type) with r of \(b.type(of: r))")
    }
    let x = try b.triangularSolve(r, da, leftSide: false, lower: false)
    let y = try b.matmul(try b.matrixTranspose(q), x)
    let below = try b.lowerTriangle(y, strict: true)
    let skew = try b.sub(below, try b.matrixTranspose(below))
    let dq = try b.add(try b.matmul(q, try b.sub(skew, y)), x)
    return [dq, try b.matmul(try b.sub(y, skew), r)]
  }

  /// With y = vᵀ ȧ v: ẇ = diag(y), v̇ = v (F ∘ y), where F has 1 / (wⱼ - wᵢ) off the diagonal.
  private func eighTangents(
    _ da: Operand, w: Operand, v: Operand, _ b: inout ProgramBuilder
  ) throws(BloxError) -> [Operand?] {
    let type = b.type(of: v)
    let y = try b.matmul(try b.matrixTranspose(v), try b.matmul(try b.symmetrized(da), v))
    let batch = Array(0..<(type.rank - 2))
    let column = try b.emitOne(.broadcastInDim(shape: type.shape, dims: batch + [type.rank - 1]), [w])
    let row = try b.emitOne(.broadcastInDim(shape: type.shape, dims: batch + [type.rank - 2]), [w])
    let isDiagonal = try b.triangleMask(.eq, type.shape)
    let gap = try b.select(isDiagonal, b.splat(1, type), try b.sub(column, row))
    let factor = try b.select(isDiagonal, b.splat(0, type), try b.div(b.splat(1, type), gap))
    return [try b.diagonal(y), try b.matmul(v, try b.mul(factor, y))]
  }

  /// With x = l⁻¹ (p ȧ) u⁻¹: l̇ = l tril(x, -1), u̇ = triu(x) u. Where a is not square, l or u is made square with ones
  /// on the diagonal.
  private func luTangent(
    _ da: Operand, lu: Operand, permutation: Operand, _ b: inout ProgramBuilder
  ) throws(BloxError) -> Operand {
    let type = b.type(of: lu)
    let (rows, columns) = (type.shape[type.rank - 2], type.shape[type.rank - 1])
    let least = min(rows, columns)
    let square = type.shape.dropLast(2) + [rows, rows]
    let indices = TensorType(.i32, Array(square))
    let batch = Array(0..<(type.rank - 2))
    let from = try b.emitOne(.broadcastInDim(shape: indices.shape, dims: batch + [type.rank - 2]), [permutation])
    let isFrom = try b.compare(.eq, from, try b.emitOne(.iota(indices, axis: type.rank - 1), []))
    let moved = try b.matmul(try b.emitOne(.convert(type.dtype), [isFrom]), da)

    let strict = try b.lowerTriangle(try b.leading(lu, rows: rows, columns: least), strict: true)
    let wide = try b.padded(strict, rows: rows, columns: rows, diagonal: 0)
    let l = try b.add(wide, try b.identity(b.type(of: wide)))
    let upper = try b.upperTriangle(try b.leading(lu, rows: least, columns: columns))
    let u = try b.padded(upper, rows: columns, columns: columns, diagonal: 1)
    let left = try b.triangularSolve(l, moved, leftSide: true, lower: true, unitDiagonal: true)
    let x = try b.triangularSolve(u, left, leftSide: false, lower: false)
    return try b.add(
      try b.matmul(l, try b.lowerTriangle(x, strict: true)), try b.matmul(try b.upperTriangle(x), u))
  }
}

extension LinearAlgebra.TriangularSolve {
  /// From a x = b: ẋ = a⁻¹ (ḃ - ȧ x), with as much of ȧ as is read of a.
  fileprivate func tangent(
    _ inputs: [Dual], x: Operand, _ b: inout ProgramBuilder
  ) throws(BloxError) -> Operand {
    var right = inputs[1].tangent
    if let da = inputs[0].tangent {
      var factor = lower ? try b.lowerTriangle(da, strict: unitDiagonal) : try b.upperTriangle(da, strict: unitDiagonal)
      if transposed { factor = try b.matrixTranspose(factor) }
      let product = leftSide ? try b.matmul(factor, x) : try b.matmul(x, factor)
      if let db = right { right = try b.sub(db, product) } else { right = try b.neg(product) }
    }
    return try b.emitOne(.linearAlgebra(.triangularSolve(self)), [inputs[0].primal, right ?? b.splat(0, like: x)])
  }
}

extension Transposition {
  /// A triangular system is linear in its right side; the transpose is the system of the transposed matrix.
  mutating func transposeLinearAlgebra(
    _ op: LinearAlgebra, _ instruction: Instruction, operand index: Int, _ ct: Operand
  ) throws(BloxError) -> Operand? {
    guard case .triangularSolve(var system) = op, index == 1, !isLinear(instruction.operands[0]) else {
      throw notLinear(instruction)
    }
    system.transposed.toggle()
    return try builder.emitOne(.linearAlgebra(.triangularSolve(system)), [residual(instruction.operands[0]), ct])
  }
}
