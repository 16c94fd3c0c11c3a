// Groups: small regions that follow each other and do not touch each other's results become one step, whose threads share
// them. So the updates of many small parameters, each too little for two threads, are no longer one thread's work.
//
// Only regions that write arguments and results are grouped: nothing else lies there, where a place of the arena may be
// that of another value. Each region runs as it does alone, so no bit changes. Observed runs take the single steps.
import CBloxKernels

extension Lowering {
  /// What makes sharing worth it, and a part of the work worth handing out, in nanoseconds.
  private static let (leastShared, leastPart) = (20_000.0, 5_000.0)

  /// The steps, with groups of small regions in their place.
  func groupedSteps() -> [Step] {
    var grouped: [Step] = []
    var group = TileGroup()
    func close() {
      grouped +=
        group.work < Lowering.leastShared ? group.steps.map { .tile($0) } : [.tiles(memory.keep(joined(group)))]
      group = TileGroup()
    }
    for step in steps {
      guard case .tile(let tile) = step, let access = access(of: tile.pointee) else {
        close()
        grouped.append(step)
        continue
      }
      if !group.admits(access) { close() }
      group.add(tile, access)
    }
    close()
    return grouped
  }

  private func joined(_ group: TileGroup) -> TileGroupStep {
    // Each part ends with the step that fills it.
    let partWork = max(group.work / 64, Lowering.leastPart)
    var (ends, work): ([Int], Double) = ([], 0)
    for (index, step) in group.steps.enumerated() {
      work += step.pointee.work
      guard work >= partWork || index == group.steps.count - 1 else { continue }
      ends.append(index + 1)
      work = 0
    }
    return TileGroupStep(
      steps: memory.keep(group.steps.map { $0.pointee }), ends: memory.keep(ends), parts: ends.count)
  }

  /// What a step reads and writes, if it may be in a group.
  private func access(of step: TileStep) -> SlotAccess? {
    let program = step.program.pointee
    guard step.chunk >= step.count, program.fold_count == 0 else { return nil }
    let written = (0..<Int(program.result_count)).map { program.results[$0].buffer }
    let read = (0..<Int(program.stream_count)).map { program.streams[$0].buffer }.filter { $0 >= 0 }
    // A slot that moves may lead to part of an argument that another region writes.
    guard written.allSatisfy({ isApart(slots[Int($0)]) }), !read.contains(where: { isMoving(slots[Int($0)]) }) else {
      return nil
    }
    return SlotAccess(read: Set(read), written: Set(written))
  }

  private func isApart(_ source: SlotSource) -> Bool {
    switch source {
    case .argument, .result: true
    case .arena, .scratch, .kept, .constant, .moving: false
    }
  }

  private func isMoving(_ source: SlotSource) -> Bool {
    if case .moving = source { true } else { false }
  }
}

private struct SlotAccess {
  var read: Set<Int32> = []
  var written: Set<Int32> = []
}

private struct TileGroup {
  var steps: [UnsafePointer<TileStep>] = []
  private var touched = SlotAccess()

  /// In nanoseconds.
  var work: Double { steps.reduce(0) { $0 + $1.pointee.work } }

  func admits(_ access: SlotAccess) -> Bool {
    access.written.isDisjoint(with: touched.written) && access.read.isDisjoint(with: touched.written)
      && access.written.isDisjoint(with: touched.read)
  }

  mutating func add(_ step: UnsafePointer<TileStep>, _ access: SlotAccess) {
    steps.append(step)
    touched.read.formUnion(access.read)
    touched.written.formUnion(access.written)
  }
}
