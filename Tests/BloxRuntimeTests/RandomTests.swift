// Random keys and bits against threefry2x32 written out.
import BloxIR
import BloxRuntime
import Testing

@Suite struct RandomTests {
  /// Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw, 2011).
  static func threefry(_ key: (UInt32, UInt32), _ counter: (UInt32, UInt32)) -> (UInt32, UInt32) {
    let rotations: [[UInt32]] = [[13, 15, 26, 6], [17, 29, 16, 24]]
    let keys = [key.0, key.1, key.0 ^ key.1 ^ 0x1BD1_1BDA]
    var (x, y) = (counter.0 &+ keys[0], counter.1 &+ keys[1])
    for round in 0..<5 {
      for rotation in rotations[round % 2] {
        x = x &+ y
        y = (y << rotation | y >> (32 - rotation)) ^ x
      }
      x = x &+ keys[(round + 1) % 3]
      y = y &+ keys[(round + 2) % 3] &+ UInt32(round + 1)
    }
    return (x, y)
  }

  func word(_ pair: (UInt32, UInt32)) -> UInt64 { UInt64(pair.0) | UInt64(pair.1) << 32 }

  @Test("Seeds make keys of their low words, 64-bit seeds of both")
  func seeds() throws {
    func key<T: BitwiseCopyable>(_ dtype: DType, _ seed: T) throws -> [UInt32] {
      try run(program([TensorType(dtype)]) { b, p in [try b.emitOne(.random(.seed), p)] }, [[seed]])
    }
    #expect(try key(.i32, Int32(42)) == [0, 42])
    #expect(try key(.i32, Int32(-1)) == [0, .max])
    #expect(try key(.u8, UInt8(200)) == [0, 200])
    #expect(try key(.u64, UInt64(0x1234_5678_9ABC_DEF0)) == [0x1234_5678, 0x9ABC_DEF0])
    #expect(try key(.i64, Int64(-2)) == [.max, .max - 1])
  }

  @Test("Split and fold_in hash counters and data, per key")
  func derivation() throws {
    let keys: [UInt32] = [0, 42, 7, 9]
    let type = TensorType(.key, [2])
    let split: [UInt64] = try run(program([type]) { b, p in [try b.emitOne(.random(.split([3])), p)] }, [keys])
    let want = [(0, 42), (7, 9)].flatMap { key in
      (0..<3).map { word(RandomTests.threefry((UInt32(key.0), UInt32(key.1)), (0, UInt32($0)))) }
    }
    #expect(split == want)
    let data = TensorType(.u32, [2])
    let folded: [UInt64] = try run(
      program([type]) { b, p in [try b.emitOne(.random(.foldIn), [p[0], splat(5, data)])] }, [keys])
    #expect(folded == [word(RandomTests.threefry((0, 42), (0, 5))), word(RandomTests.threefry((7, 9), (0, 5)))])
    let words: [UInt32] = try run(program([type]) { b, p in [try b.emitOne(.random(.unwrap), p)] }, [keys])
    #expect(words == keys)
  }

  @Test("Bits alone and inside a region are the same words of each key")
  func bits() throws {
    let keys: [UInt32] = [0, 42, 7, 9]
    let type = TensorType(.key, [2])
    let op = Op.random(.bits(shape: [501], .u32))
    let alone: [UInt32] = try run(program([type]) { b, p in [try b.emitOne(op, p)] }, [keys])
    let want = [(UInt32(0), UInt32(42)), (7, 9)].flatMap { key in
      (0..<501).map { counter -> UInt32 in
        let (x, y) = RandomTests.threefry(key, (0, UInt32(counter)))
        return x ^ y
      }
    }
    #expect(alone == want)
    let region = try fusion([type]) { b, p in
      let bits = try b.emitOne(op, p)
      let half = try b.emitOne(.binary(.shiftRightLogical), [bits, splat(9, TensorType(.u32, [2, 501]))])
      let one = splat(Double(0x3F80_0000), TensorType(.u32, [2, 501]))
      return [try b.emitOne(.bitcastConvert(.f32), [try b.emitOne(.binary(.or), [half, one])])]
    }
    let floats: [Float] = try run(program([type]) { b, p in [try b.emitOne(region, p)] }, [keys])
    #expect(floats == want.map { Float(bitPattern: $0 >> 9 | 0x3F80_0000) })
  }
}
