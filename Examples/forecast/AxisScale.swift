// Round numbers along an axis, and numbers as short text.

import BloxIR

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A range of numbers with ticks at round ones: 1, 2 or 5 times a power of ten apart.
struct AxisScale {
  let low: Double
  let high: Double
  let ticks: [Double]
  private let step: Double

  /// Ticks at about a number of places within a range.
  init(_ low: Double, _ high: Double, about count: Int) {
    (self.low, self.high) = (low, high)
    let rough = (high - low) / Double(max(count, 1))
    let power = pow(10, floor(log10(rough)))
    let step = [1, 2, 5].map { $0 * power }.first { $0 >= rough * 0.999 } ?? 10 * power
    self.step = step
    let (first, last) = (ceil(low / step - 1e-9), floor(high / step + 1e-9))
    ticks = first <= last ? (0...Int(last - first)).map { (first + Double($0)) * step } : []
  }

  /// Whole numbers only.
  init(steps: Range<Int>, about count: Int) {
    let scale = AxisScale(
      Double(steps.lowerBound), Double(max(steps.upperBound - 1, steps.lowerBound + 1)), about: count)
    self = scale.step >= 1 ? scale : AxisScale(scale.low, scale.high, about: Int(scale.high - scale.low))
  }

  /// The share of the range below a number.
  func share(_ value: Double) -> Double { (value - low) / (high - low) }

  /// A tick as text, with as many decimals as the ticks' distance asks for.
  func label(_ tick: Double) -> String {
    let largest = ticks.map(abs).max() ?? 0
    guard largest > 0, largest < 1e6, step >= 1e-4 else { return scientific(tick, largest) }
    return minus(fixed(tick, decimals: max(0, -Int(floor(log10(step) + 1e-9)))))
  }

  /// `1.25e6` with the power of the largest tick, so that labels compare.
  private func scientific(_ tick: Double, _ largest: Double) -> String {
    guard tick != 0, largest > 0 else { return "0" }
    let power = Int(floor(log10(largest)))
    let decimals = max(0, power - Int(floor(log10(step) + 1e-9)))
    return minus(fixed(tick / pow(10, Double(power)), decimals: min(decimals, 6)) + "e\(power)")
  }

  private func minus(_ text: String) -> String { text.hasPrefix("-") ? "−" + text.dropFirst() : text }
}

/// A number with four significant digits.
func significant(_ value: Double) -> String {
  guard value != 0, value.isFinite else { return "\(value)" }
  let power = Int(floor(log10(abs(value))))
  if power > 8 || power < -4 { return fixed(value / pow(10, Double(power)), decimals: 3) + "e\(power)" }
  return fixed(value, decimals: max(0, 3 - power))
}
