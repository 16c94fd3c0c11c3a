// The memory that control flow works in while it runs, beside its operands and results.
//
// It is one piece of the arena of the program that holds the instruction, named by the last of its buffers:
//
//     scan, while   the body's arena | the condition's arena | its result | a second place for each carry that needs one
//     cond          the arena of the branch that runs
//     checkpoint    the body's arena
//
// An iteration reads the carry in one place and writes it in another, in turns, unless its plan writes it over what it
// reads (`CarryPlace`).

/// Where the carry of a loop is from one iteration to the next.
package enum CarryPlace: Hashable, Sendable {
  /// The body writes the new value over the old one, or leaves it as it is: always in the result's memory.
  case inPlace
  /// The next iteration reads what this one wrote into a stacked result, by its index among the body's results.
  case stacked(Int)
  /// In the result's memory and in the workspace, in turns.
  case alternating
}

extension Op.Control {
  /// The alignment of places in memory, in bytes.
  package static let alignment = 64

  /// Where each carry is, once the regions have memory plans.
  package var carryPlaces: [CarryPlace] {
    switch self {
    case .scan(let scan): return scan.body.program.carryPlaces(scan.carry, ys: scan.ys)
    case .loop(let loop):
      let count = loop.carryCount
      return loop.body.program.carryPlaces(loop.carryParameters, ys: count..<count)
    case .cond, .checkpoint: return []
    }
  }

  /// The parts of the workspace, once the regions have memory plans.
  package var workspace: ControlWorkspace {
    var workspace = ControlWorkspace()
    switch self {
    case .scan(let scan):
      workspace.byteCount = aligned(scan.body.program.arenaBytes)
      workspace.addAlternates(carryPlaces, scan.body.program.resultTypes)
    case .loop(let loop):
      workspace.conditionArena = aligned(loop.body.program.arenaBytes)
      workspace.conditionResult = workspace.conditionArena + aligned(loop.condition.program.arenaBytes)
      workspace.byteCount = workspace.conditionResult + Op.Control.alignment
      workspace.addAlternates(carryPlaces, loop.body.program.resultTypes)
    case .cond(let cond):
      workspace.byteCount = cond.branches.map { aligned($0.program.arenaBytes) }.max() ?? 0
    case .checkpoint(let checkpoint):
      workspace.byteCount = aligned(checkpoint.body.program.arenaBytes)
    }
    return workspace
  }
}

/// Offsets in the workspace of an instruction, in bytes.
package struct ControlWorkspace: Hashable, Sendable {
  /// The size of the whole.
  package var byteCount = 0
  /// The condition's arena; the body's is at 0.
  package var conditionArena = 0
  /// The condition's result.
  package var conditionResult = 0
  /// The second place of each carry that alternates.
  package var alternates: [Int?] = []

  fileprivate mutating func addAlternates(_ places: [CarryPlace], _ types: [TensorType]) {
    for (place, type) in zip(places, types) {
      guard place == .alternating else {
        alternates.append(nil)
        continue
      }
      alternates.append(byteCount)
      byteCount += aligned(type.byteCount)
    }
  }
}

private func aligned(_ byteCount: Int) -> Int {
  (byteCount + Op.Control.alignment - 1) / Op.Control.alignment * Op.Control.alignment
}

extension Program {
  fileprivate var arenaBytes: Int { memory?.arenaBytes ?? 0 }

  /// The place of each parameter and value of a planned program.
  package var places: [BufferLocation] {
    var places: [BufferLocation] = parameters.indices.map { .parameter($0) }
    for instruction in instructions {
      places.append(contentsOf: instruction.buffers.prefix(instruction.results.count))
    }
    return places
  }

  fileprivate func carryPlaces(_ carry: Range<Int>, ys: Range<Int>) -> [CarryPlace] {
    let places = places
    return carry.enumerated().map { index, parameter in
      guard results.indices.contains(index), let value = results[index].operand.value, value.index < places.count
      else { return .alternating }
      switch places[value.index] {
      case .parameter(parameter): return .inPlace
      case .result(let result) where ys.contains(result): return .stacked(result)
      case .parameter, .result, .arena, .constant, .operand: return .alternating
      }
    }
  }
}

extension Instruction {
  /// The workspace of control flow: where it is and how large.
  package struct Workspace {
    package var location: BufferLocation
    package var byteCount: Int

    func isWithin(_ memory: MemorySummary) -> Bool {
      guard case .arena(let offset) = location else { return false }
      return offset >= 0 && byteCount <= memory.arenaBytes && offset <= memory.arenaBytes - byteCount
    }
  }

  /// The workspace of a planned instruction with control flow.
  package var workspace: Workspace? {
    guard case .control(let control) = op, buffers.count == results.count + 1 else { return nil }
    return Workspace(location: buffers[results.count], byteCount: control.workspace.byteCount)
  }
}
