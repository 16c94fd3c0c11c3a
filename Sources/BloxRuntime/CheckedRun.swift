// Runs in which the results of every instruction are looked at, those of regions of control flow in each iteration.
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

/// One checked run of a program, or of a region of it.
struct CheckedRun {
  private let map: StepMap
  private let memory: RunMemory
  private let checker: ElementChecker

  /// A run of a whole program.
  init(_ map: StepMap, _ memory: RunMemory, _ checks: Set<ElementCheck>) {
    self.init(map, memory, ElementChecker(map, memory, name: map.program.name, checks))
  }

  private init(_ map: StepMap, _ memory: RunMemory, _ checker: ElementChecker) {
    self.map = map
    self.memory = memory
    self.checker = checker
  }

  /// Runs the program.
  func run(_ steps: UnsafePointer<Step>) throws(BloxError) {
    try checker.checkArguments()
    try runInstructions(steps)
  }

  private func runInstructions(_ steps: UnsafePointer<Step>) throws(BloxError) {
    var step = 0
    for (index, instruction) in map.program.instructions.enumerated() {
      let end = map.stepEnds[index]
      if case .control(let control) = instruction.op, let regions = map.regions[index] {
        // Its own step, or the steps of a region that runs once, come last; before them literals are put in memory.
        var start = end - 1
        if case .checkpoint = control { start = end - regions[0].stepCount }
        for position in step..<start { steps[position].run(memory) }
        try run(control, steps + start, regions, instruction)
      } else {
        let before = checker.operandsThatChange(instruction)
        for position in step..<end { steps[position].run(memory) }
        try checker.check(instruction, before: before)
      }
      step = end
    }
    for position in step..<map.stepCount { steps[position].run(memory) }
  }

  /// Runs control flow from its first step on.
  private func run(
    _ control: Op.Control, _ steps: UnsafePointer<Step>, _ regions: [StepMap], _ instruction: Instruction
  ) throws(BloxError) {
    // A region without steps has no first one to look at.
    if case .checkpoint = control { return try run(regions[0], steps, instruction, "") }
    switch (control, steps.pointee) {
    case (.scan, .scan(let scan)):
      try scan.pointee.iterate(memory) { index throws(BloxError) in
        try run(regions[0], scan.pointee.body.steps, instruction, " in iteration \(index) of scan")
      }
    case (.loop, .loop(let loop)):
      try loop.pointee.iterate(memory) { index throws(BloxError) in
        try run(
          regions[0], loop.pointee.condition.steps, instruction, " in the condition of iteration \(index) of while")
      } body: { index throws(BloxError) in
        try run(regions[1], loop.pointee.body.steps, instruction, " in iteration \(index) of while")
      }
    case (.cond, .branch(let branch)):
      let index = branch.pointee.chosen(memory)
      try run(regions[index], branch.pointee.branches[index].steps, instruction, "")
    case (.scan, _), (.loop, _), (.cond, _), (.checkpoint, _):
      preconditionFailure("\(control) was lowered as another step")
    }
  }

  private func run(
    _ region: StepMap, _ steps: UnsafePointer<Step>, _ instruction: Instruction, _ place: String
  ) throws(BloxError) {
    let inner = checker.inside(region, memory, instruction, place)
    try CheckedRun(region, memory, inner).runInstructions(steps)
  }
}

extension ElementChecker {
  fileprivate init(_ map: StepMap, _ memory: RunMemory, name: String, _ checks: Set<ElementCheck>) {
    self.init(program: map.program, name: name, checks: checks) { value in
      UnsafeRawPointer(memory.address(map.slotOfValue[value.index]))
    }
  }

  /// The checker of a region that an instruction runs.
  fileprivate func inside(
    _ map: StepMap, _ memory: RunMemory, _ instruction: Instruction, _ place: String
  ) -> ElementChecker {
    var checker = ElementChecker(map, memory, name: name, checks)
    checker.place = place + self.place
    checker.location = instruction.note.location ?? location
    return checker
  }
}
