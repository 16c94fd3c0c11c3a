// Writes programs as text.
//
// Values are renumbered in the order of printing: parameters, then for each instruction its results and the values of
// its region. In memory a region has numbers of its own; in text they continue, so that no name is used twice.

/// The text names of one program's values.
struct ValueNames {
  private var numbers: [Int: Int] = [:]

  mutating func define(_ value: Value, _ next: inout Int) {
    numbers[value.index] = next
    next += 1
  }

  /// A value that nothing defined is only met in programs that the verifier rejects.
  func text(_ value: Value) -> String {
    numbers[value.index].map { "%\($0)" } ?? "%undefined\(value.index)"
  }

  func text(_ operand: Operand) -> String {
    switch operand {
    case .value(let value): text(value)
    case .splat(let literal, _): literal.description
    }
  }
}

struct ProgramPrinter {
  static let header = "// blox-ir 1"
  private static let lineLength = 100

  let options: PrintOptions
  private(set) var output = ""
  private var nextNumber = 0
  /// The names given to programs, and the callees in the order of first call.
  private var takenNames: Set<String> = []
  private var calleeNames: [NamedCallee: String] = [:]
  private var callees: [Op.Callee] = []

  /// Equality of programs ignores names, but two names mean two programs to the reader.
  private struct NamedCallee: Hashable {
    var name: String
    var callee: Op.Callee
  }

  init(options: PrintOptions) { self.options = options }

  mutating func file(_ program: Program) {
    output += ProgramPrinter.header + "\n"
    takenNames.insert(program.name)
    print(program, name: program.name)
    var index = 0
    while index < callees.count {
      let callee = callees[index]
      print(callee.program, name: name(of: callee))
      index += 1
    }
  }

  /// The name of a callee, which is printed later if this is its first call.
  private mutating func name(of callee: Op.Callee) -> String {
    let key = NamedCallee(name: callee.program.name, callee: callee)
    if let name = calleeNames[key] { return name }
    var name = key.name
    var suffix = 0
    while !takenNames.insert(name).inserted {
      suffix += 1
      name = "\(key.name).\(suffix)"
    }
    calleeNames[key] = name
    callees.append(callee)
    return name
  }

  private mutating func print(_ program: Program, name: String) {
    nextNumber = 0
    var names = ValueNames()
    let parameters = parameterTexts(program, &names)
    let results = program.results.map { result in
      ProgramPrinter.typeText(of: result.operand, in: program) + ProgramPrinter.braces(labelText(result.label))
    }
    let memory = ProgramPrinter.memoryText(program)
    let start = "program \(Spelling.programName(name))("
    let ending = ")\(memory) {\n"
    let returned = results.joined(separator: ", ") + ending
    let line = start + parameters.joined(separator: ", ") + ") -> (" + returned
    if line.count <= ProgramPrinter.lineLength + 1 {
      output += line
    } else {
      output += start + ProgramPrinter.listed(parameters) + ") -> ("
      let isShort = returned.count + 6 <= ProgramPrinter.lineLength + 1
      output += isShort ? returned : ProgramPrinter.listed(results) + ending
    }
    body(program, &names, indentation: "")
  }

  private static func memoryText(_ program: Program) -> String {
    program.memory.map { " {plan=\(Spelling.quoted($0.planText))}" } ?? ""
  }

  /// One entry per line.
  private static func listed(_ entries: [String]) -> String {
    entries.isEmpty ? "" : "\n    " + entries.joined(separator: ",\n    ") + "\n"
  }

  private mutating func parameterTexts(_ program: Program, _ names: inout ValueNames) -> [String] {
    var texts: [String] = []
    for (index, parameter) in program.parameters.enumerated() {
      names.define(Value(index), &nextNumber)
      var attributes = labelText(parameter.label)
      if parameter.isTrainable { attributes.append("trainable") }
      if parameter.isDonated { attributes.append("donated") }
      texts.append("\(names.text(Value(index))): \(parameter.type)\(ProgramPrinter.braces(attributes))")
    }
    return texts
  }

  /// The instructions and the closing brace; the line of the opening brace is complete.
  private mutating func body(_ program: Program, _ names: inout ValueNames, indentation: String) {
    for instruction in program.instructions {
      for value in instruction.results { names.define(value, &nextNumber) }
      let callees = instruction.op.callees.map { name(of: $0.callee) }
      let line = indentation + "  " + ProgramPrinter.line(instruction, of: program, names, callees: callees)
      output += line
      var width = line.count
      for region in instruction.op.regions {
        var inner = ValueNames()
        let parameters = parameterTexts(region.program, &inner)
        let memory = ProgramPrinter.memoryText(region.program)
        let start = "\(region.label)(\(parameters.joined(separator: ", ")))\(memory) {\n"
        // The region's parameters go on a line of their own where the instruction has no room for them.
        let fits = width + start.count <= ProgramPrinter.lineLength + 1
        output += (fits ? " " : "\n" + indentation + "      ") + start
        body(region.program, &inner, indentation: indentation + "  ")
        width = indentation.count + 3
      }
      let note = instruction.note.text(options)
      output += note.isEmpty ? "\n" : "  // \(note)\n"
    }
    let results = program.results.map { names.text($0.operand) }
    output += indentation + "  return" + (results.isEmpty ? "" : " " + results.joined(separator: ", ")) + "\n"
    output += indentation + "}"
    if indentation.isEmpty { output += "\n" }
  }

  /// An instruction without region and note.
  ///
  /// - Parameter callees: The names of the programs that its op names.
  static func line(
    _ instruction: Instruction, of program: Program, _ names: ValueNames, callees: [String]
  ) -> String {
    var text = ""
    if !instruction.results.isEmpty {
      let results = instruction.results.map { "\(names.text($0)): \(typeText(of: .value($0), in: program))" }
      text = results.joined(separator: ", ") + " = "
    }
    text += instruction.op.name
    var programs: [String] = []
    for (callee, name) in zip(instruction.op.callees, callees) {
      if callee.role == .primal {
        text += " " + Spelling.programName(name)
      } else {
        programs.append("\(callee.role.rawValue)=\(Spelling.programName(name))")
      }
    }
    if case .constant(let constant) = instruction.op { text += " " + constantText(constant) }
    let operands = instruction.operands.map { names.text($0) }
    if !operands.isEmpty { text += " " + operands.joined(separator: ", ") }
    return text + braces(programs + instruction.op.attributeTexts + bufferTexts(instruction.buffers))
  }

  private static func constantText(_ constant: DenseConstant) -> String {
    if let splat = constant.splat { return splat.description }
    let elements = (0..<constant.type.elementCount).map { constant[$0].description }
    return "dense<[\(elements.joined(separator: ", "))]>"
  }

  /// A program that the verifier rejects may use values that have no type.
  private static func typeText(of operand: Operand, in program: Program) -> String {
    if case .value(let value) = operand, !program.types.indices.contains(value.index) { return "?" }
    return program.type(of: operand).description
  }

  private func labelText(_ label: ValueLabel?) -> [String] {
    switch label {
    case nil: []
    case .path(let text): ["path=\(Spelling.quoted(text))"]
    case .argument(let text): ["arg=\(Spelling.quoted(text))"]
    }
  }

  private static func bufferTexts(_ buffers: [BufferLocation]) -> [String] {
    let texts = buffers.map(\.description)
    return switch texts.count {
    case 0: []
    case 1: ["buffer=\(texts[0])"]
    default: ["buffers=[\(texts.joined(separator: ", "))]"]
    }
  }

  private static func braces(_ attributes: [String]) -> String {
    attributes.isEmpty ? "" : " {\(attributes.joined(separator: ", "))}"
  }
}

extension BufferLocation: CustomStringConvertible {
  /// The text form: `arena[64]`, `result[0]`, `param[2]`, `const`, `operand[128]`.
  public var description: String {
    switch self {
    case .arena(let offset): "arena[\(offset)]"
    case .result(let index): "result[\(index)]"
    case .parameter(let index): "param[\(index)]"
    case .constant: "const"
    case .operand(let offset): "operand[\(offset)]"
    }
  }
}
