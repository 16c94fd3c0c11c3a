// Cumulative ops: one element after the other.
//
// The first element of each line is copied as it is. Of the others, sums of f32 accumulate in f64 and those of bf16 and
// f16 in f32, so that long sums stay exact; products accumulate in f32, where they overflow as in JAX, and f64 in f64.

import BloxIR

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension ReferenceInterpreter {
  static func cumulative(_ kind: Cumulative, _ x: DenseConstant, axis: Int, reverse: Bool) -> DenseConstant {
    let kept = (0..<x.type.rank).filter { $0 != axis }
    let outer = offsets(alongDimensions: kept, of: x.type.shape)
    let forward = offsets(alongDimensions: [axis], of: x.type.shape)
    let inner = reverse ? forward.reversed() : forward
    var elements = (0..<x.type.elementCount).map { x[$0] }
    let dtype = x.type.dtype
    for start in outer {
      let line = inner.map { x[start + $0] }
      let results: [Literal]
      switch dtype {
      case .u8, .u16, .u32, .u64:
        results = kind.integers(line.map(\.bits)).map { Literal(dtype: dtype, bits: $0 & dtype.mask) }
      case .i8, .i16, .i32, .i64:
        results = kind.integers(line.map(\.signedValue)).map {
          Literal(dtype: dtype, bits: UInt64(bitPattern: $0) & dtype.mask)
        }
      case .bf16, .f16:
        let numbers = line.map { flush(Float($0.doubleValue)) }
        results =
          kind == .logSumExp
          ? logSumExps(numbers.map(Double.init), dtype) : kind.floats(numbers).map { rounded(Double($0), to: dtype) }
      case .f32 where kind == .prod || kind == .max || kind == .min:
        results = kind.floats(line.map { flush(Float($0.doubleValue)) }).map { rounded(Double($0), to: dtype) }
      case .f32, .f64:
        let numbers = line.map { dtype == .f32 ? Double(flush(Float($0.doubleValue))) : flush($0.doubleValue) }
        results =
          kind == .logSumExp ? logSumExps(numbers, dtype) : kind.floats(numbers).map { rounded($0, to: dtype) }
      case .bool, .key: preconditionFailure("the type rule admits neither")
      }
      for (index, offset) in inner.enumerated().dropFirst() { elements[start + offset] = results[index] }
    }
    return DenseConstant(type: x.type, elements: elements)
  }

  /// The largest so far and the sum of the exponentials of the distances from it.
  private static func logSumExps(_ numbers: [Double], _ dtype: DType) -> [Literal] {
    guard var largest = numbers.first else { return [] }
    var sum = 1.0
    return numbers.enumerated().map { index, x in
      if index > 0 {
        let distance = x == largest ? 0 : -abs(x - largest)
        sum = x > largest ? sum * exp(distance) + 1 : sum + exp(distance)
        largest = x > largest ? x : largest
      }
      return rounded(largest + log(sum), to: dtype)
    }
  }
}

extension DType {
  /// The bits of an integer.
  fileprivate var mask: UInt64 { bitWidth >= 64 ? ~0 : (1 << UInt64(bitWidth)) - 1 }
}

extension Cumulative {
  /// Wraps at 64 bits.
  fileprivate func integers<I: FixedWidthInteger>(_ line: [I]) -> [I] {
    prefixes(line) { a, b in
      switch self {
      case .sum: a &+ b
      case .prod: a &* b
      case .max: Swift.max(a, b)
      case .min: Swift.min(a, b)
      case .logSumExp: preconditionFailure("the type rule admits no integers")
      }
    }
  }

  fileprivate func floats<F: BinaryFloatingPoint>(_ line: [F]) -> [F] {
    prefixes(line) { a, b in
      switch self {
      case .sum: ReferenceInterpreter.flush(a + b)
      case .prod: ReferenceInterpreter.flush(a * b)
      case .max: ReferenceInterpreter.maximum(a, b)
      case .min: ReferenceInterpreter.minimum(a, b)
      case .logSumExp: preconditionFailure("has a function of its own")
      }
    }
  }

  private func prefixes<T>(_ line: [T], _ combine: (T, T) -> T) -> [T] {
    var results: [T] = []
    for x in line { results.append(results.last.map { combine($0, x) } ?? x) }
    return results
  }
}
