// Which values share memory because they are the same bytes.
//
// A "block" is a piece of memory with a lifetime. An op that only renames its operand's bytes (a reshape, say) puts
// its result into the operand's block; every other instruction opens a new one.
//
// A slice that takes a run of its operand's elements is part of the operand's block too, and nothing is copied: unless it
// is a result, or would keep the operand's memory from others for longer than the operand itself does.
import BloxIR

extension Op {
  /// Whether the result is the first operand's bytes, in the same order, under another type.
  package func isAlias(operand: TensorType?, result: TensorType) -> Bool {
    guard let operand else { return false }
    switch self {
    case .reshape, .bitcastConvert, .stopGradient, .checkpointName, .random(.wrap), .random(.unwrap): return true
    case .convert(let dtype): return operand.dtype == dtype
    case .broadcastInDim(_, let dims):
      // Without repetition only dimensions of size 1 were added; the others must keep their order.
      let kept = dims.indices.filter { operand.shape[$0] != 1 }.map { dims[$0] }
      return operand.elementCount == result.elementCount && kept == kept.sorted()
    case .transpose(let permutation):
      let kept = permutation.filter { operand.shape[$0] != 1 }
      return kept == kept.sorted()
    case .slice, .reduce(_, axes: []): return operand == result
    case .pad(let padding):
      return operand == result && (padding.low + padding.high).allSatisfy { $0 == 0 }
    case .concatenate: return operand == result
    case .reduce(_, let axes): return operand.elementCount == result.elementCount && !axes.isEmpty
    case .constant, .unary, .binary, .compare, .select, .clamp, .fma, .integerPow, .iota, .argReduce, .dotGeneral,
      .random(.seed), .random(.foldIn), .random(.split), .random(.bits), .call, .axisIndex, .fusion:
      return false
    case .custom, .collective, .indexing: return false
    case .cumulative: return false
    case .control: return false
    case .linearAlgebra: return false
    case .convolution: return false
    case .window: return false
    case .ordering: return false
    case .optimizationBarrier: return true
    case .debugPrint: return true
    }
  }
}

extension Instruction {
  /// Whether the result is the first operand's bytes (see ``Op/isAlias(operand:result:)``).
  package func isAlias(in program: Program) -> Bool {
    guard let first = operands.first, let source = first.value, results.count == 1 else { return false }
    return op.isAlias(operand: program.type(of: source), result: program.type(of: results[0]))
  }
}

/// A piece of memory and when it is in use, in instruction indices.
struct MemoryBlock {
  enum Origin: Equatable {
    case parameter(Int), constant, computed
  }

  let origin: Origin
  let byteCount: Int
  /// The instruction that writes it; -1 for parameters.
  let definition: Int
  /// The last instruction that reads it, `definition` when none does, `Int.max` when a result of the program does.
  var lastUse: Int
}

/// The blocks of a program and the block of each value.
struct ValueStorage {
  private(set) var blocks: [MemoryBlock] = []
  private(set) var blockOfValue: [Int] = []
  /// The slices that are part of their operand's block, with the byte at which they begin in the operand.
  private(set) var parts: [Int: Int] = [:]

  init(_ program: Program, _ context: PlanningContext = .whole) {
    walk(program)
    parts = partsToShare(program, context)
    if !parts.isEmpty { walk(program) }
  }

  /// Whether an instruction opens no block: its result has another's bytes, or some of them.
  func isName(_ index: Int, _ instruction: Instruction, in program: Program) -> Bool {
    parts[index] != nil || instruction.isAlias(in: program)
  }

  private mutating func walk(_ program: Program) {
    blocks = []
    blockOfValue = Array(repeating: -1, count: program.types.count)
    for (index, parameter) in program.parameters.enumerated() {
      open(.parameter(index), parameter.type, value: program.parameterValue(index), at: -1)
    }
    for (index, instruction) in program.instructions.enumerated() {
      for operand in instruction.operands {
        if let value = operand.value { blocks[blockOfValue[value.index]].lastUse = index }
      }
      if isName(index, instruction, in: program), let source = instruction.operands[0].value {
        blockOfValue[instruction.results[0].index] = blockOfValue[source.index]
        continue
      }
      let origin: MemoryBlock.Origin = if case .constant = instruction.op { .constant } else { .computed }
      for result in instruction.results { open(origin, program.type(of: result), value: result, at: index) }
    }
    for result in program.results {
      if let value = result.operand.value { blocks[blockOfValue[value.index]].lastUse = .max }
    }
  }

  private func partsToShare(_ program: Program, _ context: PlanningContext) -> [Int: Int] {
    var parts: [Int: Int] = [:]
    // The block that another one, so far of its own, will be part of.
    var wholes: [Int: Int] = [:]
    for (index, instruction) in program.instructions.enumerated() {
      guard case .slice = instruction.op, let source = instruction.operands[0].value, !instruction.isAlias(in: program),
        let start = instruction.op.runStart(
          of: program.type(of: instruction.results[0]), in: program.type(of: source))
      else { continue }
      let (whole, part) = (block(of: source), block(of: instruction.results[0]))
      let kept = blocks[wholes[whole] ?? whole]
      guard blocks[part].lastUse != .max, blocks[part].lastUse <= kept.lastUse || isKept(kept, program, context) else {
        continue
      }
      parts[index] = start
      wholes[part] = wholes[whole] ?? whole
    }
    return parts
  }

  /// Whether nobody else may have a block's memory anyway.
  private func isKept(_ block: MemoryBlock, _ program: Program, _ context: PlanningContext) -> Bool {
    switch block.origin {
    case .parameter(let index): !context.mayWrite(parameter: index, of: program)
    case .constant: true
    case .computed: false
    }
  }

  private mutating func open(_ origin: MemoryBlock.Origin, _ type: TensorType, value: Value, at index: Int) {
    blockOfValue[value.index] = blocks.count
    blocks.append(MemoryBlock(origin: origin, byteCount: type.byteCount, definition: index, lastUse: index))
  }

  func block(of value: Value) -> Int { blockOfValue[value.index] }
}
