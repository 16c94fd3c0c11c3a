// Encoding of AVX-512 instructions: the EVEX prefix, operands, and the few general instructions that loops need.
//
// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, sections 2.3 (VEX) and 2.7 (EVEX).
// Registers of the code: rdi is the table of slots, rsi the number of elements, rdx the index, rcx the last index from
// which whole vectors are left and then how many elements are, rax an address, k7 the mask of elements that are left.

/// The second source of an instruction, or what it loads or stores.
enum VectorPlace {
  case register(Int)
  /// 32 bits of the pool of constants, in all lanes.
  case constant(UInt32)
  /// 32 bits of the pool of constants, for an instruction that itself puts them into all lanes.
  case word(UInt32)
  /// Bytes from rsp on.
  case frame(Int)
  /// At rax, and from there on as many elements as the index says, of so many bytes, and vectors of 16.
  case elements(width: Int, vector: Int)
  /// At rax.
  case pointer
}

/// What an opcode is found by: the map, the mandatory prefix, the byte, and the bits that choose element width and length.
struct VectorOpcode {
  enum Map: UInt8 { case m0F = 1, m0F38, m0F3A }
  enum Prefix: UInt8 { case none, p66, pF3, pF2 }
  enum Length: UInt8 { case xmm = 0, zmm = 2 }

  let map: Map
  let prefix: Prefix
  let byte: UInt8
  var length = Length.zmm

  init(_ map: Map, _ prefix: Prefix, _ byte: UInt8, length: Length = .zmm) {
    (self.map, self.prefix, self.byte, self.length) = (map, prefix, byte, length)
  }
}

/// Machine code that is being written.
struct VectorAssembler {
  private(set) var code: [UInt8] = []
  private var pool: [UInt32] = []
  private var placeInPool: [UInt32: Int] = [:]
  /// Where displacements to constants stand, and where their instructions end.
  private var references: [(at: Int, end: Int, index: Int)] = []

  mutating func append(_ bytes: UInt8...) { code.append(contentsOf: bytes) }

  mutating func append(word: Int32) {
    let bits = UInt32(bitPattern: word)
    for shift in stride(from: UInt32(0), to: 32, by: 8) { code.append(UInt8(truncatingIfNeeded: bits >> shift)) }
  }

  /// An instruction with an EVEX prefix.
  ///
  /// - Parameters:
  ///   - target: The register in ModRM.reg: a vector or a mask.
  ///   - first: The first source; 0 where there is none.
  ///   - mask: The lanes that are written; 0 for all.
  mutating func emit(
    _ opcode: VectorOpcode, _ target: Int, _ first: Int = 0, _ second: VectorPlace, mask: Int = 0,
    zeroing: Bool = false, immediate: UInt8? = nil
  ) {
    var (x, b, isBroadcast) = (0, 0, false)
    switch second {
    case .register(let register): (x, b) = (register >> 4, register >> 3 & 1)
    case .constant: isBroadcast = true
    case .word, .frame, .elements, .pointer: break
    }
    let (r, high) = (target >> 3 & 1, target >> 4)
    let inverted = UInt8((r ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | (high ^ 1) << 4)
    let sources = UInt8(~first & 15) << 3 | 4 | opcode.prefix.rawValue
    let choices =
      (zeroing ? 0x80 : 0) | opcode.length.rawValue << 5 | (isBroadcast ? 0x10 : 0) | UInt8((first >> 4 ^ 1) << 3)
      | UInt8(mask)
    append(0x62, inverted | opcode.map.rawValue, sources, choices, opcode.byte)
    emit(operand: second, target & 7)
    if let immediate { code.append(immediate) }
    // Displacements count from the end of the instruction.
    if case .some(let last) = references.indices.last, references[last].end == 0 { references[last].end = code.count }
  }

  /// ModRM, SIB and displacement.
  private mutating func emit(operand: VectorPlace, _ field: Int) {
    let field = UInt8(field) << 3
    switch operand {
    case .register(let register): append(0xC0 | field | UInt8(register & 7))
    case .constant(let bits), .word(let bits):
      append(field | 5)
      references.append((code.count, 0, index(ofConstant: bits)))
      append(word: 0)
    case .frame(let offset):
      append(0x80 | field | 4, 0x24)
      append(word: Int32(offset))
    case .elements(let width, let vector):
      append(0x80 | field | 4, UInt8(width.trailingZeroBitCount) << 6 | 2 << 3)
      append(word: Int32(vector * 16 * width))
    case .pointer: append(field)
    }
  }

  private mutating func index(ofConstant bits: UInt32) -> Int {
    if let known = placeInPool[bits] { return known }
    placeInPool[bits] = pool.count
    pool.append(bits)
    return pool.count - 1
  }

  // MARK: Masks

  /// A logical instruction on masks, with a two-byte VEX prefix.
  mutating func emitMask(_ byte: UInt8, _ target: Int, _ first: Int?, _ second: Int) {
    let sources = UInt8(~(first ?? 0) & 15) << 3 | (first == nil ? 0 : 4)
    append(0xC5, 0x80 | sources, byte, 0xC0 | UInt8(target) << 3 | UInt8(second))
  }

  /// kmovw between a mask and the frame.
  mutating func moveMask(_ mask: Int, frame offset: Int, isStore: Bool) {
    append(0xC5, 0xF8, isStore ? 0x91 : 0x90)
    emit(operand: .frame(offset), mask)
  }

  // MARK: Addresses and loops

  /// rax = the address in a slot.
  mutating func loadAddress(slot: Int) {
    append(0x48, 0x8B, 0x87)
    append(word: Int32(slot * 8))
  }

  /// Appends the constants, and returns the finished code.
  mutating func finish() -> [UInt8] {
    while code.count % 4 != 0 { code.append(0xCC) }
    let start = code.count
    for bits in pool { append(word: Int32(bitPattern: bits)) }
    for reference in references { patch(reference.at, with: start + 4 * reference.index - reference.end) }
    return code
  }

  /// A jump whose target comes later; returns where its displacement stands.
  mutating func jump(_ condition: Condition) -> Int {
    append(0x0F, condition.rawValue)
    append(word: 0)
    return code.count - 4
  }

  mutating func jump(_ condition: Condition, to target: Int) {
    let at = jump(condition)
    patch(at, with: target - code.count)
  }

  /// Lets a jump go to what is written next.
  mutating func land(_ jump: Int) { patch(jump, with: code.count - jump - 4) }

  mutating func jump(to target: Int) {
    code.append(0xE9)
    append(word: 0)
    patch(code.count - 4, with: target - code.count)
  }

  enum Condition: UInt8 { case negative = 0x88, lessOrEqual = 0x8E }

  /// Writes a number that was not known before.
  mutating func patch(_ at: Int, with number: Int) {
    let bits = UInt32(bitPattern: Int32(number))
    for byte in 0..<4 { code[at + byte] = UInt8(truncatingIfNeeded: bits >> (8 * UInt32(byte))) }
  }
}
