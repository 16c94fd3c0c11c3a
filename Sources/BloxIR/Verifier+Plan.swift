// What the verifier checks of a memory plan: every place exists, and nobody writes where the caller still reads.

extension Program {
  /// A finding about the plan.
  struct PlanError {
    var text: String
    var instruction: Int?
  }

  /// What is wrong with buffers and memory of a program that is otherwise valid.
  ///
  /// - Parameter writable: The parameters whose memory may be written over; the donated ones when `nil`.
  func planErrors(writable: [Int]? = nil) -> [PlanError] {
    guard let memory else {
      let planned = instructions.firstIndex { !$0.buffers.isEmpty }
      return planned.map { [PlanError(text: "it has a buffer, but the program has no memory plan", instruction: $0)] }
        ?? []
    }
    let amounts = [memory.arenaBytes, memory.resultBytes, memory.aliasedBytes]
    guard amounts.allSatisfy({ (0...TensorType.byteLimit).contains($0) }) else {
      return [PlanError(text: "the memory plan has an amount below zero or beyond 2^47 bytes")]
    }
    var errors: [PlanError] = []
    for (index, instruction) in instructions.enumerated() {
      guard instruction.buffers.count == instruction.results.count + (instruction.op.isControl ? 1 : 0) else {
        let buffers = Spelling.count(instruction.buffers.count, "buffer")
        let text = "it has \(buffers) for \(Spelling.count(instruction.results.count, "result"))"
        errors.append(PlanError(text: text, instruction: index))
        continue
      }
      if instruction.op.regions.contains(where: { instruction.op.isControl && $0.program.memory == nil }) {
        errors.append(PlanError(text: "its regions have no memory plan", instruction: index))
        continue
      }
      if let workspace = instruction.workspace, !workspace.isWithin(memory) {
        let text = "its workspace \(workspace.location) is not within the arena of \(memory.arenaBytes) B"
        errors.append(PlanError(text: text, instruction: index))
      }
      for (value, buffer) in zip(instruction.results, instruction.buffers) {
        if let text = error(of: buffer, for: value, of: instruction, memory, writable) {
          errors.append(PlanError(text: text, instruction: index))
        }
      }
    }
    return errors.isEmpty ? sharedDonations : errors
  }

  private func error(
    of buffer: BufferLocation, for value: Value, of instruction: Instruction, _ memory: MemorySummary,
    _ writable: [Int]?
  ) -> String? {
    switch buffer {
    case .arena(let offset):
      let bytes = type(of: value).byteCount
      let fits = offset >= 0 && bytes <= memory.arenaBytes && offset <= memory.arenaBytes - bytes
      return fits ? nil : "\(buffer) and \(bytes) B from there are not within the arena of \(memory.arenaBytes) B"
    case .result(let index):
      return results.indices.contains(index)
        ? nil : "\(buffer) does not exist: the program has \(Spelling.count(results.count, "result"))"
    case .parameter(let index):
      guard parameters.indices.contains(index) else {
        return "\(buffer) does not exist: the program has \(Spelling.count(parameters.count, "parameter"))"
      }
      let isWritable = writable?.contains(index) ?? parameters[index].isDonated
      return isWritable || !instruction.op.alwaysWrites
        ? nil : "it writes to \(buffer), which the caller has not donated"
    case .constant: return nil
    case .operand(let offset):
      if results.contains(where: { $0.operand == .value(value) }) { return "a result cannot be part of an operand" }
      let source = instruction.operands.first.flatMap(\.value).map { type(of: $0) }
      var start: Int?
      if let source { start = instruction.op.runStart(of: type(of: value), in: source) }
      let isName = !instruction.op.alwaysWrites && source?.byteCount == type(of: value).byteCount && offset == 0
      return start == offset || isName ? nil : "its elements are not those of the operand from byte \(offset) on"
    }
  }

  /// A donated parameter's memory can be handed back once only: two computed results cannot both end up there.
  private var sharedDonations: [PlanError] {
    var definitions: [Value: (index: Int, buffer: BufferLocation)] = [:]
    for (index, instruction) in instructions.enumerated() where instruction.op.alwaysWrites {
      for (value, buffer) in zip(instruction.results, instruction.buffers) { definitions[value] = (index, buffer) }
    }
    var owners: [Int: Value] = [:]
    var errors: [PlanError] = []
    for result in results {
      guard let value = result.operand.value, let (index, buffer) = definitions[value],
        case .parameter(let parameter) = buffer
      else { continue }
      let owner = owners[parameter] ?? value
      owners[parameter] = owner
      if owner != value {
        errors.append(PlanError(text: "another result of the program is already in \(buffer)", instruction: index))
      }
    }
    return errors
  }
}

extension Op {
  /// Whether the op writes its results whatever the types; the others may be other names for their operand's bytes.
  fileprivate var alwaysWrites: Bool {
    switch self {
    case .reshape, .bitcastConvert, .stopGradient, .convert, .broadcastInDim, .transpose, .slice, .pad, .concatenate,
      .reduce, .random(.wrap), .random(.unwrap):
      false
    case .constant, .unary, .binary, .compare, .select, .clamp, .fma, .integerPow, .iota, .argReduce, .dotGeneral,
      .random(.seed), .random(.foldIn), .random(.split), .random(.bits), .call, .axisIndex, .fusion:
      true
    case .custom, .collective: true
    case .indexing: true
    case .cumulative: true
    case .control: true
    case .checkpointName: false
    case .linearAlgebra: true
    case .convolution: true
    case .window: true
    case .ordering: true
    case .optimizationBarrier: false
    case .debugPrint: false
    }
  }
}
