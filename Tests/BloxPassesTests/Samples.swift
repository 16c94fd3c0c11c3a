// Small programs, one or more per op, from which the tests of every pass are derived; and random inputs for them.

import BloxIR
import BloxPasses
import BloxRuntime
import TestSupport

/// Builds a program of some parameters.
func makeProgram(
  _ parameters: [TensorType], name: String = "sample", axes: [String: Int] = [:],
  _ body: (inout ProgramBuilder, [Operand]) throws(BloxError) -> [Operand]
) throws(BloxError) -> Program {
  var builder = ProgramBuilder(name: name, axes: axes)
  let values = parameters.map { Operand.value(builder.parameter($0)) }
  let results = try body(&builder, values)
  return builder.finish(results: results.map { ProgramResult($0) })
}

/// A tensor of plausible elements: small numbers, zeros of both signs, now and then an infinity or a NaN.
func randomConstant(_ type: TensorType, _ generator: inout SeededGenerator) -> DenseConstant {
  let elements = (0..<type.elementCount).map { _ in randomLiteral(type.dtype, &generator) }
  return DenseConstant(type: type, elements: elements)
}

private func randomLiteral(_ dtype: DType, _ generator: inout SeededGenerator) -> Literal {
  switch dtype.kind {
  case .floating:
    switch Int.random(in: 0..<24, using: &generator) {
    case 0: return Literal(0, as: dtype)
    case 1: return Literal(-0.0, as: dtype)
    case 2: return Literal(Double.infinity, as: dtype)
    case 3: return Literal(Double.nan, as: dtype)
    case 4: return Literal(1, as: dtype)
    default: return Literal(Double.random(in: -3...3, using: &generator), as: dtype)
    }
  case .signed, .unsigned: return Literal(Int.random(in: -4...9, using: &generator), as: dtype)
  case .boolean: return Literal(Int.random(in: 0...1, using: &generator), as: .bool)
  case .key: return Literal(dtype: .key, bits: generator.next())
  }
}

func randomArguments(_ program: Program, seed: UInt64) -> [DenseConstant] {
  var generator = SeededGenerator(seed: seed)
  return program.parameters.map { randomConstant($0.type, &generator) }
}

/// The context that the runtime gives to passes.
let folding = PassContext(fold: { (op, operands) throws(BloxError) in
  try ReferenceInterpreter.evaluate(op, operands: operands)
})

extension TensorType {
  static func f32(_ shape: Int...) -> TensorType { TensorType(.f32, shape) }
  static func i32(_ shape: Int...) -> TensorType { TensorType(.i32, shape) }
  static func u32(_ shape: Int...) -> TensorType { TensorType(.u32, shape) }
  static func bool(_ shape: Int...) -> TensorType { TensorType(.bool, shape) }
  static func key(_ shape: Int...) -> TensorType { TensorType(.key, shape) }
}

/// A named sample program.
struct Sample: CustomStringConvertible {
  let program: Program
  var description: String { program.name }
}

/// The name of the axis that samples with `axis_index` refer to.
let laneAxis = "lane"

/// A program of one instruction.
private func single(_ op: Op, _ types: [TensorType], _ note: String = "") throws(BloxError) -> Sample {
  let program = try makeProgram(types, name: op.name + note) { (b, x) throws(BloxError) in
    try b.emit(op, x).map { .value($0) }
  }
  return Sample(program: program)
}

private func elementwiseSamples() throws(BloxError) -> [Sample] {
  var samples: [Sample] = []
  for op in Op.Unary.allCases {
    let isOfIntegers = op == .populationCount || op == .clz
    let type: TensorType = op == .not ? .bool(2, 3) : isOfIntegers ? .i32(2, 3) : .f32(2, 3)
    samples.append(try single(.unary(op), [type]))
  }
  for op in Op.Binary.allCases {
    let type: TensorType =
      switch op {
      case .add, .sub, .mul, .div, .rem, .pow, .max, .min: .f32(2, 3)
      case .atan2, .nextafter: .f32(2, 3)
      case .and, .or, .xor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic: .i32(2, 3)
      }
    samples.append(try single(.binary(op), [type, type]))
  }
  for direction in Op.Comparison.allCases {
    samples.append(try single(.compare(direction), [.f32(2, 3), .f32(2, 3)], " \(direction)"))
  }
  samples.append(try single(.select, [.bool(2, 3), .f32(2, 3), .f32(2, 3)]))
  samples.append(try single(.clamp, [.f32(2), .f32(2), .f32(2)]))
  samples.append(try single(.fma, [.f32(2), .f32(2), .f32(2)]))
  samples.append(try single(.convert(.i32), [.f32(2, 3)]))
  samples.append(try single(.bitcastConvert(.u32), [.f32(2, 3)]))
  samples.append(try single(.integerPow(3), [.f32(2, 3)]))
  samples.append(try single(.stopGradient, [.f32(2, 3)]))
  let splats = try makeProgram([.f32(3), .bool(3)], name: "splats") { (b, x) throws(BloxError) in
    [
      try b.select(x[1], b.add(x[0], b.splat(2, like: x[0])), b.splat(-1, like: x[0])),
      try b.compare(.lt, b.splat(1, like: x[0]), x[0]),
    ]
  }
  return samples + [Sample(program: splats)]
}

private func shapeSamples() throws(BloxError) -> [Sample] {
  [
    try single(.broadcastInDim(shape: [3, 4, 2], dims: [2, 0]), [.f32(2, 3)]),
    try single(.broadcastInDim(shape: [3, 2], dims: []), [.f32()], " scalar"),
    try single(.reshape([3, 2]), [.f32(2, 3)]),
    try single(.transpose([2, 0, 1]), [.f32(2, 3, 4)]),
    try single(.slice(Op.Slice(starts: [1, 0], limits: [2, 3], strides: [1, 2])), [.f32(2, 3)]),
    try single(.pad(Op.Padding(low: [1, -1], high: [0, 2], interior: [2, 0])), [.f32(2, 3), .f32()]),
    try single(.concatenate(axis: 1), [.f32(2, 3), .f32(2, 1), .f32(2, 2)]),
    try single(.constant(DenseConstant(type: .f32(2), elements: [Literal(1, as: .f32), Literal(2, as: .f32)])), []),
    try single(.iota(.i32(2, 3), axis: 1), []),
  ]
}

private func largeSamples() throws(BloxError) -> [Sample] {
  var samples: [Sample] = []
  for kind in Op.Reduction.allCases {
    let type: TensorType = kind == .and || kind == .or || kind == .xor ? .i32(2, 3, 4) : .f32(2, 3, 4)
    samples.append(try single(.reduce(kind, axes: [0, 2]), [type]))
  }
  for kind in Cumulative.allCases {
    samples.append(try single(.cumulative(kind, axis: 1, reverse: kind == .min), [.f32(2, 5, 3)]))
  }
  samples.append(try single(.ordering(.sort(.init(axis: 1))), [.f32(2, 5)]))
  samples.append(
    try single(.ordering(.sort(.init(axis: 0, keyCount: 2))), [.i32(3, 2), .f32(3, 2), .f32(3, 2)], " together"))
  samples.append(try single(.ordering(.topK(.init(count: 2, axis: 1))), [.f32(2, 5)]))
  samples.append(try single(.argReduce(.argmax, axis: 1), [.f32(2, 3)]))
  samples.append(try single(.argReduce(.argmin, axis: 0), [.f32(2, 3)]))
  let plain = Op.DotDimensions(lhsContract: [1], rhsContract: [0])
  samples.append(try single(.dotGeneral(plain), [.f32(2, 3), .f32(3, 4)]))
  let batch = Op.DotDimensions(lhsBatch: [2], rhsBatch: [0], lhsContract: [0], rhsContract: [2])
  samples.append(try single(.dotGeneral(batch), [.f32(3, 2, 4), .f32(4, 5, 3)], " batch"))
  let vectors = Op.DotDimensions(lhsContract: [0], rhsContract: [0])
  samples.append(try single(.dotGeneral(vectors), [.f32(3), .f32(3)], " vectors"))
  let wide = Op.DotDimensions(lhsContract: [1], rhsContract: [0], preferred: .f32)
  samples.append(
    try single(.dotGeneral(wide), [TensorType(.bf16, [2, 3]), TensorType(.bf16, [3, 4])], " preferred"))
  let layout = Op.Convolution.Layout(batch: 0, feature: 2, spatial: [1])
  let kernel = Op.Convolution.Layout(batch: 2, feature: 1, spatial: [0])
  let convolution = Op.Convolution(
    input: layout, kernel: kernel, output: layout, strides: [2], low: [1], high: [2], inputDilation: [3],
    kernelDilation: [2])
  samples.append(try single(.convolution(convolution), [.f32(2, 4, 3), .f32(2, 3, 5)]))
  var grouped = convolution
  grouped.featureGroups = 2
  samples.append(try single(.convolution(grouped), [.f32(2, 4, 6), .f32(2, 3, 4)], " feature groups"))
  (grouped.featureGroups, grouped.batchGroups) = (1, 2)
  samples.append(try single(.convolution(grouped), [.f32(4, 4, 3), .f32(2, 3, 4)], " batch groups"))
  samples.append(try single(.random(.seed), [.i32(2)]))
  samples.append(try single(.random(.foldIn), [.key(2), .u32(2)]))
  samples.append(try single(.random(.split([2, 2])), [.key(2)]))
  samples.append(try single(.random(.bits(shape: [3], .u32)), [.key(2)]))
  samples.append(try single(.random(.wrap), [.u32(3, 2)]))
  samples.append(try single(.random(.unwrap), [.key(3)]))
  return samples
}

private func callSamples() throws(BloxError) -> [Sample] {
  let callee = try makeProgram([.f32(3), .f32(3)], name: "callee") { (b, x) throws(BloxError) in
    [try b.add(x[0], x[1]), try b.mul(x[1], b.splat(2, like: x[1]))]
  }
  let call = try makeProgram([.f32(3), .f32(3)], name: "call") { (b, x) throws(BloxError) in
    let y = try b.emit(.call(Op.Callee(callee)), x).map { Operand.value($0) }
    return y + [.value(try b.emit(.call(Op.Callee(callee)), [y[1], y[1]])[0])]
  }
  let lane = try makeProgram([.key()], name: "axis_index", axes: [laneAxis: 3]) { (b, x) throws(BloxError) in
    let index = try b.emitOne(.convert(.u32), [b.emitOne(.axisIndex(laneAxis), [])])
    let key = try b.emitOne(.random(.foldIn), [x[0], index])
    return [try b.emitOne(.random(.bits(shape: [2], .u32)), [key]), x[0]]
  }
  return [Sample(program: call), Sample(program: lane)]
}

/// Functions with derivatives of their own: `(x, n) -> (x + x, n)` with a tangent or cotangent three times as large.
private func customSamples() throws(BloxError) -> [Sample] {
  func callee(
    _ types: [TensorType], _ name: String,
    _ body: (inout ProgramBuilder, [Operand]) throws(BloxError) -> [Operand]
  ) throws(BloxError) -> Op.Callee {
    Op.Callee(try makeProgram(types, name: name, body))
  }
  let primal = try callee([.f32(3), .i32()], "f") { (b, x) throws(BloxError) in [try b.add(x[0], x[0]), x[1]] }
  let jvp = try callee([.f32(3), .i32(), .f32(3)], "f.jvp") { (b, x) throws(BloxError) in
    [try b.add(x[0], x[0]), x[1], try b.mul(x[2], b.splat(6, like: x[2]))]
  }
  let forward = try callee([.f32(3), .i32()], "f.forward") { (b, x) throws(BloxError) in
    [try b.add(x[0], x[0]), x[1], try b.reduceSum(x[0], axes: [0])]
  }
  let backward = try callee([.f32(), .f32(3)], "f.backward") { (b, x) throws(BloxError) in
    [try b.mul(x[1], b.emitOne(.broadcastInDim(shape: [3], dims: []), [x[0]]))]
  }
  return [
    try single(.custom(.jvp(primal: primal, jvp: jvp)), [.f32(3), .i32()]),
    try single(.custom(.vjp(primal: primal, forward: forward, backward: backward)), [.f32(3), .i32()]),
  ]
}

private func indexingSamples() throws(BloxError) -> [Sample] {
  let rows = Op.GatherDimensions(
    offsetDims: [1], collapsedDims: [0], indexMap: [0], sliceSizes: [1, 3], mode: .fillOrDrop)
  let parts = Op.GatherDimensions(
    offsetDims: [0, 2], collapsedDims: [2], operandBatchDims: [1], indicesBatchDims: [0], indexMap: [2, 0],
    sliceSizes: [2, 1, 1, 5], mode: .clip)
  var samples = [
    try single(.indexing(.reverse(axes: [0, 2])), [.f32(2, 3, 4)]),
    try single(.indexing(.dynamicSlice(sizes: [1, 2])), [.f32(2, 3), .i32(), .i32()]),
    try single(.indexing(.dynamicUpdateSlice), [.f32(2, 3), .f32(1, 2), .i32(), .i32()]),
    try single(.indexing(.gather(rows)), [.f32(4, 3), .i32(5, 1), .f32()], " rows"),
    try single(.indexing(.gather(parts)), [.f32(4, 3, 3, 5), .i32(3, 2)], " parts"),
    try single(
      .indexing(.scatter(.add, parts.scatter)), [.f32(4, 3, 3, 5), .i32(3, 2), .f32(2, 3, 5)], " parts"),
  ]
  for kind in Op.ScatterKind.allCases {
    // Updates that meet have no derivative under multiplication, so that sample has one update.
    var dims = rows.scatter
    dims.isUnique = kind == .mul
    let count = kind == .mul ? 1 : 5
    samples.append(
      try single(.indexing(.scatter(kind, dims)), [.f32(4, 3), .i32(count, 1), .f32(count, 3)]))
  }
  return samples
}

private func windowSamples() throws(BloxError) -> [Sample] {
  let image = Op.Window(sizes: [1, 2, 3], strides: [1, 2, 1], low: [0, 1, 0], high: [0, 0, -1])
  let dilated = Op.Window(sizes: [3], strides: [2], baseDilations: [3], windowDilations: [2], low: [4], high: [-1])
  var samples: [Sample] = []
  for kind in Op.Reduction.allCases {
    let type: TensorType = [.and, .or, .xor].contains(kind) ? .i32(2, 4, 5) : .f32(2, 4, 5)
    samples.append(try single(.window(.reduce(kind, image)), [type]))
    samples.append(try single(.window(.reduce(kind, dilated)), [type.with(shape: [6])], " dilated"))
  }
  for selection in Op.WindowSelection.allCases {
    samples += [
      try single(.window(.selectAndGatherAdd(selection, image)), [.f32(2, 4, 5), .f32(2, 4, 5)], " \(selection)"),
      try single(.window(.selectAndScatterAdd(selection, image)), [.f32(2, 2, 2), .f32(2, 4, 5)], " \(selection)"),
      try single(.window(.selectAndGatherAdd(selection, dilated)), [.f32(6), .f32(6)], " dilated \(selection)"),
      try single(.window(.selectAndScatterAdd(selection, dilated)), [.f32(8), .f32(6)], " dilated \(selection)"),
    ]
  }
  return samples
}

private func linearAlgebraSamples() throws(BloxError) -> [Sample] {
  let right = LinearAlgebra.TriangularSolve(leftSide: false, lower: false, transposed: true, unitDiagonal: true)
  return [
    try single(.linearAlgebra(.cholesky), [.f32(3, 3)]),
    try single(.linearAlgebra(.qr(fullMatrices: false)), [.f32(4, 3)]),
    try single(.linearAlgebra(.qr(fullMatrices: true)), [.f32(2, 3)], " full"),
    try single(.linearAlgebra(.eigh), [.f32(3, 3)]), try single(.linearAlgebra(.lu), [.f32(2, 4, 3)]),
    try single(.linearAlgebra(.triangularSolve(.init())), [.f32(3, 3), .f32(3, 2)]),
    try single(.linearAlgebra(.triangularSolve(right)), [.f32(3, 3), .f32(2, 3)], " right"),
    try single(.linearAlgebra(.triangularSolve(.init())), [.f32(2, 3, 3), .f32(2, 3, 1)], " batch"),
    try single(.optimizationBarrier, [.f32(2, 3)]),
    try single(.debugPrint(DebugPrint("")), [.f32(2, 3)]),
  ]
}

/// A sample for every op but `fusion`, which only the fusion pass makes, `custom_linear`, which cannot be evaluated,
/// and collectives, which a loop over lanes cannot (CollectiveBatchingTests has them).
func allSamples() throws(BloxError) -> [Sample] {
  try elementwiseSamples() + shapeSamples() + largeSamples() + linearAlgebraSamples() + callSamples()
    + customSamples() + indexingSamples()
    + windowSamples()
}

/// Whether results agree in every bit, but for the sign and payload of NaNs.
func sameBits(_ a: [DenseConstant], _ b: [DenseConstant]) -> Bool {
  a.count == b.count
    && zip(a, b).allSatisfy { x, y in
      x.type == y.type
        && (x.bytes == y.bytes
          || (0..<x.type.elementCount).allSatisfy { x[$0] == y[$0] || x[$0].isNaN && y[$0].isNaN })
    }
}

extension Literal {
  fileprivate var isNaN: Bool { dtype.isFloating && doubleValue.isNaN }
}
