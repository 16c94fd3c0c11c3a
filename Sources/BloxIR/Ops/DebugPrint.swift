// Printing from inside a program: the format, its check, and the lines.

/// What `debug_print` prints.
public struct DebugPrint: Hashable, Sendable {
  /// The text, with `{}` for each operand in order, or `{.3}` for floats with three decimals; `{{` and `}}` are braces.
  /// Without any there is one operand, which is not shown; an empty text prints nothing.
  public var format: String
  /// How many leading dimensions of every operand are lanes: one line is printed for each.
  public var lanes: Int

  /// Creates a format.
  public init(_ format: String, lanes: Int = 0) {
    self.format = format
    self.lanes = lanes
  }

  /// A part of a format.
  package enum Piece: Hashable, Sendable {
    case text(String)
    /// The next operand; with fixed decimals if given.
    case operand(decimals: Int?)
  }

  /// The parts of the format.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for braces that are no placeholder.
  package func pieces() throws(BloxError) -> [Piece] {
    var pieces: [Piece] = []
    var text = ""
    var rest = format[...]
    while let character = rest.popFirst() {
      guard character == "{" || character == "}" else {
        text.append(character)
        continue
      }
      if rest.first == character {
        text.append(character)
        rest.removeFirst()
        continue
      }
      guard character == "{", let end = rest.firstIndex(of: "}") else { throw invalidFormat(character) }
      let inside = rest[..<end]
      rest = rest[rest.index(after: end)...]
      var decimals: Int?
      if !inside.isEmpty {
        guard inside.first == ".", let count = Int(inside.dropFirst()), (0...15).contains(count) else {
          throw invalidFormat(character)
        }
        decimals = count
      }
      if !text.isEmpty { pieces.append(.text(text)) }
      text = ""
      pieces.append(.operand(decimals: decimals))
    }
    if !text.isEmpty { pieces.append(.text(text)) }
    return pieces
  }

  private func invalidFormat(_ brace: Character) -> BloxError {
    BloxError(
      .invalidArgument,
      "debug_print: the format '\(format)' has a '\(brace)' that is no placeholder; write {} or {.3} for a value, {{ or"
        + " }} for a brace")
  }

  /// The lines for operands of the right types, one for each lane.
  package func lines(_ operands: [DenseConstant]) -> [String] {
    guard let pieces = try? pieces(), !pieces.isEmpty, let first = operands.first else { return [] }
    let count = first.type.shape.prefix(lanes).reduce(1, *)
    return (0..<count).map { lane in
      var next = 0
      return pieces.map { piece -> String in
        switch piece {
        case .text(let text): return text
        case .operand(let decimals):
          defer { next += 1 }
          return TensorText(operands[next].lane(lane, dimensions: lanes), decimals: decimals).text
        }
      }.joined()
    }
  }
}

extension DenseConstant {
  /// The elements of one lane, where the leading dimensions are lanes.
  fileprivate func lane(_ lane: Int, dimensions: Int) -> DenseConstant {
    guard dimensions > 0 else { return self }
    let type = TensorType(self.type.dtype, Array(self.type.shape.dropFirst(dimensions)))
    return DenseConstant(type: type, bytes: Array(bytes[(lane * type.byteCount)..<((lane + 1) * type.byteCount)]))
  }
}

extension DebugPrint {
  /// The first operand's type: the op is the identity.
  func resultType(_ rule: TypeRule) throws(BloxError) -> TensorType {
    try rule.expect(!rule.operands.isEmpty, .invalidArgument, "takes at least one operand")
    let shown = try pieces().filter { if case .operand = $0 { true } else { false } }.count
    try rule.expect(
      shown == rule.operands.count || (shown == 0 && rule.operands.count == 1), .invalidArgument,
      "the format '\(format)' shows \(shown) values")
    try rule.expect(lanes >= 0, .invalidArgument, "lanes is \(lanes)")
    let sizes = rule.operands[0].shape.prefix(lanes)
    try rule.expect(
      rule.operands.allSatisfy { $0.rank >= lanes && $0.shape.prefix(lanes) == sizes }, .shapeMismatch,
      "the first \(lanes) dimensions of all operands are lanes and must agree")
    return rule.operands[0]
  }

  var attributeTexts: [String] {
    ["format=\(Spelling.quoted(format))"] + (lanes == 0 ? [] : ["lanes=\(lanes)"])
  }

  init(_ reader: inout AttributeReader) throws(BloxError) {
    self.init(try reader.string("format"), lanes: try reader.optionalInteger("lanes") ?? 0)
  }
}

extension Op {
  /// Whether running the op, or a program that it carries, does more than give results: it must not be removed, merged
  /// with an equal one, or moved past another effect.
  public var hasEffect: Bool {
    if case .debugPrint = self { return true }
    if case .control(let control) = self { return control.hasEffect }
    return region?.instructions.contains { $0.op.hasEffect } ?? callees.contains { $0.callee.hasEffect }
  }
}
