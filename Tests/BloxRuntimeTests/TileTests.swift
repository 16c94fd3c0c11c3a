// Elementwise work: tile programs from regions and from single instructions.
import BloxIR
import BloxPasses
import BloxRuntime
import ProgramFuzzing
import TestSupport
import Testing

@Suite struct TileTests {
  let vector = TensorType(.f32, [1000])

  @Test("A chain of instructions outside any region computes what the loops say")
  func chain() throws {
    let x = ramp(1000)
    let y = try run(
      program([vector]) { b, p in
        let a = try b.emitOne(.binary(.mul), [p[0], splat(2, vector)])
        return [try b.emitOne(.unary(.neg), [a])]
      }, [x], as: Float.self)
    #expect(y == x.map { -($0 * 2) })
  }

  @Test("A region reads its parameters through broadcasts, transposes, slices and reshapes")
  func views() throws {
    let (rows, columns) = (6, 5)
    let space = TensorType(.f32, [rows, columns])
    let types = [space, TensorType(.f32, [columns]), TensorType(.f32, [columns, rows]), TensorType(.f32, [90])]
    let op = try fusion(types) { b, p in
      let bias = try b.emitOne(.broadcastInDim(shape: space.shape, dims: [1]), [p[1]])
      let turned = try b.emitOne(.transpose([1, 0]), [p[2]])
      let window = try b.emitOne(.slice(Op.Slice(starts: [3], limits: [63], strides: [2])), [p[3]])
      let square = try b.emitOne(.reshape(space.shape), [window])
      let sum = try b.emitOne(.binary(.add), [p[0], bias])
      let more = try b.emitOne(.binary(.mul), [sum, turned])
      return [try b.emitOne(.binary(.sub), [more, square])]
    }
    let inputs = [ramp(30), ramp(5, from: 1), ramp(30, modulo: 7), ramp(90, modulo: 11)]
    let y: [Float] = try run(program(types) { b, p in [try b.emitOne(op, p)] }, inputs)
    for i in 0..<rows {
      for j in 0..<columns {
        let k = i * columns + j
        #expect(y[k] == (inputs[0][k] + inputs[1][j]) * inputs[2][j * rows + i] - inputs[3][3 + 2 * k])
      }
    }
  }

  @Test("Two operations that run as one round as two", arguments: [DType.f32, .f64])
  func pairs(dtype: DType) throws {
    let type = TensorType(dtype, [1003])
    let op = try fusion([type, type, type]) { b, p in
      func binary(_ op: Op.Binary, _ x: Operand, _ y: Operand) throws -> Operand {
        try b.emitOne(.binary(op), [x, y])
      }
      let product = try binary(.mul, p[0], p[1])
      return [
        try binary(.add, binary(.mul, p[0], p[1]), p[2]), try binary(.add, p[2], binary(.mul, p[1], p[2])),
        try binary(.sub, binary(.mul, p[0], p[2]), p[1]), try binary(.sub, p[1], binary(.mul, p[0], p[1])),
        try binary(.mul, binary(.add, p[0], p[1]), p[2]), try binary(.mul, p[0], binary(.sub, p[1], p[2])),
        try binary(.add, p[0], binary(.add, p[1], p[2])),
        // What something else reads stays, and an operation has one partner only.
        try binary(.add, product, product), try binary(.sub, binary(.mul, product, p[2]), binary(.mul, p[0], p[0])),
      ]
    }
    let program = try BloxRuntimeTests.program([type, type, type]) { b, p in
      try b.emit(op, p).map { .value($0) }
    }
    var generator = SeededGenerator(seed: 11)
    let arguments = [type, type, type].map { randomTensor($0, specials: false, &generator) }
    let results = try Compiler.compile(program).run(arguments)
    #expect(results == (try ReferenceInterpreter.run(program, arguments)))
  }

  @Test("A result that no cache holds is written past them, from any address")
  func largeResult() throws {
    let count = (24 << 20) / 4 + 37
    let type = TensorType(.f32, [count])
    let program = try BloxRuntimeTests.program([type]) { b, p in
      [try b.emitOne(.unary(.neg), [try b.emitOne(.binary(.add), [p[0], splat(1, type)])])]
    }
    let x = (0..<count).map { Float($0 & 0xFFFF) }
    let y: [Float] = try run(program, [x])
    #expect(y.count == count && zip(x, y).allSatisfy { $1 == -($0 + 1) })
  }

  @Test("A parameter may be read in place and transposed in one region")
  func parameterInTwoWays() throws {
    let square = TensorType(.f32, [7, 7])
    let op = try fusion([square]) { b, p in
      let doubled = try b.emitOne(.binary(.add), [p[0], p[0]])
      return [try b.emitOne(.binary(.sub), [doubled, try b.emitOne(.transpose([1, 0]), [p[0]])])]
    }
    let x = ramp(49)
    let y: [Float] = try run(program([square]) { b, p in [try b.emitOne(op, p)] }, [x])
    for i in 0..<7 { for j in 0..<7 { #expect(y[i * 7 + j] == 2 * x[i * 7 + j] - x[j * 7 + i]) } }
  }

  @Test("Iota counts along its axis, moved or not")
  func iota() throws {
    let space = TensorType(.i32, [4, 3, 2])
    let op = try fusion([space]) { b, p in
      let along = try b.emitOne(.iota(space, axis: 1), [])
      let column = try b.emitOne(.iota(TensorType(.i32, [4]), axis: 0), [])
      let wide = try b.emitOne(.broadcastInDim(shape: space.shape, dims: [0]), [column])
      let sum = try b.emitOne(.binary(.add), [along, wide])
      return [try b.emitOne(.binary(.add), [sum, p[0]])]
    }
    let y: [Int32] = try run(
      program([space]) { b, p in [try b.emitOne(op, p)] }, [[Int32](repeating: 10, count: 24)])
    #expect(y == indices(of: space.shape).map { Int32(10 + $0[0] + $0[1]) })
    let alone: [Float] = try run(
      program([]) { b, _ in [try b.emitOne(.iota(TensorType(.f32, [3, 4]), axis: 1), [])] },
      [[Float]]())
    #expect(alone == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3])
  }

  @Test("Integer powers, select, clamp, compare, convert and bitcast")
  func otherOps() throws {
    let x = ramp(1000)
    for exponent in [-3, -1, 0, 1, 2, 5, 7] {
      let y: [Float] = try run(program([vector]) { b, p in [try b.emitOne(.integerPow(exponent), p)] }, [x])
      var want = x.map { value in (0..<exponent.magnitude).reduce(Float(1)) { product, _ in product * value } }
      if exponent < 0 { want = want.map { 1 / $0 } }
      #expect(y == want, "exponent \(exponent)")
    }
    let y: [Int32] = try run(
      program([vector]) { b, p in
        let small = try b.emitOne(.clamp, [splat(-2, vector), p[0], splat(3, vector)])
        let isLess = try b.emitOne(.compare(.lt), [p[0], splat(0, vector)])
        let chosen = try b.emitOne(.select, [isLess, small, splat(9, vector)])
        return [try b.emitOne(.convert(.i32), [chosen])]
      }, [x])
    #expect(y == x.map { $0 < 0 ? Int32(max($0, -2)) : 9 })
    let bits: [UInt32] = try run(program([vector]) { b, p in [try b.emitOne(.bitcastConvert(.u32), p)] }, [x])
    #expect(bits == x.map(\.bitPattern))
    let back: [Float] = try run(
      program([vector]) { b, p in
        let words = try b.emitOne(.bitcastConvert(.u32), p)
        let flipped = try b.emitOne(.binary(.xor), [words, splat(0x8000_0000, vector.with(dtype: .u32))])
        return [try b.emitOne(.bitcastConvert(.f32), [flipped])]
      }, [x])
    #expect(back == x.map { -$0 })
  }

  @Test("A region with many live values reuses room without mixing them up")
  func manyValues() throws {
    let (count, long) = (24, TensorType(.f32, [5000]))
    let op = try fusion([long]) { b, p in
      let values = try (0..<count).map { try b.emitOne(.binary(.add), [p[0], splat(Double($0), long)]) }
      var sum = values[0]
      for value in values.dropFirst() { sum = try b.emitOne(.binary(.add), [sum, value]) }
      let isLarge = try b.emitOne(.compare(.gt), [sum, splat(0, long)])
      return [sum, isLarge, try b.emitOne(.convert(.f64), [values[3]]), sum]
    }
    let x = ramp(5000)
    let exe = try executable(program([long]) { b, p in try b.emit(op, p).map { .value($0) } })
    let results = try exe.run([Storage(x)])
    let want = x.map { $0 * Float(count) + Float(count * (count - 1) / 2) }
    #expect(results[0].elements(as: Float.self) == want)
    #expect(results[1].elements(as: Bool.self) == want.map { $0 > 0 })
    #expect(results[2].elements(as: Double.self) == x.map { Double($0 + 3) })
    #expect(results[3].elements(as: Float.self) == want)
  }

  @Test("What a region cannot express is refused with the instruction")
  func refusals() throws {
    let space = TensorType(.f32, [4, 4])
    let op = try fusion([space]) { b, p in
      let negative = try b.emitOne(.unary(.neg), p)
      return [try b.emitOne(.transpose([1, 0]), [negative])]
    }
    let bad = try program([space]) { b, p in [try b.emitOne(op, p)] }
    let error = #expect(throws: BloxError.self) { try executable(bad) }
    #expect(
      error?.message == """
        the instruction '%2: f32[4,4] = transpose %1: f32[4,4]' moves a value that the region computes; it stands in a \
        region: %1: f32[4,4] = fusion %0: f32[4,4] in @test
        """)
    #expect(error?.code == .unsupported)
  }
}
