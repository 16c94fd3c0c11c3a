// Einstein summation: any product of tensors written by the labels of its dimensions.

import BloxIR

/// The sum of products that a specification such as `"bij,bjk->bik"` names (`jnp.einsum`).
///
/// Each letter names a dimension; equal letters run together. Letters missing from the result are summed over, a
/// letter repeated within one operand takes the diagonal, and `...` stands for dimensions that broadcast. Without
/// `->`, the result has the letters that occur once, in alphabetical order, after those of `...`.
///
/// Operands are multiplied in pairs, in the order that needs the fewest multiplications (all orders are compared for
/// up to six operands, the best next pair is taken beyond).
///
/// ```swift
/// let scores = try einsum("bqhd,bkhd->bhqk", query, key)
/// ```
///
/// - Parameter preferred: The dtype that elements are multiplied and summed in and that the result has; the promoted
///   dtype of the operands by default.
/// - Throws: ``BloxError/Code/invalidArgument`` for a malformed specification, ``BloxError/Code/shapeMismatch`` when a
///   letter stands for different sizes.
public func einsum(
  _ specification: String, _ operands: Tensor..., preferred: DType? = nil, file: String = #fileID, line: Int = #line
) throws -> Tensor {
  try einsum(specification, operands, preferred: preferred, file: file, line: line)
}

/// The sum of products of an array of tensors.
public func einsum(
  _ specification: String, _ operands: [Tensor], preferred: DType? = nil, file: String = #fileID, line: Int = #line
) throws -> Tensor {
  try located(file, line) {
    do {
      var sum = try Einsum(specification, operands, preferred)
      return try sum.evaluate()
    } catch let error as BloxError {
      throw error.at(modulePath: ModuleScope.path, location: SourceLocation(file: file, line: line))
    }
  }
}

/// A tensor whose dimensions have labels.
private struct Labelled {
  var tensor: Tensor
  /// Letters by their code; dimensions of `...` by negative numbers, -1 being the last.
  var labels: [Int]
}

private struct Einsum {
  private var terms: [Labelled] = []
  private var output: [Int] = []
  private var sizes: [Int: Int] = [:]
  private let specification: String
  /// The dtype of products and of the result.
  private let preferred: DType?

  init(_ specification: String, _ operands: [Tensor], _ preferred: DType?) throws {
    self.specification = specification
    self.preferred = preferred
    let sides = specification.filter { $0 != " " }.split(separator: "-", omittingEmptySubsequences: false)
    guard sides.count == 1 || (sides.count == 2 && sides[1].hasPrefix(">")) else {
      throw BloxError(.invalidArgument, "einsum: '\(specification)' must have the form 'ij,jk->ik'")
    }
    let inputs = sides[0].split(separator: ",", omittingEmptySubsequences: false)
    guard inputs.count == operands.count, !operands.isEmpty else {
      throw BloxError(
        .invalidArgument, "einsum: '\(specification)' names \(inputs.count) operands, but \(operands.count) were given")
    }
    let dtype = try operands.dropFirst().reduce(operands[0].dtype) { try $0.promoted(with: $1.dtype) }
    var ellipsisRank = 0
    for (text, operand) in zip(inputs, operands) {
      let labels = try parse(text, rank: operand.rank)
      ellipsisRank = max(ellipsisRank, labels.filter { $0 < 0 }.count)
      for (label, size) in zip(labels, operand.shape) { try note(label, size) }
      terms.append(Labelled(tensor: try operand.cast(to: dtype), labels: labels))
    }
    let ellipsis = (0..<ellipsisRank).map { $0 - ellipsisRank }
    output = try sides.count == 2 ? parseOutput(sides[1].dropFirst(), ellipsis) : implicitOutput(ellipsis)
  }

  /// The labels of an operand's dimensions.
  private func parse(_ text: Substring, rank: Int) throws -> [Int] {
    let parts = try letters(text)
    let named = parts.filter { $0 != nil }.count
    guard parts.contains(where: { $0 == nil }) ? named <= rank : named == rank else {
      throw BloxError(
        .shapeMismatch,
        "einsum: '\(text)' of '\(specification)' names \(named) dimensions of an operand of rank \(rank)")
    }
    let width = rank - named
    return parts.flatMap { part in part.map { [$0] } ?? (0..<width).map { $0 - width } }
  }

  /// Letters by their code, and `nil` for `...`.
  private func letters(_ text: Substring) throws -> [Int?] {
    var parts: [Int?] = []
    var rest = text[...]
    while let character = rest.first {
      if rest.hasPrefix("...") {
        rest = rest.dropFirst(3)
        parts.append(nil)
      } else if let code = character.asciiValue, character.isLetter {
        rest = rest.dropFirst()
        parts.append(Int(code))
      } else {
        throw BloxError(
          .invalidArgument, "einsum: '\(character)' in '\(specification)' is neither a letter nor part of '...'")
      }
    }
    guard parts.filter({ $0 == nil }).count <= 1 else {
      throw BloxError(.invalidArgument, "einsum: '\(text)' in '\(specification)' has '...' twice")
    }
    return parts
  }

  private mutating func note(_ label: Int, _ size: Int) throws {
    guard let known = sizes[label] else { return sizes[label] = size }
    if known == size || (label < 0 && size == 1) { return }
    guard label < 0, known == 1 else {
      let name = label < 0 ? "a dimension of '...'" : "'\(Character(UnicodeScalar(UInt8(label))))'"
      throw BloxError(.shapeMismatch, "einsum: \(name) in '\(specification)' has the sizes \(known) and \(size)")
    }
    sizes[label] = size
  }

  private func parseOutput(_ text: Substring, _ ellipsis: [Int]) throws -> [Int] {
    let labels = try letters(text).flatMap { $0.map { [$0] } ?? ellipsis }
    guard Set(labels).count == labels.count else {
      throw BloxError(.invalidArgument, "einsum: the result of '\(specification)' names a dimension twice")
    }
    for label in labels where sizes[label] == nil {
      throw BloxError(
        .invalidArgument,
        "einsum: the result of '\(specification)' names '\(Character(UnicodeScalar(UInt8(label))))', which no operand has"
      )
    }
    return labels
  }

  private func implicitOutput(_ ellipsis: [Int]) -> [Int] {
    let all = terms.flatMap(\.labels).filter { $0 >= 0 }
    return ellipsis + Set(all).filter { label in all.filter { $0 == label }.count == 1 }.sorted()
  }

  mutating func evaluate() throws -> Tensor {
    for index in terms.indices { terms[index] = try simplified(terms[index], othersAt: index) }
    for (first, second) in cheapestOrder() {
      let (a, b) = (terms[first], terms[second])
      terms.remove(at: second)
      terms.remove(at: first)
      terms.append(try product(a, b, needed: neededLabels(besides: nil)))
    }
    let result = try summed(terms[0], keeping: Set(output))
    let order = output.compactMap { result.labels.firstIndex(of: $0) }
    // Without a product nothing has the preferred dtype yet.
    let tensor = try preferred.map { try result.tensor.cast(to: $0) } ?? result.tensor
    return order == Array(order.indices) ? tensor : try tensor.transpose(order)
  }

  /// Labels that the result or another operand has.
  private func neededLabels(besides index: Int?) -> Set<Int> {
    var needed = Set(output)
    for (position, term) in terms.enumerated() where position != index { needed.formUnion(term.labels) }
    return needed
  }

  /// The operand without repeated letters, broadcast along `...`, and summed over what nobody else has.
  private func simplified(_ term: Labelled, othersAt index: Int) throws -> Labelled {
    var term = try diagonal(term)
    let shape = term.labels.map { sizes[$0] ?? 1 }
    if shape != term.tensor.shape {
      // A size of 1 that only this operand has to repeat may stay: the product broadcasts nothing by itself.
      term.tensor = try term.tensor.broadcast(to: shape)
    }
    return try summed(term, keeping: neededLabels(besides: index))
  }

  /// Keeps the elements whose indices agree where a letter is repeated.
  private func diagonal(_ term: Labelled) throws -> Labelled {
    var term = term
    while let (first, second) = repeatedLabel(term.labels) {
      let shape = term.tensor.shape
      let isEqual = try Tensor.iota(shape, axis: first) .== Tensor.iota(shape, axis: second)
      term.tensor = try select(isEqual, term.tensor, Tensor.zeros(like: term.tensor)).sum([second])
      term.labels.remove(at: second)
    }
    return term
  }

  private func repeatedLabel(_ labels: [Int]) -> (Int, Int)? {
    for (index, label) in labels.enumerated() {
      if let later = labels[(index + 1)...].firstIndex(of: label) { return (index, later) }
    }
    return nil
  }

  private func summed(_ term: Labelled, keeping kept: Set<Int>) throws -> Labelled {
    let axes = term.labels.indices.filter { !kept.contains(term.labels[$0]) }
    guard !axes.isEmpty else { return term }
    return Labelled(tensor: try term.tensor.sum(axes), labels: term.labels.removing(axes))
  }

  /// The product of two operands, summed over what is not needed any more.
  private func product(_ a: Labelled, _ b: Labelled, needed: Set<Int>) throws -> Labelled {
    let shared = a.labels.filter { b.labels.contains($0) }
    let (batch, contracted) = (shared.filter { needed.contains($0) }, shared.filter { !needed.contains($0) })
    func axes(_ labels: [Int], _ term: Labelled) -> [Int] { labels.compactMap { term.labels.firstIndex(of: $0) } }
    let dims = Op.DotDimensions(
      lhsBatch: axes(batch, a), rhsBatch: axes(batch, b), lhsContract: axes(contracted, a),
      rhsContract: axes(contracted, b), preferred: preferred)
    let free = a.labels.filter { !shared.contains($0) } + b.labels.filter { !shared.contains($0) }
    // A product of products has the preferred dtype already.
    let dtype = try a.tensor.dtype.promoted(with: b.tensor.dtype)
    let product = try a.tensor.cast(to: dtype).dotGeneral(b.tensor.cast(to: dtype), dims)
    return Labelled(tensor: product, labels: batch + free)
  }

  /// The pairs to multiply, as positions at that time, the product going to the end.
  private func cheapestOrder() -> [(Int, Int)] {
    contractionOrder(terms.map { Set($0.labels) }).order
  }

  private func contractionOrder(_ sets: [Set<Int>]) -> (order: [(Int, Int)], cost: Double) {
    guard sets.count > 1 else { return ([], 0) }
    var best: (order: [(Int, Int)], cost: Double)?
    var candidates: [(pair: (Int, Int), cost: Double, rest: [Set<Int>])] = []
    for first in sets.indices {
      for second in sets.indices where second > first {
        var rest = sets
        rest.remove(at: second)
        rest.remove(at: first)
        let joined = sets[first].union(sets[second])
        let needed = rest.reduce(Set(output)) { $0.union($1) }
        let cost = joined.reduce(1.0) { $0 * Double(sizes[$1] ?? 1) }
        candidates.append(((first, second), cost, rest + [joined.intersection(needed)]))
      }
    }
    if sets.count > 6 {
      candidates.sort { $0.cost < $1.cost }
      candidates = Array(candidates.prefix(1))
    }
    for candidate in candidates {
      let tail = contractionOrder(candidate.rest)
      let cost = candidate.cost + tail.cost
      if best == nil || cost < best?.cost ?? 0 { best = ([candidate.pair] + tail.order, cost) }
    }
    return best ?? ([], 0)
  }
}

extension Tensor {
  /// The sum of products over pairs of axes: those of `self` with those of `other`, in order (`jnp.tensordot`).
  ///
  /// - Parameter preferred: The dtype of products, sums and result; the operands' promoted dtype by default.
  public func tensordot(
    _ other: Tensor, axes: ([Int], [Int]), preferred: DType? = nil, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      let dtype = try dtype.promoted(with: other.dtype)
      let left = try axes.0.map { try Tensor.normalizedAxis($0, rank: rank, for: "tensordot") }
      let right = try axes.1.map { try Tensor.normalizedAxis($0, rank: other.rank, for: "tensordot") }
      return try cast(to: dtype).dotGeneral(
        other.cast(to: dtype), Op.DotDimensions(lhsContract: left, rhsContract: right, preferred: preferred),
        file: file,
        line: line)
    }
  }

  /// The sum of products over the last `axes` axes of `self` and the first of `other`.
  public func tensordot(
    _ other: Tensor, axes: Int, preferred: DType? = nil, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard axes >= 0, axes <= Swift.min(rank, other.rank) else {
        throw BloxError(
          .invalidAxis, "tensordot: \(axes) axes cannot be taken of \(type) and \(other.type)",
          location: SourceLocation(file: file, line: line))
      }
      return try tensordot(
        other, axes: (Array((rank - axes)..<rank), Array(0..<axes)), preferred: preferred, file: file, line: line)
    }
  }

  /// The sum of products over the last axis of `self` and the last but one of `other` (`jnp.dot`): the inner product of
  /// vectors, the matrix product of matrices, without batching beyond that.
  public func dot(
    _ other: Tensor, preferred: DType? = nil, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      guard rank > 0, other.rank > 0 else {
        let dtype = try preferred ?? dtype.promoted(with: other.dtype)
        return try cast(to: dtype) * other.cast(to: dtype)
      }
      return try tensordot(
        other, axes: ([rank - 1], [Swift.max(other.rank - 2, 0)]), preferred: preferred, file: file, line: line)
    }
  }

  /// The inner product of the flattened tensors, a scalar.
  public func vdot(_ other: Tensor, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) { try reshape([-1]).dot(other.reshape([-1])) }
  }

  /// The Kronecker product of two tensors of one rank.
  public func kron(_ other: Tensor, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) {
      guard rank == other.rank else {
        throw BloxError(
          .shapeMismatch, "kron: operands must have one rank; got \(type), \(other.type)",
          location: SourceLocation(file: file, line: line))
      }
      // [a0, a1, …, b0, b1, …] -> [a0, b0, a1, b1, …] -> [a0 b0, a1 b1, …]
      let product = try tensordot(other, axes: 0)
      let order = (0..<rank).flatMap { [$0, rank + $0] }
      return try product.transpose(order).reshape(zip(shape, other.shape).map { $0 * $1 })
    }
  }

  /// The outer product of the flattened tensors, `[count, other.count]`.
  public func outer(_ other: Tensor, file: String = #fileID, line: Int = #line) throws -> Tensor {
    try located(file, line) { try reshape([-1]).tensordot(other.reshape([-1]), axes: 0) }
  }

  /// The square root of the sum of squares over axes (all by default).
  public func norm(_ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID, line: Int = #line) throws
    -> Tensor
  {
    try located(file, line) {
      try sqrt(square(self).sum(axes, keepDimensions: keepDimensions))
    }
  }

  /// The square root of the variance over axes (all by default).
  public func standardDeviation(
    _ axes: [Int]? = nil, keepDimensions: Bool = false, file: String = #fileID, line: Int = #line
  ) throws -> Tensor {
    try located(file, line) {
      try sqrt(variance(axes, keepDimensions: keepDimensions))
    }
  }
}
