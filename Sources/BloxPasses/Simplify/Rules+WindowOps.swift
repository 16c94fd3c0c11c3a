// Rules of ops on windows.

import BloxIR

extension Rule {
  static let windowRules = foldRules + [windowOneTap, windowEverything]

  /// reduce_window x {window=[1,…]}  ->  slice (pad x, identity), of which other rules remove what does nothing
  static let windowOneTap = Rule("window-one-tap") { (m, s) throws(BloxError) in
    guard case .window(.reduce(let kind, let window)) = m.op, window.hasOneTap, m.result.elementCount > 0 else {
      return nil
    }
    // Strides may skip most of what is padded, which would then be made in vain.
    let sizes = zip(m.types[0].shape, zip(window.low, window.high)).map { $0 + $1.0 + $1.1 }
    guard window.baseDilations.allSatisfy({ $0 == 1 }), zip(sizes, m.result.shape).allSatisfy({ $0 / 2 <= $1 }) else {
      return nil
    }
    let identity = Operand.splat(kind.identity(m.dtype), shape: [])
    let padded = try s.simplifiedOne(.pad(Op.Padding(low: window.low, high: window.high)), [m.x, identity])
    let slice = Op.Slice(starts: sizes.map { _ in 0 }, limits: sizes, strides: window.strides)
    return .op(.slice(slice), [padded])
  }

  /// reduce_window_max x[n, m, c] {window=[n, m, 1]}  ->  reshape (reduce_max x), and so for all whose order does not
  /// matter
  static let windowEverything = Rule("window-everything") { (m, s) throws(BloxError) in
    guard case .window(.reduce(let kind, let window)) = m.op, !m.dtype.isFloating || kind == .max || kind == .min
    else { return nil }
    var axes: [Int] = []
    for (dim, dimension) in window.dimensions.enumerated() where dimension != WindowDimension(size: 1) {
      let covers = WindowDimension(size: m.types[0].shape[dim], stride: dimension.stride)
      guard dimension == covers, m.types[0].shape[dim] > 1 else { return nil }
      axes.append(dim)
    }
    guard !axes.isEmpty else { return nil }
    return .op(.reshape(m.result.shape), [try s.simplifiedOne(.reduce(kind, axes: axes), [m.x])])
  }
}
