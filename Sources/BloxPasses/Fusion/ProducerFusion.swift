// Producers: arithmetic whose result only products read becomes part of the products, which do it where they pack.
//
// before:  %3 = fusion %0, %1 {kind=loop} region(…) {     after:  %4 = fusion %0, %1, %2 {kind=contraction} region(…) {
//            %6 = convert %4                                        %8 = convert %5
//            %7 = mul %6, %5                                        %9 = mul %8, %6
//            return %7 }                                            %10 = dot_general %9, %7
//          %4 = dot_general %3, %2                                  return %10 }
//
// So weights that are stored as small integers or halves, a mask or a scale cost no pass over memory. A product may pack
// an operand several times, for each thread and for each thousand columns, so that
// - what is done is arithmetic and no function,
// - and what is read is hardly more than the result would be.

import BloxIR

extension Program {
  /// The program with arithmetic before products in the products' regions.
  ///
  /// - Parameter leastBytes: The size of a product's operand from which on.
  func fusingProducers(leastBytes: Int, axes: [String: Int]) throws(BloxError) -> Program {
    var readers: [Value: [Int]] = [:]
    for (index, instruction) in instructions.enumerated() {
      for case .value(let value) in instruction.operands { readers[value, default: []].append(index) }
    }
    let returned = Set(results.compactMap(\.operand.value))
    var producers: [Value: Int] = [:]
    for (index, instruction) in instructions.enumerated() {
      guard let value = instruction.producedOperand(in: self, leastBytes: leastBytes), !returned.contains(value),
        let readers = readers[value], readers.count == 1 || readBytes(of: instruction) <= type(of: value).byteCount,
        readers.allSatisfy({ instructions[$0].isProduct(of: value) })
      else { continue }
      producers[value] = index
    }
    guard !producers.isEmpty else { return self }
    let removed = Set(producers.values)
    var rewriter = Rewriter(self, axes: axes)
    for (index, instruction) in instructions.enumerated() where !removed.contains(index) {
      let values = instruction.operands.compactMap(\.value).filter { producers[$0] != nil }
      guard !values.isEmpty else {
        try rewriter.copy(instruction)
        continue
      }
      let made = Dictionary(uniqueKeysWithValues: Set(values).map { ($0, instructions[producers[$0]!]) })
      let (operands, region) = try instruction.making(made, in: self, axes: axes)
      rewriter.builder.note = instruction.note
      let results = try rewriter.builder.emit(
        .fusion(Op.Fusion(kind: .contraction, region: region)), operands.map { rewriter.operand($0) })
      rewriter.bind(instruction, to: results.map { .value($0) })
    }
    return rewriter.finish()
  }

  fileprivate func readBytes(of instruction: Instruction) -> Int {
    Set(instruction.operands.compactMap(\.value)).reduce(0) { $0 + type(of: $1).byteCount }
  }
}

extension Instruction {
  /// The result of arithmetic that a product may do instead.
  fileprivate func producedOperand(in program: Program, leastBytes: Int) -> Value? {
    guard case .fusion(let fusion) = op, fusion.kind == .loop, results.count == 1, operands.count <= inputLimit / 4
    else { return nil }
    let type = program.type(of: results[0])
    guard type.dtype.isFloating, type.byteCount >= leastBytes, 2 * program.readBytes(of: self) <= 3 * type.byteCount,
      fusion.region.instructions.allSatisfy({ $0.op.makesElements && ($0.op.isArithmetic || !$0.op.isElementwise) }),
      // What an update writes over must not be read later than it is.
      operands.compactMap(\.value).allSatisfy({ !program.isDonated($0) })
    else { return nil }
    return results[0]
  }

  /// Whether this is a product that reads a value as one of its factors and as nothing else.
  fileprivate func isProduct(of value: Value) -> Bool {
    let places = operands.indices.filter { operands[$0].value == value }
    guard places.count == 1, operands.count <= inputLimit / 2 else { return false }
    switch op {
    case .dotGeneral: return operands.allSatisfy { $0.value != nil }
    case .fusion(let fusion):
      guard fusion.kind == .contraction, let product = fusion.region.productPosition,
        case .dotGeneral = fusion.region.instructions[product].op
      else { return false }
      let parameter = Operand.value(fusion.region.parameterValue(places[0]))
      let reads = fusion.region.instructions.flatMap(\.operands).filter { $0 == parameter }
      return reads.count == 1 && fusion.region.instructions[product].operands.contains(parameter)
        && !fusion.region.results.contains { $0.operand == parameter }
    case .constant, .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow,
      .broadcastInDim, .reshape, .transpose, .slice, .pad, .concatenate, .iota, .reduce, .argReduce, .random, .call,
      .axisIndex, .stopGradient, .custom, .collective, .indexing, .cumulative, .control, .checkpointName,
      .linearAlgebra, .optimizationBarrier, .convolution, .window, .ordering, .debugPrint:
      return false
    }
  }

  /// The region of a product, its own or that of this instruction alone, with instructions that make values it reads in
  /// front; and what that reads.
  fileprivate func making(
    _ made: [Value: Instruction], in program: Program, axes: [String: Int]
  ) throws(BloxError) -> (operands: [Operand], region: Program) {
    var read: [Operand] = []
    for operand in operands {
      let sources = operand.value.flatMap { made[$0]?.operands } ?? [operand]
      for source in sources where !read.contains(source) { read.append(source) }
    }
    var builder = ProgramBuilder(name: "region", axes: axes)
    let parameters = read.map { Operand.value(builder.parameter(program.type(of: $0))) }
    func parameter(_ operand: Operand) -> Operand { parameters[read.firstIndex(of: operand)!] }
    var arguments: [Operand] = []
    for operand in operands {
      guard let producer = operand.value.flatMap({ made[$0] }), case .fusion(let fusion) = producer.op else {
        arguments.append(parameter(operand))
        continue
      }
      builder.note = producer.note
      arguments += try builder.splice(fusion.region, arguments: producer.operands.map(parameter))
    }
    builder.note = note
    if case .fusion(let fusion) = op {
      let results = try builder.splice(fusion.region, arguments: arguments)
      return (read, builder.finish(results: results.map { ProgramResult($0) }))
    }
    let results = try builder.emit(op, arguments)
    return (read, builder.finish(results: results.map { ProgramResult(.value($0)) }))
  }
}

extension Program {
  fileprivate func isDonated(_ value: Value) -> Bool {
    parameters.indices.contains(value.index) && parameters[value.index].isDonated
  }
}
