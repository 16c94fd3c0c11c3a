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

  /// The most padding: what transposed windows of any tensor need, far from overflow.
  private static let paddingLimit = UInt(4 * TensorType.byteLimit)

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
      max(low.magnitude, high.magnitude) <= WindowDimension.paddingLimit,
      max(stride, baseDilation, windowDilation) <= TensorType.byteLimit
    else { return nil }
    let room = low + base + high
    return room < window ? 0 : (room - window) / stride + 1
  }

  /// The number of which there must be at least 1 and is less; `nil` when all are.
  package var problem: String? {
    if size < 1 { return "the window size \(size)" }
    if stride < 1 { return "the stride \(stride)" }
    if baseDilation < 1 { return "the base dilation \(baseDilation)" }
    if windowDilation < 1 { return "the window dilation \(windowDilation)" }
    return nil
  }

  /// The elements under a window, among `count`, in the order of the taps.
  package func elements(under window: Int, of count: Int) -> [Int] {
    let start = window * stride - low
    guard count > 0, start <= (count - 1) * baseDilation else { return [] }
    let first = start >= 0 ? 0 : (windowDilation - 1 - start) / windowDilation
    let last = min(size - 1, ((count - 1) * baseDilation - start) / windowDilation)
    guard first <= last else { return [] }
    return (first...last).map { start + $0 * windowDilation }.filter { $0 % baseDilation == 0 }.map {
      $0 / baseDilation
    }
  }

  /// The element under a tap of a window, among `count`; `nil` for padding and for the gaps of a base dilation.
  package func element(window: Int, tap: Int, of count: Int) -> Int? {
    let place = window * stride + tap * windowDilation - low
    guard place >= 0, place % baseDilation == 0, place / baseDilation < count else { return nil }
    return place / baseDilation
  }
}
