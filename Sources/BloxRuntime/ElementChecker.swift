// Looking for NaN and infinities while a program runs: which instruction made the first, and of what.
//
// The kernels, their order and the places of values are those of any other run. What an instruction overwrites in
// place is copied before it runs, so that the message can show what it read. Inside a fused region values exist in
// registers only: the region is evaluated once more by the reference interpreter to find the op.
import BloxIR

/// Checks what the instructions of one run have written.
struct ElementChecker {
  /// What messages call the whole.
  private let name: String
  private let checks: Set<ElementCheck>
  private let map: StepMap
  private let memory: RunMemory
  /// Where in the whole the region runs, as in " in iteration 3 of scan".
  private var place = ""
  /// The line of the control flow around the region, for instructions that know no line of their own.
  private var location: SourceLocation?

  /// A checker of a whole program.
  init(_ map: StepMap, _ memory: RunMemory, _ checks: Set<ElementCheck>) {
    self.init(map, memory, name: map.program.name, checks)
  }

  private init(_ map: StepMap, _ memory: RunMemory, name: String, _ checks: Set<ElementCheck>) {
    self.map = map
    self.memory = memory
    self.name = name
    self.checks = checks
  }

  /// The program whose instructions are checked: the whole, or a region.
  private var program: Program { map.program }

  /// Operands with their elements before the instruction ran, for those that it overwrites.
  typealias Snapshot = [Value: DenseConstant]

  /// Throws for an argument that has a NaN: no instruction is to blame for it.
  func checkArguments() throws(BloxError) {
    guard checks.contains(.nan) else { return }
    for (index, parameter) in program.parameters.enumerated() {
      guard let found = finding(in: constant(program.parameterValue(index)), [.nan]) else { continue }
      let label = parameter.label.map { "'\($0.text)'" } ?? "\(index)"
      throw BloxError(
        .nonFinite,
        "the argument \(label) of \(name), \(parameter.type), is \(found.text) at \(found.place) before anything is"
          + " computed")
    }
  }

  /// The operands whose memory the instruction's results take.
  private func operandsThatChange(_ instruction: Instruction) -> Snapshot {
    let written = Set(instruction.results.map(address))
    var snapshot: Snapshot = [:]
    for case .value(let value) in instruction.operands where written.contains(address(value)) {
      snapshot[value] = constant(value)
    }
    return snapshot
  }

  /// Throws when the instruction made a NaN or infinity of operands without one.
  private func check(_ instruction: Instruction, before: Snapshot) throws(BloxError) {
    if case .constant = instruction.op { return }
    for value in instruction.results {
      let result = constant(value)
      guard let found = finding(in: result, checks) else { continue }
      let operands = instruction.operands.map { operand -> DenseConstant in
        switch operand {
        case .value(let value): before[value] ?? constant(value)
        case .splat(let literal, let shape): DenseConstant(literal, shape: shape)
        }
      }
      if operands.contains(where: { finding(in: $0, [found.check]) != nil }) { continue }
      if let inner = instruction.op.region.flatMap({ culprit(in: $0, operands, found.check) }) { throw inner }
      throw error(instruction, found, operands, type: result.type)
    }
  }

  /// The first instruction of a region that makes such an element, as an error.
  private func culprit(in region: Program, _ arguments: [DenseConstant], _ check: ElementCheck) -> BloxError? {
    var values = arguments
    for instruction in region.instructions {
      let operands = instruction.operands.map { operand -> DenseConstant in
        switch operand {
        case .value(let value): values[value.index]
        case .splat(let literal, let shape): DenseConstant(literal, shape: shape)
        }
      }
      guard let results = try? ReferenceInterpreter.evaluate(instruction.op, operands: operands) else { return nil }
      values += results
      guard let found = results.lazy.compactMap({ finding(in: $0, [check]) }).first,
        !operands.contains(where: { finding(in: $0, [check]) != nil })
      else { continue }
      return error(instruction, found, operands, type: results[0].type)
    }
    return nil
  }

  private func error(
    _ instruction: Instruction, _ found: Finding, _ operands: [DenseConstant], type: TensorType
  ) -> BloxError {
    let pass = instruction.note.isBackward ? " in the backward pass" : ""
    var text = "\(name): \(instruction.op.name)\(pass)\(place) gives \(found.text) at \(found.place) of \(type)"
    let inputs = operands.filter { $0.type.dtype.isFloating }
    if instruction.op.isElementwise, !inputs.isEmpty, inputs.allSatisfy({ $0.type.shape == type.shape }) {
      text += ", from " + inputs.map { "\($0[found.index].doubleValue)" }.joined(separator: " and ")
    }
    for (index, input) in inputs.enumerated() {
      guard let range = Self.range(input) else { continue }
      text += "; operand \(inputs.count == 1 ? "" : "\(index) ")lies in \(range.lowerBound) ... \(range.upperBound)"
    }
    return BloxError(
      .nonFinite, text.replacing("operand lies", with: "the operand lies"),
      modulePath: instruction.note.scope.isEmpty ? nil : instruction.note.scope,
      location: instruction.note.location ?? location)
  }

  // MARK: Elements

  /// An element that a check is about.
  private struct Finding {
    let check: ElementCheck
    let index: Int
    /// The indices along each dimension.
    let place: [Int]
    let value: Double
    /// Without a NaN's sign, which differs between machines.
    var text: String { value.isNaN ? "nan" : "\(value)" }
  }

  private func address(_ value: Value) -> UnsafeRawPointer {
    UnsafeRawPointer(memory.address(map.slotOfValue[value.index]))
  }

  private func constant(_ value: Value) -> DenseConstant {
    let type = program.type(of: value)
    return DenseConstant(
      type: type, bytes: Array(UnsafeRawBufferPointer(start: address(value), count: type.byteCount)))
  }

  private func finding(in constant: DenseConstant, _ checks: Set<ElementCheck>) -> Finding? {
    guard constant.type.dtype.isFloating else { return nil }
    for index in 0..<constant.type.elementCount {
      let value = constant[index].doubleValue
      guard !value.isFinite else { continue }
      let check: ElementCheck = value.isNaN ? .nan : .inf
      if checks.contains(check) {
        return Finding(check: check, index: index, place: Self.place(index, constant.type.shape), value: value)
      }
    }
    return nil
  }

  private static func place(_ index: Int, _ shape: [Int]) -> [Int] {
    var rest = index
    return shape.reversed().map { size in
      defer { rest /= size }
      return rest % size
    }.reversed()
  }

  private static func range(_ constant: DenseConstant) -> ClosedRange<Double>? {
    var range: ClosedRange<Double>?
    for index in 0..<constant.type.elementCount {
      let value = constant[index].doubleValue
      guard !value.isNaN else { continue }
      range = range.map { min($0.lowerBound, value)...max($0.upperBound, value) } ?? value...value
    }
    return range
  }
}

extension ElementChecker: RunObserver {
  func begin(_ index: Int, _ instruction: Instruction) -> Snapshot {
    // What control flow computes is checked where its regions compute it.
    instruction.op.isControl ? [:] : operandsThatChange(instruction)
  }

  func end(_ index: Int, _ instruction: Instruction, _ begun: Snapshot) throws(BloxError) {
    if !instruction.op.isControl { try check(instruction, before: begun) }
  }

  func inside(
    _ map: StepMap, region: Int, of index: Int, _ instruction: Instruction, _ place: RegionPlace
  ) -> ElementChecker {
    let here =
      switch place {
      case .only: ""
      case .iteration(let step, let loop): " in iteration \(step) of \(loop)"
      case .condition(let step): " in the condition of iteration \(step) of while"
      }
    var checker = ElementChecker(map, memory, name: name, checks)
    checker.place = here + self.place
    checker.location = instruction.note.location ?? location
    return checker
  }
}
