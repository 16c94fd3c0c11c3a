// Checks that a program is what passes, printer and runtime take for granted. Invariants:
//
// 1. Values are numbered densely in order of definition, parameters first; each has a valid type.
// 2. An instruction reads values that are defined before it.
// 3. Its results have the types that the op's rule gives; named axes are bound.
// 4. A literal stands only where the op demands a type for it, and has that type.
// 5. Programs inside (regions and callees) are valid and nested at most `Program.nestingLimit` deep.
// 6. A region has no labels or flags: they belong to whole programs. Regions of control flow have a memory plan of
//    their own if the program has one, regions of fusions have none.
// 7. Results are defined values; labels are not empty, and those of parameters are unique.
// 8. Buffers are planned for the whole program or not at all (Verifier+Plan.swift).

extension Program {
  /// Throws the first of ``verificationErrors(axes:)``.
  ///
  /// - Parameter axes: Sizes of the named axes that are bound around the program.
  public func verify(axes: [String: Int] = [:]) throws(BloxError) {
    if let error = verificationErrors(axes: axes).first { throw error }
  }

  /// Everything that is wrong with the program and the programs it calls, callees first; empty for a valid program.
  ///
  /// Each error has the code ``BloxError/Code/verification`` and prints the instruction with the names of the text
  /// form. Linear in the size of the program; each callee is checked once.
  public func verificationErrors(axes: [String: Int] = [:]) -> [BloxError] {
    var verifier = Verifier(axes: axes)
    _ = verifier.program(self)
    return verifier.errors
  }
}

private struct Verifier {
  let axes: [String: Int]
  private(set) var errors: [BloxError] = []
  /// The programs from the outermost text to the one being checked, with the instruction that holds the next.
  private var place: [Place] = []
  private var checked: [Op.Callee: Outcome] = [:]
  /// How many programs are being checked inside each other, counting calls.
  private var depth = 0

  /// A program of which an instruction, if any, is being checked.
  private struct Place {
    var program: Program
    var instruction: Int?
    /// The region of that instruction that the next place is.
    var region = 0
    /// What the program is to the place before it; `nil` for a program with a text of its own.
    var role: OpRegion?
    /// Whether it is a region that runs with a memory plan.
    var isPlannable = true
  }

  /// What is known of a checked program.
  private struct Outcome {
    var isValid: Bool
    /// How deep programs are nested in it.
    var nesting: Int
  }

  init(axes: [String: Int]) { self.axes = axes }

  // MARK: Programs

  /// Checks a program that has a text of its own: the entry or a callee.
  mutating func program(_ program: Program) -> (isValid: Bool, nesting: Int) {
    let outer = place
    defer { place = outer }
    place = []
    let outcome = check(Place(program: program))
    return (outcome.isValid, outcome.nesting)
  }

  private mutating func check(_ inner: Place) -> Outcome {
    let before = errors.count
    let program = inner.program
    place.append(inner)
    depth += 1
    defer {
      place.removeLast()
      depth -= 1
    }
    checkParameters(program)
    var nesting = 0
    if checkNumbering(program) {
      var defined = program.parameters.count
      for (index, instruction) in program.instructions.enumerated() {
        place[place.count - 1].instruction = index
        nesting = max(nesting, check(instruction, of: program, defined: defined))
        defined += instruction.results.count
      }
      place[place.count - 1].instruction = nil
      checkResults(program)
      if errors.count == before {
        for message in planErrors(of: inner) { report(message.text, at: message.instruction) }
      }
    }
    return Outcome(isValid: errors.count == before, nesting: nesting)
  }

  /// A region may write over its carry; whose memory a program may write over, its parameters say.
  private func planErrors(of place: Place) -> [Program.PlanError] {
    guard place.isPlannable else { return [] }
    return place.program.planErrors(writable: place.role.map { Array($0.writable) })
  }

  /// Whether values are numbered as they should be; nothing else about instructions makes sense if they are not.
  private mutating func checkNumbering(_ program: Program) -> Bool {
    var next = program.parameters.count
    for (index, instruction) in program.instructions.enumerated() {
      for value in instruction.results {
        guard value.index == next else {
          report("the result is value \(value.index) in memory, but \(next) is the next in order", at: index)
          return false
        }
        next += 1
      }
    }
    guard program.types.count == next else {
      report("there are \(program.types.count) types for \(next) values")
      return false
    }
    return true
  }

  private mutating func checkParameters(_ program: Program) {
    var labels: Set<ValueLabel> = []
    let isRegion = place.count > 1
    for (index, parameter) in program.parameters.enumerated() {
      if index < program.types.count, program.types[index] != parameter.type {
        report("parameter \(index) is \(parameter.type), but its value has the type \(program.types[index])")
      }
      do { try parameter.type.validate("parameter \(index)") } catch { report(error.message) }
      if isRegion, parameter.label != nil || parameter.isTrainable || parameter.isDonated {
        report("parameter \(index) of a region has a label or flag, which only a program's parameters have")
      }
      guard let label = parameter.label else { continue }
      if label.text.isEmpty { report("the label of parameter \(index) is empty") }
      if !labels.insert(label).inserted { report("two parameters have the label \(Spelling.quoted(label.text))") }
    }
    let isPlanned = program.memory != nil && place.last?.isPlannable == false
    if isRegion, isPlanned || program.results.contains(where: { $0.label != nil }) {
      report("a region has result labels or a memory plan, which only a program has")
    }
  }

  private mutating func checkResults(_ program: Program) {
    for (index, result) in program.results.enumerated() {
      if case .value(let value) = result.operand, !program.types.indices.contains(value.index) {
        report("result \(index) is a value that no instruction defines")
      } else {
        do { try program.type(of: result.operand).validate("result \(index)") } catch { report(error.message) }
      }
      if let label = result.label, label.text.isEmpty { report("the label of result \(index) is empty") }
    }
  }

  // MARK: Instructions

  /// Returns how deep programs are nested in the instruction.
  private mutating func check(_ instruction: Instruction, of program: Program, defined: Int) -> Int {
    let inner = checkPrograms(of: instruction)
    for operand in instruction.operands {
      if case .value(let value) = operand, value.index < 0 || value.index >= defined {
        report("it reads a value that is not defined before it")
        return inner.nesting
      }
    }
    if place.last?.isPlannable == false, !instruction.buffers.isEmpty {
      report("an instruction of a region has a buffer; the instruction that holds the region has them")
    }
    // The type rule asks the programs inside for their types, so they must be sound.
    guard inner.isValid else { return inner.nesting }
    checkTypes(instruction, of: program)
    checkLiterals(instruction, of: program)
    return inner.nesting
  }

  private mutating func checkPrograms(of instruction: Instruction) -> (isValid: Bool, nesting: Int) {
    var outcome = Outcome(isValid: true, nesting: 0)
    let callees = instruction.op.callees.map(\.callee)
    let regions = instruction.op.regions
    guard !callees.isEmpty || !regions.isEmpty else { return (true, 0) }
    if depth > Program.nestingLimit {
      report("programs are nested deeper than \(Program.nestingLimit)")
      return (false, 0)
    }
    for callee in callees {
      let inner = check(callee)
      outcome.isValid = outcome.isValid && inner.isValid
      outcome.nesting = max(outcome.nesting, inner.nesting)
    }
    for (index, region) in regions.enumerated() {
      place[place.count - 1].region = index
      let isPlannable = instruction.op.isControl && place.last?.isPlannable != false
      let inner = check(Place(program: region.program, role: region, isPlannable: isPlannable))
      outcome.isValid = outcome.isValid && inner.isValid
      outcome.nesting = max(outcome.nesting, inner.nesting)
    }
    outcome.nesting += 1
    if outcome.isValid, outcome.nesting > Program.nestingLimit {
      report("programs are nested deeper than \(Program.nestingLimit)")
    }
    return (outcome.isValid, outcome.nesting)
  }

  /// Checks a callee, once for all instructions that name it.
  private mutating func check(_ callee: Op.Callee) -> Outcome {
    if let known = checked[callee] { return known }
    let (isValid, nesting) = program(callee.program)
    let outcome = Outcome(isValid: isValid, nesting: nesting)
    checked[callee] = outcome
    return outcome
  }

  private mutating func checkTypes(_ instruction: Instruction, of program: Program) {
    let inferred: [TensorType]
    do {
      inferred = try instruction.op.resultTypes(for: instruction.operands.map { program.type(of: $0) }, axes: axes)
    } catch {
      report(error.message)
      return
    }
    let actual = instruction.results.map { program.type(of: $0) }
    guard actual != inferred else { return }
    if actual.count != inferred.count {
      report("it has \(Spelling.count(actual.count, "result")), but \(instruction.op.name) gives \(inferred.count)")
    }
    for (index, (type, expected)) in zip(actual, inferred).enumerated() where type != expected {
      report("result \(index) is \(type), but \(instruction.op.name) gives \(expected)")
    }
  }

  private mutating func checkLiterals(_ instruction: Instruction, of program: Program) {
    // Most instructions have none, and what the types demand need not be known then.
    guard instruction.operands.contains(where: { $0.literal != nil }) else { return }
    let results = instruction.results.map { program.type(of: $0) }
    let operands = instruction.operands.map { operand in operand.value.map { program.type(of: $0) } }
    for (index, operand) in instruction.operands.enumerated() {
      guard case .splat(let literal, let shape) = operand else { continue }
      guard instruction.op.takesSplat(at: index, of: instruction.operands),
        let demanded = instruction.op.splatType(at: index, results: results, operands: operands)
      else {
        report("\(instruction.op.name) takes no literal as operand \(index + 1)")
        continue
      }
      let type = TensorType(literal.dtype, shape)
      if type != demanded { report("the literal of operand \(index + 1) is \(type), but \(demanded) is demanded") }
    }
  }

  // MARK: Messages

  /// Adds an error about the current program, and about an instruction of it if one is being checked.
  private mutating func report(_ message: String, at instruction: Int? = nil) {
    var place = place
    if let instruction { place[place.count - 1].instruction = instruction }
    var text = "@\(place[0].program.name)"
    for (level, step) in place.enumerated() {
      if level > 0 { text += ", region" }
      if let index = step.instruction { text += ", instruction \(index)" }
    }
    let path = place.compactMap { step in step.instruction.map { (instruction: $0, region: step.region) } }
    if !path.isEmpty { text += " (\(ProgramPrinter.line(path, of: place[0].program)))" }
    var error = BloxError(.verification, "\(text): \(message)")
    // The innermost note that says anything: fusion leaves some regions without.
    for step in place.reversed() {
      guard let index = step.instruction else { continue }
      let note = step.program.instructions[index].note
      error = error.at(modulePath: note.scope, location: note.location)
    }
    errors.append(error)
  }
}

extension ProgramPrinter {
  /// The line of an instruction, found through the instructions that hold it, with the names of the whole text. Only
  /// errors ask for it, so names are counted anew.
  static func line(_ path: [(instruction: Int, region: Int)], of program: Program) -> String {
    var program = program
    var next = 0
    for (level, last) in path.enumerated() {
      var names = ValueNames()
      for index in program.parameters.indices { names.define(Value(index), &next) }
      for (index, instruction) in program.instructions[...last.instruction].enumerated() {
        for value in instruction.results { names.define(value, &next) }
        if index < last.instruction { next += instruction.op.regions.textValueCount }
      }
      let instruction = program.instructions[last.instruction]
      let regions = instruction.op.regions
      if level < path.count - 1, last.region < regions.count {
        next += Array(regions[..<last.region]).textValueCount
        program = regions[last.region].program
      } else {
        return line(
          instruction, of: program, names, callees: instruction.op.callees.map { $0.callee.program.name })
      }
    }
    return ""
  }
}

extension [OpRegion] {
  /// The number of names that regions take in text, with the regions inside them.
  fileprivate var textValueCount: Int {
    reduce(0) { total, region in
      region.program.instructions.reduce(total + region.program.parameters.count) {
        $0 + $1.results.count + $1.op.regions.textValueCount
      }
    }
  }
}
