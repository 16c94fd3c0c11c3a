// Attributes in braces: `{axis=1, batch=[0]x[0], arg="x", donated, buffer=arena[64]}`.

extension TextParser {
  mutating func optionalAttributes() throws(BloxError) -> [AttributeSyntax] {
    cursor.peek() == UInt8(ascii: "{") ? try attributes() : []
  }

  /// `attrs = "{" key ["=" attribute] {"," key ["=" attribute]} "}"`
  mutating func attributes() throws(BloxError) -> [AttributeSyntax] {
    try cursor.expect("{")
    var attributes: [AttributeSyntax] = []
    var keys: Set<String> = []
    repeat {
      let key = try cursor.word(expected: "the name of an attribute")
      guard keys.insert(key.text).inserted else {
        throw source.error(at: key.offset, "got '\(key.text)' twice, expected each attribute once")
      }
      var value = AttributeValue.flag
      var offset = key.offset
      if cursor.take("=") {
        offset = cursor.next()
        value = try attributeValue()
      }
      attributes.append(AttributeSyntax(key: key, value: value, valueOffset: offset))
    } while cursor.take(",")
    try cursor.expect("}", "',' or '}'")
    return attributes
  }

  private mutating func attributeValue() throws(BloxError) -> AttributeValue {
    guard cursor.peek() == UInt8(ascii: "[") else { return try scalarAttribute() }
    let first = try attributeList()
    let start = cursor.position
    // The `x` of `[1]x[0]` touches both lists.
    guard cursor.take("x"), cursor.peek() == UInt8(ascii: "[") else {
      cursor.rewind(to: start)
      return .list(first)
    }
    return .pair(first, try attributeList())
  }

  /// Lists hold scalars only, so that no text makes this recurse.
  private mutating func attributeList() throws(BloxError) -> [AttributeValue] {
    try cursor.expect("[")
    var values: [AttributeValue] = []
    if cursor.take("]") { return values }
    repeat {
      values.append(try scalarAttribute())
    } while cursor.take(",")
    try cursor.expect("]", "',' or ']'")
    return values
  }

  private mutating func scalarAttribute() throws(BloxError) -> AttributeValue {
    guard let byte = cursor.peek() else { throw cursor.error(expected: "an attribute's value") }
    if byte == UInt8(ascii: "\"") { return .string(try cursor.string()) }
    if byte == UInt8(ascii: "@") { return .program(try cursor.programName()) }
    if byte == UInt8(ascii: "-") || byte.isDigit { return .integer(try cursor.integer()) }
    let word = try cursor.word(expected: "an attribute's value")
    guard cursor.take("[") else { return .word(word.text, index: nil) }
    let index = try cursor.integer()
    try cursor.expect("]")
    return .word(word.text, index: index)
  }
}
