// Batches: the examples of a data set in groups, epoch after epoch.

import BloxIR
import BloxTrace

/// What becomes of the examples that do not fill the last batch of an epoch.
public enum Remainder: Sendable, Hashable {
  /// The last batch is smaller, which makes `jit` trace a second time.
  case keep
  /// They are left out; with shuffling, others each epoch.
  case drop
  /// The last batch is filled up with examples from the epoch's beginning, which ``Batch/mask`` marks.
  case pad
}

/// A group of examples.
public struct Batch<Examples: TensorTree & Sendable>: Sendable {
  /// The examples along the first axis of each tensor.
  public let examples: Examples
  /// How many of them are no filling.
  public let count: Int
  /// The number of the epoch, from 0.
  public let epoch: Int
  /// The number of the batch over all epochs, from 0.
  public let step: Int
  /// `bool[size]`: whether an example is no filling. Weigh losses and metrics by it after ``Remainder/pad``.
  public let mask: Tensor
}

extension Batch: TensorTree {
  /// Visits the examples alone.
  public mutating func visitTensors(_ visitor: inout TensorVisitor) throws {
    var (examples, mask) = (self.examples, self.mask)
    try visitor.visit(&examples, "examples")
    try visitor.visit(&mask, "mask")
    self = Batch(examples: examples, count: count, epoch: epoch, step: step, mask: mask)
  }
}

/// The batches of a data set in order. A value: a copy goes on from the same place by itself.
///
/// The order is decided by the key alone: epoch `e` has the order `key.foldIn(e).permutation(count)`.
public struct Batches<Examples: TensorTree & Sendable>: Sendable {
  /// The number of batches of an epoch.
  public let countPerEpoch: Int
  /// The number of batches of all epochs; `nil` when there is no end.
  public let count: Int?
  /// The number of the next batch.
  public private(set) var step = 0

  /// The largest batch that is filled by repeating a smaller data set.
  private static var paddedLimit: Int { 1 << 24 }

  private let data: Dataset<Examples>
  private let size: Int
  private let key: Key?
  private let remainder: Remainder
  private var order: (epoch: Int, positions: [Int])?

  init(_ data: Dataset<Examples>, _ size: Int, _ key: Key?, _ remainder: Remainder, _ epochs: Int?) throws {
    guard size > 0 else { throw BloxError(.invalidArgument, "batches: a batch of \(size) examples is none") }
    guard remainder != .pad || size <= max(data.count, Self.paddedLimit) else {
      throw BloxError(
        .invalidArgument, "batches: \(data.count) examples cannot be repeated to fill a batch of \(size)")
    }
    guard epochs.map({ $0 >= 0 }) ?? true else {
      throw BloxError(.invalidArgument, "batches: the number of epochs, \(epochs ?? 0), is negative")
    }
    let (full, rest) = data.count.quotientAndRemainder(dividingBy: size)
    countPerEpoch = full + (rest > 0 && remainder != .drop ? 1 : 0)
    guard countPerEpoch > 0 || epochs != nil else {
      throw BloxError(.invalidArgument, "batches: \(data.count) examples make no batch of \(size), and epochs no end")
    }
    let (total, overflows) = countPerEpoch.multipliedReportingOverflow(by: epochs ?? 0)
    count = epochs == nil ? nil : overflows ? .max : total
    (self.data, self.size, self.key, self.remainder) = (data, size, key, remainder)
  }

  /// The next batch; `nil` after the last.
  ///
  /// - Throws: ``BloxError/Code/runtime`` when there is not enough memory.
  public mutating func next() throws -> Batch<Examples>? {
    if let count, step >= count { return nil }
    let (epoch, index) = step.quotientAndRemainder(dividingBy: countPerEpoch)
    let order = try positions(of: epoch)
    let begin = index * size
    var chosen = Array(order[begin..<min(begin + size, order.count)])
    let realCount = chosen.count
    if remainder == .pad {
      // A data set smaller than a batch is gone through more than once.
      while chosen.count < size { chosen += order.prefix(size - chosen.count) }
    }
    let mask = try Tensor(shape: [chosen.count], scalars: chosen.indices.map { $0 < realCount }, dtype: .bool)
    let examples = try data.examples(at: chosen)
    defer { step += 1 }
    return Batch(examples: examples, count: realCount, epoch: epoch, step: step, mask: mask)
  }

  /// Goes on with another batch, such as the one after a checkpoint; nothing before it is computed.
  ///
  /// - Throws: ``BloxError/Code/invalidArgument`` for a step below 0.
  public mutating func seek(toStep step: Int) throws {
    guard step >= 0, step < .max / 2 else { throw BloxError(.invalidArgument, "seek: there is no batch \(step)") }
    self.step = step
  }

  private mutating func positions(of epoch: Int) throws -> [Int] {
    if let order, order.epoch == epoch { return order.positions }
    let positions = try key.map { try $0.foldIn(epoch).permutation(data.count) } ?? Array(0..<data.count)
    order = (epoch, positions)
    return positions
  }

  /// The batches from here on, made in the background while others are used.
  ///
  /// - Parameter depth: How many are made ahead.
  public func prefetched(depth: Int = 2) throws -> Prefetched<Batch<Examples>> {
    try prefetched(depth: depth) { $0 }
  }

  /// The batches from here on, changed by a function, such as one that augments images; both in the background.
  ///
  /// - Parameter depth: How many are made ahead.
  public func prefetched<Output: Sendable>(
    depth: Int = 2, _ transform: @escaping @Sendable (Batch<Examples>) throws -> Output
  ) throws -> Prefetched<Output> {
    try Prefetched(depth: depth) {
      var batches = self
      return { try batches.next().map(transform) }
    }
  }
}

extension Dataset {
  /// The examples in batches.
  ///
  /// - Parameters:
  ///   - size: The number of examples in a batch.
  ///   - key: What decides the order, another one each epoch; without, examples stay in order.
  ///   - remainder: What becomes of the examples that do not fill the last batch.
  ///   - epochs: How often to go through the examples; `nil` for no end.
  /// - Throws: ``BloxError/Code/invalidArgument`` for a size below 1 or a negative number of epochs.
  public func batches(
    of size: Int, shuffledBy key: Key? = nil, remainder: Remainder = .keep, epochs: Int? = 1
  ) throws -> Batches<Examples> {
    try Batches(self, size, key, remainder, epochs)
  }
}
