// Emission: the fused program, in an order that respects its dependences.

import BloxIR

/// Writes the fused program: regions and the instructions outside them, in an order that respects their dependences.
struct FusionEmission {
  private let program: Program
  private let roles: FusionRoles
  private let groups: FusionGroups
  private let regions: [FusionRegion]
  private var rewriter: Rewriter
  private var isEmitted: [Bool]
  /// The groups that are due after each instruction.
  private let due: [[Int]]

  /// - Parameter isBody: Whether any parameter may be written over, and not only donated ones.
  init(
    _ program: Program, _ roles: FusionRoles, _ groups: FusionGroups, _ regions: [FusionRegion],
    axes: [String: Int], isBody: Bool
  ) {
    self.program = program
    self.roles = roles
    self.groups = groups
    self.regions = regions
    due = FusionPlaces(program, roles, groups, regions, isBody: isBody).due
    rewriter = Rewriter(program, axes: axes)
    isEmitted = Array(repeating: false, count: program.instructions.count)
  }

  mutating func run() throws(BloxError) -> Program {
    for index in program.instructions.indices {
      if groups.ofInstruction[index] < 0 && roles.kind[index] == .outside { try emit(index) }
      for group in due[index] { try emit(groups.members[group][0]) }
    }
    return rewriter.finish()
  }

  /// Emits an instruction or the region of one, after everything that it reads. A stack of its own: chains of
  /// regions can be as long as the program.
  private mutating func emit(_ index: Int) throws(BloxError) {
    var pending = [index]
    while let next = pending.last {
      if isEmitted[next] {
        pending.removeLast()
        continue
      }
      let missing = inputs(of: next).map { roles.producer[$0.index] }.filter { $0 >= 0 && !isEmitted[$0] }
      if !missing.isEmpty {
        pending.append(contentsOf: missing.reversed())
        continue
      }
      pending.removeLast()
      let group = groups.ofInstruction[next]
      if group >= 0 {
        try emitRegion(regions[group])
        for member in groups.members[group] { isEmitted[member] = true }
      } else {
        try rewriter.copy(program.instructions[next])
        isEmitted[next] = true
      }
    }
  }

  private func inputs(of index: Int) -> [Value] {
    let group = groups.ofInstruction[index]
    return group >= 0 ? regions[group].inputs : program.instructions[index].operands.compactMap(\.value)
  }

  private mutating func emitRegion(_ region: FusionRegion) throws(BloxError) {
    rewriter.builder.note = region.note(in: program)
    let op = Op.fusion(Op.Fusion(kind: region.kind, region: try region.build(program)))
    let values = try rewriter.builder.emit(op, region.inputs.map { rewriter.operand(.value($0)) })
    for (old, new) in zip(region.results, values) { rewriter.bind(old, to: .value(new)) }
  }
}
