// What the elements of a parameter look like: a few numbers and a histogram.

import BloxIR
import BloxTrace

/// Statistics over the elements of a tensor, in `f64`.
struct ValueStatistics {
  /// Counts of elements in ranges of equal width, from `minimum` to `maximum`.
  struct Histogram {
    let counts: [Int]
    let lowest: Double
    let highest: Double
  }

  /// Of all finite elements.
  let mean: Double
  /// The root of the mean squared deviation from the mean, of all finite elements.
  let std: Double
  let min: Double
  let max: Double
  /// How many elements are no numbers or infinite.
  let nonFiniteCount: Int
  /// `nil` when all finite elements are equal.
  let histogram: Histogram?

  /// How many ranges a histogram has.
  static let binCount = 24

  /// Statistics of a constant; `nil` for keys, and when there is no finite element.
  init?(_ constant: DenseConstant) {
    guard constant.type.dtype != .key else { return nil }
    var (count, nonFinite) = (0, 0)
    var (sum, low, high) = (0.0, Double.infinity, -Double.infinity)
    constant.forEachNumber { value in
      guard value.isFinite else { return nonFinite += 1 }
      count += 1
      sum += value
      low = Swift.min(low, value)
      high = Swift.max(high, value)
    }
    guard count > 0 else { return nil }
    // Halves of f64's range may add up to infinity; a mean between the bounds is still what is asked for.
    let center = Swift.min(Swift.max(sum / Double(count), low), high)
    let width = high - low
    // Deviations are scaled to at most 1, since the squares of large ones overflow.
    let scale = Swift.max(high - center, center - low, Double.leastNonzeroMagnitude)
    var squares = 0.0
    var bins = [Int](repeating: 0, count: Self.binCount)
    constant.forEachNumber { value in
      guard value.isFinite else { return }
      let deviation = (value - center) / scale
      squares += deviation * deviation
      guard width > 0, width.isFinite else { return }
      let bin = Int((value - low) / width * Double(Self.binCount))
      bins[Swift.min(bin, Self.binCount - 1)] += 1
    }
    (mean, min, max, nonFiniteCount) = (center, low, high, nonFinite)
    std = (squares / Double(count)).squareRoot() * scale
    histogram = width > 0 && width.isFinite ? Histogram(counts: bins, lowest: low, highest: high) : nil
  }
}

extension DenseConstant {
  /// Calls a function with each element in order, rounded to `f64`.
  func forEachNumber(_ body: (Double) -> Void) {
    bytes.withUnsafeBytes { bytes in
      switch type.dtype {
      case .f32: for value in bytes.bindMemory(to: Float.self) { body(Double(value)) }
      case .f64: for value in bytes.bindMemory(to: Double.self) { body(value) }
      case .bf16:
        for bits in bytes.bindMemory(to: UInt16.self) { body(Double(Float(bitPattern: UInt32(bits) << 16))) }
      case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .f16, .key:
        for index in 0..<type.elementCount { body(self[index].doubleValue) }
      }
    }
  }
}

/// A number for people: four significant digits, with an exponent only where it saves room.
func compact(_ value: Double) -> String {
  if value.isNaN { return "nan" }
  if value.isInfinite { return value < 0 ? "-inf" : "inf" }
  if value == value.rounded(), Swift.abs(value) < 1e6 { return "\(Int(value))" }
  let magnitude = Swift.abs(value)
  guard magnitude >= 1e-4, magnitude < 1e6 else { return scientific(value) }
  var decimals = 3
  var bound = 10.0
  while magnitude >= bound, decimals > 0 { (bound, decimals) = (bound * 10, decimals - 1) }
  if magnitude < 1 {
    bound = 1
    while magnitude < bound { (bound, decimals) = (bound / 10, decimals + 1) }
  }
  return fixed(value, decimals: Swift.min(decimals, 7))
}

/// `1.234e-05`.
private func scientific(_ value: Double) -> String {
  var (mantissa, exponent) = (Swift.abs(value), 0)
  // Few rounds: the exponent of an f64 is below 400. Division by powers of ten rounds, which four digits do not show.
  while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
  while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
  var digits = fixed(mantissa, decimals: 3)
  if digits.hasPrefix("10") { (digits, exponent) = ("1.000", exponent + 1) }
  let magnitude = Swift.abs(exponent)
  return "\(value < 0 ? "-" : "")\(digits)e\(exponent < 0 ? "-" : "+")\(magnitude < 10 ? "0" : "")\(magnitude)"
}
