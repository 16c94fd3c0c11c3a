// Which instructions may be in regions, and which of those are cheap enough to be repeated.

import BloxIR

/// What fusion does with each instruction of a program.
struct FusionRoles {
  /// How an op takes part.
  enum Kind {
    /// Not in regions.
    case outside
    /// Computes an element from elements at the same index, or from none.
    case loop
    /// Reads elements at other indices.
    case movement
  }

  let program: Program
  /// The instruction that defines each value; -1 for parameters.
  let producer: [Int]
  /// The instructions that read the result of each instruction, in order.
  let users: [[Int]]
  private(set) var kind: [Kind]
  /// Whether readers repeat the instruction in their regions in place of reading its result from memory.
  private(set) var isCheap: [Bool]
  /// Whether the result must be in memory: something outside regions reads it, or a region reads it elsewhere than at
  /// the index it computes.
  private(set) var isStored: [Bool]
  /// Whether the result is one of the program's.
  private(set) var isResult: [Bool]

  init(_ program: Program) {
    self.program = program
    var producer = Array(repeating: -1, count: program.types.count)
    var users = Array(repeating: [Int](), count: program.instructions.count)
    for (index, instruction) in program.instructions.enumerated() {
      for value in instruction.results { producer[value.index] = index }
      for case .value(let value) in instruction.operands {
        let source = producer[value.index]
        if source >= 0, users[source].last != index { users[source].append(index) }
      }
    }
    self.producer = producer
    self.users = users
    kind = program.instructions.map { FusionRoles.kind(of: $0, in: program) }
    isCheap = Array(repeating: false, count: program.instructions.count)
    isStored = Array(repeating: false, count: program.instructions.count)
    isResult = Array(repeating: false, count: program.instructions.count)
    for case .value(let value) in program.results.map(\.operand) where producer[value.index] >= 0 {
      isResult[producer[value.index]] = true
    }
    findCheap()
    findStored()
  }

  /// Whether there is anything to fuse.
  var hasMembers: Bool { kind.indices.contains { isMember($0) } }

  /// Whether one region computes an instruction for all its readers: it is not cheap, or its result is needed in
  /// memory.
  func isMember(_ index: Int) -> Bool { kind[index] != .outside && (!isCheap[index] || isStored[index]) }

  private static func kind(of instruction: Instruction, in program: Program) -> Kind {
    let isKey = instruction.results.contains { program.type(of: $0).dtype == .key }
    switch instruction.op {
    case .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow, .stopGradient,
      .iota, .random(.bits):
      return .loop
    case .broadcastInDim, .transpose, .slice: return isKey ? .outside : .movement
    // A boundary: these need a whole operand or write elements of another count.
    case .constant, .reshape, .pad, .concatenate, .reduce, .argReduce, .dotGeneral, .random(.seed), .random(.foldIn),
      .random(.split), .random(.wrap), .random(.unwrap), .call, .axisIndex, .fusion:
      return .outside
    case .custom, .collective, .indexing: return .outside
    case .cumulative: return .outside
    case .control: return .outside
    case .checkpointName: return .loop
    case .linearAlgebra, .optimizationBarrier: return .outside
    case .convolution: return .outside
    case .window: return .outside
    case .ordering: return .outside
    case .debugPrint: return .outside
    }
  }

  /// Whether an instruction's result is read from memory elsewhere than inside a region that computes it.
  func isRead(_ index: Int, outside isInside: (Int) -> Bool) -> Bool {
    users[index].contains { user in
      if repeats(index, in: user) { return false }
      return !isInside(user) && isEmitted(user) || isRepeated(user, outside: isInside)
    }
  }

  /// Whether a cheap instruction is repeated elsewhere than inside a region, be it a member of that or not.
  private func isRepeated(_ index: Int, outside isInside: (Int) -> Bool) -> Bool {
    users[index].contains { user in
      guard !isInside(user), repeats(index, in: user) else { return false }
      return isEmitted(user) || isRepeated(user, outside: isInside)
    }
  }

  /// Whether an instruction stands in the fused program, in a region or outside, and not only where others repeat it.
  func isEmitted(_ index: Int) -> Bool { isMember(index) || kind[index] == .outside }

  // MARK: Cheap instructions

  /// The most instructions that a reader repeats to get one cheap value.
  private static let cheapSize = 4

  private mutating func findCheap() {
    var size = Array(repeating: 0, count: kind.count)
    for (index, instruction) in program.instructions.enumerated() where kind[index] != .outside {
      guard isCheapOp(instruction.op) else { continue }
      // What a reader fetches in place of the result must be no more than the result: a mask is smaller than the two
      // tensors it compares.
      var bytes = 0
      var total = 1
      var isRepeatable = true
      for case .value(let value) in instruction.operands {
        let source = producer[value.index]
        if source >= 0 && isCheap[source] {
          total += size[source]
        } else if source >= 0 && kind[source] != .outside && kind[index] == .loop {
          isRepeatable = false
        } else if kind[index] == .loop {
          bytes += program.type(of: value).byteCount
        }
      }
      guard isRepeatable, total <= FusionRoles.cheapSize,
        bytes <= program.type(of: instruction.results[0]).byteCount
      else { continue }
      isCheap[index] = true
      size[index] = total
    }
  }

  private func isCheapOp(_ op: Op) -> Bool {
    switch op {
    case .broadcastInDim, .transpose, .slice, .iota, .convert, .bitcastConvert, .compare, .stopGradient: true
    case .constant, .unary, .binary, .select, .clamp, .fma, .integerPow, .reshape, .pad, .concatenate, .reduce,
      .argReduce, .dotGeneral, .random, .call, .axisIndex, .fusion:
      false
    case .custom, .collective, .indexing: false
    case .cumulative: false
    case .control: false
    case .checkpointName: true
    case .linearAlgebra, .optimizationBarrier: false
    case .convolution: false
    case .window: false
    case .ordering: false
    case .debugPrint: false
    }
  }

  // MARK: Values in memory

  /// Backwards, since a transpose or slice whose result is needed in memory goes outside, and then needs its own
  /// operand in memory.
  private mutating func findStored() {
    isStored = isResult
    for index in program.instructions.indices.reversed() where kind[index] != .outside {
      isStored[index] = isStored[index] || users[index].contains { needsInMemory(index, for: $0) }
      guard kind[index] == .movement else { continue }
      // A copy kernel moves blocks better than a region that computes nothing.
      if isStored[index], program.instructions[index].op.isCopy {
        kind[index] = .outside
        isCheap[index] = false
      }
    }
  }

  private func needsInMemory(_ index: Int, for user: Int) -> Bool {
    if kind[user] == .outside { return true }
    if case .random = program.instructions[user].op { return true }
    // Movements compose with each other, but not with what a region computes. A movement that is not cheap is the
    // end of a long chain and reads from memory.
    return kind[user] == .movement && !(kind[index] == .movement && isCheap[index])
  }
}

extension Op {
  /// Whether the op is a transpose or slice, for which there is a copy kernel.
  fileprivate var isCopy: Bool {
    switch self {
    case .transpose, .slice: true
    case .constant, .unary, .binary, .compare, .select, .clamp, .fma, .convert, .bitcastConvert, .integerPow,
      .broadcastInDim, .reshape, .pad, .concatenate, .iota, .reduce, .argReduce, .dotGeneral, .random, .call,
      .axisIndex, .stopGradient, .fusion:
      false
    case .custom, .collective, .indexing: false
    case .cumulative: false
    case .control, .checkpointName: false
    case .linearAlgebra, .optimizationBarrier: false
    case .convolution: false
    case .window: false
    case .ordering: false
    case .debugPrint: false
    }
  }
}
