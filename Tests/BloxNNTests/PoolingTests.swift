// Pooling: shapes, padding, counts of elements and errors.

import BloxNN
import Testing

@testable import BloxTrace

@Suite("Pooling")
struct PoolingTests {
  private let board = Result { try Tensor.arange(9).cast(to: .f32).reshape([3, 3, 1]) }

  @Test("PO-01, PO-02: as many spatial dimensions as the window has sizes, strides of a window's size by default")
  func dimensions() throws {
    let x = try Tensor.arange(2 * 4 * 6 * 5 * 3).cast(to: .f32).reshape([2, 4, 6, 5, 3])
    #expect(try maxPool(x, window: 2).shape == [2, 4, 6, 2, 3])
    #expect(try maxPool(x, window: [3]).shape == [2, 4, 6, 1, 3])
    #expect(try minPool(x, window: [2, 2]).shape == [2, 4, 3, 2, 3])
    #expect(try avgPool(x, window: [2, 3, 2]).shape == [2, 2, 2, 2, 3])
    #expect(try maxPool(x, window: [2, 3], strides: 1).shape == [2, 4, 5, 3, 3])
    #expect(try maxPool(x, window: [2, 3], strides: [1, 2]).shape == [2, 4, 5, 2, 3])
    #expect(
      try maxPool(board.get(), window: [2, 2], strides: 1).scalars(as: Float.self) == [4, 5, 7, 8])
    #expect(
      try minPool(board.get(), window: [2, 2], strides: 1).scalars(as: Float.self) == [0, 1, 3, 4])
    #expect(try avgPool(board.get(), window: [2, 2], strides: 1).scalars(as: Float.self) == [2, 3, 5, 6])
  }

  @Test("PO-03: any number of batch dimensions, also none")
  func batches() throws {
    let image = try Tensor.arange(16).cast(to: .f32).reshape([4, 4, 1])
    let one = try maxPool(image, window: [2, 2])
    #expect(one.shape == [2, 2, 1])
    #expect(try one.scalars(as: Float.self) == [5, 7, 13, 15])
    let many = try maxPool(image.broadcast(to: [3, 2, 4, 4, 1]), window: [2, 2])
    #expect(many.shape == [3, 2, 2, 2, 1])
    #expect(try many.at(2).at(1).scalars(as: Float.self) == [5, 7, 13, 15])
    #expect(try maxPool(Tensor.zeros([0, 4, 4, 2]), window: [2, 2]).shape == [0, 2, 2, 2])
    #expect(try maxPool(Tensor.zeros([2, 1, 1, 2]), window: [2, 2]).shape == [2, 0, 0, 2])
  }

  @Test("PO-04, PO-05: padding by rule and by amounts, never chosen by max and min; integers pool too")
  func padding() throws {
    let x = try Tensor([-3, -1, -2]).reshape([3, 1])
    func values(_ y: Tensor) throws -> [Float] { try y.scalars(as: Float.self) }
    #expect(try values(maxPool(x, window: 2, strides: 1, padding: .same)) == [-1, -1, -2])
    #expect(try values(maxPool(x, window: 2, strides: 1, padding: .sameLower)) == [-3, -1, -1])
    #expect(try values(maxPool(x, window: 2, strides: 1, padding: .explicit([(2, 0)]))) == [-.infinity, -3, -1, -1])
    #expect(try values(minPool(x, window: 2, strides: 1, padding: .explicit([(0, 2)]))) == [-3, -2, -2, .infinity])
    #expect(try values(maxPool(x, window: 2, strides: 1, padding: .explicit([(-1, 0)]))) == [-1])
    let integers = try Tensor(shape: [3, 1], scalars: [-3, -1, -2], dtype: .i8)
    let pooled = try maxPool(integers, window: 2, strides: 1, padding: .explicit([(2, 0)]))
    #expect(pooled.dtype == .i8)
    #expect(try pooled.scalars(as: Int8.self) == [-128, -3, -1, -1])
    let mean = try avgPool(integers, window: 2, strides: 1)
    #expect(mean.dtype == .f32)
    #expect(try values(mean) == [-2, -1.5])
  }

  @Test("PO-06, PO-07, C-15: means divide by the elements under the window, or by its size if padding counts")
  func means() throws {
    let x = try board.get()
    func values(_ y: Tensor) throws -> [Float] { try y.scalars(as: Float.self) }
    #expect(
      try values(avgPool(x, window: [2, 2], strides: 1, padding: .same)) == [2, 3, 3.5, 5, 6, 6.5, 6.5, 7.5, 8])
    let explicit = Padding.explicit([(0, 1), (0, 1)])
    #expect(
      try values(avgPool(x, window: [2, 2], strides: 1, padding: explicit)) == [2, 3, 3.5, 5, 6, 6.5, 6.5, 7.5, 8])
    #expect(
      try values(avgPool(x, window: [2, 2], strides: 1, padding: explicit, countsPadding: true))
        == [2, 3, 1.75, 5, 6, 3.25, 3.25, 3.75, 2])
    let beyond = try avgPool(x, window: [2, 2], strides: 2, padding: .explicit([(2, 0), (0, 0)]))
    #expect(try values(beyond)[0].isNaN)
    #expect(try values(avgPool(x, window: [2, 2], padding: .explicit([(2, 0), (0, 0)]), countsPadding: true))[0] == 0)
  }

  /// A call that must fail, with its message.
  static let failures: [(String, @Sendable (Tensor) throws -> Tensor)] = [
    (
      "maxPool: Expected input rank >= 2 for 1D pooling (at least 1 spatial dims + 1 channel dim), got 1.",
      { try maxPool($0.reshape([-1]), window: 2) }
    ),
    (
      "avgPool: Expected input rank >= 4 for 3D pooling (at least 3 spatial dims + 1 channel dim), got 3.",
      { try avgPool($0, window: [2, 2, 2]) }
    ),
    (
      "minPool: 3 strides for 2 spatial dimensions; pass one number for each, or one for all",
      { try minPool($0, window: [2, 2], strides: [1, 2, 3]) }
    ),
    ("maxPool: the window size 0 in dimension 1 must be at least 1", { try maxPool($0, window: [2, 0]) }),
    ("maxPool: the stride -1 in dimension 0 must be at least 1", { try maxPool($0, window: [2, 2], strides: -1) }),
    (
      "maxPool: the padding has 1 pair of amounts for 2 dimensions; pass one pair (low, high) for each",
      { try maxPool($0, window: [2, 2], padding: .explicit([(1, 1)])) }
    ),
    (
      "reduce_window_max: the windows in dimension 0 overflow; got f32[3,3,1]",
      { try maxPool($0, window: [2, 2], padding: .explicit([(.max, 0), (0, 0)])) }
    ),
    (
      "reduceWindow: the window [2, 2] needs a size for each dimension of f32[3,3,1]",
      { try $0.reduceWindow(.sum, window: [2, 2]) }
    ),
    (
      "reduceWindow: 2 base dilations for 3 spatial dimensions; pass one number for each, or one for all",
      { try $0.reduceWindow(.sum, window: [2, 2, 1], baseDilation: [1, 2]) }
    ),
    (
      "reduceWindow: the window dilation 0 in dimension 0 must be at least 1",
      { try $0.reduceWindow(.sum, window: [2, 2, 1], windowDilation: 0) }
    ),
    (
      "reduce_window_and: has no meaning for f32; got f32[3,3,1]",
      { try $0.reduceWindow(.and, window: [2, 2, 1], initial: 1) }
    ),
  ]

  @Test("PO-08: errors say what was wanted, with the user's line", arguments: failures.indices)
  func errors(index: Int) throws {
    let (message, call) = Self.failures[index]
    let x = try board.get()
    let error = #expect(throws: BloxError.self) { try call(x) }
    #expect(error?.message == message)
    #expect(error?.location?.file.hasSuffix("PoolingTests.swift") == true)
  }

  @Test("A window that starts from a value takes it for padding and gaps too")
  func initialValues() throws {
    let x = try Tensor([1, 2, 3])
    let sums = try x.reduceWindow(.sum, window: [2], padding: .explicit([(1, 0)]), baseDilation: 2, initial: 10)
    // 10 | 1 10 2 10 3
    #expect(try sums.scalars(as: Float.self) == [21, 21, 22, 22, 23])
    let largest = try x.reduceWindow(.max, window: [1], initial: 2)
    #expect(try largest.scalars(as: Float.self) == [2, 2, 3])
    let flags = try Tensor(shape: [4], scalars: [1, 0, 0, 1], dtype: .bool)
    #expect(try flags.reduceWindow(.or, window: [2]).scalars(as: Bool.self) == [true, false, true])
    #expect(
      try flags.reduceWindow(.and, window: [2], padding: .same).scalars(as: Bool.self) == [false, false, false, true])
  }
}
