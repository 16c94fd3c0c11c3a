// Places of values among sorted ones, counts of values, and padding with a tensor's own elements.

import BloxIR

/// Where values go in a sorted vector so that it stays sorted (`jnp.searchsorted`): before equal elements, or behind them
/// when `after` is true. NaN is larger than every number.
///
/// A binary search over all values at once, of as many steps as the vector's length has bits.
///
/// - Throws: ``BloxError/Code/shapeMismatch`` when `sorted` is no vector.
public func searchSorted(
  _ sorted: Tensor, _ values: Tensor, after: Bool = false, file: String = #fileID, line: Int = #line
) throws -> Tensor {
  try located(file, line) {
    guard sorted.rank == 1 else {
      throw BloxError(.shapeMismatch, "searchSorted: needs a sorted vector; got \(sorted.type)")
    }
    let dtype = try sorted.dtype.promoted(with: values.dtype)
    let (sorted, values) = (try sorted.cast(to: dtype), try values.cast(to: dtype))
    guard sorted.count > 0 else { return try Tensor.zeros(values.shape, dtype: .i32) }
    var low = try Tensor.zeros(values.shape, dtype: .i32)
    var high = try Tensor.full(values.shape, Double(sorted.count), dtype: .i32)
    // The interval has `sorted.count` + 1 places at first and at most half of them after each step.
    var places = sorted.count
    while places > 0 {
      let middle = try Tensor.binary(.shiftRightLogical, low + high, Tensor(1))
      let element = try sorted.take(middle, axis: 0, outside: .clip)
      let goesRight = try after ? .!comesBefore(values, element) : comesBefore(element, values)
      let isOpen = try low .< high
      low = try select(isOpen .& goesRight, middle + 1, low)
      high = try select(isOpen .& .!goesRight, middle, high)
      places /= 2
    }
    return low
  }
}

/// Whether one element is smaller than another in an order in which NaN is the largest.
private func comesBefore(_ a: Tensor, _ b: Tensor) throws -> Tensor {
  guard a.dtype.isFloating else { return try a .< b }
  return try (a .< b) .| ((b .!= b) .& (a .== a))
}

/// The number of the bin that each value falls into, of bins with ascending edges (`jnp.digitize`): bin `i` is
/// `edges[i - 1] ≤ value < edges[i]`.
public func digitize(_ values: Tensor, _ edges: Tensor, file: String = #fileID, line: Int = #line) throws -> Tensor {
  try located(file, line) {
    try searchSorted(edges, values, after: true)
  }
}

/// How often each number from 0 up to `count` occurs (`jnp.bincount` with a length); others are left out.
///
/// - Parameter weights: What each element counts; 1 when `nil`.
/// - Throws: ``BloxError/Code/dtypeMismatch`` for values that are no integers.
public func bincount(_ values: Tensor, count: Int, weights: Tensor? = nil, file: String = #fileID, line: Int = #line)
  throws -> Tensor
{
  try located(file, line) {
    guard values.dtype.isInteger, count >= 0 else {
      throw BloxError(.dtypeMismatch, "bincount: needs integers and a count from 0; got \(values.type) and \(count)")
    }
    let flat = try values.reshape([-1])
    let each = try weights.map { try $0.reshape([-1]) } ?? Tensor.ones([flat.count], dtype: .i32)
    // JAX counts negative numbers as 0.
    let places =
      flat.dtype.kind == .signed ? try maximum(flat, Tensor(shape: [], scalars: [0], dtype: flat.dtype)) : flat
    return try segmentSum(each, places, count: count)
  }
}

/// The values at points of a function that goes straight from point to point (`jnp.interp`); constant outside.
///
/// - Parameters:
///   - points: Ascending.
///   - values: One for each of them.
/// - Throws: ``BloxError/Code/shapeMismatch`` unless both are vectors of one length from 1.
public func interp(_ x: Tensor, _ points: Tensor, _ values: Tensor, file: String = #fileID, line: Int = #line) throws
  -> Tensor
{
  try located(file, line) {
    guard points.rank == 1, points.shape == values.shape, points.count > 0 else {
      throw BloxError(
        .shapeMismatch, "interp: needs points and values of one length; got \(points.type) and \(values.type)")
    }
    let dtype = try x.dtype.promoted(with: points.dtype).promoted(with: values.dtype).inexact
    let (x, points, values) = (try x.cast(to: dtype), try points.cast(to: dtype), try values.cast(to: dtype))
    guard points.count > 1 else { return try values.take(Tensor.zeros(x.shape, dtype: .i32), axis: 0) }
    let right = try minimum(maximum(searchSorted(points, x, after: true), Tensor(1)), Tensor(points.count - 1))
    let (x0, x1) = (try points.take(right - 1, axis: 0), try points.take(right, axis: 0))
    let (y0, y1) = (try values.take(right - 1, axis: 0), try values.take(right, axis: 0))
    let width = try x1 - x0
    let isPoint = try width .== 0
    let share = try (x - x0) / select(isPoint, Tensor.ones(like: width), width)
    let inner = try select(isPoint, y0, y0 + share * (y1 - y0))
    let low = try values.slice(0..<1).squeeze().broadcast(to: x.shape)
    let high = try values.slice(values.count - 1..<values.count).squeeze().broadcast(to: x.shape)
    let first = try points.slice(0..<1).squeeze()
    let last = try points.slice(points.count - 1..<points.count).squeeze()
    return try select(x .< first, low, select(x .> last, high, inner))
  }
}

/// What ``Tensor/pad(_:mode:)`` fills the edges with.
public enum PaddingMode: Sendable {
  /// The nearest element.
  case edge
  /// The elements in opposite order, without the last one: `c b | a b c | b a`.
  case reflect
  /// The elements in opposite order, with the last one: `b a | a b c | c b`.
  case symmetric
  /// The elements from the other end.
  case wrap
}

extension Tensor {
  /// The tensor with elements of its own added around it (`jnp.pad`).
  ///
  /// - Parameter widths: How many before and after, one pair for each axis.
  /// - Throws: ``BloxError/Code/invalidArgument`` for a negative width, another number of pairs, or an axis without
  ///   elements to repeat.
  public func pad(_ widths: [(before: Int, after: Int)], mode: PaddingMode, file: String = #fileID, line: Int = #line)
    throws -> Tensor
  {
    try located(file, line) {
      guard widths.count == rank, widths.allSatisfy({ $0.before >= 0 && $0.after >= 0 }) else {
        throw BloxError(.invalidArgument, "pad: needs two widths from 0 for each of the \(rank) axes of \(type)")
      }
      var result = self
      for (axis, width) in widths.enumerated() where width.before > 0 || width.after > 0 {
        let size = shape[axis]
        var padded = result.type
        let (half, overflow) = size.addingReportingOverflow(width.before)
        let (length, overflows) = half.addingReportingOverflow(width.after)
        padded.shape[axis] = overflow || overflows ? .max : length
        try padded.validate("pad")
        guard size > 0 else {
          throw BloxError(.invalidArgument, "pad: axis \(axis) of \(type) has no elements to repeat")
        }
        let places = (-width.before..<size + width.after).map { mode.place($0, size: size) }
        result = try result.take(
          Tensor(shape: [places.count], scalars: places, dtype: .i32), axis: axis, outside: .clip)
      }
      return result
    }
  }
}

extension PaddingMode {
  /// Where the element for a place outside comes from.
  fileprivate func place(_ place: Int, size: Int) -> Int {
    func modulo(_ period: Int) -> Int { (place % period + period) % period }
    switch self {
    case .edge: return Swift.min(Swift.max(place, 0), size - 1)
    case .wrap: return modulo(size)
    case .reflect:
      let turn = modulo(Swift.max(2 * size - 2, 1))
      return turn < size ? turn : 2 * size - 2 - turn
    case .symmetric:
      let turn = modulo(2 * size)
      return turn < size ? turn : 2 * size - 1 - turn
    }
  }
}

extension Tensor {
  /// Numbers from one up to another, which is not included, `by` apart (`jnp.arange`).
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for a step of 0 or of no number.
  public static func arange(
    from: Double, to: Double, by: Double = 1, dtype: DType = .f32, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let count = ((to - from) / by).rounded(.up)
      guard count.isFinite, count < Double(Int32.max) else {
        throw BloxError(.invalidArgument, "arange: from \(from) to \(to) by \(by) is no finite number of steps")
      }
      let numbers = (0..<Int(Swift.max(count, 0))).map { from + Double($0) * by }
      return try Tensor(shape: [numbers.count], scalars: numbers, dtype: dtype)
    }
  }

  /// `count` numbers from one to another, evenly apart (`jnp.linspace`).
  ///
  /// - Parameter includesEnd: Whether the last number is `to`; otherwise it is one step before it.
  /// - Throws: ``BloxError/Code/invalidArgument`` for a negative count.
  public static func linspace(
    _ from: Double, _ to: Double, count: Int, includesEnd: Bool = true, dtype: DType = .f32, file: String = #fileID,
    line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard (0...Int(Int32.max)).contains(count) else {
        throw BloxError(.invalidArgument, "linspace: the count \(count) is negative or too large for one axis")
      }
      let steps = Double(Swift.max(includesEnd ? count - 1 : count, 1))
      let numbers = (0..<count).map { index in
        includesEnd && index == count - 1 && count > 1 ? to : from + (to - from) * (Double(index) / steps)
      }
      return try Tensor(shape: [count], scalars: numbers, dtype: dtype)
    }
  }

  /// The sum of a matrix's diagonal, of the first two axes (`jnp.trace`).
  public func trace(_ offset: Int = 0, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) { try diagonal(offset).sum([-1]) }
  }
}
