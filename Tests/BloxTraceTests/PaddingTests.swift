// The amounts that padding rules give, as `jax.lax.padtype_to_pads` does.

import BloxRuntime
import Testing

@testable import BloxTrace

@Suite("Padding of windows")
struct PaddingTests {
  /// Size, window and stride of one dimension, with the amounts that JAX gives for SAME.
  static let cases: [(size: Int, window: Int, stride: Int, low: Int, high: Int)] = [
    (5, 3, 2, 1, 1), (6, 3, 2, 0, 1), (7, 4, 3, 1, 2), (4, 1, 2, 0, 0), (3, 7, 2, 3, 3), (0, 3, 1, 1, 1),
    (0, 3, 2, 0, 1), (1, 2, 5, 0, 1), (0, 1, 4, 0, 0), (10, 2, 3, 0, 1),
  ]

  @Test("Same sizes are reached with JAX's amounts, an odd element behind or in front", arguments: cases)
  func same(_ c: (size: Int, window: Int, stride: Int, low: Int, high: Int)) throws {
    func amounts(_ padding: Padding) throws -> [[Int]] {
      let (low, high) = try padding.amounts(sizes: [c.size], window: [c.window], strides: [c.stride], for: "f")
      return [low, high]
    }
    #expect(try amounts(.same) == [[c.low], [c.high]])
    #expect(try amounts(.sameLower) == [[c.high], [c.low]])
    #expect(try amounts(.valid) == [[0], [0]])
    #expect(try amounts(.explicit([(3, -1)])) == [[3], [-1]])
    let dimension = WindowDimension(size: c.window, stride: c.stride, low: c.low, high: c.high)
    #expect(dimension.windowCount(over: c.size) == (c.size + c.stride - 1) / c.stride)
  }

  @Test("Wrong numbers of pairs, sizes and overflows are errors that say so")
  func errors() throws {
    func message(_ padding: Padding, _ size: Int, _ window: Int, _ stride: Int) -> String? {
      do {
        _ = try padding.amounts(sizes: [size], window: [window], strides: [stride], for: "pool")
        return nil
      } catch { return error.message }
    }
    #expect(
      message(.explicit([(1, 1), (2, 2)]), 4, 2, 1)
        == "pool: the padding has 2 pairs of amounts for 1 dimension; pass one pair (low, high) for each")
    #expect(message(.same, 4, 0, 1) == "pool: the window size 0 and the stride 1 must be at least 1")
    #expect(message(.same, 4, 2, 0) == "pool: the window size 2 and the stride 0 must be at least 1")
    #expect(
      message(.same, .max, .max, 1)
        == "pool: a window of size 9223372036854775807 with the stride 1 overflows on 9223372036854775807 elements")
    #expect(message(.same, 0, 1, .max) == nil)
    #expect("\(Padding.explicit([(1, 0), (2, -3)])) \(Padding.same)" == "[(1, 0), (2, -3)] same")
  }
}
