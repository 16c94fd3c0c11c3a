// Reductions over windows, and pooling of images and sequences with channels last.

import BloxIR

extension Tensor {
  /// The elements of each window, combined (`jax.lax.reduce_window`).
  ///
  /// ```swift
  /// let x = try Tensor([1, 5, 2, 7])
  /// let y = try x.reduceWindow(.max, window: [2])  // [5, 5, 7]
  /// ```
  ///
  /// Elements are combined in row-major order, in the tensor's dtype. A dimension of n elements, n' with the gaps of the
  /// base dilation and the padding, has `(n' - w') / stride + 1` windows, where w' is the window's size with the gaps
  /// of its dilation; none if that does not fit.
  ///
  /// - Parameters:
  ///   - kind: What combines elements: sums and products need numbers, `and`, `or` and `xor` booleans or integers.
  ///   - window: The size in each dimension.
  ///   - strides: Places from one window to the next.
  ///   - padding: What is added around the elements; it counts as `initial`.
  ///   - baseDilation: Places from one element to the next; those between count as `initial`.
  ///   - windowDilation: Places from one tap of the window to the next.
  ///   - initial: What each window starts from; the value that changes nothing when `nil`.
  /// - Returns: A tensor of the same dtype with an element for each window.
  /// - Throws: ``BloxError/Code/invalidArgument`` for sizes, strides or dilations below 1 and other numbers of them than
  ///   of dimensions; ``BloxError/Code/dtypeMismatch`` for elements that `kind` does not combine.
  public func reduceWindow(
    _ kind: Op.Reduction, window: [Int], strides: PerDimension = 1, padding: Padding = .valid,
    baseDilation: PerDimension = 1, windowDilation: PerDimension = 1, initial: Double? = nil, file: String = #fileID,
    line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let location = SourceLocation(file: file, line: line)
      let name = "reduceWindow"
      do {
        guard window.count == rank else {
          throw BloxError(.invalidArgument, "\(name): the window \(window) needs a size for each dimension of \(type)")
        }
        let windows = try Op.Window(
          window, over: shape, strides: strides.values(rank, "strides", for: name), padding: padding,
          baseDilations: baseDilation.values(rank, "base dilations", for: name),
          windowDilations: windowDilation.values(rank, "window dilations", for: name), for: name)
        guard let initial else { return try Tensor.apply(.window(.reduce(kind, windows)), self, location: location) }
        return try reduceWindow(kind, windows, from: Literal(initial, as: dtype), location: location)
      } catch let error as BloxError {
        throw error.at(modulePath: ModuleScope.path, location: location)
      }
    }
  }

  /// Padding, gaps and the start of each window are all the initial value.
  private func reduceWindow(
    _ kind: Op.Reduction, _ windows: Op.Window, from initial: Literal, location: SourceLocation
  ) throws -> Tensor {
    // The type rule names the op that the user called, so it speaks first.
    let result = try Op.window(.reduce(kind, windows)).resultTypes(for: [type])[0]
    let padding = Op.Padding(low: windows.low, high: windows.high, interior: windows.baseDilations.map { $0 - 1 })
    let padded = try Tensor.apply(
      .pad(padding), [.tensor(self), .splat(initial, shape: [])], location: location)
    let inside = Op.Window(
      sizes: windows.sizes, strides: windows.strides, windowDilations: windows.windowDilations)
    let reduced = try Tensor.apply(.window(.reduce(kind, inside)), padded, location: location)
    return try Tensor.apply(
      .binary(kind.binary), [.splat(initial, shape: result.shape), .tensor(reduced)], location: location)
  }
}

/// The largest element of each window; NaN if there is one.
///
/// ```swift
/// let y = try maxPool(x, window: [2, 2])  // [batch…, height, width, channels] -> half the height and width
/// ```
///
/// - Parameters:
///   - x: `[batch…, spatial…, channels]` of any dtype with an order; any number of batch dimensions, also none.
///   - window: The size along each spatial dimension, of which there are as many as sizes: `2` is one dimension,
///     `[2, 2]` are two.
///   - strides: Elements from one window to the next; the window's size when `nil`.
///   - padding: Padding never is the largest element: it counts as -inf, or as the least integer.
/// - Returns: `[batch…, windows…, channels]`. Gradients go to the first largest element of a window.
/// - Throws: ``BloxError/Code/shapeMismatch`` for a tensor with too few dimensions.
public func maxPool(
  _ x: Tensor, window: PerDimension, strides: PerDimension? = nil, padding: Padding = .valid,
  file: String = #fileID, line: Int = #line
) throws -> Tensor {
  try located(file, line) {
    try pool(.max, x, window, strides, padding, "maxPool", SourceLocation(file: file, line: line))
  }
}

/// The smallest element of each window; NaN if there is one. As ``maxPool(_:window:strides:padding:file:line:)``.
public func minPool(
  _ x: Tensor, window: PerDimension, strides: PerDimension? = nil, padding: Padding = .valid,
  file: String = #fileID, line: Int = #line
) throws -> Tensor {
  try located(file, line) {
    try pool(.min, x, window, strides, padding, "minPool", SourceLocation(file: file, line: line))
  }
}

/// The mean of each window. Integers become `f32`.
///
/// - Parameters:
///   - x: `[batch…, spatial…, channels]`; any number of batch dimensions, also none.
///   - window: The size along each spatial dimension.
///   - strides: Elements from one window to the next; the window's size when `nil`.
///   - padding: Zeros around the elements.
///   - countsPadding: Whether sums are divided by the size of the window (Flax's default) or by the number of elements
///     under it (blox's). A window with nothing but padding has no mean: NaN, unless padding counts.
/// - Returns: `[batch…, windows…, channels]`.
/// - Throws: ``BloxError/Code/shapeMismatch`` for a tensor with too few dimensions.
public func avgPool(
  _ x: Tensor, window: PerDimension, strides: PerDimension? = nil, padding: Padding = .valid,
  countsPadding: Bool = false, file: String = #fileID, line: Int = #line
) throws -> Tensor {
  try located(file, line) {
    let location = SourceLocation(file: file, line: line)
    let x = try x.cast(to: x.dtype.inexact)
    let sums = try pool(.sum, x, window, strides, padding, "avgPool", location)
    if countsPadding || padding == .valid { return try sums / window.numbers.reduce(1.0) { $0 * Double($1) } }
    // One image of one channel says how many elements all windows have.
    let spatial = x.shape.suffix(window.numbers.count + 1).dropLast()
    let ones = try Tensor.ones(spatial + [1], dtype: x.dtype)
    return try sums / pool(.sum, ones, window, strides, padding, "avgPool", location)
  }
}

private func pool(
  _ kind: Op.Reduction, _ x: Tensor, _ window: PerDimension, _ strides: PerDimension?, _ padding: Padding,
  _ name: String, _ location: SourceLocation
) throws -> Tensor {
  do {
    let sizes = window.numbers
    let count = sizes.count
    guard x.rank > count else {
      throw BloxError(
        .shapeMismatch,
        "\(name): Expected input rank >= \(count + 1) for \(count)D pooling (at least \(count) spatial dims + 1 channel"
          + " dim), got \(x.rank).")
    }
    let batch = x.rank - count - 1
    let windows = try Op.Window(
      sizes, over: Array(x.shape[batch..<x.rank - 1]), strides: strides?.values(count, "strides", for: name) ?? sizes,
      padding: padding, baseDilations: sizes.map { _ in 1 }, windowDilations: sizes.map { _ in 1 }, for: name)
    let outer = Array(repeating: WindowDimension(size: 1), count: batch)
    let all = Op.Window(outer + windows.dimensions + [WindowDimension(size: 1)])
    return try Tensor.apply(.window(.reduce(kind, all)), x, location: location)
  } catch let error as BloxError {
    throw error.at(modulePath: ModuleScope.path, location: location)
  }
}

extension Op.Window {
  /// Windows with the padding that a rule gives them.
  fileprivate init(
    _ sizes: [Int], over shape: [Int], strides: [Int], padding: Padding, baseDilations: [Int],
    windowDilations: [Int], for name: String
  ) throws(BloxError) {
    self.init(sizes: sizes, strides: strides, baseDilations: baseDilations, windowDilations: windowDilations)
    for (dim, dimension) in dimensions.enumerated() {
      if let problem = dimension.problem {
        throw BloxError(.invalidArgument, "\(name): \(problem) in dimension \(dim) must be at least 1")
      }
    }
    let extents = zip(shape, baseDilations).map { WindowDimension.extent($0, dilation: $1) ?? .max }
    let reaches = zip(sizes, windowDilations).map { WindowDimension.extent($0, dilation: $1) ?? .max }
    (low, high) = try padding.amounts(sizes: extents, window: reaches, strides: strides, for: name)
  }
}
