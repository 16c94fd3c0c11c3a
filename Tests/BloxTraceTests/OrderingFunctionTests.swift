// What sorting functions give at their edges, and how they refuse; values are compared elsewhere.

import BloxTrace
import Testing

@Suite("Sorting functions")
struct OrderingFunctionTests {
  private let x = (try? Tensor(shape: [2, 3], scalars: [3, 1, 3, 2, 1, 7], dtype: .i32)) ?? Tensor(0)

  private func ints(_ tensor: Tensor) throws -> [Int] { try tensor.scalars(as: Int.self) }

  @Test("Equal elements keep their order, in descending sorts too") func stability() throws {
    let ties = try Tensor(shape: [6], scalars: [1, 0, 1, 0, 1, 0], dtype: .f16)
    #expect(try ints(ties.argsort()) == [1, 3, 5, 0, 2, 4])
    #expect(try ints(ties.argsort(descending: true)) == [0, 2, 4, 1, 3, 5])
    #expect(try ints(ties.topK(3).indices) == [0, 2, 4])
    #expect(try ties.argsort(dtype: .u8).dtype == .u8)
    #expect(
      try ints(lexsort([ties, Tensor(shape: [6], scalars: [2, 2, 2, 1, 1, 1], dtype: .i32)])) == [3, 5, 4, 1, 0, 2])
  }

  @Test("Without an axis all elements are sorted") func flat() throws {
    #expect(try ints(x.sort(axis: nil)) == [1, 1, 2, 3, 3, 7])
    #expect(try ints(x.argsort(axis: nil, descending: true)) == [5, 0, 2, 3, 1, 4])
  }

  @Test("Empty tensors have empty results") func empty() throws {
    let none = try Tensor.zeros([0, 3])
    #expect(try none.sort(axis: 0).shape == [0, 3])
    #expect(try none.argsort().shape == [0, 3])
    #expect(try none.topK(2).values.shape == [0, 2])
    #expect(try none.topK(0, axis: 0).indices.shape == [0, 3])
    let tangent = try grad { (x: Tensor) in try (x.sort().sum() + x.topK(2).values.sum()) }(none)
    #expect(tangent.shape == [0, 3])
  }

  @Test("unique says how often, where first, and where each element went, as jnp.unique") func unique() throws {
    let all = try x.uniqueWithCounts(size: 6)
    #expect(try ints(all.values) == [1, 2, 3, 7, 1, 1])
    #expect(try ints(all.indices) == [1, 3, 0, 5, 1, 1])
    #expect(try ints(all.inverse) == [2, 0, 2, 1, 0, 3])
    #expect(all.inverse.shape == [2, 3])
    #expect(try ints(all.counts) == [2, 1, 2, 1, 0, 0])
    #expect(try ints(x.unique(size: 6, fill: -1)) == [1, 2, 3, 7, -1, -1])
    let some = try x.uniqueWithCounts(size: 2)
    #expect(try ints(some.values) == [1, 2])
    #expect(try ints(some.inverse) == [2, 0, 2, 1, 0, 3])
    let floats = try Tensor([.nan, 0.0, -0.0, 1, .nan]).uniqueWithCounts(size: 4)
    #expect(try ints(floats.counts) == [2, 1, 2, 0])
    #expect(try ints(floats.inverse) == [2, 0, 0, 1, 2])
    #expect(try floats.values.scalars(as: Double.self)[2].isNaN)
    #expect(try Tensor.zeros([0]).unique(size: 2, fill: 5).scalars(as: Double.self) == [5, 5])
  }

  private func message(_ body: () throws -> Any) -> String {
    do {
      _ = try body()
      return "no error"
    } catch let error as BloxError { return error.message } catch { return "\(error)" }
  }

  @Test("Errors say what does not fit") func errors() throws {
    let keys = try Key(0).split(3)
    #expect(message { try x.sort(axis: 2) } == "sort: axis 2 is out of range for a tensor of rank 2")
    #expect(message { try Tensor(1.0).sort() } == "sort: axis -1 is out of range for a tensor of rank 0")
    #expect(
      message { try sort([x, x.sum([0])]) } == "sort: operands must have one shape; got i32[2,3], i32[3]")
    #expect(
      message { try sort([x, x], keyCount: 3) }
        == "sort: the number of keys must be between 1 and 2, that of operands; it is 3; got i32[2,3], i32[2,3]")
    #expect(message { try sort([]) } == "sort: needs a tensor to sort")
    #expect(message { try lexsort([]) } == "lexsort: needs a key to sort by")
    #expect(
      message { try keys.tensor.sort() }
        == "sort: random keys have no order; they can only be sorted by others; got key[3]")
    #expect(message { try x.argsort(dtype: .f32) } == "argsort: indices are integers, not f32")
    #expect(
      message { try Tensor.zeros([300]).argsort(dtype: .u8) }
        == "argsort: u8 cannot number the 300 elements of axis 0")
    #expect(
      message { try x.topK(4) } == "top_k: k must be between 0 and 3, the size of axis 1; it is 4; got i32[2,3]")
    #expect(
      message { try x.topK(-1) } == "top_k: k must be between 0 and 3, the size of axis 1; it is -1; got i32[2,3]")
    #expect(message { try x.unique(size: -1) } == "unique: the size -1 must not be negative")
    #expect(
      message { try Tensor.zeros([0]).unique(size: 2) }
        == "unique: f32[0] has no element to fill with; give a fill value")
  }
}
