// Reductions over any axes.
import BloxIR
import BloxRuntime
import Testing

@Suite struct ReductionTests {
  static func naive<T>(
    _ x: [T], _ shape: [Int], _ axes: [Int], _ identity: T, _ combine: (T, T) -> T
  ) -> [T] {
    let kept = shape.indices.filter { !axes.contains($0) }
    let result = kept.map { shape[$0] }
    var sums = Array(repeating: identity, count: result.reduce(1, *))
    for index in indices(of: shape) {
      let target = position(kept.map { index[$0] }, in: result)
      sums[target] = combine(sums[target], x[position(index, in: shape)])
    }
    return sums
  }

  static let cases: [(shape: [Int], axes: [Int])] = [
    ([7], [0]), ([7], []), ([5, 6], [0]), ([5, 6], [1]), ([5, 6], [0, 1]), ([4, 5, 6], [1]), ([4, 5, 6], [0, 2]),
    ([4, 5, 6], [0, 1]), ([3, 4, 5, 6], [0, 2]), ([3, 4, 5, 6], [1, 3]), ([3, 1, 5], [1]), ([3, 1, 5], [0, 1]),
    ([0, 4], [0]), ([4, 0], [0]), ([4, 0], [1]), ([0, 4, 0], [0, 2]), ([0], [0]), ([], []),
  ]

  @Test("Sums, maxima and minima agree with the loops", arguments: cases.indices)
  func floats(index: Int) throws {
    let (shape, axes) = ReductionTests.cases[index]
    let type = TensorType(.f32, shape)
    let x = ramp(type.elementCount)
    func reduced(_ kind: Op.Reduction) throws -> [Float] {
      try run(program([type]) { b, p in [try b.emitOne(.reduce(kind, axes: axes), p)] }, [x])
    }
    #expect(try reduced(.sum) == ReductionTests.naive(x, shape, axes, 0, +))
    #expect(try reduced(.max) == ReductionTests.naive(x, shape, axes, -.infinity, max))
    #expect(try reduced(.min) == ReductionTests.naive(x, shape, axes, .infinity, min))
  }

  @Test("Long reductions, which run in pieces, give the same sums")
  func long() throws {
    for shape in [[300_000], [2, 200_000], [200_000, 3], [1200, 700], [2, 70_000, 2]] {
      let type = TensorType(.f32, shape)
      let axis = shape.firstIndex(of: shape.max()!)!
      let inner = shape[(axis + 1)...].reduce(1, *)
      // Element values 0 ... 6 by position along the axis, plus 7 per column: sums are exact below 2^24.
      let x = (0..<type.elementCount).map { Float($0 / inner % shape[axis] % 7 + $0 % inner % 3) }
      let y: [Float] = try run(program([type]) { b, p in [try b.emitOne(.reduce(.sum, axes: [axis]), p)] }, [x])
      let base = (0..<shape[axis]).reduce(0) { $0 + $1 % 7 }
      #expect(y == (0..<(type.elementCount / shape[axis])).map { Float(base + $0 % inner % 3 * shape[axis]) })
    }
  }

  @Test("And and or work on booleans and integers")
  func logic() throws {
    let shape = [4, 5]
    let x = (0..<20).map { $0 % 5 < 3 && $0 != 6 }
    let all: [Bool] = try run(
      program([TensorType(.bool, shape)]) { b, p in [try b.emitOne(.reduce(.and, axes: [0]), p)] }, [x])
    #expect(all == [true, false, true, false, false])
    let words = (0..<20).map { UInt32(1) << UInt32($0) }
    let any: [UInt32] = try run(
      program([TensorType(.u32, shape)]) { b, p in [try b.emitOne(.reduce(.or, axes: [1]), p)] }, [words])
    #expect(any == [0x1F, 0x3E0, 0x7C00, 0xF8000])
  }

  @Test("argmax and argmin give the first extreme, and the first NaN before all")
  func arguments() throws {
    let type = TensorType(.f32, [2, 4, 3])
    let x: [Float] = [
      1, 5, 0, 3, 5, 0, 3, 2, 0, 0, 1, 0,
      -1, .nan, 2, -4, 7, 2, -4, .nan, 9, 0, 0, 9,
    ]
    let high: [Int32] = try run(program([type]) { b, p in [try b.emitOne(.argReduce(.argmax, axis: 1), p)] }, [x])
    #expect(high == [1, 0, 0, 3, 0, 2])
    let low: [Int32] = try run(program([type]) { b, p in [try b.emitOne(.argReduce(.argmin, axis: 1), p)] }, [x])
    #expect(low == [3, 3, 0, 1, 0, 0])
  }
}
