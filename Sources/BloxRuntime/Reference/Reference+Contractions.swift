// Products of tensors.

import BloxIR

extension ReferenceInterpreter {
  /// For each batch index, each free index of the left and each of the right operand: the sum over the contracting
  /// indices of the products.
  ///
  /// Operands are converted to the result's dtype. Floats accumulate in Double, in row-major order of the contracting dimensions as listed, and round once: products
  /// of two f32 (or narrower) numbers are exact there. Integers wrap.
  static func dotGeneral(
    _ lhs: DenseConstant, _ rhs: DenseConstant, to type: TensorType, _ dims: Op.DotDimensions
  ) -> DenseConstant {
    let (lhs, rhs) = (convert(lhs, to: type.dtype), convert(rhs, to: type.dtype))
    let pairs = OffsetPairs(lhs: lhs.type.shape, rhs: rhs.type.shape, dims)
    switch type.dtype {
    case .bf16, .f16, .f32, .f64:
      let (x, y) = (lhs.doubles, rhs.doubles)
      return DenseConstant(
        type: type,
        rounding: pairs.map { l, r in
          var sum = 0.0
          for (i, j) in zip(pairs.lhsContract, pairs.rhsContract) { sum += x[l + i] * y[r + j] }
          return sum
        })
    case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64:
      // The low bits of sums and products depend on the low bits of the operands only, so signs play no part.
      let (x, y) = (lhs.words, rhs.words)
      return DenseConstant(
        type: type,
        words: pairs.map { l, r in
          var sum: UInt64 = 0
          for (i, j) in zip(pairs.lhsContract, pairs.rhsContract) { sum &+= x[l + i] &* y[r + j] }
          return sum
        })
    case .bool, .key: preconditionFailure("the type rule admits numbers only")
    }
  }

  /// Where the lines to be multiplied start in each operand, and the offsets of the elements along them.
  private struct OffsetPairs {
    let lhsBatch, rhsBatch, lhsFree, rhsFree, lhsContract, rhsContract: [Int]

    init(lhs: [Int], rhs: [Int], _ dims: Op.DotDimensions) {
      lhsBatch = offsets(alongDimensions: dims.lhsBatch, of: lhs)
      rhsBatch = offsets(alongDimensions: dims.rhsBatch, of: rhs)
      lhsFree = offsets(alongDimensions: dims.lhsFree(rank: lhs.count), of: lhs)
      rhsFree = offsets(alongDimensions: dims.rhsFree(rank: rhs.count), of: rhs)
      lhsContract = offsets(alongDimensions: dims.lhsContract, of: lhs)
      rhsContract = offsets(alongDimensions: dims.rhsContract, of: rhs)
    }

    /// One value per result element, in row-major order, from the starts of its two lines.
    func map<T>(_ body: (Int, Int) -> T) -> [T] {
      var results: [T] = []
      for (lhsBatch, rhsBatch) in zip(lhsBatch, rhsBatch) {
        for lhsFree in lhsFree {
          for rhsFree in rhsFree { results.append(body(lhsBatch + lhsFree, rhsBatch + rhsFree)) }
        }
      }
      return results
    }
  }
}
