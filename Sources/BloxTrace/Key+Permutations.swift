// Random orders, and choices among elements.

import BloxIR

extension Key {
  /// A tensor whose slices along an axis are in random order (`jax.random.permutation`).
  ///
  /// `key.permutation(of: .arange(n))` gives the numbers below `n`, also in compiled functions; ``permutation(_:)`` gives
  /// them as Swift integers.
  ///
  /// - Parameters:
  ///   - x: The tensor.
  ///   - axis: The axis; negative axes count from the end.
  ///   - independent: Whether each line along the axis has an order of its own.
  /// - Throws: ``BloxError/Code/invalidAxis`` for an axis that the tensor does not have.
  public func permutation(
    of x: Tensor, axis: Int = 0, independent: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let axis = try Tensor.normalizedAxis(axis, rank: x.rank, for: "permutation")
      return try perKey { key in
        if independent || x.rank == 1 { return try key.shuffled(x, axis: axis) }
        return try x.take(key.shuffled(Tensor.arange(x.shape[axis]), axis: 0), axis: axis)
      }
    }
  }

  /// Numbers below `count` by chance, as `i32` (`jax.random.choice`).
  ///
  /// - Parameters:
  ///   - count: How many numbers there are.
  ///   - shape: The shape of the result.
  ///   - replacing: Whether a number can be drawn more than once.
  ///   - probabilities: That of each number, a vector of `count` elements with sum 1; all are equal when `nil`.
  /// - Throws: ``BloxError/Code/invalidArgument`` when there is nothing to draw from, or too little without replacement;
  ///   ``BloxError/Code/shapeMismatch`` for probabilities of another shape.
  public func choice(
    _ count: Int, _ shape: [Int] = [], replacing: Bool = true, probabilities: Tensor? = nil, file: String = #fileID,
    line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let draws = try expectPopulation(count, shape, replacing, probabilities)
      guard draws > 0 else { return try Tensor.zeros(self.shape + shape, dtype: .i32) }
      return try perKey { key in
        guard let probabilities else {
          if replacing { return try key.randint(shape, low: 0, high: count) }
          return try key.shuffled(Tensor.arange(count), axis: 0).slice(0..<draws).reshape(shape)
        }
        let p = try probabilities.cast(to: probabilities.dtype.inexact)
        if replacing {
          let sums = try p.cumsum(axis: 0)
          let heights = try sums.at(count - 1) * (1 - key.uniform(shape, dtype: p.dtype))
          return try searchSorted(sums, heights)
        }
        // The largest of log p plus Gumbel noise, the second largest, …: as if drawn one after the other.
        return try (key.gumbel([count], dtype: p.dtype) + log(p)).topK(draws, axis: 0).indices.reshape(shape)
      }
    }
  }

  /// Slices of a tensor along an axis by chance; `axis` is replaced by the dimensions of `shape`.
  ///
  /// - Parameters:
  ///   - x: What to choose from.
  ///   - shape: The shape in which slices are drawn.
  ///   - axis: The axis; negative axes count from the end.
  ///   - replacing: Whether a slice can be drawn more than once.
  ///   - probabilities: That of each slice, a vector with sum 1; all are equal when `nil`.
  /// - Throws: As ``choice(_:_:replacing:probabilities:)``, and ``BloxError/Code/invalidAxis`` for an axis that the tensor
  ///   does not have.
  public func choice(
    from x: Tensor, _ shape: [Int] = [], axis: Int = 0, replacing: Bool = true, probabilities: Tensor? = nil,
    file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let axis = try Tensor.normalizedAxis(axis, rank: x.rank, for: "choice")
      _ = try expectPopulation(x.shape[axis], shape, replacing, probabilities)
      return try perKey { key in
        let places = try key.choice(x.shape[axis], shape, replacing: replacing, probabilities: probabilities)
        return try x.take(places, axis: axis)
      }
    }
  }

  /// Checks that so many can be drawn; returns how many those are.
  private func expectPopulation(
    _ count: Int, _ shape: [Int], _ replacing: Bool, _ probabilities: Tensor?
  ) throws -> Int {
    let type = TensorType(.i32, shape)
    try type.validate("choice")
    let draws = type.elementCount
    guard count > 0 || (count == 0 && draws == 0) else {
      throw BloxError(.invalidArgument, "choice: there is nothing to choose from; the population's size is \(count)")
    }
    guard replacing || draws <= count else {
      throw BloxError(
        .invalidArgument, "choice: \(draws) draws without replacement need as many elements, and there are \(count)")
    }
    guard probabilities.map({ $0.shape == [count] }) ?? true else {
      throw BloxError(
        .shapeMismatch,
        "choice: the probabilities must be a vector of \(count) elements; got \(probabilities.map { "\($0.type)" } ?? "")"
      )
    }
    return draws
  }

  /// Lines along an axis sorted by random words, in as many rounds as make equal words harmless.
  private func shuffled(_ x: Tensor, axis: Int) throws -> Tensor {
    var (key, result) = (self, x)
    for _ in 0..<Self.shuffleRounds(x.count) {
      let (next, sub) = try key.split()
      key = next
      result = try BloxTrace.sort([sub.bits(x.shape), result], axis: axis)[1]
    }
    return result
  }

  /// How often so many elements are sorted by 32 random bits: three times per 32 bits of their number.
  static func shuffleRounds(_ count: Int) -> Int {
    Int((3 * logarithm(Double(max(1, count))) / logarithm(4_294_967_295)).rounded(.up))
  }
}
