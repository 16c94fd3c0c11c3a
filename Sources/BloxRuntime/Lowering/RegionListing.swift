// Listings: what a region was compiled to, as text for people.

import BloxIR
import CBloxKernels

/// What a region became on this machine: what a tile reads, the micro-ops that run over it, and the vector code of those
/// that are machine code.
package struct RegionListing: Sendable {
  /// The instruction whose region it is.
  package let instruction: Instruction
  /// The type of its first result.
  package let type: TensorType
  /// The control flow around it, the outermost first.
  package let around: [Instruction]
  /// A line each.
  package let lines: [String]
}

extension Executable {
  /// What the regions of a planned program become, in the order in which they run.
  ///
  /// - Throws: As ``init(planned:)``.
  package static func listings(planned program: Program) throws(BloxError) -> [RegionListing] {
    var lowering = Lowering(program)
    lowering.listings = []
    try lowering.run()
    return lowering.listings ?? []
  }
}

extension TileCompiler {
  /// The listing's lines.
  ///
  /// - Parameter tile: Elements of a tile.
  func listing(tile: Int) -> [String] {
    let rows = rowLength > 1 ? ", rows of \(rowLength)" : ""
    var lines = ["\(count) elements in tiles of \(min(tile, count))\(rows)"]
    lines += streams.map { "s\($0.slot) = \(name(of: $0))" }
    lines += constants.map { "s\($0.slot) = \($0.literal)" }
    for op in ops { lines += listing(of: op) }
    for (index, slot) in resultSlots.enumerated() {
      let target = slotBuffers[index] < 0 ? "a block of the product's operand" : "result \(index)"
      lines.append("\(target) = s\(slot)" + (isStreamed(index) ? ", past the caches" : ""))
    }
    return lines
  }

  private func name(of stream: TileStream) -> String {
    let type = stream.ofRows ? "\(stream.dtype) of each row" : "\(stream.dtype)"
    let operand = operandBuffers.firstIndex(of: stream.buffer).map { "operand \($0)" } ?? "memory of this instruction"
    if stream.kind == BLOX_STREAM_IOTA { return "indices, \(type)" }
    if stream.kind == BLOX_STREAM_RANDOM_BITS { return "random bits of the keys in \(operand), \(type)" }
    if stream.kind == BLOX_STREAM_PRODUCT { return "a block of the product, \(type)" }
    if stream.kind == BLOX_STREAM_CONTIGUOUS { return "\(operand), \(type), in place" }
    return "\(operand), \(type), " + (stream.kind == BLOX_STREAM_ROW ? "the same row for all" : "gathered")
  }

  private func listing(of op: TileOp) -> [String] {
    let operands = op.operands.map { "s\($0)" }.joined(separator: ", ")
    let target = op.targets.first.map { "s\($0) = " } ?? ""
    switch op.function {
    case .elementwise: return ["\(target)\(op.computations.map(\.name).joined(separator: "+")) \(operands)"]
    case .reduce(_, let kind): return ["\(target)\(kind) of each row of \(operands)"]
    case .repeat: return ["\(target)\(operands) for each element of its row"]
    case .fold(let index): return ["sum \(index) of columns takes \(operands)"]
    case .native(let code):
      let copies = code.copies > 1 ? "\(code.copies) vectors side by side" : "a vector at a time"
      return ["machine code, \(code.bytes.count) bytes, \(copies)\(code.isByRow ? ", row by row" : "")"]
        + code.program.listing.map { "  " + $0 }
    }
  }
}

extension TileComputation {
  fileprivate var name: String {
    let name =
      switch kind {
      case .unary(let op): Op.unary(op).name
      case .binary(let op): Op.binary(op).name
      case .compare(let direction): "compare \(direction)"
      case .select: Op.select.name
      case .clamp: Op.clamp.name
      case .fma: Op.fma.name
      case .convert(let result): "convert to \(result),"
      }
    return "\(name) \(dtype)"
  }
}

extension VectorProgram {
  /// A line for each instruction but constants, which stand where they are read, and for each result.
  var listing: [String] {
    func name(_ value: VectorValue) -> String {
      guard let bits = constantBits(value) else { return "v\(value)" }
      let number = Float(bitPattern: bits)
      // What is no number that anybody would write is a pattern of bits, or an integer.
      return number.isNormal && abs(number.exponent) < 32 || bits == 0
        ? "\(number)" : "0x" + String(bits, radix: 16, uppercase: true)
    }
    let lines = instructions.indices.filter { constantBits($0) == nil }.map { index in
      let operands = instructions[index].operands.map(name).joined(separator: ", ")
      return "v\(index) = \(instructions[index].op.name)\(operands.isEmpty ? "" : " " + operands)"
    }
    return lines + results.map { "s\($0.slot) = \(name($0.value))" }
  }
}

extension VectorOp {
  fileprivate var name: String {
    switch self {
    case .load(let slot, _): "s\(slot)"
    case .loadMask(let slot, _): "s\(slot) as a mask"
    case .broadcast(let slot): "s\(slot) in all lanes"
    case .constant(let bits): "\(bits)"
    case .binary(let op): "\(op)"
    case .unary(let op): "\(op)"
    case .multiplyAdd: "multiplyAdd"
    case .negativeMultiplyAdd: "negativeMultiplyAdd"
    case .copySign: "copySign"
    case .compare(.float(let order)): "\(order)"
    case .compare(.unordered): "unordered"
    case .compare(.signed(let order)): "\(order) signed"
    case .compare(.unsigned(let order)): "\(order) unsigned"
    case .signMask: "signMask"
    case .select: "select"
    case .maskLogic(let logic): "\(logic) masks"
    case .maskNot: "not mask"
    }
  }
}
