// How close results are to what was wanted.

/// The number of representable values between two floats: 0 when they are equal, 1 for neighbours.
///
/// Both zeros are equal, any NaN equals any NaN, and a NaN is `UInt32.max` away from a number.
/// Numbers of different sign are counted across zero.
public func ulpDistance(_ a: Float, _ b: Float) -> UInt32 {
  if a.isNaN || b.isNaN { return a.isNaN && b.isNaN ? 0 : .max }
  // Negative floats order backwards by their bits; mirrored at zero, floats order like integers.
  func place(_ x: Float) -> Int64 {
    let magnitude = Int64(x.bitPattern & 0x7FFF_FFFF)
    return x.sign == .minus ? -magnitude : magnitude
  }
  return UInt32(abs(place(a) - place(b)))
}

/// The largest ``ulpDistance(_:_:)`` of elements at the same index.
public func maxULPDistance(_ a: [Float], _ b: [Float]) -> UInt32 {
  precondition(a.count == b.count, "\(a.count) values beside \(b.count)")
  return zip(a, b).reduce(0) { max($0, ulpDistance($1.0, $1.1)) }
}

/// Says how `got` differs from `want`, or nil when every element is close enough.
///
/// Close enough is `abs(got - want) <= atol + rtol * abs(want)`. NaNs must be in the same places,
/// and infinities in the same places with the same sign.
///
/// - Parameters:
///   - got: The values to judge.
///   - want: The reference.
///   - rtol: The tolerance relative to the reference.
///   - atol: The absolute tolerance.
///   - shape: When given, indices are reported along these axes instead of linearly.
public func mismatch(
  got: [Double], want: [Double], rtol: Double, atol: Double, shape: [Int]? = nil
) -> String? {
  differences(got: got, want: want, shape: shape, tolerance: "rtol \(rtol), atol \(atol)") {
    got, want in
    if want.isNaN || got.isNaN { return want.isNaN && got.isNaN }
    if want.isInfinite || got.isInfinite { return want == got }
    return abs(got - want) <= atol + rtol * abs(want)
  }
}

/// Says how `got` differs from `want` in any bit, or nil when all elements are the same.
///
/// Any NaN is the same as any NaN, but `-0` is not `0`. Values of the narrower floating-point types
/// may be passed widened: that is exact.
public func bitMismatch(got: [Double], want: [Double], shape: [Int]? = nil) -> String? {
  differences(got: got, want: want, shape: shape, tolerance: "bit for bit") { got, want in
    got.isNaN && want.isNaN || got.bitPattern == want.bitPattern
  }
}

/// Says how `got` differs from `want`, or nil when all elements are the same.
public func mismatch(got: [Int], want: [Int], shape: [Int]? = nil) -> String? {
  differences(got: got, want: want, shape: shape, tolerance: "exactly", ==)
}

private func differences<Value: CustomStringConvertible>(
  got: [Value], want: [Value], shape: [Int]?, tolerance: String, _ same: (Value, Value) -> Bool
) -> String? {
  guard got.count == want.count else {
    return "got \(got.count) elements, want \(want.count)"
  }
  let wrong = got.indices.filter { !same(got[$0], want[$0]) }
  guard let first = wrong.first else { return nil }
  func report(_ index: Int) -> String {
    let place = shape.map { "\(position(of: index, in: $0))" } ?? "index \(index)"
    var text = "at \(place): got \(got[index]), want \(want[index])"
    if let g = got[index] as? Double, let w = want[index] as? Double, (g - w).isFinite {
      text += ", difference \(g - w)"
    }
    return text
  }
  var text = report(first)
  if wrong.count > 1 {
    text += "; \(wrong.count) of \(got.count) elements differ"
    // The first difference tells where to look, the largest how bad it is.
    let worst = wrong.max { distance(got[$0], want[$0]) < distance(got[$1], want[$1]) }
    if let worst, worst != first { text += ", most " + report(worst) }
  }
  return text + " (compared \(tolerance))"
}

/// The absolute difference of two numbers, NaN and infinite positions being the furthest.
private func distance<Value>(_ a: Value, _ b: Value) -> Double {
  if let a = a as? Double, let b = b as? Double {
    return (a - b).isFinite ? abs(a - b) : .infinity
  }
  if let a = a as? Int, let b = b as? Int { return abs(Double(a) - Double(b)) }
  return 0
}

/// The index along each axis of the element at a row-major linear index.
private func position(of index: Int, in shape: [Int]) -> [Int] {
  var rest = index
  var result: [Int] = []
  for extent in shape.reversed() {
    result.append(extent > 0 ? rest % extent : 0)
    rest /= max(extent, 1)
  }
  return result.reversed()
}
