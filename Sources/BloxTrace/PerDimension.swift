// Settings that have one number for each dimension or one for all, as Python's "int or tuple".

import BloxIR

/// One number for every dimension, or a number for each.
///
/// ```swift
/// let y = try conv(x, kernel, strides: 2)
/// let z = try conv(x, kernel, strides: [2, 1])
/// ```
public struct PerDimension: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
  /// The numbers; a single one stands for all dimensions.
  public let numbers: [Int]

  /// A number for each dimension, or a single one for all.
  public init(_ numbers: [Int]) { self.numbers = numbers }

  /// One number for all dimensions.
  public init(_ number: Int) { numbers = [number] }

  /// One number for all dimensions.
  public init(integerLiteral value: Int) { numbers = [value] }

  /// A number for each dimension, or a single one for all.
  public init(arrayLiteral elements: Int...) { numbers = elements }

  /// A number for each of `count` dimensions.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` when there are more or fewer.
  package func values(_ count: Int, _ what: String, for operation: String) throws(BloxError) -> [Int] {
    if numbers.count == count { return numbers }
    guard let number = numbers.first, numbers.count == 1 else {
      throw BloxError(
        .invalidArgument,
        "\(operation): \(numbers.count) \(what) for \(count) spatial dimension\(count == 1 ? "" : "s"); pass one number"
          + " for each, or one for all")
    }
    return Array(repeating: number, count: count)
  }
}

extension PerDimension: CustomStringConvertible {
  /// The numbers in brackets; a single one alone.
  public var description: String { numbers.count == 1 ? "\(numbers[0])" : "\(numbers)" }
}
