// Taking a spread input apart, so that no zero between its elements is multiplied.
//
// With an input dilation d, position p and tap t meet an element if p * stride + t * dilation - low is a multiple of d.
// Positions that are d / gcd(stride, d) apart meet the same taps, which are d / gcd(dilation, d) apart. Each class of
// positions, a phase, is therefore a convolution of the dense input with every so-maniest tap of the kernel:
//
//     stride 1, d = 2, 3 taps:   even positions meet taps 0 and 2, odd ones tap 1
//
// This is how gradients of strided convolutions, and transposed convolutions, cost what the strided one does.

/// A window that moves along one dimension of a dense input.
struct DenseWindow: Equatable {
  /// Elements of the input, and zeros before the first.
  var size: Int
  var low: Int
  var positions: Int
  var step: Int
  var taps: Int
  var dilation: Int
}

/// Some of the positions and taps of a window, which among themselves are a window over the dense input.
struct ConvolutionPhase: Equatable {
  var window: DenseWindow
  /// Position `i` of the phase is `firstPosition + i * positionStride` of the whole, and so with taps.
  var firstPosition = 0
  var positionStride = 1
  var firstTap = 0
  var tapStride = 1

  /// The phases of a window over an input with `inputDilation - 1` zeros between its elements; the window's numbers
  /// count the zeros, but for its size.
  static func phases(_ window: DenseWindow, inputDilation: Int) -> [ConvolutionPhase] {
    guard inputDilation > 1 else { return [ConvolutionPhase(window: window)] }
    let period = inputDilation / greatestCommonDivisor(window.step, inputDilation)
    let tapPeriod = inputDilation / greatestCommonDivisor(window.dilation, inputDilation)
    return (0..<min(period, window.positions)).map { position in
      let place = position * window.step - window.low
      var phase = ConvolutionPhase(
        window: window, firstPosition: position, positionStride: period, tapStride: tapPeriod)
      phase.window.positions = (window.positions - position + period - 1) / period
      phase.window.step = period * window.step / inputDilation
      phase.window.dilation = tapPeriod * window.dilation / inputDilation
      let met = (0..<min(tapPeriod, window.taps)).first { (place + $0 * window.dilation) % inputDilation == 0 }
      phase.firstTap = met ?? 0
      phase.window.taps = met.map { (window.taps - $0 + tapPeriod - 1) / tapPeriod } ?? 0
      phase.window.low = -((place + phase.firstTap * window.dilation) / inputDilation)
      return phase
    }
  }
}

private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
  var (a, b) = (a, b)
  while b != 0 { (a, b) = (b, a % b) }
  return a
}
