// Blocked Cholesky factorisation and triangular systems.
import CBloxKernels

extension MatrixRun {
  /// Block column by block column ("left-looking"): what earlier columns contribute is one product per strip of rows.
  ///
  ///     a[j.., j] - l[j.., ..<j] l[j, ..<j]ᵀ   =   l[j.., j] l[j, j]ᵀ
  func cholesky() {
    let n = step.rows
    let l = matrix(step.results.0, elements: n * n)
    l.copyMemory(from: matrix(step.operand, elements: n * n), byteCount: n * n * width)
    let size = MatrixStep.block
    let turned = scratch + size * size * width
    func at(_ i: Int, _ j: Int) -> Pointer { l + (i * n + j) * width }
    for j in stride(from: 0, to: n, by: size) {
      let block = min(size, n - j)
      let known = Operand(start: at(j, 0), row: 1, column: n)
      if j > 0 {
        product(
          block, block, j, Operand(start: at(j, 0), row: n, column: 1), known, to: scratch, stride: block,
          isVector: false, participant)
        kernels.subtract(Int64(block), Int64(block), at(j, j), Int64(n), scratch, Int64(block))
      }
      guard kernels.cholesky(Int64(block), at(j, j), Int64(n), scratch) else {
        for i in 0..<n { fill(at(i, 0), .nan, count: i + 1) }
        break
      }
      copy(Operand(start: at(j, j), row: 1, column: n), block, block, to: turned, stride: block)
      let below = j + block
      strips(of: n - below) { range, participant in
        let (first, count) = (below + range.lowerBound, range.count)
        let strip = stripBlock(participant)
        if j > 0 {
          product(
            count, block, j, Operand(start: at(first, 0), row: n, column: 1), known, to: strip, stride: block,
            isVector: false, participant)
          kernels.subtract(Int64(count), Int64(block), at(first, j), Int64(n), strip, Int64(block))
        }
        kernels.solve_right(
          false, false, Int64(block), Int64(count), turned, Int64(block), at(first, j), Int64(n))
      }
    }
    for i in 0..<n { fill(at(i, i + 1), 0, count: n - i - 1) }
  }

  /// Block by block of unknowns; each takes off what the known ones contribute, by a product, and solves the rest with
  /// a block of the diagonal. Right sides are independent: strips of them.
  func triangularSolve(leftSide: Bool, lower: Bool, transposed: Bool, unit: Bool) {
    let (n, rows, columns) = (step.rows, step.sideRows, step.sideColumns)
    let start = matrix(step.operand, elements: n * n)
    let a = Operand(start: start, row: transposed ? 1 : n, column: transposed ? n : 1)
    let lower = lower != transposed
    let x = matrix(step.results.0, elements: rows * columns)
    x.copyMemory(from: matrix(step.sides, elements: rows * columns), byteCount: rows * columns * width)
    let size = MatrixStep.block
    let blocks = stride(from: 0, to: n, by: size).map { ($0, min(size, n - $0)) }
    for (first, count) in blocks {
      copy(a.at(first, first, width: width), count, count, to: scratch + first * size * width, stride: count)
    }
    let forwards = lower == leftSide
    strips(of: leftSide ? columns : rows) { range, participant in
      let strip = stripBlock(participant)
      for step in blocks.indices {
        let (first, count) = blocks[forwards ? step : blocks.count - 1 - step]
        let known = forwards ? 0..<first : (first + count)..<n
        let diagonal = scratch + first * size * width
        if leftSide {
          let target = x + (first * columns + range.lowerBound) * width
          if !known.isEmpty {
            let sides = Operand(start: x, row: columns, column: 1)
            product(
              count, range.count, known.count, a.at(first, known.lowerBound, width: width),
              sides.at(known.lowerBound, range.lowerBound, width: width), to: strip, stride: range.count,
              isVector: columns == 1, participant)
            kernels.subtract(
              Int64(count), Int64(range.count), target, Int64(columns), strip, Int64(range.count))
          }
          kernels.solve_left(
            lower, unit, Int64(count), Int64(range.count), diagonal, Int64(count), target, Int64(columns))
        } else {
          let target = x + (range.lowerBound * columns + first) * width
          if !known.isEmpty {
            let sides = Operand(start: x, row: columns, column: 1)
            product(
              range.count, count, known.count, sides.at(range.lowerBound, known.lowerBound, width: width),
              a.at(known.lowerBound, first, width: width), to: strip, stride: count, isVector: rows == 1, participant)
            kernels.subtract(Int64(range.count), Int64(count), target, Int64(columns), strip, Int64(count))
          }
          kernels.solve_right(
            lower, unit, Int64(count), Int64(range.count), diagonal, Int64(count), target, Int64(columns))
        }
      }
    }
  }
}
