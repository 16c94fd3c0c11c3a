// The attributes of every op in text: what is printed and, below it, how it is read back.
//
// Attributes come in a fixed order and defaults are left out. What the result's type says (the shape of a broadcast,
// the dtype of a conversion) is no attribute.

extension Op {
  /// The attributes as `key=value`, without buffers.
  var attributeTexts: [String] {
    switch self {
    case .constant, .unary, .binary, .select, .clamp, .fma, .convert, .bitcastConvert, .reshape, .call, .stopGradient:
      return []
    case .compare(let direction): return ["direction=\(direction.rawValue)"]
    case .integerPow(let exponent): return ["exponent=\(exponent)"]
    case .broadcastInDim(_, let dims): return ["dims=\(Spelling.list(dims))"]
    case .transpose(let permutation): return ["permutation=\(Spelling.list(permutation))"]
    case .slice(let slice):
      let strides = slice.strides == slice.starts.map { _ in 1 } ? [] : ["stride=\(Spelling.list(slice.strides))"]
      return ["start=\(Spelling.list(slice.starts))", "limit=\(Spelling.list(slice.limits))"] + strides
    case .pad(let padding):
      let interior =
        padding.interior == padding.low.map { _ in 0 } ? [] : ["interior=\(Spelling.list(padding.interior))"]
      return ["low=\(Spelling.list(padding.low))", "high=\(Spelling.list(padding.high))"] + interior
    case .concatenate(let axis), .iota(_, let axis), .argReduce(_, let axis): return ["axis=\(axis)"]
    case .reduce(_, let axes): return ["axes=\(Spelling.list(axes))"]
    case .dotGeneral(let dims):
      let batch =
        dims.lhsBatch.isEmpty && dims.rhsBatch.isEmpty
        ? [] : ["batch=\(Spelling.list(dims.lhsBatch))x\(Spelling.list(dims.rhsBatch))"]
      return batch + ["contract=\(Spelling.list(dims.lhsContract))x\(Spelling.list(dims.rhsContract))"]
        + (dims.preferred.map { ["preferred=\($0)"] } ?? [])
    case .random(let op):
      switch op {
      case .seed, .foldIn, .wrap, .unwrap: return []
      case .split(let shape), .bits(let shape, _): return ["shape=\(Spelling.list(shape))"]
      }
    case .axisIndex(let name): return ["axis=\(Spelling.quoted(name))"]
    case .fusion(let fusion): return ["kind=\(fusion.kind.rawValue)"]
    case .custom: return []
    case .collective(let collective): return collective.attributeTexts
    case .indexing(let op): return op.attributeTexts
    case .cumulative(_, let axis, let reverse): return ["axis=\(axis)"] + (reverse ? ["reverse"] : [])
    case .control(let control): return control.attributeTexts
    case .checkpointName(let name): return ["name=\(Spelling.quoted(name))"]
    case .linearAlgebra(let op): return op.attributeTexts
    case .convolution(let convolution): return convolution.attributeTexts
    case .window(let op): return op.attributeTexts
    case .ordering(let op): return op.attributeTexts
    case .optimizationBarrier: return []
    case .debugPrint(let print): return print.attributeTexts
    }
  }

  /// The ops that are no member of a family named by its raw value.
  private enum Mnemonic: String, CaseIterable {
    case constant, compare, select, clamp, fma, convert, reshape, transpose, slice, pad, concatenate, iota, call, fusion
    case bitcastConvert = "bitcast_convert"
    case integerPow = "integer_pow"
    case broadcastInDim = "broadcast_in_dim"
    case dotGeneral = "dot_general"
    case convolution = "conv_general_dilated"
    case randomSeed = "random_seed"
    case randomFoldIn = "random_fold_in"
    case randomSplit = "random_split"
    case randomBits = "random_bits"
    case randomWrap = "random_wrap"
    case randomUnwrap = "random_unwrap"
    case axisIndex = "axis_index"
    case stopGradient = "stop_gradient"
    case checkpointName = "checkpoint_name"
    case optimizationBarrier = "optimization_barrier"
    case debugPrint = "debug_print"
  }

  /// Every op's name, family by family.
  package static let names: [String] =
    Unary.allCases.map(\.rawValue) + Binary.allCases.map(\.rawValue)
    + Reduction.allCases.map { "reduce_" + $0.rawValue } + ArgReduction.allCases.map(\.rawValue)
    + Mnemonic.allCases.map(\.rawValue)
    + CustomOp.Mnemonic.allCases.map(\.rawValue)
    + Collective.Mnemonic.allCases.map(\.rawValue)
    + Indexing.Mnemonic.allCases.map(\.rawValue)
    + Cumulative.allCases.map(\.rawValue)
    + Control.Mnemonic.allCases.map(\.rawValue)
    + LinearAlgebra.Mnemonic.allCases.map(\.rawValue)
    + WindowOp.Mnemonic.allCases.map(\.rawValue)
    + Ordering.Mnemonic.allCases.map(\.rawValue)

  private static let nameSet = Set(names)

  /// Whether there is an op of a name.
  static func isName(_ name: String) -> Bool { nameSet.contains(name) }

  /// What an op is made of besides its attributes.
  struct Parts {
    /// The type of the first result in the text.
    var result: TensorType
    var constant: DenseConstant?
    /// The programs that the text names, by role.
    var callees: [CalleeRole: Callee] = [:]
    var region: Program? { regions.first?.program }
    /// The regions in the order of text.
    var regions: [OpRegion] = []
  }

  /// The op of a name with the attributes that the reader holds; `nil` for an unknown name.
  static func read(_ name: String, _ reader: inout AttributeReader, _ parts: Parts) throws(BloxError) -> Op? {
    if let op = Unary(rawValue: name) { return .unary(op) }
    if let op = Binary(rawValue: name) { return .binary(op) }
    if let kind = ArgReduction(rawValue: name) { return .argReduce(kind, axis: try reader.integer("axis")) }
    if name.hasPrefix("reduce_"), let kind = Reduction(rawValue: String(name.dropFirst(7))) {
      return .reduce(kind, axes: try reader.integers("axes"))
    }
    if let mnemonic = CustomOp.Mnemonic(rawValue: name) { return .custom(try CustomOp(mnemonic, &reader, parts)) }
    if let mnemonic = Collective.Mnemonic(rawValue: name) { return .collective(try Collective(mnemonic, &reader)) }
    if let kind = Cumulative(rawValue: name) {
      return .cumulative(kind, axis: try reader.integer("axis"), reverse: try reader.flag("reverse"))
    }
    if let mnemonic = Indexing.Mnemonic(rawValue: name) { return .indexing(try Indexing(mnemonic, &reader)) }
    if let mnemonic = Control.Mnemonic(rawValue: name) { return .control(try Control(mnemonic, &reader, parts)) }
    if let mnemonic = WindowOp.Mnemonic(rawValue: name) { return .window(try WindowOp(mnemonic, &reader)) }
    if let mnemonic = LinearAlgebra.Mnemonic(rawValue: name) {
      return .linearAlgebra(try LinearAlgebra(mnemonic, &reader))
    }
    if let mnemonic = Ordering.Mnemonic(rawValue: name) { return .ordering(try Ordering(mnemonic, &reader)) }
    guard let mnemonic = Mnemonic(rawValue: name) else { return nil }
    switch mnemonic {
    case .constant, .call, .fusion: return try readComposite(mnemonic, &reader, parts)
    case .randomSeed: return .random(.seed)
    case .randomFoldIn: return .random(.foldIn)
    case .randomSplit: return .random(.split(try reader.integers("shape")))
    case .randomBits: return .random(.bits(shape: try reader.integers("shape"), parts.result.dtype))
    case .randomWrap: return .random(.wrap)
    case .randomUnwrap: return .random(.unwrap)
    case .compare: return .compare(try reader.word("direction", Comparison.self))
    case .select: return .select
    case .clamp: return .clamp
    case .fma: return .fma
    case .convert: return .convert(parts.result.dtype)
    case .bitcastConvert: return .bitcastConvert(parts.result.dtype)
    case .integerPow: return .integerPow(try reader.integer("exponent"))
    case .broadcastInDim: return .broadcastInDim(shape: parts.result.shape, dims: try reader.integers("dims"))
    case .reshape: return .reshape(parts.result.shape)
    case .transpose: return .transpose(try reader.integers("permutation"))
    case .slice:
      return .slice(
        Slice(
          starts: try reader.integers("start"), limits: try reader.integers("limit"),
          strides: try reader.optionalIntegers("stride")))
    case .pad:
      return .pad(
        Padding(
          low: try reader.integers("low"), high: try reader.integers("high"),
          interior: try reader.optionalIntegers("interior")))
    case .concatenate: return .concatenate(axis: try reader.integer("axis"))
    case .iota: return .iota(parts.result, axis: try reader.integer("axis"))
    case .dotGeneral:
      let batch = try reader.optionalPair("batch") ?? ([], [])
      let contract = try reader.pair("contract")
      return .dotGeneral(
        DotDimensions(
          lhsBatch: batch.left, rhsBatch: batch.right, lhsContract: contract.left, rhsContract: contract.right,
          preferred: try reader.optionalWord("preferred", DType.self)))
    case .axisIndex: return .axisIndex(try reader.string("axis"))
    case .stopGradient: return .stopGradient
    case .checkpointName: return .checkpointName(try reader.string("name"))
    case .optimizationBarrier: return .optimizationBarrier
    case .debugPrint: return .debugPrint(try DebugPrint(&reader))
    case .convolution: return .convolution(try Convolution(&reader))
    }
  }

  /// The ops that carry data or programs.
  private static func readComposite(
    _ mnemonic: Mnemonic, _ reader: inout AttributeReader, _ parts: Parts
  ) throws(BloxError) -> Op {
    if mnemonic == .constant, let constant = parts.constant { return .constant(constant) }
    if mnemonic == .call, let callee = parts.callees[.primal] { return .call(callee) }
    if mnemonic == .fusion, let region = parts.region {
      return .fusion(Fusion(kind: try reader.word("kind", FusionKind.self), region: region))
    }
    let missing = mnemonic == .constant ? "a literal or dense<[…]>" : "a region"
    throw reader.source.error(at: reader.offset, expected: "\(mnemonic.rawValue) with \(missing)")
  }
}
