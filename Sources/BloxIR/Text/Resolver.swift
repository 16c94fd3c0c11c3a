// From syntax to programs: names become values, callees become programs, literals get the dtype that their op demands,
// and every result type in the text is checked against the op's type rule.

/// Resolves the programs of one file, each once, callees before their callers.
struct ProgramResolver {
  let source: SourceText
  private let programs: [ProgramSyntax]
  private let indices: [String: Int]
  private var states: [State]
  /// How many bodies, of programs and regions, are being resolved inside each other.
  private var depth = 0

  private enum State {
    case waiting, active
    case done(Op.Callee, nesting: Int)
  }

  /// A program and how deep programs are nested in it.
  struct Resolved {
    var callee: Op.Callee
    var nesting: Int
  }

  init(_ source: SourceText, _ programs: [ProgramSyntax]) throws(BloxError) {
    self.source = source
    self.programs = programs
    var indices: [String: Int] = [:]
    for (index, program) in programs.enumerated() {
      guard indices.updateValue(index, forKey: program.name.text) == nil else {
        throw source.error(at: program.name.offset, expected: "a program name that is not taken")
      }
    }
    self.indices = indices
    states = Array(repeating: .waiting, count: programs.count)
  }

  /// The first program. The others are checked whether it calls them or not.
  mutating func entry() throws(BloxError) -> Program {
    let entry = try resolved(0, from: programs[0].name.offset).callee.program
    for index in programs.indices { _ = try resolved(index, from: programs[index].name.offset) }
    return entry
  }

  /// The program that a `call` names.
  mutating func callee(_ name: NameSyntax) throws(BloxError) -> Resolved {
    guard let index = indices[name.text] else {
      let known = Spelling.suggestion(for: name.text, among: Array(programs.prefix(100).map(\.name.text)))
      throw source.error(at: name.offset, expected: "a program of this file\(known)")
    }
    return try resolved(index, from: name.offset)
  }

  private mutating func resolved(_ index: Int, from offset: Int) throws(BloxError) -> Resolved {
    let syntax = programs[index]
    switch states[index] {
    case .done(let callee, let nesting): return Resolved(callee: callee, nesting: nesting)
    case .active:
      throw source.error(
        at: offset, "@\(syntax.name.text) calls itself, directly or through others; programs cannot be recursive")
    case .waiting: break
    }
    states[index] = .active
    try enterBody(at: offset)
    var resolver = BodyResolver(source, name: syntax.name.text)
    let program = try resolver.program(syntax, &self)
    leaveBody()
    try expectNesting(resolver.nesting, at: offset)
    let callee = Op.Callee(program)
    states[index] = .done(callee, nesting: resolver.nesting)
    return Resolved(callee: callee, nesting: resolver.nesting)
  }

  /// Counts the recursion through calls and regions, which the text could otherwise make as deep as it likes.
  mutating func enterBody(at offset: Int) throws(BloxError) {
    try expectNesting(depth, at: offset)
    depth += 1
  }

  mutating func leaveBody() { depth -= 1 }

  private func expectNesting(_ nesting: Int, at offset: Int) throws(BloxError) {
    if nesting > Program.nestingLimit {
      throw source.error(at: offset, "programs are nested deeper than \(Program.nestingLimit)")
    }
  }

  /// The bytes that splat constants may still take: a short text must not fill the memory.
  private(set) var splatBytesLeft = 1 << 28

  /// A constant from one literal.
  mutating func splatConstant(
    _ literal: Literal, _ type: TensorType, at offset: Int
  ) throws(BloxError) -> DenseConstant {
    guard type.byteCount <= splatBytesLeft else {
      throw source.error(at: offset, "constants of one value take more than 2^28 bytes; use broadcast_in_dim")
    }
    splatBytesLeft -= type.byteCount
    return DenseConstant(literal, shape: type.shape)
  }
}

/// What a name in the text stands for. Names are unique in a program including its regions, but a region sees its own
/// values only.
struct NamedValue {
  var scope: Int
  var value: Value
}

/// The values and instructions of one body: a program or a region.
struct Scope {
  let id: Int
  var types: [TensorType] = []
  var parameters: [Parameter] = []
  var instructions: [Instruction] = []

  mutating func add(_ type: TensorType) -> Value {
    types.append(type)
    return Value(types.count - 1)
  }
}
