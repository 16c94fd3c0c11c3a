// How windows are padded, for pooling and convolution: by a rule or by amounts, as in `jax.lax`.

import BloxIR

/// How much is added in front of and behind each dimension that windows move along.
///
/// ```swift
/// let y = try maxPool(x, window: [3, 3], strides: [2, 2], padding: .same)
/// let z = try maxPool(x, window: [2, 3], padding: .explicit([(1, 0), (1, 1)]))
/// ```
public struct Padding: Hashable, Sendable {
  private enum Rule: Hashable {
    case valid, same, sameLower
    case explicit(low: [Int], high: [Int])
  }

  private let rule: Rule

  /// No padding: windows lie inside (`'VALID'`).
  public static let valid = Padding(rule: .valid)
  /// As many windows as elements, divided by the stride and rounded up; an odd element of padding is put behind
  /// (`'SAME'`).
  public static let same = Padding(rule: .same)
  /// As ``same``, with an odd element of padding in front (`'SAME_LOWER'`).
  public static let sameLower = Padding(rule: .sameLower)
  /// Amounts for each dimension in front and behind; negative ones cut off elements.
  public static func explicit(_ amounts: [(low: Int, high: Int)]) -> Padding {
    Padding(rule: .explicit(low: amounts.map(\.low), high: amounts.map(\.high)))
  }

  /// The amounts for each dimension, whose sizes include the gaps of dilations.
  ///
  /// With `n` elements, a window of `w` and a stride of `s`, rules that keep the size make room for `m = ceil(n / s)`
  /// windows: `(m - 1) s + w - n` elements of padding, unless that is negative.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` when explicit amounts are not one pair for each dimension.
  package func amounts(
    sizes: [Int], window: [Int], strides: [Int], for operation: String
  ) throws(BloxError) -> (low: [Int], high: [Int]) {
    switch rule {
    case .valid: return (sizes.map { _ in 0 }, sizes.map { _ in 0 })
    case .explicit(let low, let high):
      guard low.count == sizes.count else {
        throw BloxError(
          .invalidArgument,
          "\(operation): the padding has \(low.count) pair\(low.count == 1 ? "" : "s") of amounts for"
            + " \(sizes.count) dimension\(sizes.count == 1 ? "" : "s"); pass one pair (low, high) for each")
      }
      return (low, high)
    case .same, .sameLower:
      var (low, high): ([Int], [Int]) = ([], [])
      for (dim, size) in sizes.enumerated() {
        let total = try Padding.total(size: size, window: window[dim], stride: strides[dim], for: operation)
        let (smaller, larger) = (total / 2, total - total / 2)
        low.append(rule == .same ? smaller : larger)
        high.append(rule == .same ? larger : smaller)
      }
      return (low, high)
    }
  }

  /// Whether the amounts follow from sizes.
  var isRule: Bool {
    if case .explicit = rule { return false }
    return true
  }

  /// The amounts around inputs that a transposed convolution has spread by its strides, as `lax.conv_transpose` has
  /// them: ``same`` makes `n * stride` elements of `n`, ``valid`` `n * stride + max(window - stride, 0)`.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for ``sameLower``, which has no meaning there.
  func transposedAmounts(
    window: [Int], strides: [Int], for operation: String
  ) throws(BloxError) -> (low: [Int], high: [Int]) {
    switch rule {
    case .explicit: return try amounts(sizes: window, window: window, strides: strides, for: operation)
    case .sameLower:
      throw BloxError(.invalidArgument, "\(operation): the padding sameLower is not defined here; use same")
    case .same, .valid:
      var (low, high): ([Int], [Int]) = ([], [])
      for (window, stride) in zip(window, strides) {
        guard window >= 1, stride >= 1, stride <= TensorType.byteLimit else {
          throw BloxError(
            .invalidArgument, "\(operation): the window size \(window) and the stride \(stride) must be at least 1")
        }
        let total = window + stride - 2 + (rule == .valid ? Swift.max(window - stride, 0) : 0)
        let first = rule == .valid || stride > window - 1 ? window - 1 : (total + 1) / 2
        low.append(first)
        high.append(total - first)
      }
      return (low, high)
    }
  }

  private static func total(size: Int, window: Int, stride: Int, for operation: String) throws(BloxError) -> Int {
    guard window >= 1, stride >= 1 else {
      throw BloxError(
        .invalidArgument, "\(operation): the window size \(window) and the stride \(stride) must be at least 1")
    }
    let count = size / stride + (size % stride == 0 ? 0 : 1)
    // Below size + stride, unless there is nothing to put windows on.
    let (last, overflow) = (count - 1).multipliedReportingOverflow(by: stride)
    let (end, overflowAtEnd) = last.addingReportingOverflow(window)
    guard !overflow, !overflowAtEnd else {
      throw BloxError(
        .invalidShape,
        "\(operation): a window of size \(window) with the stride \(stride) overflows on \(size) elements")
    }
    return Swift.max(0, end - size)
  }
}

extension Padding: CustomStringConvertible {
  /// `valid`, `same`, `sameLower`, or pairs such as `[(1, 0), (1, 1)]`.
  public var description: String {
    switch rule {
    case .valid: "valid"
    case .same: "same"
    case .sameLower: "sameLower"
    case .explicit(let low, let high):
      "[" + zip(low, high).map { "(\($0), \($1))" }.joined(separator: ", ") + "]"
    }
  }
}
