// Levels: how many boundaries lie between the program's inputs and an instruction.
//
// An instruction in a region has the level of a producer that it reads at the same index, since both may be in one
// region, and one more than that of anything it needs in memory. So an edge between different regions of one level
// cannot exist, and regions can be chosen within a level without regard to cycles.

import BloxIR

/// The level of each instruction.
struct FusionLevels {
  private(set) var ofInstruction: [Int]
  private let program: Program
  private let roles: FusionRoles

  init(_ program: Program, _ roles: FusionRoles) {
    self.program = program
    self.roles = roles
    ofInstruction = Array(repeating: 0, count: program.instructions.count)
    for index in program.instructions.indices {
      for case .value(let value) in program.instructions[index].operands {
        ofInstruction[index] = max(ofInstruction[index], level(of: value, for: index))
      }
    }
    sink()
  }

  /// The least level at which an instruction can read a value.
  private func level(of value: Value, for user: Int) -> Int {
    let source = roles.producer[value.index]
    if source < 0 { return 0 }
    let isReadInPlace: Bool
    switch roles.kind[user] {
    case .outside: isReadInPlace = false
    case .loop:
      if case .random = program.instructions[user].op { isReadInPlace = false } else { isReadInPlace = true }
    case .movement: isReadInPlace = roles.kind[source] == .movement && roles.isCheap[source]
    }
    // A cheap value is repeated where it is read, so it has the level of what it reads.
    return isReadInPlace && roles.kind[source] != .outside ? ofInstruction[source] : ofInstruction[source] + 1
  }

  /// Moves instructions to the level of their first reader where that stores no more.
  ///
  /// Levels so far are as early as possible. An instruction at level 1 of which the first reader is at level 5, behind
  /// a product, would store its result until then. Moved to level 5 it stores nothing, but what it reads must wait in
  /// memory: that is good for a dropout mask, which reads a key, and bad for the mask of relu, which is smaller than
  /// the tensor it compares. Backwards, so that whole chains move.
  private mutating func sink() {
    for index in program.instructions.indices.reversed() {
      guard roles.isMember(index), !roles.isCheap[index], !roles.isStored[index],
        let first = roles.users[index].map({ ofInstruction[$0] }).min(), first > ofInstruction[index],
        waitingBytes(index) <= program.type(of: program.instructions[index].results[0]).byteCount
      else { continue }
      ofInstruction[index] = first
    }
  }

  /// The size of what an instruction would keep waiting: operands other than parameters, cheap values, and values
  /// that nothing else reads, which move along.
  private func waitingBytes(_ index: Int) -> Int {
    var bytes = 0
    for case .value(let value) in program.instructions[index].operands {
      let source = roles.producer[value.index]
      guard source >= 0, !roles.isCheap[source] else { continue }
      if roles.isMember(source), !roles.isStored[source], roles.users[source] == [index] { continue }
      bytes += program.type(of: value).byteCount
    }
    return bytes
  }
}
