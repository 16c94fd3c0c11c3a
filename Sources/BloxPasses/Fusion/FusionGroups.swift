// Groups: which members become one region.
//
// Members of one level and one space are joined when one reads the other, or when both read the same tensor of that
// space (the updates of one parameter and its moments). Sharing a scalar or a bias is no reason. Scalars of one level
// are all joined: a region of scalars costs its start only.

import BloxIR

/// The members of each region.
struct FusionGroups {
  /// The members of each group, in program order, but a product first; none for a group that was joined to another.
  private(set) var members: [[Int]] = []
  /// The kind of each group's region.
  private(set) var kind: [Op.FusionKind]
  /// The group of each instruction; -1 for those that are no members.
  private(set) var ofInstruction: [Int]

  private struct Space: Hashable {
    let level: Int
    let shape: [Int]
  }

  private struct Reading: Hashable {
    let space: Int
    let value: Value
  }

  init(_ program: Program, _ roles: FusionRoles, levels: [Int]) {
    ofInstruction = Array(repeating: -1, count: program.instructions.count)
    let all = program.instructions.indices.filter { roles.isMember($0) }
    var joined = DisjointSets(count: program.instructions.count)
    var spaces: [Space: Int] = [:]
    var readers: [Reading: Int] = [:]
    var firstOfSpace: [Int: Int] = [:]
    for index in all {
      let type = program.type(of: program.instructions[index].results[0])
      let space = spaces[Space(level: levels[index], shape: type.shape), default: spaces.count]
      spaces[Space(level: levels[index], shape: type.shape)] = space
      if type.elementCount == 1 {
        if let first = firstOfSpace[space] { joined.join(first, index) } else { firstOfSpace[space] = index }
      }
      for value in roles.leaves(of: index) where program.type(of: value).shape == type.shape {
        // A member of this space counts as the first reader of its own value.
        if let other = readers[Reading(space: space, value: value)] { joined.join(other, index) }
        readers[Reading(space: space, value: value)] = index
      }
      for value in program.instructions[index].results { readers[Reading(space: space, value: value)] = index }
    }
    let limited = FusionGroups.split(all, joined: &joined, program, roles)
    members = limited
    kind = Array(repeating: .loop, count: limited.count)
    for (group, indices) in members.enumerated() {
      for index in indices { ofInstruction[index] = group }
    }
  }

  /// Makes one group with rows of a group and more members: an instruction that had none, or another group.
  mutating func addRows(_ members: [Int], to group: Int) {
    for member in members where ofInstruction[member] >= 0 { self.members[ofInstruction[member]] = [] }
    self.members[group] = members.sorted()
    kind[group] = .row
    for member in members { ofInstruction[member] = group }
  }

  /// Adds members that had no group.
  mutating func add(_ members: [Int], to group: Int) {
    self.members[group] = (self.members[group] + members).sorted()
    for member in members { ofInstruction[member] = group }
  }

  /// Puts a product in front of a group.
  mutating func addProduct(_ product: Int, to group: Int) {
    members[group].insert(product, at: 0)
    kind[group] = .contraction
    ofInstruction[product] = group
  }

  /// Takes a product from its group.
  mutating func removeProduct(_ product: Int) {
    let group = ofInstruction[product]
    members[group].removeFirst()
    kind[group] = .loop
    ofInstruction[product] = -1
  }

  /// A new group of no members.
  mutating func addGroup() -> Int {
    members.append([])
    kind.append(.loop)
    return members.count - 1
  }

  /// The sets in order of their first members, cut where the next member would make a region read too many tensors.
  /// Cuts follow program order, so that a later part may depend on an earlier one only.
  private static func split(
    _ all: [Int], joined: inout DisjointSets, _ program: Program, _ roles: FusionRoles
  ) -> [[Int]] {
    var parts: [[Int]] = []
    var inputs: [Set<Value>] = []
    var defined: [Set<Value>] = []
    var openPart: [Int: Int] = [:]
    for index in all {
      let set = joined.representative(of: index)
      let results = program.instructions[index].results
      let leaves = roles.leaves(of: index)
      if let part = openPart[set] {
        let new = leaves.filter { !defined[part].contains($0) && !inputs[part].contains($0) }
        if inputs[part].count + Set(new).count <= inputLimit {
          parts[part].append(index)
          inputs[part].formUnion(new)
          defined[part].formUnion(results)
          continue
        }
      }
      openPart[set] = parts.count
      parts.append([index])
      inputs.append(Set(leaves))
      defined.append(Set(results))
    }
    return parts
  }
}

extension FusionRoles {
  /// The values that an instruction reads in its region, seen through the cheap ones that it repeats: values in memory
  /// and values of members.
  func leaves(of index: Int) -> [Value] {
    var leaves: [Value] = []
    for case .value(let value) in program.instructions[index].operands {
      let source = producer[value.index]
      if source >= 0 && repeats(source, in: index) {
        leaves += self.leaves(of: source)
      } else {
        leaves.append(value)
      }
    }
    return leaves
  }

  /// Whether the reader of a cheap value repeats it. Draws of random bits read their keys from memory, and movements
  /// read what is computed, cheap or not, from memory.
  func repeats(_ source: Int, in reader: Int) -> Bool {
    guard isCheap[source], kind[reader] != .outside else { return false }
    if case .random = program.instructions[reader].op { return false }
    return kind[reader] == .loop || kind[source] == .movement
  }
}

/// Sets that are joined step by step (union-find with path halving).
private struct DisjointSets {
  private var parent: [Int]

  init(count: Int) { parent = Array(0..<count) }

  /// The least member of a set.
  mutating func representative(of index: Int) -> Int {
    var index = index
    while parent[index] != index {
      parent[index] = parent[parent[index]]
      index = parent[index]
    }
    return index
  }

  mutating func join(_ a: Int, _ b: Int) {
    let (a, b) = (representative(of: a), representative(of: b))
    if a != b { parent[max(a, b)] = min(a, b) }
  }
}
