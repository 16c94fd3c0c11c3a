// From vector code to machine code: registers, and the loop over a tile.
//
// A single walk gives registers. A value keeps its register until its last use; where there are too few, that which is
// needed last goes to the frame. Constants have the registers that are left; where there are none, an instruction reads
// them from memory into all lanes.

/// Writes the machine code of a vector program.
struct VectorCode {
  private var program = VectorProgram()
  private var lastUse: [Int] = []
  private var assembler = VectorAssembler()
  /// The register of each value, while it has one, and its place in the frame.
  private var registers: [Int?] = []
  private var frame: [Int?] = []
  private var frameCursor = 0
  private var frameBytes = 0
  private var freePlaces: [Int] = []
  private var free: [Int] = []
  private var freeMasks: [Int] = []
  /// Registers that hold constants throughout.
  private var constants: [UInt32: Int] = [:]
  /// Values that have registers.
  private var living: [VectorValue] = []
  /// What the current instruction reads, which keeps its registers.
  private var pinned: [VectorValue] = []
  /// The constant in the scratch register.
  private var scratchBits: UInt32?
  /// Whether only some lanes are read and written.
  private var isPartial = false

  /// A register for what an instruction needs for itself.
  private static let scratch = 0
  private static let vectors = 1..<32
  private static let masks = 1..<7
  private static let partialMask = 7
  private static let lanes = 16
  /// As many vectors side by side hide how long an instruction takes. So many instructions do it by themselves, and longer
  /// loops leave the cache of decoded instructions.
  private static let mostCopies = 4
  private static let mostInstructions = 1024

  /// The code of a function `void (char *const *slots, int64_t n)`, and how many vectors go through it side by side.
  static func assemble(_ program: VectorProgram) -> (bytes: [UInt8], copies: Int) {
    var code = VectorCode()
    return code.assemble(program)
  }

  // MARK: The loop

  private mutating func assemble(_ program: VectorProgram) -> (bytes: [UInt8], copies: Int) {
    let pressure = program.pressure
    let fitting = min(
      (VectorCode.vectors.count - 1) / max(pressure.vectors, 1), VectorCode.masks.count / max(pressure.masks, 1))
    let short = VectorCode.mostInstructions / max(program.instructions.count, 1)
    let copies = max(min(fitting, short, VectorCode.mostCopies), 1)
    // endbr64; push rbp; mov rbp, rsp; sub rsp, frame; and rsp, -64
    assembler.append(0xF3, 0x0F, 0x1E, 0xFA, 0x55, 0x48, 0x89, 0xE5, 0x48, 0x81, 0xEC)
    let frameAt = assembler.code.count
    assembler.append(word: 0)
    assembler.append(0x48, 0x83, 0xE4, 0xC0)
    // A result may need a register while its operands keep theirs: three, and one more.
    let needed = max(copies * pressure.vectors + 1, 4)
    loadConstants(of: program, room: VectorCode.vectors.count - needed)
    // xor edx, edx; lea rcx, [rsi - step]; test rcx, rcx
    let step = UInt8(copies * VectorCode.lanes)
    assembler.append(0x31, 0xD2, 0x48, 0x8D, 0x4E, ~step + 1, 0x48, 0x85, 0xC9)
    let toRest = assembler.jump(.negative)
    let loop = assembler.code.count
    emitBody(copies == 1 ? program : program.interleaved(copies), isPartial: false)
    // add rdx, step; cmp rdx, rcx
    assembler.append(0x48, 0x83, 0xC2, step, 0x48, 0x39, 0xCA)
    assembler.jump(.lessOrEqual, to: loop)
    assembler.land(toRest)
    // What is left, at most a vector at a time. mov rcx, rsi; sub rcx, rdx
    let rest = assembler.code.count
    assembler.append(0x48, 0x89, 0xF1, 0x48, 0x29, 0xD1)
    let toEnd = assembler.jump(.lessOrEqual)
    // mov eax, 1; shl rax, cl; dec rax; kmovw k7, eax
    assembler.append(0xB8, 1, 0, 0, 0, 0x48, 0xD3, 0xE0, 0x48, 0xFF, 0xC8)
    assembler.append(0xC5, 0xF8, 0x92, 0xC0 | UInt8(VectorCode.partialMask) << 3)
    emitBody(program, isPartial: true)
    // add rdx, 16
    assembler.append(0x48, 0x83, 0xC2, UInt8(VectorCode.lanes))
    assembler.jump(to: rest)
    assembler.land(toEnd)
    // vzeroupper; leave; ret
    assembler.append(0xC5, 0xF8, 0x77, 0xC9, 0xC3)
    assembler.patch(frameAt, with: frameBytes + 64)
    return (assembler.finish(), copies)
  }

  /// Gives the constants that are read most often the registers that nothing else needs.
  private mutating func loadConstants(of program: VectorProgram, room: Int) {
    var counts: [UInt32: Int] = [:]
    for instruction in program.instructions {
      for operand in instruction.operands {
        if let bits = program.constantBits(operand) { counts[bits, default: 0] += 1 }
      }
    }
    let chosen = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(max(room, 0)).map(\.key)
    for (bits, register) in zip(chosen, VectorCode.vectors.reversed()) {
      constants[bits] = register
      assembler.emit(.broadcast, register, .word(bits))
    }
  }

  private mutating func emitBody(_ program: VectorProgram, isPartial: Bool) {
    self.program = program
    self.isPartial = isPartial
    lastUse = program.lastUses
    registers = Array(repeating: nil, count: lastUse.count)
    frame = registers
    (frameCursor, freePlaces) = (0, [])
    (living, pinned, scratchBits) = ([], [], nil)
    free = VectorCode.vectors.dropLast(constants.count).reversed()
    freeMasks = VectorCode.masks.reversed()
    for (index, instruction) in program.instructions.enumerated() {
      if case .constant = instruction.op { continue }
      emit(instruction, index)
    }
    // After all loads: a result may take the place of what was read.
    for result in program.results { store(result) }
  }

  // MARK: Registers

  private func isMask(_ value: VectorValue) -> Bool { program.instructions[value].op.isMask }

  /// A register for a value, for which another may have to go to the frame.
  private mutating func takeRegister(for value: VectorValue) -> Int {
    let wantsMask = isMask(value)
    let register: Int
    if let known = wantsMask ? freeMasks.popLast() : free.popLast() {
      register = known
    } else {
      let candidates = living.filter { isMask($0) == wantsMask && !pinned.contains($0) }
      guard let victim = candidates.max(by: { lastUse[$0] < lastUse[$1] }), let given = registers[victim] else {
        preconditionFailure("an instruction reads more values than there are registers")
      }
      spill(victim)
      registers[victim] = nil
      living.removeAll { $0 == victim }
      register = given
    }
    registers[value] = register
    living.append(value)
    return register
  }

  private mutating func release(_ value: VectorValue) {
    if let place = frame[value] { freePlaces.append(place) }
    frame[value] = nil
    guard let register = registers[value] else { return }
    registers[value] = nil
    living.removeAll { $0 == value }
    if isMask(value) { freeMasks.append(register) } else { free.append(register) }
  }

  private mutating func spill(_ value: VectorValue) {
    guard frame[value] == nil, let register = registers[value] else { return }
    let offset = freePlaces.popLast() ?? frameCursor
    frameCursor = max(frameCursor, offset + 64)
    frameBytes = max(frameBytes, frameCursor)
    frame[value] = offset
    if isMask(value) {
      assembler.moveMask(register, frame: offset, isStore: true)
    } else {
      assembler.emit(.storeAligned, register, .frame(offset))
    }
  }

  /// The register that holds a value; for a constant, the scratch register, which lasts until the next call.
  private mutating func register(_ value: VectorValue) -> Int {
    if let register = registers[value] { return register }
    if let bits = program.constantBits(value) {
      if let register = constants[bits] { return register }
      if scratchBits != bits { assembler.emit(.broadcast, VectorCode.scratch, .word(bits)) }
      scratchBits = bits
      return VectorCode.scratch
    }
    guard let offset = frame[value] else { preconditionFailure("a vector value is read before it is computed") }
    let register = takeRegister(for: value)
    if isMask(value) {
      assembler.moveMask(register, frame: offset, isStore: false)
    } else {
      assembler.emit(.loadAligned, register, .frame(offset))
    }
    return register
  }

  /// Where an instruction reads its last operand.
  private mutating func place(_ value: VectorValue) -> VectorPlace {
    if let bits = program.constantBits(value) { return constants[bits].map { .register($0) } ?? .constant(bits) }
    if registers[value] == nil, let offset = frame[value] { return .frame(offset) }
    return .register(register(value))
  }

  // MARK: Instructions

  private mutating func emit(_ instruction: VectorInstruction, _ index: Int) {
    pinned = instruction.operands
    let operands = instruction.operands
    // Operands have registers before those that end here give theirs to the result.
    switch instruction.op {
    case .constant: break
    case .load(let slot, let vector):
      assembler.loadAddress(slot: slot)
      assembler.emit(
        .load, takeRegister(for: index), .elements(width: 4, vector: vector), mask: lanes, zeroing: isPartial)
    case .broadcast(let slot):
      assembler.loadAddress(slot: slot)
      assembler.emit(.broadcast, takeRegister(for: index), .pointer)
    case .loadMask(let slot, let vector):
      assembler.loadAddress(slot: slot)
      scratchBits = nil
      assembler.emit(
        .loadBytes, VectorCode.scratch, .elements(width: 1, vector: vector), mask: lanes, zeroing: isPartial)
      assembler.emit(.testBytes, takeRegister(for: index), VectorCode.scratch, .register(VectorCode.scratch))
    case .binary(let op):
      var (a, b) = (operands[0], operands[1])
      if op.isCommutative, program.constantBits(a) != nil { swap(&a, &b) }
      let first = register(a)
      let second = place(b)
      assembler.emit(op.opcode, target(index), first, second)
    case .unary(let op):
      let source = place(operands[0])
      assembler.emit(op.opcode, target(index), source, immediate: op.immediate)
    case .multiplyAdd: emitMultiplyAdd(operands, index, .multiplyAddToProduct, .multiplyAddToSum)
    case .negativeMultiplyAdd:
      emitMultiplyAdd(operands, index, .negativeMultiplyAddToProduct, .negativeMultiplyAddToSum)
    case .copySign:
      let (size, sign) = (register(operands[0]), register(operands[1]))
      let result = copied(size, operands[0], index)
      // Per bit, that of the size where the constant's is set, else that of the sign.
      assembler.emit(.ternary, result, sign, .constant(0x7FFF_FFFF), immediate: 0xE4)
    case .compare(let comparison):
      let first = register(operands[0])
      let second = place(operands[1])
      assembler.emit(comparison.opcode, target(index), first, second, immediate: comparison.predicate)
    case .signMask: assembler.emit(.signs, target(index), .register(register(operands[0])))
    case .select:
      let mask = register(operands[0])
      let otherwise = register(operands[2])
      let chosen = place(operands[1])
      assembler.emit(.blend, target(index), otherwise, chosen, mask: mask)
    case .maskLogic(let op):
      let (a, b) = (register(operands[0]), register(operands[1]))
      assembler.emitMask(op.byte, target(index), a, b)
    case .maskNot:
      let source = register(operands[0])
      assembler.emitMask(0x44, target(index), nil, source)
    }
    pinned = []
    for operand in operands where lastUse[operand] == index { release(operand) }
    if lastUse[index] < 0 { release(index) }
  }

  /// The mask of what is read and written; 0 for all.
  private var lanes: Int { isPartial ? VectorCode.partialMask : 0 }

  /// The register of an instruction's result: that of an operand that ends here if there is one.
  private mutating func target(_ index: Int) -> Int {
    for operand in pinned where lastUse[operand] == index && isMask(operand) == isMask(index) {
      if let register = passRegister(of: operand, to: index) { return register }
    }
    return takeRegister(for: index)
  }

  /// Gives the register of a value that ends, if it has one, to another.
  private mutating func passRegister(of value: VectorValue, to other: VectorValue) -> Int? {
    guard let register = registers[value] else { return nil }
    registers[value] = nil
    living.removeAll { $0 == value }
    registers[other] = register
    living.append(other)
    return register
  }

  /// A register for a result that begins as a copy of a source, which gives its own if it ends here.
  private mutating func copied(_ source: Int, _ value: VectorValue, _ index: Int) -> Int {
    if lastUse[value] == index, let register = passRegister(of: value, to: index) { return register }
    let result = takeRegister(for: index)
    assembler.emit(.moveAligned, result, .register(source))
    return result
  }

  /// The target of a fused multiplication is one of its sources. A constant summand is read from memory: then the target
  /// is a factor. Otherwise it is the summand.
  private mutating func emitMultiplyAdd(
    _ operands: [VectorValue], _ index: Int, _ toProduct: VectorOpcode, _ toSum: VectorOpcode
  ) {
    var (a, b) = (operands[0], operands[1])
    let c = operands[2]
    // A constant factor comes second, and of two others that which ends here first.
    if program.constantBits(a) != nil || (program.constantBits(b) == nil && lastUse[b] == index && lastUse[a] != index)
    {
      swap(&a, &b)
    }
    if program.constantBits(c) != nil, program.constantBits(b) == nil {
      let (first, second) = (register(a), register(b))
      let result = copied(first, a, index)
      assembler.emit(toProduct, result, second, place(c))
      return
    }
    let first = register(a)
    if let bits = program.constantBits(c) {
      // Two constants: the factor is read from memory, the summand begins the target.
      let result = takeRegister(for: index)
      assembler.emit(.broadcast, result, .word(bits))
      assembler.emit(toSum, result, first, place(b))
      return
    }
    let sum = register(c)
    let factor = place(b)
    let result = copied(sum, c, index)
    assembler.emit(toSum, result, first, factor)
  }

  private mutating func store(_ result: VectorProgram.Result) {
    let source = register(result.value)
    assembler.loadAddress(slot: result.slot)
    if isMask(result.value) {
      scratchBits = nil
      // Set lanes become -1, of which the size is 1.
      assembler.emit(.bytesOfMask, VectorCode.scratch, .register(source))
      assembler.emit(.sizeOfBytes, VectorCode.scratch, .register(VectorCode.scratch))
      assembler.emit(.storeBytes, VectorCode.scratch, .elements(width: 1, vector: result.vector), mask: lanes)
    } else {
      let opcode = result.isStreamed && !isPartial ? VectorOpcode.storePastCaches : .store
      assembler.emit(opcode, source, .elements(width: 4, vector: result.vector), mask: lanes)
    }
  }
}

extension VectorAssembler {
  fileprivate mutating func emit(
    _ opcode: VectorOpcode, _ target: Int, _ second: VectorPlace, mask: Int = 0, zeroing: Bool = false,
    immediate: UInt8? = nil
  ) {
    emit(opcode, target, 0, second, mask: mask, zeroing: zeroing, immediate: immediate)
  }
}

extension VectorOpcode {
  fileprivate static let load = VectorOpcode(.m0F, .none, 0x10)
  fileprivate static let store = VectorOpcode(.m0F, .none, 0x11)
  fileprivate static let storePastCaches = VectorOpcode(.m0F, .none, 0x2B)
  fileprivate static let loadAligned = VectorOpcode(.m0F, .none, 0x28)
  fileprivate static let moveAligned = VectorOpcode(.m0F, .none, 0x28)
  fileprivate static let storeAligned = VectorOpcode(.m0F, .none, 0x29)
  fileprivate static let broadcast = VectorOpcode(.m0F38, .p66, 0x18)
  fileprivate static let loadBytes = VectorOpcode(.m0F, .pF2, 0x6F, length: .xmm)
  fileprivate static let storeBytes = VectorOpcode(.m0F, .pF2, 0x7F, length: .xmm)
  fileprivate static let testBytes = VectorOpcode(.m0F38, .p66, 0x26, length: .xmm)
  fileprivate static let bytesOfMask = VectorOpcode(.m0F38, .pF3, 0x28, length: .xmm)
  fileprivate static let sizeOfBytes = VectorOpcode(.m0F38, .p66, 0x1C, length: .xmm)
  fileprivate static let signs = VectorOpcode(.m0F38, .pF3, 0x39)
  fileprivate static let blend = VectorOpcode(.m0F38, .p66, 0x65)
  fileprivate static let ternary = VectorOpcode(.m0F3A, .p66, 0x25)
  fileprivate static let multiplyAddToProduct = VectorOpcode(.m0F38, .p66, 0xA8)
  fileprivate static let multiplyAddToSum = VectorOpcode(.m0F38, .p66, 0xB8)
  fileprivate static let negativeMultiplyAddToProduct = VectorOpcode(.m0F38, .p66, 0xAC)
  fileprivate static let negativeMultiplyAddToSum = VectorOpcode(.m0F38, .p66, 0xBC)
}

extension VectorOp.Binary {
  fileprivate var opcode: VectorOpcode {
    switch self {
    case .add: VectorOpcode(.m0F, .none, 0x58)
    case .subtract: VectorOpcode(.m0F, .none, 0x5C)
    case .multiply: VectorOpcode(.m0F, .none, 0x59)
    case .divide: VectorOpcode(.m0F, .none, 0x5E)
    case .maximum: VectorOpcode(.m0F, .none, 0x5F)
    case .minimum: VectorOpcode(.m0F, .none, 0x5D)
    case .scale: VectorOpcode(.m0F38, .p66, 0x2C)
    case .and: VectorOpcode(.m0F, .p66, 0xDB)
    case .or: VectorOpcode(.m0F, .p66, 0xEB)
    case .xor: VectorOpcode(.m0F, .p66, 0xEF)
    case .addInteger: VectorOpcode(.m0F, .p66, 0xFE)
    case .subtractInteger: VectorOpcode(.m0F, .p66, 0xFA)
    case .multiplyInteger: VectorOpcode(.m0F38, .p66, 0x40)
    case .maximumSigned: VectorOpcode(.m0F38, .p66, 0x3D)
    case .minimumSigned: VectorOpcode(.m0F38, .p66, 0x39)
    case .maximumUnsigned: VectorOpcode(.m0F38, .p66, 0x3F)
    case .minimumUnsigned: VectorOpcode(.m0F38, .p66, 0x3B)
    case .shiftLeft: VectorOpcode(.m0F38, .p66, 0x47)
    case .shiftRight: VectorOpcode(.m0F38, .p66, 0x45)
    case .shiftRightArithmetic: VectorOpcode(.m0F38, .p66, 0x46)
    }
  }
}

extension VectorOp.Unary {
  fileprivate var opcode: VectorOpcode {
    switch self {
    case .squareRoot: VectorOpcode(.m0F, .none, 0x51)
    case .floor, .ceil: VectorOpcode(.m0F3A, .p66, 0x08)
    case .fromSigned: VectorOpcode(.m0F, .none, 0x5B)
    case .fromUnsigned: VectorOpcode(.m0F, .pF2, 0x7A)
    }
  }

  /// The direction of rounding, without a flag for what it loses.
  fileprivate var immediate: UInt8? {
    switch self {
    case .floor: 9
    case .ceil: 10
    case .squareRoot, .fromSigned, .fromUnsigned: nil
    }
  }
}

extension VectorOp.Comparison {
  fileprivate var opcode: VectorOpcode {
    switch self {
    case .float, .unordered: VectorOpcode(.m0F, .none, 0xC2)
    case .signed: VectorOpcode(.m0F3A, .p66, 0x1F)
    case .unsigned: VectorOpcode(.m0F3A, .p66, 0x1E)
    }
  }

  fileprivate var predicate: UInt8 {
    switch self {
    case .unordered: 3
    case .float(.greaterOrEqual): 13
    case .float(.greater): 14
    case .float(let order), .signed(let order), .unsigned(let order):
      switch order {
      case .equal: 0
      case .less: 1
      case .lessOrEqual: 2
      case .notEqual: 4
      case .greaterOrEqual: 5
      case .greater: 6
      }
    }
  }
}

extension VectorOp.MaskLogic {
  fileprivate var byte: UInt8 {
    switch self {
    case .and: 0x41
    case .or: 0x45
    case .xor: 0x47
    }
  }
}
