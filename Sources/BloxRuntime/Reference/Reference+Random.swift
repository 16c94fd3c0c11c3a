// Random keys and bits: threefry2x32 in JAX's partitionable layout.
//
// A key is two 32-bit words; in a `Literal`, and so in `words`, the first is the high half. Element `j` (row-major)
// of what is drawn from a key depends on the key and `j` only: it is a hash of the 64-bit count `j`, so any part of a
// draw can be computed alone.

import BloxIR

extension ReferenceInterpreter {
  static func random(_ op: Op.RandomOp, _ x: [DenseConstant], to type: TensorType) -> DenseConstant {
    switch op {
    case .seed:
      return DenseConstant(type: type, words: seedWords(x[0]))
    case .foldIn:
      let data = zip(x[0].words, x[1].words)
      return DenseConstant(type: type, words: data.map { key, data in threefry(key: key, count: data) })
    case .split(let shape):
      return DenseConstant(type: type, words: draws(shape, keys: x[0]))
    case .bits(let shape, let dtype):
      // Up to 32 bits are the low bits of the two words' exclusive or; 64 bits are the words.
      let hashes = draws(shape, keys: x[0])
      return DenseConstant(type: type, words: dtype == .u64 ? hashes : hashes.map { $0 >> 32 ^ $0 })
    case .wrap, .unwrap:
      // A key in memory is its two words in order, which is what a pair of u32 is.
      return DenseConstant(type: type, bytes: x[0].bytes)
    }
  }

  /// Keys from seeds: 64-bit seeds give both words, narrower ones (sign-extended to 32 bits) the second.
  private static func seedWords(_ seeds: DenseConstant) -> [UInt64] {
    switch seeds.type.dtype {
    case .i8, .i16, .i32: seeds.signed.map { UInt64(UInt32(truncatingIfNeeded: $0)) }
    case .u8, .u16, .u32, .i64, .u64: seeds.words
    case .bool, .bf16, .f16, .f32, .f64, .key: preconditionFailure("the type rule admits integers only")
    }
  }

  /// For each key, the hashes of the counts 0, 1, … of a shape.
  private static func draws(_ shape: [Int], keys: DenseConstant) -> [UInt64] {
    let counts = 0..<UInt64(shape.reduce(1, *))
    return keys.words.flatMap { key in counts.map { threefry(key: key, count: $0) } }
  }

  /// Threefry-2x32 with 20 rounds. Keys, counts and results hold their first word in the high half.
  ///
  /// J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
  static func threefry(key: UInt64, count: UInt64) -> UInt64 {
    let k0 = UInt32(truncatingIfNeeded: key >> 32)
    let k1 = UInt32(truncatingIfNeeded: key)
    let schedule = [k0, k1, k0 ^ k1 ^ 0x1BD1_1BDA]
    let rotations: [[UInt32]] = [[13, 15, 26, 6], [17, 29, 16, 24]]
    var x0 = UInt32(truncatingIfNeeded: count >> 32) &+ schedule[0]
    var x1 = UInt32(truncatingIfNeeded: count) &+ schedule[1]
    for group in 0..<5 {
      for rotation in rotations[group % 2] {
        x0 &+= x1
        x1 = x1 << rotation | x1 >> (32 - rotation)
        x1 ^= x0
      }
      x0 &+= schedule[(group + 1) % 3]
      x1 &+= schedule[(group + 2) % 3] &+ UInt32(group + 1)
    }
    return UInt64(x0) << 32 | UInt64(x1)
  }
}
