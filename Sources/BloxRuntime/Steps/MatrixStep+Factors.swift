// Blocked QR and LU factorisations, and eigenvalues.
import CBloxKernels

extension MatrixRun {
  func eigh() {
    let n = step.rows
    kernels.eigh(
      Int64(n), matrix(step.operand, elements: n * n), matrix(step.results.0, elements: n),
      matrix(step.results.1, elements: n * n), scratch.assumingMemoryBound(to: Double.self))
  }

  // MARK: LU

  /// Panel by panel: eliminate it, exchange rows everywhere, then update what is right of it in strips of columns.
  func lu() {
    let (m, n) = (step.rows, step.columns)
    let least = min(m, n)
    let lu = matrix(step.results.0, elements: m * n)
    lu.copyMemory(from: matrix(step.operand, elements: m * n), byteCount: m * n * width)
    let pivots = matrix(step.results.1, elements: least, width: 4).assumingMemoryBound(to: Int32.self)
    func at(_ i: Int, _ j: Int) -> Pointer { lu + (i * n + j) * width }
    let size = MatrixStep.block
    for j in stride(from: 0, to: least, by: size) {
      let block = min(size, least - j)
      kernels.eliminate(Int64(m - j), Int64(block), at(j, j), Int64(n), pivots + j)
      for k in 0..<block {
        pivots[j + k] += Int32(j)
        exchange(at(j + k, 0), at(Int(pivots[j + k]), 0), count: j)
      }
      copy(Operand(start: at(j, j), row: n, column: 1), block, block, to: scratch, stride: block)
      strips(of: n - j - block) { range, participant in
        let first = j + block + range.lowerBound
        for k in 0..<block { exchange(at(j + k, first), at(Int(pivots[j + k]), first), count: range.count) }
        kernels.solve_left(
          true, true, Int64(block), Int64(range.count), scratch, Int64(block), at(j, first), Int64(n))
        subtractProduct(
          Operand(start: at(j + block, j), row: n, column: 1), Operand(start: at(j, first), row: n, column: 1),
          from: at(j + block, first), stride: n, rows: m - j - block, columns: range.count, depth: block, participant)
      }
    }
    let order = matrix(step.results.2, elements: m, width: 4).assumingMemoryBound(to: Int32.self)
    for i in 0..<m { order[i] = Int32(i) }
    for k in 0..<least { (order[k], order[Int(pivots[k])]) = (order[Int(pivots[k])], order[k]) }
  }

  private func exchange(_ a: Pointer, _ b: Pointer, count: Int) {
    if a == b { return }
    if width == 4 {
      let (x, y) = (a.assumingMemoryBound(to: UInt32.self), b.assumingMemoryBound(to: UInt32.self))
      for k in 0..<count { (x[k], y[k]) = (y[k], x[k]) }
    } else {
      let (x, y) = (a.assumingMemoryBound(to: UInt64.self), b.assumingMemoryBound(to: UInt64.self))
      for k in 0..<count { (x[k], y[k]) = (y[k], x[k]) }
    }
  }

  /// `target -= a b`, some rows at a time; the product stands in the thread's block of a strip.
  private func subtractProduct(
    _ a: Operand, _ b: Operand, from target: Pointer, stride: Int, rows: Int, columns: Int, depth: Int,
    _ participant: Int
  ) {
    let block = stripBlock(participant)
    for first in Swift.stride(from: 0, to: rows, by: MatrixStep.chunk) {
      let count = min(MatrixStep.chunk, rows - first)
      product(
        count, columns, depth, a.at(first, 0, width: width), b, to: block, stride: columns, isVector: false,
        participant)
      kernels.subtract(
        Int64(count), Int64(columns), target + first * stride * width, Int64(stride), block, Int64(columns))
    }
  }

  // MARK: QR

  /// Where QR keeps what in a matrix's scratch.
  private struct Reflections {
    /// The factored matrix, `[m, n]`.
    let matrix: Pointer
    /// A factor per reflection.
    let tau: Pointer
    /// The products' triangles, `[panel, panel]` for each panel.
    let triangles: Pointer
    /// The current panel's vectors, `[m, panel]`.
    let vectors: Pointer
    /// `[panel, panel]`, or a row.
    let squares: Pointer
  }

  /// Elements of scratch for the QR factorisation of a matrix.
  static func qrScratch(rows: Int, columns: Int) -> Int {
    let panel = MatrixStep.panel
    return rows * columns + min(rows, columns) * (1 + panel) + panel * panel + rows * panel + panel * panel + columns
  }

  /// Panels of Householder reflections from left to right, each applied to the columns right of it as 1 - v tᵀ vᵀ;
  /// then `q`, which is the panels from right to left applied to the identity as 1 - v t vᵀ.
  func qr(width qWidth: Int) {
    let (m, n) = (step.rows, step.columns)
    let least = min(m, n)
    let panel = MatrixStep.panel
    let q = matrix(step.results.0, elements: m * qWidth)
    let r = matrix(step.results.1, elements: qWidth * n)
    let source = matrix(step.operand, elements: m * n)
    guard isFinite(source, count: m * n) else {
      fill(q, .nan, count: m * qWidth)
      return fill(r, .nan, count: qWidth * n)
    }
    let tau = scratch + m * n * width
    let triangles = tau + least * width
    let vectors = triangles + (least + panel) * panel * width
    let parts = Reflections(
      matrix: scratch, tau: tau, triangles: triangles, vectors: vectors, squares: vectors + m * panel * width)
    parts.matrix.copyMemory(from: source, byteCount: m * n * width)
    let starts = Array(stride(from: 0, to: least, by: panel))
    for j in starts {
      let count = min(panel, least - j)
      kernels.reflect(
        Int64(m - j), Int64(count), parts.matrix + (j * n + j) * width, Int64(n), tau + j * width, parts.squares)
      gatherVectors(parts, j, count)
      let triangle = triangles + j * panel * width
      product(
        count, count, m - j, Operand(start: vectors, row: 1, column: count),
        Operand(start: vectors, row: count, column: 1), to: parts.squares, stride: count, isVector: false, participant)
      kernels.reflector_product(Int64(count), parts.squares, tau + j * width, triangle)
      reflect(parts, j, count, parts.matrix, stride: n, from: j + count, to: n, transposed: true)
    }
    fill(r, 0, count: qWidth * n)
    for i in 0..<least {
      (r + (i * n + i) * width).copyMemory(from: parts.matrix + (i * n + i) * width, byteCount: (n - i) * width)
    }
    fill(q, 0, count: m * qWidth)
    for i in 0..<qWidth { fill(q + (i * qWidth + i) * width, 1, count: 1) }
    for j in starts.reversed() {
      let count = min(panel, least - j)
      gatherVectors(parts, j, count)
      reflect(parts, j, count, q, stride: qWidth, from: j, to: qWidth, transposed: false)
    }
  }

  /// The vectors of a panel with their leading ones, and zeros above, as dense rows.
  private func gatherVectors(_ parts: Reflections, _ j: Int, _ count: Int) {
    let n = step.columns
    copy(
      Operand(start: parts.matrix + (j * n + j) * width, row: n, column: 1), step.rows - j, count, to: parts.vectors,
      stride: count)
    for i in 0..<count {
      fill(parts.vectors + (i * count + i) * width, 1, count: 1)
      fill(parts.vectors + (i * count + i + 1) * width, 0, count: count - i - 1)
    }
  }

  /// Applies a panel's reflections to the rows from `j` on of some columns of a matrix.
  private func reflect(
    _ parts: Reflections, _ j: Int, _ count: Int, _ target: Pointer, stride: Int, from first: Int, to end: Int,
    transposed: Bool
  ) {
    let rows = step.rows - j
    let triangle = parts.triangles + j * MatrixStep.panel * width
    strips(of: end - first) { range, participant in
      let start = target + (j * stride + first + range.lowerBound) * width
      // Behind the block that the last product needs.
      let products = stripBlock(participant) + MatrixStep.chunk * MatrixStep.strip * width
      let second = products + MatrixStep.panel * MatrixStep.strip * width
      product(
        count, range.count, rows, Operand(start: parts.vectors, row: 1, column: count),
        Operand(start: start, row: stride, column: 1), to: products, stride: range.count, isVector: false, participant)
      product(
        count, range.count, count,
        Operand(start: triangle, row: transposed ? 1 : count, column: transposed ? count : 1),
        Operand(start: products, row: range.count, column: 1), to: second, stride: range.count, isVector: false,
        participant)
      subtractProduct(
        Operand(start: parts.vectors, row: count, column: 1), Operand(start: second, row: range.count, column: 1),
        from: start, stride: stride, rows: rows, columns: range.count, depth: count, participant)
    }
  }
}
