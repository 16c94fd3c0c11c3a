// Ways through the program from region to region: what could lead out of a region and back into it.

import BloxIR

/// The units of a program, which are regions and what stands outside them, and who reads whom.
struct FusionWays {
  let roles: FusionRoles
  let levels: [Int]

  /// How many instructions are looked at for a way back, before there is taken to be one.
  private static let searchLimit = 500

  /// What is emitted together with an instruction: its group, or itself.
  func unit(of index: Int, in groups: FusionGroups) -> [Int] {
    let group = groups.ofInstruction[index]
    return group >= 0 ? groups.members[group] : [index]
  }

  /// The instructions that read a result in their units, directly or through what these repeat.
  func readers(of index: Int) -> Set<Int> {
    var found: Set<Int> = []
    for user in roles.users[index] { add(user, to: &found) }
    return found
  }

  private func add(_ reader: Int, to found: inout Set<Int>) {
    if roles.isEmitted(reader) { found.insert(reader) }
    // A cheap one may be stored and repeated as well.
    for next in roles.users[reader] where roles.repeats(reader, in: next) { add(next, to: &found) }
  }

  /// Whether a way leads from one part of a region over others to the other part.
  func leadsBack(from source: [Int], to target: [Int], _ inside: Set<Int>, in groups: FusionGroups) -> Bool {
    let targets = Set(target)
    let last = target.map { levels[$0] }.max() ?? 0
    var seen: Set<Int> = []
    var pending: [Int] = []
    for member in source {
      for reader in readers(of: member) where !inside.contains(reader) && seen.insert(reader).inserted {
        pending.append(reader)
      }
    }
    while let next = pending.popLast() {
      if seen.count > FusionWays.searchLimit { return true }
      for member in unit(of: next, in: groups) {
        seen.insert(member)
        for reader in readers(of: member) {
          if targets.contains(reader) { return true }
          if inside.contains(reader) || !seen.insert(reader).inserted { continue }
          // Levels never fall along a way, so nothing above the target's leads to it.
          if unit(of: reader, in: groups).contains(where: { levels[$0] <= last }) { pending.append(reader) }
        }
      }
    }
    return false
  }
}
