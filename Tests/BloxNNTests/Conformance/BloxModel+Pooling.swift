// The pooling functions of the reference cases, as models without parameters.

import BloxNN
import TestSupport

extension BloxModel {
  /// The model of a case of pooling; `nil` for what is none.
  init?(pooling testCase: ConformanceCase) throws {
    let parts = testCase.name.split(separator: "/").map(String.init)
    guard parts.count == 2, parts[0].hasSuffix("_pool") else { return nil }
    let (window, strides, padding): (PerDimension, PerDimension?, Padding)
    switch parts[1] {
    case "1d": (window, strides, padding) = (2, nil, .valid)
    case "2d": (window, strides, padding) = ([2, 2], 2, .valid)
    case "2d_same": (window, strides, padding) = ([3, 3], 2, .same)
    case "2d_s1": (window, strides, padding) = ([2, 2], 1, .valid)
    case "explicit": (window, strides, padding) = ([2, 3], [1, 2], .explicit([(1, 0), (1, 1)]))
    case "3d": (window, strides, padding) = ([2, 2, 2], nil, .valid)
    case _: return nil
    }
    try self.init { _, _ -> Call in
      { params, x in
        switch parts[0] {
        case "max_pool": ([try maxPool(x[0], window: window, strides: strides, padding: padding)], params)
        case "min_pool": ([try minPool(x[0], window: window, strides: strides, padding: padding)], params)
        case _: ([try avgPool(x[0], window: window, strides: strides, padding: padding)], params)
        }
      }
    }
  }
}
