// How far results may be from what was wanted, and what to say when they are further.

import BloxIR
import ProgramFuzzing

/// How far two tensors may be apart. Integers, truth values and keys must always be equal.
package struct Tolerance: Sendable {
  /// Representable numbers between two floats; zeros are equal, and so are NaNs.
  package var ulp: Int?
  /// The difference relative to the wanted number.
  package var rtol: Double?
  /// The difference relative to the largest finite number wanted.
  var scaled: Double = 0

  /// Either tolerance suffices; without any, numbers must be equal.
  package init(ulp: Int? = nil, rtol: Double? = nil) {
    self.ulp = ulp
    self.rtol = rtol
  }

  /// Equality of numbers.
  package static let exact = Tolerance()

  /// What two ways of computing in a dtype may differ by, in sums and functions of moderate length.
  static func loose(_ dtype: DType) -> Tolerance {
    var tolerance = Tolerance(rtol: [.f64: 1e-11, .f32: 1e-4, .f16: 1e-2, .bf16: 5e-2][dtype] ?? 0)
    tolerance.scaled = tolerance.rtol ?? 0
    return tolerance
  }

  func accepts(_ got: Literal, _ want: Literal, scale: Double) -> Bool {
    if got.bits == want.bits { return true }
    guard got.dtype.isFloating else { return false }
    let (x, y) = (got.doubleValue, want.doubleValue)
    if x == y || x.isNaN && y.isNaN { return true }
    guard x.isFinite, y.isFinite else { return false }
    if let ulp, abs(place(got) - place(want)) <= ulp { return true }
    return abs(x - y) <= (rtol ?? 0) * abs(y) + scaled * scale
  }
}

/// Where two tensors differ.
package struct Difference: Sendable {
  private let type: TensorType
  private let first: (index: Int, got: Literal, want: Literal)
  private let count: Int
  private let worst: (index: Int, ulp: Int)

  /// Compares two tensors of one type; `nil` when they are close enough.
  init?(_ got: DenseConstant, _ want: DenseConstant, _ tolerance: Tolerance) {
    if got.bytes == want.bytes { return nil }
    type = want.type
    let elements = 0..<type.elementCount
    var scale = 0.0
    if type.dtype.isFloating, tolerance.scaled > 0 {
      for index in elements {
        let size = abs(want[index].doubleValue)
        if size.isFinite { scale = max(scale, size) }
      }
    }
    let wrong = elements.filter { !tolerance.accepts(got[$0], want[$0], scale: scale) }
    guard let index = wrong.first else { return nil }
    first = (index, got[index], want[index])
    count = wrong.count
    let distances = wrong.map { ($0, Difference.distance(got[$0], want[$0])) }
    worst = distances.max { $0.1 < $1.1 } ?? (index, 0)
  }

  /// Representable numbers between two floats, the distance of integers, or 1.
  private static func distance(_ a: Literal, _ b: Literal) -> Int {
    if a.dtype.isFloating {
      return a.doubleValue.isNaN || b.doubleValue.isNaN ? Int.max : abs(place(a) - place(b))
    }
    return 1
  }

  private func position(_ index: Int) -> String {
    var rest = index
    var position: [Int] = []
    for size in type.shape.reversed() {
      position.insert(rest % size, at: 0)
      rest /= size
    }
    return "[\(position.map(String.init).joined(separator: ","))]"
  }

  /// One line, such as `[3,7]  got 0.28125003  want 0.28125  (1 ulp)   2 of 12 differ, most 2 ulp at [1,0]`.
  func text(_ got: String = "got", _ want: String = "want") -> String {
    var text = "\(position(first.index))  \(got) \(first.got)  \(want) \(first.want)"
    if first.got.dtype.isFloating {
      let ulp = Difference.distance(first.got, first.want)
      if ulp != .max { text += "  (\(ulp) ulp)" }
    }
    guard type.elementCount > 1 else { return text }
    text += "   \(count) of \(type.elementCount) differ"
    if type.dtype.isFloating, worst.index != first.index {
      text +=
        worst.ulp == .max
        ? ", one in NaN at \(position(worst.index))" : ", most \(worst.ulp) ulp at \(position(worst.index))"
    }
    return text
  }
}
