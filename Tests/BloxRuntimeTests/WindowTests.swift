// Ops on windows compiled against the reference: every reduction, dtype and geometry, and parts for threads.

import BloxIR
import BloxRuntime
import ProgramFuzzing
import TestSupport
import Testing

// Serialized, because a test sets the number of threads.
@Suite("Windows", .serialized) struct WindowTests {
  private static func window(
    _ sizes: [Int], strides: [Int]? = nil, base: [Int]? = nil, dilation: [Int]? = nil, low: [Int]? = nil,
    high: [Int]? = nil
  ) -> Op.Window {
    Op.Window(sizes: sizes, strides: strides, baseDilations: base, windowDilations: dilation, low: low, high: high)
  }

  /// Shapes with windows over them.
  static let geometries: [([Int], Op.Window)] = [
    // One dimension, single elements: dense, every second, every third.
    ([40], window([3])), ([41], window([2], strides: [2])), ([41], window([5], strides: [3], low: [2], high: [2])),
    ([7], window([20], low: [19], high: [3])), ([3], window([1 << 40], low: [1 << 40])), ([1], window([2], low: [1])),
    ([0], window([2], low: [3], high: [2])), ([5], window([2], low: [-2], high: [-1])),
    ([9], window([1], strides: [4])), ([10], window([2], low: [5000])), ([3, 4096], window([2, 1], low: [3, 0])),
    ([20, 64], window([2, 1], low: [70, 0])), ([2, 4097], window([2, 1])),
    ([6], window([1], strides: [2], base: [3], low: [1], high: [2])), ([6], window([3], base: [2], low: [1])),
    ([9], window([3], strides: [2], base: [3], dilation: [2], low: [4], high: [-1])),
    ([5], window([4], strides: [3], base: [4], dilation: [6], low: [5], high: [9])),
    ([4], window([3], strides: [5], base: [7], dilation: [3], low: [-2], high: [11])),
    // Channels, few and many; rows that are cut.
    ([2, 7, 6, 3], window([1, 2, 2, 1], strides: [1, 2, 2, 1])),
    ([2, 7, 6, 17], window([1, 3, 2, 1], strides: [1, 2, 1, 1], low: [0, 1, 1, 0], high: [0, 1, 0, 0])),
    ([3, 5, 4500], window([1, 2, 1], low: [0, 1, 0])), ([1500, 5], window([4, 1], strides: [3, 1], low: [2, 0])),
    ([2, 5, 6, 2], window([1, 2, 3, 1], base: [1, 2, 3, 1], low: [0, 1, 2, 0], high: [0, 1, 2, 0])),
    ([2, 6, 5], window([1, 3, 2], strides: [1, 1, 2], dilation: [1, 2, 3])), ([3, 4, 2], window([2, 2, 2])),
    ([2, 3, 4, 3, 2], window([1, 2, 2, 2, 1], strides: [1, 1, 2, 1, 1], low: [0, 1, 0, 1, 0])),
    ([4, 6], window([2, 1], strides: [2, 1])), ([2, 0, 3], window([1, 2, 1], low: [0, 2, 0])),
    // A single window on the first of several elements.
    ([2, 2], window([2, 1], strides: [1, 3], low: [-1, 0], high: [3, 0])),
    ([4, 5, 3], window([2, 1, 1], strides: [1, 7, 1])), ([0, 4], window([1, 2])), ([3, 1, 4], window([1, 1, 2])),
    ([], window([])),
  ]

  @Test("Reductions of windows agree with the reference in every dtype", arguments: geometries.indices)
  func reductions(index: Int) throws {
    let (shape, window) = Self.geometries[index]
    var generator = SeededGenerator(seed: UInt64(index))
    for kind in Op.Reduction.allCases {
      for dtype in DType.allCases {
        let op = Op.window(.reduce(kind, window))
        let type = TensorType(dtype, shape)
        guard (try? op.resultTypes(for: [type])) != nil else { continue }
        for specials in [true, false] {
          let x = randomTensor(type, specials: specials, &generator)
          if let text = try disagreement(op, [x]) { Issue.record("\(text)") }
        }
      }
    }
  }

  @Test("Selections agree with the reference in every dtype, with ties and NaNs", arguments: geometries.indices)
  func selections(index: Int) throws {
    let (shape, window) = Self.geometries[index]
    var generator = SeededGenerator(seed: UInt64(index))
    for selection in Op.WindowSelection.allCases {
      for dtype in DType.floating {
        let type = TensorType(dtype, shape)
        let gather = Op.window(.selectAndGatherAdd(selection, window))
        let scatter = Op.window(.selectAndScatterAdd(selection, window))
        let windows = try gather.resultTypes(for: [type, type])[0]
        // Few values, so that there are ties; then special ones.
        let few = DenseConstant(
          type: type, elements: (0..<type.elementCount).map { _ in Literal(Int(generator.next() % 3), as: dtype) })
        for x in [few, randomTensor(type, specials: true, &generator)] {
          let tangents = randomTensor(type, specials: false, &generator)
          let source = randomTensor(windows, specials: false, &generator)
          if let text = try disagreement(gather, [tangents, x]) { Issue.record("\(text)") }
          if let text = try disagreement(scatter, [source, x]) { Issue.record("\(text)") }
        }
      }
    }
  }

  /// Shapes large enough to be divided, whose windows overlap, touch and lie apart.
  static let large: [([Int], Op.Window)] = [
    ([3, 70, 50, 20], window([1, 2, 2, 1], strides: [1, 2, 2, 1])),
    ([2, 90, 40, 24], window([1, 3, 3, 1], strides: [1, 2, 2, 1], low: [0, 1, 1, 0], high: [0, 1, 1, 0])),
    ([2, 100, 90, 40], window([1, 2, 2, 1], strides: [1, 2, 2, 1])),
    ([1, 130, 70, 64], window([1, 2, 2, 1], strides: [1, 2, 2, 1], low: [0, 2, 0, 0], high: [0, 3, 0, 0])),
    ([1, 200, 300], window([1, 5, 7], low: [0, 2, 3], high: [0, 2, 3])),
    ([200_000], window([5], strides: [2], dilation: [3])),
    ([3000, 40], window([3, 1], strides: [1, 1], base: [2, 1])),
  ]

  @Test(
    "Large tensors, which threads share, have the reference's bits for any number of threads", arguments: large.indices)
  func threads(index: Int) throws {
    let (shape, window) = Self.large[index]
    var generator = SeededGenerator(seed: UInt64(index))
    let type = TensorType(.f32, shape)
    let few = randomTensor(TensorType(.f32, [997]), specials: false, &generator)
    let x = type.repeating(few)
    let gather = Op.window(.selectAndGatherAdd(.max, window))
    let source = try gather.resultTypes(for: [type, type])[0].repeating(few)
    let cases: [(Op, [DenseConstant])] = [
      (.window(.reduce(.sum, window)), [x]), (.window(.reduce(.max, window)), [x]), (gather, [x, x]),
      (.window(.selectAndScatterAdd(.min, window)), [source, x]),
    ]
    let threadCount = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(threadCount) }
    for (op, operands) in cases {
      let compiled = try executable(program(of: op, operands.map(\.type)))
      ThreadPool.setThreadCount(1)
      let single = try compiled.run(operands)
      for count in [2, 3, 7] {
        ThreadPool.setThreadCount(count)
        #expect(try compiled.run(operands) == single, "\(op.name), \(count) threads")
      }
      // The reference is slow: a slice of the work tells as much, the smaller tensors above tell the rest.
      guard x.type.elementCount <= 200_000 else { continue }
      #expect(try disagreement(op, operands) == nil)
    }
  }
}
