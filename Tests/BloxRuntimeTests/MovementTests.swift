// Ops that move elements.
import BloxIR
import BloxRuntime
import CBloxKernels
import ProgramFuzzing
import TestSupport
import Testing

@Suite struct MovementTests {
  let type = TensorType(.f32, [3, 4, 5])
  var x: [Float] { (0..<60).map(Float.init) }

  @Test("Transposes, slices and broadcasts follow their index rules")
  func rules() throws {
    for permutation in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]] {
      let y: [Float] = try run(program([type]) { b, p in [try b.emitOne(.transpose(permutation), p)] }, [x])
      let shape = permutation.map { type.shape[$0] }
      #expect(
        y
          == indices(of: shape).map { index in
            var source = [0, 0, 0]
            for (i, dim) in permutation.enumerated() { source[dim] = index[i] }
            return x[position(source, in: type.shape)]
          })
    }
    let slice = Op.Slice(starts: [1, 0, 1], limits: [3, 4, 5], strides: [1, 3, 2])
    let y: [Float] = try run(program([type]) { b, p in [try b.emitOne(.slice(slice), p)] }, [x])
    #expect(
      y == indices(of: [2, 2, 2]).map { x[position([$0[0] + 1, 3 * $0[1], 1 + 2 * $0[2]], in: type.shape)] })
    let row = TensorType(.f32, [4, 1])
    let wide: [Float] = try run(
      program([row]) { b, p in [try b.emitOne(.broadcastInDim(shape: [2, 4, 3], dims: [1, 2]), p)] },
      [[Float(1), 2, 3, 4]])
    #expect(wide == indices(of: [2, 4, 3]).map { Float($0[1] + 1) })
  }

  @Test("Steps that lead past the only element may be of any size, also one after the other")
  func hugeSteps() throws {
    let outer = Op.Slice(starts: [0, 0, 0], limits: [3, 4, 5], strides: [.max, 1 << 62, 2])
    let inner = Op.Slice(starts: [0, 0, 1], limits: [1, 1, 3], strides: [1 << 62, .max, 1])
    let empty = Op.Slice(starts: [1, 0, 0], limits: [1, 1, 3], strides: [.max, .max, 1])
    for last in [inner, empty] {
      let sliced = try program([type]) { b, p in
        let once = try b.emitOne(.slice(outer), p)
        return [try b.emitOne(.unary(.neg), [try b.emitOne(.slice(last), [once])])]
      }
      let y: [Float] = try run(sliced, [x])
      #expect(y == (last == inner ? [-2, -4] : []))
    }
  }

  @Test("Padding adds, spreads and crops", arguments: [0, 1, 2, 3, 4, 5])
  func padding(index: Int) throws {
    let paddings = [
      Op.Padding(low: [1, 2], high: [0, 1]), Op.Padding(low: [0, 0], high: [0, 0], interior: [1, 2]),
      Op.Padding(low: [-1, -2], high: [-1, 3]), Op.Padding(low: [-3, 1], high: [2, -5], interior: [2, 1]),
      Op.Padding(low: [-4, 0], high: [4, 0]), Op.Padding(low: [-2, -3], high: [0, 0], interior: [0, 3]),
    ]
    let padding = paddings[index]
    let type = TensorType(.f32, [3, 4])
    let x = (1...12).map(Float.init)
    let op = Op.pad(padding)
    let shape = try op.resultTypes(for: [type, TensorType(.f32)])[0].shape
    let want = indices(of: shape).map { index -> Float in
      var source: [Int] = []
      for dim in 0..<2 {
        let place = index[dim] - padding.low[dim]
        let step = padding.interior[dim] + 1
        guard place >= 0, place % step == 0, place / step < type.shape[dim] else { return -7 }
        source.append(place / step)
      }
      return x[position(source, in: type.shape)]
    }
    let literal: [Float] = try run(
      program([type]) { b, p in
        [try b.emitOne(op, [p[0], splat(-7, TensorType(.f32))])]
      }, [x])
    #expect(literal == want)
    let value: [Float] = try run(program([type, TensorType(.f32)]) { b, p in [try b.emitOne(op, p)] }, [x, [-7]])
    #expect(value == want)
  }

  @Test("Concatenation joins along any axis, with empty operands among them")
  func concatenation() throws {
    let (a, b, c) = (TensorType(.f32, [2, 3]), TensorType(.f32, [2, 0]), TensorType(.f32, [2, 2]))
    let inputs: [[Float]] = [[1, 2, 3, 4, 5, 6], [], [7, 8, 9, 10]]
    let y: [Float] = try run(
      program([a, b, c]) { builder, p in [try builder.emitOne(.concatenate(axis: 1), p)] }, inputs)
    #expect(y == [1, 2, 3, 7, 8, 4, 5, 6, 9, 10])
  }

  @Test("Slices that are part of a loop's consts, carry and stacked inputs are found anew in every iteration")
  func partsInLoops() throws {
    let program = try Program(
      parsing: """
        // blox-ir 1
        program @parts(%0: f32[6,5], %1: f32[4,5], %2: f32[3,4,5]) -> (f32[4,5], f32[3,2,2]) {
          %3: f32[4,5], %4: f32[3,2,2] = scan %0, %1, %2 {length=3, consts=1, carry=1}
              body(%5: f32[6,5], %6: f32[4,5], %7: f32[4,5]) {
            %8: f32[2,5] = slice %5 {start=[3,0], limit=[5,5]}
            %9: f32[2,5] = slice %6 {start=[1,0], limit=[3,5]}
            %10: f32[2,5] = slice %7 {start=[2,0], limit=[4,5]}
            %11: f32[1,5] = slice %10 {start=[1,0], limit=[2,5]}
            %12: f32[5] = reshape %11
            %13: f32[2] = dot_general %9, %12 {contract=[1]x[0]}
            %14: f32[2,2] = dot_general %8, %10 {contract=[1]x[1]}
            %15: f32[2,2] = broadcast_in_dim %13 {dims=[1]}
            %16: f32[2,2] = add %14, %15
            %17: f32[4,5] = add %6, %7
            return %17, %16
          }
          return %3, %4
        }
        """)
    let executable = try executable(program)
    let body = try #require(executable.program.instructions[0].op.regions.first?.program)
    #expect(body.instructions.count(where: \.isPartOfOperand) == 5)
    var generator = SeededGenerator(seed: 4)
    // Small integers: no sum is rounded.
    let arguments = program.parameters.map { parameter in
      let numbers = (0..<parameter.type.elementCount).map { _ in
        Literal(Int.random(in: -4...4, using: &generator), as: .f32)
      }
      return DenseConstant(type: parameter.type, elements: numbers)
    }
    for _ in 0..<2 { #expect(try executable.run(arguments) == ReferenceInterpreter.run(program, arguments)) }
  }

  @Test("Elements of every width move, large tensors in parts too")
  func widths() throws {
    func check<T: BitwiseCopyable & Equatable>(_ dtype: DType, _ make: (Int) -> T) throws {
      let type = TensorType(dtype, [700, 900])
      let x = (0..<(700 * 900)).map(make)
      let y: [T] = try run(program([type]) { b, p in [try b.emitOne(.transpose([1, 0]), p)] }, [x])
      var want = x
      for i in 0..<700 { for j in 0..<900 { want[j * 700 + i] = x[i * 900 + j] } }
      #expect(y == want)
    }
    try check(.u8) { UInt8(truncatingIfNeeded: $0 &* 31) }
    try check(.u16) { UInt16(truncatingIfNeeded: $0 &* 31) }
    try check(.f32) { Float($0) }
    try check(.key) { UInt64($0) << 13 }
  }

  /// Blocks are one line of 64 bytes wide, strips two, and what is asked for ahead 256 elements long.
  @Test("Transposes past the caches are right at every edge, and write nothing else")
  func transposesPastCaches() {
    func check<T: FixedWidthInteger>(_: T.Type, rows: Int, columns: Int) {
      let line = 64 / MemoryLayout<T>.size
      let rowLength = (columns + line - 1) / line * line
      let untouched = T.max
      let source = (0..<(columns * rows)).map { T(truncatingIfNeeded: $0 &* 31) & (T.max - 1) }
      let target = UnsafeMutableRawBufferPointer.allocate(
        byteCount: rows * rowLength * MemoryLayout<T>.size, alignment: 64)
      defer { target.deallocate() }
      let result = target.bindMemory(to: T.self)
      result.initialize(repeating: untouched)
      source.withUnsafeBytes { source in
        blox_copy_strided(
          target.baseAddress, source.baseAddress, Int32(MemoryLayout<T>.size), 2, [Int64(rows), Int64(columns)],
          [Int64(rowLength), 1], [1, Int64(rows)], true)
      }
      let isRight = (0..<rows).allSatisfy { i in
        (0..<rowLength).allSatisfy { j in
          result[i * rowLength + j] == (j < columns ? source[j * rows + i] : untouched)
        }
      }
      #expect(isRight, "\(T.self)[\(columns),\(rows)]")
    }
    for (rows, columns) in [(1, 1), (16, 16), (7, 300), (300, 7), (256, 64), (257, 95), (530, 48), (64, 33)] {
      check(UInt8.self, rows: rows, columns: columns)
      check(UInt16.self, rows: rows, columns: columns)
      check(UInt32.self, rows: rows, columns: columns)
      check(UInt64.self, rows: rows, columns: columns)
    }
  }
}
