// dot_general with any dimension numbers.
import BloxIR
import BloxRuntime
import ProgramFuzzing
import TestSupport
import Testing

@Suite struct ProductTests {
  /// Every product of two elements, added up where it belongs: dimension numbers taken literally.
  static func naive(_ a: [Float], _ b: [Float], _ lhs: [Int], _ rhs: [Int], _ dims: Op.DotDimensions) -> [Float] {
    let lhsFree = dims.lhsFree(rank: lhs.count)
    let rhsFree = dims.rhsFree(rank: rhs.count)
    let shape = dims.lhsBatch.map { lhs[$0] } + lhsFree.map { lhs[$0] } + rhsFree.map { rhs[$0] }
    let contract = indices(of: dims.lhsContract.map { lhs[$0] })
    return indices(of: shape).map { index in
      contract.reduce(Float(0)) { sum, inner in
        var (i, j) = (Array(repeating: 0, count: lhs.count), Array(repeating: 0, count: rhs.count))
        for (n, (l, r)) in zip(dims.lhsBatch, dims.rhsBatch).enumerated() { (i[l], j[r]) = (index[n], index[n]) }
        for (n, l) in lhsFree.enumerated() { i[l] = index[dims.lhsBatch.count + n] }
        for (n, r) in rhsFree.enumerated() { j[r] = index[dims.lhsBatch.count + lhsFree.count + n] }
        for (n, (l, r)) in zip(dims.lhsContract, dims.rhsContract).enumerated() { (i[l], j[r]) = (inner[n], inner[n]) }
        return sum + a[position(i, in: lhs)] * b[position(j, in: rhs)]
      }
    }
  }

  @Test(
    "A right operand that a loop does not change is packed once, and multiplies as it did", arguments: [false, true],
    [DType.f32, .bf16])
  func packedOnce(isTransposed: Bool, dtype: DType) throws {
    // Products of this size are computed from panels; the columns fill no whole number of them.
    let (m, k, n) = (40, 600, 370)
    let matrix = isTransposed ? [n, k] : [k, n]
    let dims = isTransposed ? "[1]x[1]" : "[1]x[0]"
    let size = "\(matrix[0]),\(matrix[1])"
    func text(stacked: Bool) -> String {
      let result = "f32[\(m),\(n)], f32[3,\(m),\(n)]"
      let (matrix, bias, sum) = ("%7: \(dtype)[\(size)]", "%5: f32[\(n)]", "%6: f32[\(m),\(n)]")
      let parameters = stacked ? [bias, sum, matrix] : [matrix, bias, sum]
      return """
        // blox-ir 1
        program @p(%0: \(dtype)[\(stacked ? "3," : "")\(size)], %1: \(dtype)[3,\(m),\(k)], %2: f32[\(n)]) -> (\(result)) {
          %3: f32[\(m),\(n)], %4: f32[3,\(m),\(n)] = scan \(stacked ? "%2, 0.0, %0" : "%0, %2, 0.0"), %1 \
        {length=3, consts=\(stacked ? 1 : 2), carry=1}
              body(\(parameters.joined(separator: ", ")), %8: \(dtype)[\(m),\(k)]) {
            %9: f32[\(m),\(n)] = dot_general %8, %7 {contract=\(dims)\(dtype == .f32 ? "" : ", preferred=f32")}
            %10: f32[\(m),\(n)] = broadcast_in_dim %5 {dims=[1]}
            %11: f32[\(m),\(n)] = add %9, %10
            %12: f32[\(m),\(n)] = add %6, %11
            return %12, %11
          }
          return %3, %4
        }
        """
    }
    var generator = SeededGenerator(seed: 23)
    let matrixValues = randomTensor(TensorType(dtype, matrix), specials: false, &generator)
    let inputs = randomTensor(TensorType(dtype, [3, m, k]), specials: false, &generator)
    let bias = randomTensor(TensorType(.f32, [n]), specials: false, &generator)
    let three = DenseConstant(
      type: TensorType(dtype, [3] + matrix), bytes: matrixValues.bytes + matrixValues.bytes + matrixValues.bytes)
    let threadCount = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(threadCount) }
    for threads in [1, 3] {
      ThreadPool.setThreadCount(threads)
      let once = try Compiler.compile(try Program(parsing: text(stacked: false)))
      let each = try Compiler.compile(try Program(parsing: text(stacked: true)))
      #expect(
        once.scratchBytes(threads: 0) >= each.scratchBytes(threads: 0) + k * n * 4, "nothing is packed before the loop")
      #expect(try once.run([matrixValues, inputs, bias]) == each.run([three, inputs, bias]))
    }
  }

  @Test("A constant right operand is packed when the program is compiled, once for all products", arguments: [0, 1])
  func packedConstant(contract: Int) throws {
    let (lhs, rhs) = (TensorType(.f32, [40, 600]), TensorType(.f32, contract == 0 ? [600, 370] : [370, 600]))
    var generator = SeededGenerator(seed: 29)
    let (x, w) = (
      randomTensor(lhs, specials: false, &generator), randomTensor(rhs, specials: false, &generator)
    )
    let dims = Op.DotDimensions(lhsContract: [1], rhsContract: [contract])
    func products(_ b: inout ProgramBuilder, _ x: Operand, _ w: Operand) throws -> [Operand] {
      let y = try b.emitOne(.dotGeneral(dims), [x, w])
      return [y, try b.emitOne(.dotGeneral(dims), [try b.emitOne(.unary(.neg), [x]), w])]
    }
    let given = try executable(program([lhs, rhs]) { b, p in try products(&b, p[0], p[1]) })
    let constant = try executable(
      program([lhs]) { b, p in try products(&b, p[0], try b.emitOne(.constant(w), [])) })
    // No thread needs room for panels.
    #expect(constant.scratchBytes(threads: 1) < given.scratchBytes(threads: 1))
    #expect(constant.scratchBytes(threads: 0) == given.scratchBytes(threads: 0))
    let want = try given.run([x, w])
    for _ in 0..<2 { #expect(try constant.run([x]) == want) }
  }

  static let cases: [(lhs: [Int], rhs: [Int], dims: Op.DotDimensions)] = [
    ([17, 9], [9, 33], Op.DotDimensions(lhsContract: [1], rhsContract: [0])),
    ([9, 17], [9, 33], Op.DotDimensions(lhsContract: [0], rhsContract: [0])),
    ([17, 9], [33, 9], Op.DotDimensions(lhsContract: [1], rhsContract: [1])),
    ([9, 17], [33, 9], Op.DotDimensions(lhsContract: [0], rhsContract: [1])),
    ([5], [5], Op.DotDimensions(lhsContract: [0], rhsContract: [0])),
    ([5], [4], Op.DotDimensions(lhsContract: [], rhsContract: [])),
    ([3, 5, 7], [3, 7, 4], Op.DotDimensions(lhsBatch: [0], rhsBatch: [0], lhsContract: [2], rhsContract: [1])),
    ([5, 3, 7], [7, 4, 3], Op.DotDimensions(lhsBatch: [1], rhsBatch: [2], lhsContract: [2], rhsContract: [0])),
    // Two batch dimensions whose strides do not merge, as attention over [batch, time, heads, features] has them.
    (
      [2, 6, 3, 4], [2, 5, 3, 4],
      Op.DotDimensions(lhsBatch: [0, 2], rhsBatch: [0, 2], lhsContract: [3], rhsContract: [3])
    ),
    // Contracting dimensions in another order on the right, and free dimensions that are no run.
    ([2, 3, 4, 5], [4, 6, 2], Op.DotDimensions(lhsContract: [0, 2], rhsContract: [2, 0])),
    ([2, 3, 4], [4, 2, 6], Op.DotDimensions(lhsContract: [2, 0], rhsContract: [0, 1])),
    ([0, 3], [3, 4], Op.DotDimensions(lhsContract: [1], rhsContract: [0])),
    ([2, 0], [0, 4], Op.DotDimensions(lhsContract: [1], rhsContract: [0])),
  ]

  @Test("Products agree with the definition for every kind of dimension numbers", arguments: cases.indices)
  func products(index: Int) throws {
    let (lhs, rhs, dims) = ProductTests.cases[index]
    let (a, b) = (ramp(lhs.reduce(1, *), modulo: 7, from: -3), ramp(rhs.reduce(1, *), modulo: 5, from: -2))
    let want = ProductTests.naive(a, b, lhs, rhs, dims)
    // Small integers: exact in every dtype but the halves' results, which stay below 256 in the small cases.
    for dtype in [DType.f32, .f64, .i32, .bf16, .f16] {
      let (left, right) = (TensorType(dtype, lhs), TensorType(dtype, rhs))
      let y: [Float] = try run(
        program([TensorType(.f32, lhs), TensorType(.f32, rhs)]) { builder, p in
          let x = try builder.emitOne(.convert(dtype), [p[0]])
          let y = try builder.emitOne(.convert(dtype), [p[1]])
          return [try builder.emitOne(.convert(.f32), [try builder.emitOne(.dotGeneral(dims), [x, y])])]
        }, [a, b])
      #expect(y == want, "\(left) \(right)")
    }
  }

  @Test("Products in a preferred dtype agree with the reference for every pair of dtypes that the rule admits")
  func preferred() throws {
    var generator = SeededGenerator(seed: 7)
    var count = 0
    for dtype in DType.numeric {
      for preferred in DType.numeric {
        let dims = Op.DotDimensions(lhsContract: [1], rhsContract: [0], preferred: preferred)
        let types = [TensorType(dtype, [5, 40]), TensorType(dtype, [40, 6])]
        guard (try? Op.dotGeneral(dims).resultTypes(for: types)) != nil else { continue }
        count += 1
        let operands = types.map { randomTensor($0, specials: false, &generator) }
        let text = try disagreement(.dotGeneral(dims), operands)
        #expect(text == nil, "\(dtype) in \(preferred): \(text ?? "")")
      }
    }
    #expect(count == 53)
  }

  @Test("i8 products in i32 do not wrap, and bf16 products in f32 are not rounded")
  func preferredIsExact() throws {
    let dims = Op.DotDimensions(lhsContract: [0], rhsContract: [0], preferred: .i32)
    let bytes = DenseConstant(type: TensorType(.i8, [3]), elements: [100, 100, -128].map { Literal($0, as: .i8) })
    let integers = try ReferenceInterpreter.evaluate(.dotGeneral(dims), operands: [bytes, bytes])[0]
    #expect(integers[0].signedValue == 36_384)
    let wide = Op.DotDimensions(lhsContract: [0], rhsContract: [0], preferred: .f32)
    let halves = DenseConstant(type: TensorType(.bf16, [2]), elements: [256, 1].map { Literal($0, as: .bf16) })
    let floats = try ReferenceInterpreter.evaluate(.dotGeneral(wide), operands: [halves, halves])[0]
    #expect(floats[0].doubleValue == 65_537)
  }

  /// Several blocks of rows; one block, which packs the right operand panel by panel, in two blocks of the contracting
  /// dimension of which one is odd; one without whole tiles to pack beside; and several blocks of rows that become one for
  /// each of two threads, beside columns that fill no panel.
  static let largeShapes = [(250, 171, 230), (40, 1101, 230), (5, 1101, 1500), (192, 6144, 8)]

  @Test(
    "Large products, which are packed and divided between threads, agree with three loops",
    arguments: largeShapes, [DType.f32, .f64])
  func large(shape: (m: Int, k: Int, n: Int), dtype: DType) throws {
    let (m, k, n) = shape
    let (a, b) = (ramp(m * k, modulo: 7, from: -3), ramp(k * n, modulo: 5, from: -2))
    var want = [Float](repeating: 0, count: m * n)
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        want.withUnsafeMutableBufferPointer { want in
          for i in 0..<m { for l in 0..<k { for j in 0..<n { want[i * n + j] += a[i * k + l] * b[l * n + j] } } }
        }
      }
    }
    let dims = Op.DotDimensions(lhsContract: [1], rhsContract: [0])
    let y: [Float] = try run(
      program([TensorType(.f32, [m, k]), TensorType(.f32, [k, n])]) { builder, p in
        let x = try builder.emitOne(.convert(dtype), [p[0]])
        let y = try builder.emitOne(.convert(dtype), [p[1]])
        return [try builder.emitOne(.convert(.f32), [try builder.emitOne(.dotGeneral(dims), [x, y])])]
      }, [a, b])
    #expect(y == want)
  }
}
