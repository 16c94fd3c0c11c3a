// The attributes of control flow in text, and what literals mean that regions return.

extension Op.Control {
  var attributeTexts: [String] {
    switch self {
    case .scan(let scan):
      return ["length=\(scan.length)", "consts=\(scan.constCount)", "carry=\(scan.carryCount)"]
        + (scan.isReversed ? ["reverse"] : []) + (scan.unroll == 1 ? [] : ["unroll=\(scan.unroll)"])
    case .loop(let loop):
      return (loop.conditionConstCount == 0 ? [] : ["cond_consts=\(loop.conditionConstCount)"])
        + (loop.bodyConstCount == 0 ? [] : ["body_consts=\(loop.bodyConstCount)"])
    case .cond: return []
    case .checkpoint(let checkpoint):
      return checkpoint.policy.attributeTexts + (checkpoint.isRecomputation ? ["recomputation"] : [])
    }
  }

  /// What the names in text stand for.
  enum Mnemonic: String, CaseIterable {
    case scan, cond, checkpoint
    case loop = "while"
  }

  /// The op of a name with the regions that the text gives it.
  init(_ mnemonic: Mnemonic, _ reader: inout AttributeReader, _ parts: Op.Parts) throws(BloxError) {
    let labels = parts.regions.map(\.label)
    let programs = parts.regions.map(\.program)
    func expect(_ accepted: Bool, _ form: String) throws(BloxError) {
      if !accepted { throw reader.source.error(at: reader.offset, expected: "\(mnemonic.rawValue) with \(form)") }
    }
    switch mnemonic {
    case .scan:
      try expect(labels == ["body"], "a region body(…)")
      self = .scan(
        Op.Scan(
          body: programs[0], constCount: try reader.integer("consts"), carryCount: try reader.integer("carry"),
          length: try reader.integer("length"), isReversed: try reader.flag("reverse"),
          unroll: try reader.optionalInteger("unroll") ?? 1))
    case .loop:
      try expect(labels == ["cond", "body"], "the regions cond(…) and body(…)")
      self = .loop(
        Op.Loop(
          condition: programs[0], body: programs[1],
          conditionConstCount: try reader.optionalInteger("cond_consts") ?? 0,
          bodyConstCount: try reader.optionalInteger("body_consts") ?? 0))
    case .cond:
      let isPredicate = labels == ["true", "false"]
      try expect(
        isPredicate || (!labels.isEmpty && labels.allSatisfy { $0 == "case" }),
        "the regions true(…) and false(…), or case(…) for each index")
      self = .cond(Op.Cond(branches: programs, isPredicate: isPredicate))
    case .checkpoint:
      try expect(labels == ["body"], "a region body(…)")
      self = .checkpoint(
        Op.Checkpoint(
          body: programs[0], policy: try CheckpointPolicy(&reader),
          isRecomputation: try reader.flag("recomputation")))
    }
  }
}

extension CheckpointPolicy {
  /// The words for policies.
  private enum Word: String, CaseIterable {
    case nothing, everything, dots, names
    case dotsWithoutBatchDims = "dots_without_batch_dims"
  }

  fileprivate var attributeTexts: [String] {
    switch self {
    case .nothing: ["policy=nothing"]
    case .everything: ["policy=everything"]
    case .dots: ["policy=dots"]
    case .dotsWithoutBatchDims: ["policy=dots_without_batch_dims"]
    case .names(let names): ["policy=names", "names=[\(names.map(Spelling.quoted).joined(separator: ", "))]"]
    }
  }

  fileprivate init(_ reader: inout AttributeReader) throws(BloxError) {
    switch try reader.word("policy", Word.self) {
    case .nothing: self = .nothing
    case .everything: self = .everything
    case .dots: self = .dots
    case .dotsWithoutBatchDims: self = .dotsWithoutBatchDims
    case .names: self = .names(try reader.strings("names"))
    }
  }
}

extension Op {
  /// The type that a literal has which a region of an op returns as result `index`; `nil` when there is no such result.
  ///
  /// - Parameters:
  ///   - results: The types of the instruction's results in the text.
  ///   - carry: The attribute of that name.
  static func regionResultType(
    _ name: String, label: String, at index: Int, results: [TensorType], carry: Int
  ) -> TensorType? {
    if label == "cond" { return index == 0 ? TensorType(.bool) : nil }
    guard results.indices.contains(index) else { return nil }
    return name == "scan" && index >= carry ? results[index].unstacked : results[index]
  }
}
