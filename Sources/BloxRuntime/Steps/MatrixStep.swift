// Factorisations and triangular systems: how many matrices are divided between threads, and where each finds its
// operands, results and scratch. The algorithms are in MatrixStep+Solving.swift and MatrixStep+Factors.swift.
//
// All are blocked, so that most multiplications are products of matrices. A block of results is computed in strips of
// rows or columns that do not depend on each other and whose bits do not depend on where strips end: with few large
// matrices, threads take strips, otherwise matrices.
import BloxIR
import CBloxKernels

/// One op on `count` matrices.
struct MatrixStep: BitwiseCopyable {
  enum Kind: BitwiseCopyable {
    case cholesky, eigh, lu
    case qr(width: Int)
    case triangularSolve(leftSide: Bool, lower: Bool, transposed: Bool, unit: Bool)
  }

  let kind: Kind
  let isa: blox_isa
  let dtype: blox_dtype
  let width: Int
  let kernels: UnsafePointer<blox_matrix_kernels>
  /// The first operand, and the second or -1.
  let operand: Int32
  let sides: Int32
  /// The results; -1 where there are fewer.
  let results: (Int32, Int32, Int32)
  let count: Int
  /// The size of the first operand's matrices, and of the second's.
  let rows: Int
  let columns: Int
  let sideRows: Int
  let sideColumns: Int
  /// Scratch for each matrix.
  let scratch: Int32
  let scratchBytes: Int
  /// Where the scratch of products starts in that of a thread; before it is a block of a strip.
  let productOffset: Int
  let isLarge: Bool

  /// Rows and columns of a block.
  static let block = 64
  /// Columns of a panel of reflections.
  static let panel = 32
  /// Rows or columns of a strip.
  static let strip = 128
  /// Rows that are updated at a time.
  static let chunk = 256

  static func run(_ step: UnsafePointer<MatrixStep>, _ memory: RunMemory) {
    let count = step.pointee.count
    if step.pointee.isLarge, count < 2 * memory.participants {
      for index in 0..<count {
        MatrixRun(step: step.pointee, memory: memory, index: index, participant: 0, isDivided: true).run()
      }
      return
    }
    // Small matrices go several to a part.
    let size = max(1, step.pointee.rows * step.pointee.columns * max(step.pointee.rows, step.pointee.columns))
    let perPart = max(1, min(count, (1 << 18) / size), (count + 4095) / 4096)
    let call = MatrixCall(step: step, memory: memory, perPart: perPart)
    withUnsafePointer(to: call) { context in
      ThreadPool.shared.run(
        parts: (count + perPart - 1) / perPart, participants: memory.participants, context: context
      ) { context, part, participant in
        let call = context.assumingMemoryBound(to: MatrixCall.self).pointee
        let first = part * call.perPart
        for index in first..<min(call.step.pointee.count, first + call.perPart) {
          MatrixRun(
            step: call.step.pointee, memory: call.memory, index: index, participant: participant, isDivided: false
          ).run()
        }
      }
    }
  }
}

private struct MatrixCall {
  let step: UnsafePointer<MatrixStep>
  let memory: RunMemory
  let perPart: Int
}

/// The work on one matrix.
struct MatrixRun {
  let step: MatrixStep
  let memory: RunMemory
  let index: Int
  let participant: Int
  /// Whether the threads share this matrix.
  let isDivided: Bool

  typealias Pointer = UnsafeMutableRawPointer

  func run() {
    switch step.kind {
    case .cholesky: cholesky()
    case .eigh: eigh()
    case .lu: lu()
    case .qr(let width): qr(width: width)
    case .triangularSolve(let leftSide, let lower, let transposed, let unit):
      triangularSolve(leftSide: leftSide, lower: lower, transposed: transposed, unit: unit)
    }
  }

  var width: Int { step.width }
  var kernels: blox_matrix_kernels { step.kernels.pointee }

  /// This matrix's part of a buffer that has `elements` of `width` bytes for each.
  func matrix(_ slot: Int32, elements: Int, width: Int? = nil) -> Pointer {
    Pointer(memory.address(slot)) + index * elements * (width ?? self.width)
  }

  /// This matrix's scratch.
  var scratch: Pointer { Pointer(memory.address(step.scratch)) + index * step.scratchBytes }

  /// A thread's block of a strip.
  func stripBlock(_ participant: Int) -> Pointer { memory.scratch(of: participant) }

  /// Calls `body` with a range of `0 ..< total` at a time and the thread that runs it.
  func strips(of total: Int, _ body: (Range<Int>, Int) -> Void) {
    let parts = (total + MatrixStep.strip - 1) / MatrixStep.strip
    func range(_ part: Int) -> Range<Int> { (part * MatrixStep.strip)..<min(total, (part + 1) * MatrixStep.strip) }
    guard isDivided, parts > 1 else {
      for part in 0..<parts { body(range(part), participant) }
      return
    }
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: body) { pointer in
        withUnsafePointer(to: Strips(body: pointer, total: total)) { context in
          ThreadPool.shared.run(parts: parts, participants: memory.participants, context: context) {
            context, part, participant in
            let strips = context.assumingMemoryBound(to: Strips.self).pointee
            let start = part * MatrixStep.strip
            strips.body.pointee(start..<min(strips.total, start + MatrixStep.strip), participant)
          }
        }
      }
    }
  }

  /// `c = a b` with dense rows of `c`. A product that is part of one with several rows and columns says so, since its
  /// sums must not take another order because a strip is narrow.
  func product(
    _ m: Int, _ n: Int, _ k: Int, _ a: Operand, _ b: Operand, to c: Pointer, stride: Int, isVector: Bool,
    _ participant: Int
  ) {
    var arguments = blox_gemm_args()
    (arguments.m, arguments.n, arguments.k) = (Int64(m), Int64(n), Int64(k))
    (arguments.a, arguments.a_row, arguments.a_column) = (UnsafeRawPointer(a.start), Int64(a.row), Int64(a.column))
    (arguments.b, arguments.b_row, arguments.b_column) = (UnsafeRawPointer(b.start), Int64(b.row), Int64(b.column))
    (arguments.c, arguments.c_row) = (c, Int64(stride))
    var path = blox_gemm_choose(step.isa, step.dtype, &arguments)
    if path == BLOX_GEMM_VECTOR, !isVector { path = BLOX_GEMM_SMALL }
    blox_gemm(step.isa, step.dtype, path, &arguments, memory.scratch(of: participant) + step.productOffset)
  }

  /// A matrix in memory: its first element and its strides.
  struct Operand {
    var start: Pointer
    var row: Int
    var column: Int

    /// The window from a row and a column on.
    func at(_ i: Int, _ j: Int, width: Int) -> Operand {
      Operand(start: start + (i * row + j * column) * width, row: row, column: column)
    }
  }

  /// Copies a window to dense rows.
  func copy(_ source: Operand, _ rows: Int, _ columns: Int, to target: Pointer, stride: Int) {
    let dims: (Int64, Int64) = (Int64(rows), Int64(columns))
    let to: (Int64, Int64) = (Int64(stride), 1)
    let from: (Int64, Int64) = (Int64(source.row), Int64(source.column))
    guard rows > 0, columns > 0 else { return }
    withUnsafeBytes(of: dims) { dims in
      withUnsafeBytes(of: to) { to in
        withUnsafeBytes(of: from) { from in
          blox_copy_strided(
            target.assumingMemoryBound(to: CChar.self), source.start.assumingMemoryBound(to: CChar.self),
            Int32(width), 2, dims.assumingMemoryBound(to: Int64.self).baseAddress,
            to.assumingMemoryBound(to: Int64.self).baseAddress, from.assumingMemoryBound(to: Int64.self).baseAddress,
            false)
        }
      }
    }
  }

  /// Writes a number to consecutive elements.
  func fill(_ target: Pointer, _ value: Double, count: Int) {
    let bits = Literal(value, as: width == 4 ? .f32 : .f64).bits
    blox_fill(step.isa, target.assumingMemoryBound(to: CChar.self), Int32(width), bits, Int64(count))
  }

  /// Whether all elements are numbers.
  func isFinite(_ start: Pointer, count: Int) -> Bool {
    if width == 4 {
      let elements = start.assumingMemoryBound(to: Float.self)
      return (0..<count).allSatisfy { elements[$0].isFinite }
    }
    let elements = start.assumingMemoryBound(to: Double.self)
    return (0..<count).allSatisfy { elements[$0].isFinite }
  }
}

private struct Strips {
  let body: UnsafePointer<(Range<Int>, Int) -> Void>
  let total: Int
}
