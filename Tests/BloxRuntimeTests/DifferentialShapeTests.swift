// Ops that move elements, reduce, multiply matrices and draw random bits: compiled against the reference.

import BloxIR
import BloxRuntime
import ProgramFuzzing
import TestSupport
import Testing

@Suite struct DifferentialShapeTests {
  /// Compares an op on random operands of each dtype that its type rule admits.
  private func compare(
    _ op: Op, _ shapes: [[Int]], _ generator: inout SeededGenerator, dtypes: [DType] = DType.allCases
  ) throws {
    for dtype in dtypes {
      let types = shapes.map { TensorType(dtype, $0) }
      guard (try? op.resultTypes(for: types)) != nil else { continue }
      // Special values once, then numbers alone: a NaN in a row hides everything else there.
      for specials in [true, false] {
        let operands = types.map { randomTensor($0, specials: specials, &generator) }
        if let text = try disagreement(op, operands) { Issue.record("\(text)") }
      }
    }
  }

  @Test("Movement of elements agrees with the reference in every dtype")
  func movement() throws {
    var generator = SeededGenerator(seed: 3)
    try compare(.broadcastInDim(shape: [3, 4, 2], dims: [2, 0]), [[2, 3]], &generator)
    try compare(.broadcastInDim(shape: [3, 4, 2], dims: [0, 1]), [[3, 1]], &generator)
    try compare(.broadcastInDim(shape: [2, 0], dims: []), [[]], &generator)
    try compare(.broadcastInDim(shape: [5], dims: []), [[]], &generator)
    try compare(.reshape([3, 2]), [[2, 3]], &generator)
    try compare(.reshape([]), [[1, 1]], &generator)
    try compare(.transpose([]), [[]], &generator)
    try compare(.transpose([1, 0]), [[17, 33]], &generator)
    try compare(.transpose([3, 1, 0, 2]), [[2, 3, 1, 4]], &generator)
    try compare(.transpose([0, 2, 1]), [[2, 0, 3]], &generator)
    try compare(.slice(Op.Slice(starts: [1, 0], limits: [4, 5], strides: [2, 3])), [[5, 6]], &generator)
    try compare(.slice(Op.Slice(starts: [2], limits: [2])), [[4]], &generator)
    try compare(.pad(Op.Padding(low: [1, -1], high: [0, 2], interior: [2, 0])), [[2, 3], []], &generator)
    try compare(.pad(Op.Padding(low: [-3, 2], high: [1, -1], interior: [1, 3])), [[4, 2], []], &generator)
    try compare(.pad(Op.Padding(low: [2], high: [3], interior: [1])), [[0], []], &generator)
    try compare(.pad(Op.Padding(low: [-4], high: [-2], interior: [3])), [[5], []], &generator)
    try compare(.concatenate(axis: 1), [[2, 3], [2, 0], [2, 1], [2, 4]], &generator)
    try compare(.concatenate(axis: 0), [[0, 2], [3, 2]], &generator)
    for dtype in DType.numeric {
      try compare(.iota(TensorType(dtype, [3, 300, 2]), axis: 1), [], &generator, dtypes: [.f32])
      try compare(.iota(TensorType(dtype, [2, 0]), axis: 0), [], &generator, dtypes: [.f32])
    }
  }

  @Test("Reductions agree with the reference in every dtype, over leading, middle, trailing and no elements")
  func reductions() throws {
    var generator = SeededGenerator(seed: 4)
    let cases: [([Int], [Int])] = [
      ([], []), ([7], [0]), ([1], [0]), ([0], [0]), ([3, 5], []), ([3, 5], [0]), ([3, 5], [1]), ([3, 5], [0, 1]),
      ([2, 0, 3], [1]), ([2, 0, 3], [0]), ([2, 3, 4], [0, 2]), ([2, 3, 1, 4], [2]), ([2, 3, 1, 4], [0, 2, 3]),
      ([1, 1, 6], [0, 1]), ([40, 9], [0]), ([3, 1500], [1]), ([130, 70], [0]), ([6, 35, 5], [0, 2]),
    ]
    for (shape, axes) in cases {
      for kind in Op.Reduction.allCases { try compare(.reduce(kind, axes: axes), [shape], &generator) }
    }
    for (shape, axis) in [
      ([7], 0), ([1], 0), ([3, 5], 0), ([3, 5], 1), ([2, 9, 3], 1), ([0, 4], 1), ([3, 150], 1),
    ] {
      for kind in Op.ArgReduction.allCases { try compare(.argReduce(kind, axis: axis), [shape], &generator) }
    }
  }

  @Test("Products agree with the reference in every dtype, batched, transposed, empty and without contraction")
  func products() throws {
    var generator = SeededGenerator(seed: 5)
    func dims(
      _ lhsBatch: [Int], _ rhsBatch: [Int], _ lhsContract: [Int], _ rhsContract: [Int]
    ) -> Op {
      .dotGeneral(
        Op.DotDimensions(lhsBatch: lhsBatch, rhsBatch: rhsBatch, lhsContract: lhsContract, rhsContract: rhsContract))
    }
    try compare(dims([], [], [1], [0]), [[3, 5], [5, 4]], &generator)
    try compare(dims([], [], [0], [1]), [[5, 3], [4, 5]], &generator)
    try compare(dims([], [], [0], [0]), [[9], [9]], &generator)
    try compare(dims([], [], [], []), [[3], [4]], &generator)
    try compare(dims([], [], [], []), [[], []], &generator)
    try compare(dims([0], [0], [], []), [[5], [5]], &generator)
    try compare(dims([2], [0], [0], [2]), [[3, 2, 4], [4, 5, 3]], &generator)
    try compare(dims([0, 2], [1, 0], [1], [2]), [[2, 3, 4, 2], [4, 2, 3, 3]], &generator)
    try compare(dims([], [], [0, 2], [1, 0]), [[2, 3, 4], [4, 2, 5]], &generator)
    try compare(dims([], [], [1], [0]), [[3, 0], [0, 2]], &generator)
    try compare(dims([], [], [1], [0]), [[0, 3], [3, 2]], &generator)
    try compare(dims([], [], [1], [0]), [[1, 300], [300, 7]], &generator)
    try compare(dims([], [], [1], [0]), [[40, 70], [70, 1]], &generator)
    try compare(dims([], [], [1], [0]), [[40, 65], [65, 50]], &generator, dtypes: [.f32, .f64, .bf16, .i32])
  }

  @Test("Random keys and bits are the reference's")
  func random() throws {
    var generator = SeededGenerator(seed: 6)
    for shape in [[], [3], [0], [2, 2]] {
      try compare(.random(.seed), [shape], &generator)
      let keys = randomTensor(TensorType(.key, shape), &generator)
      let data = randomTensor(TensorType(.u32, shape), &generator)
      #expect(try disagreement(Op.random(.foldIn), [keys, data]) == nil)
      for drawn in [[], [5], [0], [3, 1, 2], [67]] {
        #expect(try disagreement(Op.random(.split(drawn)), [keys]) == nil)
        for dtype in [DType.u8, .u16, .u32, .u64] {
          #expect(try disagreement(Op.random(.bits(shape: drawn, dtype)), [keys]) == nil)
        }
      }
      #expect(try disagreement(Op.random(.unwrap), [keys]) == nil)
      let words = randomTensor(TensorType(.u32, shape + [2]), &generator)
      #expect(try disagreement(Op.random(.wrap), [words]) == nil)
    }
  }
}
