// Batching: one program that does the work of many lanes at once.
//
// Convention: the lanes of a mapped value are its dimension 0, always. Parameters mapped elsewhere are transposed
// first. A value is mapped when it depends on a mapped parameter or on the lane's own index, decided by the program
// alone and never by values; what is not mapped is computed once. No rule loops over lanes.
//
// This file walks the program and chooses rules; the rules are in Batching+<Family>.swift.

import BloxIR

/// A batched program and where its lanes are.
package struct BatchedProgram: Sendable {
  /// The program over all lanes.
  package let program: Program
  /// For each result 0 when it has one element per lane along dimension 0, `nil` when it is the same in every lane.
  package let outAxes: [Int?]
}

/// The program that runs `program` for `size` lanes.
///
/// - Parameters:
///   - axisName: The name by which the program's `axis_index` asks for its lane.
///   - inAxes: For each parameter the dimension of the batched argument that holds the lanes; `nil` for an argument
///     that all lanes share.
///   - axes: Sizes of the other named axes in scope.
package func batched(
  _ program: Program, size: Int, axisName: String?, inAxes: [Int?], axes: [String: Int]
) throws(BloxError) -> BatchedProgram {
  var batcher = try Batcher(program, size: size, axisName: axisName, inAxes: inAxes, axes: axes)
  return try batcher.run()
}

/// An operand of the batched program: one tensor per lane along dimension 0, or one for all lanes.
struct BatchedOperand {
  var operand: Operand
  var isMapped: Bool

  static func mapped(_ operand: Operand) -> BatchedOperand { BatchedOperand(operand: operand, isMapped: true) }
  static func shared(_ operand: Operand) -> BatchedOperand { BatchedOperand(operand: operand, isMapped: false) }
}

/// The state of batching one program.
struct Batcher {
  let program: Program
  let size: Int
  let axisName: String?
  let inAxes: [Int?]
  let axes: [String: Int]
  var builder: ProgramBuilder
  /// What stands for each value of the program, in order of definition.
  private var environment: [BatchedOperand] = []
  /// A callee is batched once for each way in which its arguments are mapped.
  var callees: [CalleeRequest: BatchedProgram] = [:]

  struct CalleeRequest: Hashable {
    let callee: Op.Callee
    let inAxes: [Int?]
  }

  init(
    _ program: Program, size: Int, axisName: String?, inAxes: [Int?], axes: [String: Int]
  ) throws(BloxError) {
    guard inAxes.count == program.parameters.count else {
      throw BloxError(
        .inAxesMismatch,
        "vmap of @\(program.name): \(inAxes.count) in-axes for \(program.parameters.count) parameters")
    }
    if let axisName, axes[axisName] != nil {
      throw BloxError(
        .duplicateAxis, "vmap of @\(program.name): the axis name \(axisName) is in use by an enclosing vmap")
    }
    self.program = program
    self.size = size
    self.axisName = axisName
    self.inAxes = inAxes
    self.axes = axes
    builder = ProgramBuilder(name: program.name, axes: axes)
    environment.reserveCapacity(program.types.count)
  }

  mutating func run() throws(BloxError) -> BatchedProgram {
    try bindParameters()
    for instruction in program.instructions {
      builder.note = instruction.note
      let operands = instruction.operands.map { batchedOperand($0) }
      environment.append(contentsOf: try batch(instruction, operands))
    }
    let results = program.results.map { batchedOperand($0.operand) }
    let finished = builder.finish(
      results: zip(program.results, results).map { ProgramResult($1.operand, label: $0.label) })
    return BatchedProgram(program: finished, outAxes: results.map { $0.isMapped ? 0 : nil })
  }

  private mutating func bindParameters() throws(BloxError) {
    var values: [Operand] = []
    for (index, (parameter, axis)) in zip(program.parameters, inAxes).enumerated() {
      var parameter = parameter
      if let axis {
        guard axis >= 0, axis <= parameter.type.rank else {
          throw BloxError(
            .invalidAxis,
            "vmap of @\(program.name): in-axis \(axis) of parameter \(parameter.label?.text ?? "%\(index)")"
              + " is out of range; the argument has \(parameter.type.rank + 1) dimensions")
        }
        parameter.type.shape.insert(size, at: axis)
        try parameter.type.validate("vmap of @\(program.name)")
      }
      values.append(.value(builder.parameter(parameter)))
    }
    for (value, axis) in zip(values, inAxes) {
      guard let axis else {
        environment.append(.shared(value))
        continue
      }
      let rank = builder.type(of: value).rank
      // Lanes first: [a, b, lane, c] -> [lane, a, b, c].
      let permutation = [axis] + (0..<rank).filter { $0 != axis }
      environment.append(.mapped(try builder.transpose(value, permutation)))
    }
  }

  private func batchedOperand(_ operand: Operand) -> BatchedOperand {
    switch operand {
    case .value(let value): environment[value.index]
    case .splat: .shared(operand)
    }
  }

  /// The results of an instruction over all lanes. What depends on no lane is computed once, by any op but those
  /// that may ask about the lanes: the lane's index, collectives, and calls of programs with those.
  private mutating func batch(
    _ instruction: Instruction, _ operands: [BatchedOperand]
  ) throws(BloxError) -> [BatchedOperand] {
    switch instruction.op {
    case .axisIndex(let name): return [try batchAxisIndex(name)]
    case .call(let callee): return try batchCall(callee, operands)
    case .custom(let op): return try batchCustom(op, operands)
    case .collective(let collective): return [try batchCollective(collective, operands[0])]
    case .control(let control): return try batchControl(control, operands)
    case .linearAlgebra(let op): return try batchLinearAlgebra(op, operands)
    case .ordering(let op): return try batchOrdering(op, operands)
    case .debugPrint(let print): return [try batchPrint(print, operands)]
    case .constant, .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow,
      .broadcastInDim, .reshape, .transpose, .slice, .pad, .concatenate, .iota, .reduce, .argReduce, .dotGeneral,
      .convolution,
      .random, .indexing, .cumulative, .stopGradient, .optimizationBarrier, .fusion,
      .window,
      .checkpointName:
      if operands.contains(where: \.isMapped) {
        return [.mapped(try batchMapped(instruction.op, operands))]
      }
      let values = try builder.emit(instruction.op, operands.map(\.operand))
      return values.map { .shared(.value($0)) }
    }
  }

  /// The mapped result of an op of which at least one operand is mapped.
  private mutating func batchMapped(_ op: Op, _ operands: [BatchedOperand]) throws(BloxError) -> Operand {
    switch op {
    case .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow, .stopGradient,
      .optimizationBarrier, .checkpointName:
      return try batchElementwise(op, operands)
    case .broadcastInDim(let shape, let dims): return try batchBroadcast(operands[0], shape: shape, dims: dims)
    case .reshape(let shape): return try builder.emitOne(.reshape([size] + shape), [operands[0].operand])
    case .transpose(let permutation): return try batchTranspose(operands[0], permutation)
    case .slice(let slice): return try batchSlice(operands[0], slice)
    case .pad(let padding): return try batchPad(operands[0], value: operands[1], padding)
    case .concatenate(let axis): return try batchConcatenate(operands, axis: axis)
    case .reduce(let kind, let axes): return try batchReduce(kind, operands[0], axes: axes)
    case .argReduce(let kind, let axis): return try batchArgReduce(kind, operands[0], axis: axis)
    case .dotGeneral(let dims): return try batchDot(operands[0], operands[1], dims)
    case .convolution(let convolution): return try batchConvolution(convolution, operands[0], operands[1])
    case .random(let op): return try batchRandom(op, operands)
    case .cumulative(let kind, let axis, let reverse):
      return try builder.emitOne(.cumulative(kind, axis: axis + 1, reverse: reverse), [operands[0].operand])
    case .indexing(let op): return try batchIndexing(op, operands)
    case .window(let op): return try batchWindow(op, operands)
    case .fusion: throw Batcher.fusedError
    case .constant, .iota, .axisIndex, .call:
      preconditionFailure("\(op.name) has no operands, or is handled by batch(_:_:)")
    case .custom, .collective, .control: preconditionFailure("\(op.name) is handled by batch(_:_:)")
    case .linearAlgebra, .ordering: preconditionFailure("\(op.name) is handled by batch(_:_:)")
    case .debugPrint: preconditionFailure("\(op.name) is handled by batch(_:_:)")
    }
  }

  /// The operand with one copy per lane: shared values are repeated, literals just stand for more elements.
  mutating func perLane(_ operand: BatchedOperand) throws(BloxError) -> Operand {
    if operand.isMapped { return operand.operand }
    switch operand.operand {
    case .splat(let literal, let shape): return .splat(literal, shape: [size] + shape)
    case .value:
      let shape = builder.type(of: operand.operand).shape
      return try builder.emitOne(
        .broadcastInDim(shape: [size] + shape, dims: Array(1..<shape.count + 1)), [operand.operand])
    }
  }
}

extension [Int] {
  /// Dimension numbers of one lane as dimension numbers of all lanes.
  var belowLanes: [Int] { map { $0 + 1 } }
}
