// What is said of a parameter beside its value, as JSON: {"trainable":true,"metadata":{"tag":"kernel"}}.
//
// Tags are strings, truth values, numbers, and lists of mesh axis names with null for none. Numbers with a point, an
// exponent or a name (NaN) are floating-point ones, so that each kind comes back as it was.

import BloxIR

extension ParamFlags {
  var json: String {
    let tags = metadata.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value.json) }
    return JSONText.object([("trainable", "\(isTrainable)"), ("metadata", JSONText.object(tags))])
  }

  init(json: String, subject: String) throws(BloxError) {
    var reader = JSONReader(Array(json.utf8), subject: subject)
    var (isTrainable, metadata): (Bool?, [String: MetadataValue]?)
    try reader.members { (reader: inout JSONReader, name) throws(BloxError) in
      switch name {
      case "trainable" where isTrainable == nil: isTrainable = try reader.truthValue()
      case "metadata" where metadata == nil: metadata = try reader.tags()
      default: throw reader.failure("has an entry '\(name)', which is none of trainable and metadata, or a second one")
      }
    }
    try reader.end()
    guard let isTrainable, let metadata else { throw reader.failure("lacks one of trainable and metadata") }
    self.init(isTrainable: isTrainable, metadata: metadata)
  }
}

extension MetadataValue {
  fileprivate var json: String {
    switch self {
    case .string(let text): JSONText.quoted(text)
    case .int(let value): "\(value)"
    case .double(let value): JSONText.number(value)
    case .bool(let value): "\(value)"
    case .axes(let axes): "[" + axes.map { $0.map(JSONText.quoted) ?? "null" }.joined(separator: ",") + "]"
    }
  }
}

extension JSONReader {
  fileprivate mutating func tags() throws(BloxError) -> [String: MetadataValue] {
    var tags: [String: MetadataValue] = [:]
    try members { (reader: inout JSONReader, name) throws(BloxError) in
      guard tags.updateValue(try reader.tag(), forKey: name) == nil else {
        throw reader.failure("has the tag '\(name)' twice")
      }
    }
    return tags
  }

  private mutating func tag() throws(BloxError) -> MetadataValue {
    if next("\"") { return .string(try string()) }
    if take("[") {
      var axes: [String?] = []
      if take("]") { return .axes([]) }
      repeat { axes.append(takeWord("null") ? nil : try string()) } while take(",")
      try expect("]")
      return .axes(axes)
    }
    let word = word()
    switch word {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "NaN": return .double(.nan)
    case "Infinity": return .double(.infinity)
    case "-Infinity": return .double(-.infinity)
    default: break
    }
    if let value = Int(word) { return .int(value) }
    // Swift also reads names and hexadecimal digits as numbers, which JSON does not.
    guard word.utf8.allSatisfy({ "+-.eE0123456789".utf8.contains($0) }), let value = Double(word), value.isFinite else {
      throw failure("has the tag value '\(word)', which is no string, number, truth value or list of axis names")
    }
    return .double(value)
  }
}
