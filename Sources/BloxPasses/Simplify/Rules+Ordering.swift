// Rules of sorts of one operand.

import BloxIR

extension Rule {
  static let orderingRules = foldRules + [sortShort, sortSorted]

  /// sort of one element or none along the axis  ->  x
  static let sortShort = Rule("sort-short") { m, _ in
    guard case .ordering(.sort(let sort)) = m.op else { return nil }
    return m.result.shape[sort.axis] <= 1 ? .operand(m.x) : nil
  }

  /// sort (sort x)  ->  sort x, also where other operands were sorted with x by it alone
  static let sortSorted = Rule("sort-sorted") { m, s in
    guard case .ordering(.sort(let sort)) = m.op, let definition = s.definition(m.x),
      case .ordering(.sort(let inner)) = definition.op, inner.axis == sort.axis,
      case .value(let value) = m.x, definition.results[0] == value
    else { return nil }
    return .operand(m.x)
  }
}
