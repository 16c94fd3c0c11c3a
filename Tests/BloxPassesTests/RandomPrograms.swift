// Random programs of every op that the passes meet, and random changes of shape between them.

import BloxIR
import BloxPasses
import TestSupport

/// A program of about `count` instructions over tensors of a few small shapes.
func randomProgram(seed: UInt64, count: Int) throws(BloxError) -> Program {
  var maker = try RandomProgramMaker(seed: seed)
  for _ in 0..<count { try maker.addInstruction() }
  return maker.finish()
}

private struct RandomProgramMaker {
  private var generator: SeededGenerator
  private var builder: ProgramBuilder
  /// What later instructions read, by dtype.
  private var floats: [Operand] = []
  private var integers: [Operand] = []
  private var bools: [Operand] = []
  private var key: Operand

  init(seed: UInt64) throws(BloxError) {
    generator = SeededGenerator(seed: seed)
    builder = ProgramBuilder(name: "random")
    for shape in [[3, 4], [4], [], [3, 3], [3, 1]] { floats.append(.value(builder.parameter(TensorType(.f32, shape)))) }
    for shape in [[3, 4], [4]] { integers.append(.value(builder.parameter(TensorType(.i32, shape)))) }
    bools.append(.value(builder.parameter(TensorType(.bool, [3, 4]))))
    key = .value(builder.parameter(TensorType(.key)))
  }

  mutating func finish() -> Program {
    let results = (0..<3).map { _ in pick(floats) } + [pick(integers), pick(bools)]
    return builder.finish(results: results.map { ProgramResult($0) })
  }

  private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }

  /// Recent values more often than old ones, so that programs are deep.
  private mutating func pick(_ operands: [Operand]) -> Operand {
    let recent = operands.suffix(6)
    return below(3) == 0 ? operands[below(operands.count)] : recent[recent.startIndex + below(recent.count)]
  }

  private mutating func literal(_ dtype: DType, _ shape: [Int]) -> Operand {
    let choices = [0, -0.0, 1, 2, -1, 0.5, 3, 8]
    return .splat(Literal(choices[below(choices.count)], as: dtype), shape: shape)
  }

  /// A value or literal of a type: one of the given operands, broadcast or cut to the shape.
  private mutating func operand(_ operands: [Operand], like type: TensorType) throws(BloxError) -> Operand {
    if type.dtype != .bool, below(5) == 0 { return literal(type.dtype, type.shape) }
    let source = pick(operands)
    let shape = builder.type(of: source).shape
    if shape == type.shape { return source }
    if shape.count <= type.rank, zip(shape.reversed(), type.shape.reversed()).allSatisfy({ $0 == $1 || $0 == 1 }) {
      let dims = Array((type.rank - shape.count)..<type.rank)
      return try builder.emitOne(.broadcastInDim(shape: type.shape, dims: dims), [source])
    }
    let same = operands.filter { builder.type(of: $0) == type }
    if !same.isEmpty { return pick(same) }
    let one = Operand.splat(Literal(1, as: type.dtype), shape: [])
    return try builder.emitOne(.broadcastInDim(shape: type.shape, dims: []), [one])
  }

  mutating func addInstruction() throws(BloxError) {
    switch below(12) {
    case 0...4: try addFloat()
    case 5: try addInteger()
    case 6, 7: try addBool()
    case 8...10: try addShape()
    case _: try addLarge()
    }
  }

  private mutating func addFloat() throws(BloxError) {
    let x = pick(floats)
    let type = builder.type(of: x)
    let unary: [Op] = [
      .unary(.neg), .unary(.abs), .unary(.floor), .unary(.tanh), .unary(.exp), .stopGradient, .integerPow(2),
      .integerPow(3),
    ]
    let binary: [Op.Binary] = [.add, .sub, .mul, .div, .max, .min, .add, .mul]
    switch below(4) {
    case 0: floats.append(try builder.emitOne(unary[below(unary.count)], [x]))
    case 1:
      let predicate = try operand(bools, like: type.with(dtype: .bool))
      floats.append(try builder.select(predicate, x, operand(floats, like: type)))
    case 2:
      let op = binary[below(binary.count)]
      floats.append(try builder.binary(op, operand(floats, like: type), x))
    case _:
      let op = binary[below(binary.count)]
      floats.append(try builder.binary(op, x, operand(floats, like: type)))
    }
  }

  private mutating func addInteger() throws(BloxError) {
    let x = pick(integers)
    let type = builder.type(of: x)
    let ops: [Op.Binary] = [.add, .sub, .mul, .and, .or, .xor, .shiftLeft, .max]
    integers.append(try builder.binary(ops[below(ops.count)], x, operand(integers, like: type)))
    if below(3) == 0 { integers.append(try builder.unary(.not, pick(integers))) }
    if below(3) == 0 { floats.append(try builder.emitOne(.convert(.f32), [pick(integers)])) }
    if below(3) == 0 { integers.append(try builder.emitOne(.iota(TensorType(.i32, [3, 4]), axis: below(2)), [])) }
  }

  private mutating func addBool() throws(BloxError) {
    let directions = Op.Comparison.allCases
    let operands = below(2) == 0 ? floats : integers
    let x = pick(operands)
    let y = try operand(operands, like: builder.type(of: x))
    bools.append(try builder.compare(directions[below(directions.count)], x, y))
    if below(2) == 0 { bools.append(try builder.unary(.not, pick(bools))) }
    if below(4) == 0 { floats.append(try builder.emitOne(.convert(.f32), [pick(bools)])) }
  }

  private mutating func addShape() throws(BloxError) {
    let x = pick(floats)
    let shape = builder.type(of: x).shape
    switch below(6) {
    case 0: floats.append(try builder.emitOne(.transpose(Array(shape.indices.reversed())), [x]))
    case 1: floats.append(try builder.emitOne(.reshape([shape.reduce(1, *)]), [x]))
    case 2:
      let limits = shape.map { max(1, $0 - 1) }
      floats.append(try builder.emitOne(.slice(Op.Slice(starts: shape.map { _ in 0 }, limits: limits)), [x]))
    case 3:
      floats.append(try builder.emitOne(.broadcastInDim(shape: [2] + shape, dims: shape.indices.map { $0 + 1 }), [x]))
    case 4 where !shape.isEmpty: floats.append(try builder.emitOne(.concatenate(axis: 0), [x, x]))
    case _:
      let padding = Op.Padding(low: shape.map { _ in 1 }, high: shape.map { _ in -1 })
      floats.append(try builder.emitOne(.pad(padding), [x, literal(.f32, [])]))
    }
    // Large tensors make the interpreter slow and teach nothing.
    if let last = floats.last, builder.type(of: last).elementCount > 200 { floats.removeLast() }
  }

  private mutating func addLarge() throws(BloxError) {
    let x = pick(floats)
    let type = builder.type(of: x)
    switch below(4) {
    case 0 where type.rank > 0: floats.append(try builder.emitOne(.reduce(.max, axes: [type.rank - 1]), [x]))
    case 1 where type.rank > 0: floats.append(try builder.reduceSum(x, axes: [0]))
    case 2 where type.rank == 2:
      let dims = Op.DotDimensions(lhsContract: [1], rhsContract: [0])
      let y = try builder.transpose(x, [1, 0])
      floats.append(try builder.emitOne(.dotGeneral(dims), [x, y]))
    case _:
      key = try builder.emitOne(.random(.foldIn), [key, .splat(Literal(below(9), as: .u32), shape: [])])
      let bits = try builder.emitOne(.random(.bits(shape: [3, 4], .u32)), [key])
      integers.append(try builder.emitOne(.bitcastConvert(.i32), [bits]))
    }
  }
}
