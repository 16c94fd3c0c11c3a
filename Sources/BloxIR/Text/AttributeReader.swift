// Reads the attributes of one instruction, parameter, result or program by key, and refuses what nobody asked for.

struct AttributeReader {
  let source: SourceText
  /// Where to point when a required attribute is missing.
  let offset: Int
  private let attributes: [AttributeSyntax]
  /// The keys asked for so far; what `finish()` offers instead of an unknown one.
  private var asked: [String] = []

  init(_ source: SourceText, _ attributes: [AttributeSyntax], at offset: Int) {
    self.source = source
    self.attributes = attributes
    self.offset = offset
  }

  private mutating func find(_ key: String) -> AttributeSyntax? {
    asked.append(key)
    return attributes.first { $0.key.text == key }
  }

  private mutating func require(_ key: String, _ form: String) throws(BloxError) -> AttributeSyntax {
    guard let attribute = find(key) else {
      throw source.error(at: offset, expected: "the attribute \(key)=\(form)")
    }
    return attribute
  }

  private func mismatch(_ attribute: AttributeSyntax, _ form: String) -> BloxError {
    source.error(at: attribute.valueOffset, expected: "\(attribute.key.text)=\(form)")
  }

  /// A key without a value, such as `donated`.
  mutating func flag(_ key: String) throws(BloxError) -> Bool {
    guard let attribute = find(key) else { return false }
    guard attribute.value == .flag else {
      throw source.error(at: attribute.valueOffset, expected: "\(key) without a value")
    }
    return true
  }

  mutating func integer(_ key: String) throws(BloxError) -> Int {
    let attribute = try require(key, "INTEGER")
    guard case .integer(let value) = attribute.value else { throw mismatch(attribute, "INTEGER") }
    return value
  }

  mutating func optionalInteger(_ key: String) throws(BloxError) -> Int? {
    find(key) == nil ? nil : try integer(key)
  }

  mutating func string(_ key: String) throws(BloxError) -> String {
    guard let value = try optionalString(key) else { throw missing(key, "\"NAME\"") }
    return value
  }

  mutating func optionalString(_ key: String) throws(BloxError) -> String? {
    guard let attribute = find(key) else { return nil }
    guard case .string(let value) = attribute.value else { throw mismatch(attribute, "\"TEXT\"") }
    return value
  }

  mutating func integers(_ key: String) throws(BloxError) -> [Int] {
    guard let values = try optionalIntegers(key) else { throw missing(key, "[INTEGERS]") }
    return values
  }

  mutating func optionalIntegers(_ key: String) throws(BloxError) -> [Int]? {
    guard let attribute = find(key) else { return nil }
    guard case .list(let list) = attribute.value, let values = AttributeReader.integers(list) else {
      throw mismatch(attribute, "[INTEGERS]")
    }
    return values
  }

  /// `["i","j"]`
  mutating func strings(_ key: String) throws(BloxError) -> [String] {
    let attribute = try require(key, "[\"NAMES\"]")
    guard case .list(let list) = attribute.value else { throw mismatch(attribute, "[\"NAMES\"]") }
    var values: [String] = []
    for element in list {
      guard case .string(let value) = element else { throw mismatch(attribute, "[\"NAMES\"]") }
      values.append(value)
    }
    return values
  }

  /// `jvp=@f`
  mutating func program(_ key: String) throws(BloxError) -> NameSyntax {
    let attribute = try require(key, "@NAME")
    guard case .program(let name) = attribute.value else { throw mismatch(attribute, "@NAME") }
    return name
  }

  /// `[1]x[0]`
  mutating func pair(_ key: String) throws(BloxError) -> (left: [Int], right: [Int]) {
    guard let values = try optionalPair(key) else { throw missing(key, "[INTEGERS]x[INTEGERS]") }
    return values
  }

  mutating func optionalPair(_ key: String) throws(BloxError) -> (left: [Int], right: [Int])? {
    guard let attribute = find(key) else { return nil }
    guard case .pair(let first, let second) = attribute.value, let left = AttributeReader.integers(first),
      let right = AttributeReader.integers(second)
    else { throw mismatch(attribute, "[INTEGERS]x[INTEGERS]") }
    return (left, right)
  }

  /// One word of a closed set.
  mutating func word<T: CaseIterable & RawRepresentable>(_ key: String, _: T.Type) throws(BloxError) -> T
  where T.RawValue == String {
    let form = T.allCases.map(\.rawValue).joined(separator: "|")
    let attribute = try require(key, form)
    guard case .word(let text, index: nil) = attribute.value, let value = T(rawValue: text) else {
      throw mismatch(attribute, form)
    }
    return value
  }

  /// One word of a closed set, or none.
  mutating func optionalWord<T: CaseIterable & RawRepresentable>(_ key: String, _ type: T.Type) throws(BloxError) -> T?
  where T.RawValue == String {
    find(key) == nil ? nil : try word(key, type)
  }

  /// `buffer=arena[0]` or `buffers=[result[0], const]`; none before planning.
  mutating func buffers(count: Int) throws(BloxError) -> [BufferLocation] {
    let one = find("buffer")
    let several = find("buffers")
    guard let attribute = one ?? several else { return [] }
    let form = "arena[OFFSET], result[INDEX], param[INDEX], operand[OFFSET] or const"
    var values = [attribute.value]
    if attribute.key.text == "buffers" {
      guard case .list(let list) = attribute.value else { throw mismatch(attribute, "[BUFFERS]") }
      values = list
    }
    var locations: [BufferLocation] = []
    for value in values {
      guard let location = AttributeReader.location(value) else { throw mismatch(attribute, form) }
      locations.append(location)
    }
    guard locations.count == count, one == nil || several == nil else {
      let given = Spelling.count(locations.count, "buffer")
      throw source.error(
        at: attribute.valueOffset, "got \(given), expected as many as the \(Spelling.count(count, "result"))")
    }
    return locations
  }

  /// Refuses attributes that nothing asked for.
  func finish() throws(BloxError) {
    for attribute in attributes where !asked.contains(attribute.key.text) {
      let known = asked.filter { $0 != "buffer" && $0 != "buffers" }
      let expected =
        known.isEmpty ? "no attribute here" : "one of the attributes \(known.joined(separator: ", "))"
      throw source.error(at: attribute.key.offset, expected: expected)
    }
  }

  private func missing(_ key: String, _ form: String) -> BloxError {
    source.error(at: offset, expected: "the attribute \(key)=\(form)")
  }

  private static func integers(_ list: [AttributeValue]) -> [Int]? {
    var values: [Int] = []
    for element in list {
      guard case .integer(let value) = element else { return nil }
      values.append(value)
    }
    return values
  }

  private static func location(_ value: AttributeValue) -> BufferLocation? {
    switch value {
    case .word("arena", let index?) where index >= 0: .arena(offset: index)
    case .word("result", let index?) where index >= 0: .result(index)
    case .word("param", let index?) where index >= 0: .parameter(index)
    case .word("const", nil): .constant
    case .word("operand", let index?) where index >= 0: .operand(offset: index)
    case .flag, .integer, .string, .word, .list, .pair, .program: nil
    }
  }
}
