// Where windows lie along one dimension: shared by window reductions, convolutions and the padding rules.
//
//   elements   low ---- padding | x . x . x . x | padding ---- high      base dilation 2
//   window         w . . w . . w                                         size 3, window dilation 3
//   next one             w . . w . . w                                   stride 6

/// Windows along one dimension of a tensor.
package struct WindowDimension: Hashable, Sendable {
  /// The number of taps, at least 1.
  package var size: Int
  /// From one window to the next, at least 1.
  package var stride: Int
  /// From one element to the next, at least 1; there is nothing between them.
  package var baseDilation: Int
  /// From one tap to the next, at least 1.
  package var windowDilation: Int
  /// Places in front of the first element; negative ones cut off elements.
  package var low: Int
  /// Places behind the last element; negative ones cut off elements.
  package var high: Int

  package init(size: Int, stride: Int = 1, baseDilation: Int = 1, windowDilation: Int = 1, low: Int = 0, high: Int = 0)
  {
    self.size = size
    self.stride = stride
    self.baseDilation = baseDilation
    self.windowDilation = windowDilation
    self.low = low
    self.high = high
  }

  /// The number of places that `count` things take with `dilation - 1` empty ones between them; `nil` if it overflows
  /// what a tensor may hold.
  package static func extent(_ count: Int, dilation: Int) -> Int? {
    guard count > 0 else { return 0 }
    let (gaps, overflow) = (count - 1).multipliedReportingOverflow(by: dilation)
    return overflow || gaps >= TensorType.byteLimit ? nil : gaps + 1
  }

  /// The number of windows that fit on `count` elements; 0 where not one does. `nil` if the arithmetic overflows.
  package func windowCount(over count: Int) -> Int? {
    guard let base = WindowDimension.extent(count, dilation: baseDilation),
      let window = WindowDimension.extent(size, dilation: windowDilation),
      low.magnitude <= TensorType.byteLimit, high.magnitude <= TensorType.byteLimit
    else { return nil }
    let room = low + base + high
    return room < window ? 0 : (room - window) / stride + 1
  }

  /// The reason why these numbers make no windows; `nil` when they do.
  package func problem(over count: Int) -> String? {
    if size < 1 { return "the window size \(size)" }
    if stride < 1 { return "the stride \(stride)" }
    if baseDilation < 1 { return "the base dilation \(baseDilation)" }
    if windowDilation < 1 { return "the window dilation \(windowDilation)" }
    return nil
  }

  /// The element under a tap of a window, among `count`; `nil` for padding and for the gaps of a base dilation.
  package func element(window: Int, tap: Int, of count: Int) -> Int? {
    let place = window * stride + tap * windowDilation - low
    guard place >= 0, place % baseDilation == 0, place / baseDilation < count else { return nil }
    return place / baseDilation
  }
}
