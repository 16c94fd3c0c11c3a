// Runs in which every instruction is watched, those of regions of control flow in each iteration: to look at the
// elements that it wrote, or at the time that it took.
//
// The steps are those of any other run, one instruction's at a time. Loops and branches are driven by the same code
// (ControlStep.swift), which is given other bodies.
import BloxIR

/// Which steps of a list belong to which instruction of a program or region, and where its values are.
struct StepMap: Sendable {
  let program: Program
  let stepCount: Int
  /// Per instruction, the number of steps up to its end. What follows the last one puts results in their places.
  let stepEnds: [Int]
  /// Per value, the slot of its address.
  let slotOfValue: [Int32]
  /// The regions of control flow, by the position of the instruction.
  let regions: [Int: [StepMap]]
}

/// A region of control flow, as it runs.
enum RegionPlace {
  /// A branch, or a region that runs once.
  case only
  case iteration(Int, of: String)
  case condition(Int)
}

/// What is called before and after each instruction of a program or region.
protocol RunObserver {
  /// What is remembered from before an instruction.
  associatedtype Begun
  func begin(_ index: Int, _ instruction: Instruction) -> Begun
  func end(_ index: Int, _ instruction: Instruction, _ begun: Begun) throws(BloxError)
  /// What observes a region of an instruction.
  func inside(
    _ map: StepMap, region: Int, of index: Int, _ instruction: Instruction, _ place: RegionPlace
  ) -> Self
}

/// One observed run of a program, or of a region of it.
struct ObservedRun<Observer: RunObserver> {
  private let map: StepMap
  private let memory: RunMemory
  private let observer: Observer

  init(_ map: StepMap, _ memory: RunMemory, _ observer: Observer) {
    self.map = map
    self.memory = memory
    self.observer = observer
  }

  /// Runs all steps.
  func run(_ steps: UnsafePointer<Step>) throws(BloxError) {
    var step = 0
    for (index, instruction) in map.program.instructions.enumerated() {
      let end = map.stepEnds[index]
      let begun = observer.begin(index, instruction)
      if case .control(let control) = instruction.op, let regions = map.regions[index] {
        // Its own step, or the steps of a region that runs once, come last; before them literals are put in memory.
        var start = end - 1
        if case .checkpoint = control { start = end - regions[0].stepCount }
        for position in step..<start { steps[position].run(memory) }
        try run(control, steps + start, regions, index, instruction)
      } else {
        for position in step..<end { steps[position].run(memory) }
      }
      try observer.end(index, instruction, begun)
      step = end
    }
    for position in step..<map.stepCount { steps[position].run(memory) }
  }

  /// Runs control flow from its first step on.
  private func run(
    _ control: Op.Control, _ steps: UnsafePointer<Step>, _ regions: [StepMap], _ index: Int, _ instruction: Instruction
  ) throws(BloxError) {
    func run(_ region: Int, _ steps: UnsafePointer<Step>, _ place: RegionPlace) throws(BloxError) {
      let inner = observer.inside(regions[region], region: region, of: index, instruction, place)
      try ObservedRun(regions[region], memory, inner).run(steps)
    }
    // A region without steps has no first one to look at.
    if case .checkpoint = control { return try run(0, steps, .only) }
    switch (control, steps.pointee) {
    case (.scan, .scan(let scan)):
      try scan.pointee.iterate(memory) { step throws(BloxError) in
        try run(0, scan.pointee.body.steps, .iteration(step, of: "scan"))
      }
    case (.loop, .loop(let loop)):
      try loop.pointee.iterate(memory) { step throws(BloxError) in
        try run(0, loop.pointee.condition.steps, .condition(step))
      } body: { step throws(BloxError) in
        try run(1, loop.pointee.body.steps, .iteration(step, of: "while"))
      }
    case (.cond, .branch(let branch)):
      let chosen = branch.pointee.chosen(memory)
      try run(chosen, branch.pointee.branches[chosen].steps, .only)
    case (.scan, _), (.loop, _), (.cond, _), (.checkpoint, _):
      preconditionFailure("\(control) was lowered as another step")
    }
  }
}
