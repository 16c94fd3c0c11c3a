// Transposition of linear programs: from tangents forward to cotangents backward.
//
//   linear       (residuals…, tangents…)     -> (result tangents…)
//   transposed   (residuals…, cotangents…)   -> (input cotangents…)
//
// The linear program's instructions are walked backwards; each hands the cotangent of its result to the operands it
// is linear in. Cotangents of a value that is read several times are added. A value that receives none has a
// cotangent of zero, which is made only for the program's results. What depends on residuals alone is a residual, too: it
// is computed first.

import BloxIR

/// A transposed program that hands back no zeros.
struct TransposedProgram {
  /// `(residuals…, given cotangents…) -> (cotangents that are not zero…)`.
  var program: Program
  /// For each parameter that the program was linear in, whether its cotangent is among the results.
  var isNonzero: [Bool]

  /// The cotangents of the marked parameters, zeros where they are not among the results.
  func results(for isWanted: [Bool], types: [TensorType]) -> [Operand] {
    var rest = program.results.map(\.operand)[...]
    let all = zip(isNonzero, types).map { isNonzero, type in
      isNonzero ? rest.removeFirst() : .splat(Literal(0, as: type.dtype), shape: type.shape)
    }
    return all.selecting(isWanted)
  }
}

extension Program {
  /// The transpose for cotangents of the marked results only; those of the others are zero.
  func transposed(
    residualCount: Int, given: [Bool], axes: [String: Int]
  ) throws(BloxError) -> TransposedProgram {
    var transpose = Transposition(
      program: self, residualCount: residualCount, builder: ProgramBuilder(name: name, axes: axes))
    try transpose.walk(given: given)
    let cotangents = transpose.inputCotangents
    return TransposedProgram(
      program: transpose.builder.finish(results: cotangents.compactMap { $0.map { ProgramResult($0) } }),
      isNonzero: cotangents.map { $0 != nil })
  }

  /// The transpose of a linear program whose first `residualCount` parameters are residuals and whose other
  /// parameters are what it is linear in.
  package func transposed(residualCount: Int, axes: [String: Int] = [:]) throws(BloxError) -> Program {
    let base = name.hasSuffix(".linear") ? String(name.dropLast(7)) : name
    var transpose = Transposition(
      program: self, residualCount: residualCount, builder: ProgramBuilder(name: base + ".transposed", axes: axes))
    return try transpose.run()
  }
}

struct Transposition {
  let program: Program
  let residualCount: Int
  var builder: ProgramBuilder
  /// What each residual became in the transposed program; `nil` for values that depend on the tangents.
  private var residuals: [Operand?]
  private let dependsOnTangents: [Bool]
  private var cotangents: [Operand?]

  init(program: Program, residualCount: Int, builder: ProgramBuilder) {
    self.program = program
    self.residualCount = residualCount
    self.builder = builder
    cotangents = program.types.map { _ in nil }
    residuals = program.types.map { _ in nil }
    dependsOnTangents = program.dependents(onParameters: program.parameters.indices.map { $0 >= residualCount })
  }

  mutating func run() throws(BloxError) -> Program {
    try walk(given: program.results.map { _ in true })
    let results = (residualCount..<program.parameters.count).map { index in
      ProgramResult(
        cotangents[index] ?? builder.splat(0, program.parameters[index].type),
        label: program.parameters[index].label)
    }
    return builder.finish(results: results)
  }

  /// What the parameters that the program is linear in received; `nil` for zero.
  var inputCotangents: [Operand?] { Array(cotangents[residualCount..<program.parameters.count]) }

  /// Walks the program backwards with a cotangent for each result that has one.
  mutating func walk(given isGiven: [Bool]) throws(BloxError) {
    for index in 0..<residualCount { residuals[index] = .value(builder.parameter(program.parameters[index])) }
    let given = program.results.selecting(isGiven)
    let seeds = given.map { Operand.value(builder.parameter(program.type(of: $0.operand))) }
    for (result, seed) in zip(given, seeds) {
      if case .value(let value) = result.operand, isLinear(result.operand) { try accumulate(seed, into: value) }
    }
    for instruction in program.instructions where !instruction.results.contains(where: { dependsOnTangents[$0.index] })
    {
      let values = try builder.copy(instruction, operands: instruction.operands.map { residual($0) })
      for (old, new) in zip(instruction.results, values) { residuals[old.index] = .value(new) }
    }
    for instruction in program.instructions.reversed() {
      let given = instruction.results.map { cotangents[$0.index] }
      guard given.contains(where: { $0 != nil }) else { continue }
      let outer = builder.note
      builder.note = instruction.note
      builder.note.isBackward = true
      try apply(instruction, given)
      builder.note = outer
    }
  }

  /// Whether an operand depends on the tangents.
  func isLinear(_ operand: Operand) -> Bool {
    operand.value.map { dependsOnTangents[$0.index] } ?? false
  }

  /// An operand that the program is not linear in: a residual or a literal.
  func residual(_ operand: Operand) -> Operand {
    switch operand {
    case .splat: operand
    case .value(let value): residuals[value.index]!
    }
  }

  private mutating func accumulate(_ cotangent: Operand, into value: Value) throws(BloxError) {
    if let existing = cotangents[value.index] {
      cotangents[value.index] = try builder.add(existing, cotangent)
    } else {
      cotangents[value.index] = cotangent
    }
  }

  /// Adds to the cotangents of the operands that the instruction is linear in, given the cotangents of its results,
  /// of which at least one is not zero.
  private mutating func apply(_ instruction: Instruction, _ cts: [Operand?]) throws(BloxError) {
    let contributions = try transposeAll(instruction, cts)
    for (operand, contribution) in zip(instruction.operands, contributions) where isLinear(operand) {
      if let value = operand.value, let contribution { try accumulate(contribution, into: value) }
    }
  }

  /// What the operands receive from the results' cotangents; `nil` for zero.
  private mutating func transposeAll(
    _ instruction: Instruction, _ cts: [Operand?]
  ) throws(BloxError) -> [Operand?] {
    // Only floats have cotangents, and a product of two things that depend on tangents is not linear.
    let linear = instruction.operands.filter { isLinear($0) }
    guard linear.allSatisfy({ program.type(of: $0).dtype.isFloating }) else { throw notLinear(instruction) }
    if case .dotGeneral = instruction.op, linear.count > 1 { throw notLinear(instruction) }
    if case .convolution = instruction.op, linear.count > 1 { throw notLinear(instruction) }
    if case .indexing(.scatter(.mul, _)) = instruction.op, linear.count > 1 { throw notLinear(instruction) }
    if case .custom(.linear(let backward)) = instruction.op {
      return try transposeCustomLinear(backward, instruction, cts)
    }
    if case .control(let control) = instruction.op { return try transposeControl(control, instruction, cts) }
    guard cts.count == 1, let ct = cts[0] else { throw notLinear(instruction) }
    var contributions: [Operand?] = []
    for (index, operand) in instruction.operands.enumerated() {
      contributions.append(isLinear(operand) ? try transpose(instruction, operand: index, ct) : nil)
    }
    return contributions
  }

  /// What operand `index` receives from the result's cotangent; `nil` for zero.
  private mutating func transpose(
    _ instruction: Instruction, operand index: Int, _ ct: Operand
  ) throws(BloxError) -> Operand? {
    let operands = instruction.operands
    let type = program.type(of: operands[index])
    switch instruction.op {
    case .unary(.neg): return try builder.neg(ct)
    case .binary(let op): return try transpose(op, operands, index, ct, instruction)
    case .select:
      let zero = builder.splat(0, like: ct)
      let predicate = residual(operands[0])
      return index == 1 ? try builder.select(predicate, ct, zero) : try builder.select(predicate, zero, ct)
    case .convert: return try builder.emitOne(.convert(type.dtype), [ct])
    case .broadcastInDim(let shape, let dims):
      return try transposeBroadcast(ct, shape: shape, dims: dims, to: type)
    case .reshape: return try builder.reshape(ct, to: type.shape)
    case .transpose(let permutation):
      var inverse = permutation
      for (result, operand) in permutation.enumerated() { inverse[operand] = result }
      return try builder.transpose(ct, inverse)
    case .slice(let slice): return try transposeSlice(ct, slice, to: type)
    case .pad(let padding): return try transposePad(ct, padding, operand: index)
    case .concatenate(let axis):
      let start = operands[..<index].reduce(0) { $0 + program.type(of: $1).shape[axis] }
      var slice = Op.Slice(starts: type.shape.map { _ in 0 }, limits: type.shape)
      slice.starts[axis] = start
      slice.limits[axis] = start + type.shape[axis]
      return try builder.emitOne(.slice(slice), [ct])
    case .reduce(.sum, let axes):
      let kept = (0..<type.rank).filter { !axes.contains($0) }
      return try builder.emitOne(.broadcastInDim(shape: type.shape, dims: kept), [ct])
    case .dotGeneral(let dims):
      guard !isLinear(operands[1 - index]) else { throw notLinear(instruction) }
      return index == 0
        ? try transposeDotLeft(ct, dims, lhs: type, rhs: operands[1])
        : try transposeDotRight(ct, dims, lhs: operands[0], rhs: type)
    case .constant, .unary, .compare, .clamp, .fma, .bitcastConvert, .integerPow, .iota, .reduce, .argReduce, .random,
      .call, .axisIndex, .stopGradient, .fusion:
      throw notLinear(instruction)
    case .custom: throw notLinear(instruction)
    // Each element is in the sums after it, so its cotangent is the sum of theirs.
    case .cumulative(.sum, let axis, let reverse):
      return try builder.emitOne(.cumulative(.sum, axis: axis, reverse: !reverse), [ct])
    case .cumulative: throw notLinear(instruction)
    case .indexing(let op): return try transposeIndexing(op, instruction, operand: index, ct)
    case .window(let op): return try transposeWindow(op, instruction, operand: index, ct)
    case .control: throw notLinear(instruction)
    case .checkpointName: return ct
    case .collective(let collective):
      guard let transposed = collective.transposed else { throw notLinear(instruction) }
      return try builder.emitOne(.collective(transposed), [ct])
    case .convolution(let convolution): return try transpose(convolution, instruction, operand: index, ct)
    case .linearAlgebra(let op): return try transposeLinearAlgebra(op, instruction, operand: index, ct)
    case .optimizationBarrier: return try builder.emitOne(.optimizationBarrier, [ct])
    case .debugPrint: throw notLinear(instruction)
    // Tangents are moved by gathers.
    case .ordering: throw notLinear(instruction)
    }
  }

  private mutating func transpose(
    _ op: Op.Binary, _ operands: [Operand], _ index: Int, _ ct: Operand, _ instruction: Instruction
  ) throws(BloxError) -> Operand {
    switch op {
    case .add: return ct
    case .sub: return index == 0 ? ct : try builder.neg(ct)
    case .mul:
      let other = operands[1 - index]
      guard !isLinear(other) else { throw notLinear(instruction) }
      return try builder.mul(ct, residual(other))
    case .div:
      guard index == 0, !isLinear(operands[1]) else { throw notLinear(instruction) }
      return try builder.div(ct, residual(operands[1]))
    case .rem, .pow, .max, .min, .and, .or, .xor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic, .atan2,
      .nextafter:
      throw notLinear(instruction)
    }
  }

  func notLinear(_ instruction: Instruction) -> BloxError {
    BloxError(
      .notDifferentiable,
      "\(instruction.op.name) is not linear in its operands, so it has no transpose; only linear programs can be"
        + " transposed", modulePath: instruction.note.scope.isEmpty ? nil : instruction.note.scope,
      location: instruction.note.location)
  }
}
