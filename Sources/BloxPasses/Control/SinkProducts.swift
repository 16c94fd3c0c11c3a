// Products that a loop only adds up become one product after it.
//
// before: %g = scan 0.0, %h, %e {carry=1} body(%c, %x, %y):
//                %d = …                                           of this step
//                %p = dot_general %x, %d {contract=[0]x[0]}
//                %n = add %c, %p
//                return %n
// after:  %ds = scan %h, %e body(%x, %y): … return %d
//         %g = dot_general %h, %ds {contract=[0,1]x[0,1]}
//
// So the gradients of weights come out of a recurrent net. A product of the few rows of one step costs less than the
// sum that it is added to does to read and write; one product of the rows of all steps keeps the sum in registers. The
// loop stacks its factors for that, which must cost no more than the sum did, and memory within bounds.

import BloxIR

/// The most rows that a step contributes: more of them pay for the sum's way through memory.
private let mostSunkRows = 256
/// The bytes that may be stacked for products where what the loop is given and gives in stacks is less.
private let leastSinkingBytes = 16 << 20

extension Program {
  /// The program with the products that loops only add up behind the loops; inside of regions too.
  package func sinkingProducts(axes: [String: Int] = [:]) throws(BloxError) -> Program {
    guard hasControl else { return self }
    let program = try mappingRegions(axes: axes) { (region) throws(BloxError) in
      try region.sinkingProducts(axes: axes)
    }
    var rewriter = Rewriter(program, axes: axes)
    var isChanged = false
    for instruction in program.instructions {
      guard case .control(.scan(let scan)) = instruction.op, let sums = scan.sumsOfProducts else {
        try rewriter.copy(instruction)
        continue
      }
      rewriter.builder.note = instruction.note
      let results = try rewriter.builder.sink(sums, from: scan, rewriter.operands(of: instruction))
      rewriter.bind(instruction, to: results)
      isChanged = true
    }
    return isChanged ? try rewriter.finish().eliminatingDeadCode(axes: axes) : program
  }
}

/// A carry that each iteration adds to and does nothing else with.
private struct AccumulatedSum {
  /// Its position in the carry.
  let carry: Int
  /// The terms of an iteration that are computed after the loop.
  let products: [Instruction]
  /// Those that the loop goes on adding.
  let rest: [Operand]
}

extension Op.Scan {
  /// The sums whose products can be left to one product after the loop; `nil` without any.
  fileprivate var sumsOfProducts: [AccumulatedSum]? {
    var search = SumSearch(self)
    var sums: [AccumulatedSum] = []
    var isGrowing = true
    // What is stacked for one product costs another nothing, which may stand before it.
    while isGrowing {
      let known = search.sunk.count
      sums = carry.indices.compactMap { search.sum(inCarry: $0 - carry.lowerBound) }
      isGrowing = search.sunk.count > known
    }
    return sums.isEmpty ? nil : sums
  }
}

private struct SumSearch {
  private let scan: Op.Scan
  private let program: Program
  private let uses: [Int]
  /// Which values differ from iteration to iteration.
  private let varies: [Bool]
  /// The instructions that define values, by value.
  private var definitions: [Value: Instruction] = [:]
  /// What is stacked anyway, or will be for the products that were found.
  private var stacked: Set<Operand>
  /// What more may be stacked.
  private var bytes: Int
  /// The products that were found.
  private(set) var sunk: Set<Value> = []

  init(_ scan: Op.Scan) {
    self.scan = scan
    program = scan.body.program
    uses = program.useCounts()
    let constCount = scan.constCount
    varies = program.dependents(onParameters: program.parameters.indices.map { $0 >= constCount }, effects: true)
    for instruction in program.instructions where instruction.results.count == 1 {
      definitions[instruction.results[0]] = instruction
    }
    let parameters = scan.xs.map { Operand.value(scan.body.program.parameterValue($0)) }
    stacked = Set(parameters + program.results[scan.ys].map(\.operand))
    let types = program.parameters[scan.xs].map(\.type) + program.resultTypes[scan.ys]
    bytes = max(types.map(\.byteCount).reduce(0, +) * scan.length, leastSinkingBytes)
  }

  mutating func sum(inCarry index: Int) -> AccumulatedSum? {
    let parameter = program.parameterValue(scan.carry.lowerBound + index)
    guard uses[parameter.index] == 1 else { return nil }
    var terms: [Operand] = []
    var waiting = [program.results[index].operand]
    while let operand = waiting.popLast() {
      if let definition = onlyReadHere(operand), definition.op == .binary(.add) {
        waiting += definition.operands.reversed()
      } else {
        terms.append(operand)
      }
    }
    guard let start = terms.firstIndex(of: .value(parameter)) else { return nil }
    terms.remove(at: start)
    var products: [Instruction] = []
    var rest: [Operand] = []
    for term in terms {
      if let product = onlyReadHere(term), stackFactors(of: product) {
        products.append(product)
      } else {
        rest.append(term)
      }
    }
    return products.isEmpty ? nil : AccumulatedSum(carry: index, products: products, rest: rest)
  }

  private func onlyReadHere(_ operand: Operand) -> Instruction? {
    guard let value = operand.value, uses[value.index] == 1 else { return nil }
    return definitions[value]
  }

  /// Whether an instruction is a product that is cheaper after the loop; its factors then count as stacked.
  private mutating func stackFactors(of instruction: Instruction) -> Bool {
    guard case .dotGeneral(let dims) = instruction.op else { return false }
    if sunk.contains(instruction.results[0]) { return true }
    // The kernels multiply stacks in place where the iterations continue the contracting dimensions.
    let contracting = Array(dims.lhsContract.indices)
    let shape = program.type(of: instruction.operands[0]).shape
    guard dims.lhsContract == contracting, dims.rhsContract == contracting,
      contracting.map({ shape[$0] }).reduce(1, *) <= mostSunkRows,
      instruction.operands.allSatisfy({ $0.value.map { varies[$0.index] } ?? false })
    else { return false }
    let sum = program.type(of: instruction.results[0])
    let added = Set(instruction.operands).subtracting(stacked)
    let addedBytes = added.map { program.type(of: $0).byteCount }.reduce(0, +)
    // Written once and read once, as the sum is in each iteration.
    guard addedBytes <= sum.byteCount else { return false }
    // Stacks are converted as wholes to the dtype that products are computed in.
    let computed: DType = [.bf16, .f16].contains(sum.dtype) ? .f32 : sum.dtype
    let converted = Set(instruction.operands).map { program.type(of: $0) }.filter { $0.dtype != computed }
    let cost = addedBytes + converted.map { $0.with(dtype: computed).byteCount }.reduce(0, +)
    guard cost <= bytes / max(scan.length, 1) else { return false }
    bytes -= cost * scan.length
    stacked.formUnion(added)
    sunk.insert(instruction.results[0])
    return true
  }
}

extension ProgramBuilder {
  /// The results of a loop without products of sums, and of these.
  fileprivate mutating func sink(
    _ sums: [AccumulatedSum], from scan: Op.Scan, _ operands: [Operand]
  ) throws(BloxError) -> [Operand] {
    let program = scan.body.program
    // A copy, in which values have the numbers that they had.
    var body = Rewriter(program, axes: axes)
    for instruction in program.instructions { try body.copy(instruction) }
    var returned = program.results.map(\.operand)
    for sum in sums {
      returned[sum.carry] = .value(program.parameterValue(scan.carry.lowerBound + sum.carry))
      for term in sum.rest { returned[sum.carry] = try body.builder.add(returned[sum.carry], term) }
    }
    // Where the factors of the products are stacked: the loop is given some, and returns the others.
    var given: [Operand: Operand] = [:]
    for position in scan.xs { given[.value(program.parameterValue(position))] = operands[position] }
    var positions: [Operand: Int] = [:]
    for position in scan.ys { positions[returned[position]] = position }
    for factor in sums.flatMap(\.products).flatMap(\.operands) where given[factor] == nil && positions[factor] == nil {
      positions[factor] = returned.count
      returned.append(factor)
    }
    var next = scan
    next.body = Op.Callee(body.builder.finish(results: returned.map { ProgramResult($0) }))
    var results: [Operand]
    if let remaining = try emitMovingInvariantCarry(next, operands) {
      results = remaining
    } else {
      results = try emitAll(.control(.scan(next)), operands)
    }

    let note = note
    for sum in sums {
      for product in sum.products {
        guard case .dotGeneral(let dims) = product.op else { continue }
        self.note = product.note.nested(in: note)
        let stacks = product.operands.map { given[$0] ?? results[positions[$0]!] }
        let term = try emitOne(.dotGeneral(dims.overStacks), stacks)
        let start = results[sum.carry]
        results[sum.carry] = start.literal?.isZero == true ? term : try add(start, term)
      }
    }
    self.note = note
    return Array(results.prefix(program.results.count))
  }
}

extension Op.DotDimensions {
  /// The sum over two stacks, in which iterations lie as lanes do, of the products of each pair.
  fileprivate var overStacks: Op.DotDimensions {
    Op.DotDimensions(
      lhsBatch: lhsBatch.belowLanes, rhsBatch: rhsBatch.belowLanes, lhsContract: [0] + lhsContract.belowLanes,
      rhsContract: [0] + rhsContract.belowLanes, preferred: preferred)
  }
}
