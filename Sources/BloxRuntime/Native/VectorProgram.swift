// Straight-line code on vectors of one instruction set's width: what a run of micro-ops computes for one vector of
// elements, before it has registers.
//
// Values are numbered in the order of their definitions, as in the IR. Lanes hold 32 bits each; booleans are masks.

/// A value: the index of the instruction that computes it.
typealias VectorValue = Int

/// A vector instruction, named after what it does to each lane. Its operands are values.
enum VectorOp: Hashable {
  /// Elements of a slot, so many vectors after the index.
  case load(slot: Int, vector: Int)
  /// Booleans of a slot, one byte each, as a mask.
  case loadMask(slot: Int, vector: Int)
  /// The one element at a slot's address in all lanes.
  case broadcast(slot: Int)
  case constant(UInt32)
  case binary(Binary)
  case unary(Unary)
  /// a b + c, rounded once.
  case multiplyAdd
  /// c - a b, rounded once.
  case negativeMultiplyAdd
  /// The size of a with the sign of b.
  case copySign
  case compare(Comparison)
  /// Whether the sign bit is set, as a mask.
  case signMask
  /// b where the mask a is set, c elsewhere.
  case select
  case maskLogic(MaskLogic)
  case maskNot

  enum Binary {
    case add, subtract, multiply, divide
    /// b where a lane is NaN or both are zeros, as the instructions have it.
    case maximum, minimum
    /// a times two to the power of b.
    case scale
    case and, or, xor
    case addInteger, subtractInteger, multiplyInteger
    case maximumSigned, minimumSigned, maximumUnsigned, minimumUnsigned
    /// Shifts by 32 and more leave nothing but, arithmetic ones, the sign.
    case shiftLeft, shiftRight, shiftRightArithmetic

    var isCommutative: Bool {
      switch self {
      case .add, .multiply, .and, .or, .xor, .addInteger, .multiplyInteger, .maximumSigned, .minimumSigned,
        .maximumUnsigned, .minimumUnsigned:
        true
      case .subtract, .divide, .maximum, .minimum, .scale, .subtractInteger, .shiftLeft, .shiftRight,
        .shiftRightArithmetic:
        false
      }
    }
  }

  enum Unary {
    case squareRoot, floor, ceil, fromSigned, fromUnsigned
  }

  enum Comparison: Hashable {
    /// NaN is not equal to anything, and neither less nor greater.
    case float(Order)
    /// Whether one is NaN.
    case unordered
    case signed(Order), unsigned(Order)

    enum Order { case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual }
  }

  enum MaskLogic { case and, or, xor }

  /// Whether it is the same in all lanes.
  fileprivate var isUniform: Bool {
    switch self {
    case .constant, .broadcast: true
    case .load, .loadMask, .binary, .unary, .multiplyAdd, .negativeMultiplyAdd, .copySign, .compare, .signMask, .select,
      .maskLogic, .maskNot:
      false
    }
  }

  /// The same for vectors further on.
  fileprivate func moved(_ vectors: Int) -> VectorOp {
    switch self {
    case .load(let slot, let vector): .load(slot: slot, vector: vector + vectors)
    case .loadMask(let slot, let vector): .loadMask(slot: slot, vector: vector + vectors)
    case .broadcast, .constant, .binary, .unary, .multiplyAdd, .negativeMultiplyAdd, .copySign, .compare, .signMask,
      .select, .maskLogic, .maskNot:
      self
    }
  }

  /// Whether the result is a mask.
  var isMask: Bool {
    switch self {
    case .loadMask, .compare, .signMask, .maskLogic, .maskNot: true
    case .load, .broadcast, .constant, .binary, .unary, .multiplyAdd, .negativeMultiplyAdd, .copySign, .select: false
    }
  }
}

struct VectorInstruction {
  let op: VectorOp
  let operands: [VectorValue]
}

/// A program, and what it leaves in slots.
struct VectorProgram {
  private(set) var instructions: [VectorInstruction] = []
  /// What it leaves in slots.
  var results: [Result] = []
  private var sources: [VectorOp: VectorValue] = [:]

  struct Result {
    let value: VectorValue
    let slot: Int
    var vector = 0
    /// Written past the caches; the slot is then at a multiple of 64 bytes.
    var isStreamed = false
  }

  mutating func emit(_ op: VectorOp, _ operands: VectorValue...) -> VectorValue {
    instructions.append(VectorInstruction(op: op, operands: operands))
    return instructions.count - 1
  }

  mutating func load(slot: Int) -> VectorValue { source(.load(slot: slot, vector: 0)) }
  mutating func loadMask(slot: Int) -> VectorValue { source(.loadMask(slot: slot, vector: 0)) }
  mutating func broadcast(slot: Int) -> VectorValue { source(.broadcast(slot: slot)) }
  mutating func constant(bits: UInt32) -> VectorValue { source(.constant(bits)) }
  mutating func constant(_ value: Float) -> VectorValue { constant(bits: value.bitPattern) }

  /// What comes from outside is read once.
  private mutating func source(_ op: VectorOp) -> VectorValue {
    if let known = sources[op] { return known }
    let value = emit(op)
    sources[op] = value
    return value
  }

  /// The same for several vectors side by side: each instruction stands once for each of them, so that none waits for the
  /// one before it. What is the same in all lanes is shared.
  func interleaved(_ copies: Int) -> VectorProgram {
    var result = VectorProgram()
    var places: [[VectorValue]] = []
    for instruction in instructions {
      let first = result.instructions.count
      let isShared = instruction.op.isUniform
      for copy in 0..<(isShared ? 1 : copies) {
        let operands = instruction.operands.map { places[$0][copy] }
        result.instructions.append(VectorInstruction(op: instruction.op.moved(copy), operands: operands))
      }
      places.append((0..<copies).map { isShared ? first : first + $0 })
    }
    for output in results {
      for copy in 0..<copies {
        result.results.append(
          Result(value: places[output.value][copy], slot: output.slot, vector: copy, isStreamed: output.isStreamed))
      }
    }
    return result
  }

  /// The instruction that reads each value last; -1 for none, and the number of instructions for results.
  var lastUses: [Int] {
    var last = Array(repeating: -1, count: instructions.count)
    for (index, instruction) in instructions.enumerated() {
      for operand in instruction.operands { last[operand] = index }
    }
    for result in results { last[result.value] = instructions.count }
    return last
  }

  /// How many vectors and masks are needed at the same time, constants aside.
  var pressure: (vectors: Int, masks: Int) {
    let last = lastUses
    var ends = Array(repeating: (vectors: 0, masks: 0), count: instructions.count + 1)
    var (live, most) = ((vectors: 0, masks: 0), (vectors: 0, masks: 0))
    for (index, instruction) in instructions.enumerated() {
      live = (live.vectors - ends[index].vectors, live.masks - ends[index].masks)
      if case .constant = instruction.op { continue }
      let end = last[index] < 0 ? index + 1 : last[index]
      if instruction.op.isMask {
        live.masks += 1
        ends[end].masks += 1
      } else {
        live.vectors += 1
        ends[end].vectors += 1
      }
      most = (max(most.vectors, live.vectors), max(most.masks, live.masks))
    }
    return most
  }

  /// The bits of a constant.
  func constantBits(_ value: VectorValue) -> UInt32? {
    if case .constant(let bits) = instructions[value].op { return bits }
    return nil
  }
}
