// Machine code against the kernels that it stands for: the same bits, for every length, and where registers run out.
import BloxIR
import BloxPasses
import CBloxKernels
import Testing

@testable import BloxRuntime

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Nothing to test where there is no machine code; the tests with BLOX_ISA=avx2 and =portable run what is there instead.
private let hasMachineCode = MachineCode.isAvailable

/// Bits whose floats, integers and shifts are at some edge, and bits from all of their range.
private let edges: [UInt32] =
  [
    0, 0x8000_0000, 1, 0x8000_0001, 0x007F_FFFF, 0x0080_0000, 0x3F80_0000, 0xBF80_0000, 0x3F00_0000, 0x4000_0000,
    0x7F7F_FFFF, 0xFF7F_FFFF, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000, 0xFFC0_0000, 31, 32, 33, 0xFFFF_FFFF, 0x7FFF_FFFF,
    0x42B1_7218, 0xC2B0_0000, 0x4B00_0000, 0xCB40_0000,
  ] + (0..<500).map { UInt32(truncatingIfNeeded: $0 &* 0x9E37_79B1) }

@Suite(.enabled(if: hasMachineCode))
struct MachineCodeTests {
  /// Runs a program on columns of 32 bits or booleans; slot 0 is the result.
  private func run(_ program: VectorProgram, _ inputs: [[UInt8]], resultBytes: Int, count: Int) throws -> [UInt8] {
    let code = try MachineCode(VectorCode.assemble(program).bytes)
    let function = unsafeBitCast(code.start, to: blox_native_fn.self)
    let mode = blox_fp_enter()
    defer { blox_fp_leave(mode) }
    // What lies behind the last element must stay as it is.
    var columns = [Array(repeating: UInt8(0xA5), count: resultBytes + 64)] + inputs
    let slots = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: columns.count)
    defer { slots.deallocate() }
    let blocks = columns.map { column in
      let block = UnsafeMutablePointer<CChar>.allocate(capacity: column.count)
      for (index, byte) in column.enumerated() { block[index] = CChar(bitPattern: byte) }
      return block
    }
    defer { for block in blocks { block.deallocate() } }
    for (index, block) in blocks.enumerated() { slots[index] = block }
    function(slots, Int64(count))
    columns[0] = (0..<columns[0].count).map { UInt8(bitPattern: blocks[0][$0]) }
    #expect(columns[0][resultBytes...].allSatisfy { $0 == 0xA5 }, "bytes behind the result were written")
    return Array(columns[0][..<resultBytes])
  }

  private func bytes(_ words: [UInt32]) -> [UInt8] {
    words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) } }
  }

  private func words(_ bytes: [UInt8]) -> [UInt32] {
    stride(from: 0, to: bytes.count, by: 4).map { at in
      (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << (8 * UInt32($1)) }
    }
  }

  /// What a kernel gives for columns.
  private func kernel(_ function: blox_tile_fn, _ inputs: [[UInt8]], resultBytes: Int, count: Int) -> [UInt8] {
    let mode = blox_fp_enter()
    defer { blox_fp_leave(mode) }
    var result = Array(repeating: UInt8(0), count: resultBytes)
    let copies = inputs.map { input in
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(input.count, 1), alignment: 64)
      copy.copyBytes(from: input)
      return copy
    }
    defer { for copy in copies { copy.deallocate() } }
    func operand(_ index: Int) -> UnsafeRawPointer? {
      copies.indices.contains(index) ? UnsafeRawPointer(copies[index].baseAddress) : nil
    }
    result.withUnsafeMutableBytes { function($0.baseAddress, operand(0), operand(1), operand(2), count) }
    return result
  }

  private func expectSame(_ got: [UInt8], _ want: [UInt8], isFloat: Bool, _ name: String, _ inputs: [[UInt8]]) {
    if got == want { return }
    guard isFloat else {
      let index = zip(got, want).enumerated().first { $0.element.0 != $0.element.1 }!.offset
      Issue.record("\(name): byte \(index) of the result is \(got[index]), the kernel gives \(want[index])")
      return
    }
    for (index, pair) in zip(words(got), words(want)).enumerated() where pair.0 != pair.1 {
      // Machines differ in the payloads of NaN.
      if Float(bitPattern: pair.0).isNaN, Float(bitPattern: pair.1).isNaN { continue }
      let operands = inputs.map { $0.count >= 4 * (index + 1) ? String(words($0)[index], radix: 16) : "\($0[index])" }
      Issue.record(
        "\(name)(\(operands)) is \(String(pair.0, radix: 16)), the kernel gives \(String(pair.1, radix: 16))")
      return
    }
  }

  private func check(_ computation: TileComputation, _ function: blox_tile_fn?, _ inputs: [[UInt8]], count: Int) throws
  {
    guard computation.isVectorizable else { return }
    let function = try #require(function)
    var program = VectorProgram()
    let operands = inputs.enumerated().map { index, input in
      input.count == count ? program.loadMask(slot: index + 1) : program.load(slot: index + 1)
    }
    let value = program.emit(computation, operands)
    program.results = [VectorProgram.Result(value: value, slot: 0)]
    let resultBytes = program.instructions[value].op.isMask ? count : 4 * count
    let got = try run(program, inputs, resultBytes: resultBytes, count: count)
    let want = kernel(function, inputs, resultBytes: resultBytes, count: count)
    let isFloat = if case .convert(.f32) = computation.kind { true } else { computation.dtype == .f32 }
    expectSame(got, want, isFloat: isFloat && resultBytes > count, "\(computation)", inputs)
  }

  @Test("Every function has the kernel's bits", arguments: [DType.f32, .i32, .u32, .bool])
  func elementwise(dtype: DType) throws {
    let truths = edges.map { UInt8($0 & 1) }
    let count = edges.count
    let column = dtype == .bool ? truths : bytes(edges)
    for op in Op.Unary.allCases {
      let computation = TileComputation(kind: .unary(op), dtype: dtype)
      try check(computation, blox_tile_unary(kernelISA, op.kernel, dtype.kernel), [column], count: count)
    }
    // Each edge with each, and with itself.
    for shift in [0, 1, 2, 7, 25, 100, 263] {
      let other =
        dtype == .bool ? Array(truths[shift...] + truths[..<shift]) : bytes(Array(edges[shift...] + edges[..<shift]))
      for op in Op.Binary.allCases {
        let computation = TileComputation(kind: .binary(op), dtype: dtype)
        try check(computation, blox_tile_binary(kernelISA, op.kernel, dtype.kernel), [column, other], count: count)
      }
      guard dtype != .bool else { continue }
      for op in Op.Comparison.allCases {
        let computation = TileComputation(kind: .compare(op), dtype: dtype)
        try check(computation, blox_tile_compare(kernelISA, op.kernel, dtype.kernel), [column, other], count: count)
      }
      let select = TileComputation(kind: .select, dtype: dtype)
      try check(select, blox_tile_select(kernelISA, dtype.kernel), [truths, column, other], count: count)
      let third = bytes(Array(edges[13...] + edges[..<13]))
      let fma = TileComputation(kind: .fma, dtype: dtype)
      try check(fma, blox_tile_fma(kernelISA, dtype.kernel), [column, other, third], count: count)
      let clamp = TileComputation(kind: .clamp, dtype: dtype)
      try check(clamp, blox_tile_clamp(kernelISA, dtype.kernel), [column, other, third], count: count)
    }
    for result in [DType.f32, .i32, .u32] {
      let computation = TileComputation(kind: .convert(to: result), dtype: dtype)
      try check(computation, blox_tile_convert(kernelISA, dtype.kernel, result.kernel), [column], count: count)
    }
  }

  @Test(
    "Functions have the kernel's bits all over the range of floats",
    arguments: [
      Op.Unary.exp, .log, .tanh, .logistic, .erf, .sqrt, .rsqrt,
    ])
  func functions(op: Op.Unary) throws {
    let inputs = stride(from: UInt64(0), to: 1 << 32, by: 5407).map { UInt32($0) }
    let computation = TileComputation(kind: .unary(op), dtype: .f32)
    let function = blox_tile_unary(kernelISA, op.kernel, DType.f32.kernel)
    try check(computation, function, [bytes(inputs)], count: inputs.count)
  }

  @Test("The largest and the smallest of a number and a constant have the kernel's bits")
  func extremesOfConstants() throws {
    for constant: UInt32 in [0, 0x8000_0000, 0x3F80_0000, 0xBF80_0000, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0000] {
      for op in [Op.Binary.max, .min] {
        for isFirst in [false, true] {
          var program = VectorProgram()
          let operands = [program.load(slot: 1), program.constant(bits: constant)]
          let value = program.emit(
            TileComputation(kind: .binary(op), dtype: .f32), isFirst ? operands.reversed() : operands)
          program.results = [VectorProgram.Result(value: value, slot: 0)]
          let column = bytes(edges)
          let constants = bytes(Array(repeating: constant, count: edges.count))
          let got = try run(program, [column], resultBytes: column.count, count: edges.count)
          let function = try #require(blox_tile_binary(kernelISA, op.kernel, DType.f32.kernel))
          let inputs = isFirst ? [constants, column] : [column, constants]
          let want = kernel(function, inputs, resultBytes: column.count, count: edges.count)
          expectSame(got, want, isFloat: true, "\(op) with \(String(constant, radix: 16))", [column])
        }
      }
    }
  }

  @Test("Neither a byte too many nor one too few is written", arguments: 0...50)
  func lengths(count: Int) throws {
    var program = VectorProgram()
    let x = program.load(slot: 1)
    let line = program.multiplyAdd(x, program.constant(3), program.constant(1))
    program.results = [VectorProgram.Result(value: line, slot: 0)]
    let input = (0..<count).map { Float($0) }
    let got = try run(program, [bytes(input.map(\.bitPattern))], resultBytes: 4 * count, count: count)
    #expect(words(got).map { Float(bitPattern: $0) } == input.map { 3 * $0 + 1 })
    var truths = VectorProgram()
    let other = truths.emit(.maskNot, truths.loadMask(slot: 1))
    truths.results = [VectorProgram.Result(value: other, slot: 0)]
    let flags = (0..<count).map { UInt8($0 % 3 == 0 ? 1 : 0) }
    #expect(try run(truths, [flags], resultBytes: count, count: count) == flags.map { 1 - $0 })
  }

  @Test("More values and masks than registers wait in the frame", arguments: [3, 30, 31, 32, 70])
  func pressure(width: Int) throws {
    let count = 37
    let inputs = (0..<width).map { column in (0..<count).map { Float($0 * 7 % 11 - column) } }
    var program = VectorProgram()
    let loaded = (0..<width).map { program.load(slot: $0 + 1) }
    let masks = (0..<width).map { program.emit(.compare(.float(.less)), loaded[$0], loaded[(3 * $0 + 1) % width]) }
    let products = (0..<width).map { program.multiply(loaded[$0], loaded[(5 * $0 + 2) % width]) }
    // Read in another order than they were computed in, each twice.
    var sum = program.constant(0)
    for i in 0..<width {
      let j = (7 * i + 3) % width
      sum = program.add(sum, program.emit(.select, masks[j], products[i], products[j]))
      sum = program.multiplyAdd(products[j], program.constant(0.5), sum)
      sum = program.negativeMultiplyAdd(loaded[i], loaded[j], sum)
    }
    program.results = [VectorProgram.Result(value: sum, slot: 0)]
    let got = try run(program, inputs.map { bytes($0.map(\.bitPattern)) }, resultBytes: 4 * count, count: count)
    let want = (0..<count).map { at in
      var sum: Float = 0
      func product(_ i: Int) -> Float { inputs[i][at] * inputs[(5 * i + 2) % width][at] }
      for i in 0..<width {
        let j = (7 * i + 3) % width
        sum += inputs[j][at] < inputs[(3 * j + 1) % width][at] ? product(i) : product(j)
        sum += product(j) * 0.5
        sum -= inputs[i][at] * inputs[j][at]
      }
      return sum
    }
    #expect(words(got).map { Float(bitPattern: $0) } == want)
  }

  @Test("Constants leave registers for the values")
  func manyConstants() throws {
    let count = 21
    let input = (0..<count).map { Float($0) / 64 }
    var program = VectorProgram()
    let x = program.load(slot: 1)
    var t = x
    // A summand that lives on, and a summand that is a constant, with a constant factor each.
    for k in 0..<300 { t = program.multiplyAdd(t, program.constant(Float(k) / 512), x) }
    for k in 0..<300 { t = program.multiplyAdd(t, program.constant(Float(k) / 512), program.constant(-Float(k) / 256)) }
    program.results = [VectorProgram.Result(value: program.add(t, x), slot: 0)]
    let got = try run(program, [bytes(input.map(\.bitPattern))], resultBytes: 4 * count, count: count)
    let want = input.map { x in
      var t = x
      for k in 0..<300 { t = x.addingProduct(t, Float(k) / 512) }
      for k in 0..<300 { t = (-Float(k) / 256).addingProduct(t, Float(k) / 512) }
      return t + x
    }
    #expect(words(got).map { Float(bitPattern: $0) } == want)
  }

  @Test("A large result that is returned twice, once in place of the operand, is in both places")
  func returnedTwice() throws {
    let program = try Program(
      parsing: """
        // blox-ir 1
        program @f(%0: f32[4194304] {donated}) -> (f32[4194304], i32[4194304]) {
          %1: f32[4194304] = neg %0
          %2: f32[4194304] = exp %1
          %3: f32[4194304] = tanh %2
          %4: i32[4194304] = bitcast_convert %3
          return %3, %4
        }
        """)
    let executable = try Executable(planned: planBuffers(PassPipeline([.fuse], verifies: true).run(program)))
    let results = try executable.run([Storage((0..<4_194_304).map { Float($0 % 1000) / 500 })])
    let first = results[0].elements(as: UInt32.self)
    #expect(first == results[1].elements(as: UInt32.self))
    for at in [0, 1, 999, 1500, 4_194_303] {
      let want = Float(tanh(exp(-Double(at % 1000) / 500)))
      #expect(abs(Float(bitPattern: first[at]) - want) < 1e-6)
    }
  }

  /// The tape of a region with one parameter.
  private func tape(_ count: Int, _ body: (inout ProgramBuilder, Operand) throws -> Operand) throws -> TileCompiler {
    var builder = ProgramBuilder(name: "region")
    let x = Operand.value(builder.parameter(TensorType(.f32, [count])))
    let result = try body(&builder, x)
    let region = builder.finish(results: [ProgramResult(result)])
    var compiler = try TileCompiler(region, operands: [0], results: [1], Lowering(region))
    try compiler.emit()
    return compiler
  }

  @Test("A chain is one piece of code; what has no code stands between pieces")
  func pieces() throws {
    func isNative(_ op: TileOp) -> Bool { if case .native = op.function { true } else { false } }
    func chain(_ count: Int, _ ops: [Op.Unary]) throws -> [Bool] {
      try tape(count) { b, x in try ops.reduce(x) { try b.emitOne(.unary($1), [$0]) } }.ops.map(isNative)
    }
    #expect(try chain(1000, [.neg, .exp, .tanh, .abs]) == [true])
    #expect(try chain(1000, [.neg, .exp, .tanh, .sin, .exp, .neg, .abs]) == [true, false, true])
    // Two are as fast as a pair of micro-ops, and a few elements do not repay the code.
    #expect(try chain(1000, [.exp, .tanh]) == [false, false])
    #expect(try chain(100, [.neg, .exp, .tanh, .abs]) == [false, false, false, false])
    // Past the caches, a single one saves a copy.
    #expect(try chain(16 << 20, [.exp]) == [true])
  }
}
