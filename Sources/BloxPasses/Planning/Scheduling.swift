// Scheduling: instructions in an order in which less memory is in use at the peak.
//
// before:  %2 = fusion %0 …        64 MB          after:  %2 = fusion %0 …        64 MB
//          %3 = fusion %1 …        64 MB                  %4 = reduce_sum %2      %2 is free from here on
//          %4 = reduce_sum %2                             %3 = fusion %1 …        64 MB, where %2 was
//          %5 = reduce_sum %3                             %5 = reduce_sum %3
//
// The best order is hard to find (it is NP-complete for any graph that is not a tree: Sethi, 1975), so two greedy ones
// are compared with the order that the program has, which stays where neither needs less:
// - Forwards: what reads the arena and frees at least as much as it takes runs as soon as it can, the rest in the
//   program's order.
// - Backwards, from the last instruction to the first: what lets the least memory come to life runs next, so that
//   nothing is computed long before it is read.
// An order must save a 32nd of the peak: neighbours in the program's order often find each other's values in the cache.
// What the plan of the program's order writes in place is still written in place: everybody else reads it first.
// Instructions with effects keep their order.
import BloxIR

extension Program {
  /// The program and its regions in an order in which less memory is in use at the peak, as `planBuffers` counts it.
  ///
  /// A program that calls others is left as it is: what is inside a call has no place in the plan.
  package func scheduled(axes: [String: Int] = [:]) throws(BloxError) -> Program {
    guard !hasCalls else { return self }
    return try scheduled(in: .whole, axes: axes)
  }

  private var hasCalls: Bool {
    instructions.contains { instruction in
      instruction.op.primalCallee != nil || instruction.op.regions.contains { $0.program.hasCalls }
    }
  }

  private func scheduled(in place: PlanningContext, axes: [String: Int]) throws(BloxError) -> Program {
    var program = self
    for index in instructions.indices {
      guard case .control(let control) = instructions[index].op else { continue }
      var regions: [Program] = []
      for (region, place) in zip(control.regions, control.planningContexts) {
        regions.append(try region.program.scheduled(in: place, axes: axes))
      }
      program.instructions[index].op = .control(control.with(regions: regions))
    }
    // A better order may show the way to another.
    while let better = try program.withLowerPeak(in: place, axes: axes) { program = better }
    return program
  }

  private func withLowerPeak(in place: PlanningContext, axes: [String: Int]) throws(BloxError) -> Program? {
    let planned = try planningRegions()
    let plan = BufferPlanner(planned, place)
    guard plan.peakBytes > 0 else { return nil }
    let graph = ScheduleGraph(planned, plan)
    var best: (order: [Int], peak: Int) = ([], plan.peakBytes - plan.peakBytes / 32)
    for order in [graph.forwards(), graph.backwards()] where order != Array(order.indices) {
      var candidate = planned
      candidate.instructions = order.map { planned.instructions[$0] }
      let peak = BufferPlanner(candidate, place).peakBytes
      if peak < best.peak { best = (order, peak) }
    }
    guard !best.order.isEmpty else { return nil }
    var rewriter = Rewriter(self, axes: axes)
    for index in best.order { try rewriter.copy(instructions[index]) }
    return rewriter.finish()
  }
}

/// What has to come before what, and what each instruction takes of the arena and gives back.
private struct ScheduleGraph {
  private let successors: [[Int]]
  private let predecessors: [[Int]]
  /// Per instruction, the blocks of the arena that it writes, and those that it reads, each once.
  private let written: [[Int]]
  private let read: [[Int]]
  /// Per block, its size, and the instructions that read it.
  private let sizes: [Int]
  private let readers: [[Int]]

  init(_ program: Program, _ plan: BufferPlanner) {
    let storage = plan.storage
    let count = program.instructions.count
    // One edge for each reason; counts take care of several.
    var successors = Array(repeating: [Int](), count: count)
    var predecessors = successors
    func add(_ first: Int, before second: Int) {
      successors[first].append(second)
      predecessors[second].append(first)
    }
    var definition = Array(repeating: -1, count: program.types.count)
    var written = Array(repeating: [Int](), count: count)
    var read = written
    var readers = Array(repeating: [Int](), count: storage.blocks.count)
    var lastEffect: Int?
    for (index, instruction) in program.instructions.enumerated() {
      for value in instruction.operands.compactMap(\.value) {
        let block = storage.block(of: value)
        if definition[value.index] >= 0 { add(definition[value.index], before: index) }
        if readers[block].last != index {
          readers[block].append(index)
          read[index].append(block)
        }
      }
      for value in instruction.results {
        definition[value.index] = index
        if !storage.isName(index, instruction, in: program) { written[index].append(storage.block(of: value)) }
      }
      if instruction.op.hasEffect {
        if let lastEffect { add(lastEffect, before: index) }
        lastEffect = index
      }
    }
    for (block, taken) in plan.overwritten {
      let writer = storage.blocks[block].definition
      for reader in readers[taken] where reader != writer { add(reader, before: writer) }
    }
    self.successors = successors
    self.predecessors = predecessors
    self.written = written
    self.read = read
    self.readers = readers
    sizes = storage.blocks.indices.map { plan.isInArena($0) ? storage.blocks[$0].byteCount : 0 }
  }

  /// What reads the arena and frees as much as it takes first, the rest in the program's order.
  func forwards() -> [Int] {
    var unread = readers.map(\.count)
    // The sum of those that have not run is the last one's index in the end.
    var unreadSum = readers.map { $0.reduce(0, +) }
    var growth = written.indices.map { index in
      written[index].reduce(0) { $0 + sizes[$1] }
        - read[index].reduce(0) { $0 + (unread[$1] == 1 ? sizes[$1] : 0) }
    }
    let readsArena = read.map { blocks in blocks.contains { sizes[$0] > 0 } }
    return order(successors, predecessors) { index in
      (readsArena[index] && growth[index] <= 0 ? growth[index] : .max, index)
    } ran: { index in
      var changed: [Int] = []
      for block in read[index] {
        unread[block] -= 1
        unreadSum[block] -= index
        guard unread[block] == 1, sizes[block] > 0 else { continue }
        growth[unreadSum[block]] -= sizes[block]
        changed.append(unreadSum[block])
      }
      return changed
    }
  }

  /// From the end: what keeps the least alive that is not alive yet last.
  func backwards() -> [Int] {
    var isAlive = Array(repeating: false, count: sizes.count)
    var growth = written.indices.map { index in
      read[index].reduce(0) { $0 + sizes[$1] } - written[index].reduce(0) { $0 + sizes[$1] }
    }
    return order(predecessors, successors) { index in
      (growth[index], -index)
    } ran: { index in
      var changed: [Int] = []
      for block in read[index] where !isAlive[block] {
        isAlive[block] = true
        guard sizes[block] > 0 else { continue }
        for reader in readers[block] {
          growth[reader] -= sizes[block]
          changed.append(reader)
        }
      }
      return changed
    }.reversed()
  }

  /// The instructions in the order of their ranks, each after what has to come before.
  ///
  /// - Parameters:
  ///   - rank: The least rank that is ready runs next.
  ///   - ran: Notes that an instruction has run; returns those whose rank has changed.
  private func order(
    _ following: [[Int]], _ preceding: [[Int]], rank: (Int) -> (Int, Int), ran: (Int) -> [Int]
  ) -> [Int] {
    var waiting = preceding.map(\.count)
    var ready = PriorityQueue()
    for index in waiting.indices where waiting[index] == 0 { ready.insert(index, rank: rank(index)) }
    var order: [Int] = []
    while let (index, known) = ready.popLeast() {
      // An instruction is in the queue once for each rank that it had.
      guard waiting[index] == 0, known == rank(index) else { continue }
      waiting[index] = -1
      order.append(index)
      for next in ran(index) where waiting[next] == 0 { ready.insert(next, rank: rank(next)) }
      for next in following[index] {
        waiting[next] -= 1
        if waiting[next] == 0 { ready.insert(next, rank: rank(next)) }
      }
    }
    return order
  }
}

/// Items by rank: a binary heap.
private struct PriorityQueue {
  private var items: [(item: Int, rank: (Int, Int))] = []

  mutating func insert(_ item: Int, rank: (Int, Int)) {
    items.append((item, rank))
    var place = items.count - 1
    while place > 0, items[place].rank < items[(place - 1) / 2].rank {
      items.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  mutating func popLeast() -> (item: Int, rank: (Int, Int))? {
    guard let least = items.first else { return nil }
    let last = items.removeLast()
    guard !items.isEmpty else { return least }
    items[0] = last
    var place = 0
    while true {
      let children = [2 * place + 1, 2 * place + 2].filter { $0 < items.count && items[$0].rank < items[place].rank }
      guard let child = children.min(by: { items[$0].rank < items[$1].rank }) else { return least }
      items.swapAt(place, child)
      place = child
    }
  }
}
