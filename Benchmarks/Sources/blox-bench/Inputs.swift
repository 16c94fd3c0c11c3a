// The inputs of peers/workloads.json, made as its rules say, so that every program computes with the same numbers.

import BloxNN

/// Makes a workload's tensors in the order of its inputs: each `weyl` tensor uses up the next `k`.
struct Inputs {
  private var k: UInt64

  /// - Parameter k: The number of the first tensor.
  init(startingAt k: UInt64 = 0) { self.k = k }

  /// Numbers in -0.5 ..< 0.5 from a Weyl sequence, then scaled and shifted in `f32`.
  mutating func weyl(_ shape: [Int], scale: Float = 1, shift: Float = 0) throws -> Tensor {
    let offset = 1_000_003 &* k
    k += 1
    let scalars = (0..<UInt64(shape.reduce(1, *))).map { i -> Float in
      let word = ((i &+ offset) &* 2_654_435_761) & 0xFFFF_FFFF
      return Float(Double(word) / 4_294_967_296 - 0.5) * scale + shift
    }
    return try Tensor(shape: shape, scalars: scalars)
  }

  /// A weight matrix or kernel: scaled by one over the root of its fan-in, all dimensions but the last.
  mutating func weight(_ shape: [Int]) throws -> Tensor {
    try weyl(shape, scale: Float(1 / Double(shape.dropLast().reduce(1, *)).squareRoot()))
  }

  static func labels(_ count: Int, classes: Int) throws -> Tensor {
    try Tensor(shape: [count], scalars: (0..<count).map { Int32((7 * $0 + 3) % classes) }, dtype: .i32)
  }

  static func tokens(_ shape: [Int], vocabulary: UInt64) throws -> Tensor {
    let scalars = (0..<UInt64(shape.reduce(1, *))).map { i in
      Int32((((i &* 2_654_435_761) & 0xFFFF_FFFF) * vocabulary) >> 32)
    }
    return try Tensor(shape: shape, scalars: scalars, dtype: .i32)
  }
}
