// Recomputation: what a later region can compute again from less memory is not stored for it.
//
// The gradient of gelu reads seven values of the forward pass, all as large as its input. Six of them follow from the
// input and tanh by additions and products, which cost far less than writing them, keeping them until the backward
// pass and reading them:
//
// before:  %5, %6, %7, %8 = fusion %4 region(…)          after:  %5, %8 = fusion %4 region(…)
//          %9 = dot_general %8, …                                %9 = dot_general %8, …
//          %20 = fusion %19, %5, %6, %7 region(…)                %20 = fusion %19, %4, %5 region(…)
//
// For each region, and the values of it that later regions read, the values from which those would be computed are the
// cheapest cut (MinimumCut) between what is not repeated (reductions, random bits, exponentials and their like) and
// what is read. A value costs its bytes: once for being kept, half for writing and for reading it each. What something
// else keeps in memory anyway costs its reading. This is the residual choice of PyTorch's
// min_cut_rematerialization_partition, for any two regions instead of a forward and a backward program. The same
// instructions on the same numbers give the same bits.

import BloxIR

/// The regions of a program with recomputation in place of stores where that costs less.
struct Recomputation {
  private(set) var regions: [FusionRegion]
  private let program: Program
  private let roles: FusionRoles
  private let groups: FusionGroups
  /// The position of each region: that of its last member.
  private let position: [Int]
  /// The regions that read each value, in any order.
  private var readers: [Value: Set<Int>] = [:]
  /// The position of the last instruction or region that reads each value.
  private var lastRead: [Int]
  /// Values that must be in memory: results of the program, and what instructions outside regions read.
  private var isFixed: [Bool]

  private let leastBytes: Int
  /// The most elementwise instructions repeated for each large value that is not stored.
  private static let repeatsPerValue = 8

  /// - Parameters:
  ///   - groups: What the regions were made of.
  ///   - leastBytes: Regions with fewer bytes of results to recompute are left as they are.
  init(
    _ program: Program, _ roles: FusionRoles, _ groups: FusionGroups, _ regions: [FusionRegion], leastBytes: Int
  ) {
    self.leastBytes = leastBytes
    self.program = program
    self.roles = roles
    self.groups = groups
    self.regions = regions
    position = groups.members.map { $0.last ?? 0 }
    lastRead = Array(repeating: -1, count: program.types.count)
    isFixed = Array(repeating: false, count: program.types.count)
    let end = program.instructions.count
    for case .value(let value) in program.results.map(\.operand) {
      lastRead[value.index] = end
      isFixed[value.index] = true
    }
    for (index, parameter) in program.parameters.enumerated() where !parameter.isDonated { lastRead[index] = end }
    for (index, instruction) in program.instructions.enumerated()
    where groups.ofInstruction[index] < 0 && roles.kind[index] == .outside {
      for case .value(let value) in instruction.operands {
        lastRead[value.index] = max(lastRead[value.index], index)
        isFixed[value.index] = true
      }
    }
    for region in regions.indices { addReads(of: region) }
  }

  /// Goes through the regions from the last to the first: what a region now reads in place of another's results may
  /// be recomputed itself.
  mutating func run() {
    for region in regions.indices.sorted(by: { position[$0] > position[$1] }) where !regions[region].order.isEmpty {
      guard let choice = choice(for: region) else { continue }
      apply(choice, to: region)
    }
  }

  private mutating func addReads(of region: Int) {
    for value in regions[region].inputs {
      readers[value, default: []].insert(region)
      lastRead[value.index] = max(lastRead[value.index], position[region])
    }
  }

  // MARK: Choosing

  /// What is to change about a region and its readers.
  private struct Choice {
    /// The results that the region has from now on.
    var results: [Value]
    /// The readers as they become.
    var readers: [(index: Int, region: FusionRegion)]
  }

  private func choice(for index: Int) -> Choice? {
    let region = regions[index]
    let wanted = region.results.filter { isRecomputable($0, for: index) }
    guard wanted.reduce(0, { $0 + bytes($1) }) >= leastBytes,
      let stored = cheapestCut(for: index, wanted)
    else { return nil }
    let dropped = Set(wanted).subtracting(stored)
    guard !dropped.isEmpty else { return nil }
    var choice = Choice(results: region.results.filter { !dropped.contains($0) }, readers: [])
    let own = Set(region.order.flatMap { program.instructions[$0].results })
    choice.results += stored.filter { own.contains($0) && !choice.results.contains($0) }.sorted()
    for reader in dropped.reduce(into: Set<Int>(), { $0.formUnion(readers[$1] ?? []) }).sorted() {
      var changed = regions[reader]
      let missing = dropped.intersection(changed.inputs)
      let count = changed.recompute(missing, of: region, from: stored, program, roles)
      guard changed.inputs.count <= inputLimit, count <= Recomputation.repeatsPerValue * missing.count else {
        return nil
      }
      choice.readers.append((reader, changed))
    }
    return choice
  }

  private func bytes(_ value: Value) -> Int { program.type(of: value).byteCount }

  /// Whether every reader of a region's result is a region that could compute it itself.
  private func isRecomputable(_ value: Value, for region: Int) -> Bool {
    guard !isFixed[value.index], bytes(value) >= leastBytes / 8,
      let readers = readers[value], !readers.isEmpty, !readers.contains(region)
    else { return false }
    return readers.allSatisfy { regions[$0].readsInPlace(value, program, roles) }
  }

  /// The values from which the wanted ones are computed with the least memory traffic and the least kept; `nil` if
  /// storing the wanted ones is that.
  private func cheapestCut(for group: Int, _ wanted: [Value]) -> Set<Value>? {
    let region = regions[group]
    let elements = wanted.map { program.type(of: $0).elementCount }.max() ?? 0
    var cut = MinimumCut()
    var vertices: [Value: Int] = [:]
    var values: [Value] = []
    let needed = wanted.compactMap { readers[$0] }.flatMap { $0 }.map { position[$0] }.max() ?? 0
    func add(_ value: Value, cost: Int) {
      vertices[value] = cut.addVertex(cost: cost)
      values.append(value)
    }
    for value in region.inputs {
      let isKept = lastRead[value.index] >= needed
      add(value, cost: isKept ? bytes(value) / 2 : 2 * bytes(value) - bytes(value) / 2)
      cut.markSource(vertices[value]!)
    }
    for index in region.order {
      let instruction = program.instructions[index]
      for value in instruction.results {
        // What the region itself only repeats or views is nobody's result.
        let isStored = region.results.contains(value) && !wanted.contains(value)
        let isMember = groups.ofInstruction[index] == group && roles.kind[index] != .movement
        add(value, cost: isStored ? bytes(value) / 2 : isMember ? 2 * bytes(value) : MinimumCut.unlimited)
        guard isRepeatable(index, elements: elements) else {
          cut.markSource(vertices[value]!)
          continue
        }
        for case .value(let operand) in instruction.operands { cut.connect(vertices[operand]!, vertices[value]!) }
      }
    }
    for value in wanted { cut.markSink(vertices[value]!) }
    guard let (found, cost) = cut.solve(), cost < wanted.reduce(0, { $0 + 2 * bytes($1) }) else { return nil }
    return Set(found.map { values[$0] })
  }

  /// Whether another region may repeat an instruction of this one: views, and cheap work on all elements. What is
  /// computed for each row follows from a reduction, and is small.
  private func isRepeatable(_ index: Int, elements: Int) -> Bool {
    switch roles.kind[index] {
    case .outside: false
    case .movement: true
    case .loop:
      program.instructions[index].op.isArithmetic
        && program.type(of: program.instructions[index].results[0]).elementCount == elements
    }
  }

  // MARK: Applying

  private mutating func apply(_ choice: Choice, to index: Int) {
    regions[index].results = choice.results
    for (reader, region) in choice.readers {
      for value in regions[reader].inputs { readers[value]?.remove(reader) }
      regions[reader] = region
      addReads(of: reader)
    }
  }
}

extension FusionRegion {
  /// Whether the region reads a value only at the index it computes.
  fileprivate func readsInPlace(_ value: Value, _ program: Program, _ roles: FusionRoles) -> Bool {
    order.allSatisfy { index in
      let instruction = program.instructions[index]
      guard instruction.operands.contains(.value(value)) else { return true }
      if case .reduce = instruction.op { return true }
      if case .random = instruction.op { return false }
      return roles.kind[index] == .loop
    }
  }

  /// Computes values that it read, with the instructions of the region that they came from, out of stored ones.
  ///
  /// - Returns: How many elementwise instructions are repeated.
  fileprivate mutating func recompute(
    _ values: Set<Value>, of region: FusionRegion, from stored: Set<Value>, _ program: Program, _ roles: FusionRoles
  ) -> Int {
    inputs.removeAll { values.contains($0) }
    var known = Set(inputs + order.flatMap { program.instructions[$0].results })
    var needed = values
    var repeated = Set(order)
    let before = repeated
    for index in region.order.reversed() {
      let instruction = program.instructions[index]
      guard !needed.isDisjoint(with: instruction.results) else { continue }
      repeated.insert(index)
      for case .value(let operand) in instruction.operands where !known.contains(operand) {
        if stored.contains(operand) {
          inputs.append(operand)
          known.insert(operand)
        } else {
          needed.insert(operand)
        }
      }
    }
    // The order of the program respects every dependence; a product that the region begins with reads none of it.
    let product = kind == .contraction ? order.first : nil
    if let product { repeated.remove(product) }
    order = (product.map { [$0] } ?? []) + repeated.sorted()
    return repeated.subtracting(before).count { roles.kind[$0] == .loop }
  }
}

extension Op {
  /// Whether an elementwise op costs less than storing, keeping and reading its result: arithmetic and choices, but
  /// no functions that take polynomials, and no random bits.
  var isArithmetic: Bool {
    switch self {
    case .unary(let function):
      switch function {
      case .neg, .abs, .sign, .floor, .ceil, .sqrt, .rsqrt, .not, .isFinite, .roundNearestEven, .roundNearestAway,
        .populationCount, .clz:
        true
      case .exp, .log, .log1p, .tanh, .logistic, .erf, .erfInv, .exp2, .expm1, .cbrt, .sin, .cos, .tan, .asin, .acos,
        .atan, .sinh, .cosh, .asinh, .acosh, .atanh, .erfc, .lgamma, .digamma:
        false
      }
    case .binary(let function):
      switch function {
      case .add, .sub, .mul, .div, .max, .min, .and, .or, .xor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic:
        true
      case .rem, .pow, .atan2, .nextafter: false
      }
    case .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow, .stopGradient, .iota,
      .checkpointName:
      true
    case .constant, .broadcastInDim, .transpose, .slice, .reshape, .pad, .concatenate, .reduce, .argReduce,
      .dotGeneral, .random, .call, .axisIndex, .fusion, .custom, .collective, .indexing, .cumulative, .control,
      .linearAlgebra, .optimizationBarrier, .convolution, .window, .ordering, .debugPrint:
      false
    }
  }
}
