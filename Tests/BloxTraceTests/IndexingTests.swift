// Subscripts, updates and their errors.

import BloxIR
import BloxTrace
import Testing

@Suite("Indexing")
struct IndexingTests {
  private func ints(_ x: Tensor) throws -> [Int32] { try x.scalars() }

  /// 0 ..< 24 as `i32[2,3,4]`.
  private func cube() throws -> Tensor { try Tensor.arange(24).reshape([2, 3, 4]) }

  @Test("Tensors in a row put their axes where they stand, tensors apart put them first, as in NumPy")
  func placement() throws {
    let x = try Tensor.zeros([2, 3, 4, 5])
    let places = try Tensor.zeros([7, 6], dtype: .i32)
    #expect(try x[places].shape == [7, 6, 3, 4, 5])
    #expect(try x[0..., places, places].shape == [2, 7, 6, 5])
    #expect(try x[0..., places, 0..., places].shape == [7, 6, 2, 4])
    #expect(try x[0..., 1, 0..., places].shape == [7, 6, 2, 4])
    #expect(try x[nil, places, .ellipsis, nil].shape == [1, 7, 6, 3, 4, 5, 1])
    #expect(try x[.ellipsis, places, 1..<3].shape == [2, 3, 7, 6, 2])
    #expect(try x[].shape == [2, 3, 4, 5])
  }

  @Test("A mask gives the elements where it is true; a traced one cannot, and says so")
  func masks() throws {
    let x = try cube()
    #expect(try ints(x[x .> 20]) == [21, 22, 23])
    #expect(try x[Tensor.ones([2, 3], dtype: .bool)].shape == [6, 4])
    #expect(try ints(x.at[x .< 22].set(0).sum()) == [45])
    let error = #expect(throws: BloxError.self) { try jit { (x: Tensor) in try x[x .> 0] }(x) }
    #expect(error?.code == .concretization)
    #expect(
      error?.message.hasPrefix("index: how many elements of a traced mask bool[2,3,4] are true is not known") == true)
  }

  @Test("A mask has the shape of its axes, also behind an ellipsis")
  func maskShapes() throws {
    let x = try cube()
    let last = try Tensor([1, 0, 0, 1]).cast(to: .bool)
    #expect(try x[.ellipsis, last].shape == [2, 3, 2])
    #expect(try x[.ellipsis, Tensor.ones([3, 4], dtype: .bool)].shape == [2, 12])
    let error = #expect(throws: BloxError.self) { try x[last] }
    #expect(error?.code == .shapeMismatch)
    #expect(error?.message == "index: the mask bool[4] goes with axes of the sizes [2] of [2, 3, 4]")
    #expect(throws: BloxError.self) { try x.at[.ellipsis, Tensor.ones([4, 3], dtype: .bool)].set(1) }
    #expect(throws: BloxError.self) { try x[Tensor.ones([2, 3, 4, 5], dtype: .bool)] }
    #expect(throws: BloxError.self) { try x[.ellipsis, 0, 0, Tensor.ones([3, 4], dtype: .bool)] }
  }

  @Test("Places beyond i64 are as far outside as any")
  func largestPlaces() throws {
    let places = try Tensor(shape: [2], scalars: [UInt64.max, 1])
    #expect(try ints(Tensor.arange(7).take(places, outside: .clip)) == [6, 1])
    #expect(try ints(Tensor.arange(7)[places]) == [6, 1])
  }

  @Test("Several updates of one element: set keeps the last one, the others take all")
  func duplicates() throws {
    let places = try Tensor(shape: [3], scalars: [1, 1, 0], dtype: .i32)
    let updates = try Tensor(shape: [3], scalars: [5, 7, 9], dtype: .i32)
    let x = try Tensor(shape: [2], scalars: [2, 3], dtype: .i32)
    #expect(try ints(x.at[places].set(updates)) == [9, 7])
    #expect(try ints(x.at[places].add(updates)) == [11, 15])
    #expect(try ints(x.at[places].multiply(updates)) == [18, 105])
    #expect(try ints(x.at[places].min(updates)) == [2, 3])
    #expect(try ints(x.at[places].max(updates)) == [9, 7])
  }

  @Test("Every integer dtype indexes, narrow ones into long axes too")
  func indexTypes() throws {
    let x = try Tensor.arange(300)
    for dtype in DType.allCases where dtype.isInteger {
      let places = try Tensor(shape: [2], scalars: [100, 7], dtype: dtype)
      #expect(try ints(x[places]) == [100, 7], "\(dtype)")
    }
    #expect(try ints(x[Tensor(shape: [1], scalars: [-1], dtype: .i8)]) == [299])
  }

  struct Failure: Sendable, CustomStringConvertible {
    let description: String
    let run: @Sendable () throws -> Void
    init(_ text: String, _ run: @escaping @Sendable () throws -> Tensor) {
      description = text
      self.run = { _ = try run() }
    }
  }

  private static var x: Tensor { get throws { try Tensor.zeros([2, 3]) } }

  @Test(
    "Wrong indices are answered with what they were",
    arguments: [
      Failure("index: 2 is out of range for axis 0 of size 2 of [2, 3]") { try x[2] },
      Failure("index: -4 is out of range for axis 1 of size 3 of [2, 3]") { try x[0, -4] },
      Failure("index: 3 indices for the 2 axes of [2, 3]") { try x[0, 0, 0] },
      Failure("index: an index has one ellipsis at most; got 2") { try x[.ellipsis, .ellipsis] },
      Failure("index: the step of a range must not be 0") { try x[.stride(by: 0)] },
      Failure("index: places must be integers or bool; got f32[2,3]") { try x[x] },
      Failure("index: the index tensors i32[2], i32[3] do not broadcast to one shape") {
        try x[Tensor.arange(2), Tensor.arange(3)]
      },
      Failure("update: f32[2,3] does not broadcast to the shape [3] of the indexed elements") { try x.at[0].set(x) },
      Failure("take: places must be integers; got bool[]") { try x.take(Tensor(true), axis: 0) },
      Failure("takeAlongAxis: i32[3] must have the rank of f32[2,3]") {
        try x.takeAlongAxis(Tensor.arange(3), axis: 0)
      },
      Failure(
        "dynamic_slice: a window of size 4 does not fit dimension 1 of size 3; got f32[2,3], i32[], i32[]"
      ) { try x.dynamicSlice([Tensor(0), Tensor(0)], sizes: [1, 4]) },
      Failure("dynamic_slice: needs a start for each of 2 dimensions; got f32[2,3], i32[]") {
        try x.dynamicSlice([Tensor(0)], sizes: [1, 1])
      },
      Failure("split: axis 1 of f32[2,3] does not divide into 2 parts of one size") { try x.split(2, axis: 1)[0] },
      Failure("tile: the counts [-1] of f32[2,3] must not be negative") { try x.tile([-1]) },
      Failure("diag: needs a vector or a matrix; got f32[]") { try Tensor(1.0).diag() },
      Failure("searchSorted: needs a sorted vector; got f32[2,3]") { try searchSorted(x, x) },
      Failure(
        "gather: the index vectors have 2 elements for 1 mapped dimensions; got f32[2,3], i32[4,2]"
      ) {
        try x.gather(
          Tensor.zeros([4, 2], dtype: .i32),
          Op.GatherDimensions(offsetDims: [1], collapsedDims: [0], indexMap: [0], sliceSizes: [1, 3], mode: .clip))
      },
    ]) func failures(_ failure: Failure)
  {
    let error = #expect(throws: BloxError.self) { try failure.run() }
    #expect(error?.message == failure.description)
  }
}
