// Reference vectors of windows as functions of this library.

import BloxIR
import BloxTrace
import TestSupport

/// Cases of the group `ops_window`.
func bindWindow(_ testCase: ConformanceCase) -> CaseBinding {
  let attrs = testCase.attrs
  let kinds: [String: Op.Reduction] = ["add": .sum, "mul": .prod, "max": .max, "min": .min]
  guard testCase.op == "reduce_window", let kind = kinds[attrs["computation"]?.string ?? ""],
    let window = attrs["window_dimensions"]?.ints
  else { return notInSlice(testCase) }
  let padding = Padding(stored: attrs["padding"])
  func perDimension(_ key: String) -> PerDimension { attrs[key]?.ints.map { PerDimension($0) } ?? 1 }
  return .run { x in
    [
      try x[0].reduceWindow(
        kind, window: window, strides: perDimension("window_strides"), padding: padding,
        baseDilation: perDimension("base_dilation"), windowDilation: perDimension("window_dilation"))
    ]
  }
}

extension Padding {
  /// The padding of a stored case.
  init(stored: JSON?) {
    if stored?.string == "SAME" {
      self = .same
    } else if let pairs = stored?.array {
      self = .explicit(pairs.compactMap { $0.ints }.map { (low: $0[0], high: $0[1]) })
    } else {
      self = .valid
    }
  }
}
