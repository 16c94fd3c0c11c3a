// Decompression of DEFLATE streams.
//
// Source: RFC 1951. A stream is a series of blocks: stored bytes, or symbols in a fixed or a transmitted Huffman code.
// Symbols are bytes, the end of the block, or lengths; a length is followed by a distance into what was written before.

import BloxIR

/// Reads one DEFLATE stream.
struct Inflate {
  private let bytes: [UInt8]
  private let end: Int
  private let subject: String
  /// The next byte that is not in ``bitBuffer``.
  private var position: Int
  /// Bits that were read and not used, lowest first.
  private var bitBuffer: UInt64 = 0
  private var bitCount = 0
  private var output: [UInt8] = []
  private let limit: Int

  /// The contents of a stream, and where in `bytes` it ends.
  ///
  /// - Parameters:
  ///   - range: Where the stream begins, and what it must not reach beyond.
  ///   - limit: The largest size of the contents.
  ///   - subject: What is read, for messages.
  static func inflate(
    _ bytes: [UInt8], _ range: Range<Int>, limit: Int, subject: String
  ) throws(BloxError) -> (contents: [UInt8], end: Int) {
    var inflate = Inflate(bytes, range, limit, subject)
    try inflate.run()
    // Whole bytes that were looked ahead at belong to what follows.
    return (inflate.output, inflate.position - inflate.bitCount / 8)
  }

  /// The most bytes that a stream of some length can stand for: two bits for each copy of 258 bytes.
  static func largestOutput(of byteCount: Int) -> Int {
    let (product, overflows) = byteCount.multipliedReportingOverflow(by: 258 * 4)
    return overflows ? .max : product
  }

  private init(_ bytes: [UInt8], _ range: Range<Int>, _ limit: Int, _ subject: String) {
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
    self.limit = min(limit, Self.largestOutput(of: range.count))
    self.subject = subject
    // The limit is what the file says or could hold; memory is asked for as contents come.
    output.reserveCapacity(min(self.limit, 4 * range.count + 1024))
  }

  private mutating func run() throws(BloxError) {
    var isLast = false
    while !isLast {
      isLast = try take(1) == 1
      switch try take(2) {
      case 0: try copyStored()
      case 1: try decode(Self.fixedCodes.0, Self.fixedCodes.1)
      case 2:
        let (symbols, distances) = try readCodes()
        try decode(symbols, distances)
      default: throw failure("has a block of the reserved kind")
      }
    }
  }

  // MARK: Bits

  /// Makes at least `count` bits available if the stream has so many.
  private mutating func fill(_ count: Int) {
    guard bitCount < count else { return }
    if end - position >= 8 {
      // Eight bytes at once. Bits above the count are those that follow, and are put there again next time.
      let word = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: UInt64.self) }
      bitBuffer |= UInt64(littleEndian: word) << UInt64(bitCount)
      let taken = (63 - bitCount) / 8
      position += taken
      bitCount += 8 * taken
      return
    }
    // Byte by byte, nothing may stand above the count.
    bitBuffer &= 1 << UInt64(bitCount) - 1
    while bitCount < count, position < end {
      bitBuffer |= UInt64(bytes[position]) << UInt64(bitCount)
      bitCount += 8
      position += 1
    }
  }

  private mutating func take(_ count: Int) throws(BloxError) -> Int {
    fill(count)
    guard bitCount >= count else { throw failure("ends in the middle") }
    let value = Int(bitBuffer & (1 << UInt64(count) - 1))
    bitBuffer >>= UInt64(count)
    bitCount -= count
    return value
  }

  private mutating func symbol(_ code: HuffmanCode) throws(BloxError) -> Int {
    fill(code.longest)
    let entry = code.table[Int(truncatingIfNeeded: bitBuffer) & (code.table.count - 1)]
    let length = Int(entry & 15)
    guard length > 0, length <= bitCount else {
      throw failure(length > 0 ? "ends in the middle" : "has bits that are no symbol of its code")
    }
    bitBuffer >>= UInt64(length)
    bitCount -= length
    return Int(entry >> 4)
  }

  // MARK: Blocks

  private mutating func copyStored() throws(BloxError) {
    _ = try take(bitCount % 8)
    let length = try take(16)
    guard try take(16) == ~length & 0xFFFF else { throw failure("has a stored block whose length is damaged") }
    position -= bitCount / 8
    (bitBuffer, bitCount) = (0, 0)
    guard length <= end - position else { throw failure("ends in the middle") }
    try reserve(length)
    output += bytes[position..<position + length]
    position += length
  }

  private mutating func decode(_ symbols: HuffmanCode, _ distances: HuffmanCode) throws(BloxError) {
    while true {
      let symbol = try symbol(symbols)
      if symbol < 256 {
        try reserve(1)
        output.append(UInt8(symbol))
        continue
      }
      if symbol == 256 { return }
      guard symbol - 257 < Self.lengths.count else { throw failure("has a length symbol that means nothing") }
      let (length, lengthBits) = Self.lengths[symbol - 257]
      let count = length + (try take(lengthBits))
      let distanceSymbol = try self.symbol(distances)
      guard distanceSymbol < Self.distances.count else { throw failure("has a distance symbol that means nothing") }
      let (distance, distanceBits) = Self.distances[distanceSymbol]
      let back = distance + (try take(distanceBits))
      guard back <= output.count else { throw failure("refers to bytes before its beginning") }
      try reserve(count)
      // One by one: the source may overlap what is being written.
      for _ in 0..<count { output.append(output[output.count - back]) }
    }
  }

  private func reserve(_ count: Int) throws(BloxError) {
    guard count <= limit - output.count else { throw failure("stands for more than the \(limit) bytes it may have") }
  }

  private mutating func readCodes() throws(BloxError) -> (HuffmanCode, HuffmanCode) {
    let (symbolCount, distanceCount) = (try take(5) + 257, try take(5) + 1)
    let lengthCount = try take(4) + 4
    guard symbolCount <= 286, distanceCount <= 30 else { throw failure("has a code with too many symbols") }
    var codeLengths = [UInt8](repeating: 0, count: 19)
    for index in Self.lengthOrder.prefix(lengthCount) { codeLengths[index] = UInt8(try take(3)) }
    let lengthCode = try code(codeLengths, mayBeSingle: false)
    var lengths: [UInt8] = []
    while lengths.count < symbolCount + distanceCount {
      let symbol = try symbol(lengthCode)
      var (value, count) = (UInt8(0), 1)
      switch symbol {
      case 16:
        guard let last = lengths.last else { throw failure("repeats a code length before the first") }
        (value, count) = (last, try take(2) + 3)
      case 17: count = try take(3) + 3
      case 18: count = try take(7) + 11
      default: value = UInt8(symbol)
      }
      guard count <= symbolCount + distanceCount - lengths.count else {
        throw failure("has more code lengths than symbols")
      }
      lengths += repeatElement(value, count: count)
    }
    guard lengths[256] > 0 else { throw failure("has a code without an end of the block") }
    return (
      try code(Array(lengths[..<symbolCount]), mayBeSingle: true),
      try code(Array(lengths[symbolCount...]), mayBeSingle: true)
    )
  }

  private func code(_ lengths: [UInt8], mayBeSingle: Bool) throws(BloxError) -> HuffmanCode {
    guard let code = HuffmanCode(lengths: lengths, mayBeSingle: mayBeSingle) else {
      throw failure("has code lengths that make no code")
    }
    return code
  }

  private func failure(_ what: String) -> BloxError { BloxError(.file, "\(subject): the compressed data \(what)") }

  // MARK: Tables of RFC 1951, section 3.2.5 to 3.2.7

  /// The order in which the lengths of the code for code lengths are transmitted.
  private static let lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

  /// The smallest length of each length symbol, and how many more bits give the rest.
  private static let lengths: [(Int, Int)] = {
    var table: [(Int, Int)] = (0..<8).map { (3 + $0, 0) }
    for bits in 1...5 {
      for _ in 0..<4 { table.append((table[table.count - 1].0 + 1 << table[table.count - 1].1, bits)) }
    }
    table.append((258, 0))
    return table
  }()

  /// The smallest distance of each distance symbol, and how many more bits give the rest.
  private static let distances: [(Int, Int)] = {
    var table: [(Int, Int)] = (0..<4).map { (1 + $0, 0) }
    for bits in 1...13 {
      for _ in 0..<2 { table.append((table[table.count - 1].0 + 1 << table[table.count - 1].1, bits)) }
    }
    return table
  }()

  private static let fixedCodes: (HuffmanCode, HuffmanCode) = {
    let lengths =
      [UInt8](repeating: 8, count: 144) + [UInt8](repeating: 9, count: 112) + [UInt8](repeating: 7, count: 24)
      + [UInt8](repeating: 8, count: 8)
    return (HuffmanCode(complete: lengths), HuffmanCode(complete: [UInt8](repeating: 5, count: 32)))
  }()
}

/// A canonical Huffman code as a table by the next bits of the stream.
private struct HuffmanCode {
  /// For each value of the next ``longest`` bits: the symbol, shifted by four, and the length of its code; 0 for none.
  private(set) var table: [UInt16]
  /// The length of the longest code.
  let longest: Int

  /// Makes a code from the length of each symbol's, 0 for symbols that do not occur; `nil` unless it is complete.
  ///
  /// A code that has no symbol, or a single one of one bit, may be incomplete: blocks without copies have such ones.
  init?(lengths: [UInt8], mayBeSingle: Bool) {
    var counts = [Int](repeating: 0, count: 16)
    for length in lengths { counts[Int(length)] += 1 }
    let used = lengths.count - counts[0]
    counts[0] = 0
    let longest = counts.lastIndex { $0 > 0 } ?? 0
    var free = 1
    for length in 1..<16 {
      free = free * 2 - counts[length]
      guard free >= 0 else { return nil }
    }
    guard free == 0 || (mayBeSingle && (used == 0 || (used == 1 && longest == 1))) else { return nil }
    self.init(lengths, counts, longest: max(1, longest))
  }

  /// Makes a code that is known to be complete.
  init(complete lengths: [UInt8]) {
    var counts = [Int](repeating: 0, count: 16)
    for length in lengths { counts[Int(length)] += 1 }
    self.init(lengths, counts, longest: counts.lastIndex { $0 > 0 } ?? 1)
  }

  private init(_ lengths: [UInt8], _ counts: [Int], longest: Int) {
    self.longest = longest
    table = Array(repeating: 0, count: 1 << longest)
    // Codes of one length are consecutive numbers, in order of symbols; shorter ones come first.
    var next = [Int](repeating: 0, count: 17)
    for length in 1..<16 { next[length + 1] = (next[length] + counts[length]) << 1 }
    for (symbol, length) in lengths.enumerated() where length > 0 {
      let length = Int(length)
      // The stream has the first bit of a code lowest.
      var reversed = 0
      for bit in 0..<length where next[length] >> bit & 1 == 1 { reversed |= 1 << (length - 1 - bit) }
      next[length] += 1
      for index in stride(from: reversed, to: table.count, by: 1 << length) {
        table[index] = UInt16(symbol << 4 | length)
      }
    }
  }
}
