// Comparing containers by content.

import BloxTrace

extension Params {
  /// Whether two containers have the same parameters in the same order, with the same flags, metadata and lock, and
  /// values that are equal bit for bit.
  ///
  /// Bits, not numbers: NaN equals itself, and 0 differs from -0.
  ///
  /// - Throws: ``BloxError/Code/concretization`` for traced values, ``BloxError/Code/donatedTensor``.
  public func isIdentical(to other: Params) throws -> Bool {
    guard isLocked == other.isLocked, keys == other.keys else { return false }
    for (a, b) in zip(values, other.values) {
      guard a.isTrainable == b.isTrainable, a.metadata == b.metadata, a.value.type == b.value.type,
        try a.value.constant().bytes == b.value.constant().bytes
      else { return false }
    }
    return true
  }
}
