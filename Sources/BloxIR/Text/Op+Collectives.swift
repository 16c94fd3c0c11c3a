// The attributes of collectives and of ops that name several programs.

extension Op.Collective {
  /// The attributes as `key=value`. Groups have one size, so their lanes are listed one group after the other.
  var attributeTexts: [String] {
    var texts: [String] = []
    switch exchange {
    case .sum, .max, .min: break
    case .allGather(let axis, _), .reduceScatter(let axis, _): texts.append("dim=\(axis)")
    case .allToAll(let split, let concat, _): texts += ["split=\(split)", "concat=\(concat)"]
    case .permute(let sources, let targets):
      texts.append("lanes=\(Spelling.list(sources))x\(Spelling.list(targets))")
    }
    texts.append("axes=[\(axes.map(Spelling.quoted).joined(separator: ","))]")
    if let size = statedSize ?? groups?.first?.count { texts.append("size=\(size)") }
    if let groups { texts.append("groups=\(Spelling.list(groups.flatMap { $0 }))") }
    return texts
  }

  /// What the names in text stand for.
  enum Mnemonic: String, CaseIterable {
    case psum, pmax, pmin, ppermute
    case allGather = "all_gather"
    case reduceScatter = "reduce_scatter"
    case allToAll = "all_to_all"
  }

  /// Reads the attributes of the collective of a name.
  init(_ mnemonic: Mnemonic, _ reader: inout AttributeReader) throws(BloxError) {
    let exchange: Exchange
    var size: Int?
    switch mnemonic {
    case .psum: exchange = .sum
    case .pmax: exchange = .max
    case .pmin: exchange = .min
    case .ppermute:
      let lanes = try reader.pair("lanes")
      exchange = .permute(sources: lanes.left, targets: lanes.right)
    case .allGather, .reduceScatter:
      let axis = try reader.integer("dim")
      let stated = try reader.integer("size")
      size = stated
      exchange =
        mnemonic == .allGather ? .allGather(axis: axis, size: stated) : .reduceScatter(axis: axis, size: stated)
    case .allToAll:
      let (split, concat) = (try reader.integer("split"), try reader.integer("concat"))
      let stated = try reader.integer("size")
      size = stated
      exchange = .allToAll(split: split, concat: concat, size: stated)
    }
    let axes = try reader.strings("axes")
    var groups: [[Int]]?
    if let lanes = try reader.optionalIntegers("groups") {
      var count = 0
      if let size { count = size } else { count = try reader.integer("size") }
      guard count > 0, lanes.count % count == 0 else {
        throw reader.source.error(
          at: reader.offset, "got \(lanes.count) lanes in groups, expected groups of size=\(count) lanes")
      }
      groups = stride(from: 0, to: lanes.count, by: count).map { Array(lanes[$0..<$0 + count]) }
    }
    self.init(exchange, axes: axes, groups: groups)
  }
}

extension Op.CustomOp {
  /// What the names in text stand for.
  enum Mnemonic: String, CaseIterable {
    case jvp = "custom_jvp"
    case vjp = "custom_vjp"
    case linear = "custom_linear"

    /// The roles of the programs that the op names, in the order of text.
    var roles: [Op.CalleeRole] {
      switch self {
      case .jvp: [.primal, .jvp]
      case .vjp: [.primal, .forward, .backward]
      case .linear: [.backward]
      }
    }
  }

  /// The op of a name with the programs that the text gives it.
  init(_ mnemonic: Mnemonic, _ reader: inout AttributeReader, _ parts: Op.Parts) throws(BloxError) {
    for role in mnemonic.roles where role != .primal { _ = try reader.program(role.rawValue) }
    func callee(_ role: Op.CalleeRole) throws(BloxError) -> Op.Callee {
      guard let callee = parts.callees[role] else {
        throw reader.source.error(at: reader.offset, expected: "\(mnemonic.rawValue) with the name of a program")
      }
      return callee
    }
    switch mnemonic {
    case .jvp: self = .jvp(primal: try callee(.primal), jvp: try callee(.jvp))
    case .vjp:
      self = .vjp(
        primal: try callee(.primal), forward: try callee(.forward), backward: try callee(.backward))
    case .linear: self = .linear(backward: try callee(.backward))
    }
  }
}
