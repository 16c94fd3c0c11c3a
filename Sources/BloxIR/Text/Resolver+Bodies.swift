// Resolves the instructions of one program and its regions.

struct BodyResolver {
  let source: SourceText
  private let name: String
  private var names: [String: NamedValue] = [:]
  private var scopeCount = 0
  /// The deepest nesting of programs met so far.
  private(set) var nesting = 0

  init(_ source: SourceText, name: String) {
    self.source = source
    self.name = name
  }

  mutating func program(_ syntax: ProgramSyntax, _ file: inout ProgramResolver) throws(BloxError) -> Program {
    var scope = try scope(syntax.parameters)
    try statements(syntax.body, &scope, &file)
    let count = syntax.body.returned.count
    guard count == syntax.results.count else {
      throw source.error(
        at: syntax.body.returnOffset,
        "got \(Spelling.count(count, "returned value")), expected \(syntax.results.count) as declared")
    }
    var results: [ProgramResult] = []
    for (operand, declared) in zip(syntax.body.returned, syntax.results) {
      let resolved = try returned(operand, declared.type, scope)
      var reader = AttributeReader(source, declared.attributes, at: declared.offset)
      results.append(ProgramResult(resolved, label: try label(&reader)))
      try reader.finish()
    }
    return Program(
      name: name, parameters: scope.parameters, instructions: scope.instructions, results: results,
      types: scope.types, memory: try memory(syntax.attributes, at: syntax.name.offset))
  }

  private func memory(_ attributes: [AttributeSyntax], at offset: Int) throws(BloxError) -> MemorySummary? {
    var reader = AttributeReader(source, attributes, at: offset)
    let plan = try reader.optionalString("plan")
    try reader.finish()
    guard let plan else { return nil }
    guard let memory = MemorySummary(planText: plan) else {
      throw source.error(
        at: attributes[0].valueOffset,
        expected: "a plan such as \"arena 64 B, results 8 B, aliased 0 B, peak 72 B\" whose peak is arena plus results")
    }
    return memory
  }

  // MARK: Values

  private mutating func scope(_ parameters: [ParameterSyntax]) throws(BloxError) -> Scope {
    scopeCount += 1
    var scope = Scope(id: scopeCount)
    for syntax in parameters {
      var reader = AttributeReader(source, syntax.attributes, at: syntax.name.offset)
      let label = try label(&reader)
      scope.parameters.append(
        Parameter(
          syntax.type, label: label, isTrainable: try reader.flag("trainable"), isDonated: try reader.flag("donated")))
      try reader.finish()
      _ = try define(syntax.name, syntax.type, &scope)
    }
    return scope
  }

  private func label(_ reader: inout AttributeReader) throws(BloxError) -> ValueLabel? {
    let path = try reader.optionalString("path")
    let argument = try reader.optionalString("arg")
    if path != nil, argument != nil {
      throw source.error(at: reader.offset, "got both path and arg, expected one label")
    }
    return path.map { .path($0) } ?? argument.map { .argument($0) }
  }

  private mutating func define(
    _ name: NameSyntax, _ type: TensorType, _ scope: inout Scope
  ) throws(BloxError) -> Value {
    let value = scope.add(type)
    guard names.updateValue(NamedValue(scope: scope.id, value: value), forKey: name.text) == nil else {
      throw source.error(at: name.offset, expected: "a name that is not defined yet")
    }
    return value
  }

  private func value(_ name: NameSyntax, _ scope: Scope) throws(BloxError) -> Value {
    guard let named = names[name.text] else {
      throw source.error(at: name.offset, expected: "a value that is defined before")
    }
    guard named.scope == scope.id else {
      throw source.error(
        at: name.offset, expected: "a value of this body; values do not pass into or out of regions by name")
    }
    return named.value
  }

  /// A returned value or literal, whose type the caller states.
  private func returned(
    _ operand: OperandSyntax, _ type: TensorType, _ scope: Scope
  ) throws(BloxError) -> Operand {
    switch operand {
    case .literal(let range): return .splat(try source.literal(range, as: type.dtype), shape: type.shape)
    case .value(let name):
      let value = try value(name, scope)
      guard scope.types[value.index] == type else {
        throw source.error(
          at: name.offset, "got %\(name.text) of type \(scope.types[value.index]), expected \(type) as declared")
      }
      return .value(value)
    }
  }

  // MARK: Instructions

  private mutating func statements(
    _ body: BodySyntax, _ scope: inout Scope, _ file: inout ProgramResolver
  ) throws(BloxError) {
    for statement in body.statements { try self.statement(statement, &scope, &file) }
  }

  private mutating func statement(
    _ syntax: StatementSyntax, _ scope: inout Scope, _ file: inout ProgramResolver
  ) throws(BloxError) {
    // The values first: an error in an operand is the likelier cause of what follows.
    var values: [Value?] = []
    for operand in syntax.operands {
      if case .value(let name) = operand { values.append(try value(name, scope)) } else { values.append(nil) }
    }
    var reader = AttributeReader(source, syntax.attributes, at: syntax.op.offset)
    let op = try op(syntax, &reader, scope, &file)
    let buffers = try reader.buffers(count: syntax.results.count + (op.isControl ? 1 : 0))
    try reader.finish()

    let declared = syntax.results.map(\.type)
    var operands: [Operand] = []
    if case .constant = op {
      // The literal of a constant is part of the op.
    } else {
      let valueTypes = values.map { value in value.map { scope.types[$0.index] } }
      for (index, operand) in syntax.operands.enumerated() {
        switch operand {
        case .value: if let value = values[index] { operands.append(.value(value)) }
        case .literal(let range):
          operands.append(try splat(range, at: index, of: op, results: declared, operands: valueTypes))
        }
      }
    }
    try checkTypes(op, operands, syntax, scope)
    var results: [Value] = []
    for result in syntax.results { results.append(try define(result.name, result.type, &scope)) }
    scope.instructions.append(
      Instruction(op: op, operands: operands, results: results, buffers: buffers, note: syntax.note))
  }

  private func splat(
    _ range: Range<Int>, at index: Int, of op: Op, results: [TensorType], operands: [TensorType?]
  ) throws(BloxError) -> Operand {
    guard let type = op.splatType(at: index, results: results, operands: operands) else {
      throw source.error(
        at: range, expected: "a value: \(op.name) takes no literal as operand \(index + 1); use constant")
    }
    return .splat(try source.literal(range, as: type.dtype), shape: type.shape)
  }

  private mutating func op(
    _ syntax: StatementSyntax, _ reader: inout AttributeReader, _ scope: Scope, _ file: inout ProgramResolver
  ) throws(BloxError) -> Op {
    let name = syntax.op.text
    let isProgram = name == "call" || name == "fusion"
    guard Op.isName(name) else {
      throw source.error(at: syntax.op.offset, expected: "an op\(Spelling.suggestion(for: name, among: Op.names))")
    }
    guard isProgram || !syntax.results.isEmpty else {
      throw source.error(at: syntax.op.offset, expected: "'%name: type =' before an op with a result")
    }
    var parts = Op.Parts(result: syntax.results.first?.type ?? TensorType(.bool))
    if name == "constant" { parts.constant = try constant(syntax, parts.result, &file) }
    if let callee = syntax.callee { parts.callees[.primal] = try self.callee(callee, &file) }
    for attribute in syntax.attributes {
      guard case .program(let program) = attribute.value, let role = Op.CalleeRole(rawValue: attribute.key.text)
      else { continue }
      parts.callees[role] = try callee(program, &file)
    }
    parts.regions = try regions(syntax, &reader, &file)
    guard let op = try Op.read(name, &reader, parts) else {
      throw source.error(at: syntax.op.offset, expected: "an op")
    }
    return op
  }

  private mutating func callee(
    _ name: NameSyntax, _ file: inout ProgramResolver
  ) throws(BloxError) -> Op.Callee {
    let resolved = try file.callee(name)
    nesting = max(nesting, resolved.nesting + 1)
    return resolved.callee
  }

  private func constant(
    _ syntax: StatementSyntax, _ type: TensorType, _ file: inout ProgramResolver
  ) throws(BloxError) -> DenseConstant? {
    if let dense = syntax.dense { return dense }
    guard syntax.operands.count == 1, case .literal(let range) = syntax.operands[0] else { return nil }
    return try file.splatConstant(try source.literal(range, as: type.dtype), type, at: syntax.op.offset)
  }

  /// The regions of a fusion or of control flow; no other op has any.
  private mutating func regions(
    _ syntax: StatementSyntax, _ reader: inout AttributeReader, _ file: inout ProgramResolver
  ) throws(BloxError) -> [OpRegion] {
    guard let first = syntax.regions.first else { return [] }
    let isFusion = syntax.op.text == "fusion"
    guard isFusion || Op.Control.Mnemonic(rawValue: syntax.op.text) != nil else {
      throw source.error(at: first.label.offset, expected: "no region: \(syntax.op.text) has none")
    }
    if isFusion {
      guard first.label.text == "region" else { throw source.error(at: first.label.offset, expected: "'region'") }
      guard syntax.regions.count == 1 else {
        throw source.error(at: syntax.regions[1].label.offset, expected: "one region only")
      }
      guard first.body.returned.count == syntax.results.count else {
        throw source.error(
          at: first.body.returnOffset,
          "got \(Spelling.count(first.body.returned.count, "returned value")), expected \(syntax.results.count)"
            + " as fusion defines")
      }
    }
    let carry = syntax.op.text == "scan" ? try reader.integer("carry") : 0
    var regions: [OpRegion] = []
    for region in syntax.regions {
      regions.append(OpRegion(label: region.label.text, program: try self.region(region, of: syntax, carry, &file)))
    }
    return regions
  }

  private mutating func region(
    _ region: RegionSyntax, of syntax: StatementSyntax, _ carry: Int, _ file: inout ProgramResolver
  ) throws(BloxError) -> Program {
    let outerNesting = nesting
    nesting = 0
    var scope = try scope(region.parameters)
    try file.enterBody(at: region.label.offset)
    try statements(region.body, &scope, &file)
    file.leaveBody()
    nesting = max(outerNesting, nesting + 1)
    let declared = syntax.results.map(\.type)
    var results: [ProgramResult] = []
    for (index, operand) in region.body.returned.enumerated() {
      let type = Op.regionResultType(
        syntax.op.text, label: region.label.text, at: index, results: declared, carry: carry)
      guard let type else {
        throw source.error(at: operand.offset, expected: "no more returned values than \(syntax.op.text) has")
      }
      results.append(ProgramResult(try returned(operand, type, scope)))
    }
    return Program(
      name: region.label.text, parameters: scope.parameters, instructions: scope.instructions, results: results,
      types: scope.types, memory: try memory(region.attributes, at: region.label.offset))
  }

  /// The types in the text must be those that the op gives.
  private func checkTypes(
    _ op: Op, _ operands: [Operand], _ syntax: StatementSyntax, _ scope: Scope
  ) throws(BloxError) {
    let operandTypes = operands.map { operand in
      switch operand {
      case .value(let value): scope.types[value.index]
      case .splat(let literal, let shape): TensorType(literal.dtype, shape)
      }
    }
    // Which axes are bound is no question of the text; `verify(axes:)` asks it.
    let inferred: [TensorType]
    do { inferred = try op.resultTypes(for: operandTypes, axes: op.plausibleAxes) } catch {
      throw source.error(at: syntax.op.offset, error)
    }
    guard inferred.count == syntax.results.count else {
      throw source.error(
        at: syntax.op.offset,
        "got \(Spelling.count(syntax.results.count, "result")), expected \(inferred.count) from \(op.name)")
    }
    for (result, type) in zip(syntax.results, inferred) where result.type != type {
      throw source.error(at: result.typeOffset, "got \(result.type), expected \(type) as \(op.name) gives")
    }
  }
}
