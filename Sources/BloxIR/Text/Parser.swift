// From text to syntax: recursive descent over the grammar in Docs/IR.md.
//
// Hostile text costs linear time and bounded stack: the only recursion is through regions, and it is counted.

/// Parses a file; names and types are left to `ProgramResolver`.
struct TextParser {
  var cursor: Cursor
  private var depth = 0

  init(_ source: SourceText) { cursor = Cursor(source) }

  var source: SourceText { cursor.source }

  /// `file = header program+`
  mutating func file() throws(BloxError) -> [ProgramSyntax] {
    try header()
    var programs = [try program()]
    while cursor.peek() != nil { programs.append(try program()) }
    return programs
  }

  /// The version comes first, so that a later format is told apart from a damaged file.
  private mutating func header() throws(BloxError) {
    let end = source.bytes.firstIndex(of: UInt8(ascii: "\n")) ?? source.bytes.count
    var text = source.bytes[..<end]
    while let last = text.last, [UInt8(ascii: " "), UInt8(ascii: "\r"), UInt8(ascii: "\t")].contains(last) {
      text.removeLast()
    }
    if text.elementsEqual(ProgramPrinter.header.utf8) {
      cursor.rewind(to: end)
    } else if text.starts(with: "// blox-ir ".utf8) {
      throw source.error(at: 0, expected: "'\(ProgramPrinter.header)', the only version that this build reads")
    } else {
      throw source.error(at: 0, expected: "the header '\(ProgramPrinter.header)' on the first line")
    }
  }

  /// `program = "program" "@"name "(" params ")" "->" "(" results ")" [attrs] "{" body "}"`
  private mutating func program() throws(BloxError) -> ProgramSyntax {
    let keyword = try cursor.word(expected: "'program'")
    guard keyword.text == "program" else { throw source.error(at: keyword.offset, expected: "'program'") }
    let name = try cursor.programName()
    let parameters = try parameters()
    try cursor.expect("->")
    try cursor.expect("(", "'(' and the result types")
    var results: [ResultSyntax] = []
    if !cursor.take(")") {
      repeat {
        let offset = cursor.next()
        results.append(
          ResultSyntax(type: try cursor.type(), offset: offset, attributes: try optionalAttributes()))
      } while cursor.take(",")
      try cursor.expect(")", "',' or ')'")
    }
    let attributes = try programAttributes()
    return ProgramSyntax(
      name: name, parameters: parameters, results: results, attributes: attributes, body: try body())
  }

  /// Attributes of a program stand where its body may: they start with a key and `=`.
  private mutating func programAttributes() throws(BloxError) -> [AttributeSyntax] {
    let start = cursor.position
    let isAttributes = cursor.take("{") && cursor.word() != nil && cursor.take("=")
    cursor.rewind(to: start)
    return isAttributes ? try attributes() : []
  }

  private mutating func parameters() throws(BloxError) -> [ParameterSyntax] {
    try cursor.expect("(", "'(' and the parameters")
    var parameters: [ParameterSyntax] = []
    if cursor.take(")") { return parameters }
    repeat {
      let name = try cursor.valueName()
      try cursor.expect(":", "':' and a type")
      parameters.append(
        ParameterSyntax(name: name, type: try cursor.type(), attributes: try optionalAttributes()))
    } while cursor.take(",")
    try cursor.expect(")", "',' or ')'")
    return parameters
  }

  /// `body = "{" statement* "return" operands "}"`
  private mutating func body() throws(BloxError) -> BodySyntax {
    try cursor.expect("{", "'{' and the instructions")
    depth += 1
    defer { depth -= 1 }
    guard depth <= Program.nestingLimit else {
      throw source.error(at: cursor.position - 1, "regions are nested deeper than \(Program.nestingLimit)")
    }
    var statements: [StatementSyntax] = []
    while true {
      let start = cursor.next()
      if cursor.peek() != UInt8(ascii: "%") {
        let word = try cursor.word(expected: "an instruction or 'return'")
        if word.text == "return" { break }
        cursor.rewind(to: start)
      }
      statements.append(try statement())
    }
    let returnOffset = cursor.position - 6
    let returned = try operands()
    try cursor.expect("}", returned.isEmpty ? "a value, a literal or '}'" : "',' or '}'")
    return BodySyntax(statements: statements, returned: returned, returnOffset: returnOffset)
  }

  /// `statement = [value ":" type {"," value ":" type} "="] op operands [attrs] region* ["//" note] newline`
  private mutating func statement() throws(BloxError) -> StatementSyntax {
    var results: [(name: NameSyntax, type: TensorType, typeOffset: Int)] = []
    if cursor.peek() == UInt8(ascii: "%") {
      repeat {
        let name = try cursor.valueName()
        try cursor.expect(":", "':' and a type")
        let offset = cursor.next()
        results.append((name, try cursor.type(), offset))
      } while cursor.take(",")
      try cursor.expect("=", "',' or '=' and an op")
    }
    let op = try cursor.word(expected: "the name of an op")
    guard op.text != "return" else { throw source.error(at: op.offset, expected: "the name of an op") }
    let callee = Op.namesProgram(op.text) ? try cursor.programName() : nil
    var dense: DenseConstant?
    if op.text == "constant", let type = results.first?.type { dense = try denseConstant(type) }
    let operands = dense == nil ? try operands() : []
    let attributes = try optionalAttributes()
    let regions = try regions()
    let note = cursor.note()
    if cursor.isNextOnSameLine() {
      throw cursor.error(expected: operands.isEmpty ? "the end of the line" : "',' or the end of the line")
    }
    return StatementSyntax(
      results: results, op: op, callee: callee, dense: dense, operands: operands, attributes: attributes,
      regions: regions, note: note)
  }

  /// Operands start on the line of their op, because `call @f` may have none and the next line starts with a value.
  private mutating func operands() throws(BloxError) -> [OperandSyntax] {
    var operands: [OperandSyntax] = []
    guard cursor.isNextOnSameLine(), isAtOperand() else { return operands }
    repeat {
      if cursor.peek() == UInt8(ascii: "%") {
        operands.append(.value(try cursor.valueName()))
      } else if isAtOperand() {
        operands.append(.literal(try cursor.literal(expected: "a value or a literal")))
      } else {
        throw cursor.error(expected: "a value or a literal")
      }
    } while cursor.take(",")
    return operands
  }

  private mutating func isAtOperand() -> Bool {
    guard let byte = cursor.peek() else { return false }
    if byte == UInt8(ascii: "%") || byte == UInt8(ascii: "-") || byte.isDigit { return true }
    let start = cursor.position
    let word = cursor.word()
    cursor.rewind(to: start)
    return word.map { ["true", "false", "nan", "inf", "key"].contains($0.text) } ?? false
  }

  /// `region = label "(" params ")" [attrs] body`
  private mutating func regions() throws(BloxError) -> [RegionSyntax] {
    var regions: [RegionSyntax] = []
    while true {
      let start = cursor.position
      guard let label = cursor.word(), cursor.peek() == UInt8(ascii: "(") else {
        cursor.rewind(to: start)
        return regions
      }
      let parameters = try parameters()
      regions.append(
        RegionSyntax(label: label, parameters: parameters, attributes: try programAttributes(), body: try body()))
    }
  }

  /// `dense = "dense<[" [literal {"," literal}] "]>"`, row-major. `nil` if something else comes next.
  private mutating func denseConstant(_ type: TensorType) throws(BloxError) -> DenseConstant? {
    let start = cursor.position
    let offset = cursor.next()
    guard cursor.word()?.text == "dense" else {
      cursor.rewind(to: start)
      return nil
    }
    try cursor.expect("<")
    try cursor.expect("[")
    var elements: [Literal] = []
    let expected = type.elementCount
    if !cursor.take("]") {
      repeat {
        let range = try cursor.literal(expected: "a literal")
        elements.append(try source.literal(range, as: type.dtype))
        // A list longer than its type is known to be wrong before the end is seen.
        if elements.count > expected { break }
      } while cursor.take(",")
      if elements.count <= expected { try cursor.expect("]", "',' or ']'") }
    }
    guard elements.count == expected else {
      let count = elements.count > expected ? "more" : "\(elements.count)"
      throw source.error(at: offset, "got \(count) elements, expected \(expected) for \(type)")
    }
    try cursor.expect(">")
    return DenseConstant(type: type, elements: elements)
  }
}
