// Random state as parameters: a seed and a counter.

import BloxTrace

/// A source of keys whose state lives in ``Params``: a seed and a counter, both not trainable.
///
/// Each call folds the counter into the seed and advances it: same seed and counter, same key. Nothing is folded in
/// for lanes of a `vmap`; see the README for how to give lanes keys of their own.
public final class Rng: Module {
  /// The container with the seed or the counter set.
  ///
  /// - Parameters:
  ///   - seed: Any integer.
  ///   - counter: 0 when the source is seeded for the first time.
  /// - Throws: ``BloxError/Code/seedRequired`` for a first call without seed, ``BloxError/Code/nothingToSet`` for a
  ///   later call without either, ``BloxError/Code/paramsLocked`` for a first call on a locked container.
  public func seed(_ params: Params, seed: some BinaryInteger, counter: Int? = nil) throws -> Params {
    try set(params, key: Key(seed), counter: counter)
  }

  /// The container with the seed set to a key, which may be traced.
  public func seed(_ params: Params, seed: Key, counter: Int? = nil) throws -> Params {
    try set(params, key: seed, counter: counter)
  }

  /// The container with the counter set; the seed stays.
  public func seed(_ params: Params, counter: Int? = nil) throws -> Params {
    try set(params, key: nil, counter: counter)
  }

  private func set(_ params: Params, key: Key?, counter: Int?) throws -> Params {
    if let counter, UInt32(exactly: counter) == nil {
      throw BloxError(
        .invalidArgument, "Rng '\(path)': counters are numbers of u32, from 0 to \(UInt32.max); got \(counter)",
        modulePath: path.description)
    }
    let count = counter.map { Tensor($0, dtype: .u32) }
    guard params.contains(paramPath("seed")) else {
      guard let key else {
        throw BloxError(
          .seedRequired, "Rng '\(path)' not initialized. Seed is required: rng.seed(params, seed: 42)",
          modulePath: path.description)
      }
      guard !params.isLocked else {
        throw BloxError(
          .paramsLocked,
          "parameter '\(paramPath("seed"))' missing (params locked). Params is locked: seed the Rng before locking",
          modulePath: path.description)
      }
      return
        params
        .replacing(
          paramPath("seed"), with: Param(key.tensor, isTrainable: false, metadata: ["tag": "rng_seed"])
        )
        .replacing(
          paramPath("counter"),
          with: Param(count ?? Tensor(0, dtype: .u32), isTrainable: false, metadata: ["tag": "rng_counter"]))
    }
    guard key != nil || counter != nil else {
      throw BloxError(
        .nothingToSet, "at least one of seed or counter must be provided to re-seed Rng '\(path)'",
        modulePath: path.description)
    }
    var params = params
    if let key { params = try setParam(params, "seed", key.tensor) }
    if let count { params = try setParam(params, "counter", count) }
    return params
  }

  /// A new key, and the container with the counter advanced.
  ///
  /// - Throws: ``BloxError/Code/rngNotSeeded``.
  public func callAsFunction(_ params: Params) throws -> (Key, Params) {
    try scoped {
      let counter = try getCounter(params)
      let key = try getSeed(params).foldIn(counter)
      return (key, try setParam(params, "counter", try counter + 1))
    }
  }

  /// The seed.
  ///
  /// - Throws: ``BloxError/Code/rngNotSeeded``.
  public func getSeed(_ params: Params) throws -> Key { try Key(state(params, "seed")) }

  /// The counter, `u32[]`.
  ///
  /// - Throws: ``BloxError/Code/rngNotSeeded``.
  public func getCounter(_ params: Params) throws -> Tensor { try state(params, "counter") }

  private func state(_ params: Params, _ name: String) throws -> Tensor {
    guard let param = params.find(paramPath(name)) else {
      throw BloxError(
        .rngNotSeeded, "Rng '\(path)' not initialized. Use rng.seed(params, seed: ...) first.",
        modulePath: path.description)
    }
    return param.value
  }
}
